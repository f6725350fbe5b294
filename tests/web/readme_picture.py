"""The READMEs' picture of the section tool: ``python -m tests.web.readme_picture`` writes docs/images/web-section.png.

A service is started, the demo's synthetic valley goes in, and Chromium looks at a line across the scar.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from shapely.geometry import shape

from api.settings import Settings
from pipelines.demo_data import demo_pair
from tests.api.office import ROOT, Thread, free_port
from tests.web.conftest import ARGUMENTS
from tests.web.reader import Reader

TARGET = ROOT / "docs" / "images" / "web-section.png"


def main() -> None:
    """Write the picture."""
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        before, after, zones, _ = demo_pair(Path(folder) / "valley")
        settings = Settings(data_dir=Path(folder) / "data", port=free_port(), workers=1)
        with Thread(settings) as service, sync_playwright() as playwright:
            client = service.client
            files = {"before": before, "after": after, "zones": zones}
            inputs = {name: client.upload(path)["id"] for name, path in files.items()}
            job = client.start("volume-change", **inputs, crs="EPSG:6676")
            client.wait_until(job, "successful", patience_s=600.0)
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
            with Reader(chromium, str(client.base_url), "ja", height=900) as reader:
                _draw(reader.open(f"#/section?job={job}"), zones)
                reader.page.screenshot(path=TARGET)
            chromium.close()


def _draw(page: Page, zones: Path) -> None:
    """A line through the first zone, from west to east."""
    zone = shape(json.loads(zones.read_text(encoding="utf-8"))["features"][0]["geometry"])
    west, _, east, _ = zone.bounds
    north = zone.centroid.y
    page.get_by_role("button", name="座標を入力").click()
    page.get_by_label("1 行に 1 点").fill(f"{north:.2f}, {west:.2f}\n{north:.2f}, {east:.2f}")
    page.get_by_role("button", name="確定").last.click()
    expect(page.get_by_role("region", name="縦断").locator("svg .line")).to_have_count(2)
    page.wait_for_timeout(3000)  # the map's tiles


if __name__ == "__main__":
    main()
