"""A STAC Item of a result: what it is, where and when, and its files with their hashes.

References
----------
SpatioTemporal Asset Catalog specification 1.1.0, Item; extensions projection 2.0.0 and file 2.1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pyproj import Transformer

from pipelines.process import OutputFile
from pointcloud.grid import Grid

_EXTENSIONS: Final = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
]
_EDGE_POINTS: Final = 8
_JAPAN: Final = timezone(timedelta(hours=9))


def stac_item(
    folder: Path,
    files: Sequence[OutputFile],
    grid: Grid,
    days: tuple[date, date] | None,
    made: datetime,
    properties: Mapping[str, Any],
    title: str,
) -> dict[str, Any]:
    """The item, JSON-ready; its id follows from the content of its files.

    Parameters
    ----------
    folder, files
        Where the files are, and which.
    grid
        Of the rasters; its CRS is known.
    days
        First and last day of the surveys, Japan time, or None where not known.
    made
        When the result was made: what the item is dated by where the surveys' days are not known.
    properties
        Further properties.
    title
        Of the item.
    """
    ring = _ring(grid)
    assets = {_key(file.path): _asset(folder, file, grid) for file in files}
    digest = hashlib.sha256("".join(a["file:checksum"] for a in assets.values()).encode()).hexdigest()
    x, y = [c[0] for c in ring], [c[1] for c in ring]
    code = None if grid.crs is None else grid.crs.to_epsg()
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": f"tengun-{digest[:16]}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(x), min(y), max(x), max(y)],
        "properties": {
            "title": title,
            **_times(days, made),
            "proj:code": None if code is None else f"EPSG:{code}",
            "proj:bbox": list(grid.bounds.as_tuple()),
            **properties,
        },
        "links": [],
        "assets": assets,
    }


def _times(days: tuple[date, date] | None, made: datetime) -> dict[str, Any]:
    if days is None:
        return {"datetime": _text(made)}
    begin = datetime.combine(days[0], time(0), tzinfo=_JAPAN)
    end = datetime.combine(days[1], time(23, 59, 59), tzinfo=_JAPAN)
    return {"datetime": None, "start_datetime": _text(begin), "end_datetime": _text(end)}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ring(grid: Grid) -> list[list[float]]:
    """Outer edges in longitude and latitude, counter-clockwise, closed; edges bend, so each has several points."""
    b = grid.bounds
    corners = [(b.x_min, b.y_min), (b.x_max, b.y_min), (b.x_max, b.y_max), (b.x_min, b.y_max), (b.x_min, b.y_min)]
    places = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        places += [(x0 + (x1 - x0) * i / _EDGE_POINTS, y0 + (y1 - y0) * i / _EDGE_POINTS) for i in range(_EDGE_POINTS)]
    places.append(corners[0])
    crs = grid.crs
    if crs is None or crs.geodetic_crs is None:
        return [list(p) for p in places]
    # JGD2011 and WGS 84 agree within a metre, which the standard's geometry is good for
    transformer = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    return [[round(float(v), 8) for v in transformer.transform(x, y)] for x, y in places]


def _key(path: str) -> str:
    return path.replace(".", "_")


def _asset(folder: Path, file: OutputFile, grid: Grid) -> dict[str, Any]:
    content = folder / file.path
    with content.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    asset: dict[str, Any] = {
        "href": f"./{file.path}",
        "type": file.media_type,
        "title": f"{file.title.en} / {file.title.ja}",
        "roles": [_role(file)],
        "file:size": content.stat().st_size,
        "file:checksum": "1220" + digest,
    }
    if file.path.endswith(".tif"):
        asset |= {"proj:shape": list(grid.shape), "proj:transform": list(grid.transform)}
    return asset


def _role(file: OutputFile) -> str:
    if file.media_type == "image/png":
        return "overview"
    return "metadata" if file.path.endswith((".json", ".pdf", ".xlsx")) else "data"
