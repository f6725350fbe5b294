"""New LAS and LAZ files from clouds."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud import crs as reference
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import InputError, ParameterError
from pointcloud.io import las_crs
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_header import HEADER_SIZES
from pointcloud.io.las_output import Output
from pointcloud.io.las_points import EXTRA_BYTES, Layout, describe, layout_of
from pointcloud.io.las_source import BATCH, IN_CACHE
from pointcloud.io.staging import staged

SOFTWARE: Final = b"tengun"
FORMATS: Final = {0: (0, 1), 1: (0, 1), 2: (0, 1, 2, 3), 3: (0, 1, 2, 3), 4: (0, 1, 2, 3, 6, 7, 8)}
"""Minor version -> point formats that `write` makes; formats with waveforms are only copied by `rewrite`."""

WEEK: Final = 604_800.0
"""Seconds of a week: larger GPS times are not seconds of a week but adjusted standard time."""

_ANGLE_UNIT: Final = 0.006
"""Degrees of one step of ScanAngle (formats 6-10); ScanAngleRank counts whole degrees."""

_HEADER: Final = struct.Struct("<4sHH16sBB32s32sHHHIIBHI5I12d")
_TWINS: Final = {"ScanAngle": "ScanAngleRank", "ScanAngleRank": "ScanAngle"}


def write(
    path: Path,
    cloud: PointCloud | Iterable[PointCloud],
    *,
    version: str = "1.4",
    point_format: int | None = None,
    scales: tuple[float, float, float] = (0.001, 0.001, 0.001),
    offsets: tuple[float, float, float] | None = None,
    created: date | None = None,
) -> None:
    """Write a new file from a cloud, or from the pieces of one; compressed where the suffix is .laz.

    Attributes that the point format lacks become extra bytes under their own names. ReturnNumber and
    NumberOfReturns are 1 where the cloud has none. The CRS is written as WKT (LAS 1.4) or GeoTIFF keys. The file
    appears whole or not at all.

    Parameters
    ----------
    path
        Target; replaced when it exists.
    cloud
        Points in metres; pieces must have the attributes of the first.
    version, point_format
        LAS version and format; without a format 6, or 7 for colours, 8 for Infrared (0-3 before LAS 1.4).
    scales
        Metres of one step of the stored integers.
    offsets
        What is added to them; whole metres below the first piece's lowest corner where None.
    created
        Day in the header; today (UTC) where None.

    Raises
    ------
    ParameterError
        When version and format do not go together, coordinates do not fit 32-bit integers, or an attribute does
        not fit: formats 0-3 hold classes up to 31. High noise (18), which those do not know, becomes noise (7).
    CrsError
        When LAS 1.0-1.3 cannot say the CRS.
    InputError
        When pieces differ in their attributes.
    ResourceError
        When the file cannot be written.
    """
    pieces = iter([cloud] if isinstance(cloud, PointCloud) else cloud)
    first = next(pieces, PointCloud(np.empty(0), np.empty(0), np.empty(0)))
    minor, number = _version(version, point_format, first)
    own = layout_of(number, POINT_SIZES[number])
    names = storable(first, own)
    extras = b"".join(describe(n, first.attributes[n].dtype) for n in names if n not in own.fields)
    size = POINT_SIZES[number] + sum(first.attributes[n].dtype.itemsize for n in names if n not in own.fields)
    layout = layout_of(number, size, extras)
    if offsets is None:
        low = [float(np.floor(axis.min())) if axis.size else 0.0 for axis in (first.x, first.y, first.z)]
        offsets = (low[0], low[1], low[2])
    frame = Frame(path, layout, np.array(scales), np.array(offsets), names)
    with staged(path) as stage, stage.open("wb") as stream:
        raw = new_header(minor, frame, created)
        records, compresses = new_records(minor, first, extras), path.suffix.lower() == ".laz"
        out = Output(stream, compresses, raw, records, b"", number, size)
        summary = Summary()
        for piece in chain([first], pieces):
            for part in parts(piece):
                points = frame.records(part)
                summary.add(points, layout)
                out.points(points)
        out.finish((), summary.patch(minor, number, frame))


@dataclass(frozen=True, slots=True)
class Frame:
    """How clouds become the records of one new file."""

    path: Path
    layout: Layout
    scales: NDArray[np.float64]
    offsets: NDArray[np.float64]
    names: tuple[str, ...]

    def records(self, cloud: PointCloud) -> NDArray[np.void]:
        """The records of a cloud."""
        if storable(cloud, layout_of(self.layout.point_format, POINT_SIZES[self.layout.point_format])) != self.names:
            raise InputError(
                f"writing {self.path.name}: a piece has attributes {list(cloud.attributes)}, the first had "
                f"{list(self.names)}; expected the same",
                f"{self.path.name}: 点群の属性 {list(cloud.attributes)} が先頭の {list(self.names)} と一致しません。",
                file=self.path.name,
            )
        points = np.zeros(len(cloud), dtype=self.layout.dtype)
        for start in range(0, len(cloud), IN_CACHE):
            part = slice(start, start + IN_CACHE)
            self._fill(points[part], cloud.take(part))
        return points

    def _fill(self, points: NDArray[np.void], cloud: PointCloud) -> None:
        from pointcloud.io import las_kernels

        for axis, values, scale, offset in zip(
            "XYZ", (cloud.x, cloud.y, cloud.z), self.scales, self.offsets, strict=True
        ):
            extremes = np.empty(2)
            las_kernels.quantise(values, scale, offset, points[axis], extremes)
            if values.size and not (extremes[0] >= -(2**31) and extremes[1] < 2**31):
                raise ParameterError(
                    f"writing {self.path.name}: {axis} from {values.min()} to {values.max()} does not fit 32-bit steps "
                    f"of {scale} from {offset}; choose larger scales or nearer offsets",
                    f"{self.path.name}: {axis} 座標 {values.min()}~{values.max()} は間隔 {scale}、原点 {offset} の "
                    "32 ビット整数に収まりません。間隔を大きくするか原点を近づけてください。",
                    field=axis,
                )
        for name in ("ReturnNumber", "NumberOfReturns"):
            if name not in self.names:
                self.layout.set(points, name, np.ones(len(cloud), dtype=np.uint8))
        for name in self.names:
            self.layout.set(points, name, _column(cloud, name))


class Summary:
    """Extent, counts and GPS time of what was written."""

    def __init__(self) -> None:
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)
        self.by_return = np.zeros(16, dtype=np.int64)
        self.n_points, self.last_time = 0, 0.0

    def add(self, points: NDArray[np.void], layout: Layout) -> None:
        """Take records into account."""
        if not points.size:
            return
        steps = [points[axis] for axis in "XYZ"]
        self.low = np.minimum(self.low, [column.min() for column in steps])
        self.high = np.maximum(self.high, [column.max() for column in steps])
        self.by_return += np.bincount(layout.get(points, "ReturnNumber").astype(np.int64), minlength=16)
        self.n_points += len(points)
        if "GpsTime" in layout.fields:
            self.last_time = max(self.last_time, float(np.max(layout.get(points, "GpsTime"))))

    def patch(self, minor: int, point_format: int, frame: Frame) -> dict[int, bytes]:
        """Bytes of the header that are known only now."""
        low, high = (step * frame.scales + frame.offsets for step in (self.low, self.high))
        box = [v for pair in zip(high, low, strict=True) for v in pair] if self.n_points else [0.0] * 6
        returns = self.by_return[1:].tolist()
        is_old = point_format < 6 and max(self.n_points, *returns) < 2**32
        found = {
            179: struct.pack("<6d", *box),
            107: struct.pack("<6I", *([self.n_points, *returns[:5]] if is_old else [0] * 6)),
        }
        if minor >= 4:
            found[247] = struct.pack("<Q15Q", self.n_points, *returns)
        encoding = (las_crs.WKT_BIT if minor >= 4 else 0) | (1 if self.last_time > WEEK and minor >= 2 else 0)
        found[6] = struct.pack("<H", encoding)
        return found


def _version(version: str, point_format: int | None, first: PointCloud) -> tuple[int, int]:
    """Minor version and point format that go together."""
    minor = {f"1.{minor}": minor for minor in FORMATS}.get(version)
    if minor is not None and point_format is None:
        colours, infrared, time = (name in first.attributes for name in ("Red", "Infrared", "GpsTime"))
        if minor >= 4:
            point_format = 8 if infrared else 7 if colours else 6
        else:
            point_format = int(time) + (2 if colours and minor >= 2 else 0)
    if minor is None or point_format is None or point_format not in FORMATS[minor]:
        allowed = ", ".join(f"1.{minor}: {formats}" for minor, formats in FORMATS.items())
        raise ParameterError(
            f"writing LAS {version}, point format {point_format}: not written; allowed are {allowed}",
            f"LAS {version} ポイントフォーマット {point_format} では書き込めません。可能な組: {allowed}",
            value=[version, point_format],
        )
    return minor, point_format


def storable(cloud: PointCloud, own: Layout) -> tuple[str, ...]:
    """Names under which a cloud's attributes are stored: the two kinds of scan angle become that of the format."""
    names = []
    for name in cloud.attributes:
        twin = _TWINS.get(name)
        if twin is None or name in own.fields:
            names.append(name)
        elif twin not in cloud.attributes:
            names.append(twin)
    return tuple(names)


def _column(cloud: PointCloud, name: str) -> NDArray[np.generic]:
    """The values stored under a name."""
    if name in cloud.attributes:
        return cloud.attributes[name]
    angle = cloud.attributes[_TWINS[name]].astype(np.float64)
    steps = angle / _ANGLE_UNIT if name == "ScanAngle" else angle * _ANGLE_UNIT
    return np.rint(steps).astype(np.int16)


def new_header(minor: int, frame: Frame, created: date | None) -> bytes:
    """The bytes of a new header; numbers that are not known yet are zero."""
    day = created or datetime.now(UTC).date()
    raw = _HEADER.pack(
        b"LASF", 0, 0, b"", 1, minor, b"", SOFTWARE, day.timetuple().tm_yday, day.year, HEADER_SIZES[minor],
        0, 0, 0, 0, 0, *[0] * 5, *frame.scales, *frame.offsets, *[0.0] * 6,
    )  # fmt: skip
    return raw.ljust(HEADER_SIZES[minor], b"\0")


def new_records(minor: int, first: PointCloud, extras: bytes) -> list[tuple[bytes, bytes]]:
    """CRS and descriptors of extra bytes, as head and payload."""
    found: list[tuple[bytes, int, bytes, bytes]] = []
    if first.crs is not None:
        horizontal, stated = reference.split(first.crs)
        datum = stated if first.vertical_datum is VerticalDatum.UNKNOWN else first.vertical_datum
        if minor >= 4:
            wkt = las_crs.wkt_record(horizontal, datum)
            found.append((las_crs.USER, las_crs.WKT, wkt, b"OGC coordinate system WKT"))
        else:
            found.append((las_crs.USER, las_crs.KEYS, las_crs.key_record(horizontal, datum), b"GeoTIFF keys"))
    if extras:
        found.append((*EXTRA_BYTES, extras, b"Extra Bytes Record"))
    return [record(*one) for one in found]


def record(user: bytes, number: int, payload: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Head and payload of a variable length record."""
    return struct.pack("<H16sHH32s", 0, user, number, len(payload), text), payload


def parts(cloud: PointCloud) -> Iterator[PointCloud]:
    """The cloud in pieces whose records fit memory easily."""
    if len(cloud) <= BATCH:
        yield cloud
        return
    for start in range(0, len(cloud), BATCH):
        part = slice(start, start + BATCH)
        columns = {name: column[part] for name, column in cloud.attributes.items()}
        yield PointCloud(cloud.x[part], cloud.y[part], cloud.z[part], columns, cloud.crs, cloud.vertical_datum)
