"""Kernels of distances on a grid. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def along_columns(is_set: NDArray[np.bool_], reach: int, out: NDArray[np.int64]) -> None:
    """Cells from each cell to the nearest set one of its column; ``reach + 1`` where none is within ``reach``."""
    n_rows, n_columns = is_set.shape
    for j in range(n_columns):
        out[0, j] = 0 if is_set[0, j] else reach + 1
    for i in range(1, n_rows):
        for j in range(n_columns):
            out[i, j] = 0 if is_set[i, j] else min(out[i - 1, j] + 1, reach + 1)
    for i in range(n_rows - 2, -1, -1):
        for j in range(n_columns):
            out[i, j] = min(out[i, j], out[i + 1, j] + 1)


@kernel
def across_columns(column: NDArray[np.int64], reach: int, cell: float, out: NDArray[np.float64]) -> None:
    """Metres to the nearest set cell, from the distances along the columns; inf where none is within ``reach`` cells.

    The nearest one of each column to either side is looked at, until the side step alone is longer.
    """
    n_rows, n_columns = column.shape
    for i in range(n_rows):
        for j in range(n_columns):
            best = column[i, j] * column[i, j]
            step = 1
            while step <= reach and step * step < best:
                for k in (j - step, j + step):
                    if 0 <= k < n_columns:
                        best = min(best, step * step + column[i, k] * column[i, k])
                step += 1
            out[i, j] = cell * np.sqrt(float(best)) if best <= reach * reach else np.inf
