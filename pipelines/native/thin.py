"""``filters.sample``, the voxel filters and ``filters.decimation``: fewer points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native import kernels
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError

Integers = NDArray[np.int64]
MAX_INDEX = 2**20 - 2
"""Voxels along an axis: three indices share one 64-bit key."""


def sample(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.sample``: the points in order, without those closer than a radius to one kept before.

    References
    ----------
    Cook (1986), doi:10.1145/7529.8927 (dart throwing); pdal.io, "filters.sample" (from PDAL 2.3).
    """
    if (options["radius"] is None) == (options["cell"] is None):
        raise ParameterError(
            "filters.sample: set radius or cell, and only one of them",
            "filters.sample: radius と cell のどちらか一方を指定してください。",
        )
    radius = options["radius"] or options["cell"] / 2.0 * math.sqrt(3.0)

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        keys = _keys(_voxels(cloud, radius))
        voxels, own = np.unique(keys, return_inverse=True)
        steps = np.array([(a << 42) + (b << 21) + c for a, b, c in itertools.product((0, -1, 1), repeat=3)])
        kept = np.zeros(len(cloud), dtype=np.bool_)
        first, following = np.full(voxels.size, -1), np.full(len(cloud), -1)
        kernels.keep_apart(cloud.x, cloud.y, cloud.z, own, voxels, steps, radius * radius, first, following, kept)
        return cloud.take(kept)

    return run


def _voxels(cloud: PointCloud, cell: float) -> tuple[Integers, Integers, Integers]:
    """Index of each point's voxel along x, y and z, counted from one below the smallest."""
    i, j, k = (np.floor((v - v.min()) / cell).astype(np.int64) + 1 for v in (cloud.x, cloud.y, cloud.z))
    largest = max(int(v.max()) for v in (i, j, k))
    if largest > MAX_INDEX:
        raise _too_many(largest, cell)
    return i, j, k


def _too_many(n: int, cell: float) -> ParameterError:
    return ParameterError(
        f"voxels of {cell:g}: {n} along one axis; at most {MAX_INDEX}; choose a larger cell",
        f"一辺 {cell:g} のボクセルが一方向に {n} 個になります (上限 {MAX_INDEX})。大きくしてください。",
        value=cell,
    )


def _keys(voxels: tuple[Integers, Integers, Integers]) -> Integers:
    i, j, k = voxels
    return (i << 42) + (j << 21) + k


def voxel_centre(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.voxelcenternearestneighbor``: for each voxel that holds points, its point nearest to its centre.

    Voxels start at the lowest coordinates and come row by row (y), then by x, then by z.
    """
    cell = options["cell"]

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        points = np.column_stack((cloud.y, cloud.x, cloud.z))
        corner = points.min(axis=0)
        index = ((points - corner) / cell).astype(np.int64)
        distance = ((points - (corner + (index + 0.5) * cell)) ** 2).sum(axis=1)
        own = _unsigned_keys(index, options["cell"])
        return cloud.take(_nearest_of_each(own, distance, np.arange(len(cloud))))

    return run


def _unsigned_keys(index: Integers, cell: float) -> Integers:
    """One number a voxel that sorts as PDAL's triples of unsigned numbers do: negative indices after positive."""
    largest = int(np.abs(index).max())
    if largest > MAX_INDEX:
        raise _too_many(largest, cell)
    y, x, z = (index % (2 * (MAX_INDEX + 2))).T
    keys: Integers = (y << 42) + (x << 21) + z
    return keys


def _nearest_of_each(own: Integers, distance: NDArray[np.float64], rank: Integers) -> Integers:
    """For each voxel the point of least distance, of equals that of least rank."""
    order = np.lexsort((rank, distance, own))
    is_first = np.append(True, np.diff(own[order]) != 0)
    nearest: Integers = order[is_first]
    return nearest


def voxel_centroid(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.voxelcentroidnearestneighbor``: for each voxel, its point nearest to the mean of its points.

    Of two points, which are equally near to their mean, the one nearer to the centre of the voxel. Voxels start
    at the first point of the cloud.
    """
    cell = options["cell"]

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        points = np.column_stack((cloud.y, cloud.x, cloud.z))
        # PDAL's voxel numbers are unsigned: the quotient goes towards zero, and below zero becomes a number so
        # large that both points of a pair are equally far from the voxel's centre, and the second is taken
        index = ((points - points[0]) / cell).astype(np.int64)
        _, own, size = np.unique(_unsigned_keys(index, cell), return_inverse=True, return_counts=True)
        total = np.column_stack([np.bincount(own, points[:, axis]) for axis in range(3)])
        target = (total / size[:, None])[own]
        is_pair = size[own] == 2
        target[is_pair] = points[0] + (index[is_pair].view(np.uint64).astype(np.float64) + 0.5) * cell
        distance = ((points - target) ** 2).sum(axis=1)
        rank = np.where(is_pair, -np.arange(len(cloud)), np.arange(len(cloud)))
        return cloud.take(_nearest_of_each(own, distance, rank))

    return run


def decimation(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.decimation``: every ``step``-th point from ``offset`` on, up to point number ``limit``."""
    return lambda cloud: cloud.take(np.arange(len(cloud))[options["offset"] : options["limit"] : options["step"]])
