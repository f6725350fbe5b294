"""Stands with their figures as GeoPackage, for a GIS and the map of the web app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.forest.stands import Stand
from pointcloud.io.staging import staged

TEXTS: Final = ("id", "species", "status", "site_class")
NUMBERS: Final = {
    "planting_year": "planting_year",
    "area_ha": "area_ha",
    "covered": "covered",
    "n_detected": "n_trees",
    "stems_estimated": "n_stems",
    "height_mean": "height_m",
    "height_upper": "h_upper_m",
    "height_max": "h_max_m",
    "canopy_cover": "canopy",
    "volume_m3": "volume_m3",
    "absorption_t": "absorb_t",
    "net_t": "net_t",
}
"""Members of a stand's figures -> fields of the layer; lengths in metres, t of CO2 over the period, NaN as null."""


def write_stand_map(path: Path, stands: Sequence[Stand], rows: Sequence[Mapping[str, Any]], crs: CRS | None) -> None:
    """Write the layer ``stands`` (polygons) with the figures in ``rows``; a stand without an outline is left out.

    Parameters
    ----------
    path
        GeoPackage to make.
    stands
        Outlines.
    rows
        Figures of each stand, as the summaries of ``forest-carbon`` and ``tree-inventory`` hold them.
    crs
        Of the outlines.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    drawn = [(s.polygon, row) for s, row in zip(stands, rows, strict=True) if s.polygon is not None]
    shapes = [shapely.MultiPolygon(shapely.get_parts(polygon).tolist()) for polygon, _ in drawn]
    figures = [row for _, row in drawn]
    texts = {name: _texts(figures, name) for name in TEXTS if any(name in row for row in rows)}
    numbers = {field: _numbers(figures, name) for name, field in NUMBERS.items() if any(name in row for row in rows)}
    columns = {**texts, **numbers}
    with staged(path) as stage:
        pyogrio.raw.write(
            stage, np.asarray(shapely.to_wkb(shapes), dtype=object), list(columns.values()), list(columns),
            layer="stands", driver="GPKG", geometry_type="MultiPolygon", crs=None if crs is None else crs.to_wkt(),
        )  # fmt: skip


def _texts(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[Any]:
    values = [row.get(name) for row in rows]
    return np.array([v["name"] if isinstance(v, Mapping) else v for v in values], dtype=object)


def _numbers(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([np.nan if row.get(name) is None else row[name] for row in rows], dtype=np.float64)
