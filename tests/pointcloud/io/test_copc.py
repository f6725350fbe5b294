"""COPC: only the nodes that touch are read, and a hierarchy that does not fit is not believed."""

from __future__ import annotations

import struct
from pathlib import Path
from unittest.mock import patch as replaced

import laspy
import numpy as np
import pytest

from pointcloud.bounds import Bounds
from pointcloud.io import las, laz
from tests.pointcloud.io.las_files import EAST, NORTH, SOUTH, WEST, make_copc, patch

CORNER = Bounds(WEST, SOUTH, WEST + 40, SOUTH + 40)


def decoded(path: Path, bounds: Bounds | None) -> int:
    """Number of chunks that a read decodes."""
    counts = []
    original = laz.decompress

    def counted(header, chunks, picked, *rest):  # type: ignore[no-untyped-def]
        counts.append(len(picked))
        return original(header, chunks, picked, *rest)

    with replaced("pointcloud.io.laz.decompress", counted):
        las.read(path, bounds=bounds)
    return sum(counts)


def test_the_file_is_one_that_laspy_reads(tmp_path: Path) -> None:
    records = make_copc(tmp_path / "a.copc.laz")
    with laspy.CopcReader.open(tmp_path / "a.copc.laz") as reader:
        found = reader.query(laspy.copc.Bounds(np.array([WEST, SOUTH]), np.array([EAST, NORTH])))
    assert len(found) == len(records)


def test_only_nodes_that_touch_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.copc.laz"
    records = make_copc(path)
    assert las.inspect(path).is_copc
    whole = las.read(path)
    np.testing.assert_array_equal(whole.attributes["GpsTime"], records["gps_time"])
    part = las.read(path, bounds=CORNER)
    expected = whole.take(CORNER.contains(whole.x, whole.y))
    np.testing.assert_array_equal(part.attributes["GpsTime"], expected.attributes["GpsTime"])
    assert decoded(path, None) == 5
    assert decoded(path, CORNER) == 2, "the root and one of its four children"
    assert decoded(path, Bounds(0, 0, 1, 1)) == 0
    nothing = las.read(path, bounds=Bounds(0, 0, 1, 1))
    assert (len(nothing), nothing.attributes["GpsTime"].dtype) == (0, np.float64)


@pytest.mark.parametrize(
    ("byte", "data"),
    [
        (375 + 54 + 40, struct.pack("<Q", 10**12)),  # root page beyond the file
        (375 + 54 + 48, struct.pack("<Q", 33)),  # not a whole number of entries
        (375 + 54, struct.pack("<d", float("nan"))),  # centre
        (375 + 54 + 24, struct.pack("<d", 0.0)),  # half size
        (-4, struct.pack("<i", 399)),  # points of the last node
        (-16, struct.pack("<Q", 99)),  # its place
        (-4, struct.pack("<i", 0)),  # a node that is not named: its points would be lost
    ],
)
def test_a_hierarchy_that_does_not_fit_is_not_believed(tmp_path: Path, byte: int, data: bytes) -> None:
    path = tmp_path / "a.copc.laz"
    make_copc(path)
    expected = las.read(path, bounds=CORNER)
    patch(path, byte, data)
    info = las.inspect(path)
    assert (info.is_copc, [note.code for note in info.problems]) == (False, ["copc-broken"])
    found = las.read(path, bounds=CORNER)
    np.testing.assert_array_equal(found.attributes["GpsTime"], expected.attributes["GpsTime"])
    assert decoded(path, None) == 5


def test_a_page_that_points_to_itself_ends(tmp_path: Path) -> None:
    """A reader that follows pages without looking where it has been never comes back."""
    path = tmp_path / "a.copc.laz"
    make_copc(path)
    root, size = struct.unpack_from("<2Q", path.read_bytes(), 375 + 54 + 40)
    patch(path, -16, struct.pack("<Qii", root, size, -1))
    assert not las.inspect(path).is_copc


@pytest.mark.data
def test_a_real_copc(shared_data: Path) -> None:
    path = shared_data / "lone-star.copc.laz"
    info = las.inspect(path)
    assert info.is_copc
    b = info.bounds
    part = Bounds(b.x_min + 3, b.y_min + 3, b.x_min + 9, b.y_min + 9)
    whole = las.read(path, dimensions=("Intensity",))
    found = las.read(path, dimensions=("Intensity",), bounds=part)
    expected = whole.take(part.contains(whole.x, whole.y))
    assert 0 < len(found) < info.n_points
    np.testing.assert_array_equal(found.z, expected.z)
    np.testing.assert_array_equal(found.attributes["Intensity"], expected.attributes["Intensity"])
