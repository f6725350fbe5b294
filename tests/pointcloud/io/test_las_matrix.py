"""Every version and point format, plain and compressed, with and without extra bytes, against laspy and laszip."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import laspy
import numpy as np
import pytest
from laspy.compression import LazBackend

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.errors import FileError, ParameterError
from pointcloud.io import las
from tests.pointcloud.io.las_files import COMBINATIONS, OFFSETS, SCALES, WAVEFORMS, make, patch

FROM_PDAL = {pdal: name for name, pdal in LASPY_TO_PDAL.items()}


@pytest.fixture(params=[f"1.{minor}-{number}" for minor, number in COMBINATIONS])
def kind(request: pytest.FixtureRequest) -> tuple[int, int]:
    minor, number = request.param[2:].split("-")
    return int(minor), int(number)


@pytest.mark.parametrize("has_extras", [False, True], ids=["plain", "extras"])
@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_read_and_rewrite(tmp_path: Path, kind: tuple[int, int], suffix: str, has_extras: bool) -> None:
    minor, number = kind
    path = tmp_path / f"a{suffix}"
    records = make(path, minor, number, has_extras=has_extras)
    check_read(path, records, has_extras)
    if minor == 0:  # what laspy writes is compared below as LAS 1.1, which differs in the version alone
        assert las.inspect(path).version == "1.0"
    targets = ["b.las"] if number in WAVEFORMS else ["b.las", "b.laz"]
    for target in (tmp_path / name for name in targets):
        las.rewrite(path, target, lambda _, __: {})
        assert raw_records(target, minor).tobytes() == records.tobytes()
    check_added(path, tmp_path / targets[-1].replace("b", "c"), records, minor)


@pytest.mark.parametrize("number", WAVEFORMS)
def test_waveforms_are_not_compressed(tmp_path: Path, number: int) -> None:
    make(tmp_path / "a.las", 4, number)
    with pytest.raises(ParameterError, match=rf"point format {number} has waveforms.*write \.las"):
        las.rewrite(tmp_path / "a.las", tmp_path / "b.laz", lambda _, __: {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.las"]


def check_read(path: Path, records: np.ndarray, has_extras: bool) -> None:
    cloud = las.read(path)
    np.testing.assert_array_equal(cloud.x, records["X"] * SCALES[0] + OFFSETS[0])
    np.testing.assert_array_equal(cloud.y, records["Y"] * SCALES[1] + OFFSETS[1])
    np.testing.assert_array_equal(cloud.z, records["Z"] * SCALES[2] + OFFSETS[2])
    content = bytearray(path.read_bytes())
    content[25] = max(content[25], 1)
    path.with_name("laspy" + path.suffix).write_bytes(content)
    expected = laspy.read(path.with_name("laspy" + path.suffix))
    names = set(expected.point_format.dimension_names) - {"X", "Y", "Z", "normal"}
    names = {name for name in names if "wave" not in name and name not in ("x_t", "y_t", "z_t")}
    extras = {"normal0", "normal1", "normal2"} if has_extras else set()
    assert set(cloud.attributes) == {LASPY_TO_PDAL.get(name, name) for name in names} | extras
    for name in names:
        found = cloud.attributes[LASPY_TO_PDAL.get(name, name)]
        wanted = np.asarray(expected[name])
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    for index, name in enumerate(sorted(extras)):
        np.testing.assert_array_equal(cloud.attributes[name], np.asarray(expected["normal"])[:, index])


def check_added(path: Path, target: Path, records: np.ndarray, minor: int) -> None:
    """A new dimension and new classes, read by laspy through laszip's own decompressor."""
    classes = (np.arange(len(records)) % 5).astype(np.uint8)

    def edit(start: int, points: PointCloud) -> dict[str, np.ndarray]:
        part = slice(start, start + len(points))
        return {"Classification": classes[part], "GroundConfidence": classes[part] / np.float32(7)}

    las.rewrite(path, target, edit, chunk=100)
    if minor == 0:
        patch(target, 25, b"\1")
    with laspy.open(target, laz_backend=LazBackend.Laszip) as reader:
        found = reader.read()
    np.testing.assert_array_equal(np.asarray(found.classification), classes)
    np.testing.assert_array_equal(np.asarray(found["GroundConfidence"]), classes / np.float32(7))
    for name in records.dtype.names or ():
        if name not in ("classification", "raw_classification"):
            assert found.points.array[name].tobytes() == records[name].tobytes(), name
    if "raw_classification" in (records.dtype.names or ()):
        flags = np.asarray(found.points.array["raw_classification"]) & 0xE0
        np.testing.assert_array_equal(flags, records["raw_classification"] & 0xE0)


def raw_records(path: Path, minor: int) -> np.ndarray:
    if minor == 0:
        patch(path, 25, b"\1")
    with laspy.open(path) as reader:
        return np.asarray(reader.read_points(-1).array)


@pytest.mark.parametrize(("minor", "number"), [(m, n) for m, n in COMBINATIONS if n not in WAVEFORMS and m != 3])
@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_write_and_read_back(tmp_path: Path, minor: int, number: int, suffix: str) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    make(source, minor, number, has_extras=True)
    cloud = las.read(source)
    las.write(target, cloud, version=f"1.{minor}", point_format=number, scales=tuple(SCALES), offsets=tuple(OFFSETS))
    again = las.read(target)
    assert set(again.attributes) == set(cloud.attributes)
    for axis in "xyz":
        np.testing.assert_array_equal(getattr(again, axis), getattr(cloud, axis))
    for name, column in cloud.attributes.items():
        if name == "Classification" and number < 6:
            column = np.where(column == 18, 7, column)  # noqa: PLW2901
        np.testing.assert_array_equal(again.attributes[name], column)
    info = las.inspect(target)
    assert (info.version, info.point_format, info.problems) == (f"1.{minor}", number, ())
    assert info.bounds == cloud.bounds
    check_header_counts(target, cloud, minor)


def check_header_counts(path: Path, cloud: PointCloud, minor: int) -> None:
    """Bounds and counts in the header are those of the points, as laspy computes them."""
    if minor == 0:
        patch(path, 25, b"\1")
    with laspy.open(path) as reader:
        header, points = reader.header, reader.read()
    assert header.point_count == len(cloud)
    numbers = np.bincount(np.asarray(points.return_number), minlength=16)[1:]
    n_fields = 15 if minor >= 4 else 5
    np.testing.assert_array_equal(header.number_of_points_by_return[:n_fields], numbers[:n_fields])
    np.testing.assert_array_equal(header.maxs, [cloud.x.max(), cloud.y.max(), cloud.z.max()])


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("number", [3, 8])
def test_fewer_dimensions_are_the_same_values(tmp_path: Path, number: int, suffix: str) -> None:
    """Layers of formats 6-10 that are not asked for are not decoded; what is asked for does not change."""
    path = tmp_path / f"a{suffix}"
    make(path, 4, number, has_extras=True)
    whole = las.read(path)
    for name in whole.attributes:
        one = las.read(path, dimensions=(name,))
        assert list(one.attributes) == [name]
        np.testing.assert_array_equal(one.attributes[name], whole.attributes[name])
        np.testing.assert_array_equal(one.z, whole.z)
    bare = las.read(path, dimensions=())
    assert not bare.attributes
    np.testing.assert_array_equal(bare.x, whole.x)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_bounds_are_half_open(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    make(path, n_points=2000)
    whole = las.read(path)
    for bounds in (Bounds(52050, -98450, 52100, -98400), Bounds(0, 0, 1, 1), whole.bounds):
        for _ in range(2):  # the second read knows where the blocks lie
            part = las.read(path, bounds=bounds)
            expected = whole.take(bounds.contains(whole.x, whole.y))
            np.testing.assert_array_equal(part.x, expected.x)
            assert set(part.attributes) == set(whole.attributes)
            for name, column in expected.attributes.items():
                assert part.attributes[name].dtype == column.dtype
                np.testing.assert_array_equal(part.attributes[name], column)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_batches_are_one_cloud(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"a{suffix}"
    make(path, n_points=1000)
    whole = las.read(path)
    monkeypatch.setattr("pointcloud.io.las.BATCH", 170)
    again = las.read(path)
    for column, expected in ((again.x, whole.x), (again.z, whole.z)):
        np.testing.assert_array_equal(column, expected)
    for name, column in whole.attributes.items():
        np.testing.assert_array_equal(again.attributes[name], column)
    part = Bounds(52050, -98450, 52100, -98400)
    np.testing.assert_array_equal(las.read(path, bounds=part).x, whole.take(part.contains(whole.x, whole.y)).x)


def test_bounds_lies_that_a_sample_finds_are_scanned_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.las"
    make(path, n_points=1000)
    expected = las.inspect(path).bounds
    patch(path, 179, bytes(48))
    monkeypatch.setattr("pointcloud.io.las.BATCH", 170)
    assert las.inspect(path).bounds == expected


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    """numpy's own allocations while a file of 10 MB goes by; the cloud would take 30 MB."""
    path = tmp_path / f"a{suffix}"
    make(path, 2, 3, 300_000)
    tracemalloc.start()
    try:
        n_points = sum(len(cloud) for cloud in las.iter_chunks(path, 50_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_points == 300_000
    # two pieces of 50,000 points at about 100 bytes as cloud, twice 34 bytes as records and compressed
    assert peak < 20_000_000


def test_a_table_whose_place_stands_at_the_end(tmp_path: Path) -> None:
    """A writer that cannot go back puts the place of the chunk table behind it."""
    path = tmp_path / "a.laz"
    make(path)
    expected = las.read(path)
    content = path.read_bytes()
    start = struct.unpack_from("<I", content, 96)[0]
    place = content[start : start + 8]
    path.write_bytes(content[:start] + struct.pack("<q", -1) + content[start + 8 :] + place)
    np.testing.assert_array_equal(las.read(path).x, expected.x)


def test_a_chunk_as_large_as_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.laz"
    make(path)
    monkeypatch.setattr("pointcloud.io.laz._LARGEST_CHUNK", 299 * 34)
    with pytest.raises(FileError, match="a compressed chunk of 300 points; recompress with chunks of 50000"):
        las.inspect(path)
