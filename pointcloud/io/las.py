"""LAS, LAZ and COPC files in and out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import laspy
import numpy as np
from laspy.compression import LazBackend
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud import crs as reference
from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.errors import FileError
from pointcloud.notes import Note

Edit = Callable[[int, PointCloud], Mapping[str, NDArray[np.generic]]]
_BACKENDS = (LazBackend.LazrsParallel, LazBackend.Lazrs)


@dataclass(frozen=True, slots=True)
class LasInfo:
    """What the header of a file says, and what is odd about it."""

    path: Path
    version: str
    point_format: int
    n_points: int
    bounds: Bounds | None
    z_min: float
    z_max: float
    scales: tuple[float, float, float]
    offsets: tuple[float, float, float]
    crs: CRS | None
    vertical_datum: VerticalDatum
    is_compressed: bool
    is_copc: bool
    dimensions: tuple[str, ...]
    extra_dimensions: tuple[str, ...]
    creation_date: date | None
    software: str
    sheets: tuple[sheets.Sheet, ...]
    problems: tuple[Note, ...] = ()

    @property
    def density(self) -> float | None:
        """Points per square metre of the header's rectangle, or None where it has no area."""
        return self.n_points / self.bounds.area if self.bounds and self.bounds.area > 0 else None


def inspect(path: Path) -> LasInfo:
    """What a file's header says, without reading its points.

    Raises
    ------
    FileError
        When the file cannot be used.
    """
    with _open(path) as reader:
        header = reader.header
        full = header.parse_crs()
        horizontal, vertical = reference.split(full) if full is not None else (None, VerticalDatum.UNKNOWN)
        extras = tuple(header.point_format.extra_dimension_names)
        return LasInfo(
            path, str(header.version), header.point_format.id, int(header.point_count),
            Bounds(*map(float, (*header.mins[:2], *header.maxs[:2]))) if header.point_count else None,
            float(header.mins[2]), float(header.maxs[2]),
            tuple(map(float, header.scales)), tuple(map(float, header.offsets)),
            horizontal, vertical, header.are_points_compressed, bool(header.vlrs.get("CopcInfoVlr")),
            tuple(_names(header.point_format)), extras, header.creation_date,
            str(header.generating_software).strip("\0 "), sheets.find(path.name),
        )  # fmt: skip


def read(path: Path, *, dimensions: Sequence[str] | None = None, bounds: Bounds | None = None) -> PointCloud:
    """All points of a file, or those in ``bounds`` (half-open), in the file's order.

    ``dimensions`` names the attributes to load, all where None; standard ones that the file lacks are left out.

    Raises
    ------
    FileError
        When the file cannot be used.
    """
    clouds = [_inside(cloud, bounds) for cloud in iter_chunks(path, dimensions=dimensions)]
    return PointCloud.concatenate(clouds)


def iter_chunks(path: Path, size: int = 1_000_000, dimensions: Sequence[str] | None = None) -> Iterator[PointCloud]:
    """The points of a file in pieces of at most ``size``.

    Raises
    ------
    FileError
        When the file cannot be used.
    """
    with _open(path) as reader:
        full = reader.header.parse_crs()
        horizontal, vertical = reference.split(full) if full is not None else (None, VerticalDatum.UNKNOWN)
        for points in reader.chunk_iterator(size):
            yield _cloud(points, dimensions, horizontal, vertical)


def write(
    path: Path,
    cloud: PointCloud,
    *,
    version: str = "1.4",
    point_format: int | None = None,
    scales: tuple[float, float, float] = (0.001, 0.001, 0.001),
) -> None:
    """Write a new file from a cloud; .laz is compressed. Attributes that the format lacks become extra bytes."""
    if point_format is None:
        point_format = 8 if "Infrared" in cloud.attributes else 7 if "Red" in cloud.attributes else 6
    header = laspy.LasHeader(version=version, point_format=point_format)
    header.scales = np.array(scales)
    if len(cloud):
        header.offsets = np.floor([cloud.x.min(), cloud.y.min(), cloud.z.min()])
    if cloud.crs is not None:
        header.add_crs(cloud.crs, keep_compatibility=False)
    known = {pdal: name for name, pdal in LASPY_TO_PDAL.items() if name in header.point_format.dimension_names}
    for name, column in cloud.attributes.items():
        if name not in known:
            header.add_extra_dim(laspy.ExtraBytesParams(name, column.dtype))
    points = laspy.ScaleAwarePointRecord.zeros(len(cloud), header=header)
    points.x, points.y, points.z = cloud.x, cloud.y, cloud.z
    for name, column in cloud.attributes.items():
        points[known.get(name, name)][:] = column
    _save(path, header, [points])


def rewrite(source: Path, target: Path, edit: Edit, *, chunk: int = 1_000_000) -> None:
    """Copy all records of ``source`` with the dimensions that ``edit(start, points)`` returns replaced or added."""
    with _open(source) as reader:
        header = reader.header
        pieces = reader.chunk_iterator(chunk)
        full = header.parse_crs()
        horizontal, vertical = reference.split(full) if full is not None else (None, VerticalDatum.UNKNOWN)

        def edited() -> Iterator[laspy.ScaleAwarePointRecord]:
            start = 0
            for points in pieces:
                changes = edit(start, _cloud(points, None, horizontal, vertical))
                start += len(points)
                names = {pdal: name for name, pdal in LASPY_TO_PDAL.items()}
                for name, column in changes.items():
                    if names.get(name, name) not in header.point_format.dimension_names:
                        header.add_extra_dim(laspy.ExtraBytesParams(name, column.dtype))
                record = laspy.ScaleAwarePointRecord.zeros(len(points), header=header)
                for name in points.array.dtype.names:
                    record.array[name] = points.array[name]
                for name, column in changes.items():
                    record[names.get(name, name)][:] = column
                yield record

        records = edited()
        first = next(records)
        for name in ("CopcInfoVlr", "LasZipVlr"):
            header.vlrs.extract(name)
        _save(target, header, _chained(first, records))


def _chained(first: laspy.ScaleAwarePointRecord, rest: Iterator[laspy.ScaleAwarePointRecord]) -> Iterator[object]:
    yield first
    yield from rest


def _save(path: Path, header: laspy.LasHeader, records: object) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with laspy.open(
            part, "w", header=header, do_compress=path.suffix.lower() == ".laz", laz_backend=_BACKENDS
        ) as writer:  # noqa: E501
            for record in records:  # type: ignore[attr-defined]
                writer.write_points(record)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _open(path: Path) -> laspy.LasReader:
    try:
        return laspy.open(path, laz_backend=_BACKENDS)
    except Exception as error:  # noqa: BLE001
        raise FileError(f"reading {path}: {error}", f"{path} を読めません: {error}", file=str(path)) from error


def _names(point_format: laspy.PointFormat) -> list[str]:
    return [LASPY_TO_PDAL.get(n, n) for n in point_format.dimension_names if n not in ("X", "Y", "Z")]


def _inside(cloud: PointCloud, bounds: Bounds | None) -> PointCloud:
    return cloud if bounds is None else cloud.take(bounds.contains(cloud.x, cloud.y))


def _cloud(
    points: laspy.ScaleAwarePointRecord, wanted: Sequence[str] | None, crs: CRS | None, vertical: VerticalDatum
) -> PointCloud:
    columns = {}
    for name in points.point_format.dimension_names:
        pdal = LASPY_TO_PDAL.get(name, name)
        if name not in ("X", "Y", "Z") and (wanted is None or pdal in wanted):
            columns[pdal] = np.ascontiguousarray(points[name])
    x, y, z = (np.asarray(points[axis], dtype=np.float64) for axis in "xyz")
    return PointCloud(x, y, z, columns, crs, vertical)
