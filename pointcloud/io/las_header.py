"""The header and variable length records of a LAS file, byte for byte, every field checked against the file.

laspy reads the records into objects and writes them anew; here they stay as they are, so that `las.rewrite` keeps
what it does not understand, and a lying field is named with its byte.

References
----------
ASPRS LAS Specification 1.4 R15 (2019), section 2.4 and 2.5; LAS 1.0 (2003) for the start signature of points.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from pointcloud.errors import FileError
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.notes import Note

Triple = tuple[float, float, float]

HEADER_SIZES: Final = {0: 227, 1: 227, 2: 227, 3: 235, 4: 375}
"""Minor version of LAS 1.x -> size of its header in bytes."""

OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive; unpack it first", "ZIP です。先に展開してください。"),
    (b"\x1f\x8b", "a gzip file; unpack it first", "gzip です。先に展開してください。"),
    (b"\x89PNG", "a PNG picture", "PNG 画像です。"),
    (b"\xff\xd8\xff", "a JPEG picture", "JPEG 画像です。"),
    (b"II*\0", "a TIFF picture", "TIFF 画像です。"),
    (b"%PDF", "a PDF document", "PDF です。"),
    (
        b"ASTM-E57",
        "an E57 file; convert it first (pdal translate IN.e57 OUT.laz)",
        "E57 です。LAZ に変換してください。",
    ),
    (b"ply", "a PLY file; convert it first (pdal translate IN.ply OUT.laz)", "PLY です。LAZ に変換してください。"),
)
"""First bytes of what users send by mistake, and what it is."""

_VLR, _EVLR = struct.Struct("<H16sHH32s"), struct.Struct("<H16sHQ32s")
MAX_RECORDS: Final = 65_535
"""Most records of either kind that are read; real files have a handful."""

LARGEST_SCALE, LARGEST_OFFSET = 1e4, 1e12
"""Scales and offsets beyond these give no coordinate on Earth."""

POINT_SIGNATURE: Final = b"\xdd\xcc"
COPC_USER: Final = b"copc"
LASZIP: Final = (b"laszip encoded", 22204)


@dataclass(frozen=True, slots=True)
class Record:
    """A variable length record: the fields as bytes, and where its payload lies in the file."""

    reserved: int
    user: bytes
    number: int
    description: bytes
    start: int
    size: int
    is_extended: bool = False

    @property
    def key(self) -> tuple[bytes, int]:
        """User ID without padding, and record ID: what tells the kind."""
        return self.user.split(b"\0")[0], self.number

    def head(self, size: int) -> bytes:
        """The bytes before the payload, for a payload of ``size``."""
        layout = _EVLR if self.is_extended else _VLR
        return layout.pack(self.reserved, self.user, self.number, size, self.description)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the points, checked; ``raw`` and ``gap`` are kept byte for byte.

    Parameters
    ----------
    raw
        The header as it is in the file, with what follows the fields of its version.
    records
        Variable length records, then the extended ones.
    gap
        Bytes between the last record and the points.
    start, end
        Bytes of the file where point data begin and where the next thing does (end of file, records, waveforms).
    signature
        The two bytes that LAS 1.0 may put right before the points, after the place that the header names.
    """

    path: Path
    raw: bytes
    minor: int
    records: tuple[Record, ...]
    gap: bytes
    start: int
    end: int
    point_format: int
    point_size: int
    n_points: int
    is_compressed: bool
    scales: Triple
    offsets: Triple
    minima: Triple
    maxima: Triple
    notes: tuple[Note, ...]
    signature: bytes = b""

    @property
    def n_extra_bytes(self) -> int:
        """Bytes of a point after those of its format."""
        return self.point_size - POINT_SIZES[self.point_format]

    @property
    def is_copc(self) -> bool:
        """Whether the first record is that of a Cloud-Optimised Point Cloud."""
        return bool(self.records) and self.records[0].key == (COPC_USER, 1)

    @property
    def created(self) -> date | None:
        """Day of creation, or None where it is not a day."""
        day, year = struct.unpack_from("<HH", self.raw, 90)
        return date(year, 1, 1) + timedelta(days=day - 1) if 1900 <= year <= 9998 and 1 <= day <= 366 else None

    @property
    def software(self) -> str:
        """What wrote the file."""
        return self.raw[58:90].split(b"\0")[0].decode("utf-8", "replace").strip()

    def find(self, user: bytes, number: int) -> Record | None:
        """The first record of a kind."""
        return next((record for record in self.records if record.key == (user, number)), None)

    def payload(self, record: Record) -> bytes:
        """The content of a record."""
        with self.path.open("rb") as stream:
            stream.seek(record.start)
            return stream.read(record.size)


def broken(path: Path, field: str, byte: int, en: str, ja: str) -> FileError:
    """The error for a field that cannot be right."""
    return FileError(
        f"reading {path.name}: {field} (byte {byte}): {en}",
        f"{path.name} を読み込めません。{field} ({byte} バイト目): {ja}",
        file=path.name,
        field=field,
        byte=byte,
    )


def read_header(path: Path) -> Header:
    """The checked header of a LAS or LAZ file. The size of compressed point data is checked by `laz`, not here.

    Raises
    ------
    FileError
        When the file is missing, is something else, is cut short, or a field cannot be right.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            return _read(path, stream, size)
    except OSError as error:
        raise FileError(
            f"reading {path}: {error.strerror}; expected a LAS or LAZ file",
            f"{path} を読み込めません ({error.strerror})。LAS または LAZ ファイルを指定してください。",
            file=path.name,
        ) from error


def _read(path: Path, stream: BinaryIO, size: int) -> Header:
    raw, minor = _fixed_part(path, stream, size)
    start, n_records = struct.unpack_from("<II", raw, 96)
    if not len(raw) <= start <= size:
        raise broken(
            path, "offset to point data", 96,
            f"{start}; the header has {len(raw)} bytes and the file {size}; the file is cut off or not a LAS file",
            f"{start}。ヘッダは {len(raw)} バイト、ファイルは {size} バイトです。ファイルが途中で切れています。",
        )  # fmt: skip
    records = _records(path, stream, len(raw), start, n_records)
    stream.seek(end := records[-1].start + records[-1].size if records else len(raw))
    gap = stream.read(start - end)
    point_format, point_size, is_compressed = _point_layout(path, raw)
    n_points, notes = _count(path, raw, minor)
    extended = _extended(path, stream, raw, minor, start, size)
    scales, offsets = _scaling(path, raw)
    box = struct.unpack_from("<6d", raw, 179)
    minima, maxima = (box[1], box[3], box[5]), (box[0], box[2], box[4])
    if not all(math.isfinite(v) for v in box) or any(a > b for a, b in zip(minima, maxima, strict=True)):
        notes = (*notes, _odd(path, "bounds", f"minima {minima}, maxima {maxima}", f"最小 {minima}、最大 {maxima}"))
    end = min([size, *(r.start - _EVLR.size for r in extended if r.start > start)])
    signature = b""
    if not is_compressed:
        signature, more = _check_size(path, stream, start, end, n_points, point_size, minor)
        notes = notes + more
    return Header(
        path, raw, minor, (*records, *extended), gap, start + len(signature), end, point_format, point_size, n_points,
        is_compressed, scales, offsets, minima, maxima, notes, signature,
    )  # fmt: skip


def _fixed_part(path: Path, stream: BinaryIO, size: int) -> tuple[bytes, int]:
    """The header's bytes and the minor version."""
    raw = stream.read(375)
    if size == 0:
        raise broken(path, "file", 0, "the file is empty", "ファイルが空です。")
    if raw[:4] != b"LASF":
        for magic, en, ja in OTHER_FORMATS:
            if raw.startswith(magic):
                raise broken(path, "file signature", 0, f"not a LAS file but {en}", f"LAS ではなく {ja}")
        raise broken(
            path, "file signature", 0, f"{raw[:4]!r}; a LAS or LAZ file begins with b'LASF'",
            f"{raw[:4]!r}。LAS/LAZ ファイルは LASF で始まります。",
        )  # fmt: skip
    if size < 227:
        raise broken(
            path, "header", size, f"the file ends after {size} bytes; a header has at least 227",
            f"{size} バイトで終わっています。ヘッダは 227 バイト以上です。",
        )  # fmt: skip
    major, minor = raw[24], raw[25]
    if major != 1 or minor not in HEADER_SIZES:
        raise broken(
            path,
            "version",
            24,
            f"LAS {major}.{minor}; read are 1.0 to 1.4",
            f"LAS {major}.{minor}。1.0~1.4 に対応します。",
        )
    header_size = struct.unpack_from("<H", raw, 94)[0]
    if header_size < HEADER_SIZES[minor]:
        raise broken(
            path, "header size", 94, f"{header_size}; LAS 1.{minor} has {HEADER_SIZES[minor]}",
            f"{header_size}。LAS 1.{minor} では {HEADER_SIZES[minor]} です。",
        )  # fmt: skip
    if header_size > size:
        raise broken(
            path, "header", size, f"the file ends after {size} of the header's {header_size} bytes",
            f"ヘッダ {header_size} バイトのうち {size} バイトで終わっています。",
        )  # fmt: skip
    stream.seek(0)
    return stream.read(header_size), minor


def _records(path: Path, stream: BinaryIO, position: int, end: int, n_records: int) -> list[Record]:
    """Variable length records between the header and the points."""
    found: list[Record] = []
    for index in range(n_records):
        if position + _VLR.size > end or index == MAX_RECORDS:
            raise broken(
                path, "number of variable length records", 100,
                f"{n_records}; only {index} stand before the points at byte {end}",
                f"{n_records}。点データ ({end} バイト目) の前には {index} 個しかありません。",
            )  # fmt: skip
        stream.seek(position)
        reserved, user, number, length, description = _VLR.unpack(stream.read(_VLR.size))
        position += _VLR.size
        if position + length > end:
            raise broken(
                path, f"length of variable length record {index + 1}", position - 34,
                f"{length}; the points begin {end - position} bytes after it",
                f"{length}。点データは {end - position} バイト後に始まります。",
            )  # fmt: skip
        found.append(Record(reserved, user, number, description, position, length))
        position += length
    return found


def _extended(path: Path, stream: BinaryIO, raw: bytes, minor: int, start: int, size: int) -> list[Record]:
    """Extended records after the points (LAS 1.4), or the waveforms of LAS 1.3, which have the same form."""
    position, count = 0, 0
    if minor >= 4:
        position, count = struct.unpack_from("<QI", raw, 235)
    elif minor == 3 and raw[6] & 2:
        position, count = struct.unpack_from("<Q", raw, 227)[0], 1
    found: list[Record] = []
    for index in range(count):
        if not start <= position <= size - _EVLR.size or index == MAX_RECORDS:
            raise broken(
                path, "start of first extended variable length record" if index == 0 else "number of extended records",
                235 if index == 0 else 243,
                f"record {index + 1} of {count} at byte {position}; the file has {size} bytes",
                f"{count} 個中 {index + 1} 個目が {position} バイト目。ファイルは {size} バイトです。",
            )  # fmt: skip
        stream.seek(position)
        reserved, user, number, length, description = _EVLR.unpack(stream.read(_EVLR.size))
        position += _EVLR.size
        if length > size - position:
            raise broken(
                path, f"length of extended variable length record {index + 1}", position - 40,
                f"{length}; the file ends {size - position} bytes after it",
                f"{length}。ファイルは {size - position} バイト後に終わります。",
            )  # fmt: skip
        found.append(Record(reserved, user, number, description, position, length, is_extended=True))
        position += length
    return found


def _point_layout(path: Path, raw: bytes) -> tuple[int, int, bool]:
    """Point format, record size, and whether points are compressed."""
    number, point_size = struct.unpack_from("<BH", raw, 104)
    point_format = number & 0x3F
    if point_format not in POINT_SIZES or number & 0x40:
        raise broken(
            path, "point data record format", 104, f"{number}; read are 0 to 10, plain or compressed (LAZ: +128)",
            f"{number}。0~10 (LAZ は +128) に対応します。",
        )  # fmt: skip
    if point_size < POINT_SIZES[point_format]:
        raise broken(
            path, "point data record length", 105,
            f"{point_size}; format {point_format} has at least {POINT_SIZES[point_format]}",
            f"{point_size}。フォーマット {point_format} では {POINT_SIZES[point_format]} 以上です。",
        )  # fmt: skip
    return point_format, point_size, bool(number & 0x80)


def _count(path: Path, raw: bytes, minor: int) -> tuple[int, tuple[Note, ...]]:
    """Number of points: the 64-bit field of LAS 1.4, else the old one."""
    old = struct.unpack_from("<I", raw, 107)[0]
    new = struct.unpack_from("<Q", raw, 247)[0] if minor >= 4 else old
    n_points, notes = new or old, ()
    if n_points == 0:
        raise broken(
            path, "number of point records", 247 if minor >= 4 else 107, "0; there are no points in the file",
            "0。点がありません。",
        )  # fmt: skip
    if old not in (0, n_points) or (new == 0 and old):
        return n_points, (_odd(path, "counts", f"old count {old}, 64-bit count {new}", f"旧 {old}、64 ビット {new}"),)
    return n_points, notes


def _scaling(path: Path, raw: bytes) -> tuple[Triple, Triple]:
    """Scales and offsets of x, y, z."""
    values = struct.unpack_from("<6d", raw, 131)
    for index, value in enumerate(values):
        is_scale, axis = index < 3, "xyz"[index % 3]
        if not abs(value) < LARGEST_OFFSET or (is_scale and not 0 < value < LARGEST_SCALE):
            low, high = (0.0, LARGEST_SCALE) if is_scale else (-LARGEST_OFFSET, LARGEST_OFFSET)
            raise broken(
                path, f"{axis} {'scale factor' if is_scale else 'offset'}", 131 + 8 * index,
                f"{value}; expected a number between {low:g} and {high:g}; coordinates cannot be computed",
                f"{value}。{low:g} と {high:g} の間の数が必要です。座標を計算できません。",
            )  # fmt: skip
    return (values[0], values[1], values[2]), (values[3], values[4], values[5])


def _check_size(
    path: Path, stream: BinaryIO, start: int, end: int, n_points: int, point_size: int, minor: int
) -> tuple[bytes, tuple[Note, ...]]:
    """What stands before uncompressed points in LAS 1.0, after comparing their number with the room for them."""
    room = end - start
    stream.seek(start)
    if minor == 0 and room == n_points * point_size + 2 and stream.read(2) == POINT_SIGNATURE:
        return POINT_SIGNATURE, ()
    spare = room - n_points * point_size
    if spare < 0:
        raise broken(
            path, "point data", end,
            f"cut off: the header counts {n_points} points of {point_size} bytes from byte {start} on, but there is "
            f"room for {room // point_size}",
            f"途中で切れています。ヘッダの点数は {n_points} (1 点 {point_size} バイト、{start} バイト目から) ですが、"
            f"{room // point_size} 点分しかありません。",
        )  # fmt: skip
    if spare and spare % point_size == 0:
        raise broken(
            path, "number of point records", 247 if minor >= 4 else 107,
            f"{n_points}; the file holds {room // point_size} points; correct the count (las2las -repair) rather than "
            "lose points",
            f"{n_points}。ファイルには {room // point_size} 点あります。点数を修正してください (las2las -repair)。",
        )  # fmt: skip
    if spare:
        return b"", (_odd(path, "trailing bytes", f"{spare} bytes after the points", f"点の後に {spare} バイト"),)
    return b"", ()


def _odd(path: Path, what: str, en: str, ja: str) -> Note:
    """A note on something that does not stop us."""
    return Note(f"header-{what.replace(' ', '-')}", f"{path.name}: {what}: {en}", f"{path.name}: ヘッダの {what}: {ja}")
