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
    """Mean absolute residual, each at most 1 m, of the accepted cells within ``reach`` cells each way; NaN: none."""
    n_rows, n_columns = residual.shape
    for r in range(first, last):
        for c in range(n_columns):
            out[r, c] = np.nan
            if not accepted[r, c]:
                continue
            total, n = 0.0, 0
            for r2 in range(max(0, r - reach), min(n_rows, r + reach + 1)):
                for c2 in range(max(0, c - reach), min(n_columns, c + reach + 1)):
                    if accepted[r2, c2] and not math.isnan(residual[r2, c2]):
                        total += min(1.0, abs(residual[r2, c2]))
                        n += 1
            if n > 0:
                out[r, c] = total / n
