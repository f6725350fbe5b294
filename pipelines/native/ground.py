"""``filters.smrf`` with PDAL's options; the filter inside is tengun's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native import expression
from pipelines.native.columns import column, with_columns
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode


def smrf(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.smrf``: class 2 for ground and 1 for what is not, of the returns that it looks at.

    ``ignore`` and ``returns`` leave points as they are, as in PDAL; a cloud without return numbers is taken whole.

    References
    ----------
    Pingel, Clarke & McBride (2013), doi:10.1016/j.isprsjprs.2012.12.002.
    """
    ignored = [expression.value_range(text)[0] for text in options["ignore"] or []]

    def run(cloud: PointCloud) -> PointCloud:
        from pointcloud.ground.classify import classify

        looked_at = np.flatnonzero(_of_returns(cloud, options["returns"]) & ~_in_any(cloud, ignored))
        considered = cloud.take(looked_at)
        plain = PointCloud(considered.x, considered.y, considered.z, {}, cloud.crs, cloud.vertical_datum)
        result = classify(
            plain,
            method="smrf",
            cell=options["cell"],
            window=options["window"],
            slope=options["slope"],
            threshold=options["threshold"],
            scalar=options["scalar"],
        )
        classes = np.array(cloud.attributes.get("Classification", np.zeros(len(cloud), np.uint8)))
        is_ground = result.labels == ClassCode.GROUND
        classes[looked_at] = np.where(is_ground, ClassCode.GROUND, ClassCode.UNCLASSIFIED)
        return with_columns(cloud, {"Classification": classes})

    return run


def _in_any(cloud: PointCloud, ranges: list[expression.Range]) -> NDArray[np.bool_]:
    mask = np.zeros(len(cloud), dtype=np.bool_)
    for limits in ranges:
        mask |= limits.holds(column(cloud, limits.dimension))
    return mask


def _of_returns(cloud: PointCloud, wanted: list[str]) -> NDArray[np.bool_]:
    """Mask of the returns named; all where the numbers of returns are not known (all zero or absent)."""
    if not all(n in cloud.attributes and cloud.attributes[n].any() for n in ("ReturnNumber", "NumberOfReturns")):
        return np.ones(len(cloud), dtype=np.bool_)
    number, total = (cloud.attributes[n].astype(np.int64) for n in ("ReturnNumber", "NumberOfReturns"))
    masks = {
        "only": total == 1,
        "first": (number == 1) & (total > 1),
        "last": (number == total) & (total > 1),
        "intermediate": (number > 1) & (number < total),
    }
    chosen: NDArray[np.bool_] = np.logical_or.reduce([masks[name] for name in wanted])
    return chosen
