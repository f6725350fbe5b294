"""Tops against every cell with every other, crowns against sets of cells. About five seconds."""

from __future__ import annotations

import numpy as np
import pytest

from pointcloud.forest import crown_kernels, tree_kernels, trees
from pointcloud.forest.canopy import HighestPoints
from pointcloud.forest.crowns import crowns
from pointcloud.forest.spacing import Windows
from pointcloud.forest.trees import Tops
from pointcloud.grid import Grid, Raster
from tests.oracles import canopies as oracle

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def windows_of(grid, radius, height=10.0):
    return Windows(np.full((2, 2), radius), np.full((2, 2), height), np.full((2, 2), 10.0), max(grid.shape), 0, 0)


@both
@pytest.mark.parametrize("in_cells", [True, False], ids=["centres", "points"])
def test_maxima_equal_the_oracle(compiled, in_cells):
    rng = np.random.default_rng(2)
    grid = Grid(0, 0, 15, 12, 0.5)
    values = rng.integers(2, 14, grid.shape).astype(np.float32)  # whole metres: many equals
    values[rng.random(grid.shape) < 0.2] = np.nan
    offset = [np.full(grid.shape, 0.25) if in_cells else rng.uniform(0, 0.5, grid.shape) for _ in range(2)]
    dx, dy = (o.astype(np.float32) for o in offset)
    out = np.empty(grid.shape, bool)
    w = windows_of(grid, 1.2)
    kernel = tree_kernels.maxima if compiled else tree_kernels.maxima.py_func
    kernel(values, dx, dy, 0.5, 3.0, w.radius, w.height, w.edge, w.row, w.column, 0, 12, out)
    rows, columns = np.indices(grid.shape)
    x, y = 0.5 * columns + dx, 0.5 * (11 - rows) + dy
    expected = oracle.maxima(values, x, y, 3.0, lambda _, h: 1.2 * (0.5 + 0.05 * h))
    assert 3 < expected.sum() < 30
    np.testing.assert_array_equal(out, expected)


def test_tops_stand_where_their_points_are():
    grid = Grid(104_000, -196_000, 30, 20, 0.5)
    points = HighestPoints.empty(grid)
    points.height[3, 4], points.dx[3, 4], points.dy[3, 4] = 12.0, 0.1, 0.4
    points.height[15, 20], points.dx[15, 20], points.dy[15, 20] = 15.0, 0.0, 0.25
    tops = trees.point_tops(points, windows_of(grid, 1.0))
    np.testing.assert_allclose(tops.height, [15.0, 12.0])
    # the offset is kept in float32: a ten-millionth of a cell
    np.testing.assert_allclose(tops.x, [52_010.0, 52_002.1], atol=1e-7)
    np.testing.assert_allclose(tops.y, [-97_997.75, -97_991.6], atol=1e-7)
    centres = trees.canopy_tops(Raster(points.height, grid), windows_of(grid, 1.0))
    np.testing.assert_allclose(centres.x, [52_010.25, 52_002.25])


def hills(seed, shape=(24, 28), n=6):
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    values = np.zeros(shape)
    for _ in range(n):
        r, c, top = rng.uniform(2, shape[0] - 2), rng.uniform(2, shape[1] - 2), rng.uniform(8, 20)
        values = np.maximum(values, top * (1 - 0.12 * np.hypot(rows - r, columns - c)))
    return (values + 0.3 * rng.random(shape)).astype(np.float32)


def seeds_of(values):
    found = [
        (r, c)
        for r, c in np.ndindex(values.shape)
        if values[r, c] > 5 and values[r, c] == values[max(0, r - 3) : r + 4, max(0, c - 3) : c + 4].max()
    ]
    return sorted(found, key=lambda p: -values[p])


@both
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_growth_equals_the_oracle(compiled, seed, monkeypatch):
    values = hills(seed)
    seeds = seeds_of(values)
    assert len(seeds) > 3
    radius = np.linspace(4.0, 9.0, len(seeds))
    limits = (0.45, 0.55, 1.05)
    if not compiled:
        for name in ("is_within", "neighbour", "nearer", "propose"):
            monkeypatch.setattr(crown_kernels, name, getattr(crown_kernels, name).py_func)
    kernel = crown_kernels.grow if compiled else crown_kernels.grow.py_func
    labels = np.zeros(values.size, np.int32)
    flat = np.array([r * values.shape[1] + c for r, c in seeds])
    kernel(values.ravel(), values.shape, flat, limits, radius, labels)
    expected = oracle.grow(values.astype(np.float64), seeds, limits, radius)
    # means in another order of addition could tip a cell at a limit; these scenes have none so near
    np.testing.assert_array_equal(labels.reshape(values.shape), expected)


def scene(seed=4):
    values = hills(seed)
    seeds = seeds_of(values)
    grid = Grid(0, 0, values.shape[1], values.shape[0], 1.0)
    x, y = grid.centres()
    rows, columns = np.array(seeds).T
    return Raster(values, grid), Tops(x[columns], y[rows], values[rows, columns].astype(float)), seeds


@both
def test_watershed_meets_in_the_valley(compiled, monkeypatch):
    profile = np.array([10.0, 9, 8, 6, 5, 7, 9, 12, 9, 6], np.float32)
    values = np.tile(profile, (3, 1))
    grid = Grid(0, 0, 10, 3, 1.0)
    tops = Tops(np.array([7.5, 0.5]), np.array([1.5, 1.5]), np.array([12.0, 10.0]))
    if not compiled:
        for name in ("is_within", "neighbour", "enqueue", "flood", "saddles"):
            monkeypatch.setattr(crown_kernels, name, getattr(crown_kernels, name).py_func)
    found = crowns(Raster(values, grid), tops, "watershed")
    # reach: a quarter of 12 m and of 10 m; 5 m is lower than 0.45 of 12 m
    np.testing.assert_array_equal(found.labels[1], [2, 2, 2, 0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(found.saddle, [0.0, 0.0])
    # the pass goes to the side that stands higher beside it
    wide = crowns(Raster(values + np.float32(10), grid), tops, "watershed")
    np.testing.assert_array_equal(wide.labels[1], [2, 2, 2, 2, 1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(wide.saddle, [15.0, 15.0])


@pytest.mark.parametrize("method", ["growth", "watershed"])
def test_crowns_are_whole_and_their_own(method):
    from scipy import ndimage

    canopy, tops, seeds = scene()
    found = crowns(canopy, tops, method)
    assert len(found.tops) == len(seeds)
    for k, seed in enumerate(seeds):
        assert found.labels[seed] == k + 1
        assert ndimage.label(found.labels == k + 1)[1] == 1  # one piece
        own = canopy.values[found.labels == k + 1]
        assert own.min() > 0.45 * canopy.values[seed]
    touching = found.saddle > 0
    assert touching.any()
    assert (found.saddle <= canopy.values.max()).all()


def test_tops_off_the_canopy_or_in_one_cell_have_no_crown_of_their_own():
    grid = Grid(0, 0, 6, 6, 1.0)
    values = np.full(grid.shape, 8.0, np.float32)
    values[0, 0] = np.nan
    tops = Tops(np.array([3.5, 3.6, 0.5, 99.0]), np.array([3.5, 3.4, 5.5, 1.0]), np.array([8.0, 7.9, 7.0, 6.0]))
    found = crowns(Raster(values, grid), tops)
    np.testing.assert_array_equal(found.tops.height, [8.0])
    assert set(np.unique(found.labels)) <= {0, 1}


def test_no_tops_no_crowns():
    grid = Grid(0, 0, 6, 6, 1.0)
    none = Tops(np.empty(0), np.empty(0), np.empty(0))
    for method in ("growth", "watershed"):
        found = crowns(Raster(np.zeros(grid.shape, np.float32), grid), none, method)
        assert not found.labels.any()
