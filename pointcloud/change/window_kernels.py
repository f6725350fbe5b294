"""Kernels of means in square windows. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def down_columns(values: NDArray[np.float64], size: int, first: int, last: int, out: NDArray[np.float64]) -> None:
    """Running means over ``size`` (odd) rows in the columns ``first`` to ``last - 1``; beyond the border are zeros."""
    n_rows, half = values.shape[0], size // 2
    level = np.zeros(last - first)
    for i in range(min(half + 1, n_rows)):
        for j in range(first, last):
            level[j - first] += values[i, j]
    for j in range(first, last):
        out[0, j] = level[j - first] / size
    for i in range(1, n_rows):
        enters, leaves = i + half, i - half - 1
        for j in range(first, last):
            new = values[enters, j] if enters < n_rows else 0.0
            old = values[leaves, j] if leaves >= 0 else 0.0
            level[j - first] += new - old
            out[i, j] = level[j - first] / size


@kernel
def along_rows(values: NDArray[np.float64], size: int, first: int, last: int, out: NDArray[np.float64]) -> None:
    """Running means over ``size`` (odd) columns in the rows ``first`` to ``last - 1``; beyond the border are zeros."""
    n_columns, half = values.shape[1], size // 2
    for i in range(first, last):
        level = 0.0
        for j in range(min(half + 1, n_columns)):
            level += values[i, j]
        out[i, 0] = level / size
        for j in range(1, n_columns):
            new = values[i, j + half] if j + half < n_columns else 0.0
            old = values[i, j - half - 1] if j - half - 1 >= 0 else 0.0
            level += new - old
            out[i, j] = level / size
