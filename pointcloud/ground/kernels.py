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
def take_of_cells(
    values: NDArray[np.generic], cells: NDArray[np.int32], first: int, last: int, out: NDArray[np.generic]
) -> None:
    """Value of the cell of each point."""
    for i in range(first, last):
        out[i] = values[cells[i]]


@kernel
def block_keys(x: Floats, y: Floats, size: float, column: int, row: int, n_columns: int, out: Ints) -> None:
    """Number of each point's block, counted along rows from the block (column, row)."""
    for i in range(x.size):
        out[i] = (math.floor(y[i] / size) - row) * n_columns + math.floor(x[i] / size) - column


@kernel
def lowest_points(
    x: Floats, y: Floats, z: Floats, cells: NDArray[np.int32], skip: NDArray[np.bool_], first: int, last: int, out: Ints
) -> None:
    """Index of the lowest point of each cell (-1: none); equal heights go to the lesser x, then y."""
    for i in range(first, last):
        if skip[i]:
            continue
        j = out[cells[i]]
        if j < 0 or z[i] < z[j] or (z[i] == z[j] and (x[i] < x[j] or (x[i] == x[j] and y[i] < y[j]))):
            out[cells[i]] = i


@kernel
def lower_points(x: Floats, y: Floats, z: Floats, others: Ints, first: int, last: int, out: Ints) -> None:
    """Put the cells' lowest points of later points in the place of those of earlier ones where they are lower."""
    for k in range(first, last):
        i, j = others[k], out[k]
        if i >= 0 and (j < 0 or z[i] < z[j] or (z[i] == z[j] and (x[i] < x[j] or (x[i] == x[j] and y[i] < y[j])))):
            out[k] = i


@kernel
def coordinates_of(
    x: Floats, y: Floats, z: Floats, index: Ints, first: int, last: int, px: Floats, py: Floats, pz: Floats
) -> None:
    """Coordinates of the points of an index; NaN where it is -1."""
    for k in range(first, last):
        i = index[k]
        if i < 0:
            px[k] = py[k] = pz[k] = np.nan
        else:
            px[k], py[k], pz[k] = x[i], y[i], z[i]


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
def window_minima(values: Floats, half_widths: Ints, first: int, last: int, out: Floats) -> None:
    """Minimum over the cells up to ``half_widths[k]`` columns to each side in the rows k above and below each cell.

    The widths fall with k; cells beyond the edge do not count. A row's running minima grow from width to width: those
    over 2 w + 1 cells, shifted by up to 2 w + 1 cells to each side, give the next ones.
    """
    n_rows, n_columns = values.shape
    reach, pad = half_widths.size - 1, half_widths[0]
    size = n_columns + 2 * pad
    line, wide = np.empty(size), np.empty(size)
    out[first:last] = np.inf
    for r in range(max(0, first - reach), min(n_rows, last + reach)):
        line[:pad] = np.inf
        line[pad + n_columns :] = np.inf
        for c in range(n_columns):
            line[pad + c] = values[r, c]
        width = 0
        for k in range(reach, -1, -1):
            while width < half_widths[k]:
                by = min(half_widths[k] - width, 2 * width + 1)
                widen(line, by, wide)
                line, wide, width = wide, line, width + by
            if first <= r - k < last:
                lower(line[pad : pad + n_columns], out[r - k])
            if k > 0 and first <= r + k < last:
                lower(line[pad : pad + n_columns], out[r + k])


@kernel
def square_sums(values: Ints, reach: int, first: int, last: int, out: Ints) -> None:
    """Sum of the cells up to ``reach`` rows and columns away; cells beyond the edge do not count."""
    n_rows, n_columns = values.shape
    line = np.zeros(n_columns + 2 * reach, dtype=np.int64)
    for r in range(first, last):
        line[:] = 0
        for r2 in range(max(0, r - reach), min(n_rows, r + reach + 1)):
            for c in range(n_columns):
                line[reach + c] += values[r2, c]
        for c in range(n_columns):
            total = 0
            for k in range(c, c + 2 * reach + 1):
                total += line[k]
            out[r, c] = total


@kernel
def widen(line: Floats, by: int, out: Floats) -> None:
    """Least of each value and of those ``by`` places before and behind it."""
    n = line.size
    for c in range(n):
        out[c] = line[c]
    lower(line[by:], out[: n - by])
    lower(line[: n - by], out[by:])


@kernel
def lower(values: Floats, out: Floats) -> None:
    """Lower ``out`` to the values where these are less."""
    for c in range(out.size):
        a, b = out[c], values[c]
        out[c] = a if a < b else b
