"""Low and high outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground import noise_kernels
from pointcloud.ground.bands import run_bands, run_parts
from pointcloud.ground.lattice import Lattice, lattice
from pointcloud.ground.scales import COARSEST, HIGH_BLOCK, LOW_REACH, LOW_ROUNDS
from pointcloud.ground.trend import fit_corners, residuals

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LOW_SUPPORT = 4
"""How many others must."""
LOW_CONE = (1.0, 0.3)
"""A lowest point is supported by others that rise from it by less than 1.0 m + 0.3 x distance over the trend."""
TREND_SCALE = 1.5
"""Metres from the trend at which a lowest point has half its weight."""
HIGH_GAP = 20.0
"""Metres of empty height below a point, over 3 x 3 blocks of cells, from which it is a high outlier."""


def low_outliers(cloud: PointCloud, cells: NDArray[np.int32], skip: Mask, grid: Grid) -> tuple[Mask, Lattice]:
    """Points below the ground, and the lattice of lowest points without them.

    A lowest point is an outlier when too few of its neighbours lie below a flat cone that rises from it. Ground seen
    through a gap in the canopy or between two walls is supported by other ground, however high the things around
    it stand. Heights are taken over a coarse trend: on a slope everything downhill would lie below.
    """
    low = np.zeros(len(cloud), dtype=bool)
    lowest = lattice(cloud, cells, skip, grid)
    if int(np.count_nonzero(lowest.known)) <= LOW_SUPPORT:
        return low, lowest
    for _ in range(LOW_ROUNDS):
        found = np.empty(grid.shape, dtype=bool)
        over_trend = residuals(lowest, _trend(lowest))
        run_bands(
            noise_kernels.unsupported, grid.n_rows, lowest.px, lowest.py, over_trend, LOW_REACH, *LOW_CONE, LOW_SUPPORT,
            after=(found,), size=grid.n_rows * grid.n_columns,
        )  # fmt: skip
        if not found.any():
            break
        low[lowest.index[found]] = True
        lowest = lattice(cloud, cells, low | skip, grid)
    return low, lowest


def _trend(lowest: Lattice) -> Floats:
    """Corner heights of a coarse robust surface of the lowest points, so that a slope does not hide what lies below."""
    weight = lowest.known.astype(np.float64)
    corners = fit_corners(lowest.px, lowest.py, lowest.pz, weight, lowest.grid, COARSEST)
    weight = 1.0 / (1.0 + (np.nan_to_num(residuals(lowest, corners)) / TREND_SCALE) ** 2)
    weight[~lowest.known] = 0.0
    return fit_corners(lowest.px, lowest.py, lowest.pz, weight, lowest.grid, COARSEST)


def high_outliers(cloud: PointCloud, cells: NDArray[np.int32], grid: Grid) -> Mask:
    """Points that hang alone far above everything around them: birds, clouds, false echoes."""
    high = np.zeros(len(cloud), dtype=bool)
    shape = (grid.n_rows // HIGH_BLOCK, grid.n_columns // HIGH_BLOCK)
    for _ in range(LOW_ROUNDS):
        top, second, index = _two_highest(cloud.z, cells, grid.n_columns, high, shape)
        found = np.empty(shape, dtype=bool)
        noise_kernels.lonely_tops(top, second, HIGH_GAP, found)
        if not found.any():
            break
        high[index[found]] = True
    return high


def _two_highest(
    z: Floats, cells: NDArray[np.int32], n_columns: int, skip: Mask, shape: tuple[int, int]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Highest and second highest height in each block, and the index of the highest."""

    def part() -> tuple[Floats, Floats, NDArray[np.int64]]:
        return np.full(shape, -np.inf), np.full(shape, -np.inf), np.full(shape, -1, dtype=np.int64)

    (top, second, index), *others = run_parts(
        noise_kernels.two_highest, z.size, z, cells, n_columns, HIGH_BLOCK.bit_length() - 1, skip, part=part
    )
    for other_top, other_second, other_index in others:
        second = np.maximum(np.maximum(second, other_second), np.minimum(top, other_top))
        index = np.where(other_top > top, other_index, index)
        top = np.maximum(top, other_top)
    return top, second, index
