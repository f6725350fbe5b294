"""Ground points that carry a terrain which can be subtracted from another one.

A terrain through the lowest returns lies the higher, the denser the plants that stand on it, and the lower, the more
returns each lowest one is chosen from. In one terrain these centimetres hardly matter. In a difference they pass for
change wherever the cover changed: a slide takes the trees with the ground. So each lowest point is chosen from as
many ground points in both surveys, from somewhat more than one terrain alone would want, and by its height over the
smooth surface of all of them, so that wide blocks do not cut off ridges.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground.keypoints import ROUGHNESS_STEP, key_cells
from pointcloud.ground.lattice import cells_of_points, lattice, working_grid
from pointcloud.ground.mask import Terrain
from pointcloud.ground.scales import BLOCK_POINTS
from pointcloud.ground.trend import fit_corners, residuals

BLOCK_GROUND = 17.0
"""Ground points in a block of the first round; decision 054 gives what fewer and more did."""

DENSITY_CELL = 4.0
"""Edge (m) of the cells in which ground points are counted."""

SPARSE = 1.0 / 16.0
"""Ground points a square metre below which cells of 2 m take the place of cells of 1 m, as in the ground filter."""


def carriers(ground: PointCloud) -> PointCloud:
    """Those of a survey's ground points that carry its terrain in a difference.

    The blocks follow the median density of the ground points, which a change of less than half of the area leaves
    alone: trees that went with a slide must not widen the blocks of the whole survey.

    Parameters
    ----------
    ground
        All points of class 2, metres.

    Returns
    -------
    PointCloud
        In the order of the ground points' cells; empty for none.
    """
    if len(ground) == 0:
        return ground
    density = _density(ground)
    grid = working_grid(ground.bounds, 1.0 if density > SPARSE else 2.0)
    lowest = lattice(ground, cells_of_points(ground, grid), np.zeros(len(ground), dtype=np.bool_), grid)
    known = lowest.known
    smooth = fit_corners(lowest.px, lowest.py, lowest.pz, known.astype(np.float64), grid, ROUGHNESS_STEP)
    level = replace(lowest, pz=residuals(lowest, smooth))
    # the key points' blocks follow a spacing
    spacing = math.sqrt(BLOCK_GROUND / density / BLOCK_POINTS)
    no_decks = np.zeros_like(known)
    keys, noise, _, _ = key_cells(level, Terrain(known, no_decks, smooth), spacing)
    return ground.take(lowest.index[keys & ~noise])


def _density(ground: PointCloud) -> float:
    """Median number of ground points a square metre, over the cells that have any."""
    counts = Grid.covering(ground.bounds, DENSITY_CELL)
    rows, columns = counts.cells_of(ground.x, ground.y)
    number = np.unique(rows * counts.n_columns + columns, return_counts=True)[1]
    return float(np.median(number)) / DENSITY_CELL**2
