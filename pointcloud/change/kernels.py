"""Kernels of the change room. Arrays in, arrays out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel


@kernel
def add_ring(x: NDArray[np.float64], y: NDArray[np.float64], cover: NDArray[np.float64]) -> None:
    """Add a closed ring's signed area to a coverage accumulator.

    ``x`` and ``y`` are the ring's vertices in cell units, the first repeated at the end, with cell (row 0,
    column 0) spanning 0-1 in both; ``y`` grows with the row. ``cover`` has shape (rows, columns + 1). After all
    rings are in, the running sum of ``cover`` along each row is the signed share of each cell inside the rings:
    each piece of an edge inside a cell adds its height to all cells beyond, less the part of its own cell that
    lies before it.
    """
    n_rows, n_columns = cover.shape[0], cover.shape[1] - 1
    for i in range(x.size - 1):
        x0, y0, x1, y1 = x[i], y[i], x[i + 1], y[i + 1]
        if y0 == y1:
            continue
        slope = (x1 - x0) / (y1 - y0)
        sign = 1.0 if y1 > y0 else -1.0
        top, bottom = min(y0, y1), max(y0, y1)
        for row in range(max(0, math.floor(top)), min(n_rows - 1, math.floor(bottom)) + 1):
            ya, yb = max(top, float(row)), min(bottom, row + 1.0)
            if yb <= ya:
                continue
            xa, xb = x0 + (ya - y0) * slope, x0 + (yb - y0) * slope
            add_piece(min(xa, xb), max(xa, xb), sign * (yb - ya), cover[row], n_columns)


@kernel
def add_piece(left: float, right: float, height: float, cover: NDArray[np.float64], n_columns: int) -> None:
    """Add a straight piece of an edge that stays in one row, from ``left`` to ``right``, of signed ``height``."""
    if right <= 0.0:
        cover[0] += height
        return
    width = right - left
    start = max(left, 0.0)
    if start > left:
        cover[0] += height * (start - left) / width
    while start < n_columns:
        column = math.floor(start)
        end = min(right, column + 1.0)
        share = height * (end - start) / width if width > 0.0 else height
        middle = 0.5 * (start + end) - column
        cover[column] += share * (1.0 - middle)
        cover[column + 1] += share * middle
        if end >= right:
            return
        start = end
