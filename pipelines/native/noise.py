"""``filters.outlier`` and ``filters.elm``: points that are not what the laser was after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native.columns import with_columns
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud

CHUNK = 500_000
"""Points asked of the tree at once: their neighbours' distances fit in memory."""


def outlier(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.outlier``: gives ``class`` to points far from their neighbours.

    References
    ----------
    Rusu, Marton, Blodow, Dolha & Beetz (2008), doi:10.1016/j.robot.2008.08.005 (statistical).
    """

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        points = np.column_stack((cloud.x, cloud.y, cloud.z))
        if options["method"] == "statistical":
            is_outlier = _far_from_neighbours(points, options["mean_k"], options["multiplier"])
        else:
            is_outlier = _few_in_reach(points, options["radius"], options["min_k"])
        # PDAL leaves a cloud alone of which nothing would remain
        return cloud if is_outlier.all() else _classified(cloud, is_outlier, options["class"])

    return run


def _far_from_neighbours(points: NDArray[np.float64], k: int, multiplier: float) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    distance = np.empty(len(points))
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        found, _ = tree.query(points[part], k=k + 1, workers=-1)
        distance[part] = np.where(np.isfinite(found), found, 0.0)[:, 1:].sum(axis=1) / k
    if len(points) < 2:
        return np.ones(len(points), dtype=np.bool_)
    threshold = distance.mean() + multiplier * distance.std(ddof=1)
    is_far: NDArray[np.bool_] = ~(distance < threshold)
    return is_far


def _few_in_reach(points: NDArray[np.float64], radius: float, n_least: int) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    reach = np.nextafter(radius, 0.0)  # PDAL counts what lies closer than the radius, not on it
    n_near = np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        n_near[part] = tree.query_ball_point(points[part], reach, workers=-1, return_length=True)
    few: NDArray[np.bool_] = n_near <= n_least
    return few


def elm(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.elm``: gives ``class`` to the lowest points of a cell that a gap parts from the next above.

    PDAL takes the floor of the distance to the corner in metres before it divides by the cell; so does this.

    References
    ----------
    Chen, Devereux, Gao & Amable (2012), doi:10.1016/j.isprsjprs.2012.04.005; pdal.io, "filters.elm".
    """

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        columns = (np.floor(cloud.x - cloud.x.min()) / options["cell"]).astype(np.int64)
        rows = (np.floor(cloud.y - cloud.y.min()) / options["cell"]).astype(np.int64)
        cells = columns * (int(rows.max()) + 1) + rows
        return _classified(cloud, _below_gap(cells, cloud.z, options["threshold"]), options["class"])

    return run


def _below_gap(cells: NDArray[np.int64], z: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    order = np.lexsort((z, cells))
    cell, height = cells[order], z[order]
    is_last = np.append(cell[1:] != cell[:-1], True)
    is_close = np.append(np.abs(np.diff(height)) < threshold, True) | is_last
    stops = np.flatnonzero(is_close)
    starts = np.append(0, np.flatnonzero(is_last)[:-1] + 1)
    first_stop = stops[np.searchsorted(stops, starts)]
    below = np.arange(order.size) < np.repeat(first_stop, np.diff(np.append(starts, order.size)))
    mask = np.zeros(order.size, dtype=np.bool_)
    mask[order] = below
    return mask


def _classified(cloud: PointCloud, mask: NDArray[np.bool_], code: int) -> PointCloud:
    classes = cloud.attributes.get("Classification", np.zeros(len(cloud), np.uint8))
    return with_columns(cloud, {"Classification": np.where(mask, np.uint8(code), classes)})
