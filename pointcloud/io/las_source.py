"""An opened LAS, LAZ or COPC file: checked once, then read in batches of records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from pointcloud.io import block_boxes, copc, laz
from pointcloud.io.las_crs import read_crs
from pointcloud.io.las_header import Header, broken, read_header
from pointcloud.io.las_points import EXTRA_BYTES, Layout, layout_of
from pointcloud.notes import Note

BATCH = 1_000_000
"""Points that are decoded at a time: 30-70 MB, enough for lazrs to use all cores."""

IN_CACHE = 16_384
"""Records that are taken apart at a time, so that a processor's own cache holds them."""

BLOCK = 50_000
"""Points of a block of a LAS; LAZ has its own chunks."""


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
    counts
        Points of each block: the compressed chunks, or runs of `BLOCK` points of a LAS.
    is_copc
        Whether the octree is there and right.
    boxes
        West, south, east and north edge of each block, shape (blocks, 4), where known: from the octree of a COPC, or
        from an earlier read of this process.
    """

    header: Header
    layout: Layout
    stated_crs: CRS | None
    crs: CRS | None
    vertical_datum: VerticalDatum
    chunks: laz.Chunks | None
    counts: NDArray[np.int64]
    is_copc: bool
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
        self,
        size: int = BATCH,
        names: Sequence[str] | None = None,
        bounds: Bounds | None = None,
        blocks: NDArray[np.integer] | None = None,
        *,
        is_located: bool = False,
    ) -> Iterator[NDArray[np.void]]:
        """Records in the file's order, at most ``size`` at a time.

        Of formats 6-10 only the layers of ``names`` are decoded where those are given. With ``bounds`` the blocks
        that are known not to touch them are left out; points outside may still come. The first read with bounds
        finds out where the blocks lie, for later ones; so does one without where ``is_located``. ``blocks`` names the
        only ones to read, ascending.

        Raises
        ------
        FileError
            When the points are damaged.
        """
        layered = self.chunks is not None and self.chunks.is_layered
        selection = laz.selection_of(names) if names is not None and layered else None
        found: list[NDArray[np.float64]] = []
        finds = self.boxes is None and blocks is None and (bounds is not None or is_located)
        with self.header.path.open("rb") as stream:
            for picked in self._groups(size, bounds, blocks):
                points = self._blocks(stream, picked, selection)
                if finds:
                    found.append(self._boxes_of(points, self.counts[picked]))
                for start in range(0, len(points), size):
                    yield points[start : start + size]
        if found:
            block_boxes.keep(self.header.path, np.concatenate(found))

    def sample(self) -> NDArray[np.void]:
        """Some records from the beginning, the middle and the end, cheap to read."""
        most, n_points = 1000, self.header.n_points
        with self.header.path.open("rb") as stream:
            if self.chunks is not None:
                places = np.unique([0, len(self.chunks.counts) // 2, len(self.chunks.counts) - 1])
                data = laz.decompress(self.header, self.chunks, places, stream, laz.selection_of(()), most)
                return data.view(self.layout.dtype)
            starts = sorted({0, n_points // 2, max(0, n_points - most)})
            return np.concatenate([self._run(stream, start, min(most, n_points - start)) for start in starts])

    def coordinates(self, points: NDArray[np.void]) -> tuple[NDArray[np.float64], ...]:
        """x, y and z of records in the file's units."""
        axes = zip(("X", "Y", "Z"), self.header.scales, self.header.offsets, strict=True)
        return tuple(points[axis] * scale + offset for axis, scale, offset in axes)

    def cloud(self, points: NDArray[np.void], names: Sequence[str], bounds: Bounds | None = None) -> PointCloud:
        """Records as a cloud with some attributes, those in ``bounds`` only."""
        if bounds is not None:
            x, y, _ = self.coordinates(points)
            points = points[bounds.contains(x, y)]
        return self.whole([points], len(points), names)

    def whole(self, pieces: Iterable[NDArray[np.void]], n_points: int, names: Sequence[str]) -> PointCloud:
        """Records in pieces, ``n_points`` in all, as one cloud with some attributes; its arrays are made once."""
        from pointcloud.io import las_kernels  # Numba: not for who looks at a header

        xyz = [np.empty(n_points) for _ in range(3)]
        columns = {name: np.empty(n_points, dtype=self.layout.kind(name)) for name in names}
        frame = np.array(self.header.scales), np.array(self.header.offsets)
        place = 0
        for points in pieces:
            for start in range(0, len(points), IN_CACHE):
                part = points[start : start + IN_CACHE]
                own = slice(place, place + len(part))
                las_kernels.coordinates(part["X"], part["Y"], part["Z"], *frame, *(axis[own] for axis in xyz))
                for name in names:
                    self.layout.unpack(part, name, columns[name][own])
                place += len(part)
        return PointCloud(xyz[0], xyz[1], xyz[2], columns, self.crs, self.vertical_datum)

    def _blocks(self, stream: BinaryIO, picked: NDArray[np.integer], selection: int | None) -> NDArray[np.void]:
        """The records of some blocks, which follow each other in a LAS."""
        if self.chunks is not None:
            return laz.decompress(self.header, self.chunks, picked, stream, selection).view(self.layout.dtype)
        return self._run(stream, int(picked[0]) * BLOCK, int(self.counts[picked].sum()))

    def _run(self, stream: BinaryIO, start: int, count: int) -> NDArray[np.void]:
        """Records of an uncompressed file."""
        data = np.empty(count * self.header.point_size, dtype=np.uint8)
        position = self.header.start + start * self.header.point_size
        stream.seek(position)
        if stream.readinto(data.data) != data.size:  # type: ignore[attr-defined]
            raise broken(self.header.path, "point data", position, "the file ends", "ファイルが途中で切れています。")
        return data.view(self.layout.dtype)

    def _groups(
        self, size: int, bounds: Bounds | None, blocks: NDArray[np.integer] | None
    ) -> Iterator[NDArray[np.integer]]:
        """Numbers of the blocks that are read together."""
        picked = np.arange(len(self.counts)) if blocks is None else blocks
        if bounds is not None and self.boxes is not None:
            west, south, east, north = self.boxes.T
            wide = bounds.buffered(2 * max(self.header.scales))
            touches = (west <= wide.x_max) & (east >= wide.x_min) & (south <= wide.y_max) & (north >= wide.y_min)
            picked = picked[touches[picked]]
        while picked.size:
            n_together = max(1, int(np.searchsorted(np.cumsum(self.counts[picked]), size, side="right")))
            if self.chunks is None:
                gaps = np.flatnonzero(np.diff(picked[:n_together]) > 1)
                n_together = int(gaps[0]) + 1 if gaps.size else n_together
            yield picked[:n_together]
            picked = picked[n_together:]

    def _boxes_of(self, points: NDArray[np.void], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Edges of the blocks that make up some records."""
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        x, y, _ = self.coordinates(points)
        columns = [np.minimum.reduceat(x, starts), np.minimum.reduceat(y, starts)]
        columns += [np.maximum.reduceat(x, starts), np.maximum.reduceat(y, starts)]
        return np.column_stack(columns)


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
    octree = None if chunks is None else copc.chunk_boxes(header, chunks)
    if header.is_copc and octree is None:
        notes = (
            *notes,
            Note(
                "copc-broken",
                f"{path.name}: its COPC hierarchy does not fit its points; read as plain LAZ",
                f"{path.name}: COPC の階層が点データと一致しないため、通常の LAZ として読みます。",
            ),
        )
    if chunks is not None:
        counts = chunks.counts
    else:
        counts = np.diff(np.append(np.arange(0, header.n_points, BLOCK), header.n_points))
    boxes = octree if octree is not None else block_boxes.find(path)
    return Source(
        header, layout, stated, horizontal, datum, chunks, counts, octree is not None, boxes, header.notes + notes
    )
