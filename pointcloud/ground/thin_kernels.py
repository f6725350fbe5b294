"""Kernels that pick the few points of a cell at which the far-reaching steps of the ground filter look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def lowest_few(
    x: Floats, y: Floats, z: Floats, cells: Ints, skip: NDArray[np.bool_], sign: float, out: NDArray[np.int32]
) -> None:
    """Indices of the points of each cell with the least ``sign`` x height, the least first; -1: no more.

    Equal heights go to the lesser x, then y, as in `kernels.lowest_points`. ``out`` has a row a cell, filled with -1.
    """
    for i in range(x.size):
        if skip[i]:
            continue
        own, c = i, cells[i]
        for k in range(out.shape[1]):
            j = out[c, k]
            if j < 0:
                out[c, k] = own
                break
            a, b = sign * z[own], sign * z[j]
            if a < b or (a == b and (x[own] < x[j] or (x[own] == x[j] and y[own] < y[j]))):
                out[c, k], own = own, j


@kernel
def mark(picked: NDArray[np.int32], out: NDArray[np.bool_]) -> None:
    """Set the flags of the points that were picked; -1 is none."""
    for c in range(picked.shape[0]):
        for k in range(picked.shape[1]):
            if picked[c, k] >= 0:
                out[picked[c, k]] = True
