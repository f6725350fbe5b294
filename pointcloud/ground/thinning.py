"""The points of a cloud at which the far-reaching steps of the ground filter look.

Which lowest points are ground hangs on lowest points hundreds of metres away (`required_halo`), but on no other points
there: those enter only as far as the fine surface and the confidence reach (`near_halo`). So beyond that a tile's halo
may be thinned to a few points of each cell, and its labels stay what they are, bit for bit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.ground import thin_kernels
from pointcloud.ground.kernels import block_keys
from pointcloud.ground.scales import HIGH_BLOCK, LOW_ROUNDS

MOST_CELLS = 10_000_000
"""Cells of the table of the lowest points, 12 bytes each; a cloud that is spread wider is not thinned."""

Mask = NDArray[np.bool_]


def far_points(cloud: PointCloud, cell: float) -> Mask:
    """The points that count at a distance, one flag a point; of the parts of a cloud at least those of the whole.

    The lowest points of each cell, one for each round of the search for low outliers and one that remains; water is
    not looked at there. And the highest of each block of cells, one for each round of the search for high outliers and
    two that are compared in the last. What comes in as noise counts nowhere.

    Parameters
    ----------
    cloud
        Points in metres, with the attribute Classification where they have classes.
    cell
        Cell of the filter's working grid in metres, or that cell divided by a power of two.
    """
    if len(cloud) == 0:
        return np.zeros(0, dtype=np.bool_)
    classes = cloud.attributes.get("Classification", np.zeros(len(cloud), dtype=np.uint8))
    noise: Mask = (classes == ClassCode.LOW_NOISE) | (classes == ClassCode.HIGH_NOISE)
    bounds = cloud.bounds
    west, south = math.floor(bounds.x_min / cell), math.floor(bounds.y_min / cell)
    width, height = math.floor(bounds.x_max / cell) - west + 1, math.floor(bounds.y_max / cell) - south + 1
    if width * height > MOST_CELLS:
        return ~noise
    out = np.zeros(len(cloud), dtype=np.bool_)
    _mark_lowest(cloud, cell, noise | (classes == ClassCode.WATER), 1.0, out)
    _mark_lowest(cloud, cell * HIGH_BLOCK, noise, -1.0, out)
    return out


def _mark_lowest(cloud: PointCloud, size: float, skip: Mask, sign: float, out: Mask) -> None:
    bounds = cloud.bounds
    west, south = math.floor(bounds.x_min / size), math.floor(bounds.y_min / size)
    width, height = math.floor(bounds.x_max / size) - west + 1, math.floor(bounds.y_max / size) - south + 1
    keys = np.empty(len(cloud), dtype=np.int64)
    block_keys(cloud.x, cloud.y, size, west, south, width, keys)
    picked = np.full((width * height, LOW_ROUNDS + 1), -1, dtype=np.int32)
    thin_kernels.lowest_few(cloud.x, cloud.y, cloud.z, keys, skip, sign, picked)
    thin_kernels.mark(picked, out)
