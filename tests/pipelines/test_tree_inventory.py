"""Trees from files: deliverables that agree with one another, tiles without seams, the way on to CO2. About 12 s."""

from __future__ import annotations

import json
from functools import partial

import laspy
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from pipelines import tiling, tree_survey
from pipelines.engine import survey_grid, survey_surfaces
from pipelines.run import run
from pointcloud.bounds import Bounds
from pointcloud.forest.inventory import COLUMNS
from pointcloud.forest.tree_files import read_trees
from pointcloud.io import las
from pointcloud.io.survey import open_survey
from pointcloud.synthetic import valley

WEST, SOUTH = 51_870.0, -98_130.0
YEARS = {"methodology": "FO-001 Ver. 6.2", "survey_year": 2024, "start_year": 2025}


def feature(id_, species, geometry):
    fields = {"林小班": id_, "樹種": species, "植栽年度": 1985, "施業履歴": "2015 間伐 30%"}
    return {"type": "Feature", "properties": fields, "geometry": json.loads(shapely.to_geojson(geometry))}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of 60 m x 50 m of a forest, two stands in it and one beyond it."""
    folder = tmp_path_factory.mktemp("forest")
    cloud = valley(density=10.0, seed=3).survey("before", bounds=Bounds(WEST, SOUTH, WEST + 60, SOUTH + 50)).cloud
    las.write(folder / "08ND77.laz", cloud)
    halves = [shapely.box(WEST + a, SOUTH, WEST + b, SOUTH + 50) for a, b in ((0, 30), (30, 60), (900, 990))]
    features = [feature(f"1-{i}", "スギ", half) for i, half in enumerate(halves, 1)]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}}
    text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}, ensure_ascii=False)
    (folder / "stands.geojson").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def outputs(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    inputs = {"survey": [files / "08ND77.laz"], "stands": [files / "stands.geojson"]}
    return run("tree-inventory", inputs, {}, folder), folder


def test_every_file_is_there_and_the_summary_is_what_is_written(outputs):
    made, folder = outputs
    assert {f.path for f in made.files} == {p.name for p in folder.iterdir()}
    assert json.loads((folder / "trees.json").read_text("utf-8")) == made.summary
    assert made.summary["n_trees"] > 100
    with rasterio.open(folder / "chm.tif") as chm:
        assert chm.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert chm.crs.to_epsg() == 6676
        np.testing.assert_allclose(np.nanmax(chm.read(1)), made.summary["height_m"]["max"], atol=2e-3)  # float32, mm


def test_points_crowns_and_list_agree(files, outputs):
    folder = outputs[1]
    trees = read_trees(folder / "trees.gpkg")
    points = laspy.read(folder / "08ND77.laz")
    before = laspy.read(files / "08ND77.laz")
    np.testing.assert_array_equal(points.xyz, before.xyz)
    ids, counts = np.unique(points["TreeID"][points["TreeID"] > 0], return_counts=True)
    np.testing.assert_array_equal(ids, trees.id)
    np.testing.assert_array_equal(counts, trees.n_returns)
    meta, _, shapes, columns = pyogrio.raw.read(folder / "trees.gpkg", layer="crowns")
    fields = dict(zip(meta["fields"], columns, strict=True))
    crowns = shapely.from_wkb(shapes)
    np.testing.assert_array_equal(fields["id"], trees.id)
    np.testing.assert_allclose(shapely.area(crowns), trees.crown_area)
    assert shapely.contains_xy(crowns, trees.x, trees.y).mean() > 0.9  # the highest return may lie a cell beside it


def test_the_stand_table_counts_the_trees_inside(outputs):
    made, folder = outputs
    trees = read_trees(folder / "trees.gpkg")
    west, east, beyond = made.summary["stands"]
    assert west["n_detected"] == (trees.x < WEST + 30).sum()
    assert west["n_detected"] + east["n_detected"] == len(trees)
    heights = (trees.height + trees.apex_loss)[trees.x < WEST + 30]
    np.testing.assert_allclose(west["height_mean"], heights.mean())
    assert west["height_upper_ci95"][0] < west["height_upper"] < west["height_upper_ci95"][1]
    assert west["ground_density"] > 0
    assert [n["code"] for n in beyond["notes"]] == ["outside-survey"]
    assert (folder / "stands_cp932.csv").read_bytes().decode("cp932").count("\r\n") == 4


def test_a_survey_gives_co2_without_a_step_by_hand(files, outputs, tmp_path):
    inputs = {"survey": [files / "08ND77.laz"], "stands": [files / "stands.geojson"]}
    claim = run("forest-carbon", inputs, YEARS, tmp_path / "out").summary
    assert claim["count"] == {"credited": 2, "excluded": 0, "refused": 1}
    assert claim["total"]["credit_t"] > 0
    assert claim["inventory"]["n_trees"] == outputs[0].summary["n_trees"]
    for mine, its in zip(outputs[0].summary["stands"], claim["stands"], strict=True):
        for name in ("n_detected", "height_upper", "height_lorey", "canopy_cover", "ground_density", "volume_m3"):
            assert mine[name] == its[name], name
    assert read_trees(tmp_path / "out" / "trees.gpkg").id.size == claim["inventory"]["n_trees"]


def test_no_tree_is_lost_or_doubled_where_two_tiles_meet(shared_data, tmp_path, monkeypatch):
    """The edge of bcts_2 and bcts_3, in one piece and in tiles of half a file."""
    for name in ("bcts_2", "bcts_3"):
        cloud = las.read(shared_data / f"{name}.laz")
        near = Bounds(885_080, 629_630, 885_180, 629_770)
        las.write(tmp_path / f"{name}.laz", cloud.take(near.contains(cloud.x, cloud.y)))
    survey = open_survey([tmp_path / "bcts_2.laz", tmp_path / "bcts_3.laz"])
    surfaces = survey_surfaces(survey, survey_grid(survey, 0.5), 20.0, lambda _: None)
    found = {}
    for tiles, most in ((1, survey.n_points), (4, survey.n_points // 4)):
        plan = partial(tiling.plan, max_points=most)
        monkeypatch.setattr(tree_survey, "tiling", type("Tiles", (), {"plan": staticmethod(plan)}))
        assert len(plan(surfaces.terrain.grid, survey.n_points, 0.0)) >= tiles
        found[tiles] = tree_survey.survey_trees(survey, surfaces.terrain, "growth", lambda _: None)
    (whole, _, one), (tiled, _, many) = found[1], found[4]
    assert len(whole) > 100
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(tiled, name), getattr(whole, name), err_msg=name)
    np.testing.assert_array_equal(many.crowns.labels, one.crowns.labels)
