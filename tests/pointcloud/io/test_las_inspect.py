"""What a LAS file says about itself."""

from __future__ import annotations

import struct
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.cloud import VerticalDatum
from pointcloud.io import las
from tests.pointcloud.io.las_files import OFFSETS, SCALES, make, patch


def test_the_header_in_words(tmp_path: Path) -> None:
    path = tmp_path / "08NF2370.laz"
    records = make(path, 4, 7, has_extras=True, crs=CRS.from_epsg(6676))
    patch(path, 90, struct.pack("<HH", 60, 2024))
    patch(path, 58, b"TerraScan\0")
    info = las.inspect(path)
    assert (info.version, info.point_format, info.n_points, info.is_compressed, info.is_copc) == (
        "1.4",
        7,
        300,
        True,
        False,
    )
    assert (info.scales, info.offsets) == (tuple(SCALES), tuple(OFFSETS))
    assert info.crs == CRS.from_epsg(6676)
    assert info.vertical_datum is VerticalDatum.UNKNOWN
    assert (info.creation_date, info.software) == (date(2024, 2, 29), "TerraScan")
    assert info.extra_dimensions == ("Amplitude", "Reflectance", "normal0", "normal1", "normal2")
    assert info.dimensions[-5:] == info.extra_dimensions
    assert "Red" in info.dimensions
    assert info.sheets[0].code == "08NF2370"
    assert info.problems == ()
    x, y = records["X"] * SCALES[0] + OFFSETS[0], records["Y"] * SCALES[1] + OFFSETS[1]
    assert info.bounds == Bounds(x.min(), y.min(), x.max(), y.max())
    assert info.density == 300 / info.bounds.area


def test_bare_files_have_little_to_say(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 2, 0, 1)
    patch(path, 90, bytes(4))
    info = las.inspect(path)
    assert (info.crs, info.stated_crs, info.creation_date, info.sheets) == (None, None, None, ())
    assert info.density is None, "one point has no area"


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize(
    "box",
    [
        (52010.0, 52000.0, -98300.0, -98500.0, 380.0, 300.0),
        (0.0,) * 6,
        (float("nan"),) * 6,
        (1.0, 2.0, 1.0, 2.0, 1.0, 2.0),
    ],
    ids=["too small", "zero", "NaN", "inverted"],
)
def test_bounds_that_do_not_hold_the_points_are_replaced(tmp_path: Path, suffix: str, box: tuple[float, ...]) -> None:
    path = tmp_path / f"a{suffix}"
    make(path)
    sound = las.inspect(path)
    patch(path, 179, struct.pack("<6d", *box))
    info = las.inspect(path)
    assert (info.bounds, info.z_min, info.z_max) == (sound.bounds, sound.z_min, sound.z_max)
    note = info.problems[-1]
    assert note.code == "bounds-too-small"
    assert "a" + suffix in note.en
    assert "ヘッダの範囲" in note.ja


def test_generous_bounds_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path)
    patch(path, 179, struct.pack("<6d", 53000, 51000, -98000, -99000, 999, 0))
    info = las.inspect(path)
    assert (info.bounds, info.problems) == (Bounds(51000, -99000, 53000, -98000), ())


def test_trailing_bytes_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path)
    path.write_bytes(path.read_bytes() + b"junk")
    assert [note.code for note in las.inspect(path).problems] == ["header-trailing-bytes"]
    assert len(las.read(path)) == 300


def test_old_and_new_counts_that_differ_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 3)
    patch(path, 107, struct.pack("<I", 299))
    info = las.inspect(path)
    assert (info.n_points, [note.code for note in info.problems]) == (300, ["header-counts"])
    patch(path, 107, struct.pack("<I", 300))
    patch(path, 247, struct.pack("<Q", 0))
    assert las.inspect(path).n_points == 300, "some writers fill in the old field only"


def test_las_10_may_put_a_signature_before_the_points(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 0, 1)
    sound = las.read(path)
    content = path.read_bytes()
    start = struct.unpack_from("<I", content, 96)[0]
    path.write_bytes(content[:start] + b"\xdd\xcc" + content[start:])
    again = las.read(path)
    np.testing.assert_array_equal(again.x, sound.x)
    np.testing.assert_array_equal(again.attributes["GpsTime"], sound.attributes["GpsTime"])
    las.rewrite(path, tmp_path / "b.las", lambda _, __: {})
    assert (tmp_path / "b.las").read_bytes() == path.read_bytes()
    las.rewrite(path, tmp_path / "c.laz", lambda _, __: {})
    np.testing.assert_array_equal(las.read(tmp_path / "c.laz").x, sound.x)


def test_a_crs_that_is_not_understood_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 6, crs=CRS.from_epsg(6676))
    place = path.read_bytes().index(b"PROJC")
    patch(path, place, b"NONSENSE")
    info = las.inspect(path)
    assert (info.crs, [note.code for note in info.problems]) == (None, ["crs-unreadable"])


def test_extra_bytes_with_japanese_and_repeated_names(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 6, has_extras=True)
    place = path.read_bytes().index(b"Amplitude")
    patch(path, place, "反射強度".encode("cp932").ljust(16, b"\0"))
    assert las.inspect(path).extra_dimensions[0] == "反射強度"
    patch(path, place, "反射強度".encode().ljust(16, b"\0"))
    assert las.inspect(path).extra_dimensions[0] == "反射強度"
    patch(path, place, b"Intensity".ljust(16, b"\0"))
    cloud = las.read(path)
    assert "Intensity_2" in cloud.attributes
    assert cloud.attributes["Intensity"].dtype == np.uint16


@pytest.mark.parametrize("name", ["a.las", "a.laz"])
def test_extra_bytes_that_nothing_describes_are_no_dimension(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    make(path, 2, 1, has_extras=True)
    place = path.read_bytes().index(b"LASF_Spec\0")
    patch(path, place, b"someone__")
    info = las.inspect(path)
    assert info.extra_dimensions == ()
    assert len(las.read(path)) == 300


def test_scales_of_extra_bytes_that_mean_nothing_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 6, has_extras=True)
    place = path.read_bytes().index(b"Reflectance")
    for scale in (0.0, float("nan"), -1.0):
        patch(path, place - 4 + 112, struct.pack("<d", scale))
        assert las.read(path).attributes["Reflectance"].dtype == np.int16
    patch(path, place - 4 + 112, struct.pack("<d", 1e308))
    assert not np.isfinite(las.read(path).attributes["Reflectance"]).all(), "the file says so, and it harms nobody"


def test_descriptors_that_need_more_bytes_than_there_are(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    make(path, 4, 6, has_extras=True)
    patch(path, path.read_bytes().index(b"Reflectance") - 2, b"\x0a")  # int16 becomes float64
    assert las.inspect(path).extra_dimensions == ("Amplitude", "Reflectance")
    las.rewrite(path, tmp_path / "b.las", lambda _, p: {"Height": np.ones(len(p), np.float32)})
    assert las.inspect(tmp_path / "b.las").extra_dimensions == ("Amplitude", "Reflectance", "Height")
    np.testing.assert_array_equal(las.read(tmp_path / "b.las").attributes["Height"], np.ones(300))


@pytest.mark.data
def test_real_headers(shared_data: Path) -> None:
    found = {path.name: las.inspect(path) for path in shared_data.glob("*.laz")}
    assert all(info.problems == () for info in found.values())
    assert found["lone-star.copc.laz"].is_copc
    assert found["bcts_2.laz"].crs == CRS.from_epsg(3005)
    assert found["bcts_2.laz"].stated_crs is not None
    assert found["bcts_2.laz"].stated_crs.is_compound, "GeoTIFF keys state the heights too"
    assert found["autzen_trim.laz"].crs is not None
    assert {axis.unit_name for axis in found["autzen_trim.laz"].crs.axis_info} == {"foot"}
    assert found["MixedConifer.laz"].extra_dimensions == ("treeID",)
