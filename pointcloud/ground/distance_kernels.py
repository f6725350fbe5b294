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
def across_columns(
    column: NDArray[np.int64], reach: int, cell: float, first: int, last: int, out: NDArray[np.float64]
) -> None:
    """Metres to the nearest set cell, from the distances along the columns; inf where none is within ``reach`` cells.

    In the rows ``first`` to ``last - 1``. The nearest one of each column to either side is looked at, until the side
    step alone is longer; nowhere where no column within reach has one.
    """
    n_columns = column.shape[1]
    for i in range(first, last):
        n_near = 0
        for j in range(min(reach, n_columns)):
            n_near += column[i, j] <= reach
        for j in range(n_columns):
            if j + reach < n_columns:
                n_near += column[i, j + reach] <= reach
            if j > reach:
                n_near -= column[i, j - reach - 1] <= reach
            if n_near == 0:
                out[i, j] = np.inf
                continue
            best = column[i, j] * column[i, j]
            step = 1
            while step <= reach and step * step < best:
                for k in (j - step, j + step):
                    if 0 <= k < n_columns:
                        best = min(best, step * step + column[i, k] * column[i, k])
                step += 1
            out[i, j] = cell * np.sqrt(float(best)) if best <= reach * reach else np.inf
