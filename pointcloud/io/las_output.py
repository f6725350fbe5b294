"""A LAS or LAZ file being written: header, records, points, extended records, in this order."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pointcloud.io import laz
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_header import LASZIP, Header, Record, broken
from pointcloud.io.laz_layers import ChunkWriter


class Output:
    """A file being written: header and records first, then points, then extended records, then the header's numbers.

    With ``chunks`` the caller appends compressed points to that instead of calling `points`.
    """

    def __init__(
        self, stream: BinaryIO, compresses: bool, raw: bytes, records: Sequence[tuple[bytes, bytes]], gap: bytes,
        point_format: int, point_size: int, signature: bytes = b"", chunks: ChunkWriter | None = None,
    ) -> None:  # fmt: skip
        self._stream, self._raw = stream, bytearray(raw)
        self._compressor: laz.Compressor | ChunkWriter | None = chunks
        if compresses:
            self._compressor = chunks or laz.Compressor(point_format, point_size - POINT_SIZES[point_format])
            head = struct.pack("<H16sHH32s", 0, *LASZIP, len(self._compressor.record), b"http://laszip.org")
            records = [*records, (head, self._compressor.record)]
        body = b"".join(head + payload for head, payload in records) + gap
        struct.pack_into("<II", self._raw, 96, len(raw) + len(body), len(records))
        struct.pack_into("<BH", self._raw, 104, point_format | (0x80 if self._compressor else 0), point_size)
        stream.write(self._raw + body + signature)

    def points(self, points: NDArray[np.void]) -> None:
        """Append records."""
        data = points.view(np.uint8)
        if isinstance(self._compressor, laz.Compressor):
            self._compressor.write(self._stream, data)
        else:
            self._stream.write(data.data)

    def finish(self, extended: Iterable[Record], patch: Mapping[int, bytes], source: Header | None = None) -> None:
        """Write what follows the points and the header with its final numbers."""
        if self._compressor is not None:
            self._compressor.close(self._stream)
        self._stream.seek(0, 2)
        moved: dict[int, int] = {}
        for record in extended:
            head = record.head(record.size)
            moved[record.start - len(head)] = self._stream.tell()
            self._stream.write(head)
            if source is not None:
                _copy(source.path, record, self._stream)
        for place, data in patch.items():
            self._raw[place : place + len(data)] = data
        minor = self._raw[25]
        if minor >= 3:
            waveforms = struct.unpack_from("<Q", self._raw, 227)[0]
            struct.pack_into("<Q", self._raw, 227, moved.get(waveforms, waveforms))
        if minor >= 4:
            struct.pack_into("<QI", self._raw, 235, min(moved.values(), default=0), len(moved))
        self._stream.seek(0)
        self._stream.write(self._raw)


def _copy(source: Path, record: Record, stream: BinaryIO) -> None:
    """Append the payload of a record; waveforms may be larger than memory."""
    with source.open("rb") as original:
        original.seek(record.start)
        left = record.size
        while left:
            piece = original.read(min(left, 1 << 24))
            if not piece:
                raise broken(source, "extended record", record.start, "the file ends", "ファイルが途中で切れています。")
            stream.write(piece)
            left -= len(piece)
