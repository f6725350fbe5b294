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

__all__ = ["ground"]

pdalargs: dict[str, Any] = {}
spatialreference: str = ""

Arrays = dict[str, NDArray[Any]]


def _cloud(ins: Arrays, *names: str) -> PointCloud:
    attributes = {name: ins[name] for name in names if name in ins}
    crs = split(parse(spatialreference))[0] if spatialreference else None
    return PointCloud(ins["X"], ins["Y"], ins["Z"], attributes, crs)


def ground(ins: Arrays, outs: Arrays) -> bool:
    """Class of every point by tengun's ground filter: 2 ground, 1 other, 7 and 18 noise; water (9) stays.

    Takes ``method``, ``cell``, ``window``, ``slope``, ``threshold`` and ``scalar`` from ``pdalargs``; what is
    not given follows from the data. Gives ``Classification`` and, where the stage adds it, ``KeyPoint``: 1 for
    the ground points that carry the terrain surface.
    """
    from pointcloud.ground.classify import classify

    result = classify(_cloud(ins, "Classification", "ReturnNumber", "NumberOfReturns"), **pdalargs)
    outs["Classification"] = result.labels
    outs["KeyPoint"] = result.key_points.astype(np.uint8)
    return True
