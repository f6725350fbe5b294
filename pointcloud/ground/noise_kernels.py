"""Kernels for outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@kernel
def unsupported(
    px: Floats,
    py: Floats,
    pz: Floats,
    reach: int,
    base: float,
    slope: float,
    least: int,
    first: int,
    last: int,
    out: Flags,
) -> None:
    """Cells whose lowest point has fewer than ``least`` others near that lie below a cone rising from it.

    The cone starts ``base`` above the point and rises with ``slope``; near is a square of ``reach`` cells each way.
    """
    n_rows, n_columns = pz.shape
    for r in range(first, last):
        for c in range(n_columns):
            z = pz[r, c]
            out[r, c] = False
            if np.isnan(z):
                continue
            n = 0
            ring = 1
            while n < least and ring <= reach:
                for r2 in range(max(0, r - ring), min(n_rows, r + ring + 1)):
                    step = 1 if abs(r2 - r) == ring else 2 * ring
                    for c2 in range(c - ring, c + ring + 1, step):
                        if c2 < 0 or c2 >= n_columns:
                            continue
                        dx, dy = px[r2, c2] - px[r, c], py[r2, c2] - py[r, c]
                        if pz[r2, c2] - z < base + slope * np.sqrt(dx * dx + dy * dy):
                            n += 1
                ring += 1
            out[r, c] = n < least


@kernel
def lonely_tops(top: Floats, second: Floats, gap: float, out: Flags) -> None:
    """Cells whose highest point lies more than ``gap`` above every other point of the 3 x 3 cells around it."""
    n_rows, n_columns = top.shape
    for r in range(n_rows):
        for c in range(n_columns):
            z = top[r, c]
            other = second[r, c]
            for r2 in range(max(0, r - 1), min(n_rows, r + 2)):
                for c2 in range(max(0, c - 1), min(n_columns, c + 2)):
                    if (r2 != r or c2 != c) and top[r2, c2] > other:
                        other = top[r2, c2]
            out[r, c] = z > -np.inf and other > -np.inf and z - other > gap


@kernel
def two_highest(
    z: Floats,
    cells: NDArray[np.int32],
    fine_columns: int,
    shift: int,
    skip: Flags,
    first: int,
    last: int,
    out: tuple[Floats, Floats, Ints],
) -> None:
    """Highest and second highest height in blocks of 2^shift x 2^shift cells, and the index of the highest."""
    top, second, index = out
    for i in range(first, last):
        if skip[i]:
            continue
        r = cells[i] // fine_columns
        r, c = r >> shift, (cells[i] - r * fine_columns) >> shift
        if z[i] > top[r, c]:
            second[r, c] = top[r, c]
            top[r, c] = z[i]
            index[r, c] = i
        elif z[i] > second[r, c]:
            second[r, c] = z[i]
