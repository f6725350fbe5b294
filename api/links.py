"""Links between the parts of the service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request
from starlette.datastructures import URL

from api.schemas import Link

RESULTS_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/results"
PROCESSES_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/processes"
JOBS_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/job-list"
EXECUTE_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/execute"
CONFORMANCE_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/conformance"

JSON: Final = "application/json"
ZIP: Final = "application/zip"


class Addresses(Protocol):
    """What absolute URLs of routes are made with: a request, or `Root`."""

    @property
    def app(self) -> Any:
        """The application whose routes they are."""

    @property
    def base_url(self) -> URL | str:
        """Where they begin."""


@dataclass(frozen=True, slots=True)
class Root:
    """Addresses for a message that no request asks for, such as a callback."""

    app: FastAPI
    base_url: str


def href(addresses: Addresses, route: str, **parts: str) -> str:
    """Absolute URL of a route, as the client reached this service."""
    path = _path(addresses.app, route, tuple(parts)).format(**parts)
    return str(addresses.base_url).rstrip("/") + path.replace("\\", "%5C")


@lru_cache(maxsize=200)
def _path(app: FastAPI, route: str, names: tuple[str, ...]) -> str:
    """Path of a route with its parts in braces: to look through all routes for each of a list's links is slow."""
    return app.url_path_for(route, **{name: f"{{{name}}}" for name in names})


def link(addresses: Addresses, rel: str, route: str, title: str, title_ja: str, **parts: str) -> Link:
    """A link to a JSON route."""
    return Link(href=href(addresses, route, **parts), rel=rel, type=JSON, title=title, title_ja=title_ja)


def page_links(request: Request, limit: int, offset: int, n_found: int) -> list[Link]:
    """The present page of a list, and the next and previous ones where there are any."""
    links = [Link(href=str(request.url), rel="self", type=JSON)]
    if n_found > limit:
        links.append(Link(href=_page(request, limit, offset + limit), rel="next", type=JSON))
    if offset > 0:
        links.append(Link(href=_page(request, limit, max(offset - limit, 0)), rel="prev", type=JSON))
    return links


def _page(request: Request, limit: int, offset: int) -> str:
    return str(request.url.include_query_params(limit=limit, offset=offset))
