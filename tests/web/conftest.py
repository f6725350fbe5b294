"""Fixtures of the web app's tests: a running service and Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from api.settings import Settings
from tests.api.office import CATALOG, ROOT, Thread, free_port, serving
from tests.web.reader import Reader

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",  # there is no graphics card: only WebGL need be reckoned as if there were
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # a closed network: there is nobody but the service
)
expect.set_options(timeout=20_000)  # a busy machine takes its time
AXE = ROOT / "api" / "web" / "source" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; a new profile each time."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    try:
        playwright = sync_playwright().start()
    except Error as error:
        pytest.skip(f"Playwright's driver does not start (Debian: apt install libatomic1): {error.message[:80]}")
    chromium = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
    yield chromium
    chromium.close()
    playwright.stop()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    """A service with the rehearsal process, which runs as long as a test wants it to."""
    folder = tmp_path_factory.mktemp("web") / "data"
    with serving(Settings(data_dir=folder, port=free_port(), catalog=CATALOG, workers=1, stop_grace_s=0.5)) as service:
        yield service


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    """A service with the shipped processes, for the tests of one file."""
    with serving(Settings(data_dir=tmp_path_factory.mktemp("office") / "data", port=free_port(), workers=1)) as service:
        yield service


@pytest.fixture
def reader(browser: Browser, running: Thread, tmp_path: Path) -> Iterator[Reader]:
    """Someone who reads Japanese and looks at the app of that service."""
    with Reader(browser, str(running.client.base_url), language="ja") as one:
        yield one
