"""Kernels of tree tops: local maxima of the canopy and of the points. Rows count from the north."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.forest.spacing_kernels import bilinear
from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]


@kernel
def is_low(values: Singles, r: int, c: int) -> bool:
    """Whether one of the four cells beside a cell is higher."""
    h = values[r, c]
    return bool(
        (r > 0 and values[r - 1, c] > h)
        or (c > 0 and values[r, c - 1] > h)
        or (r + 1 < values.shape[0] and values[r + 1, c] > h)
        or (c + 1 < values.shape[1] and values[r, c + 1] > h)
    )


@kernel
def maxima(
    values: Singles,
    dx: Singles,
    dy: Singles,
    cell: float,
    lowest: float,
    radii: Floats,
    typical: Floats,
    edge: int,
    row: int,
    column: int,
    first: int,
    last: int,
    out: Flags,
) -> None:
    """Cells ``lowest`` high or higher with no higher one beside them or in their window.

    Of equals in a window the first from the north-west counts. The point of a cell lies ``dx`` east and ``dy`` north of
    its south-west corner. ``radii``, ``typical``, ``edge``, ``row`` and ``column`` are a `spacing.Windows`.
    """
    n_rows, n_columns = values.shape
    for r in range(first, last):
        for c in range(n_columns):
            h = values[r, c]
            out[r, c] = h >= lowest and not is_low(values, r, c)
            if not out[r, c]:
                continue
            v, u = (r + row + 0.5) / edge, (c + column + 0.5) / edge
            radius = bilinear(radii, v, u) * (0.5 + 0.5 * h / bilinear(typical, v, u))
            reach = math.ceil(radius / cell)
            for r2 in range(max(0, r - reach), min(n_rows, r + reach + 1)):
                for c2 in range(max(0, c - reach), min(n_columns, c + reach + 1)):
                    is_earlier = r2 < r or (r2 == r and c2 < c)
                    if not (values[r2, c2] > h or (is_earlier and values[r2, c2] == h)):
                        continue
                    x, y = (c2 - c) * cell + dx[r2, c2] - dx[r, c], (r - r2) * cell + dy[r2, c2] - dy[r, c]
                    if x * x + y * y <= radius * radius:
                        out[r, c] = False
                if not out[r, c]:
                    break
