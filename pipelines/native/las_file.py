"""A LAS or LAZ file as ``writers.las`` makes it: points become records in one thread while another compresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.native.columns import cast
from pipelines.native.readers import SCAN_ANGLE_UNIT
from pointcloud.cloud import PointCloud
from pointcloud.errors import InputError
from pointcloud.io import las_kernels, las_points, las_write
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_output import Output
from pointcloud.io.las_source import IN_CACHE
from pointcloud.io.staging import staged

PIECE = 500_000
"""Points that are compressed at a time, while the next are made into records."""

_INT32 = np.iinfo(np.int32)

Axes = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """How points become records.

    Parameters
    ----------
    minor_version, point_format
        Of LAS 1 and of the record.
    scales, offsets
        Of x, y and z.
    extra
        Extra bytes: dimension -> type.
    """

    minor_version: int
    point_format: int
    scales: Axes
    offsets: Axes
    extra: Mapping[str, np.dtype[np.generic]]

    @property
    def descriptors(self) -> bytes:
        """What the file says about its extra bytes."""
        return b"".join(las_points.describe(name, dtype) for name, dtype in self.extra.items())

    @property
    def fields(self) -> las_points.Layout:
        """Where the dimensions lie in a record."""
        size = POINT_SIZES[self.point_format] + sum(dtype.itemsize for dtype in self.extra.values())
        return las_points.layout_of(self.point_format, size, self.descriptors)


def write(
    path: Path,
    chunks: Iterable[PointCloud],
    layout: Layout,
    reference: PointCloud,
    vlrs: Sequence[tuple[bytes, bytes]],
    *,
    compresses: bool,
) -> int:
    """Write a file that appears whole or not at all; the number of points.

    ``reference`` has the reference system and vertical datum, ``vlrs`` are records to take over, head and
    payload.
    """
    fields, minor, number = layout.fields, layout.minor_version, layout.point_format
    frame = las_write.Frame(path, fields, np.array(layout.scales), np.array(layout.offsets), tuple(fields.fields))
    own = [*las_write.new_records(minor, reference, layout.descriptors), *vlrs]
    summary = las_write.Summary()
    with staged(path) as part, part.open("wb") as stream:
        raw = las_write.new_header(minor, frame, None)
        out = Output(stream, compresses, raw, own, b"", number, fields.dtype.itemsize)
        for points in one_ahead(_records(chunks, layout, fields, summary)):
            out.points(points)
        out.finish((), summary.patch(minor, number, frame))
    return summary.n_points


def _records(
    chunks: Iterable[PointCloud], layout: Layout, fields: las_points.Layout, summary: las_write.Summary
) -> Iterator[NDArray[np.void]]:
    for cloud in chunks:
        for start in range(0, len(cloud), PIECE):
            records = np.zeros(min(PIECE, len(cloud) - start), dtype=fields.dtype)
            for place in range(0, len(records), IN_CACHE):
                part = records[place : place + IN_CACHE]
                _fill(part, cloud.take(slice(start + place, start + place + len(part))), layout, fields)
                summary.add(part, fields)
            yield records


def _fill(points: NDArray[np.void], cloud: PointCloud, layout: Layout, fields: las_points.Layout) -> None:
    for axis, scale, offset in zip("xyz", layout.scales, layout.offsets, strict=True):
        values, extremes = getattr(cloud, axis), np.empty(2)
        las_kernels.quantise(values, scale, offset, points[axis.upper()], extremes)
        if len(values) and not (extremes[0] >= _INT32.min and extremes[1] <= _INT32.max):
            raise _beyond(axis, values, scale, offset)
    columns: dict[str, NDArray[np.generic]] = {}
    for name, values in cloud.attributes.items():
        if name == "ScanAngleRank":
            columns |= _angle(values, layout.point_format)
        elif name in layout.extra:
            columns[name] = cast(name, values, layout.extra[name])
        elif name in fields.fields and name != "ScanAngle":
            columns[name] = values
    fields.pack(points, columns)


def _beyond(axis: str, values: NDArray[np.float64], scale: float, offset: float) -> InputError:
    return InputError(
        f"writers.las: {axis} from {values.min():.3f} to {values.max():.3f} does not fit 32 bits with scale "
        f"{scale:g} and offset {offset:g}; set offset_{axis} to 'auto' or a larger scale_{axis}",
        f"writers.las: {axis} の範囲 {values.min():.3f}~{values.max():.3f} は scale {scale:g}、offset {offset:g} "
        f"では表せません。offset_{axis} を 'auto' にするか scale_{axis} を大きくしてください。",
        field=f"offset_{axis}",
    )


def _angle(degrees: NDArray[np.generic], point_format: int) -> dict[str, NDArray[np.generic]]:
    name, steps = "ScanAngleRank", degrees
    if point_format >= 6:
        name, steps = "ScanAngle", np.rint(degrees.astype(np.float64) / SCAN_ANGLE_UNIT)
    elif degrees.dtype.kind == "f":
        steps = np.trunc(degrees)
    kind, most = (np.int16, 0x7FFF) if point_format >= 6 else (np.int8, 0x7F)
    fits = np.abs(steps).max(initial=0) <= most
    return {name: steps.astype(kind, copy=False) if fits else steps}  # what does not fit is refused by its name
