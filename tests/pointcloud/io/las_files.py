"""Tiny LAS and LAZ files made by laspy, with every bit of every record set at random, and a COPC made by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import laspy
import lazrs
import numpy as np
from laspy.compression import LazBackend
from laspy.vlrs.known import WaveformPacketStruct, WaveformPacketVlr
from numpy.typing import NDArray

FORMATS_OF = {0: (0, 1), 1: (0, 1), 2: (0, 1, 2, 3), 3: tuple(range(6)), 4: tuple(range(11))}
"""Minor version -> point formats that may stand in it."""

COMBINATIONS = [(minor, number) for minor, numbers in FORMATS_OF.items() for number in numbers]
WAVEFORMS = (4, 5, 9, 10)
SCALES, OFFSETS = np.array([0.01, 0.01, 0.001]), np.array([52000.0, -98500.0, 300.0])
WEST, SOUTH, EAST, NORTH = 52000.0, -98500.0, 52200.0, -98300.0


def random_records(point_format: laspy.PointFormat, n_points: int, seed: int = 1) -> NDArray[np.void]:
    """Records whose bytes are random, coordinates within 200 m, floats finite."""
    rng = np.random.default_rng(seed)
    records = rng.integers(0, 256, (n_points, point_format.size), dtype=np.uint8).view(point_format.dtype()).reshape(-1)
    records["X"], records["Y"] = rng.integers(0, 20_000, n_points), rng.integers(0, 20_000, n_points)
    records["Z"] = rng.integers(0, 80_000, n_points)
    for name in records.dtype.names or ():
        if records.dtype[name].base.kind == "f":
            values = rng.normal(0, 1e5, records[name].shape)
            records[name] = values
    return records


def make(
    path: Path, minor: int = 2, number: int = 3, n_points: int = 300, *, has_extras: bool = False, crs: object = None
) -> NDArray[np.void]:
    """Write a file and give back its records; .laz is compressed by laspy."""
    header = laspy.LasHeader(version=f"1.{max(minor, 1)}", point_format=number)
    header.scales, header.offsets = SCALES, OFFSETS
    if has_extras:
        header.add_extra_dims(
            [
                laspy.ExtraBytesParams("Amplitude", "u2", "echo"),
                laspy.ExtraBytesParams("Reflectance", "i2", scales=np.array([0.01]), offsets=np.array([-5.0])),
                laspy.ExtraBytesParams("normal", "3f4"),
            ]
        )
    if crs is not None:
        header.add_crs(crs, keep_compatibility=False)
    if number in WAVEFORMS:
        packet = WaveformPacketVlr(100)
        packet.parsed_record = WaveformPacketStruct(8, 0, 32, 1000, 1.0, 0.0)
        header.vlrs.append(packet)
    records = random_records(header.point_format, n_points)
    is_laz = path.suffix.lower() == ".laz"
    backend = LazBackend.Laszip if number in WAVEFORMS else LazBackend.Lazrs  # lazrs compresses waveforms wrongly
    with laspy.open(path, "w", header=header, do_compress=is_laz, laz_backend=backend) as writer:
        writer.write_points(laspy.ScaleAwarePointRecord(records, header.point_format, SCALES, OFFSETS))
    if minor == 0:  # laspy writes no LAS 1.0; its header has the form of 1.1
        patch(path, 25, b"\0")
    return records


def patch(path: Path, byte: int, data: bytes) -> Path:
    """Overwrite some bytes; a negative place counts from the end."""
    content = bytearray(path.read_bytes())
    byte += len(content) if byte < 0 else 0
    content[byte : byte + len(data)] = data
    path.write_bytes(content)
    return path


def cut(path: Path, size: int) -> Path:
    """Keep the first bytes of a file; a negative number is how many are lost."""
    path.write_bytes(path.read_bytes()[:size])
    return path


def make_copc(path: Path, per_node: int = 400) -> NDArray[np.void]:
    """Write a COPC of a root and its four children on the ground, and give back its records in the file's order."""
    header = laspy.LasHeader(version="1.4", point_format=6)
    half = (EAST - WEST) / 2
    keys = [(0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 1, 1, 0)]
    parts = []
    for seed, (level, column, row, _) in enumerate(keys):
        part = random_records(header.point_format, per_node, seed)
        if level == 1:
            part["X"], part["Y"] = part["X"] // 2 + 10_000 * column, part["Y"] // 2 + 10_000 * row
        parts.append(part)
    vlr = lazrs.LazVlr.new_for_compression(6, 0, True)
    info_at, points_at = 375 + 54, 375 + 2 * 54 + 160 + len(vlr.record_data())
    with path.open("wb") as stream:
        stream.write(bytes(points_at))
        compressor = lazrs.LasZipCompressor(stream, vlr)
        compressor.compress_chunks([part.view(np.uint8) for part in parts])
        compressor.done()
        stream.seek(0, 2)
        hierarchy_at = stream.tell() + 60
        with path.open("rb") as again:
            again.seek(points_at)
            sizes = [size for count, size in lazrs.read_chunk_table(again, vlr) if count]
        places = points_at + 8 + np.concatenate(([0], np.cumsum(sizes)[:-1]))
        entries = b"".join(
            struct.pack("<4iQ2i", *key, place, size, per_node)
            for key, place, size in zip(keys, places.tolist(), sizes, strict=True)
        )
        stream.write(struct.pack("<H16sHQ32s", 0, b"copc", 1000, len(entries), b"hierarchy") + entries)
        info = struct.pack("<5d2Q2d88x", WEST + half, SOUTH + half, 340.0, half, 1.0, hierarchy_at, len(entries), 0, 1)
        stream.seek(0)
        header.scales, header.offsets = SCALES, OFFSETS
        raw = bytearray(375)
        struct.pack_into("<4s2xH", raw, 0, b"LASF", 16)
        struct.pack_into("<2B", raw, 24, 1, 4)
        struct.pack_into("<HII", raw, 94, 375, points_at, 2)
        struct.pack_into("<BH", raw, 104, 134, 30)
        struct.pack_into("<6d", raw, 131, *SCALES, *OFFSETS)
        struct.pack_into("<6d", raw, 179, EAST, WEST, NORTH, SOUTH, 380.0, 300.0)
        struct.pack_into("<QIQ", raw, 235, hierarchy_at - 60, 1, per_node * len(keys))
        stream.write(raw)
        stream.write(struct.pack("<H16sHH32s", 0, b"copc", 1, 160, b"info") + info)
        record = bytes(vlr.record_data())
        stream.write(struct.pack("<H16sHH32s", 0, b"laszip encoded", 22204, len(record), b"") + record)
        assert info_at < points_at == stream.tell()
    return np.concatenate(parts)
