"""LAZ: the table of compressed chunks, checked before lazrs sees it, and chunks in and out on all cores.

lazrs allocates what a chunk table claims before reading it, and aborts the process when that fails; some lies make
it panic. Nothing is handed to it that was not compared with the file first.

References
----------
Isenburg, M. (2013). LASzip: lossless compression of LiDAR data. Photogrammetric Engineering & Remote Sensing 79(2).
LASzip record and chunk table: LAZ specification 1.4 R1 (rapidlasso, 2019).
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import lazrs
import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import FileError, ParameterError
from pointcloud.io.las_header import LASZIP, Header, broken

WAVEFORM_FORMATS: Final = (4, 5, 9, 10)
_CHUNKED, _LAYERED = 2, 3
_VARIABLE: Final = 0xFFFFFFFF
_LARGEST_CHUNK: Final = 2_000_000_000
"""Largest chunk in bytes when decompressed; usual ones have 1-2 MB."""

_ITEM_LAYERS: Final = {10: 9, 11: 1, 12: 2, 13: 1}
"""LASzip item type of formats 6-10 -> number of layers; item 14 (extra bytes) has one a byte."""

_LAYER_OF: Final = {
    "Classification": lazrs.SELECTIVE_DECOMPRESS_CLASSIFICATION,
    "Intensity": lazrs.SELECTIVE_DECOMPRESS_INTENSITY,
    "ScanAngle": lazrs.SELECTIVE_DECOMPRESS_SCAN_ANGLE,
    "UserData": lazrs.SELECTIVE_DECOMPRESS_USER_DATA,
    "PointSourceId": lazrs.SELECTIVE_DECOMPRESS_POINT_SOURCE_ID,
    "GpsTime": lazrs.SELECTIVE_DECOMPRESS_GPS_TIME,
    "Red": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "Green": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "Blue": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "Infrared": lazrs.SELECTIVE_DECOMPRESS_NIR,
    "ReturnNumber": 0,
    "NumberOfReturns": 0,
    "ScanChannel": 0,
}
_FLAGS: Final = ("Synthetic", "KeyPoint", "Withheld", "Overlap", "ScanDirectionFlag", "EdgeOfFlightLine")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Where the compressed chunks of a file lie.

    Parameters
    ----------
    record
        Payload of the LASzip record.
    is_layered
        Whether attributes are stored in layers that can be left out (formats 6-10).
    n_layers
        Layers of a chunk, or 0.
    counts, starts, sizes
        Points, first byte and number of bytes of each chunk; int64.
    """

    record: bytes
    is_layered: bool
    n_layers: int
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


def read_chunks(header: Header) -> Chunks:
    """The checked chunk table of a compressed file.

    Raises
    ------
    FileError
        When the LASzip record or the table cannot be right, or is missing because the file is cut short.
    """
    record, chunk_size, n_layers = _laszip_record(header)
    with header.path.open("rb") as stream:
        table = _table_position(header, stream)
        n_chunks = _n_chunks(header, stream, table)
        stream.seek(table)
        with _guarded(header.path, "chunk table", table):
            pairs = lazrs.read_chunk_table_only(stream, lazrs.LazVlr(record))
    sizes = np.array([size for _, size in pairs], dtype=np.float64)
    if sizes.sum() != table - header.start - 8 or len(pairs) != n_chunks:
        raise broken(
            header.path, "chunk table", table,
            f"its {len(pairs)} chunks have {sizes.sum():.0f} bytes in all, the compressed points have "
            f"{table - header.start - 8}; the file is damaged",
            f"{len(pairs)} チャンクの合計 {sizes.sum():.0f} バイトが圧縮データ {table - header.start - 8} バイトと"
            "一致しません。ファイルが壊れています。",
        )  # fmt: skip
    counts = _counts(header, pairs, chunk_size)
    used = counts > 0
    starts = header.start + 8 + np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return Chunks(
        record, n_layers > 0, n_layers, counts[used], starts[used].astype(np.int64), sizes[used].astype(np.int64)
    )


def selection_of(dimensions: Iterable[str]) -> int:
    """The selection for lazrs of the layers that hold some dimensions; coordinates are always among them."""
    value: int = lazrs.SELECTIVE_DECOMPRESS_Z
    for name in dimensions:
        other = lazrs.SELECTIVE_DECOMPRESS_FLAGS if name in _FLAGS else lazrs.SELECTIVE_DECOMPRESS_ALL_EXTRA_BYTES
        value |= _LAYER_OF.get(name, other)
    return value


def decompress(
    header: Header,
    chunks: Chunks,
    picked: NDArray[np.integer],
    stream: BinaryIO,
    selection: int | None = None,
    most: int | None = None,
) -> NDArray[np.uint8]:
    """Records of some chunks, or the first ``most`` of each, in their order, as bytes; on all cores.

    Raises
    ------
    FileError
        When a chunk is damaged.
    """
    sizes, counts = chunks.sizes[picked], chunks.counts[picked]
    data = bytearray(int(sizes.sum()))
    view, position = memoryview(data), 0
    for chunk, start, size in zip(picked.tolist(), chunks.starts[picked].tolist(), sizes.tolist(), strict=True):
        stream.seek(start)
        part = view[position : position + size]
        if stream.readinto(part) != size:  # type: ignore[attr-defined]
            raise broken(header.path, "compressed points", start, "the file ends", "ファイルが途中で切れています。")
        if chunks.is_layered:
            _check_layers(header, chunks, chunk, part)
        position += size
    counts = counts if most is None else np.minimum(counts, most)
    points = np.empty(int(counts.sum()) * header.point_size, dtype=np.uint8)
    chosen = lazrs.DecompressionSelection(lazrs.SELECTIVE_DECOMPRESS_ALL if selection is None else selection)
    table = list(zip(counts.tolist(), sizes.tolist(), strict=True))
    with _guarded(header.path, "compressed points", int(chunks.starts[picked[0]])):
        lazrs.decompress_points_with_chunk_table(data, chunks.record, points, table, chosen)
    return points


class Compressor:
    """Writes records as LAZ on all cores; `record` is the payload of the LASzip record to put before them.

    With ``own_chunks`` the caller says which records make a chunk, as COPC needs it.

    Raises
    ------
    ParameterError
        For point formats with waveforms: lazrs 0.8.2 compresses those of formats 9 and 10 wrongly, without an error,
        and those of 4 and 5 in a way that other programs refuse. Reading them is right.
    """

    def __init__(self, point_format: int, n_extra_bytes: int, *, own_chunks: bool = False) -> None:
        if point_format in WAVEFORM_FORMATS:
            raise ParameterError(
                f"writing LAZ: point format {point_format} has waveforms, which are not compressed; write .las",
                f"ポイントフォーマット {point_format} (波形付き) は LAZ で書き込めません。.las で書き込んでください。",
                value=point_format,
            )
        self._vlr = lazrs.LazVlr.new_for_compression(point_format, n_extra_bytes, own_chunks)
        self._sink: _Sink | None = None
        self._compressor: lazrs.ParLasZipCompressor = None
        self.record: bytes = bytes(self._vlr.record_data())

    def write(self, stream: BinaryIO, points: NDArray[np.uint8]) -> None:
        """Append records; the first call must come when the stream stands where the points begin.

        Raises
        ------
        OSError
            When the operating system refuses to write.
        """
        self._on(stream, lambda compressor: compressor.compress_many(points))

    def write_chunks(self, stream: BinaryIO, chunks: list[NDArray[np.uint8]]) -> None:
        """Append records as chunks of the caller's own choice (``own_chunks``); raises as `write`."""
        self._on(stream, lambda compressor: compressor.compress_chunks(chunks))

    def chunk_table(self, stream: BinaryIO) -> list[tuple[int, int]]:
        """Points and bytes of each chunk written, from a closed stream open for reading at the first point."""
        table: list[tuple[int, int]] = lazrs.read_chunk_table(stream, self._vlr)
        return table

    def close(self, stream: BinaryIO) -> None:
        """Write the last chunk and the table; raises as `write`."""
        self._on(stream, lambda compressor: compressor.done())

    def _on(self, stream: BinaryIO, action: Callable[[lazrs.ParLasZipCompressor], None]) -> None:
        """Do something with lazrs, and when writing failed raise what the system said, which lazrs forgets."""
        if self._sink is None:
            self._sink = _Sink(stream)
            self._compressor = lazrs.ParLasZipCompressor(self._sink, self._vlr)
        try:
            action(self._compressor)
        except lazrs.LazrsError as error:
            raise self._sink.failure or OSError(errno.EIO, str(error)) from error


class _Sink:
    """A stream that remembers why it failed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None
        self.seek, self.tell = stream.seek, stream.tell

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def _guarded(path: Path, field: str, byte: int) -> Iterator[None]:
    """Turn lazrs's errors and panics into a `FileError`; a panic is no `Exception`."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, lazrs.LazrsError) or type(error).__name__ == "PanicException":
            raise broken(path, field, byte, f"damaged ({error})", f"壊れています ({error})。") from error
        raise


def _laszip_record(header: Header) -> tuple[bytes, int, int]:
    """Payload of the LASzip record, chunk size, and number of layers."""
    found = header.find(*LASZIP)
    if found is None:
        raise broken(
            header.path, "variable length records", len(header.raw),
            "the points are compressed, but the LASzip record is missing",
            "点が圧縮されていますが LASzip レコードがありません。",
        )  # fmt: skip
    payload = header.payload(found)
    fault = ""
    compressor, chunk_size, n_items = 0, 0, 0
    if len(payload) < 34:
        fault = f"{len(payload)} bytes; expected at least 40"
    else:
        compressor, chunk_size = struct.unpack_from("<H10xI", payload)
        n_items = struct.unpack_from("<H", payload, 32)[0]
    if not fault and compressor not in (_CHUNKED, _LAYERED):
        fault = f"compressor {compressor}; read are 2 and 3 (recompress with laszip or PDAL)"
    if not fault and (chunk_size == 0 or n_items == 0 or len(payload) < 34 + 6 * n_items):
        fault = f"chunk size {chunk_size}, {n_items} items in {len(payload)} bytes"
    items = [] if fault else [struct.unpack_from("<HHH", payload, 34 + 6 * i) for i in range(n_items)]
    if not fault and sum(size for _, size, _ in items) != header.point_size:
        fault = f"items of {sum(size for _, size, _ in items)} bytes; the header says {header.point_size} a point"
    if fault:
        raise broken(header.path, "LASzip record", found.start, fault, f"不正です ({fault})。")
    layers = sum(size if kind == 14 else _ITEM_LAYERS.get(kind, 0) for kind, size, _ in items)
    return payload, chunk_size, layers if compressor == _LAYERED else 0


def _table_position(header: Header, stream: BinaryIO) -> int:
    """Where the chunk table begins; a writer that could not go back put that at the end of the file."""
    stream.seek(header.start)
    data = stream.read(8)
    position = struct.unpack("<q", data)[0] if len(data) == 8 else 0
    if position == -1:
        stream.seek(-8, 2)
        position = struct.unpack("<q", stream.read(8))[0]
    if not header.start + 8 <= position <= header.end - 8:
        raise broken(
            header.path, "offset to chunk table", header.start,
            f"{position}; the compressed points lie between byte {header.start + 8} and {header.end}; the file is "
            "cut off or damaged",
            f"{position}。圧縮データは {header.start + 8}~{header.end} バイト目です。ファイルが途中で切れているか"
            "壊れています。",
        )  # fmt: skip
    return int(position)


def _n_chunks(header: Header, stream: BinaryIO, table: int) -> int:
    """Number of chunks, compared with the room for them before lazrs allocates it."""
    stream.seek(table)
    version, n_chunks = struct.unpack("<II", stream.read(8))
    if version != 0 or n_chunks == 0 or (n_chunks - 1) * header.point_size > table - header.start - 8:
        raise broken(
            header.path, "chunk table", table,
            f"version {version}, {n_chunks} chunks for {table - header.start - 8} bytes; the file is damaged",
            f"版 {version}、{n_chunks} チャンク、データ {table - header.start - 8} バイト。ファイルが壊れています。",
        )  # fmt: skip
    return int(n_chunks)


def _counts(header: Header, pairs: list[tuple[int, int]], chunk_size: int) -> NDArray[np.int64]:
    """Points of each chunk, compared with the header's number of points."""
    n_points, n_chunks = header.n_points, len(pairs)
    if chunk_size == _VARIABLE:
        held = most = sum(count for count, _ in pairs)
    else:
        n_filled = n_chunks - int(n_chunks > 1 and pairs[-1][1] == 0)
        held, most = (n_filled - 1) * chunk_size + 1, n_filled * chunk_size
    if not held <= n_points <= most:
        room = f"{held} points" if held == most else f"{held} to {most} points"
        raise broken(
            header.path, "number of point records", 247 if header.minor >= 4 else 107,
            f"{n_points}; the {n_chunks} compressed chunks hold {room}; the count is wrong or the file damaged",
            f"{n_points}。圧縮された {n_chunks} チャンクの点数は {held}~{most} です。点数が誤りか、ファイルが"
            "壊れています。",
        )  # fmt: skip
    if chunk_size == _VARIABLE:
        counts = np.array([count for count, _ in pairs], dtype=np.int64)
    else:
        counts = np.clip(n_points - np.arange(n_chunks, dtype=np.int64) * chunk_size, 0, chunk_size)
    if int(counts.max()) * header.point_size > _LARGEST_CHUNK:
        raise FileError(
            f"reading {header.path.name}: a compressed chunk of {counts.max()} points; recompress with chunks of 50000",
            f"{header.path.name}: 1 チャンクが {counts.max()} 点です。50000 点ごとに再圧縮してください。",
            file=header.path.name,
        )
    return counts


def _check_layers(header: Header, chunks: Chunks, chunk: int, data: memoryview) -> None:
    """Compare a chunk's own count and the sizes of its layers with the table; they would be allocated unchecked."""
    head = header.point_size + 4 + 4 * chunks.n_layers
    count, *sizes = (
        struct.unpack_from(f"<{1 + chunks.n_layers}I", data, header.point_size) if len(data) >= head else (0,)
    )
    if count != chunks.counts[chunk] or head + sum(sizes) != len(data):
        raise broken(
            header.path, "compressed chunk", int(chunks.starts[chunk]),
            f"{count} points in {head + sum(sizes)} bytes; the header and chunk table say {chunks.counts[chunk]} "
            f"points in {len(data)} bytes",
            f"{count} 点 {head + sum(sizes)} バイト。ヘッダとチャンク表では {chunks.counts[chunk]} 点 {len(data)} "
            "バイトです。",
        )  # fmt: skip
