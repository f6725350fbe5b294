"""Copies of LAS files: what is not edited stays bit for bit."""

from __future__ import annotations

import struct
from pathlib import Path

import laspy
import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.cloud import PointCloud
from pointcloud.errors import InputError, ParameterError
from pointcloud.io import las
from pointcloud.io.las_header import read_header
from tests.pointcloud.io.las_files import make, make_copc, patch

Changes = dict[str, NDArray[np.generic]]


def no_change(_: int, __: PointCloud) -> Changes:
    return {}


def with_odd_header(path: Path) -> Path:
    """Every field and gap that a careless copy would lose."""
    patch(path, 4, struct.pack("<H", 4711))  # file source ID
    patch(path, 8, bytes(range(16)))  # project ID
    patch(path, 26, "朝日航洋".encode("cp932").ljust(32, b"\0"))  # system: not ASCII, not UTF-8
    patch(path, 58, b"\xff\xfe odd software")
    patch(path, 90, struct.pack("<HH", 400, 2021))  # no day of any year
    content = path.read_bytes()
    start, n_records = struct.unpack_from("<II", content, 96)
    note = struct.pack("<H16sHH32s", 0xAABB, "测量".encode(), 77, 5, "備考".encode("cp932")) + b"\0\1\2\3\4"
    gap = b"gap before points"
    path.write_bytes(content[:start] + note + gap + content[start:])
    patch(path, 96, struct.pack("<II", start + len(note) + len(gap), n_records + 1))
    return path


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4])
def test_an_empty_edit_copies_every_byte(tmp_path: Path, minor: int) -> None:
    path = tmp_path / "a.las"
    make(path, minor, 1, has_extras=True)
    with_odd_header(path)
    las.rewrite(path, tmp_path / "b.las", no_change)
    assert (tmp_path / "b.las").read_bytes() == path.read_bytes()


def test_plain_to_compressed_and_back_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 7, has_extras=True, crs=CRS.from_epsg(6676))
    with_odd_header(path)
    las.rewrite(path, tmp_path / "b.laz", no_change)
    las.rewrite(tmp_path / "b.laz", tmp_path / "c.las", no_change)
    assert (tmp_path / "c.las").read_bytes() == path.read_bytes()
    assert (tmp_path / "b.laz").stat().st_size < path.stat().st_size


def test_only_what_must_changes_with_a_new_dimension(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 2, 3)
    with_odd_header(path)
    las.rewrite(path, tmp_path / "b.las", lambda _, points: {"Height": np.zeros(len(points), np.float32)})
    before, after = read_header(path), read_header(tmp_path / "b.las")
    changed = {96, 97, 98, 99, 100, 101, 102, 103, 105, 106}  # offset to points, number of records, record length
    assert {i for i, (a, b) in enumerate(zip(before.raw, after.raw, strict=True)) if a != b} <= changed
    assert after.gap == before.gap
    assert [r.key for r in after.records] == [*[r.key for r in before.records], (b"LASF_Spec", 4)]
    for old, new in zip(before.records, after.records, strict=False):
        assert (old.reserved, old.user, old.description) == (new.reserved, new.user, new.description)
        assert before.payload(old) == after.payload(new)
    assert las.inspect(tmp_path / "b.las").extra_dimensions == ("Height",)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_undescribed_bytes_stay_before_a_new_dimension(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    records = make(path, 2, 1, has_extras=True)
    patch(path, path.read_bytes().index(b"LASF_Spec\0"), b"someone__")
    las.rewrite(path, tmp_path / "b.laz", lambda start, p: {"Height": np.arange(len(p), dtype=np.float32) + start})
    again = las.read(tmp_path / "b.laz")
    np.testing.assert_array_equal(again.attributes["Height"], np.arange(300, dtype=np.float32))
    with laspy.open(tmp_path / "b.laz") as reader:
        array = reader.read_points(-1).array
    wide = array.view(np.uint8).reshape(len(array), -1)
    np.testing.assert_array_equal(wide[:, :-4], records.view(np.uint8).reshape(len(records), -1))


def test_replacing_needs_no_more_room(tmp_path: Path) -> None:
    path = tmp_path / "a.laz"
    make(path, 4, 6, has_extras=True)
    before = las.read(path)

    def edit(start: int, points: PointCloud) -> Changes:
        classes = np.where(points.attributes["ReturnNumber"] == 1, 2, 200).astype(np.uint8)
        return {"Classification": classes, "Reflectance": points.attributes["Reflectance"] + 1.0}

    las.rewrite(path, path, edit)  # in place
    after = las.read(path)
    assert las.inspect(path).extra_dimensions == ("Amplitude", "Reflectance", "normal0", "normal1", "normal2")
    np.testing.assert_array_equal(
        after.attributes["Classification"], np.where(before.attributes["ReturnNumber"] == 1, 2, 200)
    )
    # stored in steps of 0.01
    np.testing.assert_allclose(after.attributes["Reflectance"], before.attributes["Reflectance"] + 1, rtol=0, atol=1e-9)
    for name in set(before.attributes) - {"Classification", "Reflectance"}:
        np.testing.assert_array_equal(after.attributes[name], before.attributes[name])
    assert [p.name for p in tmp_path.iterdir()] == ["a.laz"]


def test_the_edit_is_told_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 2, 0, 1000)
    whole = las.read(path)
    seen = []

    def edit(start: int, points: PointCloud) -> Changes:
        seen.append((start, len(points)))
        np.testing.assert_array_equal(points.x, whole.x[start : start + len(points)])
        assert list(points.attributes) == ["Classification"]
        return {"Number": np.arange(start, start + len(points), dtype=np.uint32)}

    las.rewrite(path, tmp_path / "b.laz", edit, chunk=300, dimensions=("Classification",))
    assert seen == [(0, 300), (300, 300), (600, 300), (900, 100)]
    np.testing.assert_array_equal(las.read(tmp_path / "b.laz").attributes["Number"], np.arange(1000))


def test_high_noise_in_an_old_format_becomes_noise(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 2, 3)
    flags = {name: las.read(path).attributes[name] for name in ("Synthetic", "KeyPoint", "Withheld")}
    las.rewrite(path, tmp_path / "b.las", lambda _, p: {"Classification": np.full(len(p), 18, np.uint8)})
    after = las.read(tmp_path / "b.las")
    np.testing.assert_array_equal(after.attributes["Classification"], np.full(300, 7))
    for name, column in flags.items():
        np.testing.assert_array_equal(after.attributes[name], column)
    with pytest.raises(ParameterError, match="holds 0 to 31"):
        las.rewrite(path, tmp_path / "c.las", lambda _, p: {"Classification": np.full(len(p), 40, np.uint8)})
    assert not (tmp_path / "c.las").exists()


@pytest.mark.parametrize("name", ["X", "Z", "ReturnNumber"])
def test_what_the_header_depends_on_cannot_be_edited(tmp_path: Path, name: str) -> None:
    make(tmp_path / "a.las")
    with pytest.raises(ParameterError, match=f"{name} cannot be edited"):
        las.rewrite(tmp_path / "a.las", tmp_path / "b.las", lambda _, p: {name: np.zeros(len(p), np.uint8)})
    assert not (tmp_path / "b.las").exists()


def test_an_edit_must_stay_what_it_was(tmp_path: Path) -> None:
    make(tmp_path / "a.las")

    def other_names(start: int, points: PointCloud) -> Changes:
        return {"A" if start == 0 else "B": np.zeros(len(points), np.uint8)}

    def other_types(start: int, points: PointCloud) -> Changes:
        return {"A": np.zeros(len(points), np.uint8 if start == 0 else np.uint16)}

    def too_short(_: int, points: PointCloud) -> Changes:
        return {"A": np.zeros(len(points) - 1, np.uint8)}

    for edit in (other_names, other_types, too_short):
        with pytest.raises(InputError, match="the edit returned"):
            las.rewrite(tmp_path / "a.las", tmp_path / "b.laz", edit, chunk=100)
        assert [p.name for p in tmp_path.iterdir()] == ["a.las"]


def test_too_many_dimensions_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "a.las")
    with pytest.raises(ParameterError, match="no room for"):
        las.rewrite(
            tmp_path / "a.las",
            tmp_path / "b.las",
            lambda _, p: {f"d{i}": np.zeros(len(p), np.uint8) for i in range(342)},
        )


def test_a_failing_edit_leaves_nothing_and_is_not_hidden(tmp_path: Path) -> None:
    make(tmp_path / "a.las")

    def edit(start: int, points: PointCloud) -> Changes:
        if start:
            raise KeyError("bug in the edit")
        return {}

    with pytest.raises(KeyError, match="bug in the edit"):
        las.rewrite(tmp_path / "a.las", tmp_path / "b.laz", edit, chunk=100)
    assert [p.name for p in tmp_path.iterdir()] == ["a.las"]


def extended(user: bytes, number: int, payload: bytes) -> bytes:
    return struct.pack("<H16sHQ32s", 0, user, number, len(payload), b"") + payload


def test_waveforms_of_las_13_move_with_the_points(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 3, 4)
    content = path.read_bytes()
    path.write_bytes(content + extended(b"LASF_Spec", 65535, bytes(range(200))))
    patch(path, 6, struct.pack("<H", 2))
    patch(path, 227, struct.pack("<Q", len(content)))
    las.rewrite(path, tmp_path / "b.las", lambda _, p: {"Height": np.zeros(len(p), np.float32)})
    after = (tmp_path / "b.las").read_bytes()
    start = struct.unpack_from("<Q", after, 227)[0]
    assert after[start:] == extended(b"LASF_Spec", 65535, bytes(range(200)))
    assert start > len(content)


def test_extended_records_move_with_the_points(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 9)
    content = path.read_bytes()
    records = [extended(b"someone", 5, b"five" * 9), extended(b"LASF_Spec", 65535, bytes(100))]
    path.write_bytes(content + b"".join(records))
    patch(path, 227, struct.pack("<QQI", len(content) + len(records[0]), len(content), 2))
    patch(path, 6, struct.pack("<H", 2 | 16))
    las.rewrite(path, tmp_path / "b.las", no_change)
    assert (tmp_path / "b.las").read_bytes() == path.read_bytes()
    las.rewrite(path, tmp_path / "c.las", lambda _, p: {"Height": np.zeros(len(p), np.float64)})
    after = (tmp_path / "c.las").read_bytes()
    waveforms, first, count = struct.unpack_from("<QQI", after, 227)
    assert after[first:] == b"".join(records)
    assert (waveforms, count) == (first + len(records[0]), 2)


def test_a_copc_becomes_a_plain_laz_that_does_not_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.copc.laz"
    records = make_copc(path)
    las.rewrite(path, tmp_path / "b.laz", lambda _, p: {"Classification": np.full(len(p), 2, np.uint8)})
    header = read_header(tmp_path / "b.laz")
    assert not header.is_copc
    assert all(record.key[0] != b"copc" for record in header.records)
    assert struct.unpack_from("<QI", header.raw, 235) == (0, 0)
    again = las.read(tmp_path / "b.laz")
    np.testing.assert_array_equal(again.attributes["GpsTime"], records["gps_time"])
    np.testing.assert_array_equal(again.attributes["Classification"], np.full(len(records), 2))
    with laspy.open(tmp_path / "b.laz") as reader:
        assert len(reader.read()) == len(records)
