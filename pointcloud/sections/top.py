"""The surface (表層) of a survey: the network of the highest points, as the highest-return DSM takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.dimensions import ClassCode
from pointcloud.sections import place_kernels
from pointcloud.sections.cut import Surface
from pointcloud.sections.strips import ground_surface as point_surface

Floats = NDArray[np.float64]

CELL = 0.5
"""Metres of the cells of which each gives its highest point."""

SIDE = 16
"""Cells across a block: 8 m, the cells that a corridor's points come sorted by."""


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
    rows, columns = (np.floor(v / (SIDE * CELL)).astype(np.int64) for v in (y, x))
    block = rows << 32 | columns & 0xFFFFFFFF
    highest = np.empty(x.size, dtype=np.int64)
    n = place_kernels.highest_of_cells(x, y, z, np.argsort(block, kind="stable"), block, CELL, SIDE, highest)
    highest = highest[:n]  # neighbours follow each other, which the triangulation is quick with
    return point_surface(x[highest], y[highest], z[highest], max_gap)
