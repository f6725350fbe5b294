"""Someone before the app in a browser that notes what must never happen: errors and requests to other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, Request

_PICTURES: Final = Path(__file__).resolve().parents[2] / "build" / "screenshots"
_SIZES: Final = ((1366, 768), (390, 844))


class Reader:
    """A page of the app; when it is left, it must have met no error and asked no other server for anything."""

    def __init__(self, browser: Browser, service: str, language: str, width: int = 1366, height: int = 768) -> None:
        self._service = service.rstrip("/")
        locale = {"ja": "ja-JP", "en": "en-GB"}[language]
        self._context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, accept_downloads=True
        )
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self._note(line.type, line.text))
        self._context.on("request", self._note_outside)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._context.close()
        if kind is None:
            assert self.outside == []
            assert self.errors == []

    def open(self, place: str) -> Page:
        """Go to a page of the app, such as ``#/data``."""
        self.page.goto("about:blank")  # or a new hash alone would not load anything
        self.page.goto(f"{self._service}/app/{place}")
        self.page.wait_for_selector("main[data-ready]")
        return self.page

    def violations(self, axe: str) -> list[dict[str, Any]]:
        """What axe-core finds against WCAG 2.2 A and AA."""
        self.page.evaluate(axe)
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = self.page.evaluate("rules => axe.run({runOnly: rules})", rules)
        return [{"id": one["id"], "at": [node["html"] for node in one["nodes"]]} for one in found["violations"]]

    def picture(self, name: str) -> None:
        """Keep what an office screen and a telephone show, under ``build/screenshots``, for people to look at."""
        own = self.page.viewport_size
        for width, height in _SIZES:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.screenshot(path=_PICTURES / f"{name}-{width}.png", full_page=True)
        if own is not None:
            self.page.set_viewport_size(own)

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # refusals, which the page shows itself
            self.errors.append(text)

    def _note_outside(self, request: Request) -> None:
        if not request.url.startswith((self._service, "blob:", "data:", "about:")):
            self.outside.append(request.url)
