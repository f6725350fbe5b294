"""Heights, stray points and pits against slow twins, and what they are for. About six seconds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.forest import canopy, canopy_kernels
from pointcloud.grid import Grid, Raster
from pointcloud.ground.height import height_above_ground
from tests.oracles import canopies as oracle

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def version(kernel, compiled):
    return kernel if compiled else kernel.py_func


def cloud_of(seed, n=400, size=12.0):
    rng = np.random.default_rng(seed)
    x, y = 52_000 + size * rng.random(n), -98_000 + size * rng.random(n)
    return PointCloud(np.round(x, 2), np.round(y, 2), np.round(300 + rng.uniform(-1, 30, n), 2))


def terrain_of(cloud, cell=0.5, seed=0):
    grid = Grid.covering(cloud.bounds, cell)
    values = 300 + np.random.default_rng(seed).random(grid.shape)
    values[3:5, 4:9] = np.nan
    return Raster(values, grid)


def test_heights_are_those_of_the_ground_room_to_the_millimetre():
    cloud = cloud_of(1)
    terrain = terrain_of(cloud)
    inner = Raster(terrain.values[2:], Grid(terrain.grid.column, terrain.grid.south_row, terrain.grid.n_columns,
                                            terrain.grid.n_rows - 2, terrain.grid.cell))  # fmt: skip
    for surface in (terrain, inner):
        expected = height_above_ground(cloud, surface)
        assert np.isnan(expected).any()
        # half a millimetre of rounding and the spacing of float32 at 30 m
        np.testing.assert_allclose(canopy.heights(cloud, surface), expected, atol=0.000503)


@both
def test_heights_and_cells_kernels(compiled):
    cloud = cloud_of(2, n=60)
    terrain = terrain_of(cloud)
    grid = terrain.grid
    out, cells = np.empty(60, np.float32), np.empty(60, np.int64)
    north_row = grid.south_row + grid.n_rows
    version(canopy_kernels.heights_above, compiled)(
        cloud.x, cloud.y, cloud.z, terrain.values, grid.cell, grid.column, north_row, 0, 60, out
    )
    np.testing.assert_allclose(out, height_above_ground(cloud, terrain), atol=0.000503)  # as above
    version(canopy_kernels.cells_of, compiled)(
        cloud.x, cloud.y, grid.cell, grid.column, north_row, grid.n_rows, grid.n_columns, 0, 60, cells
    )
    rows, columns = grid.cells_of(cloud.x, cloud.y)
    np.testing.assert_array_equal(cells, rows * grid.n_columns + columns)


@both
def test_stray_points_equal_the_oracle(compiled, monkeypatch):
    cloud = cloud_of(3, n=140, size=9.0)
    height = (cloud.z - 300).astype(np.float32)
    expected = oracle.is_stray(cloud.x, cloud.y, cloud.z, height, canopy.LOWEST_STRAY)
    assert 20 < expected.sum() < 120
    if not compiled:
        for name in ("storeys", "holds", "unsupported"):
            monkeypatch.setattr(canopy_kernels, name, getattr(canopy_kernels, name).py_func)
    np.testing.assert_array_equal(canopy.strays(cloud, height), expected)


def test_wires_and_birds_are_stray_and_a_crown_is_not():
    rng = np.random.default_rng(4)
    r, angle = 2.0 * np.sqrt(rng.random(300)), 2 * np.pi * rng.random(300)
    crown = np.column_stack((10 + r * np.cos(angle), 10 + r * np.sin(angle), 20 - 3.0 * r - rng.random(300)))
    flat = np.column_stack((30 + 6 * rng.random(300), 10 + 6 * rng.random(300), 9 + 0.3 * rng.random(300)))
    wires = [np.column_stack((np.arange(0, 40, 0.3), np.full(134, 10.4), np.full(134, z) + 0.01 * np.arange(134)))
             for z in (26.0, 30.0, 34.0)]  # fmt: skip
    bird = np.array([[5.0, 20.0, 40.0]])
    parts = [crown, flat, *wires, bird]
    x, y, z = (np.ascontiguousarray(c) for c in np.vstack(parts).T)
    stray = canopy.strays(PointCloud(x, y, z), z.astype(np.float32))
    kind = np.repeat(range(6), [len(p) for p in parts])
    assert not stray[(kind == 0) & (z > 17)].any()  # the top; some of a lone tree's skirt may go
    assert stray[kind == 0].mean() < 0.1
    assert stray[kind >= 2].all()
    assert stray[kind == 1].mean() < 5 / 36  # a flat crown may lose the four corner columns of its 36


def test_no_bird_at_any_height_is_held_up_by_the_trees_below():
    rng = np.random.default_rng(6)
    heights = np.arange(27.0, 300.0, 0.5)
    x = 10.0 * np.arange(heights.size)
    places = np.repeat(x, 60) + rng.uniform(-1.5, 1.5, 60 * x.size)
    trees = np.column_stack((places, rng.uniform(-1.5, 1.5, places.size), 20.0 * rng.random(places.size)))
    birds = np.column_stack((x, np.zeros(x.size), heights))
    x, y, z = (np.ascontiguousarray(c) for c in np.vstack((trees, birds)).T)
    stray = canopy.strays(PointCloud(x, y, z), z.astype(np.float32))
    assert stray[-heights.size :].all()
    assert stray[: -heights.size].mean() < 0.15  # some of trees this thin stand alone


def test_classes_that_are_no_canopy_are_stray():
    cloud = cloud_of(5, n=5).with_attributes(Classification=np.array([1, 6, 7, 14, 18], np.uint8))
    np.testing.assert_array_equal(canopy.strays(cloud, np.zeros(5, np.float32)), [False, True, True, True, True])


def test_empty_clouds_have_results():
    empty = PointCloud(np.empty(0), np.empty(0), np.empty(0))
    grid = Grid.covering(Bounds(0, 0, 5, 5), 0.5)
    height = canopy.heights(empty, Raster(np.zeros(grid.shape), grid))
    points = canopy.highest_points(empty, height, canopy.strays(empty, height), grid)
    assert np.isnan(canopy.without_pits(points).values).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_highest_points_do_not_depend_on_order(seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 40, n) / 10, rng.integers(0, 40, n) / 10
    height = rng.integers(0, 4, n).astype(np.float32)
    grid = Grid.covering(Bounds(0, 0, 4, 4), 0.5)
    given_order, other = np.arange(n), rng.permutation(n)
    found = [
        canopy.highest_points(PointCloud(x[o], y[o], x[o]), height[o], np.zeros(n, bool), grid)
        for o in (given_order, other)
    ]
    for name in ("height", "dx", "dy", "pulses"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    rows, columns = grid.cells_of(x, y)
    expected = np.full(grid.shape, -1.0)
    np.maximum.at(expected, (rows, columns), height)
    np.testing.assert_array_equal(np.nan_to_num(found[0].height, nan=-1.0), expected)
    assert found[0].pulses.sum() == n


def rough(seed, shape=(14, 17)):
    rng = np.random.default_rng(seed)
    top = (20 * rng.random(shape)).astype(np.float32)
    top[rng.random(shape) < 0.25] = np.nan
    return top


@both
def test_pits_and_smoothing_equal_the_oracle(compiled):
    top, thresholds = rough(1), np.array([2, 5, 10, 15, 20], np.float32)
    out = np.empty_like(top)
    for span, void_span in ((3.0, 6.0), (4.0, 12.0)):
        version(canopy_kernels.without_pits, compiled)(top, thresholds, span, void_span, 0, top.shape[0], out)
        # sums of a few float32 heights of 20 m in another order
        np.testing.assert_allclose(out, oracle.without_pits(top, thresholds, span, void_span), atol=1e-5)
    version(canopy_kernels.smooth, compiled)(top, 0, top.shape[0], out)
    np.testing.assert_allclose(out, oracle.smooth(top), atol=1e-5)  # as above


def test_pits_go_and_gaps_between_trees_stay():
    grid = Grid(0, 0, 40, 40, 0.5)
    top = np.full(grid.shape, 18.0, np.float32)
    top[10, 10] = 1.0  # a pulse through the crown
    top[20, 18:20] = np.nan  # no pulse
    top[28:36, 28:36] = 0.2  # a gap of 4 m
    points = canopy.HighestPoints.empty(grid)
    points.height[:] = top
    model = canopy.without_pits(points).values
    assert model[10, 10] == 18.0
    np.testing.assert_array_equal(model[20, 18:20], 18.0)
    np.testing.assert_array_equal(model[29:35, 29:35], np.float32(0.2))
    assert (model >= np.nan_to_num(top)).all()
