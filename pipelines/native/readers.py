"""``readers.las`` and ``readers.copc``: the points of a file, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import CRS

from pipelines.native import expression
from pipelines.native.columns import joined
from pointcloud import crs as reference
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.errors import FileError, ParameterError
from pointcloud.io import las, las_crs
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las_header import COPC_USER, LASZIP, Header, read_header
from pointcloud.io.las_points import EXTRA_BYTES

CHUNK = 1_000_000
SCAN_ANGLE_UNIT = 0.006
"""Degrees of one unit of the scan angle in point formats 6-10 (LAS 1.4 R15, table 10)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a writer may forward from the file that points came from.

    Parameters
    ----------
    scales, offsets
        Of x, y and z.
    minor_version
        Of LAS 1.
    point_format
        Number of the point record format.
    vlrs
        Variable-length records, as head and payload, that say neither the reference system nor how the points are
        stored.
    """

    scales: tuple[float, float, float]
    offsets: tuple[float, float, float]
    minor_version: int
    point_format: int
    vlrs: tuple[tuple[bytes, bytes], ...] = field(default=(), compare=False)


@dataclass(slots=True)
class View:
    """Points that belong together, to be gone through once.

    Parameters
    ----------
    chunks
        The points in pieces; every view has one at least.
    origins
        The files that they came from.
    """

    chunks: Iterable[PointCloud]
    origins: tuple[Origin, ...] = ()

    def whole(self) -> PointCloud:
        """All points as one cloud."""
        return self.chunks.whole() if isinstance(self.chunks, FilePoints) else joined(list(self.chunks))


def read_las(options: Mapping[str, Any], folder: Path) -> View:
    """The view of a LAS or LAZ file; extra bytes only with ``use_eb_vlr``, as in PDAL."""
    path = folder / options["filename"]
    info = las.inspect(path)
    dropped = () if options["use_eb_vlr"] else info.extra_dimensions
    crs = _crs(info.crs, options)
    return View(FilePoints(path, options["count"], tuple(dropped), crs), (origin(read_header(path)),))


def origin(header: Header) -> Origin:
    """What a writer may forward from a LAS or LAZ file."""
    return Origin(header.scales, header.offsets, header.minor, header.point_format, _other_vlrs(header))


def in_system(cloud: PointCloud, options: Mapping[str, Any]) -> PointCloud:
    """The points of a file in the reference system that the reader's options give them."""
    return replace(cloud, crs=_crs(cloud.crs, options))


def _other_vlrs(header: Header) -> tuple[tuple[bytes, bytes], ...]:
    own = (las_crs.USER, COPC_USER, LASZIP[0])
    return tuple(
        (record.head(record.size), header.payload(record))
        for record in header.records
        if not record.is_extended and record.key[0] not in own and record.key != EXTRA_BYTES
    )


@dataclass(frozen=True, slots=True)
class FilePoints:
    """The points of a file: in pieces, or whole, which takes less than joining the pieces.

    Parameters
    ----------
    path
        LAS or LAZ.
    limit
        Points to read at most.
    dropped
        Dimensions to leave out.
    crs
        Reference system to give them.
    """

    path: Path
    limit: int | None
    dropped: tuple[str, ...]
    crs: CRS | None

    def __iter__(self) -> Iterator[PointCloud]:
        left = self.limit
        for cloud in one_ahead(las.iter_chunks(self.path, CHUNK)):
            taken = cloud if left is None or left >= len(cloud) else cloud.take(slice(left))
            yield _as_pdal(taken, self.dropped, self.crs)
            if left is not None:
                left -= len(taken)
                if left <= 0:
                    return

    def whole(self) -> PointCloud:
        """All points at once."""
        if self.limit is not None:
            return joined(list(self))
        return _as_pdal(las.read(self.path), self.dropped, self.crs)


def _as_pdal(cloud: PointCloud, dropped: Iterable[str], crs: CRS | None) -> PointCloud:
    attributes = {name: values for name, values in cloud.attributes.items() if name not in dropped}
    if "ScanAngle" in attributes:
        attributes["ScanAngleRank"] = attributes.pop("ScanAngle").astype(np.float32) * np.float32(SCAN_ANGLE_UNIT)
    return replace(cloud, attributes=attributes, crs=crs)


def _crs(found: CRS | None, options: Mapping[str, Any]) -> CRS | None:
    text = options["override_srs"] or (None if found is not None else options["default_srs"])
    return reference.split(reference.parse(text))[0] if text else found


def read_copc(options: Mapping[str, Any], folder: Path) -> View:
    """The view of a COPC file, or of its part in ``bounds``, down to the nodes of a ``resolution``.

    Raises
    ------
    FileError
        When the file is no COPC file.
    """
    import laspy  # with what it needs for files on the web a fifth of a second to load

    path = folder / options["filename"]
    info = las.inspect(path)
    if not info.is_copc:
        raise FileError(
            f"readers.copc: {path.name} is no COPC file; use readers.las",
            f"readers.copc: {path.name} は COPC ファイルではありません。readers.las を使ってください。",
            file=str(path),
        )
    box = expression.box(options["bounds"]) if options["bounds"] else None
    with laspy.CopcReader.open(str(path)) as reader:
        limits = (
            None
            if box is None
            else laspy.copc.Bounds(np.array([box.x_min, box.y_min]), np.array([box.x_max, box.y_max]))
        )
        points = reader.query(bounds=limits, resolution=options["resolution"])
    names = {n: LASPY_TO_PDAL.get(n, n) for n in points.point_format.dimension_names if n not in ("X", "Y", "Z")}
    attributes = {pdal: np.ascontiguousarray(points[name]) for name, pdal in names.items()}
    x, y, z = (np.asarray(points[axis], dtype=np.float64) for axis in "xyz")
    cloud = PointCloud(x, y, z, attributes, info.crs, info.vertical_datum)
    own = Origin(info.scales, info.offsets, 4, info.point_format)
    return View([_as_pdal(cloud, (), _crs(info.crs, options))], (own,))


def check_reader(options: Mapping[str, Any]) -> None:
    """Refuse what would fail after other files have been read.

    Raises
    ------
    ParameterError
        For bounds that are none, or reference systems given twice.
    """
    if options.get("override_srs") and options.get("default_srs"):
        raise ParameterError(
            "reader: override_srs and default_srs are both given; give one",
            "読み込み: override_srs と default_srs は同時に指定できません。",
        )
    if options.get("bounds"):
        expression.box(options["bounds"])
