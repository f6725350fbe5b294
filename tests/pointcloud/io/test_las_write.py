"""New LAS and LAZ files from clouds."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, InputError, ParameterError, ResourceError
from pointcloud.io import las
from tests.pointcloud.io.las_files import make

ZONE_8 = CRS.from_epsg(6676)


def cloud_of(n_points: int = 5, **attributes: np.ndarray) -> PointCloud:
    steps = np.arange(n_points, dtype=np.float64)
    return PointCloud(52000 + steps, -98000 - steps, 100 + steps / 8, attributes)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("datum", list(VerticalDatum))
@pytest.mark.parametrize(("version", "code"), [("1.4", 6676), ("1.4", 3005), ("1.2", 6676), ("1.2", 2450)])
def test_crs_and_heights_come_back(tmp_path: Path, suffix: str, datum: VerticalDatum, version: str, code: int) -> None:
    path = tmp_path / f"a{suffix}"
    cloud = cloud_of()
    las.write(path, PointCloud(cloud.x, cloud.y, cloud.z, {}, CRS.from_epsg(code), datum), version=version)
    again = las.read(path)
    assert again.crs == CRS.from_epsg(code)
    expected = VerticalDatum.UNKNOWN if datum is VerticalDatum.ELLIPSOIDAL else datum
    assert again.vertical_datum is expected, "no EPSG code of a plane rectangular CRS with ellipsoidal heights exists"
    with laspy.open(path) as reader:
        parsed = reader.header.parse_crs()
    horizontal = parsed.sub_crs_list[0] if parsed.is_compound else parsed
    assert horizontal.to_epsg(min_confidence=20) == code


def test_a_crs_without_code_needs_wkt(tmp_path: Path) -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=35 +lon_0=138 +ellps=GRS80 +units=m")
    cloud = cloud_of()
    local = PointCloud(cloud.x, cloud.y, cloud.z, {}, own)
    las.write(tmp_path / "a.las", local)
    assert las.read(tmp_path / "a.las").crs is not None
    with pytest.raises(CrsError, match=r"no EPSG code; write LAS 1\.4"):
        las.write(tmp_path / "b.las", local, version="1.2")
    assert [path.name for path in tmp_path.iterdir()] == ["a.las"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=st.lists(st.floats(-170_000, 170_000), min_size=1, max_size=40),
    offset=st.floats(-1e5, 1e5),
    suffix=st.sampled_from([".las", ".laz"]),
)
def test_coordinates_come_back_within_half_a_step(tmp_path: Path, x: list[float], offset: float, suffix: str) -> None:
    values = np.array(x)
    path = tmp_path / f"a{suffix}"
    las.write(path, PointCloud(values, values - 1000, values * 0.001))
    again = las.read(path)
    # 0.5 mm is half of the step of 1 mm; 1e-9 m is rounding at 1e5 m
    np.testing.assert_allclose(again.x, values, rtol=0, atol=0.0005 + 1e-9)
    np.testing.assert_allclose(again.z, values * 0.001, rtol=0, atol=0.0005 + 1e-9)
    las.write(path, again, offsets=las.inspect(path).offsets)
    np.testing.assert_array_equal(las.read(path).x, again.x)


@pytest.mark.parametrize(
    ("names", "version", "expected"),
    [
        ((), "1.4", 6),
        (("Red", "Green", "Blue"), "1.4", 7),
        (("Red", "Green", "Blue", "Infrared"), "1.4", 8),
        ((), "1.2", 0),
        (("GpsTime",), "1.2", 1),
        (("Red",), "1.2", 2),
        (("Red", "GpsTime"), "1.2", 3),
        (("Red", "GpsTime"), "1.1", 1),
    ],
)
def test_the_format_holds_the_attributes(tmp_path: Path, names: tuple[str, ...], version: str, expected: int) -> None:
    columns = {name: np.arange(5, dtype=np.float64 if name == "GpsTime" else np.uint16) for name in names}
    las.write(tmp_path / "a.las", cloud_of(**columns), version=version)
    assert las.inspect(tmp_path / "a.las").point_format == expected
    again = las.read(tmp_path / "a.las")
    for name, column in columns.items():
        np.testing.assert_array_equal(again.attributes[name], column)


def test_every_type_of_extra_dimension(tmp_path: Path) -> None:
    kinds = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
    columns = {f"extra {kind}": np.array([0, 1, 2, 3, 127]).astype(kind) for kind in kinds}
    columns["樹木番号"] = np.arange(5, dtype=np.uint32)
    columns["missing"] = np.array([1.0, np.nan, np.inf, 0.0, -1.0], dtype=np.float32)
    las.write(tmp_path / "a.laz", cloud_of(**columns, is_key=np.array([True, False, True, True, False])))
    again = las.read(tmp_path / "a.laz")
    for name, column in columns.items():
        assert again.attributes[name].dtype == column.dtype
        np.testing.assert_array_equal(again.attributes[name], column)
    np.testing.assert_array_equal(again.attributes["is_key"], [1, 0, 1, 1, 0])
    with laspy.open(tmp_path / "a.laz") as reader:
        np.testing.assert_array_equal(np.asarray(reader.read()["樹木番号"]), columns["樹木番号"])


@pytest.mark.parametrize(
    ("name", "column"), [("half", np.zeros(5, np.float16)), ("word", np.array(list("abcde"))), ("x" * 33, np.zeros(5))]
)
def test_what_las_cannot_hold_is_refused(tmp_path: Path, name: str, column: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="LAS extra dimension"):
        las.write(tmp_path / "a.las", cloud_of(**{name: column}))
    assert list(tmp_path.iterdir()) == []


def test_classes_above_31_need_format_6(tmp_path: Path) -> None:
    classes = np.array([2, 18, 31, 7, 1], dtype=np.uint8)
    las.write(tmp_path / "a.las", cloud_of(Classification=classes), version="1.2")
    np.testing.assert_array_equal(las.read(tmp_path / "a.las").attributes["Classification"], [2, 7, 31, 7, 1])
    las.write(tmp_path / "a.las", cloud_of(Classification=classes))
    np.testing.assert_array_equal(las.read(tmp_path / "a.las").attributes["Classification"], classes)
    classes[0] = 64
    with pytest.raises(
        ParameterError, match=r"Classification from 1 to 64; it holds 0 to 31; write LAS 1\.4"
    ) as caught:
        las.write(tmp_path / "b.las", cloud_of(Classification=classes), version="1.2")
    assert "ポイントフォーマット 6 以上" in caught.value.ja


@pytest.mark.parametrize(
    ("name", "column", "says"),
    [
        ("ReturnNumber", np.full(5, 16, np.uint8), "16 to 16|from 16 to 16; it holds 0 to 15"),
        ("Intensity", np.full(5, 70_000, np.int64), "from 70000 to 70000; it holds 0 to 65535"),
        ("Intensity", np.full(5, np.nan), "from nan to nan"),
        ("PointSourceId", np.full(5, -1, np.int32), "from -1 to -1"),
        ("UserData", np.full(5, 1.5), "whole numbers"),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path: Path, name: str, column: np.ndarray, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        las.write(tmp_path / "a.las", cloud_of(**{name: column}))


def test_scan_angles_are_converted_to_the_format(tmp_path: Path) -> None:
    rank = np.array([-90, -1, 0, 12, 90], dtype=np.int8)
    las.write(tmp_path / "a.las", cloud_of(ScanAngleRank=rank))
    fine = las.read(tmp_path / "a.las").attributes["ScanAngle"]
    np.testing.assert_array_equal(fine, np.array([-15000, -167, 0, 2000, 15000], dtype=np.int16))  # 0.006 degrees
    las.write(tmp_path / "b.las", cloud_of(ScanAngle=fine), version="1.2")
    np.testing.assert_array_equal(las.read(tmp_path / "b.las").attributes["ScanAngleRank"], rank)


def test_gps_time_is_of_the_week_or_standard(tmp_path: Path) -> None:
    for time, bit in ((400_000.0, 0), (3.1e8, 1)):
        las.write(tmp_path / "a.las", cloud_of(GpsTime=np.full(5, time)))
        with laspy.open(tmp_path / "a.las") as reader:
            assert reader.header.global_encoding.gps_time_type == bit


def test_points_have_returns_even_if_the_cloud_has_none(tmp_path: Path) -> None:
    las.write(tmp_path / "a.las", cloud_of())
    with laspy.open(tmp_path / "a.las") as reader:
        np.testing.assert_array_equal(reader.header.number_of_points_by_return[:2], [5, 0])
    np.testing.assert_array_equal(las.read(tmp_path / "a.las").attributes["NumberOfReturns"], np.ones(5))


def test_coordinates_beyond_32_bits_are_refused(tmp_path: Path) -> None:
    wide = PointCloud(np.array([0.0, 5e6]), np.zeros(2), np.zeros(2))
    with pytest.raises(ParameterError, match=r"X from 0\.0 to 5000000\.0 does not fit 32-bit steps of 0\.001"):
        las.write(tmp_path / "a.las", wide)
    las.write(tmp_path / "a.las", wide, scales=(0.01, 0.01, 0.01))
    np.testing.assert_array_equal(las.read(tmp_path / "a.las").x, wide.x)


@pytest.mark.parametrize(
    ("version", "number"), [("1.2", 6), ("1.4", 4), ("1.4", 10), ("1.5", None), ("1.0", 2), ("2", 0)]
)
def test_versions_and_formats_that_do_not_go_together(tmp_path: Path, version: str, number: int | None) -> None:
    with pytest.raises(ParameterError, match=r"not written; allowed are 1\.0"):
        las.write(tmp_path / "a.las", cloud_of(), version=version, point_format=number)


def test_pieces_are_one_file(tmp_path: Path) -> None:
    whole = cloud_of(2500, Classification=(np.arange(2500) % 9).astype(np.uint8))
    pieces = (whole.take(np.arange(start, start + 500)) for start in range(0, 2500, 500))
    las.write(tmp_path / "a.laz", pieces, created=date(2025, 4, 1))
    low = whole.take(np.arange(500))
    offsets = tuple(float(np.floor(axis.min())) for axis in (low.x, low.y, low.z))
    las.write(tmp_path / "b.laz", whole, created=date(2025, 4, 1), offsets=offsets)
    assert (tmp_path / "a.laz").read_bytes() == (tmp_path / "b.laz").read_bytes()
    with pytest.raises(InputError, match="expected the same"):
        las.write(tmp_path / "c.laz", iter([whole, cloud_of()]))
    assert not (tmp_path / "c.laz").exists()


def test_an_empty_cloud_is_a_file_without_points(tmp_path: Path) -> None:
    for name, points in (("a.las", cloud_of(0)), ("b.laz", cloud_of(0)), ("c.las", iter([]))):
        las.write(tmp_path / name, points)
        with laspy.open(tmp_path / name) as reader:
            assert reader.header.point_count == 0
            np.testing.assert_array_equal(reader.header.maxs, np.zeros(3))


def test_more_points_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = cloud_of(1000, Intensity=np.arange(1000, dtype=np.uint16))
    las.write(tmp_path / "a.laz", cloud, created=date(2025, 4, 1))
    monkeypatch.setattr("pointcloud.io.las_write.BATCH", 70)
    las.write(tmp_path / "b.laz", cloud, created=date(2025, 4, 1))
    assert (tmp_path / "a.laz").read_bytes() == (tmp_path / "b.laz").read_bytes()


def test_an_old_file_is_replaced_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    path.write_text("old")

    def failing() -> object:
        yield cloud_of()
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        las.write(path, failing())
    assert (path.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["a.las"])


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_a_full_disk_is_a_clear_error(tmp_path: Path, suffix: str) -> None:
    """A limit on file size stands for the full disk; lazrs hides what the system said."""
    make(tmp_path / "in.las", 2, 3, 20_000)
    code = (
        "import resource, pathlib, sys\n"
        "from pointcloud.io import las\n"
        "from pointcloud.errors import ResourceError\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "cloud = las.read(folder / 'in.las')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "for use in (lambda: las.write(folder / ('out' + sys.argv[2]), cloud),\n"
        "            lambda: las.rewrite(folder / 'in.las', folder / ('out' + sys.argv[2]), lambda s, p: {})):\n"
        "    try:\n"
        "        use()\n"
        "    except ResourceError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), suffix], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(f"out{suffix}: " in line and "has space" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["in.las"]


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="check that the folder exists"):
        las.write(tmp_path / "nowhere" / "a.las", cloud_of())
