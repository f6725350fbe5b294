"""Crowns around tree tops: region growing (Dalponte & Coomes 2016) and marker-controlled watershed.

Both work on the canopy model of the whole survey at once, so there is no seam that a crown could be cut at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pointcloud.forest import crown_kernels
from pointcloud.forest.trees import Tops
from pointcloud.grid import Grid, Raster

Method = Literal["growth", "watershed"]
Labels = NDArray[np.int32]

SHARE_OF_TOP: Final = 0.45
"""A crown's cells are higher than this share of its top (Dalponte & Coomes 2016; 0.45 as in their itcSegment)."""

SHARE_OF_MEAN: Final = 0.55
"""A crown's cells are higher than this share of the crown's mean so far (as in itcSegment)."""

OVERSHOOT: Final = 1.05
"""A crown's cells are no higher than this multiple of its top (as in itcSegment)."""

_LEAST_RADIUS, _RADIUS_SHARE, _MOST_RADIUS = 1.5, 0.25, 10.0

_FLOOD_STEP: Final = 0.01
"""Metres of height that the watershed treats as one level."""


@dataclass(frozen=True, slots=True)
class Crowns:
    """Crowns on the canopy's grid.

    Parameters
    ----------
    labels
        int32 of ``grid.shape``: k + 1 where tree k of ``tops`` covers the cell, 0 where none does.
    tops
        The trees, in the order of the labels.
    saddle
        Height above ground of the highest pass from each crown to a neighbouring one, metres, 0 where it has none.
    grid
        The canopy's.
    """

    labels: Labels
    tops: Tops
    saddle: NDArray[np.float64]
    grid: Grid


def crowns(smooth: Raster, tops: Tops, method: Method = "growth") -> Crowns:
    """A crown for every top that lies on the canopy.

    Parameters
    ----------
    smooth
        Canopy model from `canopy.smoothed`, metres; NaN where there is no canopy.
    tops
        Tree tops; those off the grid, on no canopy, or in a cell that a higher one has, are left out.
    method
        ``growth`` adds ring after ring of cells that are high enough for the tree; ``watershed`` floods from the tops
        downward, so that crowns meet in the valleys between them.

    Returns
    -------
    Crowns
        A crown reaches at most a quarter of its tree's height from the top (1.5 m to 10 m).

    References
    ----------
    Dalponte, M., Coomes, D. A. (2016). Tree-centric mapping of forest carbon density from airborne laser scanning and
    hyperspectral data. Methods in Ecology and Evolution 7, 1236-1245. doi:10.1111/2041-210X.12575. Deviations: a cell
    that two crowns reach in one sweep goes to the nearer top (theirs: to the one scanned last), a crown's mean is that
    at the beginning of the sweep, and the reach is a circle.
    Meyer, F., Beucher, S. (1990). Morphological segmentation. J. Visual Communication and Image Representation 1(1),
    21-46. doi:10.1016/1047-3203(90)90014-M. Here crowns touch: no cells are left for the watershed line.
    """
    grid = smooth.grid
    values = np.ascontiguousarray(smooth.values, dtype=np.float32).ravel()
    tops, seeds = _seeds(values, tops, grid)
    labels = np.zeros(values.size, np.int32)
    top = values[seeds].astype(np.float64)
    radius = np.clip(_RADIUS_SHARE * top, _LEAST_RADIUS, _MOST_RADIUS) / grid.cell
    if method == "growth":
        limits = (SHARE_OF_TOP, SHARE_OF_MEAN, OVERSHOOT)
        crown_kernels.grow(values, grid.shape, seeds, limits, radius, labels)
    else:
        crown_kernels.flood(values, grid.shape, seeds, SHARE_OF_TOP, radius, _FLOOD_STEP, labels)
    saddle = np.zeros(len(tops))
    crown_kernels.saddles(values, grid.shape, labels, saddle)
    return Crowns(labels.reshape(grid.shape), tops, saddle, grid)


def _seeds(values: NDArray[np.float32], tops: Tops, grid: Grid) -> tuple[Tops, NDArray[np.int64]]:
    """The tops that stand on the canopy, one a cell, and their cells."""
    rows, columns = grid.cells_of(tops.x, tops.y)
    inside = (rows >= 0) & (rows < grid.n_rows) & (columns >= 0) & (columns < grid.n_columns)
    cell = np.where(inside, rows * grid.n_columns + columns, 0)
    _, first = np.unique(np.where(inside, cell, -1 - np.arange(cell.size)), return_index=True)
    is_first = np.zeros(cell.size, np.bool_)
    is_first[first] = True
    keep = inside & is_first & (values[cell] > 0)
    return tops.take(keep), cell[keep]
