"""From points and terrain to trees, in steps that a tiled survey and a cloud in memory share.

::

    points = HighestPoints.empty(grid)
    for tile: add_tile(points, cloud, heights(cloud, terrain), tile.core)
    found = find_trees(points)
    for tile: found.measurement.add(cloud, heights(cloud, terrain), tile.core)
    trees = found.measurement.trees(terrain)

A tile gives the highest point of each cell of its core and the pulses there; all else is done on the grid of the whole
survey. So the trees do not depend on how the survey was cut, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pointcloud.cloud import PointCloud
from pointcloud.forest import canopy, crowns, spacing, trees
from pointcloud.forest.attributes import Measurement
from pointcloud.forest.canopy import HighestPoints
from pointcloud.forest.inventory import Trees, tree_ids
from pointcloud.forest.spacing import Windows
from pointcloud.forest.trees import Tops
from pointcloud.grid import Grid, Raster

REACH: Final = canopy.STRAY_REACH
"""Metres beyond a tile's core from which points are needed."""

DENSE: Final = 3.0
"""Pulses a square metre from which tops are looked for among the points. In sparser surveys single pulses that went
deep make holes that look like gaps between trees; the canopy model, which bridges them, is taken there."""

SAME_TREE: Final = 1.0
"""Metres between two tops, found by either method where the methods meet, that are one tree."""


@dataclass(frozen=True, slots=True)
class Found:
    """Trees found, and all that their measurement and the maps need.

    Parameters
    ----------
    canopy
        Canopy height model without pits, float32 metres; NaN where no return fell within reach.
    windows
        How the canopy is built, by block.
    crowns
        Crowns on the canopy's grid, and the tops they belong to.
    n_by_method
        Tops by how they were found: ``canopy`` and ``points``.
    measurement
        Takes the points a second time; see the module.
    """

    canopy: Raster
    windows: Windows
    crowns: crowns.Crowns
    n_by_method: dict[str, int]
    measurement: Measurement

    @property
    def ids(self) -> NDArray[np.uint64]:
        """Id of each label of ``crowns``; element 0, for cells of no crown, is 0."""
        tops = self.crowns.tops
        return np.concatenate((np.zeros(1, np.uint64), tree_ids(tops.x, tops.y)))


def add_tile(points: HighestPoints, cloud: PointCloud, height: NDArray[np.float32], core: Grid) -> None:
    """Write the highest points of a tile's core into their places.

    Parameters
    ----------
    points
        Of the whole survey; changed.
    cloud, height
        Points of the core and those within `REACH` of it, and their metres above the ground.
    core
        Window of the survey's grid; the cores of all tiles share no cell.
    """
    points.put(canopy.highest_points(cloud, height, canopy.strays(cloud, height), core))


def find_trees(points: HighestPoints, method: crowns.Method = "growth") -> Found:
    """Tops and crowns of a survey.

    Parameters
    ----------
    points
        The highest point of each cell of the survey.
    method
        How crowns are drawn; see `crowns.crowns`.
    """
    model = canopy.without_pits(points)
    smooth = canopy.smoothed(model)
    windows = spacing.windows(model, points)
    tops, n_by_method = find_tops(points, model, windows)
    grown = crowns.crowns(smooth, tops, method)
    return Found(model, windows, grown, n_by_method, Measurement(grown, points, smooth))


def find_tops(points: HighestPoints, model: Raster, windows: Windows) -> tuple[Tops, dict[str, int]]:
    """Tops of the survey, by the method that suits the density of each place, and how many each method gave.

    Where methods meet, a tree that both found is kept once: the higher top.
    """
    by_canopy, by_points = (
        tops.take((windows.density_at(*points.grid.cells_of(tops.x, tops.y)) >= DENSE) == wanted)
        for tops, wanted in ((trees.canopy_tops(model, windows), False), (trees.point_tops(points, windows), True))
    )
    by_canopy = by_canopy.take(~_is_taken(by_canopy, by_points))
    by_points = by_points.take(~_is_taken(by_points, by_canopy))
    return _joined(by_canopy, by_points), {"canopy": len(by_canopy), "points": len(by_points)}


def _is_taken(tops: Tops, others: Tops) -> NDArray[np.bool_]:
    """Tops whose nearest one of the other method is the same tree and no lower."""
    if len(tops) == 0 or len(others) == 0:
        return np.zeros(len(tops), np.bool_)
    distance, nearest = cKDTree(np.column_stack((others.x, others.y))).query(np.column_stack((tops.x, tops.y)))
    taken: NDArray[np.bool_] = (distance < SAME_TREE) & (others.height[nearest] >= tops.height)
    return taken


def _joined(one: Tops, other: Tops) -> Tops:
    x, y, height = (np.concatenate((getattr(one, name), getattr(other, name))) for name in ("x", "y", "height"))
    order = np.lexsort((x, -y, -height))
    return Tops(x[order], y[order], height[order])


def trees_of(cloud: PointCloud, terrain: Raster, method: crowns.Method = "growth") -> tuple[Trees, Found]:
    """Trees of a cloud in memory, on the terrain's grid.

    Parameters
    ----------
    cloud
        Points in the terrain's CRS, noise included.
    terrain
        Ground heights in metres, cells of 0.25 to 0.5 m; NaN where void.
    method
        How crowns are drawn; see `crowns.crowns`.

    Returns
    -------
    trees
        Empty where there are none.
    found
        Canopy model and crowns.
    """
    height = canopy.heights(cloud, terrain)
    points = HighestPoints.empty(terrain.grid)
    add_tile(points, cloud, height, terrain.grid)
    found = find_trees(points, method)
    found.measurement.add(cloud, height, terrain.grid)
    return found.measurement.trees(terrain), found
