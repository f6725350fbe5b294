"""Kernels of the canopy's correlation: products of heights at growing distances, summed by block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@kernel
def products(
    departure: Singles,
    edge: int,
    row: int,
    column: int,
    n_lags: int,
    first: int,
    last: int,
    sums: Floats,
    counts: Floats,
) -> None:
    """Add the products of departures of cells 0, 1, 2 ... cells apart to the block of the first of the two.

    Parameters
    ----------
    departure
        Departure of each cell from the mean around it; NaN where there is no canopy.
    edge, row, column
        Edge of a block in cells, and rows and columns of the first block that lie off the grid.
    first, last
        Rows of blocks.
    sums, counts
        In and out: shape (block rows, block columns, n_lags); lag in whole cells, to the nearest.
    """
    n_rows, n_columns = departure.shape
    for r in range(max(0, first * edge - row), min(n_rows, last * edge - row)):
        for c in range(n_columns):
            d = departure[r, c]
            if math.isnan(d):
                continue
            i, j = (r + row) // edge, (c + column) // edge
            sums[i, j, 0] += d * d
            counts[i, j, 0] += 1.0
            for axis in range(4):
                dr, dc = (0, 1, 1, 1)[axis], (1, 0, 1, -1)[axis]
                length = math.sqrt(2.0) if axis > 1 else 1.0
                for step in range(1, n_lags):
                    lag = int(step * length + 0.5)
                    r2, c2 = r + step * dr, c + step * dc
                    if lag >= n_lags or r2 >= n_rows or c2 < 0 or c2 >= n_columns:
                        break
                    other = departure[r2, c2]
                    if not math.isnan(other):
                        sums[i, j, lag] += d * other
                        counts[i, j, lag] += 1.0


@kernel
def bilinear(values: Floats, row: float, column: float) -> float:
    """Value between the centres of blocks, ``row`` and ``column`` in blocks; the outermost centres hold beyond."""
    u = min(max(column - 0.5, 0.0), values.shape[1] - 1.0)
    v = min(max(row - 0.5, 0.0), values.shape[0] - 1.0)
    i, j = int(v), int(u)
    i2, j2 = min(i + 1, values.shape[0] - 1), min(j + 1, values.shape[1] - 1)
    top = values[i, j] + (u - j) * (values[i, j2] - values[i, j])
    bottom = values[i2, j] + (u - j) * (values[i2, j2] - values[i2, j])
    return float(top + (v - i) * (bottom - top))
