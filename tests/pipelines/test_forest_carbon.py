"""The process from files to every deliverable. Costs about ten seconds, most of it for the two reports."""

from __future__ import annotations

import json

import numpy as np
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner

from pipelines.catalog import get
from pipelines.cli import app
from pipelines.run import run
from pointcloud.errors import FileError, ParameterError
from pointcloud.forest.tree_files import read_trees, write_trees
from pointcloud.grid import Grid, Raster
from pointcloud.io.raster import write_cog
from tests.oracles.plantations import CRS_8, SOUTH, WEST, rows_of, square, trees_at

YEARS = {"methodology": "FO-001 Ver. 6.2", "survey_year": 2024, "start_year": 2025}


def forest(offset: float = 0.0):
    """Three hectares of trees."""
    parts = [rows_of(i, h + offset, spread=1.0, seed=i) for i, h in enumerate((19.5, 14.0, 20.0))]
    return trees_at(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("x", "y", "height")))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forest")
    write_trees(folder / "trees.gpkg", forest())
    write_trees(folder / "earlier.gpkg", forest(-1.0))
    rows = [
        ("12-1", "スギ", 44),
        ("12-2", "ヒノキ", 30),
        ("12-3", "バナナ", 44),
        ("13-1", "スギ", 0),
        ("99-1", "スギ", 50),
    ]
    places = [square(i) for i in (0, 1, 2, 3, 40)]
    features = [
        {"type": "Feature", "properties": {"林小班": r[0]}, "geometry": json.loads(shapely.to_geojson(g))}
        for r, g in zip(rows, places, strict=True)
    ]
    (folder / "stands.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    register = "林小班,樹種,林齢,施業履歴\n" + "".join(f"{i},{s},{a},平成27年 間伐 30%\n" for i, s, a in rows)
    (folder / "register.csv").write_bytes(register.encode("cp932"))
    table = "# version: 2026-1\n# source: test\n# status: confirmed\n樹種,地位,林齢,樹高,材積\n" + "".join(
        f"{s},{c},{age},{age * 0.4 / c:.1f},{age * 8 / c:.1f}\n"
        for s in ("杉", "桧")
        for c in (1, 2)
        for age in range(5, 105, 5)
    )
    (folder / "yield.csv").write_bytes(table.encode("cp932"))
    grid = Grid(int(WEST), int(SOUTH), 400, 100, 1.0, CRS_8)
    write_cog(folder / "chm.tif", Raster(np.full(grid.shape, 15.0, np.float32), grid))
    write_cog(folder / "ground.tif", Raster(np.full(grid.shape, 0.2, np.float32), grid))
    return folder


@pytest.fixture(scope="module")
def outputs(files, tmp_path_factory):
    inputs = {"trees": "trees.gpkg", "stands": "stands.geojson", "register": "register.csv", "yield_table": "yield.csv",
              "canopy": "chm.tif", "ground_density": "ground.tif", "earlier_trees": "earlier.gpkg"}  # fmt: skip
    folder = tmp_path_factory.mktemp("run") / "out"
    given = {name: [files / file] for name, file in inputs.items()}
    return run("forest-carbon", given, {**YEARS, "earlier_year": 2019}, folder), folder


def test_every_file_is_there_and_the_summary_is_what_is_written(outputs):
    made, folder = outputs
    assert {f.path for f in made.files} == {p.name for p in folder.iterdir()}
    assert json.loads((folder / "carbon.json").read_text("utf-8")) == made.summary
    assert made.summary["schema"] == "tengun/carbon/1"
    assert made.summary["methodology"] == "FO-001 Ver. 6.2"
    assert made.summary["yield_table"]["version"] == "2026-1"
    assert len(made.summary["inputs"]) == 7


def test_figures_by_hand(outputs):
    """Class 1 grows 8 m3/ha/yr, class 2 half of it; sugi reaches class 1 (17.6 m at 44), hinoki too (12 m at 30)."""
    stands = {s["id"]: s for s in outputs[0].summary["stands"]}
    assert [stands[i]["site_class"]["name"] for i in ("12-1", "12-2")] == ["1", "1"]
    np.testing.assert_allclose(stands["12-1"]["absorption_t"], 8 * 8 * 1.23 * 1.25 * 0.314 * 0.51 * 44 / 12, rtol=1e-9)
    np.testing.assert_allclose(stands["12-2"]["absorption_t"], 8 * 8 * 1.24 * 1.26 * 0.407 * 0.51 * 44 / 12, rtol=1e-9)
    total = outputs[0].summary["total"]
    np.testing.assert_allclose(total["credit_t"], 0.97 * (stands["12-1"]["net_t"] + stands["12-2"]["net_t"]), rtol=1e-9)
    assert total["conservative_t"] == total["credit_ci95_t"][0] <= total["credit_t"] * (1 + 1e-9)


def test_the_stands_go_to_a_gis_with_their_figures(outputs):
    made, folder = outputs
    meta, _, shapes, columns = pyogrio.raw.read(folder / "stands.gpkg", layer="stands")
    layer = dict(zip(meta["fields"], columns, strict=True))
    stands = {s["id"]: s for s in made.summary["stands"]}
    assert set(layer["id"]) == set(stands)
    for i, name in enumerate(layer["id"]):
        np.testing.assert_allclose(shapely.from_wkb(shapes[i]).area / 10_000, stands[name]["area_ha"], rtol=1e-9)
        np.testing.assert_equal(layer["net_t"][i], np.nan if stands[name]["net_t"] is None else stands[name]["net_t"])
        assert layer["status"][i] == stands[name]["status"]
        assert layer["site_class"][i] == (stands[name]["site_class"] or {}).get("name")


def test_bad_stands_are_listed_with_their_reason(outputs):
    stands = {s["id"]: s for s in outputs[0].summary["stands"]}
    reasons = {i: s["notes"][0]["code"] for i, s in stands.items() if s["status"] == "refused"}
    assert reasons == {"12-3": "no-constants", "13-1": "age-out-of-range", "99-1": "outside-survey"}
    assert outputs[0].summary["count"] == {"credited": 2, "excluded": 0, "refused": 3}
    assert "few-ground-returns" in [n["code"] for n in stands["12-1"]["notes"]]


def test_growth_since_the_earlier_survey(outputs):
    growth = {g["id"]: g for g in outputs[0].summary["growth"]["stands"]}
    np.testing.assert_allclose([growth["12-1"][k] for k in ("upper", "matched")], 0.2, atol=0.02)  # 1 m in 5 years
    assert growth["12-1"]["n_matched"] == 625
    np.testing.assert_allclose(growth["12-1"]["expected"], 0.4)
    grown = pyogrio.raw.read(outputs[1] / "growth.gpkg", layer="matched", columns=["growth_m", "growth_m_year"])[3]
    np.testing.assert_allclose(grown[0], 1.0, atol=1e-9)
    np.testing.assert_allclose(grown[1], 0.2, atol=1e-9)
    assert (outputs[1] / "carbon_growth_utf8.csv").read_text("utf-8-sig").count("\n") == 6


def test_trees_come_back_from_their_file_as_they_were(tmp_path):
    trees = forest()
    write_trees(tmp_path / "t.gpkg", trees)
    back = read_trees(tmp_path / "t.gpkg")
    for name in ("id", "x", "y", "height", "apex_loss", "crown_area", "crown_base", "n_returns", "confidence"):
        np.testing.assert_array_equal(getattr(back, name), getattr(trees, name))
    assert back.crs == trees.crs
    (tmp_path / "broken.gpkg").write_bytes(b"nothing")
    for name in ("broken.gpkg", "absent.gpkg"):
        with pytest.raises(FileError, match=name):
            read_trees(tmp_path / name)


def test_what_is_missing_is_said(files, tmp_path):
    given = {"trees": [files / "trees.gpkg"], "stands": [files / "stands.geojson"],
             "earlier_trees": [files / "earlier.gpkg"]}  # fmt: skip
    for year in ({}, {"earlier_year": 2024}):
        with pytest.raises(ParameterError, match="set earlier_year to one before 2024"):
            run("forest-carbon", given, YEARS | year, tmp_path / "out")
    for both in ({}, {"trees": given["trees"], "survey": [files / "any.laz"]}):
        with pytest.raises(ParameterError, match="either a survey or the trees"):
            run("forest-carbon", {"stands": given["stands"], **both}, YEARS, tmp_path / "out")
    assert {i.name for i in get("forest-carbon").inputs if i.required} == {"stands"}


def test_on_the_command_line(files, tmp_path):
    """A folder of ``tengun trees`` brings its rasters along; the last lines say why a stand has no figure."""
    folder = tmp_path / "trees"
    folder.mkdir()
    for name, beside in (("trees.gpkg", "trees.gpkg"), ("chm.tif", "chm.tif"), ("ground.tif", "ground-density.tif")):
        (folder / beside).write_bytes((files / name).read_bytes())
    given = ["carbon", folder, "--stands", files / "stands.geojson", "--register", files / "register.csv",
             "--yield-table", files / "yield.csv", "--survey-year", 2024, "--start-year", 2025,
             "--methodology", "FO-001 Ver. 6.2", "--rotation", "スギ=40", "-o", tmp_path / "out"]  # fmt: skip
    made = CliRunner().invoke(app, [str(one) for one in given])
    assert made.exit_code == 0, made.output
    assert "認証見込 credit" in made.stdout
    assert "99-1" in made.stdout
    summary = json.loads((tmp_path / "out" / "carbon.json").read_text("utf-8"))
    assert set(summary["inputs"]) == {"trees", "stands", "register", "yield_table", "canopy", "ground_density"}
    assert summary["options"]["rotation_ages"] == {"スギ": 40}
    refused = CliRunner().invoke(app, [str(one) for one in [*given[:-2], "--rotation", "40", "-o", tmp_path / "no"]])
    assert refused.exit_code == 2
    assert "スギ=40" in refused.stderr
