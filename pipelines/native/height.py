"""``filters.hag_nn`` and ``filters.hag_delaunay``: height above the ground-classified points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native import kernels
from pipelines.native.columns import column, with_columns
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.errors import InputError

Floats = NDArray[np.float64]
CHUNK = 500_000


def hag_nn(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.hag_nn``: above the mean of the nearest ground points, weighted by the inverse squared distance."""
    furthest = options["max_distance"] ** 2

    def heights(at: PointCloud, ground: PointCloud, ids: NDArray[np.int64], d: Floats) -> Floats:
        below = ground.z[ids]
        if ids.shape[1] == 1:
            return below[:, 0]
        d2 = d * d
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where((d2 > furthest) & (furthest > 0), 0.0, 1.0 / d2)
            mean = (weight * below).sum(axis=1) / weight.sum(axis=1)
        mean = np.where(weight.sum(axis=1) > 0, mean, at.z)
        return np.where(d[:, 0] == 0.0, below[:, 0], mean)

    return lambda cloud: _above(cloud, "filters.hag_nn", options, heights)


def hag_delaunay(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.hag_delaunay``: above the triangle that the nearest ground points span around the point."""

    def heights(at: PointCloud, ground: PointCloud, ids: NDArray[np.int64], _: Floats) -> Floats:
        if ids.shape[1] == 1:
            return ground.z[ids[:, 0]]
        out = np.empty(len(at))
        kernels.delaunay_heights(at.x, at.y, ground.x, ground.y, ground.z, ids, out)
        return out

    return lambda cloud: _above(cloud, "filters.hag_delaunay", options, heights)


def ground_below(ground: PointCloud, at: PointCloud, count: int = 10) -> Floats:
    """Ground height at each point of ``at``, float64 (n,), as `hag_delaunay` finds it; NaN where there is no ground."""
    if len(ground) == 0:
        return np.full(len(at), np.nan)
    tree = _tree(ground)
    k = min(count, len(ground))
    _, ids = tree.query(np.column_stack((at.x, at.y)), k=np.arange(1, k + 1), workers=-1)
    out = np.empty(len(at))
    kernels.delaunay_heights(at.x, at.y, ground.x, ground.y, ground.z, ids, out)
    return out


def _tree(ground: PointCloud) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(np.column_stack((ground.x, ground.y)))


def _above(cloud: PointCloud, label: str, options: Mapping[str, Any], heights: Callable[..., Floats]) -> PointCloud:
    if len(cloud) == 0:
        return with_columns(cloud, {"HeightAboveGround": np.empty(0)})
    is_ground = column(cloud, "Classification") == ClassCode.GROUND
    ground = cloud.take(is_ground)
    if len(ground) == 0:
        raise InputError(
            f"{label}: no point is classified as ground (2); put a ground filter before it",
            f"{label}: 地盤 (クラス 2) の点がありません。前に地盤フィルタを置いてください。",
        )
    above = np.zeros(len(cloud))
    others = np.flatnonzero(~is_ground)
    tree = _tree(ground)
    k = min(options["count"], len(ground))
    for start in range(0, others.size, CHUNK):
        i = others[start : start + CHUNK]
        at = PointCloud(cloud.x[i], cloud.y[i], cloud.z[i])
        distance, ids = tree.query(np.column_stack((at.x, at.y)), k=np.arange(1, k + 1), workers=-1)
        below = heights(at, ground, ids, distance)
        if not options["allow_extrapolation"]:
            b = ground.bounds
            is_outside = (at.x < b.x_min) | (at.x > b.x_max) | (at.y < b.y_min) | (at.y > b.y_max)
            below = np.where(is_outside & (k > 1) & (distance[:, 0] > 0), at.z, below)
        above[i] = at.z - below
    return with_columns(cloud, {"HeightAboveGround": above})
