"""COPC files against the COPC 1.0 specification, read back by laspy and by our own reader. About 6 s."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pointcloud.cloud import PointCloud
from pointcloud.errors import ResourceError
from pointcloud.io import copc, copc_kernels, copc_tree, copc_write, las
from tests.oracles import octree

E, N = 52_000.0, -98_400.0


def hill(n: int, seed: int = 3) -> PointCloud:
    rng = np.random.default_rng(seed)
    x, y = E + 200 * rng.random(n) ** 2, N + 150 * rng.random(n)
    z = 300 + 0.3 * (x - E) + rng.normal(0, 1, n)
    columns: dict[str, Any] = {
        "Intensity": rng.integers(0, 60_000, n).astype(np.uint16),
        "ReturnNumber": np.ones(n, np.uint8),
        "NumberOfReturns": np.full(n, 2, np.uint8),
        "Classification": rng.integers(0, 20, n).astype(np.uint8),
        "GpsTime": 1e8 + np.arange(n) * 1e-4,
        "Number": np.arange(n, dtype=np.uint32),
    }
    return PointCloud(x, y, z, columns, CRS.from_epsg(6676))


def entries_of(path: Path) -> np.ndarray[Any, Any]:
    """The hierarchy, found by the bytes that the specification names."""
    raw = path.read_bytes()
    start, size = struct.unpack_from("<2Q", raw, 375 + 54 + 40)
    return np.frombuffer(raw[start : start + size], dtype=copc.ENTRY)


@pytest.fixture(scope="module")
def small_leaves() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copc_write, "LEAF_POINTS", 3_000)
        yield patch


@pytest.fixture(scope="module")
def written(small_leaves: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PointCloud]:
    cloud = hill(60_000)
    path = tmp_path_factory.mktemp("copc") / "hill.copc.laz"
    pieces = (cloud.take(slice(i, i + 25_000)) for i in range(0, 60_000, 25_000))
    assert copc_write.write(path, pieces, load_points=20_000) == 60_000
    return path, cloud


def test_every_point_comes_back(written: tuple[Path, PointCloud]) -> None:
    path, cloud = written
    back = las.read(path)
    order = np.argsort(back.attributes["Number"])
    for axis in "xyz":
        # stored in whole millimetres
        np.testing.assert_allclose(getattr(back, axis)[order], getattr(cloud, axis), rtol=0, atol=0.000501)
    for name, values in cloud.attributes.items():
        np.testing.assert_array_equal(back.attributes[name][order], values, err_msg=name)
    assert back.crs == cloud.crs


def test_laspy_reads_nodes_by_place_and_resolution(written: tuple[Path, PointCloud]) -> None:
    path, cloud = written
    with laspy.CopcReader.open(str(path)) as reader:
        assert len(reader.query()) == len(cloud)
        coarse, fine = (len(reader.query(resolution=r)) for r in (2.0, 0.5))
        assert 1_000 < coarse < fine < len(cloud)
        box = laspy.copc.Bounds(np.array([E + 50.0, N + 20.0]), np.array([E + 80.0, N + 90.0]))
        # by the stored coordinates: two programs may disagree about a point on the edge itself
        inside = (cloud.x > E + 50) & (cloud.x < E + 80) & (cloud.y > N + 20) & (cloud.y < N + 90)
        assert abs(len(reader.query(bounds=box)) - int(inside.sum())) <= 4


def test_header_and_records_are_those_of_the_specification(written: tuple[Path, PointCloud]) -> None:
    path, cloud = written
    raw = path.read_bytes()
    assert raw[:4] == b"LASF"
    assert raw[24:26] == b"\x01\x04"
    assert struct.unpack_from("<H", raw, 94) == (375,)
    assert raw[104] == 6 | 0x80
    assert struct.unpack_from("<Q", raw, 247) == (len(cloud),)
    assert struct.unpack_from("<H", raw, 6)[0] & 17 == 17  # GPS standard time, WKT
    user, number, size = struct.unpack_from("<16sHH", raw, 375 + 2)
    assert (user.rstrip(b"\0"), number, size) == (b"copc", 1, 160)
    x, y, z, half, spacing, start, length, first, last = struct.unpack_from("<5d2Q2d", raw, 429)
    assert raw[429 + 72 : 429 + 160] == bytes(88)
    for centre, values in ((x, cloud.x), (y, cloud.y), (z, cloud.z)):
        assert centre - half <= np.round(values.min(), 3)  # as stored
        assert np.round(values.max(), 3) <= centre + half
    assert spacing == pytest.approx(2 * half / 128)
    assert (first, last) == (cloud.attributes["GpsTime"][0], cloud.attributes["GpsTime"][-1])
    place, count = struct.unpack_from("<QI", raw, 235)
    user, number, size = struct.unpack_from("<16sHQ", raw, place + 2)
    assert (user.rstrip(b"\0"), number, size, count) == (b"copc", 1000, length, 1)
    assert start == place + 60


def test_hierarchy_names_every_chunk_and_every_node_on_the_way(written: tuple[Path, PointCloud]) -> None:
    path, cloud = written
    entries = entries_of(path)
    keys = {tuple(e.tolist()[:4]) for e in entries}
    assert len(keys) == len(entries)
    assert (0, 0, 0, 0) in keys
    for level, x, y, z in keys:
        assert level == 0 or (level - 1, x // 2, y // 2, z // 2) in keys
        assert max(x, y, z) < 2**level
    assert entries["count"].sum() == len(cloud)
    assert entries["level"].max() >= 3
    assert las.inspect(path).is_copc  # every chunk of the table is named exactly once


def test_points_lie_in_their_node_and_apart(written: tuple[Path, PointCloud]) -> None:
    path, _ = written
    x, y, z, half = struct.unpack_from("<4d", path.read_bytes(), 429)
    entries = entries_of(path)
    inner = {tuple(e.tolist()[:4]) for e in entries}
    with laspy.open(path) as reader:
        for entry in np.sort(entries[entries["count"] > 0], order="offset"):
            points = reader.read_points(int(entry["count"]))
            side = 2 * half / 2.0 ** int(entry["level"])
            local = [
                (np.asarray(v) - (c - half)) / side - k
                for v, c, k in zip((points.x, points.y, points.z), (x, y, z), entry.tolist()[1:4], strict=True)
            ]
            for values in local:
                assert values.min() >= -1e-9  # a coordinate is a rounded product
                assert values.max() <= 1 + 1e-9
            level, i, j, k = entry.tolist()[:4]
            has_children = any(
                (level + 1, 2 * i + a, 2 * j + b, 2 * k + c) in inner for a in (0, 1) for b in (0, 1) for c in (0, 1)
            )
            if has_children:
                cells = {tuple(c) for c in np.floor(np.column_stack(local) * 128).astype(int).tolist()}
                assert len(cells) >= 0.999 * len(points)  # a point on the edge of a cell may count to its neighbour


def test_the_tree_does_not_hang_on_how_much_is_sorted_at_a_time(
    written: tuple[Path, PointCloud], tmp_path: Path
) -> None:
    path, cloud = written
    copc_write.write(tmp_path / "whole.copc.laz", [cloud], load_points=10**6)
    whole, parts = (np.sort(entries_of(p), order=("level", "x", "y", "z")) for p in (tmp_path / "whole.copc.laz", path))
    for name in ("level", "x", "y", "z", "count"):
        np.testing.assert_array_equal(whole[name], parts[name])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_points(n: int, tmp_path: Path) -> None:
    assert copc_write.write(tmp_path / "few.copc.laz", [hill(n)]) == n
    with laspy.CopcReader.open(str(tmp_path / "few.copc.laz")) as reader:
        assert reader.header.point_count == n
        assert n == 0 or len(reader.query()) == n


def test_points_in_one_place_end_in_the_deepest_node(small_leaves: Any, tmp_path: Path) -> None:
    cloud = hill(5_000)
    same = PointCloud(np.full(5_000, E), np.full(5_000, N), np.full(5_000, 5.0), cloud.attributes)
    copc_write.write(tmp_path / "one.copc.laz", [same])
    assert entries_of(tmp_path / "one.copc.laz")["level"].max() == copc_tree.DEEPEST
    assert len(las.read(tmp_path / "one.copc.laz")) == 5_000


def test_colours_and_infrared_choose_the_format(tmp_path: Path) -> None:
    cloud = hill(100)
    colour = np.arange(100, dtype=np.uint16)
    rgb = cloud.with_attributes(Red=colour, Green=colour + 1, Blue=colour + 2)
    for path, made, point_format in (
        (tmp_path / "rgb.copc.laz", rgb, 7),
        (tmp_path / "nir.copc.laz", rgb.with_attributes(Infrared=colour + 3), 8),
    ):
        copc_write.write(path, [made])
        back = las.read(path)
        assert las.inspect(path).point_format == point_format
        order = np.argsort(back.attributes["Number"])
        np.testing.assert_array_equal(back.attributes["Blue"][order], colour + 2)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Any:
        yield hill(1_000)
        raise ResourceError("stop", "停止")

    with pytest.raises(ResourceError):
        copc_write.write(tmp_path / "a.copc.laz", pieces())
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(*[st.integers(0, 2**21 - 1)] * 3), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_codes_and_back(places: list[tuple[int, int, int]]) -> None:
    n = float(2**21)
    x, y, z = (np.array(v, dtype=np.float64) + 0.5 for v in zip(*places, strict=True))
    codes = np.empty(x.size, dtype=np.uint64)
    copc_kernels.morton_codes(x, y, z, 0.0, 0.0, 0.0, n, codes)
    assert codes.tolist() == [octree.morton(*p) for p in places]
    slow = np.empty(x.size, dtype=np.uint64)
    copc_kernels.morton_codes.py_func(x, y, z, 0.0, 0.0, 0.0, n, slow)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(codes, slow)
    back = [np.empty(x.size, dtype=np.int64) for _ in range(3)]
    copc_kernels.positions(codes, *back)
    assert list(zip(*(b.tolist() for b in back), strict=True)) == places


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 3), min_size=1, max_size=60), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_levels_are_those_of_the_slow_twin(places: list[tuple[int, int, int]], leaf_points: int) -> None:
    # coordinates up to 40 in units that make neighbours share cells from the finest level on
    codes = np.sort(np.array([octree.morton(*(v << 9 for v in p)) for p in places], dtype=np.uint64))
    leaves = copc_tree.leaves_of(codes, 0, leaf_points)
    levels = copc_tree.levels_of(codes, leaves, 0)
    assert levels.tolist() == octree.levels(codes.tolist(), leaf_points)
    nodes = copc_tree.nodes_of(codes, levels)
    keys = copc_tree.keys_of(nodes)
    np.testing.assert_array_equal(keys[:, 0], levels)


def test_kernels_as_plain_python() -> None:
    codes = np.sort(np.random.default_rng(1).integers(0, 2**63 - 1, 300, dtype=np.uint64) >> np.uint64(20))
    for name in ("leaf_levels", "promote"):
        fast = getattr(copc_kernels, name)
        results = []
        for function in (fast, fast.py_func):
            leaves, levels = np.full(300, 255, np.uint8), np.zeros(300, np.uint8)
            candidates = np.arange(300)
            if name == "leaf_levels":
                results.append((function(codes, 33, 10, 3, leaves), leaves.tolist()))
            else:
                results.append((function(codes, 33, 4, candidates, 300, leaves, levels), levels.tolist()))
        assert results[0] == results[1]
