"""Cross-sections end to end: synthetic ground with known sections, real surveys, bad input. About 25 s."""

from __future__ import annotations

import json
import math

import ezdxf
import numpy as np
import openpyxl
import pytest
import rasterio
import typer
from pyproj import CRS
from typer.testing import CliRunner

from pipelines import catalog, cli_sections, section_ground
from pipelines.measuring import measured
from pipelines.process import Context
from pipelines.processes.sections import SectionParameters, Sections
from pipelines.progress import Progress
from pointcloud.cloud import PointCloud
from pointcloud.errors import CrsError, GeometryError, InputError, OverlapError, ParameterError
from pointcloud.ground.classify import classify
from pointcloud.io import las
from pointcloud.sections.strips import ground_surface

pytestmark = pytest.mark.slow(20)

E0, N0 = 52_000.0, -98_000.0


def height(x, y):
    return 50 + 0.1 * (x - E0) + 0.05 * (y - N0)


def write_survey(path, dig=0.0, x0=0.0, x1=120.0, seed=1):
    """A plane, ``dig`` metres lower for 40 < easting < 80; every 20th point is a tree 8 m high."""
    rng = np.random.default_rng(seed)
    n = int((x1 - x0) * 80 * 4)
    x, y = E0 + rng.uniform(x0, x1, n), N0 + rng.uniform(0, 80, n)
    z = height(x, y) - np.where((x > E0 + 40) & (x < E0 + 80), dig, 0.0)
    classes = np.full(n, 2, np.uint8)
    z[::20] += 8.0
    classes[::20] = 5
    las.write(path, PointCloud(x, y, z, {"Classification": classes}, CRS.from_epsg(6676)))
    return path


def write_line(path, *points, name="測線"):
    feature = {
        "type": "Feature",
        "properties": {"name": name},
        "geometry": {"type": "LineString", "coordinates": points},
    }
    path.write_text(json.dumps(feature), "utf-8")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sections")
    write_survey(folder / "before.laz")
    write_survey(folder / "after.laz", dig=2.0, seed=2)
    write_line(folder / "line.geojson", (E0 + 10, N0 + 40), (E0 + 110, N0 + 40))
    return folder


def run(folder, survey, line, before=(), design=(), epochs=(), **parameters):
    process = Sections()
    folder.mkdir(exist_ok=True)
    inputs = {"survey": survey, "line": [line], "before": list(before), "design": list(design)}
    inputs |= {f"epoch_{i}": [path] for i, path in enumerate(epochs, start=1)}
    return process.run(
        inputs, SectionParameters(**{"ground": "file", **parameters}), Context(folder, Progress(process.stages))
    )


@pytest.fixture(scope="module")
def outputs(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    sheet = {"paper": "A3", "scale": 500, "project": "試験業務"}
    found = run(folder, [data / "after.laz"], data / "line.geojson", [data / "before.laz"], left=20, right=30, **sheet)
    return folder, found


def test_every_listed_file_is_there(outputs):
    folder, found = outputs
    assert {f.path for f in found.files} == {p.name for p in folder.iterdir()}
    assert json.loads((folder / "sections.json").read_text("utf-8")) == found.summary


def test_heights_areas_and_volumes(outputs):
    _, found = outputs
    summary = found.summary
    for row in summary["sections"]:
        x = row["easting_m"]
        dig = 2.0 if E0 + 40 < x < E0 + 80 else 0.0
        np.testing.assert_allclose(row["height_m"]["before"], height(x, N0 + 40), atol=0.002)  # LAS stores millimetres
        if abs(x - E0 - 40) > 3 and abs(x - E0 - 80) > 3:
            np.testing.assert_allclose(row["areas"]["cut"], 50 * dig, atol=0.1)
    # 2 m x 40 m x 50 m; the walls of the pit lean by the distance of the points, 0.5 m of 40 m
    np.testing.assert_allclose(summary["reconciliation"]["cut"]["grid_m3"], 4000, rtol=0.02)
    parts = summary["reconciliation"]["cut"]
    total = parts["explained_by_curve_m3"] + parts["explained_by_spacing_m3"] + parts["rest_m3"]
    np.testing.assert_allclose(total, parts["difference_m3"], atol=1e-6)


def test_ends_of_the_earthwork_get_sections(outputs):
    _, found = outputs
    ends = [r for r in found.summary["sections"] if r["name"].startswith("切土端")]
    assert ends, "cut begins and ends between stations"
    np.testing.assert_allclose(
        found.summary["volumes"]["cut_m3"], 4000, rtol=0.03
    )  # the walls lean by the distance of points


def test_dense_sections_agree_with_the_grid(data, tmp_path):
    line = write_line(tmp_path / "short.geojson", (E0 + 34, N0 + 40), (E0 + 86, N0 + 40))
    widths = {"interval": 2.0, "left": 20, "right": 30, "paper": "A3", "scale": 500}
    found = run(tmp_path / "out", [data / "after.laz"], line, [data / "before.laz"], **widths)
    parts = found.summary["reconciliation"]["cut"]
    # a wall between two sections costs at most a quarter of 2 m at each end of 40 m
    np.testing.assert_allclose(parts["average_end_area_m3"], parts["grid_m3"], rtol=0.025)


def test_earlier_epochs_labels_and_the_pair_that_is_asked_for(data, tmp_path):
    """The oldest ground was 1 m higher where the pit is 2 m deep now."""
    oldest = write_survey(tmp_path / "oldest.laz", dig=-1.0, seed=3)
    found = run(
        tmp_path / "out", [data / "after.laz"], data / "line.geojson", [data / "before.laz"], epochs=[oldest],
        left=20, right=30, paper="A3", scale=500, between=("epoch_1", "after"), layer_sheets=False,
        labels={"epoch_1": "2009年", "after": "2026年"}, language="en",
    )  # fmt: skip
    summary = found.summary
    assert summary["surfaces"] == ["epoch_1", "before", "after"]
    assert summary["pair"] == ["epoch_1", "after"]
    pairs = {(p["from"], p["to"]): p["cut_m3"] for p in summary["pairs"]}
    # 40 m x 50 m; the walls lean by the distance of points, 0.5 m of 40 m
    expected = {("epoch_1", "before"): 2000, ("epoch_1", "after"): 6000, ("before", "after"): 4000}
    assert pairs.keys() == expected.keys()
    for pair, volume in expected.items():
        np.testing.assert_allclose(pairs[pair], volume, rtol=0.03)
    np.testing.assert_allclose(summary["volumes"]["cut_m3"], 6000, rtol=0.03)
    drawing = ezdxf.readfile(tmp_path / "out" / "cross_sections.dxf")
    shown = {e.dxf.text for e in drawing.modelspace().query("TEXT")}
    assert {"2009年", "Before", "2026年", "Cut CA (2009年 → 2026年)"} <= shown
    head = (tmp_path / "out" / "stations_utf8.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    assert {"2009年 height (m)", "Before height (m)", "2026年 height (m)"} <= set(head)


def test_reconciliation_in_the_workbook_is_that_of_the_summary(outputs):
    folder, found = outputs
    sheet = openpyxl.load_workbook(folder / "quantities.xlsx", data_only=True)["照合"]
    parts = found.summary["reconciliation"]
    for column, kind in (("B", "cut"), ("C", "fill")):
        shown = [sheet[f"{column}{row}"].value for row in range(5, 11)]
        expected = [found.summary["volumes"]["printed"][f"{kind}_m3"]] + [
            parts[kind][k] for k in ("explained_by_curve_m3", "explained_by_spacing_m3", "grid_m3", "rest_m3")
        ]
        np.testing.assert_allclose([shown[0], *shown[2:]], expected, atol=0.21)  # each is rounded to 0.1


def test_single_survey_has_no_volumes_and_trees_are_a_layer(data, tmp_path):
    found = run(tmp_path, [data / "before.laz"], data / "line.geojson", skew=20.0, reverse=True, start=100.0)
    assert found.summary["volumes"] is None
    assert not (tmp_path / "quantities.xlsx").exists()
    first = found.summary["sections"][0]
    assert first["name"] == "BP (No.5)"
    np.testing.assert_allclose(first["easting_m"], E0 + 110)
    text = (tmp_path / "layers_utf8.csv").read_text("utf-8-sig")
    assert ",canopy," in text
    assert ",ground," in text


def test_design_from_dxf(data, tmp_path):
    drawing = ezdxf.new("R2000", units=6)
    drawing.modelspace().add_3dface(
        [(E0, N0 + 20, 70), (E0 + 120, N0 + 20, 70), (E0 + 120, N0 + 60, 70), (E0, N0 + 60, 70)]
    )
    drawing.saveas(tmp_path / "design.dxf")
    found = run(
        tmp_path / "out",
        [data / "before.laz"],
        data / "line.geojson",
        design=[tmp_path / "design.dxf"],
        left=30,
        right=30,
    )
    assert found.summary["pair"] == ["survey", "design"]
    for row in found.summary["sections"]:
        fill = 40.0 * (
            70 - height(row["easting_m"], N0 + 40)
        )  # the design is 40 m wide, the ground's crossfall cancels
        np.testing.assert_allclose(row["areas"]["fill"], fill, atol=0.1)


def test_given_stations_only(data, tmp_path):
    given = [{"chainage": 33.3, "name": "杭7", "skew": 30.0}, {"chainage": 50.0, "left": 5.0, "right": 6.0}]
    found = run(tmp_path, [data / "before.laz"], data / "line.geojson", stations=given, only_given=True)
    assert [(r["name"], r["skew_deg"], r["left_m"]) for r in found.summary["sections"]] == [
        ("杭7 (No.1+13.300)", 30.0, 25.0), ("No.2+10.000", 0.0, 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("points", "parameters", "error"), [
    ([(E0 + 5000, N0), (E0 + 5100, N0)], {}, OverlapError),
    ([(E0, N0), (E0, N0)], {}, GeometryError),
    ([(E0, N0)], {}, GeometryError),
    ([(E0, N0), (E0 + 100, N0)], {"between": ("survey", "design")}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"cad_layers": {"river": "X"}}, ParameterError),
    ([(N0, E0), (N0 + 50, E0)], {}, OverlapError),
    ([(E0, N0), (E0 + 100, N0)], {"left": 0, "right": 0}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"interval": 0.01}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"crs": "EPSG:6677"}, CrsError),
    ([(E0, N0), (E0 + 100, N0)], {"line_name": "他"}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"stations": [{"chainage": 200.0}]}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"only_given": True}, ParameterError),
    ([(E0, N0), (E0 + 100, N0)], {"labels": {"survey": "現況", "after": "2026年"}}, ParameterError),
])  # fmt: skip
def test_bad_input_has_a_clear_answer(data, tmp_path, points, parameters, error):
    line = write_line(tmp_path / "bad.geojson", *points)
    with pytest.raises(error) as caught:
        run(tmp_path / "out", [data / "before.laz"], line, **parameters)
    assert caught.value.ja
    assert len(caught.value.en) > 40


def test_file_without_ground_class_is_said(tmp_path, data):
    cloud = las.read(data / "before.laz")
    las.write(tmp_path / "plain.laz", cloud.with_attributes(Classification=np.ones(len(cloud), np.uint8)))
    with pytest.raises(InputError, match="classify"):
        run(tmp_path / "out", [tmp_path / "plain.laz"], data / "line.geojson")


# --- real surveys


def test_scar_volume_by_average_end_areas(shared_data, tmp_path):
    """Sections every 5 m along the scar's long axis, as wide as the scar: within 5 % of what was planted."""
    truth = json.loads((shared_data / "pairs" / "slide_truth.json").read_text())["cut_m3"]
    given = []
    for d in np.arange(0.0, 100.1, 5.0):
        half = max(31.25 * math.sqrt(max(0.0, 1 - ((d - 50) / 50) ** 2)), 0.01)
        given.append({"chainage": float(d), "left": half, "right": half})
    line = write_line(tmp_path / "axis.geojson", (52110, -98250), (52110, -98350))
    before, after = (shared_data / "pairs" / f"slide_{name}.laz" for name in ("before", "after"))
    found = run(
        tmp_path / "out", [after], line, [before], crs="EPSG:6676", ground="classify", stations=given, only_given=True,
        interval=5.0, paper="A3", scale=500,
    )  # fmt: skip
    volumes = found.summary["volumes"]
    np.testing.assert_allclose(volumes["net_m3"], -truth, rtol=0.05)


def test_two_tiles_without_a_gap_at_the_seam(shared_data, tmp_path):
    line = write_line(tmp_path / "seam.geojson", (885120, 629650), (885120, 629750))
    found = run(tmp_path / "out", [shared_data / "bcts_2.laz", shared_data / "bcts_3.laz"], line, left=30, right=30,
                crs="EPSG:3005")  # fmt: skip
    for row in found.summary["sections"]:
        if abs(row["northing_m"] - 629700) < 15:
            assert row["gaps_m"]["survey"] == []


def test_agrees_with_sampling_the_raster(shared_data, tmp_path):
    """The DTM of the same points sampled by rasterio along a section; half a cell times the slope is the tolerance."""
    from pointcloud.grid import Grid
    from pointcloud.io.raster import write_cog
    from pointcloud.sections.line import polyline
    from pointcloud.sections.stations import lay_out
    from pointcloud.sections.strips import ground_surface

    cloud = las.read(shared_data / "bcts_3.laz", dimensions=("Classification",))
    own = cloud.attributes["Classification"] == 2
    surface = ground_surface(cloud.x[own], cloud.y[own], cloud.z[own])
    raster = surface.on_grid(Grid.covering(cloud.bounds, 0.5, cloud.crs))
    write_cog(tmp_path / "dtm.tif", raster, descriptions=["dtm"])
    line = polyline("line", [885060, 885180], [629800, 629900])
    with rasterio.open(tmp_path / "dtm.tif") as source:
        for station in lay_out(line, 20, 25, 25).items:
            cut = surface.cut(station)
            offsets = np.linspace(-24, 24, 97)
            sampled = np.array([v[0] for v in source.sample([station.place(o) for o in offsets])])
            mine = np.array([cut.height(o) for o in offsets])
            gap = np.abs(mine - sampled)
            assert np.nanmedian(gap) < 0.06
            assert np.nanpercentile(gap, 95) < 0.35  # slopes of 45 degrees: half a diagonal of 0.5 m is 0.35 m


# --- the command


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(catalog, "PROCESSES", {**catalog.PROCESSES, "cross-sections": Sections()})
    app = typer.Typer()
    app.command("sections")(cli_sections.sections)
    app.command("measure")(cli_sections.measure)
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


def test_sections_command(command, data, tmp_path):
    arguments = ("sections", data / "after.laz", "--before", data / "before.laz", "--line", data / "line.geojson")
    done = command(
        *arguments, "-o", tmp_path / "out", "--width", 30, "--ground", "file", "--station", "45.3=杭7@10", "--json"
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["schema"] == "tengun/sections/1"
    assert any(r["name"] == "杭7 (No.2+5.300)" and r["skew_deg"] == 10 for r in summary["sections"])
    assert (tmp_path / "out" / "cross_sections.dxf").is_file()
    wrong = command(*arguments, "-o", tmp_path / "out2", "--station", "abc")
    assert wrong.exit_code == 2
    no_table = command(*arguments, "-o", tmp_path / "out2", "--cad-layers", data / "line.geojson")
    assert no_table.exit_code == 1, "a file of one row is no table"
    assert not (tmp_path / "out2").exists()


def test_measure_command(command, data, tmp_path):
    ring = [(E0 + 10, N0 + 10), (E0 + 30, N0 + 10), (E0 + 30, N0 + 40), (E0 + 10, N0 + 40), (E0 + 10, N0 + 10)]
    (tmp_path / "area.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    wire = [(E0 + 20, N0 + 20, 70.0), (E0 + 90, N0 + 20, 70.0)]
    write_line(tmp_path / "wire.geojson", *wire)
    done = command("measure", data / "before.laz", "--at", f"{E0 + 50},{N0 + 40}", "--line", data / "line.geojson",
                   "--polygon", tmp_path / "area.geojson", "--wire", tmp_path / "wire.geojson", "--ground", "file",
                   "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    place, length, area, clearance = json.loads(done.stdout)["results"]
    np.testing.assert_allclose(place["height_m"], 57.0, atol=0.002)
    np.testing.assert_allclose([length["plan_m"], length["slope_percent"], length["surface_m"]],
                               [100, 10, 100 * math.hypot(1, 0.1)], atol=0.02)  # fmt: skip
    np.testing.assert_allclose([area["plan_m2"], area["surface_m2"]], [600, 600 * math.sqrt(1 + 0.0125)], rtol=1e-4)
    np.testing.assert_allclose(clearance["over_ground_m"], 70 - height(E0 + 90, N0 + 20), atol=0.003)
    assert 1.0 < clearance["over_objects_m"] < clearance["over_ground_m"] - 7.0, "trees of 8 m stand under it"
    nothing = command("measure", data / "before.laz")
    assert nothing.exit_code == 2
    no_wire = command("measure", data / "before.laz", "--wires", "--ground", "file")
    assert no_wire.exit_code == 1
    assert "class 14" in no_wire.output


def test_heights_do_not_hang_on_what_else_is_asked(shared_data, monkeypatch):
    """The ground of a place is that of the whole survey, or a note says that it need not be. About 3 s."""
    files, crs = [shared_data / "pairs" / "slide_after.laz"], "EPSG:6676"
    places = [(52_110.0, -98_300.0), (52_052.1, -98_411.8)]
    cloud = las.read(files[0])
    key = classify(cloud).key_points
    whole = ground_surface(cloud.x[key], cloud.y[key], cloud.z[key])
    for place in places:
        (found,) = measured(files, [place], None, None, None, False, "classify", 5.0, crs)["results"]
        np.testing.assert_allclose(found["height_m"], whole.height_at(*place), atol=1e-9)
    monkeypatch.setattr(section_ground, "WHOLE_SURVEY", 0)
    alone = measured(files, places[:1], None, None, None, False, "classify", 5.0, crs)
    assert [note["code"] for note in alone["notes"]] == ["ground-of-strip"]
