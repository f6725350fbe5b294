"""Height of points above the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.grid import Raster


def height_above_ground(cloud: PointCloud, terrain: Raster) -> NDArray[np.float64]:
    """Metres of each point above the terrain, linear between cell centres; NaN outside or where the terrain is void.

    Parameters
    ----------
    cloud
        Points in the terrain's CRS.
    terrain
        Terrain heights in metres; NaN where void.
    """
    grid, values = terrain.grid, terrain.values
    u = cloud.x / grid.cell - (grid.column + 0.5)
    v = (grid.south_row + grid.n_rows - 0.5) - cloud.y / grid.cell
    inside = (u >= -0.5) & (u <= grid.n_columns - 0.5) & (v >= -0.5) & (v <= grid.n_rows - 0.5)
    u, v = np.clip(u, 0.0, grid.n_columns - 1.0), np.clip(v, 0.0, grid.n_rows - 1.0)
    c0, r0 = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
    c1, r1 = np.minimum(c0 + 1, grid.n_columns - 1), np.minimum(r0 + 1, grid.n_rows - 1)
    fu, fv = u - c0, v - r0
    top = _between(values[r0, c0], values[r0, c1], fu)
    bottom = _between(values[r1, c0], values[r1, c1], fu)
    out: NDArray[np.float64] = np.where(inside, cloud.z - _between(top, bottom, fv), np.nan)
    return out


def _between(a: NDArray[np.floating], b: NDArray[np.floating], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear between two heights; the known one where the other is void."""
    both = a * (1.0 - share) + b * share
    out: NDArray[np.float64] = np.where(np.isnan(a), np.where(share > 0.5, b, np.nan), both)
    return np.where(np.isnan(b), np.where(share <= 0.5, a, np.nan), out)
