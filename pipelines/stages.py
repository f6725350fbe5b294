"""Functions that stand behind ``filters.python`` in tengun's documents.

PDAL's own Python filter can run them too: it compiles this file, sets ``pdalargs`` and ``spatialreference``,
and calls a function with ``ins`` and ``outs``, dicts of arrays by dimension.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.crs import parse, split
from pointcloud.dimensions import ClassCode

__all__ = ["change", "ground"]

pdalargs: dict[str, Any] = {}
spatialreference: str = ""

Arrays = dict[str, NDArray[Any]]

BEFORE, AFTER = 1, 2
"""Values of ``UserData`` by which `change` tells the surveys apart."""


def _cloud(ins: Arrays, *names: str) -> PointCloud:
    attributes = {name: ins[name] for name in names if name in ins}
    crs = split(parse(spatialreference))[0] if spatialreference else None
    return PointCloud(ins["X"], ins["Y"], ins["Z"], attributes, crs)


def ground(ins: Arrays, outs: Arrays) -> bool:
    """Class of every point by tengun's ground filter: 2 ground, 1 other, 7 and 18 noise; water (9) stays.

    Points that come in as noise (7, 18) are not looked at and stay noise. Takes ``method``, ``cell``,
    ``window``, ``slope``, ``threshold`` and ``scalar`` from ``pdalargs``; what is not given follows from the
    data. Gives ``Classification`` and ``KeyPoint``: 1 for the ground points that carry the terrain surface.
    """
    from pointcloud.ground.classify import classify

    cloud = _cloud(ins, "Classification", "ReturnNumber", "NumberOfReturns")
    classes = np.array(ins["Classification"], dtype=np.uint8)
    key_points = np.zeros(len(cloud), dtype=np.uint8)
    looked_at = np.flatnonzero((classes != ClassCode.LOW_NOISE) & (classes != ClassCode.HIGH_NOISE))
    result = classify(cloud.take(looked_at), **pdalargs)
    classes[looked_at] = result.labels
    key_points[looked_at] = result.key_points
    outs["Classification"] = classes
    outs["KeyPoint"] = key_points
    return True


def change(ins: Arrays, outs: Arrays) -> bool:
    """``HeightChange`` of the ground points of the later survey: metres above the ground of the earlier; else NaN.

    ``UserData`` tells the surveys apart: 1 before, 2 after. The earlier ground under a point is the triangle that
    its nearest ground points span around it, as in ``filters.hag_delaunay``.
    """
    from pipelines.native.height import ground_below

    cloud = _cloud(ins)
    is_ground = ins["Classification"] == ClassCode.GROUND
    earlier = cloud.take(is_ground & (ins["UserData"] == BEFORE))
    later = np.flatnonzero(is_ground & (ins["UserData"] == AFTER))
    values = np.full(len(cloud), np.nan)
    at = cloud.take(later)
    values[later] = at.z - ground_below(earlier, at)
    outs["HeightChange"] = values
    return True
