"""Zones in: polygons with names, from GeoJSON, GeoPackage or Shapefile (also zipped), in the survey's CRS."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from pyproj import CRS, Transformer
from pyproj.transformer import TransformerGroup
from shapely.geometry import MultiPolygon, Polygon, shape

from pointcloud import crs as reference
from pointcloud.errors import CrsError, FileError, GeometryError
from pointcloud.io.shapefile_zip import unpacked
from pointcloud.notes import Note

NAME_FIELDS: Final = ("name", "名称", "zone")
"""Fields that may hold a zone's name, the first found wins; case does not matter."""

MAX_GEOJSON: Final = 100_000_000
"""Largest GeoJSON file in bytes: it is read whole."""

_SIGNATURES: Final = {".gpkg": b"SQLite format 3\0", ".shp": b"\x00\x00\x27\x0a"}
_FORMATS: Final = {".gpkg": "GeoPackage", ".shp": "Shapefile"}
_LON_LAT: Final = CRS.from_user_input("OGC:CRS84")


@dataclass(frozen=True, slots=True)
class Zone:
    """A named valid polygon in the survey's CRS, holes included, and what was assumed about it."""

    name: str
    polygon: Polygon | MultiPolygon
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as the source gives it; ``number`` counts from 1, ``geometry`` is a shapely geometry or None."""

    number: int
    name: str
    geometry: Any
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_zones(path: Path, crs: CRS) -> tuple[Zone, ...]:
    """The zones of a GeoJSON, GeoPackage or Shapefile, in ``crs`` (easting first), in the file's order.

    A zone is named by its field name, NAME, 名称 or zone, else ``zone-N`` by its place in the file; a second zone
    of one name becomes ``name (2)``. Coordinates are reprojected when the file states another CRS. GeoJSON that
    states none is in longitude and latitude (RFC 7946) unless its numbers cannot be; then it is taken to be in
    ``crs``, and a note on each zone says so. Shapefile texts may be UTF-8 or CP932.

    Raises
    ------
    FileError
        When the file is missing, is not of the format that its suffix says, or has several layers of polygons.
    CrsError
        When a GeoPackage or Shapefile states no CRS, or the way to ``crs`` is not known well enough.
    GeometryError
        When there is no zone, or one is empty, not a polygon, or crosses itself; the message says where.
    """
    stated, features, notes = _load(path, crs)
    return _with_notes(_zones(features, stated, crs, path.name), notes)


def read_features(path: Path, crs: CRS) -> tuple[tuple[Feature, ...], tuple[Note, ...]]:
    """The features of a file that `read_zones` reads, with all fields and in ``crs``, and what was assumed.

    Geometries are not judged: one may be missing, of any kind, or cross itself.

    Raises
    ------
    FileError, CrsError
        As `read_zones`.
    GeometryError
        When a GeoJSON geometry cannot be parsed.
    """
    stated, features, notes = _load(path, crs)
    if (transformer := _way(stated, crs, path.name)) is None:
        return tuple(features), notes
    return tuple(replace(f, geometry=_moved(f.geometry, transformer)) for f in features), notes


def _load(path: Path, crs: CRS) -> tuple[CRS, list[Feature], tuple[Note, ...]]:
    """Stated CRS, features and notes of a file."""
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileError(f"zones {path}: no such file", f"区域ファイル {path} がありません。", file=str(path))
    if suffix in (".geojson", ".json"):
        return _load_object(_load_json(path), crs, path.name)
    if suffix == ".zip":
        with unpacked(path) as shapes:
            return _load(shapes, crs)
    if suffix not in _SIGNATURES:
        raise FileError(
            f"zones {path}: suffix '{suffix}'; expected .geojson, .json, .gpkg, .shp or .zip",
            f"区域ファイル {path} の拡張子 '{suffix}' は使えません (可: .geojson .json .gpkg .shp .zip)。",
            file=str(path),
            value=suffix,
        )
    _check_signature(path, suffix)
    try:
        stated, features = _read_layer(path, suffix)
    except (DataSourceError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    return stated, features, ()


def read_zones_object(geojson: Mapping[str, Any], crs: CRS, source: str = "zones") -> tuple[Zone, ...]:
    """The zones of a GeoJSON object (FeatureCollection, Feature or geometry); otherwise as `read_zones`.

    ``source`` stands in messages.

    Raises
    ------
    FileError
        When the object is not GeoJSON.
    CrsError, GeometryError
        As `read_zones`.
    """
    stated, features, notes = _load_object(geojson, crs, source)
    return _with_notes(_zones(features, stated, crs, source), notes)


def _with_notes(zones: Iterable[Zone], notes: tuple[Note, ...]) -> tuple[Zone, ...]:
    return tuple(replace(zone, notes=notes + zone.notes) for zone in zones)


def _load_object(geojson: Mapping[str, Any], crs: CRS, source: str) -> tuple[CRS, list[Feature], tuple[Note, ...]]:
    """Stated or assumed CRS, features and notes of a GeoJSON object."""
    features = list(_features(geojson, source))
    notes: tuple[Note, ...] = ()
    stated = _stated_crs(geojson)
    if stated is None and all(_is_lon_lat(feature.geometry) for feature in features):
        stated = _LON_LAT
    elif stated is None:
        stated = crs
        notes = (
            Note(
                "zones-crs-assumed",
                f"{source} states no CRS and its coordinates are not degrees: taken to be in the survey's, {crs.name}",
                f"{source} に座標参照系の記載がなく座標は度でないため、測量と同じ {crs.name} とみなしました。",
            ),
        )
    return stated, features, notes


def _load_json(path: Path) -> Mapping[str, Any]:
    size = path.stat().st_size
    if size > MAX_GEOJSON:
        raise _unreadable(path, f"{size} bytes; at most {MAX_GEOJSON} are read; use a GeoPackage")
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"not JSON in UTF-8: {error}") from error
    if not isinstance(found, dict):
        raise _unreadable(path, f"JSON {type(found).__name__}; expected a GeoJSON object")
    return found


def _features(geojson: Mapping[str, Any], source: str) -> Iterator[Feature]:
    """Features of a collection, a feature or a bare geometry."""
    kind = geojson.get("type")
    items = geojson.get("features") if kind == "FeatureCollection" else [geojson]
    if not isinstance(items, list) or not isinstance(kind, str):
        raise _unreadable(source, "no GeoJSON FeatureCollection, Feature or geometry in it")
    for number, item in enumerate(items, start=1):
        is_feature = isinstance(item, dict) and item.get("type") == "Feature"
        geometry = item.get("geometry") if is_feature else item
        try:
            parsed = None if geometry is None else shapely.force_2d(shape(geometry))
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError) as error:
            raise GeometryError(
                f"{source}, feature {number}: not a GeoJSON geometry ({error})",
                f"{source} の {number} 番目の地物は GeoJSON の図形として解釈できません ({error})。",
                file=source,
                feature=number,
            ) from error
        found = item.get("properties") if is_feature else None
        fields = found if isinstance(found, dict) else {}
        yield Feature(number, _name(fields, number), parsed, fields)


def _stated_crs(geojson: Mapping[str, Any]) -> CRS | None:
    """The CRS of the old ``crs`` member."""
    member = geojson.get("crs")
    if member is None:
        return None
    try:
        return reference.parse(member["properties"]["name"])
    except (KeyError, TypeError) as error:
        raise CrsError(
            f"zones: the GeoJSON's crs member {member!r} is not understood; expected "
            '{"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}}',
            f"GeoJSON の crs メンバー {member!r} を解釈できません。"
            '{"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}} の形にしてください。',
            value=str(member),
        ) from error


def _is_lon_lat(geometry: Any) -> bool:
    """Whether all coordinates can be longitude and latitude."""
    if geometry is None or geometry.is_empty:
        return True
    west, south, east, north = geometry.bounds
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _check_signature(path: Path, suffix: str) -> None:
    """Refuse a file of another format: GDAL goes by content and would follow what some formats point to."""
    with path.open("rb") as stream:
        if stream.read(16)[: len(_SIGNATURES[suffix])] != _SIGNATURES[suffix]:
            raise _unreadable(path, f"byte 0: not the signature of a {_FORMATS[suffix]}")


def _read_layer(path: Path, suffix: str) -> tuple[CRS, list[Feature]]:
    """CRS and features of the one layer of polygons."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of a broken file, which is refused
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is None or "Polygon" in kind]
    if len(layers) > 1:
        raise _unreadable(path, f"several layers of polygons: {', '.join(layers)}; keep one")
    meta, geometries, columns = _read_decoded(path, suffix, layers[0] if layers else None)
    if meta["crs"] is None:
        raise CrsError(
            f"zones {path.name}: states no CRS (no .prj?); set it, for example: ogr2ogr -a_srs EPSG:6676 out.gpkg "
            f"{path.name}",
            f"区域ファイル {path.name} に座標参照系がありません (.prj の有無を確認)。設定してください "
            f"(例: ogr2ogr -a_srs EPSG:6676 out.gpkg {path.name})。",
            file=str(path),
        )
    features = []
    for index, wkb in enumerate(geometries):
        fields = {name: column[index] for name, column in zip(meta["fields"], columns, strict=True)}
        geometry = None if wkb is None else shapely.force_2d(shapely.from_wkb(wkb))
        features.append(Feature(index + 1, _name(fields, index + 1), geometry, fields))
    return reference.parse(meta["crs"]), features


def _read_decoded(path: Path, suffix: str, layer: str | None) -> tuple[dict[str, Any], NDArray[Any], list[Any]]:
    """What pyogrio reads. A Shapefile that states no encoding is UTF-8, and where that cannot be, CP932."""
    table = path.with_suffix(".dbf")
    if suffix != ".shp" or not table.is_file():
        return _read_raw(path, layer, None)
    states_one = path.with_suffix(".cpg").is_file() or table.read_bytes()[29:30] not in (b"", b"\0")
    try:
        return _read_raw(path, layer, None if states_one else "UTF-8")
    except UnicodeDecodeError:
        pass
    try:
        return _read_cut(path, layer)
    except UnicodeDecodeError:
        return _read_raw(path, layer, "CP932")


def _read_cut(path: Path, layer: str | None) -> tuple[dict[str, Any], NDArray[Any], list[Any]]:
    """A UTF-8 Shapefile whose field names are cut at ten bytes, in the middle of a character."""
    meta, geometries, columns = _read_raw(path, layer, "ISO-8859-1")  # which keeps every byte
    names = [_without_cut(name.encode("latin-1")) for name in meta["fields"]]
    texts = [_decoded(column) if column.dtype == object else column for column in columns]
    return {**meta, "fields": names}, geometries, texts


def _without_cut(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(name) < 10 or error.reason != "unexpected end of data":
            raise
        return name[: error.start].decode("utf-8")


def _decoded(column: NDArray[Any]) -> NDArray[Any]:
    return np.array([v.encode("latin-1").decode("utf-8") if isinstance(v, str) else v for v in column], object)


def _read_raw(path: Path, layer: str | None, encoding: str | None) -> tuple[dict[str, Any], NDArray[Any], list[Any]]:
    meta, _, geometries, columns = pyogrio.raw.read(path, layer=layer, encoding=encoding)
    return meta, geometries, columns


def _name(fields: Mapping[str, Any], number: int) -> str:
    by_name = {key.lower(): value for key, value in fields.items()}
    for wanted in NAME_FIELDS:
        value = by_name.get(wanted)
        if isinstance(value, (float, np.floating)) and not np.isfinite(value):
            continue
        if value is not None and str(value).strip():
            whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
            return str(int(value)) if whole else str(value).strip()
    return f"zone-{number}"


def _zones(features: Iterable[Feature], stated: CRS, crs: CRS, source: str) -> tuple[Zone, ...]:
    """Checked, reprojected, with names of their own."""
    items = list(features)
    if not items:
        raise GeometryError(f"{source}: no zone in it", f"{source} に区域がありません。", file=source)
    transformer = _way(stated, crs, source)
    taken: set[str] = set()
    zones = []
    for feature in items:
        _check_polygon(feature, source)
        polygon = feature.geometry if transformer is None else _moved(feature.geometry, transformer)
        _check_valid(feature, polygon, source)
        zones.append(_named(feature, polygon, taken, source))
    return tuple(zones)


def _way(stated: CRS, crs: CRS, source: str) -> Transformer | None:
    """The transformation between two systems; None where they are the same."""
    horizontal, _ = reference.split(stated)
    return None if reference.is_same(horizontal, crs) else _transformer(horizontal, crs, source)


def _moved(geometry: Any, transformer: Transformer) -> Any:
    return None if geometry is None else shapely.transform(geometry, transformer.transform, interleaved=False)


def _transformer(stated: CRS, crs: CRS, source: str) -> Transformer:
    """The best way between two systems; none at all rather than a coarse one."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # PROJ's, where the accurate grid is missing
        ways = TransformerGroup(stated, crs, always_xy=True, allow_ballpark=False)
    if not ways.best_available or not ways.transformers:
        raise CrsError(
            f"{source}: the accurate transformation from {stated.name} to {crs.name} is not on this machine; "
            "reproject the zones first",
            f"{source}: {stated.name} から {crs.name} への正確な変換データがこの環境にありません。先に区域を変換して"
            "ください。",
            file=source,
        )
    return ways.transformers[0]


def _check_polygon(feature: Feature, source: str) -> None:
    geometry = feature.geometry
    if geometry is None or geometry.is_empty:
        kind, kind_ja = "no geometry", "図形なし"
    elif geometry.geom_type not in ("Polygon", "MultiPolygon"):
        kind = kind_ja = f"a {geometry.geom_type}"
    else:
        return
    raise GeometryError(
        f"{source}, feature {feature.number} ('{feature.name}'): {kind}; expected a polygon",
        f"{source} の {feature.number} 番目の地物「{feature.name}」: {kind_ja}。ポリゴンが必要です。",
        file=source,
        feature=feature.number,
    )


def _check_valid(feature: Feature, polygon: Any, source: str) -> None:
    if not np.isfinite(shapely.get_coordinates(polygon)).all():
        reason = "a coordinate is not finite in the survey's CRS"
    elif not shapely.is_valid(polygon):
        reason = shapely.is_valid_reason(polygon)
    else:
        return
    raise GeometryError(
        f"{source}, feature {feature.number} ('{feature.name}'): {reason} (easting northing); correct its outline",
        f"{source} の {feature.number} 番目の地物「{feature.name}」の外形が不正です: {reason} (東 北)。修正して"
        "ください。",
        file=source,
        feature=feature.number,
        reason=reason,
    )


def _named(feature: Feature, polygon: Any, taken: set[str], source: str) -> Zone:
    """The zone, under a name that no earlier one has."""
    name, copies = feature.name, 1
    while name in taken:
        copies += 1
        name = f"{feature.name} ({copies})"
    taken.add(name)
    if name == feature.name:
        return Zone(name, polygon)
    note = Note(
        "zone-renamed",
        f"{source}, feature {feature.number}: a zone '{feature.name}' exists already; this one is called '{name}'",
        f"{source} の {feature.number} 番目の地物: 区域名「{feature.name}」が重複するため「{name}」としました。",
    )
    return Zone(name, polygon, (note,))


def _unreadable(path: Path | str, reason: str) -> FileError:
    return FileError(
        f"zones {path}: cannot be read: {reason}",
        f"区域ファイル {path} を読み込めません: {reason}",
        file=str(path),
    )
