"""Chunks of a layered LAZ file (formats 6-8) with a few layers replaced; the others stay as they are, unread.

A layer's contexts hang on its own values and on those of the first layer (returns, scanner channel), never on those
of another. So a chunk of the edited dimensions alone, with the returns and channels of the file, has the very
classification, flag and extra byte layers that the whole chunk would get.

References
----------
Isenburg, M. (2013). LASzip: lossless compression of LiDAR data. Photogrammetric Engineering & Remote Sensing 79(2).
LAZ specification 1.4 R1 (rapidlasso, 2019), compression of point formats 6 to 10.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import lazrs
import numpy as np
from numpy.typing import NDArray

from pointcloud.io import laz
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las_formats import NEW_BITS, POINT_SIZES, RECORDS
from pointcloud.io.las_points import Layout
from pointcloud.io.las_source import BATCH, Source

Columns = Mapping[str, NDArray[np.generic]]

FLAGS: Final = frozenset(NEW_BITS["flag_bits"]) - {"ScanChannel"}
_CLASS_LAYER, _FLAG_LAYER, _POINT_LAYERS = 2, 3, 9
_EXTRA_ITEM, _VERSION = 14, 3


@dataclass(frozen=True, slots=True)
class Splice:
    """What is replaced in each chunk of a file.

    Parameters
    ----------
    source, layout
        The file, and the record with what is added.
    narrow
        A record of format 6 with the edited extra dimensions alone behind it.
    layers
        Layer of the new chunk -> layer of the narrow chunk that goes there.
    record
        Payload of the new LASzip record.
    """

    source: Source
    layout: Layout
    narrow: Layout
    layers: Mapping[int, int]
    record: bytes

    def chunks(self, columns: Columns) -> Iterator[tuple[int, list[bytes | memoryview]]]:
        """Number of points and bytes, in parts, of each chunk; ``columns`` have one value for each point of the file.

        Raises
        ------
        FileError
            When a chunk is damaged.
        ParameterError
            When a value does not fit.
        """
        chunks = self.source.chunks
        if chunks is None:
            return
        starts = np.cumsum(chunks.counts) - chunks.counts
        with self.source.header.path.open("rb") as stream:
            for picked, known in one_ahead(self._decoded(columns)):
                first, last = int(starts[picked[0]]), int(starts[picked[-1]] + chunks.counts[picked[-1]])
                fresh = self._compressed(known, {n: v[first:last] for n, v in columns.items()}, chunks.counts[picked])
                for chunk, new in zip(picked.tolist(), fresh, strict=True):
                    stream.seek(int(chunks.starts[chunk]))
                    old = memoryview(stream.read(int(chunks.sizes[chunk])))
                    at = slice(int(starts[chunk]), int(starts[chunk]) + 1)
                    values = {name: column[at] for name, column in columns.items()}
                    yield int(chunks.counts[chunk]), self._joined(old, new, values)

    def _decoded(self, columns: Columns) -> Iterator[tuple[NDArray[np.integer], NDArray[np.void]]]:
        """Groups of chunks, and their records with returns, channel and, where they are edited, flags."""
        chunks, header = self.source.chunks, self.source.header
        if chunks is None:
            return
        selection = lazrs.SELECTIVE_DECOMPRESS_XY_RETURNS_CHANNEL
        if FLAGS.intersection(columns):
            selection |= lazrs.SELECTIVE_DECOMPRESS_FLAGS
        groups = (np.cumsum(chunks.counts) - 1) // BATCH
        with header.path.open("rb") as stream:
            for picked in np.split(np.arange(len(groups)), np.flatnonzero(np.diff(groups)) + 1):
                yield picked, laz.decompress(header, chunks, picked, stream, selection).view(self.source.layout.dtype)

    def _compressed(self, known: NDArray[np.void], columns: Columns, counts: NDArray[np.int64]) -> list[memoryview]:
        """Narrow chunks of some points."""
        points = np.zeros(len(known), dtype=self.narrow.dtype)
        for name in NEW_BITS:
            points[name] = known[name]
        for name, values in columns.items():
            self.narrow.set(points, name, values)
        size = self.narrow.dtype.itemsize
        ends = np.cumsum(counts * size)
        compressor = laz.Compressor(6, size - POINT_SIZES[6], own_chunks=True)
        stream = io.BytesIO()
        compressor.write_chunks(stream, np.split(points.view(np.uint8), ends[:-1]))
        compressor.close(stream)
        stream.seek(0)
        sizes = [n_bytes for _, n_bytes in compressor.chunk_table(stream)]
        data, places = memoryview(stream.getbuffer()), np.cumsum([8, *sizes]).tolist()
        return [data[a:b] for a, b in itertools.pairwise(places)]

    def _joined(self, old: memoryview, new: memoryview, values: Columns) -> list[bytes | memoryview]:
        """The old chunk with its first point edited and some layers replaced."""
        size = self.source.header.point_size
        first = np.zeros(self.layout.dtype.itemsize, dtype=np.uint8)
        first[:size] = np.frombuffer(old[:size], dtype=np.uint8)
        record = first.view(self.layout.dtype)
        for name, value in values.items():
            self.layout.set(record, name, value)
        n_layers = _POINT_LAYERS + self._n_colours + self.layout.dtype.itemsize - self._plain_size
        (count,) = struct.unpack_from("<I", old, size)
        parts = _layers(old, size, n_layers + size - self.layout.dtype.itemsize)
        parts += [memoryview(b"")] * (n_layers - len(parts))
        own = _layers(new, self.narrow.dtype.itemsize, _POINT_LAYERS + self.narrow.dtype.itemsize - POINT_SIZES[6])
        for place, layer in self.layers.items():
            parts[place] = own[layer]
        return [first.tobytes(), struct.pack(f"<{1 + n_layers}I", count, *map(len, parts)), *parts]

    @property
    def _plain_size(self) -> int:
        return POINT_SIZES[self.source.header.point_format]

    @property
    def _n_colours(self) -> int:
        return _colour_layers(self.source.header.point_format)


def splice(source: Source, layout: Layout, names: Sequence[str]) -> Splice | None:
    """How to replace some dimensions of a file layer by layer; None where the file has to be compressed anew.

    ``layout`` is that of the new records: the file's own, or with extra bytes added at the end.
    """
    header, extras = source.header, [name for name in names if name in layout.extras]
    is_label = all(name == "Classification" or name in FLAGS or name in extras for name in names)
    if source.chunks is None or not source.chunks.is_layered or header.point_format not in (6, 7, 8) or not is_label:
        return None
    record = _record(source.chunks.record, layout.dtype.itemsize - POINT_SIZES[header.point_format])
    if record is None:
        return None
    kinds = [(name, RECORDS[6][name]) for name in RECORDS[6].names or ()]
    places: dict[str, Any] = dict(layout.dtype.fields or {})
    layers = {_CLASS_LAYER: _CLASS_LAYER} if "Classification" in names else {}
    layers |= {_FLAG_LAYER: _FLAG_LAYER} if FLAGS.intersection(names) else {}
    before = _POINT_LAYERS + _colour_layers(header.point_format) - POINT_SIZES[header.point_format]
    own = _POINT_LAYERS
    for name in extras:
        column = layout.fields[name].column
        kind, place = places[column]
        kinds.append((column, kind))
        layers |= {before + place + i: own + i for i in range(kind.itemsize)}
        own += kind.itemsize
    narrow = Layout(6, np.dtype(kinds), layout.fields, tuple(extras))
    return Splice(source, layout, narrow, layers, record)


class ChunkWriter:
    """Ready-made chunks of a file, and the table of them; stands where `laz.Compressor` does."""

    def __init__(self, record: bytes) -> None:
        self.record = record
        self._start = -1
        self._table: list[tuple[int, int]] = []

    def write(self, stream: BinaryIO, n_points: int, parts: Sequence[bytes | memoryview]) -> None:
        """Append a chunk; the first call must come when the stream stands where the points begin.

        Raises
        ------
        OSError
            When the operating system refuses to write.
        """
        if self._start < 0:
            self._start = stream.tell()
            stream.write(struct.pack("<q", -1))
        for part in parts:
            stream.write(part)
        self._table.append((n_points, sum(map(len, parts))))

    def close(self, stream: BinaryIO) -> None:
        """Write the table; raises as `write`."""
        place = stream.tell()
        lazrs.write_chunk_table(stream, self._table, lazrs.LazVlr(self.record))
        stream.seek(self._start)
        stream.write(struct.pack("<q", place))
        stream.seek(0, 2)


def _colour_layers(point_format: int) -> int:
    return point_format - 6


def _layers(chunk: memoryview, point_size: int, n_layers: int) -> list[memoryview]:
    """The layers of a chunk: after its first point come their number of points and sizes."""
    sizes = struct.unpack_from(f"<{n_layers}I", chunk, point_size + 4)
    places = itertools.accumulate(sizes, initial=point_size + 4 + 4 * n_layers)
    return [chunk[a:b] for a, b in itertools.pairwise(places)]


def _record(record: bytes, n_extra: int) -> bytes | None:
    """The LASzip record with ``n_extra`` extra bytes a point; None where its items are not as usual."""
    (n_items,) = struct.unpack_from("<H", record, 32)
    items = [struct.unpack_from("<HHH", record, 34 + 6 * i) for i in range(n_items)]
    plain = [item for item in items if item[0] != _EXTRA_ITEM]
    if len(items) > len(plain) + 1 or any(version != _VERSION for _, _, version in items):
        return None
    if items[: len(plain)] != plain:
        return None
    items = [*plain, (_EXTRA_ITEM, n_extra, _VERSION)] if n_extra else plain
    return record[:32] + struct.pack("<H", len(items)) + b"".join(struct.pack("<HHH", *item) for item in items)
