"""An opened LAS, LAZ or COPC file: checked once, then read in batches of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud import crs as reference
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.errors import ParameterError
from pointcloud.io import copc, laz
from pointcloud.io.las_crs import read_crs
from pointcloud.io.las_header import Header, broken, read_header
from pointcloud.io.las_points import EXTRA_BYTES, Layout, layout_of
from pointcloud.notes import Note

BATCH = 1_000_000
"""Points that are decoded at a time: 30-70 MB, enough for lazrs to use all cores."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file whose header, records, chunk table and octree agree with each other.

    Parameters
    ----------
    stated_crs
        What the header states, compound where it states heights.
    crs, vertical_datum
        Its horizontal part, and what heights refer to.
    chunks
        Compressed chunks, None for LAS.
    boxes
        Edges of each chunk's octree node, None where the file is no COPC.
    """

    header: Header
    layout: Layout
    stated_crs: CRS | None
    crs: CRS | None
    vertical_datum: VerticalDatum
    chunks: laz.Chunks | None
    boxes: NDArray[np.float64] | None
    notes: tuple[Note, ...]

    def names(self, dimensions: Sequence[str] | None) -> tuple[str, ...]:
        """The attributes among ``dimensions`` that the file has, all where None.

        Raises
        ------
        ParameterError
            When a name is neither a standard dimension nor one of the file's.
        """
        if dimensions is None:
            return tuple(self.layout.fields)
        known = {*LASPY_TO_PDAL.values(), *self.layout.fields, "X", "Y", "Z"}
        unknown = [name for name in dimensions if name not in known]
        if unknown:
            raise ParameterError(
                f"reading {self.header.path.name}: no dimension {', '.join(unknown)}; the file has "
                f"{', '.join(self.layout.fields)}",
                f"{self.header.path.name} に属性 {', '.join(unknown)} はありません。"
                f"あるのは {', '.join(self.layout.fields)} です。",
                value=unknown,
            )
        return tuple(name for name in self.layout.fields if name in dimensions)

    def batches(
        self, size: int = BATCH, names: Sequence[str] | None = None, bounds: Bounds | None = None
    ) -> Iterator[NDArray[np.void]]:
        """Records in the file's order, at most ``size`` at a time (one compressed chunk may exceed that).

        Of formats 6-10 only the layers of ``names`` are decoded where those are given. With ``bounds`` the nodes of
        a COPC that do not touch them are left out; points outside may still come.

        Raises
        ------
        FileError
            When the points are damaged.
        """
        with self.header.path.open("rb") as stream:
            if self.chunks is None:
                yield from self._plain(stream, size)
                return
            selection = laz.selection_of(names) if names is not None and self.chunks.is_layered else None
            for picked in self._groups(size, bounds):
                data = laz.decompress(self.header, self.chunks, picked, stream, selection)
                yield data.view(self.layout.dtype)

    def sample(self) -> NDArray[np.void]:
        """Some records from the beginning, the middle and the end, cheap to read."""
        most, n_points = 1000, self.header.n_points
        with self.header.path.open("rb") as stream:
            if self.chunks is not None:
                places = np.unique([0, len(self.chunks.counts) // 2, len(self.chunks.counts) - 1])
                data = laz.decompress(self.header, self.chunks, places, stream, laz.selection_of(()), most)
                return data.view(self.layout.dtype)
            starts = sorted({0, n_points // 2, max(0, n_points - most)})
            return np.concatenate([self._records(stream, start, min(most, n_points - start)) for start in starts])

    def coordinates(self, points: NDArray[np.void]) -> tuple[NDArray[np.float64], ...]:
        """x, y and z of records in the file's units."""
        axes = zip(("X", "Y", "Z"), self.header.scales, self.header.offsets, strict=True)
        return tuple(points[axis] * scale + offset for axis, scale, offset in axes)

    def cloud(self, points: NDArray[np.void], names: Sequence[str], bounds: Bounds | None = None) -> PointCloud:
        """Records as a cloud with some attributes, those in ``bounds`` only."""
        x, y, z = self.coordinates(points)
        if bounds is not None:
            inside = bounds.contains(x, y)
            points, x, y, z = points[inside], x[inside], y[inside], z[inside]
        columns = {name: self.layout.get(points, name) for name in names}
        return PointCloud(x, y, z, columns, self.crs, self.vertical_datum)

    def _plain(self, stream: BinaryIO, size: int) -> Iterator[NDArray[np.void]]:
        for start in range(0, self.header.n_points, size):
            yield self._records(stream, start, min(size, self.header.n_points - start))

    def _records(self, stream: BinaryIO, start: int, count: int) -> NDArray[np.void]:
        """Records of an uncompressed file."""
        data = np.empty(count * self.header.point_size, dtype=np.uint8)
        position = self.header.start + start * self.header.point_size
        stream.seek(position)
        if stream.readinto(data.data) != data.size:  # type: ignore[attr-defined]
            raise broken(self.header.path, "point data", position, "the file ends", "ファイルが途中で切れています。")
        return data.view(self.layout.dtype)

    def _groups(self, size: int, bounds: Bounds | None) -> Iterator[NDArray[np.integer]]:
        """Numbers of compressed chunks that are decoded together."""
        counts = self.chunks.counts if self.chunks is not None else np.empty(0, dtype=np.int64)
        picked = np.arange(len(counts))
        if bounds is not None and self.boxes is not None:
            west, south, east, north = self.boxes.T
            wide = bounds.buffered(2 * max(self.header.scales))
            touches = (west <= wide.x_max) & (east >= wide.x_min) & (south <= wide.y_max) & (north >= wide.y_min)
            picked = picked[touches]
        while picked.size:
            n_together = max(1, int(np.searchsorted(np.cumsum(counts[picked]), size, side="right")))
            yield picked[:n_together]
            picked = picked[n_together:]


def open_source(path: Path) -> Source:
    """A checked file.

    Raises
    ------
    FileError
        When the file cannot be used; the message names the byte and field.
    """
    header = read_header(path)
    described = header.find(*EXTRA_BYTES)
    layout = layout_of(header.point_format, header.point_size, b"" if described is None else header.payload(described))
    stated, notes = read_crs(header)
    horizontal, datum = (None, VerticalDatum.UNKNOWN) if stated is None else reference.split(stated)
    chunks = laz.read_chunks(header) if header.is_compressed else None
    boxes = None if chunks is None else copc.chunk_boxes(header, chunks)
    if header.is_copc and boxes is None:
        notes = (
            *notes,
            Note(
                "copc-broken",
                f"{path.name}: its COPC hierarchy does not fit its points; read as plain LAZ",
                f"{path.name}: COPC の階層が点データと一致しないため、通常の LAZ として読みます。",
            ),
        )
    return Source(header, layout, stated, horizontal, datum, chunks, boxes, header.notes + notes)
