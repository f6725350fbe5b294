"""Kernels of the variogram. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def add_pairs(
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    row_steps: NDArray[np.int64],
    column_steps: NDArray[np.int64],
    sums: NDArray[np.float64],
    lags: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Add half squared differences, distances (in cells) and numbers of pairs to the bins.

    Bin ``b`` pairs cell (``rows[i]``, ``columns[i]``) with the cell (``row_steps[b, i]``, ``column_steps[b, i]``)
    further; pairs that leave the raster or meet a NaN are left out.
    """
    n_rows, n_columns = values.shape
    for b in range(sums.size):
        for i in range(rows.size):
            row, column = rows[i] + row_steps[b, i], columns[i] + column_steps[b, i]
            if row < 0 or column < 0 or row >= n_rows or column >= n_columns:
                continue
            difference = values[rows[i], columns[i]] - values[row, column]
            if np.isnan(difference):
                continue
            sums[b] += 0.5 * difference * difference
            lags[b] += np.sqrt(float(row_steps[b, i] ** 2 + column_steps[b, i] ** 2))
            counts[b] += 1
