"""Lines in: GeoJSON, GeoPackage, Shapefile, DXF, SIMA, J-LandXML and CSV of 測点 become centre lines.

Coordinates come out easting first in the survey's CRS. SIMA, LandXML and CSV files name northing first (測量 X);
DXF drawings draw easting to the right. Formats that state no CRS are taken to be in the survey's.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pyogrio
import shapely
from pyogrio.errors import DataSourceError
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import shape

from pointcloud import crs as reference
from pointcloud.errors import CrsError, FileError, GeometryError
from pointcloud.sections import dxf, landxml
from pointcloud.sections.line import CentreLine, polyline

MAX_TEXT: Final = 200_000_000
"""Largest text file in bytes that is read whole."""

_NORTH: Final = ("x", "x座標", "x(m)", "北", "北距", "northing", "north", "n")
_EAST: Final = ("y", "y座標", "y(m)", "東", "東距", "easting", "east", "e")
_HEIGHT: Final = ("z", "z座標", "z(m)", "標高", "地盤高", "h", "elevation", "height")
_NAME: Final = ("name", "測点", "測点名", "点名", "杭", "杭名", "station", "no")


def read_lines(path: Path, crs: CRS) -> tuple[CentreLine, ...]:
    """The lines of a file in ``crs``, easting first, in the file's order.

    Parameters
    ----------
    path
        .geojson, .json, .gpkg, .shp, .dxf, .sim, .xml (LandXML) or .csv.
    crs
        The survey's; GeoJSON, GeoPackage and Shapefile lines in another one are reprojected.

    Raises
    ------
    FileError
        When the file is missing, of another kind, or cannot be read.
    CrsError
        When a GeoPackage or Shapefile states no CRS, or the way to ``crs`` is not known well enough.
    GeometryError
        When there is no line in it, or one has no length.
    """
    if not path.is_file():
        raise FileError(f"line {path}: no such file", f"線のファイル {path} がありません。", file=str(path))
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FileError(
            f"line {path.name}: suffix '{path.suffix}'; expected one of {', '.join(_READERS)}",
            f"線のファイル {path.name} の拡張子 '{path.suffix}' は使えません。使えるもの: {', '.join(_READERS)}",
            file=str(path),
        )
    lines = reader(path, crs)
    if not lines:
        raise GeometryError(
            f"{path.name}: no line in it; expected a line of two or more points",
            f"{path.name} に線がありません。2 点以上の線が必要です。",
            file=path.name,
        )
    return lines


def decoded(path: Path) -> str:
    """Text of a file: UTF-8 (with or without BOM), else CP932.

    Raises
    ------
    FileError
        When it is neither, or too large.
    """
    if path.stat().st_size > MAX_TEXT:
        raise unreadable(path, f"{path.stat().st_size} bytes; at most {MAX_TEXT} are read")
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise unreadable(path, "neither UTF-8 nor CP932 text")


def unreadable(path: Path, reason: str) -> FileError:
    """The error for a file that cannot be read."""
    return FileError(
        f"{path.name}: cannot be read: {reason}", f"{path.name} を読み込めません: {reason}", file=str(path)
    )


def _geojson(path: Path, crs: CRS) -> tuple[CentreLine, ...]:
    try:
        found = json.loads(decoded(path))
        items = found["features"] if found["type"] == "FeatureCollection" else [found]
        parsed = [_geojson_feature(path, item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError) as error:
        raise unreadable(path, f"not GeoJSON: {error!r}") from error
    stated = found.get("crs")
    if stated is not None:
        source = reference.parse(str((stated.get("properties") or {}).get("name")))
    else:
        is_degrees = all(_is_lon_lat(geometry) for _, geometry in parsed)
        source = CRS.from_user_input("OGC:CRS84") if is_degrees else crs
    return _lines(path, parsed, source, crs)


def _geojson_feature(path: Path, item: dict[str, Any]) -> tuple[str, Any]:
    is_feature = item["type"] == "Feature"
    name, geometry = (_field_name(item.get("properties") or {}), item["geometry"]) if is_feature else ("", item)
    if geometry is not None and geometry["type"] == "LineString" and len(geometry["coordinates"]) < 2:
        raise _no_line(path, name, f"{len(geometry['coordinates'])} point")
    return name, None if geometry is None else shape(geometry)


def _is_lon_lat(geometry: Any) -> bool:
    if geometry is None or geometry.is_empty:
        return True
    west, south, east, north = geometry.bounds
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _field_name(fields: dict[str, Any]) -> str:
    by_name = {str(key).lower(): value for key, value in fields.items()}
    for field in ("name", "名称", "路線名", "id"):
        if by_name.get(field) not in (None, ""):
            return str(by_name[field])
    return ""


def _ogr(path: Path, crs: CRS) -> tuple[CentreLine, ...]:
    signature = b"SQLite format 3\0" if path.suffix.lower() == ".gpkg" else b"\x00\x00\x27\x0a"
    with path.open("rb") as stream:
        if stream.read(len(signature)) != signature:
            raise unreadable(path, "its first bytes are not those of its format")
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is None or "LineString" in kind]
        if len(layers) != 1:
            raise unreadable(path, f"{len(layers)} layers of lines ({', '.join(layers)}); keep one")
        meta, _, geometries, columns = pyogrio.raw.read(path, layer=layers[0])
    except (DataSourceError, UnicodeDecodeError) as error:
        raise unreadable(path, str(error)) from error
    if meta["crs"] is None:
        raise CrsError(
            f"{path.name}: states no CRS; set it, for example: ogr2ogr -a_srs EPSG:6676 out.gpkg {path.name}",
            f"{path.name} に座標参照系がありません。設定してください (例: ogr2ogr -a_srs EPSG:6676 out.gpkg "
            f"{path.name})。",
            file=path.name,
        )
    parsed = []
    for i, wkb in enumerate(geometries):
        fields = {name: column[i] for name, column in zip(meta["fields"], columns, strict=True)}
        parsed.append((_field_name(fields), None if wkb is None else shapely.from_wkb(wkb)))
    return _lines(path, parsed, reference.parse(meta["crs"]), crs)


def _lines(path: Path, parsed: Sequence[tuple[str, Any]], source: CRS, crs: CRS) -> tuple[CentreLine, ...]:
    """Centre lines of the line features, reprojected."""
    horizontal, _ = reference.split(source)
    transformer = None
    if not reference.is_same(horizontal, crs):
        transformer = _transformer(path, horizontal, crs)
    lines = []
    for number, (name, geometry) in enumerate(parsed, start=1):
        label = name or f"{path.stem}-{number}"
        merged = shapely.line_merge(geometry) if geometry is not None else None
        if merged is None or merged.geom_type != "LineString" or merged.is_empty:
            raise _no_line(path, label, _kind(geometry))
        xyz = shapely.get_coordinates(merged, include_z=True)
        x, y = xyz[:, 0], xyz[:, 1]
        if transformer is not None:
            x, y = transformer.transform(x, y)
        lines.append(polyline(label, x, y, xyz[:, 2]))
    return tuple(lines)


def _kind(geometry: Any) -> str:
    """What a geometry is that is not a line of some length."""
    if geometry is None:
        return "no geometry"
    is_line = geometry.geom_type in ("LineString", "MultiLineString")
    return f"{geometry.geom_type} of length 0 m" if is_line and geometry.length == 0.0 else str(geometry.geom_type)


def _no_line(path: Path, name: str, found: str) -> GeometryError:
    return GeometryError(
        f"{path.name}, feature '{name}': {found}; expected one connected line (LineString) of two or more different "
        "points",
        f"{path.name} の地物「{name}」({found}) は線として使えません。異なる 2 点以上を結ぶ、一本につながった線 "
        "(LineString) が必要です。",
        file=path.name,
    )


def _dxf(path: Path, _: CRS) -> tuple[CentreLine, ...]:
    return dxf.read_lines(path)


def _transformer(path: Path, source: CRS, crs: CRS) -> Transformer:
    """The best way between two systems; none at all rather than a coarse one."""
    try:
        return Transformer.from_crs(source, crs, always_xy=True, allow_ballpark=False)
    except ProjError as error:
        raise CrsError(
            f"{path.name}: no accurate transformation from {source.name} to {crs.name}; reproject the line first",
            f"{path.name}: {source.name} から {crs.name} への正確な変換がありません。先に線を変換してください。",
            file=path.name,
        ) from error


def _sima(path: Path, _: CRS) -> tuple[CentreLine, ...]:
    """Parcels or lines (D00, B01, D99) through numbered points (A01); without one, all points in order."""
    points: dict[str, tuple[str, float, float, float]] = {}
    parts: list[tuple[str, list[str]]] = []
    for number, row in enumerate(csv.reader(io.StringIO(decoded(path))), start=1):
        fields = [f.strip() for f in row]
        try:
            if fields[:1] == ["A01"]:
                height = float(fields[5]) if len(fields) > 5 and fields[5] else math.nan
                points[fields[1]] = (fields[2], float(fields[4]), float(fields[3]), height)
            elif fields[:1] == ["D00"]:
                parts.append((fields[2], []))
            elif fields[:1] == ["B01"] and parts:
                parts[-1][1].append(fields[1])
        except (ValueError, IndexError) as error:
            raise unreadable(path, f"line {number}: {','.join(row)[:60]}: {error}") from error
    if not parts and points:
        parts = [(path.stem, list(points))]
    missing = next((n for _, numbers in parts for n in numbers if n not in points), None)
    if missing is not None:
        raise unreadable(path, f"point number {missing} is used but no A01 record defines it")
    return tuple(_named_polyline(name, [points[n] for n in numbers]) for name, numbers in parts)


def _named_polyline(name: str, rows: Sequence[tuple[str, float, float, float]]) -> CentreLine:
    """A polyline whose vertices keep their names as labels."""
    line = polyline(name, [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows])
    labels = [(line.place(r[1], r[2])[0], r[0]) for r in rows if r[0]]
    return CentreLine(line.name, line.pieces, labels=tuple(dict.fromkeys(labels)), heights=line.heights)


def _csv(path: Path, _: CRS) -> tuple[CentreLine, ...]:
    """Stations in order: name, X (north), Y (east), Z; a header row may name the columns in another order."""
    rows = [[f.strip() for f in row] for row in csv.reader(io.StringIO(decoded(path))) if any(f.strip() for f in row)]
    if not rows:
        return ()
    columns, first = {"name": 0, "north": 1, "east": 2, "height": 3}, 0
    if not _is_number(rows[0][1] if len(rows[0]) > 1 else ""):
        columns, first = _csv_columns(path, rows[0]), 1
    vertices = []
    for number, row in enumerate(rows[first:], start=first + 1):
        try:
            height_text = row[columns["height"]] if 0 <= columns["height"] < len(row) else ""
            height = float(height_text) if height_text else math.nan
            name = row[columns["name"]] if columns["name"] >= 0 else ""
            vertices.append((name, float(row[columns["east"]]), float(row[columns["north"]]), height))
        except (ValueError, IndexError) as error:
            raise unreadable(path, f"row {number}: {','.join(row)[:60]}: {error}") from error
    return (_named_polyline(path.stem, vertices),)


def _csv_columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [h.lower().replace(" ", "").replace("（", "(").replace("）", ")") for h in header]

    def find(accepted: Sequence[str]) -> int:
        return next((i for i, name in enumerate(names) if name in accepted), -1)

    columns = {"name": find(_NAME), "north": find(_NORTH), "east": find(_EAST), "height": find(_HEIGHT)}
    if columns["north"] < 0 or columns["east"] < 0:
        raise unreadable(
            path, f"header {', '.join(header)}; expected 測点, X (north), Y (east), Z or name, easting, northing, z"
        )
    return columns


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _landxml(path: Path, _: CRS) -> tuple[CentreLine, ...]:
    return landxml.read_alignments(path)


_READERS: Final[dict[str, Callable[[Path, CRS], tuple[CentreLine, ...]]]] = {
    ".geojson": _geojson, ".json": _geojson, ".gpkg": _ogr, ".shp": _ogr, ".dxf": _dxf, ".sim": _sima,
    ".xml": _landxml, ".csv": _csv,
}  # fmt: skip
