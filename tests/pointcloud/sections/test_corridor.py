"""Corridors: every needed point is read once, tiles beyond are not opened, footprints have the swept area."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from pyproj import CRS

from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.io import las, laz
from pointcloud.io.las_source import open_source
from pointcloud.io.survey import Survey, open_survey
from pointcloud.sections.corridor import corridor, footprint, reach
from pointcloud.sections.line import CentreLine, Piece, polyline
from pointcloud.sections.stations import lay_out

E0, N0 = 52_000.0, -98_000.0


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles")
    rng = np.random.default_rng(4)
    for i in range(3):
        x, y = E0 + 200.0 * i + rng.uniform(0, 199.9, 20_000), N0 + rng.uniform(0, 300, 20_000)
        cloud = PointCloud(
            x, y, np.full(x.size, 5.0), {"Classification": np.full(x.size, 2, np.uint8)}, CRS.from_epsg(6676)
        )
        las.write(folder / f"tile{i}.laz", cloud)
    return folder


@pytest.fixture(scope="module")
def diagonal():
    line = polyline("diagonal", [E0 + 20, E0 + 330], [N0 + 20, N0 + 280])
    return corridor(reach(line, lay_out(line, 20, 10, 10).items), 5.0), line


def test_boxes_that_meet_the_strip(diagonal):
    """Against shapely: a box meets it when it touches one of the touched cells."""
    strip, _ = diagonal
    east, north = (v[strip.touched] for v in np.meshgrid(*strip.grid.centres()))
    half = strip.grid.cell / 2.0
    cells = shapely.union_all(shapely.box(east - half, north - half, east + half, north + half))
    rng = np.random.default_rng(5)
    corner = np.column_stack((E0 + rng.uniform(-100, 500, 400), N0 + rng.uniform(-100, 400, 400)))
    boxes = np.column_stack((corner, corner + rng.uniform(0.1, 120, (400, 2))))
    met = strip.meets(boxes)
    np.testing.assert_array_equal(met, shapely.intersects(shapely.box(*boxes.T), cells))
    assert 50 < met.sum() < 350
    assert not strip.meets(np.zeros((0, 4))).any()


def test_only_touched_nodes_of_a_copc_are_decoded(monkeypatch, shared_data):
    file = las.inspect(shared_data / "lone-star.copc.laz")  # a geocentric system: no survey, but an octree
    survey = Survey((file,), CRS.from_epsg(6676), "header", VerticalDatum.UNKNOWN, file.bounds, file.n_points, ())
    west, south = survey.bounds.x_min, survey.bounds.y_min
    line = polyline("line", [west + 5, west + 15], [south + 5, south + 8])
    strip = corridor(reach(line, ()), 2.0)
    decoded = []
    decompress = laz.decompress
    monkeypatch.setattr(
        laz, "decompress", lambda header, chunks, picked, *rest: decoded.extend(picked.tolist())
        or decompress(header, chunks, picked, *rest)
    )  # fmt: skip
    cloud = strip.read(survey, ("Classification",))
    assert len(decoded) == len(set(decoded)), "no node twice"
    source = open_source(survey.files[0].path)
    assert 0 < len(decoded) < len(source.counts)
    whole = survey.read(dimensions=("Classification",))
    inside = strip.contains(whole.x, whole.y)
    np.testing.assert_array_equal(np.sort(cloud.z), np.sort(whole.z[inside]))
    assert len(cloud) > 100
    assert cloud.crs == survey.crs


def test_all_needed_points_come_once_and_far_tiles_stay_closed(tiles, diagonal):
    strip, _ = diagonal
    survey = open_survey([tiles])
    whole = survey.read(dimensions=("Classification",))
    survey.files[2].path.rename(tiles / "gone")  # 70 m beyond the end: reading it would fail
    try:
        cloud = strip.read(survey, ("Classification",))
    finally:
        (tiles / "gone").rename(survey.files[2].path)
    axis = shapely.LineString([(E0 + 20, N0 + 20), (E0 + 330, N0 + 280)])
    near = shapely.distance(shapely.points(whole.x, whole.y), axis) <= 5.0
    found = set(zip(cloud.x.tolist(), cloud.y.tolist(), strict=True))
    assert len(cloud) == np.count_nonzero(strip.contains(whole.x, whole.y))
    assert set(zip(whole.x[near].tolist(), whole.y[near].tolist(), strict=True)) <= found
    assert len(cloud) < 0.4 * len(whole)


def test_nothing_near_is_an_empty_cloud(tiles):
    line = polyline("far", [0.0, 100.0], [0.0, 0.0])
    assert len(corridor(reach(line, ()), 5.0).read(open_survey([tiles]), ("Classification",))) == 0


def test_footprint_of_a_bend_is_a_ring():
    line = CentreLine("arc", (Piece(0, 0, 0, 60.0, 1 / 50, 1 / 50),))
    area = footprint(line, lay_out(line, 20, 8, 12).items)
    angle = 60 / 50
    expected = angle / 2 * ((50 + 12) ** 2 - (50 - 8) ** 2)
    np.testing.assert_allclose(area.area, expected, rtol=2e-4)  # chords of 5 mm sagitta on R 50 m
    assert area.is_valid


def test_footprint_of_skewed_sections_is_a_parallelogram():
    line = CentreLine("line", (Piece(0, 0, 0.3, 60.0),))
    area = footprint(line, lay_out(line, 20, 10, 10, skew=30.0).items)
    np.testing.assert_allclose(area.area, 60 * 20 * math.cos(math.radians(30)), rtol=1e-9)


def test_two_stations_in_one_place_sweep_nothing_between_them():
    line = CentreLine("line", (Piece(0, 0, 0.0, 60.0),))
    stations = list(lay_out(line, 20, 10, 10).items)
    assert footprint(line, [stations[0], *stations]).equals(footprint(line, stations))
