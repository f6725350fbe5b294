"""Tree tops: local maxima, in windows that follow the canopy, of the canopy model and of the points themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.forest import tree_kernels
from pointcloud.forest.canopy import HighestPoints
from pointcloud.forest.spacing import Windows
from pointcloud.grid import Grid, Raster
from pointcloud.ground.bands import run_bands

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LOWEST_TREE: Final = 3.0
"""Metres: nothing lower is taken for a tree."""


@dataclass(frozen=True, slots=True)
class Tops:
    """Tree tops: places in metres and heights above the ground, float64 of one length, highest first.

    The order (height, then north, then west) is that in which neighbours give way to one another.
    """

    x: Floats
    y: Floats
    height: Floats

    def __len__(self) -> int:
        return int(self.x.size)

    def take(self, selection: NDArray[np.bool_] | NDArray[np.int64]) -> Tops:
        """The tops that a mask or an index selects."""
        return Tops(self.x[selection], self.y[selection], self.height[selection])


def canopy_tops(canopy: Raster, windows: Windows, lowest: float = LOWEST_TREE) -> Tops:
    """Local maxima of a canopy model, at the centres of their cells.

    Parameters
    ----------
    canopy
        Height above the ground in metres; NaN where there is none.
    windows
        How far a top must be the highest.
    lowest
        Height from which a maximum is a tree, metres.

    References
    ----------
    Popescu, S. C., Wynne, R. H. (2004). Seeing the trees in the forest. Photogrammetric Engineering & Remote Sensing
    70(5), 589-604. doi:10.14358/PERS.70.5.589. Deviation: the window follows the canopy's own correlation, see
    `pointcloud.forest.spacing.windows`.
    """
    centre = np.full(canopy.grid.shape, 0.5 * canopy.grid.cell, np.float32)
    return _tops(np.ascontiguousarray(canopy.values, np.float32), centre, centre, canopy.grid, windows, lowest)


def point_tops(points: HighestPoints, windows: Windows, lowest: float = LOWEST_TREE) -> Tops:
    """Points that are the highest within their window, with no canopy model in between.

    Only the highest point of each cell is looked at: the others can neither be tops nor keep one from being one.

    Parameters
    ----------
    points
        From `canopy.highest_points`.
    windows, lowest
        As in `canopy_tops`.
    """
    return _tops(points.height, points.dx, points.dy, points.grid, windows, lowest)


def _tops(values: Singles, dx: Singles, dy: Singles, grid: Grid, windows: Windows, lowest: float) -> Tops:
    found = np.empty(grid.shape, np.bool_)
    run_bands(
        tree_kernels.maxima, grid.n_rows, values, dx, dy, grid.cell, lowest, windows.radius, windows.height,
        windows.edge, windows.row, windows.column, after=(found,), size=values.size,
    )  # fmt: skip
    rows, columns = np.nonzero(found)
    x = (grid.column + columns.astype(np.float64)) * grid.cell + dx[rows, columns].astype(np.float64)
    y = (grid.south_row + grid.n_rows - 1 - rows.astype(np.float64)) * grid.cell + dy[rows, columns].astype(np.float64)
    height = values[rows, columns].astype(np.float64)
    order = np.lexsort((x, -y, -height))
    return Tops(x[order], y[order], height[order])
