"""Corridors: every needed point is read once, tiles beyond are not opened, footprints have the swept area."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from pyproj import CRS

from pointcloud.cloud import PointCloud
from pointcloud.io import las
from pointcloud.io.survey import open_survey
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


def test_boxes_hold_each_touched_cell_once(diagonal):
    strip, _ = diagonal
    columns, rows = np.meshgrid(*strip.grid.centres())
    times = sum(box.contains(columns, rows).astype(int) for box in strip.boxes())
    assert times.max() == 1
    assert (times[strip.touched] == 1).all()


@pytest.mark.parametrize("is_copc", [False, True])
def test_all_needed_points_come_once_and_far_tiles_stay_closed(tiles, diagonal, is_copc):
    strip, _ = diagonal
    survey = open_survey([tiles])
    survey = replace(survey, files=tuple(replace(f, is_copc=is_copc) for f in survey.files))
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
