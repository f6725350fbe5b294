"""The forest page over a real survey-to-CO2 job, and its what-if. Costs about 40 s."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from pointcloud.bounds import Bounds
from pointcloud.io import las
from pointcloud.synthetic import valley
from tests.api.office import Thread
from tests.web.conftest import AXE
from tests.web.reader import Reader

WEST, SOUTH = 51_870.0, -98_130.0
CRS = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}}
PATIENCE_MS = 120_000


def stand(name: str, species: str, age: int, west: float, east: float) -> dict[str, Any]:
    ring = [[WEST + x, SOUTH + y] for x, y in ((west, 0), (east, 0), (east, 30), (west, 30), (west, 0))]
    return {
        "type": "Feature",
        "properties": {"林小班": name, "樹種": species, "林齢": age, "施業履歴": "2015 間伐"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


@pytest.fixture(scope="module")
def job(office: Thread, tmp_path_factory: pytest.TempPathFactory) -> str:
    """CO2 of two stands and a third of a species without coefficients; the yield table is the shipped example."""
    path = tmp_path_factory.mktemp("survey") / "08ND77.laz"
    cloud = valley(density=8.0, seed=3).survey("before", bounds=Bounds(WEST, SOUTH, WEST + 40, SOUTH + 30)).cloud
    las.write(path, cloud)
    features = [
        stand("1-イ", "杉", 45, 0, 18),
        stand("1-ロ", "ヒノキ", 38, 18, 32),
        stand("2-イ", "バナナ", 20, 32, 40),
    ]
    stands = {"type": "FeatureCollection", "crs": CRS, "features": features}
    inputs = {"survey": office.client.upload(path)["id"], "stands": {"value": stands}}
    made = office.client.start(
        "forest-carbon",
        **inputs,
        methodology="FO-001 Ver. 6.2",
        survey_year=2024,
        start_year=2025,
        crs="EPSG:6676",
        n_draws=100,
    )
    office.client.wait_until(made, "successful", patience_s=120)
    return made


@pytest.mark.slow(30)
def test_figures_stands_and_coefficients_are_those_of_carbon_json(browser: Browser, office: Thread, job: str) -> None:
    claim = office.client.get(f"/jobs/{job}/results/carbon.json").json()
    with Reader(browser, str(office.client.base_url), "en") as reader:
        page = reader.open(f"#/job/{job}")
        page.get_by_role("link", name="See the forest").click()
        page.wait_for_url(re.compile("#/forest/"))
        expect(page.locator(".figure").first).to_contain_text(f"{claim['total']['credit_t']:,.1f} t-CO2")
        expect(page.locator(".warning").first).to_contain_text("not confirmed")
        expect(page.get_by_text("example, not for a claim")).to_be_visible()
        table = page.get_by_role("region", name="Stand table")
        cedar = table.get_by_role("row").filter(has_text="1-イ")
        expect(cedar).to_contain_text(f"{claim['stands'][0]['height_upper']:.1f}")
        expect(cedar).to_contain_text(f"+{claim['stands'][0]['net_t']:.1f}")
        expect(table.get_by_role("row").filter(has_text="2-イ")).to_contain_text("refused")
        coefficients = page.get_by_role("region", name="Coefficients and their status")
        row = coefficients.get_by_role("row").filter(has_text="スギ")
        for value in ("1.57", "1.23", "0.25", "0.314", "0.51", "not confirmed"):
            expect(row).to_contain_text(value)
        colour = page.get_by_label("Stands coloured by")
        expect(colour).to_have_value("by-co2")
        colour.select_option("by-class")
        expect(page.locator(".legend .key")).to_have_count(
            len({one["site_class"]["name"] for one in claim["stands"] if one["site_class"]}) + 1
        )
        colour.select_option("by-height")
        expect(page.get_by_role("button", name="Compute with these")).to_be_visible()
        reader.picture("forest")
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []
        with page.expect_response(re.compile("features.layer=crowns")):
            table.get_by_role("button", name="Show 1-イ on the map").click()
        page.locator(".maplibregl-canvas").click()
        expect(page.locator(".volume-map")).to_contain_text("Stand 1-イ 杉")
        expect(page.get_by_role("region", name="At the place clicked")).to_contain_text("Canopy height")


@pytest.mark.slow(30)
def test_other_coefficients_run_a_new_job_and_are_set_beside_this_one(
    browser: Browser, office: Thread, job: str
) -> None:
    """Twice the expansion factor gives twice the CO2 of the cedar stand, and leaves the cypress as it is."""
    claim = office.client.get(f"/jobs/{job}/results/carbon.json").json()
    with Reader(browser, str(office.client.base_url), "en") as reader:
        page = reader.open(f"#/forest/{job}")
        page.emulate_media(media="print")
        expect(page.locator(".what-if")).to_be_hidden()
        expect(page.get_by_role("region", name="Stand table")).to_be_visible()
        page.emulate_media(media="screen")
        page.get_by_label("スギ BEF from 21 years").fill("2.46")
        page.get_by_label("Name of the version").fill("NIR-2026 draft")
        page.get_by_label("Source", exact=True).fill("a trial")
        page.get_by_role("button", name="Compute with these").click()
        both = page.get_by_role("region", name="Comparison")
        expect(both).to_be_visible(timeout=PATIENCE_MS)
        cedar, cypress = claim["stands"][0]["net_t"], claim["stands"][1]["net_t"]
        expect(both.get_by_role("row").filter(has_text="1-イ")).to_contain_text(f"{2 * cedar:.1f}")
        expect(both.get_by_role("row").filter(has_text="1-ロ")).to_contain_text(f"{cypress:.1f}{cypress:.1f}0.0")
        changed = page.get_by_role("region", name="Coefficients that differ")
        expect(changed.get_by_role("row").filter(has_text="スギ")).to_contain_text("1.232.46")
        expect(changed).to_contain_text("NIR-2026 draft")
        page.get_by_role("link", name="Open the other's page").click()
        row = (
            page.get_by_role("region", name="Coefficients and their status").get_by_role("row").filter(has_text="スギ")
        )
        expect(row).to_contain_text("a trial")
        expect(row).to_contain_text("not confirmed")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("region", name="Comparison")).to_be_visible()


@pytest.mark.slow(30)
def test_the_forest_page_fits_a_telephone_in_the_dark(browser: Browser, office: Thread, job: str) -> None:
    with Reader(browser, str(office.client.base_url), "ja", 390, 844) as reader:
        page = reader.open("#/jobs")
        page.get_by_role("button", name="暗い画面").click()
        page = reader.open(f"#/forest/{job}")
        expect(page.get_by_role("button", name="この係数で計算")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if AXE.is_file():
            assert reader.violations(AXE.read_text()) == []
