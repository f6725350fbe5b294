"""Chunks of a layered LAZ file (formats 6-8) with a few layers replaced; the others stay as they are, unread.

A layer's contexts hang on its own values and on those of the first layer (returns, scanner channel), never on those
of another. So classification, flags and extra bytes can be coded alone and put in the place of the old layers.

References
----------
Isenburg, M. (2013). LASzip: lossless compression of LiDAR data. Photogrammetric Engineering & Remote Sensing 79(2).
LAZ specification 1.4 R1 (rapidlasso, 2019), compression of point formats 6 to 10.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, Final

import lazrs
import numpy as np
from numpy.typing import NDArray

from pointcloud.io import laz
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las_formats import NEW_BITS, POINT_SIZES, RECORDS
from pointcloud.io.las_points import Columns, Layout
from pointcloud.io.las_source import BATCH, Source

Parts = Sequence[bytes | memoryview]

FLAGS: Final = frozenset(NEW_BITS["flag_bits"]) - {"ScanChannel"}
CONTEXT: Final = ("ReturnNumber", "NumberOfReturns", "ScanChannel")
"""Dimensions that new layers are coded with, and with new flags all of `FLAGS`: whoever has read them need not have
them decoded again."""

_CLASS_LAYER, _FLAG_LAYER, _POINT_LAYERS = 2, 3, 9
_EXTRA_ITEM, _VERSION = 14, 3


@dataclass(frozen=True, slots=True)
class Splice:
    """What is replaced in each chunk of a file.

    Parameters
    ----------
    source, table, layout
        The file, its chunks, and the record with what is added.
    narrow
        Records of returns, flags, class and the edited extra dimensions alone.
    names
        The edited dimensions.
    record
        Payload of the new LASzip record.
    """

    source: Source
    table: laz.Chunks
    layout: Layout
    narrow: Layout
    names: tuple[str, ...]
    record: bytes

    def chunks(self, columns: Columns, known: Columns) -> Iterator[tuple[int, Parts]]:
        """Number of points and bytes, in parts, of each chunk.

        Parameters
        ----------
        columns
            New values of the edited dimensions, one for each point of the file.
        known
            The file's own values of other dimensions; `CONTEXT` and `FLAGS` need not be decoded then.

        Raises
        ------
        FileError
            When a chunk is damaged.
        ParameterError
            When a value does not fit.
        """
        chunks = self.table
        starts = np.cumsum(chunks.counts) - chunks.counts
        with self.source.header.path.open("rb") as stream, ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as threads:
            for picked, points in one_ahead(self._narrow(known)):
                first, last = int(starts[picked[0]]), int(starts[picked[-1]] + chunks.counts[picked[-1]])
                part = {name: values[first:last] for name, values in columns.items()}
                if self._mixes_channels(points):
                    yield from zip(chunks.counts[picked].tolist(), self._anew(stream, picked, part), strict=True)
                    continue
                for name, values in part.items():
                    self.narrow.set(points, name, values)
                ends = np.cumsum(chunks.counts[picked])[:-1]
                layers = threads.map(self._layers, np.split(points, ends))  # the coder lets go of the interpreter
                for chunk, new in zip(picked.tolist(), layers, strict=True):
                    start = int(starts[chunk])
                    stream.seek(int(chunks.starts[chunk]))
                    old = memoryview(stream.read(int(chunks.sizes[chunk])))
                    head = {name: values[start : start + 1] for name, values in columns.items()}
                    yield int(chunks.counts[chunk]), self._joined(old, new, head)

    def _narrow(self, known: Columns) -> Iterator[tuple[NDArray[np.integer], NDArray[np.void]]]:
        """Groups of chunks, and narrow records of them with returns, channel and flags."""
        chunks, header = self.table, self.source.header
        needed: tuple[str, ...] = CONTEXT
        selection = lazrs.SELECTIVE_DECOMPRESS_XY_RETURNS_CHANNEL
        if FLAGS.intersection(self.names):
            needed, selection = (*CONTEXT, *sorted(FLAGS)), selection | lazrs.SELECTIVE_DECOMPRESS_FLAGS
        has_all = all(name in known for name in needed)
        groups, last = (np.cumsum(chunks.counts) - 1) // BATCH, 0
        with header.path.open("rb") as stream:
            for picked in np.split(np.arange(len(groups)), np.flatnonzero(np.diff(groups)) + 1):
                first, last = last, last + int(chunks.counts[picked].sum())
                points = np.zeros(last - first, dtype=self.narrow.dtype)
                if has_all:
                    self.narrow.pack(points, {name: known[name][first:last] for name in needed})
                else:
                    data = laz.decompress(header, chunks, picked, stream, selection).view(self.source.layout.dtype)
                    for name in NEW_BITS:
                        points[name] = data[name]
                yield picked, points

    def _mixes_channels(self, points: NDArray[np.void]) -> bool:
        """Whether extra bytes are to be coded for points of several scanner channels."""
        channel = points["flag_bits"] & 0x30
        return len(self.narrow.extras) > 0 and bool(channel.min() != channel.max())

    def _anew(self, stream: BinaryIO, picked: NDArray[np.integer], columns: Columns) -> Iterator[Parts]:
        """Some chunks decoded and compressed as a whole."""
        header, chunks = self.source.header, self.table
        data = laz.decompress(header, chunks, picked, stream).reshape(-1, header.point_size)
        wide = np.zeros((len(data), self.layout.dtype.itemsize), dtype=np.uint8)
        wide[:, : header.point_size] = data
        points = wide.reshape(-1).view(self.layout.dtype)
        for name, values in columns.items():
            self.layout.set(points, name, values)
        compressor = laz.Compressor(header.point_format, wide.shape[1] - self._plain_size, own_chunks=True)
        out = BytesIO()
        compressor.write_chunks(out, np.split(wide.reshape(-1), np.cumsum(chunks.counts[picked] * wide.shape[1])[:-1]))
        compressor.close(out)
        out.seek(0)
        places = np.cumsum([8, *(size for _, size in compressor.chunk_table(out))]).tolist()
        yield from ([out.getbuffer()[a:b]] for a, b in itertools.pairwise(places))

    def _layers(self, points: NDArray[np.void]) -> dict[int, bytes]:
        """Number of a layer in the chunk -> its bytes."""
        from pointcloud.io import laz_kernels

        coder = _Coder(len(points))
        own, bits = points["flag_bits"], points["bits"]
        channel = ((own >> 4) & 3).astype(np.uint8)
        is_single = (((bits & 15) == 1) & (bits >> 4 <= 1)).astype(np.uint8)
        made: dict[int, bytes] = {}
        if "Classification" in self.names:
            values = np.ascontiguousarray(points["Classification"])
            made[_CLASS_LAYER] = coder.layer(values, channel, is_single, laz_kernels.CLASS, 256)
        if FLAGS.intersection(self.names):
            values = ((own & 15) | ((own >> 2) & 0x30)).astype(np.uint8)
            made[_FLAG_LAYER] = coder.layer(values, channel, is_single, laz_kernels.FLAGS, 64)
        table = points.view(np.uint8).reshape(len(points), -1)
        before = _POINT_LAYERS + _colour_layers(self.source.header.point_format) - self._plain_size
        for name in self.names:
            column = self.layout.fields[name].column
            if name in self.layout.extras:
                place, at = _place(self.layout, column), _place(self.narrow, column)
                for i in range(self.layout.dtype[column].itemsize):
                    values = np.ascontiguousarray(table[:, at + i])
                    made[before + place + i] = coder.layer(values, channel, is_single, laz_kernels.EXTRA, 256)
        return made

    def _joined(self, old: memoryview, new: Mapping[int, bytes], values: Columns) -> Parts:
        """The old chunk with its first point edited and some layers replaced."""
        size = self.source.header.point_size
        first = np.zeros(self.layout.dtype.itemsize, dtype=np.uint8)
        first[:size] = np.frombuffer(old[:size], dtype=np.uint8)
        record = first.view(self.layout.dtype)
        for name, value in values.items():
            self.layout.set(record, name, value)
        n_old = _POINT_LAYERS + _colour_layers(self.source.header.point_format) + size - self._plain_size
        count, *sizes = struct.unpack_from(f"<{1 + n_old}I", old, size)
        places = itertools.accumulate(sizes, initial=size + 4 + 4 * n_old)
        parts: list[bytes | memoryview] = [old[a:b] for a, b in itertools.pairwise(places)]
        parts += [b""] * (self.layout.dtype.itemsize - size)
        for place, layer in new.items():
            parts[place] = layer
        return [first.tobytes(), struct.pack(f"<{1 + len(parts)}I", count, *map(len, parts)), *parts]

    @property
    def _plain_size(self) -> int:
        return POINT_SIZES[self.source.header.point_format]


class _Coder:
    """Codes layers one after the other, in the same memory."""

    def __init__(self, most: int) -> None:
        """``most`` is the number of points of a chunk."""
        self._symbols, self._models = np.empty(most, np.uint8), np.empty(most, np.uint16)
        self._tables = np.empty((2, 256, 256), np.uint32)
        self._out = np.empty(2 * most + 16, np.uint8)

    def layer(
        self, values: NDArray[np.uint8], channels: NDArray[np.uint8], is_single: NDArray[np.uint8], kind: int, n: int
    ) -> bytes:
        """The bytes of a layer of ``n`` symbols; none where all points of a channel have the first one's value."""
        from pointcloud.io import laz_kernels

        symbols, models = self._symbols[: len(values) - 1], self._models[: len(values) - 1]
        if not laz_kernels.contexts(values, channels, is_single, kind, symbols, models):
            return b""
        counts, shares = self._tables[:, :, :n]
        state = np.zeros((256, 3), np.uint32)
        return self._out[: laz_kernels.encode(symbols, models, n, counts, shares, state, self._out)].tobytes()


def splice(source: Source, layout: Layout, names: Sequence[str]) -> Splice | None:
    """How to replace some dimensions of a file layer by layer; None where the file has to be compressed anew.

    ``layout`` is that of the new records: the file's own, or with extra bytes added at the end.
    """
    header, extras = source.header, [name for name in names if name in layout.extras]
    is_label = all(name == "Classification" or name in FLAGS or name in extras for name in names)
    table = source.chunks
    if table is None or not table.is_layered or header.point_format not in (6, 7, 8) or not is_label:
        return None
    record = _record(table.record, layout.dtype.itemsize - POINT_SIZES[header.point_format])
    if record is None:
        return None
    kinds = [(name, RECORDS[6][name]) for name in (*NEW_BITS, "Classification")]
    kinds += [(layout.fields[name].column, layout.dtype[layout.fields[name].column]) for name in extras]
    narrow = Layout(6, np.dtype(kinds), layout.fields, tuple(extras))
    return Splice(source, table, layout, narrow, tuple(names), record)


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


def _place(layout: Layout, column: str) -> int:
    """First byte of a column in the record."""
    fields: dict[str, Any] = dict(layout.dtype.fields or {})
    return int(fields[column][1])


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
