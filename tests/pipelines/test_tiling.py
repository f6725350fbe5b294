"""Tiles partition the grid and reach as far as asked."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.tiling import groups, plan
from pointcloud.bounds import Bounds
from pointcloud.grid import Grid


@pytest.mark.parametrize(
    ("n_points", "shape"), [(0, (30, 40)), (5, (30, 40)), (95, (30, 40)), (999, (3, 400)), (999, (1, 1))]
)
def test_cores_partition_the_grid(n_points, shape):
    grid = Grid(-7, 11, shape[1], shape[0], 0.5)
    count = np.zeros(grid.shape, dtype=int)
    tiles = plan(grid, n_points, 12.0, max_points=10)
    for tile in tiles:
        count[tile.core.window_in(grid)] += 1
        assert tile.reach == tile.core.bounds.buffered(12.0)
    np.testing.assert_array_equal(count, 1)
    assert len(tiles) >= min(-(-n_points // 10), grid.n_rows * grid.n_columns)


def test_a_small_survey_is_one_tile():
    grid = Grid(0, 0, 40, 30, 0.5)
    (tile,) = plan(grid, 1_000_000, 20.0)
    assert tile.core == grid


def test_files_side_by_side_share_a_halo_and_those_far_apart_do_not():
    row = [Bounds(100.0 * k, 0.0, 100.0 * (k + 1), 100.0) for k in range(5)]
    assert groups(row, [10] * 5, 50.0) == (range(5),)
    assert groups(row, [10] * 5, 50.0, max_points=20) == (range(2), range(2, 4), range(4, 5))
    assert groups(row, [10, 30, 5, 5, 5], 50.0, max_points=20) == (range(1), range(1, 2), range(2, 5))
    corner = [*row[:2], Bounds(900.0, 900.0, 1000.0, 1000.0), *row[2:]]
    assert groups(corner, [10] * 6, 50.0) == (range(2), range(2, 3), range(3, 6))
    assert groups([], [], 50.0) == ()
