"""What is served of the app, and that it was made from the sources beside it."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from api.web.assets import assets
from tests.api.office import ROOT, Thread

SOURCE = ROOT / "api" / "web" / "source"
STATIC = ROOT / "api" / "web" / "static"
FIRST_LOAD_BYTES = 2_000_000


def test_a_browser_is_led_to_the_app_and_a_machine_is_not(running: Thread) -> None:
    browser = running.client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser.status_code == 303
    assert browser.headers["location"] == "app/"
    for accept in ("*/*", "application/json", "text/html, application/json"):
        assert running.client.get("/", headers={"Accept": accept}).json()["links"]


def test_files_are_compressed_kept_and_fenced_in(running: Thread) -> None:
    page = running.client.get("/app/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"
    assert "http" not in page.text.replace("http-equiv", "")
    (script,) = [name for name in assets() if name.startswith("main-")]
    answer = running.client.get(f"/app/{script}")
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == (STATIC / script).read_bytes()
    plain = running.client.get(f"/app/{script}", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content


@pytest.mark.parametrize("path", ["/app/..%2fassets.py", "/app/%2e%2e/assets.py", "/app/nothing.js", "/app/a/b"])
def test_nothing_but_the_app_is_served(running: Thread, path: str) -> None:
    assert running.client.get(path).status_code == 404


def test_everything_together_is_smaller_than_two_megabytes() -> None:
    assert sum(len(asset.compressed) for asset in assets().values()) < FIRST_LOAD_BYTES
    for asset in assets().values():
        assert gzip.decompress(asset.compressed) == asset.content


def test_the_built_files_were_made_from_these_sources() -> None:
    """After a change of the sources `make web` is due."""
    stated = dict(reversed(line.split("  ")) for line in (STATIC / "sources.txt").read_text().splitlines())
    paths = [
        SOURCE / "build.mjs",
        SOURCE / "package-lock.json",
        *(p for p in (SOURCE / "src").rglob("*") if p.is_file()),
    ]
    present = {path.relative_to(SOURCE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert stated == present


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (SOURCE / "node_modules").is_dir():
        pytest.skip("no Node or no packages of the lock file (make web); the app is served as built")
    built = tmp_path / "static"
    subprocess.run(["node", "build.mjs", str(built)], cwd=SOURCE, check=True, timeout=60)
    names = sorted(path.name for path in STATIC.iterdir())
    assert sorted(path.name for path in built.iterdir()) == names
    for name in names:
        assert (built / name).read_bytes() == (STATIC / name).read_bytes(), name
