"""The surface (表層) of a survey: the network of the highest points, as the highest-return DSM takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.dimensions import ClassCode
from pointcloud.ground.surface import triangulate
from pointcloud.sections.cut import Surface

Floats = NDArray[np.float64]

CELL = 0.5
"""Metres of the cells of which each gives its highest point."""


def top_surface(x: Floats, y: Floats, z: Floats, classes: NDArray[np.uint8], max_gap: float) -> Surface:
    """The TIN of the highest point of each cell of `CELL`, where it was measured; void beyond ``max_gap`` of any.

    Parameters
    ----------
    x, y, z
        All points, float64 of shape (n,), metres.
    classes
        ASPRS classes; noise (7, 18) is left out.
    max_gap
        Metres.
    """
    known = (classes != ClassCode.LOW_NOISE) & (classes != ClassCode.HIGH_NOISE)
    x, y, z = x[known], y[known], z[known]
    cells = np.floor(y / CELL).astype(np.int64) << 32 | np.floor(x / CELL).astype(np.int64) & 0xFFFFFFFF
    order = np.lexsort((z, cells))
    is_last = np.ones(order.size, dtype=np.bool_)
    is_last[:-1] = np.diff(cells[order]) != 0
    highest = order[is_last]  # neighbours follow each other, which the triangulation is quick with
    return Surface(triangulate(x[highest], y[highest], z[highest]), max_gap)
