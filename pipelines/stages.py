"""Functions that stand behind ``filters.python`` in tengun's documents.

PDAL's own Python filter can run them too: it compiles this file, sets ``pdalargs`` and ``spatialreference``,
and calls a function with ``ins`` and ``outs``, dicts of arrays by dimension.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.crs import parse, split
from pointcloud.dimensions import ClassCode

if TYPE_CHECKING:
    from pointcloud.ground.classify import GroundResult

__all__ = ["change", "ground"]

LOOKED_AT = ("Classification",)
"""Attributes that the ground filter looks at beside coordinates."""

pdalargs: dict[str, Any] = {}
spatialreference: str = ""

Arrays = dict[str, NDArray[Any]]

BEFORE, AFTER = 1, 2
"""Values of ``UserData`` by which `change` tells the surveys apart."""


def _cloud(ins: Arrays, *names: str) -> PointCloud:
    attributes = {name: ins[name] for name in names if name in ins}
    crs = split(parse(spatialreference))[0] if spatialreference else None
    return PointCloud(ins["X"], ins["Y"], ins["Z"], attributes, crs)


def is_noise(classes: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Points that an earlier stage or the provider marked as noise (7, 18)."""
    mask: NDArray[np.bool_] = (classes == ClassCode.LOW_NOISE) | (classes == ClassCode.HIGH_NOISE)
    return mask


def without_noise(cloud: PointCloud) -> PointCloud:
    """The points at which the ground filter looks."""
    classes = cloud.attributes.get("Classification")
    noise = None if classes is None else is_noise(classes)
    return cloud if noise is None or not noise.any() else cloud.take(~noise)


def labelled(cloud: PointCloud, n_near: int | None = None, **options: Any) -> GroundResult:
    """What the ground filter finds; points that come in as noise are not looked at and stay noise.

    The stage `ground` of the documents and the processes both call this. ``n_near`` and ``options`` are those of
    `pointcloud.ground.classify.classify`.
    """
    from pointcloud.ground.classify import classify

    n_near = len(cloud) if n_near is None else n_near
    looked_at = without_noise(cloud)
    if looked_at is cloud:
        return classify(cloud, n_near=n_near, **options)
    classes = np.array(cloud.attributes["Classification"][:n_near], dtype=np.uint8)
    noise = is_noise(classes)
    result = classify(looked_at, n_near=n_near - int(np.count_nonzero(noise)), **options)
    counts = {**result.counts}
    for code, name in ((ClassCode.LOW_NOISE, "low_noise"), (ClassCode.HIGH_NOISE, "high_noise")):
        counts[name] += int(np.count_nonzero(classes == code))
    key_points, confidence = np.zeros(n_near, dtype=np.bool_), np.zeros(n_near, dtype=np.float32)
    classes[~noise], key_points[~noise], confidence[~noise] = result.labels, result.key_points, result.confidence
    return replace(result, labels=classes, key_points=key_points, confidence=confidence, counts=counts)


def ground(ins: Arrays, outs: Arrays) -> bool:
    """Class of every point by tengun's ground filter: 2 ground, 1 other, 7 and 18 noise; water (9) stays.

    Points that come in as noise (7, 18) are not looked at and stay noise. Takes ``method``, ``cell``,
    ``window``, ``slope``, ``threshold`` and ``scalar`` from ``pdalargs``; what is not given follows from the
    data. Gives ``Classification``, ``KeyPoint`` (1 for the ground points that carry the terrain surface) and, where the
    stage's ``add_dimension`` names it, ``GroundConfidence``: from 0 to 1 in hundredths.
    """
    cloud = _cloud(ins, *LOOKED_AT)
    result = labelled(cloud, **pdalargs)
    outs["Classification"] = result.labels
    outs["KeyPoint"] = result.key_points.astype(np.uint8)
    outs["GroundConfidence"] = np.round(result.confidence.astype(np.float64), 2)
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
