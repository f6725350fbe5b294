"""Data and jobs in a real browser, over a real service with a real worker. Costs about 12 s on a quiet machine."""

from __future__ import annotations

import re
from pathlib import Path

import laspy
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.office import Thread
from tests.web.conftest import AXE
from tests.web.reader import Reader


@pytest.fixture(scope="module")
def tile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LAZ tile of 2,500 points that states no CRS, in plane rectangular zone VIII."""
    path = tmp_path_factory.mktemp("tile") / "valley_before.laz"
    header = laspy.LasHeader(version="1.2", point_format=3)
    header.scales = np.array([0.01, 0.01, 0.01])
    survey = laspy.LasData(header)
    x, y = (part.ravel().astype(np.float64) for part in np.meshgrid(np.arange(50), np.arange(50)))
    survey.x, survey.y, survey.z = 52_000.0 + x, -98_400.0 + y, 300.0 + 0.1 * x
    survey.write(path)
    return path


def upload(page: Page, *paths: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(list(paths))
    expect(page.locator(".uploads li", has_text="登録済み")).to_have_count(len(paths))


def start_sleeping(page: Page, reader: Reader) -> str:
    """A job that sleeps until it is ended; its id."""
    reader.open("#/order/rehearsal")
    page.locator("[data-field=action] select").select_option("sleep")
    page.locator("[data-field=seconds] input").fill("9")
    page.get_by_role("button", name="処理を開始").click()
    page.wait_for_url(re.compile("#/job/"))
    return page.url.rpartition("/")[2]


def test_a_file_is_added_and_tells_what_it_is(reader: Reader, tile: Path) -> None:
    page = reader.open("#/data")
    expect(page).to_have_title("データ - tengun 点群")
    upload(page, tile)
    found = page.get_by_role("row", name="valley_before.laz")
    expect(found).to_contain_text("2,500 点")
    expect(found).to_contain_text("平面直角座標系 VIII 系 (EPSG:6676)")
    page.get_by_label("valley_before.laz を選択").check()
    expect(page.get_by_role("link", name="地形モデルを作成")).to_be_visible()


def test_a_broken_file_is_refused_with_what_to_do(reader: Reader, tmp_path: Path) -> None:
    broken = tmp_path / "broken.laz"
    broken.write_bytes(b"LASF and nothing more")
    page = reader.open("#/data")
    page.locator("input[type=file]").first.set_input_files(broken)
    line = page.locator(".uploads li")
    expect(line.locator(".problem")).to_contain_text("broken.laz")
    expect(line.get_by_role("button", name="再試行")).to_be_visible()


@pytest.mark.slow(15)
def test_a_job_is_started_from_its_form_and_cancelled(reader: Reader, running: Thread) -> None:
    job = start_sleeping(reader.page, reader)
    page = reader.page
    expect(page.locator(".badge.running")).to_be_visible()
    expect(page.locator(".stages li.running")).to_be_visible()
    page.get_by_role("button", name="中止").click()
    expect(page.locator(".badge.dismissed")).to_be_visible()
    assert running.client.status(job)["status"] == "dismissed"
    page.get_by_role("link", name="ジョブ一覧").click()
    row = page.get_by_role("row").filter(has_text=job[:8])
    expect(row).to_contain_text("中止")
    expect(row.get_by_role("button")).to_have_count(0)


def test_results_can_be_saved(reader: Reader) -> None:
    page = reader.open("#/order/rehearsal")
    page.locator("[data-field=action] select").select_option("write")
    page.get_by_role("button", name="処理を開始").click()
    expect(page.locator(".badge.successful")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="全ファイルを ZIP で保存").click()
    assert started.value.suggested_filename.endswith(".zip")


def test_the_form_says_what_is_wrong_beside_the_field(reader: Reader) -> None:
    page = reader.open("#/order/rehearsal")
    page.locator("[data-field=seconds] input").fill("-1")
    page.get_by_role("button", name="処理を開始").click()
    expect(page.locator("[data-field=seconds] .problem")).not_to_be_empty()
    expect(page.locator("[data-field=seconds] input")).to_be_focused()


def test_an_area_is_named_by_map_sheets(reader: Reader, running: Thread) -> None:
    page = reader.open("#/order/rehearsal")
    page.locator("summary", has_text="任意のデータ").click()
    codes = page.get_by_label("または図郭コードで指定")
    codes.fill("08NF2370 09KD12")
    page.get_by_role("button", name="処理を開始").click()
    expect(page.locator("[data-field=zones] .problem")).to_contain_text("一つの系")
    codes.fill("08NF2370、08nf2379")
    page.get_by_role("button", name="処理を開始").click()
    page.wait_for_url(re.compile("#/job/"))
    (area,) = running.client.status(page.url.rpartition("/")[2])["inputs"]
    dataset = running.client.get(f"/datasets/{area['dataset']}").json()
    assert dataset["info"]["names"] == ["08NF2370", "08NF2379"]
    assert dataset["info"]["problems"] == []


def test_an_area_is_drawn_by_its_coordinates(reader: Reader, running: Thread, tmp_path: Path) -> None:
    outline = tmp_path / "area.geojson"
    outline.write_text(
        '{"type":"Feature","properties":{"name":"北"},"geometry":{"type":"Polygon","coordinates":'
        "[[[139.07,35.11],[139.08,35.11],[139.08,35.12],[139.07,35.11]]]}}"
    )
    page = reader.open("#/order/rehearsal")
    page.locator("summary", has_text="任意のデータ").click()
    zones = page.locator("[data-field=zones]")
    zones.locator("summary", has_text="地図に描く").click()
    zones.locator("input[type=file]").set_input_files(outline)
    expect(zones.locator("summary", has_text="頂点 3 点 (VIII 系)")).to_be_visible()
    zones.get_by_role("button", name="座標を入力").click()
    text = zones.locator("textarea")
    text.fill("-98400, 52000\n-98300")
    zones.get_by_role("button", name="確定").last.click()
    expect(zones.locator(".drawing .problem").last).to_contain_text("2 つの数値")
    text.fill("-98400, 52000\n-98300, 52000\n-98300, 52100")
    zones.get_by_role("button", name="確定").last.click()
    expect(zones).to_contain_text("5,000.0 m²")
    page.get_by_role("button", name="処理を開始").click()
    page.wait_for_url(re.compile("#/job/"))
    (area,) = running.client.status(page.url.rpartition("/")[2])["inputs"]
    info = running.client.get(f"/datasets/{area['dataset']}").json()["info"]
    assert (info["names"], info["problems"]) == (["北", "2"], [])


def test_files_of_a_folder_make_a_survey_and_the_reader_says_where_it_lies(
    reader: Reader, running: Thread, tile: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "2021" / "ALB"
    folder.mkdir(parents=True)
    (folder / "river.laz").write_bytes(tile.read_bytes())
    page = reader.open("#/data")
    page.locator("input[type=file]").nth(1).set_input_files(tmp_path)
    page.get_by_label("2021 ALB 航空レーザ測深 をすべて選択").check()
    (river,) = [one for one in running.client.get("/datasets").json()["datasets"] if one["name"] == "river.laz"]
    assert (river["method"], river["epoch"]) == ("ALB", "2021")
    page.get_by_role("row", name="river.laz").get_by_role("button", name="候補を地図で見る").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile(r"これを使う.* VIII 系")).click()
    expect(page.get_by_role("row", name="river.laz")).to_contain_text("EPSG:6676) と回答済み")
    page.get_by_role("link", name="地形モデルを作成").click()
    page.wait_for_url(re.compile("order/terrain-model.*crs=EPSG"))


def test_both_languages_and_the_keyboard(browser: Browser, running: Thread) -> None:
    with Reader(browser, str(running.client.base_url), language="en") as reader:
        page = reader.open("#/jobs")
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.get_by_role("button", name="日本語").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("ジョブ一覧")
        expect(page.locator("html")).to_have_attribute("lang", "ja")
        page.get_by_role("button", name="暗い画面").press("Enter")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("ジョブ一覧")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_mistyped_address_and_a_failure_that_no_page_awaits(browser: Browser, running: Thread) -> None:
    with Reader(browser, str(running.client.base_url), language="en") as reader:
        for place in ("#/%", "#/toString"):
            page = reader.open(place)
            expect(page.get_by_role("heading", level=1)).to_have_text("Data")
        page.evaluate("setTimeout(() => Promise.reject(new Error('nobody waits for this')))")
        expect(page.locator("main > .problem")).to_have_text("nobody waits for this")
        assert reader.errors == ["nobody waits for this"]
        reader.errors.clear()


@pytest.mark.parametrize(("width", "theme"), [(1366, "light"), (390, "dark")])
def test_pages_are_accessible_and_fit_the_screen(browser: Browser, running: Thread, width: int, theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core (make web fetches it from the lock file)")
    axe = AXE.read_text()
    with Reader(browser, str(running.client.base_url), "ja", width=width) as reader:
        for place in ("#/data", "#/order", "#/order/rehearsal", "#/jobs"):
            page = reader.open(place)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            assert reader.violations(axe) == [], place
            reader.picture(place.strip("#/").replace("/", "-"))
