"""Outlines for the map, in degrees: the layers of a GeoPackage that a job made, and where datasets lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from api.records import DatasetRecord

MAX_FEATURES: Final = 20_000
"""More than a browser draws with ease; what is left out is counted in the answer."""
_DEGREES: Final = 4326


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def geopackage_features(path: Path, wanted: str | None = None, box: Box | None = None) -> dict[str, Any]:
    """Every layer, or the wanted one, as one GeoJSON collection; each feature tells its layer.

    ``left_out`` is how many are missing. With a box there is only what touches it.
    """
    import pyogrio

    features: list[dict[str, Any]] = []
    n_all = 0
    for layer in pyogrio.list_layers(path)[:, 0]:
        if wanted not in (None, layer):
            continue
        found = list(_features_of(path, str(layer), box))
        n_all += len(found)
        features += found[: MAX_FEATURES - len(features)]
    return {"type": "FeatureCollection", "features": features, "left_out": n_all - len(features)}


def footprints(datasets: Iterable[DatasetRecord]) -> dict[str, Any]:
    """The rectangles of the point clouds whose CRS is known, as GeoJSON with id and name."""
    found = (_footprint(dataset) for dataset in datasets)
    return {"type": "FeatureCollection", "features": [feature for feature in found if feature is not None]}


def _features_of(path: Path, layer: str, box: Box | None) -> Iterable[dict[str, Any]]:
    import pyogrio
    import shapely

    crs = pyogrio.read_info(path, layer=layer)["crs"]
    if crs is None:
        return
    meta, _, geometries, columns = pyogrio.raw.read(
        path, layer=layer, bbox=None if box is None else _from_degrees(crs, box)
    )
    shapes = shapely.transform(shapely.from_wkb(geometries), _to_degrees(meta["crs"]), interleaved=True)
    for place, shape in enumerate(shapes):
        properties = {str(name): _plain(column[place]) for name, column in zip(meta["fields"], columns, strict=True)}
        yield {
            "type": "Feature",
            "properties": {**properties, "layer": layer},
            "geometry": shapely.geometry.mapping(shape),
        }


def _to_degrees(crs: str) -> Any:
    import numpy as np
    from pyproj import Transformer

    way = Transformer.from_crs(crs, _DEGREES, always_xy=True)
    return lambda points: np.column_stack(way.transform(points[:, 0], points[:, 1]))


def _from_degrees(crs: str, box: Box) -> Box:
    from pyproj import Transformer

    way = Transformer.from_crs(_DEGREES, crs, always_xy=True)
    west, south, east, north = way.transform_bounds(*box)
    return west, south, east, north


def _plain(value: Any) -> Any:
    """A field's value as JSON holds it."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _footprint(dataset: DatasetRecord) -> dict[str, Any] | None:
    info: Mapping[str, Any] = dataset.info
    if dataset.kind != "pointcloud" or not info.get("crs") or not info.get("bounds"):
        return None
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    west, south, east, north = info["bounds"]
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    try:
        way = Transformer.from_crs(info["crs"], _DEGREES, always_xy=True)
        points = [way.transform(x, y, errcheck=True) for x, y in ring]
    except ProjError:  # a CRS that has no way to degrees has no place on the map
        return None
    return {
        "type": "Feature",
        "properties": {"id": dataset.id, "name": dataset.name},
        "geometry": {"type": "Polygon", "coordinates": [points]},
    }
