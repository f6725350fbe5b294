"""What the points say about each tree: its apex, returns, crown base, confidence, and what the pulses missed of it.

Confidence is the product of two shares, each 0 to 1: how far the tree rises above the pass to its highest neighbour,
``p / (p + 0.5 m)``, since a bump on a crown does not rise; and how many returns show it, ``n / (n + 5)``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.forest import apex, attribute_kernels, canopy
from pointcloud.forest.crowns import Crowns
from pointcloud.forest.inventory import Trees, tree_ids
from pointcloud.forest.trees import LOWEST_TREE
from pointcloud.grid import Grid, Raster
from pointcloud.ground.bands import run_bands

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

BINS: Final = 40
"""Parts of a tree's height in which its returns are counted."""

N_PULSES: Final = 24
"""Highest first returns of a tree that are kept to judge what is missed: with a quarter of them left, the chance that
the highest one left is not among them is 0.1 %."""

APEX_REACH: Final = 0.5
"""Metres from the cell of a top within which its highest return is looked for: bridging may move a top by a cell."""

LEAST_RETURNS: Final = 10
"""Returns from which a crown base is told."""

_BASE_SHARE, _BASE_GAP = 0.1, 2
_RISE, _FEW = 0.5, 5.0


class Measurement:
    """Gathers a survey's points tree by tree; `trees` gives the list when all points were added.

    Parameters
    ----------
    crowns
        Crowns on the canopy's grid.
    points
        The highest point of each cell of that grid; what lies higher is no canopy.
    smooth
        The canopy model that the crowns were grown on.
    """

    def __init__(self, crowns: Crowns, points: canopy.HighestPoints, smooth: Raster) -> None:
        n = len(crowns.tops)
        self._crowns, self._points = crowns, points
        rows, columns = crowns.grid.cells_of(crowns.tops.x, crowns.tops.y)
        self._seeds = rows * crowns.grid.n_columns + columns
        self._rise = smooth.values.ravel()[self._seeds] - crowns.saddle
        self._apex = np.full((n, 3), -np.inf)
        self._n_returns = np.zeros(n, np.int64)
        self._profile = np.zeros((n, BINS), np.int32)
        self._pulses = np.zeros((n, N_PULSES), np.float32)

    def add(self, cloud: PointCloud, height: Singles, core: Grid) -> None:
        """Add the points that lie in a tile's core; every point of the survey lies in one core.

        Parameters
        ----------
        cloud, height
            Points, and their metres above the ground from `canopy.heights`.
        core
            Window of the canopy's grid.
        """
        grid = self._crowns.grid
        cells = canopy.cells(cloud, grid)
        if core != grid:
            cells[~core.bounds.contains(cloud.x, cloud.y)] = -1
        is_first = canopy.first_returns(cloud)
        attribute_kernels.gather(
            cloud.x, cloud.y, height, cells, is_first, self._crowns.labels.ravel(), self._points.height.ravel(),
            LOWEST_TREE, self._seeds, self._crowns.tops.height, grid.n_columns, int(np.ceil(APEX_REACH / grid.cell)),
            self._apex, self._n_returns, self._profile, self._pulses,
        )  # fmt: skip

    def trees(self, terrain: Raster) -> Trees:
        """The trees, from all points added.

        Parameters
        ----------
        terrain
            Heights in metres of the ground that the points' heights were taken above.
        """
        tops, grid = self._crowns.tops, self._crowns.grid
        seen = np.isfinite(self._apex[:, 2])
        x, y, height = (np.where(seen, self._apex[:, i], v) for i, v in enumerate((tops.x, tops.y, tops.height)))
        n_cells = np.bincount(self._crowns.labels.ravel(), minlength=len(tops) + 1)[1:]
        area = n_cells * grid.cell_area
        ground = -canopy.heights(PointCloud(x, y, np.zeros(x.size)), terrain).astype(np.float64)
        ids = tree_ids(tops.x, tops.y)
        order = np.argsort(ids, kind="stable")
        columns = {
            "id": ids,
            "x": x,
            "y": y,
            "height": np.round(height, 3),
            "apex_loss": self._losses(np.column_stack((x, y, height)), terrain),
            "ground_z": np.round(ground, 3),
            "crown_area": area,
            "crown_diameter": np.sqrt(4.0 * area / np.pi),
            "crown_base": self._bases(),
            "n_returns": self._n_returns,
            "confidence": _confidence(self._rise, self._n_returns),
        }
        return Trees(**{name: column[order] for name, column in columns.items()}, crs=grid.crs)

    def _bases(self) -> Floats:
        n = len(self._crowns.tops)
        share = np.empty(n)
        run_bands(attribute_kernels.crown_bases, n, self._profile, _BASE_SHARE, _BASE_GAP, after=(share,))
        return np.where(self._n_returns >= LEAST_RETURNS, share * self._crowns.tops.height, np.nan)

    def _losses(self, tops: Floats, terrain: Raster) -> Floats:
        x, y = tops[:, 0], tops[:, 1]
        expected = []
        for share in (1.0, 0.5, 0.25):
            out = np.empty(x.size)
            run_bands(attribute_kernels.thinned_maxima, x.size, self._pulses, share, after=(out,))
            expected.append(out)
        known = np.isfinite(expected[0])
        blocks = np.floor(x / apex.BLOCK).astype(np.int64) * (1 << 32) + np.floor(y / apex.BLOCK).astype(np.int64)
        _, block = np.unique(blocks, return_inverse=True)
        ground = np.ascontiguousarray(terrain.values, np.float64)
        crowns = apex.CrownPoints(self._points, self._crowns.labels, tops, ground)
        return apex.apex_losses(np.array(expected), crowns.moments, np.where(known, block, -1))


def _confidence(rise: Floats, n_returns: NDArray[np.int64]) -> Floats:
    rise = np.maximum(rise, 0.0)
    share: Floats = rise / (rise + _RISE) * n_returns / (n_returns + _FEW)
    return share
