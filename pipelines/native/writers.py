"""``writers.las`` and ``writers.copc``: LAS, LAZ and COPC files, piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pipelines.native import las_file
from pipelines.native.columns import cast
from pipelines.native.las_file import Axes, Layout
from pipelines.native.readers import View
from pointcloud import crs as reference
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.errors import CrsError, ParameterError
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_points import layout_of

_FORWARDED = ("scale", "offset", "format", "header", "vlr", "all")
_INT32 = np.iinfo(np.int32)


def write_las(views: Sequence[View], options: Mapping[str, Any], folder: Path) -> int:
    """Write all points of the views, in order, into one file; the number of points.

    The file appears whole or not at all. Without ``extra_dims`` only the dimensions of the record format are
    written, as in PDAL.

    Raises
    ------
    CrsError
        When the views differ in their reference system.
    InputError
        When a coordinate does not fit the scale and offset.
    """
    path = folder / options["filename"]
    heads, chunks = _opened(views)
    extent = None
    if needs_extent(options, views):
        everything = list(chunks)
        chunks, extent = iter(everything), _extent(everything)
    layout = layout_of_target(views, heads, options, extent)
    if layout.point_format >= 6 and layout.minor_version < 4:
        raise ParameterError(
            f"writers.las: point format {layout.point_format} needs minor_version 4, not {layout.minor_version}",
            f"writers.las: 点形式 {layout.point_format} には minor_version 4 が必要です。",
            field="minor_version",
        )
    frame, vlrs = reference_of(views, heads, options)
    return las_file.write(path, chunks, layout, frame, vlrs, compresses=compresses(path, options))


def compresses(path: Path, options: Mapping[str, Any]) -> bool:
    """Whether ``writers.las`` writes LAZ."""
    return path.suffix.lower() == ".laz" or str(options["compression"]).lower() in ("laszip", "lazperf", "true")


def reference_of(
    views: Sequence[View], heads: Sequence[PointCloud], options: Mapping[str, Any]
) -> tuple[PointCloud, list[tuple[bytes, bytes]]]:
    """An empty cloud in the reference system of the target, and the records to take over, as head and payload."""
    crs, datum = _reference(heads, options)
    empty = np.empty(0)
    origins = [origin for view in views for origin in view.origins] if "vlr" in _forwards(options) else []
    return PointCloud(empty, empty, empty, {}, crs, datum), [vlr for origin in origins for vlr in origin.vlrs]


def write_copc(views: Sequence[View], options: Mapping[str, Any], folder: Path) -> int:
    """Write all points of the views into one COPC file; the number of points.

    Memory does not grow with the cloud, but for a scale of ``auto``. Point format 6, 7 with colours or 8 with
    infrared. Offsets of ``auto`` are those of the first piece's lowest corner.

    Raises
    ------
    CrsError
        When the views differ in their reference system.
    ParameterError
        When a value does not fit.
    """
    from pointcloud.io import copc_write

    heads, chunks = _opened(views)
    lowest, extent = [float(np.floor(v.min())) if v.size else 0.0 for v in (heads[0].x, heads[0].y, heads[0].z)], None
    free = {f"offset_{axis}": v for axis, v in zip("xyz", lowest, strict=True) if options[f"offset_{axis}"] == "auto"}
    options = {**options, **free}
    if needs_extent(options, views):
        everything = list(chunks)
        chunks, extent = iter(everything), _extent(everything)
    names = {name for head in heads for name in head.attributes}
    point_format = 8 if "Infrared" in names else 7 if "Red" in names else 6
    layout = layout_of_target(views, heads, {**options, "dataformat_id": point_format, "minor_version": 4}, extent)
    types = {n: h.attributes[n].dtype for h in heads for n in h.attributes if n in LASPY_TO_PDAL.values()}
    types |= layout.extra
    crs, datum = _reference(heads, options)

    def plain(cloud: PointCloud) -> PointCloud:
        columns = {n: cast(n, cloud.attributes.get(n, np.zeros(len(cloud), t)), t) for n, t in types.items()}
        return PointCloud(cloud.x, cloud.y, cloud.z, columns, crs, datum)

    path = folder / options["filename"]
    return copc_write.write(path, map(plain, chunks), scales=layout.scales, offsets=layout.offsets)


def _opened(views: Sequence[View]) -> tuple[list[PointCloud], Iterator[PointCloud]]:
    """The first piece of each view, and all pieces in order."""
    iterators = [iter(view.chunks) for view in views]
    heads = [next(i) for i in iterators]
    crs = heads[0].crs
    for head in heads[1:]:
        if head.crs != crs:
            raise CrsError(
                f"writer: points in different reference systems ({crs} and {head.crs}) cannot go into one file",
                f"出力: 座標参照系の異なる点群 ({crs} と {head.crs}) は一つのファイルに出力できません。",
            )
    pieces = (itertools.chain([h], rest) for h, rest in zip(heads, iterators, strict=True))
    return heads, itertools.chain.from_iterable(pieces)


def _forwards(options: Mapping[str, Any]) -> set[str]:
    names = set(options["forward"] or [])
    unknown = names - set(_FORWARDED)
    if unknown:
        raise ParameterError(
            f"writers.las: forward = {sorted(unknown)}; expected some of {', '.join(_FORWARDED)}",
            f"writers.las: forward = {sorted(unknown)} は使えません。使えるもの: {', '.join(_FORWARDED)}",
            field="forward",
        )
    return set(_FORWARDED) if "all" in names else names


def _common(views: Sequence[View], what: str) -> Any:
    """The value that all files share from which the points came, or None."""
    values = {getattr(origin, what) for view in views for origin in view.origins}
    return values.pop() if len(values) == 1 else None


def needs_extent(options: Mapping[str, Any], views: Sequence[View]) -> bool:
    """Whether scales or offsets follow from all points."""
    forwards = _forwards(options)
    return any(
        (what not in forwards or _common(views, f"{what}s") is None)
        and any(options[f"{what}_{axis}"] == "auto" for axis in "xyz")
        for what in ("scale", "offset")
    )


def _extent(clouds: Sequence[PointCloud]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    filled = [c for c in clouds if len(c)]
    if not filled:
        return np.zeros(3), np.zeros(3)
    low = np.min([[c.x.min(), c.y.min(), c.z.min()] for c in filled], axis=0)
    high = np.max([[c.x.max(), c.y.max(), c.z.max()] for c in filled], axis=0)
    return low, high


def layout_of_target(
    views: Sequence[View],
    heads: Sequence[PointCloud],
    options: Mapping[str, Any],
    extent: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> Layout:
    """Version, format, scales, offsets and extra bytes that a document asks for."""
    forwards = _forwards(options)
    given = options["given"]
    forwarded = {w: _common(views, w) for w in ("scales", "offsets", "minor_version", "point_format")}
    point_format = options["dataformat_id"]
    if "format" in forwards and "dataformat_id" not in given and forwarded["point_format"] is not None:
        point_format = forwarded["point_format"]
    minor = options["minor_version"]
    if "header" in forwards and "minor_version" not in given and forwarded["minor_version"] is not None:
        minor = forwarded["minor_version"]
    offsets = forwarded["offsets"] if "offset" in forwards else None
    scales = forwarded["scales"] if "scale" in forwards else None
    low, high = extent or (np.zeros(3), np.zeros(3))
    offsets = _chosen(options, "offset", offsets, low)
    span = np.maximum(np.abs(high - offsets), np.abs(low - offsets))
    scales = _chosen(options, "scale", scales, np.where(span > 0, span / _INT32.max, 1.0))
    return Layout(minor, point_format, scales, offsets, _extra(heads, options, point_format))


def _chosen(options: Mapping[str, Any], what: str, forwarded: Axes | None, automatic: NDArray[np.float64]) -> Axes:
    """What the document sets, else what is forwarded, else PDAL's default; ``auto`` from the extent."""
    values = []
    for i, axis in enumerate("xyz"):
        name = f"{what}_{axis}"
        value = options[name] if forwarded is None or name in options["given"] else forwarded[i]
        values.append(float(automatic[i]) if value == "auto" else float(value))
    return values[0], values[1], values[2]


def _extra(
    heads: Sequence[PointCloud], options: Mapping[str, Any], point_format: int
) -> dict[str, np.dtype[np.generic]]:
    standard = set(layout_of(point_format, POINT_SIZES[point_format]).fields)
    standard |= {"ScanAngle", "ScanAngleRank"}
    found: dict[str, np.dtype[np.generic]] = {}
    for head in heads:
        for name, values in head.attributes.items():
            if name not in LASPY_TO_PDAL.values() and name not in standard:
                found[name] = np.promote_types(found.get(name, values.dtype), values.dtype)
    wanted = options["extra_dims"] or []
    if wanted == ["all"]:
        return found
    types = dict(part.split("=", 1) if "=" in part else (part, "") for part in wanted)
    return {name: _extra_type(name, text, found) for name, text in types.items()}


_EXTRA_TYPES = {
    "double": "f8", "float": "f4", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
    "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
}  # fmt: skip


def _extra_type(name: str, text: str, found: Mapping[str, np.dtype[np.generic]]) -> np.dtype[np.generic]:
    if name not in found or (text and text not in _EXTRA_TYPES):
        raise ParameterError(
            f"writers.las: extra_dims '{name}={text}'; the points have {', '.join(found) or 'no extra dimension'}, "
            f"types are {', '.join(_EXTRA_TYPES)}",
            f"writers.las: extra_dims '{name}={text}' は使えません。あるもの: {', '.join(found) or 'なし'}",
            field="extra_dims",
            value=name,
        )
    return np.dtype(_EXTRA_TYPES[text]) if text else found[name]


def _reference(heads: Sequence[PointCloud], options: Mapping[str, Any]) -> tuple[CRS | None, VerticalDatum]:
    if options["a_srs"]:
        return reference.split(reference.parse(options["a_srs"]))
    return heads[0].crs, heads[0].vertical_datum
