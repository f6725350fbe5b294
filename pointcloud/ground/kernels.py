"""Kernels of the ground filter on a grid of lowest points: cells, filling, opening.

Every kernel works on the rows ``first`` to ``last`` of its output, so that bands can run in threads, and
computes each value from absolute positions in one fixed order: a tile gives the survey's values bit for bit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def cell_indices(
    x: Floats,
    y: Floats,
    cell: float,
    column: int,
    north_row: int,
    n_columns: int,
    first: int,
    last: int,
    out: NDArray[np.int32],
) -> None:
    """Flat cell index of each point; ``north_row`` is the absolute index of the row above row 0."""
    for i in range(first, last):
        c = math.floor(x[i] / cell) - column
        r = north_row - 1 - math.floor(y[i] / cell)
        out[i] = r * n_columns + c


@kernel
def block_keys(x: Floats, y: Floats, size: float, column: int, row: int, n_columns: int, out: Ints) -> None:
    """Number of each point's block, counted along rows from the block (column, row)."""
    for i in range(x.size):
        out[i] = (math.floor(y[i] / size) - row) * n_columns + math.floor(x[i] / size) - column


@kernel
def label_points(
    z: Floats,
    height: Floats,
    cells: NDArray[np.int32],
    slope: Floats,
    threshold: float,
    scalar: float,
    yes: int,
    no: int,
    first: int,
    last: int,
    out: NDArray[np.uint8],
) -> None:
    """``yes`` for points within ``threshold`` + ``scalar`` x slope of the surface's height, else ``no``."""
    for i in range(first, last):
        near = abs(z[i] - height[i]) <= threshold + scalar * slope[cells[i]]
        out[i] = yes if near else no


@kernel
def lowest_points(
    x: Floats, y: Floats, z: Floats, cells: NDArray[np.int32], skip: NDArray[np.bool_], out: Ints
) -> None:
    """Index of the lowest point of each cell (-1: none); equal heights go to the lesser x, then y."""
    for i in range(cells.size):
        if skip[i]:
            continue
        j = out[cells[i]]
        if j < 0 or z[i] < z[j] or (z[i] == z[j] and (x[i] < x[j] or (x[i] == x[j] and y[i] < y[j]))):
            out[cells[i]] = i


@kernel
def halve(values: Floats, out: Floats) -> None:
    """Mean of the known cells of each 2 x 2 block, NaN where none is known."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            total, n = 0.0, 0
            for k in range(4):
                v = values[2 * r + k // 2, 2 * c + k % 2]
                if not math.isnan(v):
                    total += v
                    n += 1
            out[r, c] = total / n if n > 0 else np.nan


@kernel
def fill_from(coarse: Floats, values: Floats) -> None:
    """Fill unknown cells in place by linear interpolation among the known centres of the coarser grid."""
    n_rows, n_columns = coarse.shape
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            if not math.isnan(values[r, c]):
                continue
            r0, c0 = r // 2, c // 2
            r1 = r0 + (1 if r % 2 else -1)
            c1 = c0 + (1 if c % 2 else -1)
            total, weight = 0.0, 0.0
            for k in range(4):
                rk = r0 if k < 2 else r1
                ck = c0 if k % 2 == 0 else c1
                if rk < 0 or ck < 0 or rk >= n_rows or ck >= n_columns or math.isnan(coarse[rk, ck]):
                    continue
                w = (0.75 if k < 2 else 0.25) * (0.75 if k % 2 == 0 else 0.25)
                total += w * coarse[rk, ck]
                weight += w
            if weight > 0.0:
                values[r, c] = total / weight


@kernel
def row_minima(values: Floats, half_width: int, first: int, last: int, out: Floats) -> None:
    """Running minimum along each row over 2 ``half_width`` + 1 cells; cells beyond the edge do not count."""
    n = values.shape[1]
    width = 2 * half_width + 1
    m = n + 2 * half_width
    line = np.full(m, np.inf)
    for r in range(first, last):
        for c in range(half_width):
            line[c] = np.inf
            line[m - 1 - c] = np.inf
        for c in range(n):
            line[half_width + c] = values[r, c]
        span = 1
        while 2 * span <= width:
            for c in range(m - span):
                a, b = line[c], line[c + span]
                line[c] = a if a < b else b
            span *= 2
        for c in range(n):
            a, b = line[c], line[c + width - span]
            out[r, c] = a if a < b else b


@kernel
def lower_rows(rows: Floats, offset: int, first: int, last: int, out: Floats) -> None:
    """Lower ``out`` to ``rows`` shifted by ``offset`` rows up and by as many rows down."""
    n_rows, n_columns = rows.shape
    for r in range(first, last):
        if r + offset < n_rows:
            for c in range(n_columns):
                a, b = out[r, c], rows[r + offset, c]
                out[r, c] = a if a < b else b
        if r - offset >= 0:
            for c in range(n_columns):
                a, b = out[r, c], rows[r - offset, c]
                out[r, c] = a if a < b else b
