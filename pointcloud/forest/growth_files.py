"""Trees of two surveys as GeoPackage: grown, gone and new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from pointcloud.forest.growth_change import ForestGrowth
from pointcloud.forest.inventory import Trees
from pointcloud.io.staging import staged


def write_growth(path: Path, growth: ForestGrowth) -> None:
    """Write the layers ``matched``, ``gone`` (felled or fallen), ``hidden`` and ``new``, in the trees' CRS.

    Heights are free of what the pulses missed of the apex. A ``hidden`` tree was not found again, under a canopy that
    is still there.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    before, after, found = growth.before.trees, growth.after.trees, growth.matches
    grown = growth.tree_growth
    layers = {
        "matched": (after, found.after, {
            "id_before": before.id[found.before].astype(np.int64), "id": after.id[found.after].astype(np.int64),
            "height_before_m": _height(before)[found.before], "height_m": _height(after)[found.after],
            "growth_m": grown, "growth_m_year": grown / growth.years,
        }),
        "gone": (before, found.gone, _plain(before, found.gone)),
        "hidden": (before, found.hidden, _plain(before, found.hidden)),
        "new": (after, found.new, _plain(after, found.new)),
    }  # fmt: skip
    with staged(path) as stage:
        for name, (trees, places, columns) in layers.items():
            points = np.asarray(shapely.to_wkb(shapely.points(trees.x[places], trees.y[places])), object)
            pyogrio.raw.write(
                stage, points, list(columns.values()), list(columns), layer=name, driver="GPKG", geometry_type="Point",
                crs=None if trees.crs is None else trees.crs.to_wkt(), append=stage.exists(),
            )  # fmt: skip


def _height(trees: Trees) -> np.ndarray[Any, np.dtype[np.float64]]:
    return trees.height + trees.apex_loss


def _plain(trees: Trees, places: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    return {"id": trees.id[places].astype(np.int64), "height_m": _height(trees)[places]}
