"""Broken files: a clear error that names the file and the field, never a crash, never silently fewer points."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.errors import FileError
from pointcloud.io import las
from pointcloud.io.las_header import read_header
from pointcloud.io.laz import read_chunks
from tests.pointcloud.io.las_files import cut, make, make_copc, patch

N = 300
SIZE = 34
"""Bytes of a record of format 3."""


def las_12(path: Path) -> Path:
    make(path, 2, 3, N)
    return path


def laz_12(path: Path) -> Path:
    path = path.with_suffix(".laz")
    make(path, 2, 3, N)
    return path


def las_14(path: Path) -> Path:
    make(path, 4, 6, N)
    return path


def laz_14(path: Path) -> Path:
    path = path.with_suffix(".laz")
    make(path, 4, 6, N)
    return path


def text(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def number(layout: str, byte: int, *values: float) -> Callable[[Path], Path]:
    return lambda path: patch(path, byte, struct.pack(layout, *values))


def points_at(path: Path) -> int:
    return int(struct.unpack_from("<I", path.read_bytes(), 96)[0])


def in_points(layout: str, byte: int, *values: int) -> Callable[[Path], Path]:
    return lambda path: patch(path, points_at(path) + byte, struct.pack(layout, *values))


def in_table(layout: str, byte: int, *values: int) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        place = struct.unpack_from("<q", path.read_bytes(), points_at(path))[0]
        return patch(path, place + byte, struct.pack(layout, *values))

    return write


def in_laszip(byte: int, layout: str, *values: int) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        place = path.read_bytes().index(b"laszip encoded") + 52
        return patch(path, place + byte, struct.pack(layout, *values))

    return write


def nothing(path: Path) -> Path:
    path.unlink()
    return path


def folder(path: Path) -> Path:
    path.unlink()
    path.mkdir()
    return path


Maker = Callable[[Path], Path]
BROKEN: list[tuple[str, Maker, Maker, list[str]]] = [
    # what it is, a sound file, what is done to it, what the message must say besides the file's name
    ("missing", las_12, nothing, ["No such file"]),
    ("folder", las_12, folder, ["Is a directory"]),
    ("empty", text(b""), lambda p: p, ["file (byte 0)", "empty"]),
    ("text", text(b"x,y,z\n1,2,3\n" * 99), lambda p: p, ["file signature (byte 0)", "b'x,y,'", "LASF"]),
    ("zip", text(b"PK\x03\x04" + bytes(999)), lambda p: p, ["file signature", "ZIP archive; unpack it"]),
    ("png", text(b"\x89PNG\r\n" + bytes(999)), lambda p: p, ["file signature", "PNG"]),
    ("e57", text(b"ASTM-E57" + bytes(999)), lambda p: p, ["E57", "pdal translate"]),
    ("header cut", las_12, lambda p: cut(p, 100), ["header (byte 100)", "at least 227"]),
    ("1.4 header cut", las_14, lambda p: cut(p, 300), ["header (byte 300)", "375"]),
    ("version 1.7", las_12, number("<B", 25, 7), ["version (byte 24)", "1.7", "1.0 to 1.4"]),
    ("version 2.0", las_12, number("<B", 24, 2), ["version (byte 24)", "LAS 2.2"]),
    ("header size", las_12, number("<H", 94, 100), ["header size (byte 94)", "100"]),
    ("offset in the header", las_12, number("<I", 96, 5), ["offset to point data (byte 96)", "5;"]),
    ("offset too far", las_12, number("<I", 96, 4_000_000_000), ["offset to point data (byte 96)", "4000000000"]),
    ("many records", laz_12, number("<I", 100, 4_000_000_000), ["number of variable length records (byte 100)"]),
    ("record length", laz_12, number("<H", 227 + 20, 60_000), ["variable length record 1 (byte 247)", "60000"]),
    ("format 77", las_12, number("<B", 104, 77), ["point data record format (byte 104)", "77", "0 to 10"]),
    ("record size", las_12, number("<H", 105, 20), ["point data record length (byte 105)", "20", "at least 34"]),
    ("no points", las_12, number("<I", 107, 0), ["number of point records (byte 107)", "no points"]),
    ("no points 1.4", las_14, number("<Q", 247, 0), ["number of point records (byte 247)", "no points"]),
    ("count too large", las_12, number("<I", 107, N + 1), ["point data", f"{N + 1} points", f"room for {N}"]),
    ("count too small", las_12, number("<I", 107, N - 1), ["number of point records (byte 107)", f"holds {N} points"]),
    ("count too small 1.4", las_14, number("<Q", 247, 7), ["number of point records (byte 247)", f"holds {N} points"]),
    ("points cut", las_12, lambda p: cut(p, -SIZE // 2), ["point data", "cut off", f"room for {N - 1}"]),
    ("NaN scale", las_12, number("<d", 131, float("nan")), ["x scale factor (byte 131)", "nan"]),
    ("infinite scale", las_12, number("<d", 147, float("inf")), ["z scale factor (byte 147)", "inf"]),
    ("zero scale", las_12, number("<d", 139, 0.0), ["y scale factor (byte 139)", "0.0"]),
    ("negative scale", las_12, number("<d", 131, -0.01), ["x scale factor (byte 131)", "-0.01"]),
    ("NaN offset", las_12, number("<d", 155, float("nan")), ["x offset (byte 155)", "nan"]),
    ("infinite offset", las_12, number("<d", 171, float("-inf")), ["z offset (byte 171)", "-inf"]),
    ("extended records", las_14, number("<QI", 235, 10**15, 1), ["extended variable length record (byte 235)"]),
    ("no LASzip record", laz_12, in_laszip(-52, "<B", 120), ["LASzip record is missing"]),
    ("old compressor", laz_12, in_laszip(0, "<H", 1), ["LASzip record", "compressor 1"]),
    ("chunks of 0", laz_12, in_laszip(12, "<I", 0), ["LASzip record", "chunk size 0"]),
    ("no items", laz_12, in_laszip(32, "<H", 0), ["LASzip record", "0 items"]),
    ("item size", laz_12, in_laszip(36, "<H", 99), ["LASzip record", "the header says 34"]),
    ("item type", laz_12, in_laszip(34, "<H", 99), ["chunk table", "damaged"]),
    ("table lost", laz_12, lambda p: cut(p, -20), ["offset to chunk table", "cut off"]),
    ("points lost", laz_12, lambda p: cut(p, -3000), ["offset to chunk table", "cut off"]),
    ("table offset", laz_12, in_points("<q", 0, 10**15), ["offset to chunk table", "1000000000000000"]),
    ("table offset -1", laz_12, in_points("<q", 0, -1), ["offset to chunk table"]),
    ("4e9 chunks", laz_12, in_table("<I", 4, 0xFFFFFFFF), ["chunk table", "4294967295 chunks"]),
    ("4e9 chunks 1.4", laz_14, in_table("<I", 4, 0xFFFFFFFF), ["chunk table", "4294967295 chunks"]),
    ("table version", laz_12, in_table("<I", 0, 9), ["chunk table", "version 9"]),
    ("table content", laz_12, in_table("<Q", 8, 2**63 + 5), ["chunk table", "damaged"]),
    ("LAZ count large", laz_12, number("<I", 107, 50_001), ["point records (byte 107)", "50001", "1 to 50000"]),
    ("LAZ count small", laz_14, number("<Q", 247, N - 1), ["compressed chunk", f"{N} points", f"{N - 1} points"]),
    ("layer size", laz_14, in_points("<I", 8 + 30 + 4, 4_000_000_000), ["compressed chunk", "chunk table say"]),
]  # fmt: skip


@pytest.mark.parametrize(("make_sound", "damage", "says"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken_files_are_refused_by_name(tmp_path: Path, make_sound: Maker, damage: Maker, says: list[str]) -> None:
    path = damage(make_sound(tmp_path / "survey.las"))
    for use in (las.inspect, las.read, lambda p: next(las.iter_chunks(p)), copy):
        with pytest.raises(FileError) as caught:
            use(path)
        message = str(caught.value)
        for part in [path.name, *says]:
            assert part in message
        assert path.name in caught.value.ja
        assert caught.value.details["file"] == path.name
    assert {p.name for p in tmp_path.iterdir()} <= {path.name}, "nothing half-written stays"


def copy(path: Path) -> None:
    las.rewrite(path, path.with_name("copy.laz"), lambda _, __: {})


def test_a_copy_that_fails_in_the_middle_vanishes(tmp_path: Path) -> None:
    """The second chunk is damaged, which is found after fifty of the sixty batches were written."""
    path = tmp_path / "a.laz"
    make(path, 4, 6, 60_000)
    second = int(read_chunks(read_header(path)).starts[1])
    patch(path, second + 30, struct.pack("<I", 9_999))
    starts: list[int] = []

    def edit(start: int, _: PointCloud) -> dict[str, NDArray[np.generic]]:
        starts.append(start)
        return {}

    with pytest.raises(FileError, match=r"a\.laz: compressed chunk \(byte \d+\): 9999 points"):
        las.rewrite(path, tmp_path / "copy.laz", edit, chunk=1000)
    assert starts == list(range(0, 50_000, 1000))
    assert [p.name for p in tmp_path.iterdir()] == ["a.laz"]


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 2, 3, 60_000)
    pieces = las.iter_chunks(path, 50_000)
    next(pieces)
    cut(path, 50_000)
    with pytest.raises(FileError, match=r"a\.las: point data \(byte 1700\d+\): the file ends"):
        list(pieces)


@pytest.mark.parametrize("maker", [las_12, laz_12, las_14, laz_14], ids=["las12", "laz12", "las14", "laz14"])
def test_random_damage_never_escapes(tmp_path: Path, maker: Maker) -> None:
    path = maker(tmp_path / "a.las")
    outcomes = fuzz(path, 40)
    assert outcomes["refused"] + outcomes["read"] == 3 * 40
    assert outcomes["refused"] > 0  # or nothing was damaged
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_random_damage_to_a_copc_never_escapes(tmp_path: Path) -> None:
    make_copc(tmp_path / "a.copc.laz")
    outcomes = fuzz(tmp_path / "a.copc.laz", 30)
    assert outcomes["refused"] + outcomes["read"] == 3 * 30
    assert outcomes["refused"] > 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.copc.laz"]


def fuzz(path: Path, n_trials: int) -> Counter[str]:
    """Change some bytes, mostly of the header and tables: how often a use was refused with a `FileError` and how
    often it read a cloud; anything else ends the test."""
    sound = path.read_bytes()
    rng = random.Random(3)
    outcomes: Counter[str] = Counter()
    for _ in range(n_trials):
        content = bytearray(sound)
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.choice([rng.randrange(700), rng.randrange(len(content)), len(content) - rng.randrange(1, 80)])
            content[place] = rng.choice([0, 1, 255, rng.randrange(256)])
        if rng.random() < 0.2:
            content = content[: rng.randrange(len(content))]
        path.write_bytes(content)
        for use in (las.inspect, las.read, copy):
            try:
                use(path)
                outcomes["read"] += 1
            except FileError:
                outcomes["refused"] += 1
        path.with_name("copy.laz").unlink(missing_ok=True)
    return outcomes


def test_a_lying_chunk_table_does_not_end_the_process(tmp_path: Path) -> None:
    """Given to lazrs as it is, this file asks for 64 GB and aborts the interpreter."""
    path = in_table("<I", 4, 0xFFFFFFFF)(laz_12(tmp_path / "a.las"))
    code = f"import pathlib; from pointcloud.io import las; las.inspect(pathlib.Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FileError: reading a.laz: chunk table" in done.stderr
