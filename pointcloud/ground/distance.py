"""How far cells of a grid lie from the nearest cell of a kind, as far as it matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground import distance_kernels
from pointcloud.ground.bands import run_bands


def distance_within(is_set: NDArray[np.bool_], reach: float, cell: float = 1.0) -> NDArray[np.float64]:
    """Distance from each cell to the nearest set cell, centre to centre; inf where it is longer than ``reach``.

    Parameters
    ----------
    is_set
        Shape (rows, columns).
    reach
        In the unit of ``cell``; distances up to the next whole number of cells are given too.
    cell
        Edge of a cell.

    References
    ----------
    Saito, T. & Toriwaki, J. 1994, "New algorithms for Euclidean distance transformation", Pattern Recognition 27,
    DOI 10.1016/0031-3203(94)90133-3 (columns first, then rows); the search ends at ``reach``.
    """
    cells = int(np.ceil(reach / cell))
    column = np.empty(is_set.shape, dtype=np.int64)
    out = np.empty(is_set.shape, dtype=np.float64)
    if is_set.size:
        distance_kernels.along_columns(np.ascontiguousarray(is_set), cells, column)
        run_bands(distance_kernels.across_columns, len(out), column, cells, float(cell), after=(out,), size=out.size)
    return out
