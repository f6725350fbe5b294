"""Kernels of the terrain's shape. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def slopes(
    z: NDArray[np.float64],
    scale: float,
    first: int,
    last: int,
    to_east: NDArray[np.float64],
    to_north: NDArray[np.float64],
) -> None:
    """Horn's differences over ``scale`` of the rows ``first`` to ``last - 1``; NaN on the outer cells."""
    n_rows, n_columns = z.shape
    for i in range(first, last):
        if i == 0 or i == n_rows - 1 or n_columns < 3:
            to_east[i] = np.nan
            to_north[i] = np.nan
            continue
        to_east[i, 0] = to_east[i, n_columns - 1] = np.nan
        to_north[i, 0] = to_north[i, n_columns - 1] = np.nan
        for j in range(1, n_columns - 1):
            side = (z[i - 1, j + 1] - z[i - 1, j - 1]) + 2.0 * (z[i, j + 1] - z[i, j - 1])
            to_east[i, j] = (side + (z[i + 1, j + 1] - z[i + 1, j - 1])) / scale
            side = (z[i - 1, j - 1] - z[i + 1, j - 1]) + 2.0 * (z[i - 1, j] - z[i + 1, j])
            to_north[i, j] = (side + (z[i - 1, j + 1] - z[i + 1, j + 1])) / scale
