"""The 3-D view of a COPC that a job wrote, in a real browser that draws without a graphics card. Costs about 15 s."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from api.web.assets import assets
from pointcloud.cloud import PointCloud
from pointcloud.io import las
from tests.api.office import Thread
from tests.web.conftest import AXE
from tests.web.reader import Reader

N_POINTS = 150_000
WEST, SOUTH = 52_000.0, -98_400.0
TO_COPC = [
    {"type": "readers.las", "filename": "datasets", "use_eb_vlr": True},
    {"type": "writers.copc", "filename": "slope.copc.laz", "extra_dims": "all", "forward": "all"},
]
NO_WEBGL = "HTMLCanvasElement.prototype.getContext = () => null"


def height(x: np.ndarray) -> np.ndarray:
    """A slope that falls 1 in 10 to the west."""
    return 100.0 + 0.1 * (x - WEST)


@pytest.fixture(scope="module")
def job(office: Thread, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A job that wrote a slope of ground with trees, which have numbers, as COPC."""
    path = tmp_path_factory.mktemp("survey") / "slope.laz"
    rng = np.random.default_rng(5)
    x, y = WEST + 300.0 * rng.random(N_POINTS), SOUTH + 200.0 * rng.random(N_POINTS)
    is_tree = (x % 20.0 < 6.0) & (y % 20.0 < 6.0) & (rng.random(N_POINTS) < 0.7)
    z = height(x) + np.where(is_tree, 12.0 * rng.random(N_POINTS), 0.0)
    columns = {
        "Intensity": rng.integers(100, 3000, N_POINTS).astype(np.uint16),
        "Classification": np.where(is_tree, 5, 2).astype(np.uint8),
        "ReturnNumber": np.ones(N_POINTS, np.uint8),
        "NumberOfReturns": np.ones(N_POINTS, np.uint8),
        "TreeID": np.where(is_tree, 1 + (x // 20) % 97 + 100 * ((y // 20) % 89), 0).astype(np.uint32),
        "Difference": ((x - WEST) / 100.0 - 1.5).astype(np.float32),
    }
    las.write(path, PointCloud(x, y, z, columns))
    made = office.client.start("pdal-pipeline", datasets=[office.client.upload(path)["id"]], document=TO_COPC)
    office.client.wait_until(made, "successful", patience_s=120)
    return made


def settled(page: Page) -> None:
    page.wait_for_selector("canvas[data-first-frame-ms]")
    page.wait_for_selector("canvas:not([data-loading])")


def rows(page: Page, name: str) -> dict[str, str]:
    found = page.get_by_role("region", name=name, exact=True).locator("tbody tr")
    found.first.wait_for()
    return {row.locator("td").nth(0).inner_text(): row.locator("td").nth(1).inner_text() for row in found.all()}


def number(text: str) -> float:
    return float(text.replace(",", "").replace(" m", "").replace("−", "-").replace("+", ""))


@pytest.mark.slow(20)
def test_points_are_streamed_coloured_measured_and_clipped(browser: Browser, office: Thread, job: str) -> None:
    with Reader(browser, str(office.client.base_url), "en") as reader:
        page = reader.page
        ranges: list[str] = []
        page.on("request", lambda request: ranges.append(request.headers.get("range", "")))
        reader.open(f"#/job/{job}").get_by_role("link", name="See in 3-D").click()
        settled(page)
        page.get_by_role("button", name="a corner").click()
        expect(page.locator(".readout")).to_contain_text(re.compile(f"of {N_POINTS:,} points drawn$"))
        assert len([one for one in ranges if one.startswith("bytes=")]) >= 3  # header, octree, nodes
        page.get_by_role("button", name="above").click()
        settled(page)
        page.get_by_role("button", name="Point at the centre").click()
        point = rows(page, "Point")
        x, z = number(point["Y (east)"]), number(point["Height"])
        assert abs(x - (WEST + 150.0)) < 5.0
        assert -0.01 <= z - height(np.float64(x)) < 12.01  # the slope, or a tree on it; two decimals
        assert number(point["Difference"]) == pytest.approx((x - WEST) / 100.0 - 1.5, abs=1e-3)
        for choice in ("class", "intensity", "TreeID", "Difference", "height"):
            page.get_by_label("Colour by").select_option(choice)
        page.get_by_label("Colour by").select_option("class")
        expect(page.locator(".legend")).to_contain_text("2 ground")
        page.get_by_role("button", name="a corner").click()
        settled(page)
        reader.picture("view")
        page.get_by_role("button", name="above").click()
        page.get_by_label("A click").select_option("measures")
        canvas = page.locator("canvas")
        box = canvas.bounding_box()
        assert box is not None
        for share in (0.4, 0.6):
            canvas.click(position={"x": share * box["width"], "y": box["height"] / 2})
        measured = rows(page, "Measured")
        level, rise, slope = (
            number(measured[name]) for name in ("level distance", "height difference", "slope distance")
        )
        assert level > 20.0
        assert slope == pytest.approx(np.hypot(level, rise), abs=0.02)
        page.get_by_text("Clip to a section").click()
        for name, (north, east) in {"From": (SOUTH + 100, WEST + 50), "To": (SOUTH + 100, WEST + 250)}.items():
            ends = page.get_by_role("group", name=name, exact=True)
            ends.get_by_label("X (north)").fill(str(north))
            ends.get_by_label("Y (east)").fill(str(east))
        page.get_by_role("button", name="Clip", exact=True).click()
        settled(page)
        page.get_by_label("A click").select_option("tells of a point")
        found = clicked_down_the_middle(page)
        assert abs(number(found["X (north)"]) - (SOUTH + 100)) <= 1.01  # within half a width of 2 m, and two decimals
        assert number(found["Height"]) - height(np.float64(number(found["Y (east)"]))) == pytest.approx(6.0, abs=6.1)
        reader.picture("view-section")
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []


def clicked_down_the_middle(page: Page) -> dict[str, str]:
    """The point that is found first on the way from the top of the view to its bottom."""
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    for share in np.arange(0.1, 1.0, 0.02):
        canvas.click(position={"x": box["width"] / 2, "y": float(share) * box["height"]})
        nothing = page.get_by_text("There is no point.")
        expect(nothing.or_(page.get_by_role("region", name="Point", exact=True))).to_be_visible()
        if nothing.count() == 0:
            return rows(page, "Point")
    raise AssertionError("no point in the section")


def test_it_fits_a_telephone_and_tells_who_cannot_draw(browser: Browser, office: Thread, job: str) -> None:
    with Reader(browser, str(office.client.base_url), "ja", 390, 844) as reader:
        reader.open("#/jobs").get_by_role("button", name="暗い画面").click()
        page = reader.open(f"#/view/{job}")
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []
        page.add_init_script(NO_WEBGL)
        page = reader.open(f"#/view/{job}")
        expect(page.get_by_role("alert")).to_contain_text("WebGL")
        page.locator("summary", has_text="成果ファイル").click()
        expect(page.get_by_role("link", name="slope.copc.laz")).to_be_visible()


def test_the_view_is_no_part_of_the_first_load() -> None:
    page = assets()["index.html"].content.decode()
    main = next(asset.content.decode() for name, asset in assets().items() if name.startswith("main-"))
    for name in ("view-worker", "laz-perf"):
        assert any(asset.startswith(name) for asset in assets())
        assert name not in page + main
