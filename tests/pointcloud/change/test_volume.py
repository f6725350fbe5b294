"""Volumes against hand-computed grids, shapely, and solids with a formula."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from pointcloud.change import kernels
from pointcloud.change.difference import common_grid, difference
from pointcloud.change.volume import coverage, total_volume, zone_volume
from pointcloud.errors import OverlapError, ParameterError
from pointcloud.grid import Grid, Raster

GRID = Grid(104_000, -196_000, 20, 16, 0.5)  # E 52000, N -98000
E, N = GRID.west, GRID.south


def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
    return [(E + x, N + y) for x, y in points]


def shares_by_shapely(polygon: Polygon | MultiPolygon, grid: Grid) -> np.ndarray:
    x, y = np.meshgrid(*grid.centres())
    half = grid.cell / 2
    boxes = shapely.box(x - half, y - half, x + half, y + half)
    return shapely.area(shapely.intersection(boxes, polygon)) / grid.cell_area


def full(polygon: Polygon | MultiPolygon, grid: Grid = GRID) -> np.ndarray:
    window, share = coverage(polygon, grid)
    out = np.zeros(grid.shape)
    out[window.window_in(grid)] = share
    return out


SHAPES = {
    "whole cells": Polygon(at((1, 1), (4, 1), (4, 3), (1, 3))),
    "clockwise": Polygon(at((1, 1), (1, 3), (4, 3), (4, 1))),
    "slanted": Polygon(at((0.3, 0.2), (7.9, 1.1), (6.2, 6.8), (1.7, 5.05))),
    "thinner than a cell": Polygon(at((1.13, 0.4), (1.21, 0.4), (1.21, 7.3), (1.13, 7.3))),
    "hole": Polygon(at((1, 1), (8, 1), (8, 7), (1, 7)), [at((3.1, 3.1), (4.7, 3.3), (4.2, 5.9))]),
    "two parts": MultiPolygon([Polygon(at((0.2, 0.2), (2.3, 0.7), (1, 2))), Polygon(at((5, 5), (6.1, 5), (6, 7.7)))]),
    "beyond the grid": Polygon(at((-3, -2), (14, 3), (5, 11))),
}


@pytest.mark.parametrize("polygon", SHAPES.values(), ids=SHAPES.keys())
def test_coverage_equals_shapely(polygon):
    # both are exact up to rounding of coordinates near 1e5 m: 1e-11 m, over a cell of 0.5 m
    np.testing.assert_allclose(full(polygon), shares_by_shapely(polygon, GRID), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 9.9), st.floats(0.01, 7.9)), min_size=3, max_size=12, unique=True))
def test_shares_add_up_to_the_polygon(points):
    polygon = shapely.convex_hull(shapely.MultiPoint(at(*points)))
    if polygon.geom_type != "Polygon" or polygon.area < 1e-9:
        return
    share = full(polygon)
    np.testing.assert_allclose(share.sum() * GRID.cell_area, polygon.area, atol=1e-8)  # rounding at 1e5 m
    np.testing.assert_allclose(share, shares_by_shapely(polygon, GRID), atol=1e-8)


def test_a_polygon_elsewhere_covers_nothing():
    assert coverage(Polygon(at((100, 100), (110, 100), (110, 110))), GRID) is None


def test_volumes_by_hand():
    change = Raster(np.zeros(GRID.shape), GRID)
    change.values[0, 0] = 2.0
    change.values[0, 1] = -1.0
    change.values[5, 5] = np.nan
    total = total_volume(change, np.ones(GRID.shape, dtype=bool))
    assert (total.fill_m3, total.cut_m3, total.net_m3) == (0.5, 0.25, 0.25)
    assert total.void_area_m2 == 0.25
    assert total.area_m2 == 20 * 16 * 0.25 - 0.25
    assert total.net_ci95_m3 is None


def test_half_a_cell_counts_half():
    change = Raster(np.full(GRID.shape, 3.0), GRID)
    volume = zone_volume(change, Polygon(at((0, 0), (0.25, 0), (0.25, 0.5), (0, 0.5))))
    np.testing.assert_allclose(volume.fill_m3, 3.0 * 0.125, rtol=1e-9)


def test_a_tilted_plane_over_a_triangle():
    x, _ = np.meshgrid(*GRID.centres())
    change = Raster(0.2 * (x - E) - 0.5, GRID)
    volume = zone_volume(change, Polygon(at((0, 0), (10, 0), (10, 8), (0, 8))))
    # zero line at x = 2.5, on a cell edge: cut = 0.5*0.5*2.5*8, fill = 0.5*1.5*7.5*8
    np.testing.assert_allclose([volume.cut_m3, volume.fill_m3], [5.0, 45.0], rtol=1e-9)
    np.testing.assert_allclose(volume.area_m2, 80.0, rtol=1e-12)


def test_the_part_of_a_zone_outside_is_void():
    change = Raster(np.ones(GRID.shape), GRID)
    volume = zone_volume(change, Polygon(at((-5, 0), (5, 0), (5, 4), (-5, 4))))
    np.testing.assert_allclose([volume.area_m2, volume.void_area_m2, volume.fill_m3], [20.0, 20.0, 20.0], rtol=1e-9)
    elsewhere = zone_volume(change, Polygon(at((50, 0), (55, 0), (55, 4))))
    assert (elsewhere.net_m3, elsewhere.area_m2) == (0.0, 0.0)
    np.testing.assert_allclose(elsewhere.void_area_m2, 10.0)


def test_a_cone_converges_to_its_formula():
    grid = Grid(0, 0, 800, 800, 0.05)
    x, y = np.meshgrid(*grid.centres())
    height = np.maximum(0.0, 6.0 * (1 - np.hypot(x - 20, y - 20) / 15))
    volume = total_volume(Raster(-height, grid), np.ones(grid.shape, dtype=bool))
    # mid-point rule with 0.05 m cells on a cone with 0.4 m/m flanks: second-order error
    np.testing.assert_allclose(volume.cut_m3, np.pi * 15**2 * 6 / 3, rtol=1e-4)


def test_difference_is_after_minus_before_and_void_where_either_is():
    before, after = np.zeros((2, 2)), np.array([[1.0, -1.0], [np.nan, 2.0]])
    before[1, 1] = np.nan
    grid = Grid(0, 0, 2, 2, 1.0)
    result = difference(Raster(before, grid), Raster(after, grid)).values
    np.testing.assert_array_equal(result, [[1.0, -1.0], [np.nan, np.nan]])


def test_difference_refuses_other_grids():
    with pytest.raises(ParameterError, match="different grids"):
        difference(Raster(np.zeros((1, 1)), Grid(0, 0, 1, 1, 1.0)), Raster(np.zeros((1, 1)), Grid(1, 0, 1, 1, 1.0)))


def test_common_grid_and_its_refusal():
    assert common_grid(Grid(0, 0, 10, 10, 1.0), Grid(5, -3, 10, 10, 1.0)) == Grid(5, 0, 5, 7, 1.0)
    with pytest.raises(OverlapError, match="do not overlap"):
        common_grid(Grid(0, 0, 10, 10, 1.0), Grid(10, 0, 10, 10, 1.0))


def test_ring_kernels_in_plain_python(monkeypatch):
    ring = np.array(at((0.3, 0.2), (7.9, 1.1), (6.2, 6.8), (0.3, 0.2)))
    x, y = (ring[:, 0] - E) / 0.5, (GRID.north - ring[:, 1]) / 0.5
    compiled, plain = np.zeros((16, 21)), np.zeros((16, 21))
    kernels.add_ring(x, y, compiled)
    monkeypatch.setattr(kernels, "add_piece", kernels.add_piece.py_func)
    kernels.add_ring.py_func(x, y, plain)
    np.testing.assert_allclose(compiled, plain, atol=1e-12)  # fused multiplications
