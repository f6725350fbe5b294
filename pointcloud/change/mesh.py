"""点高法: the two methods that take the heights at the four corners of each mesh cell.

The nodes of the mesh are the cell centres of the difference raster, so that all methods see the same heights.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pointcloud.change.volume import Volume, coverage
from pointcloud.grid import Grid, Raster

Floats = NDArray[np.float64]


def corner_volume(change: Raster, polygon: Polygon | MultiPolygon, rule: Literal["columns", "mean"]) -> Volume:
    """Volume from the four corners of each mesh cell inside a polygon; boundary cells count with their exact share.

    Parameters
    ----------
    change
        After minus before in metres at the cells' centres, which are the mesh's nodes; NaN where void.
    polygon
        In the raster's CRS.
    rule
        "columns" (4点柱状法): each corner owns a quarter of the cell, and is cut or fill on its own. "mean"
        (4点平均標高法): the mean of the four is the cell's depth, so that cut and fill inside one cell cancel.

    Returns
    -------
    Volume
        A cell with a void corner is void.
    """
    area = float(polygon.area)
    grid = change.grid
    if min(grid.shape) < 2:
        return Volume(0.0, 0.0, 0.0, 0.0, area)
    half = 0.5 * grid.cell
    mesh = Grid(grid.column, grid.south_row, grid.n_columns - 1, grid.n_rows - 1, grid.cell, grid.crs)
    covered = coverage(shapely.transform(polygon, lambda xy: xy - half), mesh)
    if covered is None:
        return Volume(0.0, 0.0, 0.0, 0.0, area)
    window, share = covered
    rows, columns = window.window_in(mesh)
    corners = np.stack(
        [
            change.values[rows.start + i : rows.stop + i, columns.start + j : columns.stop + j]
            for i in (0, 1)
            for j in (0, 1)
        ]
    ).astype(np.float64)
    known = np.isfinite(corners).all(axis=0)
    depth = np.where(known, corners, 0.0)
    if rule == "mean":
        depth = depth.mean(axis=0, keepdims=True)
    weight = share * grid.cell_area
    fill = float(np.sum(weight * np.maximum(depth, 0.0).mean(axis=0)))
    cut = float(np.sum(weight * np.maximum(-depth, 0.0).mean(axis=0)))
    known_area = float(np.sum(weight[known]))
    return Volume(cut, fill, fill - cut, known_area, max(0.0, area - known_area))
