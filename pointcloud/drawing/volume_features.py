"""GeoPackage of a volume: zones and changed patches with their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon

from pointcloud.io.staging import staged

Feature = tuple[Polygon | MultiPolygon, Mapping[str, Any]]
"""A polygon and its fields; a field that is missing or None is null."""


def write_volume_features(path: Path, layers: Mapping[str, Sequence[Feature]], crs: CRS) -> None:
    """Write one layer of polygons for each name; an empty one is there with no features.

    Numbers become real fields, everything else text; nested values are left out.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    with staged(path) as stage:
        for name, features in layers.items():
            _write_layer(stage, name, features, crs)


def _write_layer(path: Path, name: str, features: Sequence[Feature], crs: CRS) -> None:
    shapes = [MultiPolygon([p]) if p.geom_type == "Polygon" else p for p, _ in features]
    fields = list(dict.fromkeys(key for _, row in features for key, value in row.items() if _is_plain(value)))
    columns = [_column([row.get(key) for _, row in features]) for key in fields]
    pyogrio.raw.write(
        path, np.array([shapely.to_wkb(s) for s in shapes], dtype=object), columns or [np.array([], dtype=object)],
        fields or ["name"], layer=name, driver="GPKG", geometry_type="MultiPolygon", crs=crs.to_wkt(),
        append=path.exists(),
    )  # fmt: skip


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _column(values: Sequence[Any]) -> Any:
    """Numbers as float64 with NaN for null, texts as objects."""
    if all(v is None or isinstance(v, int | float) for v in values):
        return np.array([np.nan if v is None else float(v) for v in values])
    return np.array(values, dtype=object)
