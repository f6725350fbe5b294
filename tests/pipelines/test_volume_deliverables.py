"""Every file of a volume, opened by another program or held against the rules of its format. One run, about 10 s."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path

import ezdxf
import numpy as np
import openpyxl
import pyogrio
import pypdf
import pyproj
import pytest
import shapely
from lxml import etree
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from pipelines import tables
from pipelines.cli import app
from pipelines.explain import explain
from pipelines.processes import volume_exchange
from pipelines.processes.volume_parameters import Soil
from pipelines.run import run
from pointcloud.change.swell import soil_classes
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.drawing.tin_landxml import write_tin_landxml
from pointcloud.drawing.volume_words import printed_volumes
from pointcloud.errors import GeometryError, InputError, OverlapError, ParameterError
from pointcloud.grid import Grid
from pointcloud.ground.surface import terrain
from pointcloud.io import las
from pointcloud.sections.landxml import read_surfaces
from tests.oracles import spreadsheets
from tests.pipelines.conftest import E, N

CRS = {"crs": "EPSG:6676"}
CRS_8 = pyproj.CRS.from_epsg(6676)
PIT = (E + 20, N + 10, E + 40, N + 30)


def geojson(path: Path, geometry: object, name: str = "掘削 pit") -> Path:
    feature = {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(geometry)}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(slope, tmp_path_factory):
    """Folder, outputs and summary of a run with everything asked for."""
    folder = tmp_path_factory.mktemp("deliverables")
    zones = geojson(folder / "zones.geojson", shapely.box(*PIT))
    stream = geojson(folder / "stream.geojson", shapely.LineString([(E + 5, N + 20), (E + 85, N + 20)]))
    outputs = run(
        "volume-change",
        {"before": [slope.before], "after": [slope.after], "zones": [zones], "stream": [stream]},
        {**CRS, "soil": "sandy", "truck_m3": 5.5, "dam_capacity": 100.0, "project": "災害復旧 髙橋①",
         "same_heights": True},
        folder / "out",
    )  # fmt: skip
    return folder / "out", outputs


def test_the_files_are_those_listed_and_all_are_in_the_archive(made):
    folder, outputs = made
    names = {f.path for f in outputs.files}
    assert {p.name for p in folder.iterdir()} == names
    wanted = """difference.tif sigma.tif significance.tif confidence.tif volume.gpkg volume.xlsx volume.dxf
        report_ja.pdf
        report_en.pdf surfaces.xml stac-item.json chainage.png"""
    assert set(wanted.split()) <= names
    with zipfile.ZipFile(folder / "volume.zip") as archive:
        assert set(archive.namelist()) == names - {"volume.zip"}
        assert archive.read("volume.json") == (folder / "volume.json").read_bytes()


def test_volume_json_has_no_path_and_no_time(made):
    folder, _ = made
    text = (folder / "volume.json").read_text(encoding="utf-8")
    assert str(folder.parent) not in text
    assert "T00:" not in text


def test_every_formula_gives_the_value_stored_beside_it(made, monkeypatch):
    import math
    from decimal import Decimal

    from pointcloud.sections.rounding import half_up

    monkeypatch.setitem(
        spreadsheets.FUNCTIONS, "ROUND", lambda v, d: float(half_up(Decimal(repr(round(v, 9))), int(d)))
    )
    monkeypatch.setitem(spreadsheets.FUNCTIONS, "ROUNDUP", lambda v, d: math.ceil(round(v, 9)))
    monkeypatch.setitem(spreadsheets.FUNCTIONS, "SQRT", math.sqrt)
    monkeypatch.setitem(spreadsheets.FUNCTIONS, "SUMSQ", lambda column: sum(v * v for v in column))
    book = spreadsheets.Workbook(made[0] / "volume.xlsx")
    skipped = 0
    for sheet, place, stored in book.formulas():
        if "SUMSQ" in book.book[sheet][place].value:  # a row, which the small spreadsheet does not read
            skipped += 1
            continue
        np.testing.assert_allclose(book.value(sheet, place), stored, atol=1e-6, err_msg=f"{sheet}!{place}")
    assert skipped == 6
    row = [cell.value for cell in book.stored["総括表"][6]]
    net = row[5]
    assert net == row[3] - row[1]
    assert all(sheet.page_setup.paperSize == 9 for sheet in book.book)


def test_reports_are_a4_with_embedded_fonts_and_the_figures(made):
    folder, outputs = made
    for language, word in (("ja", "切土"), ("en", "Cut")):
        pages = pypdf.PdfReader(folder / f"report_{language}.pdf").pages
        text = "".join(page.extract_text() for page in pages)
        assert word in text
        assert outputs.summary["epochs"][0]["files"][0]["sha256"] in text.replace("\n", "")
        np.testing.assert_allclose(np.array(pages[0].mediabox[2:], float) / 72 * 25.4, [210, 297], atol=0.1)  # ISO 216
        fonts = [f.get_object() for page in pages for f in page["/Resources"]["/Font"].values()]
        assert all("/FontFile3" in f["/DescendantFonts"][0].get_object()["/FontDescriptor"] for f in fonts)


def test_dxf_passes_the_audit_and_holds_the_zone_in_place(made):
    drawing = ezdxf.readfile(made[0] / "volume.dxf")
    assert not drawing.audit().has_errors
    assert drawing.encoding == "cp932"
    (zone,) = drawing.modelspace().query('LWPOLYLINE[layer=="D-STR-AREA"]')
    corners = np.array([(x, y) for x, y, *_ in zone.get_points()])
    assert shapely.Polygon(corners).symmetric_difference(shapely.box(*PIT)).area < 1e-6
    heights = [c.dxf.elevation for c in drawing.modelspace().query('LWPOLYLINE[layer=="S-BGD-HICN"]')]
    assert heights
    assert all(h % 5 == 0 for h in heights)


def test_landxml_surfaces_are_counter_clockwise_north_first_and_give_the_volume(made, slope):
    surfaces = read_surfaces(made[0] / "surfaces.xml")
    assert list(surfaces) == ["ExistingGround-before", "ExistingGround"]
    volumes = []
    for corners in surfaces.values():
        a, b = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
        area = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        assert (area > 0).all()
        inside = (corners[:, :, 0] > E - 1).all() and (corners[:, :, 1] < N + 61).all()
        assert inside
        volumes.append(area.sum())
    # both cover the whole slope of 90 m x 60 m but a margin of a metre
    np.testing.assert_allclose(volumes, 90 * 60, rtol=0.05)
    text = (made[0] / "surfaces.xml").read_text("utf-8")
    north, east, _ = text.split('<P id="1">')[1].split("</P>")[0].split()
    assert float(north) < 0 < float(east)


@pytest.fixture(scope="module")
def rules():
    return etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "oracles" / "j_landxml.rng"))


def test_landxml_keeps_the_rules_of_the_schema(made, rules):
    """libxml2 checks order, attributes and types of every element."""
    tree = etree.parse(made[0] / "surfaces.xml")
    assert rules.validate(tree), rules.error_log


def test_a_surface_of_many_points_is_thinned_evenly_and_says_how_far_it_is_off(tmp_path, rules, monkeypatch):
    monkeypatch.setattr(volume_exchange, "MAX_VERTICES", 500)
    rng = np.random.default_rng(1)
    x, y = E + 90.0 * rng.random(6000), N + 60.0 * rng.random(6000)
    points = PointCloud(x, y, 200.0 + 0.3 * (x - E) + rng.normal(0.0, 0.05, x.size))
    ground = terrain(points.x, points.y, points.z, Grid(int(E), int(N), 90, 60, 1.0)).height
    surface = volume_exchange.named_surface("a", points, ground)
    rms = float(surface.remark.split("deviation ")[1].split(" m")[0])
    # of 6000 points each third of a metre off by 0.05 m the TIN keeps single ones: about the noise of one point
    assert 0.02 < rms < 0.08
    path = tmp_path / "a.xml"
    write_tin_landxml(path, [surface], CRS_8, VerticalDatum.JGD2011, datetime(2026, 4, 1), "x", "0")
    tree = etree.parse(path)
    assert rules.validate(tree), rules.error_log
    assert tree.find(".//{*}Property[@label='remark']").get("value") == surface.remark
    corners = np.unique(read_surfaces(path)["a"].reshape(-1, 3), axis=0)
    assert 250 < len(corners) <= 500
    # squares of 3.3 m over the whole: none of its quarters is left out
    assert np.bincount(2 * (corners[:, 0] - E > 45) + (corners[:, 1] - N > 30)).min() > 50


@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice on this machine")
def test_libreoffice_works_out_the_same_numbers(made, tmp_path):
    stored = openpyxl.load_workbook(made[0] / "volume.xlsx", data_only=True)
    formulas = openpyxl.load_workbook(made[0] / "volume.xlsx")
    formulas.save(tmp_path / "bare.xlsx")  # without the values stored beside the formulas
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", tmp_path / "new", tmp_path / "bare.xlsx"], check=True, capture_output=True,
                   timeout=120)  # fmt: skip
    found = openpyxl.load_workbook(tmp_path / "new" / "bare.xlsx", data_only=True)
    n = 0
    for sheet in formulas:
        for cell in (c for row in sheet.iter_rows() for c in row if str(c.value).startswith("=")):
            place = cell.coordinate
            np.testing.assert_allclose(found[sheet.title][place].value, stored[sheet.title][place].value, atol=1e-6)
            n += 1
    assert n > 50


def test_geopackage_has_zones_and_patches(made):
    folder, outputs = made
    meta, _, wkb, columns = pyogrio.raw.read(folder / "volume.gpkg", layer="patches")
    table = dict(zip(meta["fields"], columns, strict=True))
    assert list(table["name"]) == [p["name"] for p in outputs.summary["material"]["patches"]]
    np.testing.assert_allclose(shapely.area(shapely.from_wkb(wkb)), table["area_m2"], rtol=1e-9)
    assert pyogrio.read_info(folder / "volume.gpkg", layer="zones")["features"] == 1


def test_stac_item_is_valid(made):
    from pystac import STACObjectType
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    item = json.loads((made[0] / "stac-item.json").read_text("utf-8"))
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, item["stac_version"])
    assert 34 < item["bbox"][1] < 36
    assert 138 < item["bbox"][0] < 140


def test_the_pit_is_the_one_patch_and_the_stream_carries_it(made, slope):
    material = made[1].summary["material"]
    patch = material["patches"][0]
    assert (patch["name"], patch["kind"]) == ("S1", "source")
    # whatever else is called a patch is small: the slope's ends are noisier than its middle
    assert all(p["volume_m3"] < 0.05 * slope.pit_m3 for p in material["patches"][1:]), material["patches"]
    assert patch["volume_m3"] == pytest.approx(slope.pit_m3, rel=0.05)  # its faint rim lies below the noise
    assert material["balance"]["lost_m3"] == pytest.approx(slope.pit_m3, rel=0.08)
    assert material["stream"]["reaches"][-1]["carried_m3"] == pytest.approx(slope.pit_m3, rel=0.05)
    row = material["soil"]["volumes"][0]
    assert row["loose_m3"] == pytest.approx(1.2 * row["bank_m3"])
    assert material["dam"]["left_m3"] == 100.0 - material["balance"]["deposit_m3"]


def test_the_classes_of_soil_are_those_of_the_table():
    assert set(Soil.__args__) == set(soil_classes())


def test_explain_finds_nothing_in_the_same_and_the_one_cause_of_a_change(made):
    summary = made[1].summary
    same = explain(summary, summary)
    assert same["differences"] == []
    assert same["volumes"][0]["net"]["difference_m3"] == 0.0
    other = json.loads(json.dumps(summary))
    other["parameters"] |= {"cell": 1.0, "project": "x"}
    other["total"]["net_m3"] += 5.0
    found = explain(summary, other)
    assert found["only_cause"] == "parameter cell"
    parts = found["volumes"][0]["parts"]
    assert sum(v for v in parts.values() if v) == pytest.approx(5.0)


def test_explain_prints_what_the_papers_print_within_80_columns(made, tmp_path, monkeypatch):
    summary = json.loads(json.dumps(made[1].summary))
    summary["total"] |= {"cut_m3": 1_003_790.6, "fill_m3": 23.5, "net_m3": -1_003_767.1}
    summary["parameters"]["cell"] = 1.0
    summary["epochs"][0]["files"] = [{"name": "08ND7712_" * 12 + ".laz", "sha256": "x", "n_points": 1}]
    (tmp_path / "volume.json").write_text(json.dumps(summary), encoding="utf-8")
    monkeypatch.setattr(tables, "CONSOLE", Console(width=80))
    done = CliRunner().invoke(app, ["explain", str(made[0]), str(tmp_path)])
    assert done.exit_code == 0, done.output
    papers = printed_volumes(made[1].summary["total"]), printed_volumes(summary["total"])
    lines = done.stdout.splitlines()
    for kind in ("cut", "fill", "net"):
        shown = next(line.split()[2:4] for line in lines if kind in line.split())
        assert shown == [one[kind] for one in papers]
    assert max(map(cell_len, lines)) <= 80
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize(("polygon", "kind"), [
    (shapely.box(E + 5000, N, E + 5010, N + 10), OverlapError),
    (shapely.Polygon([(E + 10, N + 10), (E + 30, N + 30), (E + 30, N + 10), (E + 10, N + 30)]), GeometryError),
])  # fmt: skip
def test_zones_outside_or_crossing_themselves_are_refused(slope, tmp_path, polygon, kind):
    zones = geojson(tmp_path / "zones.geojson", polygon)
    with pytest.raises(kind) as caught:
        run(
            "volume-change", {"before": [slope.before], "after": [slope.after], "zones": [zones]}, CRS, tmp_path / "out"
        )
    assert caught.value.ja
    assert list(tmp_path.iterdir()) == [zones]


def test_a_survey_of_one_point_is_refused(slope, tmp_path):
    cloud = las.read(slope.after)
    las.write(tmp_path / "one.laz", cloud.take(np.arange(1)), version="1.2", point_format=1)
    with pytest.raises(InputError, match="1 points"):
        run("volume-change", {"before": [slope.before], "after": [tmp_path / "one.laz"]}, CRS, tmp_path / "out")


@pytest.mark.parametrize(("parameters", "message"), [
    ({"before_date": "2021-07-06", "after_date": "2019-12-01"}, "swapped"),
    ({"truck_m3": 5.0}, "soil"), ({"loose_ratio": 1.2}, "compacted_ratio"), ({"dam_zone": "x"}, "dam_capacity"),
])  # fmt: skip
def test_statements_that_contradict_each_other_are_refused(slope, tmp_path, parameters, message):
    with pytest.raises(ParameterError, match=message):
        run(
            "volume-change", {"before": [slope.before], "after": [slope.after]}, {**CRS, **parameters}, tmp_path / "out"
        )
