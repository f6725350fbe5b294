"""Kernels over triangles and cells. Arrays in, arrays out; rows count from the north."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def rasterise(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    triangles: NDArray[np.uint32],
    values: NDArray[np.float64],
) -> None:
    """Write the height of each triangle's plane into the cells whose centre it holds.

    ``x`` and ``y`` are in cell units with the centre of cell (row 0, column 0) at (0, 0), x to the east and
    y to the south, so that centres are whole numbers. Cells that no triangle holds keep their value.
    """
    n_rows, n_columns = values.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = x[a], y[a], x[b], y[b], x[c], y[c]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        first_row = max(0, math.ceil(min(ay, by, cy)))
        last_row = min(n_rows - 1, math.floor(max(ay, by, cy)))
        first_column = max(0, math.ceil(min(ax, bx, cx)))
        last_column = min(n_columns - 1, math.floor(max(ax, bx, cx)))
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                u = ((bx - column) * (cy - row) - (cx - column) * (by - row)) / area
                v = ((cx - column) * (ay - row) - (ax - column) * (cy - row)) / area
                w = 1.0 - u - v
                if u >= 0.0 and v >= 0.0 and w >= -1e-12:
                    values[row, column] = u * z[a] + v * z[b] + w * z[c]


@kernel
def cell_maximum(
    rows: NDArray[np.int64], columns: NDArray[np.int64], z: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """Raise each cell to its highest point; NaN cells take their first point; points outside are skipped."""
    n_rows, n_columns = values.shape
    for i in range(z.size):
        row, column = rows[i], columns[i]
        if row < 0 or row >= n_rows or column < 0 or column >= n_columns:
            continue
        if not values[row, column] >= z[i]:
            values[row, column] = z[i]
