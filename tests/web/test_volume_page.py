"""From two files to a volume on the map, then to sections, in the browser, with part of a pair. About 25 s."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
import rasterio
from playwright.sync_api import Browser, Page, expect
from pyproj import Transformer
from shapely.affinity import translate
from shapely.geometry import mapping, shape

from pointcloud.bounds import Bounds
from pointcloud.io import las
from pointcloud.synthetic import valley
from tests.api.office import Thread
from tests.conftest import SHARED_DATA
from tests.web.conftest import AXE
from tests.web.reader import Reader

PATIENCE_MS = 180_000
WEST, SOUTH, EAST, NORTH = 52_045.0, -98_360.0, 52_175.0, -98_240.0
"""The part with the scar."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Both surveys about the scar, and its zone: of the real pair, of the synthetic valley where that is absent."""
    folder = tmp_path_factory.mktemp("pair")
    zones = (_real_pair if SHARED_DATA.is_dir() else _synthetic_pair)(folder)
    zones["features"] = [one for one in zones["features"] if one["properties"]["name"] == "scar"]
    (folder / "zones.geojson").write_text(json.dumps(zones))
    return [folder / "slide_before.laz", folder / "slide_after.laz", folder / "zones.geojson"]


def _real_pair(folder: Path) -> dict[str, Any]:
    for name in ("slide_before.laz", "slide_after.laz"):
        survey = laspy.read(SHARED_DATA / "pairs" / name)
        is_inside = (survey.x > WEST) & (survey.x < EAST) & (survey.y > SOUTH) & (survey.y < NORTH)
        survey.points = survey.points[is_inside]
        survey.write(folder / name)
    return dict(json.loads((SHARED_DATA / "pairs" / "slide_zones.geojson").read_text()))


def _synthetic_pair(folder: Path) -> dict[str, Any]:
    """The valley moved so that its scar lies in the middle of the part."""
    scene = valley(density=6.0)
    zones: dict[str, Any] = scene.truth.zones_geojson()
    scar = next(one for one in zones["features"] if one["properties"]["name"] == "scar")
    centre = shape(scar["geometry"]).centroid
    east, north = round((WEST + EAST) / 2 - centre.x), round((SOUTH + NORTH) / 2 - centre.y)
    scar["geometry"] = mapping(translate(shape(scar["geometry"]), east, north))
    around = Bounds(WEST - east, SOUTH - north, EAST - east, NORTH - north)
    for epoch in ("before", "after"):
        cloud = scene.survey(epoch, bounds=around).cloud
        moved = replace(cloud, x=cloud.x + east, y=cloud.y + north, crs=None)
        las.write(folder / f"slide_{epoch}.laz", moved, version="1.2", point_format=1)
    return zones


@pytest.fixture(scope="module")
def job(browser: Browser, office: Thread, files: list[Path]) -> str:
    """The job of a reader who brought the files, was asked for the reference system, and waited."""
    with Reader(browser, str(office.client.base_url), "ja") as reader:
        page = reader.open("#/data")
        page.locator("input[type=file]").first.set_input_files(files)
        expect(page.locator(".uploads li", has_text="登録済み")).to_have_count(3)
        for path in files:
            page.get_by_label(f"{path.name} を選択").check()
        page.get_by_role("link", name="土量変化を計算").click()
        before = page.locator("[data-field=before] input:checked")
        expect(before).to_have_count(1)
        page.locator("[data-field=cell] input").fill("1")
        start = page.get_by_role("button", name="処理を開始")
        start.click()
        expect(page.locator("[data-field=crs] .problem")).to_have_text("選択してください。")
        page.locator("[data-field=crs] select").select_option("EPSG:6676")
        page.get_by_role("button", name="見積り").click()
        expect(page.get_by_text("所要 約")).to_be_visible()
        start.click()
        page.wait_for_url(re.compile("#/job/"))
        expect(page.get_by_role("link", name="土量の結果を見る")).to_be_visible(timeout=PATIENCE_MS)
        return page.url.rpartition("/")[2]


@pytest.mark.slow(20)
def test_the_figures_are_those_of_volume_json(browser: Browser, office: Thread, job: str) -> None:
    result = office.client.get(f"/jobs/{job}/results/volume.json").json()
    with Reader(browser, str(office.client.base_url), "en") as reader:
        page = reader.open(f"#/volume/{job}")
        (zone,) = result["zones"]
        row = page.get_by_role("region", name="Zones").get_by_role("row", name=re.compile("^scar"))
        expect(row).to_contain_text(f"{zone['cut_m3']:,.0f}")
        net = round(zone["cut_m3"]) - round(zone["fill_m3"])  # of what stands beside it, as the report prints it
        expect(row).to_contain_text(f"−{net:,}")
        low, high = zone["cut_ci95_m3"]
        expect(row).to_contain_text(f"{low:,.0f} to {high:,.0f}")
        expect(page.locator(".figure.cut")).to_contain_text(f"{result['total']['cut_m3']:,.0f}")
        expect(page.locator(".methods table")).to_have_count(1)
        with page.expect_response(re.compile(r"tiles/.*least=0\.9")) as tile:
            slider = page.get_by_label("Level of detection", exact=False)
            slider.fill("0.9")
            slider.dispatch_event("change")
        assert tile.value.status in (200, 204)
        clicked(page)
        values = page.get_by_role("region", name="At the place clicked")
        for name in ("before", "after", "deviation", "confidence"):
            expect(values).to_contain_text(re.compile(name, re.IGNORECASE))
        page.locator("summary", has_text="Look up coordinates").click()
        page.get_by_label("X (north) m").fill(
            f"{(SOUTH + NORTH) / 2 + 0.5}"
        )  # as a click, for the keyboard; a cell's centre
        page.get_by_label("Y (east) m").fill(f"{(WEST + EAST) / 2 + 0.5}")
        page.get_by_role("button", name="Look up").click()
        expect(page.locator(".place")).to_contain_text("52,110.50 m")
        lat, lon = (float(part) for part in re.findall(r"([\d.]+)°", page.locator(".place").inner_text()))
        there = office.client.get(f"/jobs/{job}/values/{lon}/{lat}").json()["values"]
        expect(values.get_by_role("row", name="Terrain before")).to_contain_text(f"{there['dtm_before.tif']:.3f}")
        page.get_by_label("Swipe", exact=False).fill("40")
        expect(page.locator(".swipe-cover")).to_have_attribute("style", re.compile("60%"))
        reader.picture("volume")
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []


@pytest.mark.slow(20)
def test_the_map_finds_sheets_and_tells_places(browser: Browser, office: Thread, job: str) -> None:
    with Reader(browser, str(office.client.base_url), "ja", width=390, height=844) as reader:
        page = reader.open(f"#/map?job={job}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_label("図郭コード").fill("no sheet")
        page.get_by_role("button", name="検索").click()
        expect(page.locator(".search .problem")).to_contain_text("08ND7783")
        page.get_by_label("図郭コード").fill("08nf2370")
        page.get_by_role("button", name="検索").click()
        expect(page.locator(".search .problem")).to_be_hidden()
        clicked(page)
        text = page.locator(".place").inner_text()
        north, east = (float(part.replace(",", "")) for part in re.findall(r"\((?:北|東)\) (-?[\d,.]+) m", text))
        lat, lon = (float(part) for part in re.findall(r"([\d.]+)°", text))
        true = Transformer.from_crs(4326, 6676, always_xy=True).transform(lon, lat)
        assert (east, north) == pytest.approx(true, abs=0.02)  # what two decimals and seven of a degree can tell
        assert 52_000 <= east <= 52_400  # sheet 08NF2370, whose middle was clicked
        assert -98_400 <= north <= -98_100
        reader.picture("map")
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []


@pytest.mark.slow(20)
def test_a_profile_has_the_heights_of_the_terrain(browser: Browser, office: Thread, job: str, tmp_path: Path) -> None:
    """The line goes along a row of cells' centres, so that heights are those of cells."""
    terrains = []
    for name in ("dtm_before.tif", "dtm_after.tif"):
        (tmp_path / name).write_bytes(office.client.get(f"/jobs/{job}/results/{name}").content)
        with rasterio.open(tmp_path / name) as source:
            row, column = source.index(WEST + 20.5, NORTH - 45.5)
            terrains.append(source.read(1)[row, column : column + 81].astype(np.float64))
    with Reader(browser, str(office.client.base_url), "ja", width=390, height=844) as reader:
        page = reader.open(f"#/section?job={job}")
        page.get_by_role("button", name="座標を入力").click()
        page.get_by_label("1 行に 1 点").fill(f"{NORTH - 45.5}, {WEST + 20.5}\n{NORTH - 45.5}\t{WEST + 100.5}")
        page.get_by_role("button", name="確定").last.click()
        profile = page.get_by_role("region", name="縦断")
        expect(profile.locator("svg .line")).to_have_count(2)
        assert f"line={WEST + 20.5:.2f}" in page.url  # the address shows a colleague the same line
        for at in (17, 60):
            profile.get_by_label("断面上の位置").fill(str(at))
            page.locator("canvas.maplibregl-canvas").hover(position={"x": 9, "y": 9})  # beside the line
            expect(profile.locator(".heights")).to_contain_text(re.compile(r"標高 -?[\d.,]+ m.*標高 -?[\d.,]+ m"))
            told = [
                float(height) for height in re.findall(r"標高 (-?[\d.,]+) m", profile.locator(".heights").inner_text())
            ]
            assert told == pytest.approx([terrain[at] for terrain in terrains], abs=0.006)  # told to the centimetre
        change = np.interp(np.arange(0.0, 80.0, 1e-3), np.arange(81.0), terrains[1] - terrains[0])
        cut, fill = (float(np.maximum(sign * change, 0.0).sum() * 1e-3) for sign in (-1.0, 1.0))
        figures = [float(one.replace(",", "")) for one in re.findall(r"([\d.,]+) m²", profile.inner_text())]
        assert figures == pytest.approx([cut, fill], abs=0.06)  # told to 0.1 m2
        reader.picture("section")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        crossing = page.get_by_role("region", name="横断")
        crossing.get_by_role("button", name="次の測点").click()
        expect(crossing.get_by_role("combobox")).to_have_value("1")
        with page.expect_request(lambda one: "/execution" in one.url) as ordered:
            page.get_by_role("button", name="図面を作成").click()
        page.wait_for_url(re.compile("#/job/"))
        office.client.delete(f"/jobs/{page.url.rpartition('/')[2]}")
        inputs = ordered.value.post_data_json["inputs"]
        assert (inputs["interval"], inputs["left"], inputs["crs"]) == (20, 15, "EPSG:6676")
        (feature,) = inputs["line"]["value"]["features"]
        assert feature["geometry"]["coordinates"] == [[WEST + 20.5, NORTH - 45.5], [WEST + 100.5, NORTH - 45.5]]
        used = {one["input"]: one["dataset"] for one in office.client.status(job)["inputs"]}
        assert (inputs["before"], inputs["survey"]) == ([used["before"]], [used["after"]])


@pytest.mark.slow(20)
def test_a_line_is_drawn_and_its_profile_follows(browser: Browser, office: Thread, job: str) -> None:
    with Reader(browser, str(office.client.base_url), "en") as reader:
        page = reader.open(f"#/section?job={job}")
        page.get_by_role("button", name="Draw a line").click()
        canvas = page.locator(".maplibregl-canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.click(x - 40, y - 30)
        page.mouse.click(x, y)
        page.mouse.move(x + 40, y + 30)
        page.mouse.dblclick(x + 40, y + 30)
        profile = page.get_by_role("region", name="Profile")
        expect(profile.locator("svg .line")).to_have_count(2)
        size = page.locator(".shape .control span")
        before = float(size.inner_text().removesuffix(" m"))
        canvas.scroll_into_view_if_needed()
        page.mouse.move(x + 40, y + 30)
        page.mouse.down()
        with page.expect_response(re.compile("/profile")):  # before the button is let go
            page.mouse.move(x + 60, y + 60, steps=3)
        page.mouse.up()
        expect(size).not_to_have_text(f"{before:,.2f} m")
        assert float(size.inner_text().removesuffix(" m")) > before
        page.mouse.move(x - 20, y - 15)  # half-way of the first part, where the line lies
        expect(profile.locator(".heights")).to_contain_text("distance")
        page.locator("summary", has_text="3 corners").click()
        with page.expect_response(re.compile("/profile")):
            page.get_by_label("Remove corner 2").click()
        expect(page.locator("summary", has_text="2 corners")).to_be_visible()
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []


def clicked(page: Page) -> None:
    """Click into the middle of the map once it has been drawn."""
    canvas = page.locator(".maplibregl-canvas").first  # over it may lie that of the terrain before
    canvas.scroll_into_view_if_needed()
    canvas.click()
    page.locator(".place").wait_for()
