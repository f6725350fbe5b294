"""Kernel that picks the lowest candidate of each block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@kernel
def lowest_of_blocks(
    px: Floats,
    py: Floats,
    residual: Floats,
    candidate: Flags,
    size: float,
    column: int,
    row: int,
    out: NDArray[np.int64],
) -> None:
    """Flat cell of the candidate with the least residual in each block of ``size`` metres (-1: none).

    ``column`` and ``row`` are the absolute block indices of ``out[0, 0]``; equal residuals go to the western, then
    the southern point.
    """
    for i in range(px.size):
        if not candidate[i]:
            continue
        r, c = math.floor(py[i] / size) - row, math.floor(px[i] / size) - column
        j = out[r, c]
        if (
            j < 0
            or residual[i] < residual[j]
            or (residual[i] == residual[j] and (px[i] < px[j] or (px[i] == px[j] and py[i] < py[j])))
        ):
            out[r, c] = i


@kernel
def local_roughness(residual: Floats, accepted: Flags, reach: int, first: int, last: int, out: Floats) -> None:
    """Mean absolute residual, each at most 1 m, of the accepted cells within ``reach`` cells each way; NaN: none.

    Lines shifted by a column each are added up: work for vector registers, where what does not count adds nothing.
    """
    n_rows, n_columns = residual.shape
    top, bottom = max(0, first - reach), min(n_rows, last + reach)
    height, counts = np.zeros((2, bottom - top, n_columns + 2 * reach))
    for r in range(top, bottom):
        for c in range(n_columns):
            if accepted[r, c] and not math.isnan(residual[r, c]):
                height[r - top, reach + c], counts[r - top, reach + c] = min(1.0, abs(residual[r, c])), 1.0
    total, n = np.empty(n_columns), np.empty(n_columns)
    for r in range(first, last):
        total[:], n[:] = 0.0, 0.0
        for r2 in range(max(0, r - reach), min(n_rows, r + reach + 1)):
            for d in range(2 * reach + 1):
                add_lines(height[r2 - top, d : d + n_columns], counts[r2 - top, d : d + n_columns], total, n)
        for c in range(n_columns):
            out[r, c] = total[c] / n[c] if accepted[r, c] and n[c] > 0.0 else np.nan


@kernel
def add_lines(one: Floats, other: Floats, to_one: Floats, to_other: Floats) -> None:
    """Add two lines to two others of the same length."""
    for c in range(one.size):
        to_one[c] += one[c]
        to_other[c] += other[c]
