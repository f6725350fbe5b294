"""A survey of many tiles: one CRS, metres, no point twice."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, FileError, InputError, ParameterError, UnitsError
from pointcloud.io import las
from pointcloud.io.survey import open_survey

ZONE_8 = CRS.from_epsg(6676)
SHEETS = {"08NF2370": (52000.0, -98400.0), "08NF2371": (52400.0, -98400.0), "08NF2360": (52000.0, -98100.0)}
"""Codes and south-western corners of three neighbours."""


def tile(path: Path, west: float, south: float, n_points: int = 200, seed: int = 0, **changes: object) -> PointCloud:
    """A file of points in 400 m by 300 m, all in its northern 290 m and off its edges."""
    rng = np.random.default_rng(seed)
    cloud = PointCloud(
        west + 1 + np.round(rng.uniform(0, 398, n_points), 3),
        south + 1 + np.round(rng.uniform(0, 298, n_points), 3),
        100 + np.round(rng.uniform(0, 9, n_points), 3),
        {"Classification": rng.integers(0, 7, n_points).astype(np.uint8), "GpsTime": rng.uniform(0, 9, n_points)},
    )
    cloud = replace(cloud, **changes)  # type: ignore[arg-type]
    las.write(path, cloud, offsets=(0, 0, 0))
    return las.read(path)


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A folder of three tiles without CRS, and things that are no tiles."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    for seed, (code, corner) in enumerate(SHEETS.items()):
        tile(folder / f"{code}.{'LAS' if seed else 'laz'}", *corner, seed=seed)
    (folder / "readme.txt").write_text("not a tile")
    (folder / ".08NF2372.partial-1.laz").write_bytes(b"half written")
    (folder / "older").mkdir()
    tile(folder / "older" / "x.laz", 0, 0)
    return folder


def test_a_folder_of_tiles_is_one_survey(tiles: Path) -> None:
    survey = open_survey([tiles])
    assert [file.path.name for file in survey.files] == ["08NF2360.LAS", "08NF2370.laz", "08NF2371.LAS"]
    assert (survey.crs, survey.crs_source, survey.n_points) == (ZONE_8, "tile-code", 600)
    assert (survey.vertical_datum, survey.notes) == (VerticalDatum.UNKNOWN, ())
    cloud = survey.read()
    assert cloud.bounds == survey.bounds
    assert (cloud.crs, len(cloud)) == (ZONE_8, 600)
    assert survey.bounds == Bounds(
        min(f.bounds.x_min for f in survey.files), min(f.bounds.y_min for f in survey.files),
        max(f.bounds.x_max for f in survey.files), max(f.bounds.y_max for f in survey.files),
    )  # fmt: skip


def test_parts_are_read_from_the_files_that_touch(tiles: Path) -> None:
    survey = open_survey([tiles])
    whole = survey.read()
    seam = Bounds(52300, -98200, 52500, -98000)
    part = survey.read(seam, dimensions=("Classification",))
    expected = whole.take(seam.contains(whole.x, whole.y))
    assert 0 < len(part) < len(whole)
    np.testing.assert_array_equal(part.x, expected.x)
    np.testing.assert_array_equal(part.attributes["Classification"], expected.attributes["Classification"])
    assert list(part.attributes) == ["Classification"]
    (tiles / "08NF2371.LAS").unlink()
    west = Bounds(52000, -98400, 52390, -98100)
    assert len(survey.read(west)) > 0, "a file that lies elsewhere is not even opened"
    assert len(survey.read(Bounds(0, 0, 1, 1))) == 0
    assert survey.read(Bounds(0, 0, 1, 1)).crs == ZONE_8


def test_half_open_parts_make_up_the_whole(tiles: Path) -> None:
    survey = open_survey([tiles])
    b = survey.bounds.buffered(1)
    middle_x, middle_y = 52200.5, -98150.25
    parts = [
        survey.read(Bounds(x0, y0, x1, y1))
        for x0, x1 in ((b.x_min, middle_x), (middle_x, b.x_max))
        for y0, y1 in ((b.y_min, middle_y), (middle_y, b.y_max))
    ]
    assert sum(map(len, parts)) == 600


def test_chunks_are_all_points_in_order(tiles: Path) -> None:
    survey = open_survey([tiles])
    pieces = list(survey.iter_chunks(70))
    assert max(map(len, pieces)) == 70
    whole = survey.read()
    np.testing.assert_array_equal(np.concatenate([piece.z for piece in pieces]), whole.z)
    assert all(piece.crs == ZONE_8 for piece in pieces)
    bare = next(survey.iter_chunks(70, dimensions=()))
    assert not bare.attributes


def test_attributes_are_those_of_every_file(tmp_path: Path) -> None:
    tile(tmp_path / "a.laz", 52000, -98400)
    tile(
        tmp_path / "b.laz",
        52400,
        -98400,
        seed=1,
        attributes={"Classification": np.zeros(200, np.uint8), "Red": np.zeros(200, np.uint16)},
    )
    survey = open_survey([tmp_path], "EPSG:6676")
    assert "Red" not in survey.read().attributes
    assert "Classification" in survey.read().attributes
    with pytest.raises(ParameterError, match=r"no dimension Clasification; the file has Intensity"):
        survey.read(dimensions=("Clasification",))


def test_files_and_folders_may_be_mixed(tiles: Path, tmp_path: Path) -> None:
    tile(tmp_path / "extra.laz", 52400, -98100, seed=9)
    survey = open_survey([tmp_path / "extra.laz", tiles], "EPSG:6676")
    assert survey.files[0].path.name == "extra.laz"
    assert (survey.n_points, survey.crs_source) == (800, "parameter")


def test_no_crs_is_refused_with_the_proposal(tmp_path: Path) -> None:
    tile(tmp_path / "before.laz", 52000, -98400)
    with pytest.raises(
        CrsError, match=r"no CRS in before\.laz; the coordinates fit plane rectangular zone VIII: send crs=EPSG:6676"
    ):
        open_survey([tmp_path])
    assert open_survey([tmp_path], "EPSG:6676").crs_source == "parameter"


def test_files_must_agree(tmp_path: Path) -> None:
    tile(tmp_path / "a.laz", 52000, -98400, crs=ZONE_8)
    tile(tmp_path / "b.laz", 52400, -98400, seed=1, crs=CRS.from_epsg(2450))
    with pytest.raises(CrsError, match=r"a\.laz is in EPSG:6676.*b\.laz in EPSG:2450"):
        open_survey([tmp_path])
    tile(tmp_path / "b.laz", 52400, -98400, seed=1, crs=ZONE_8)
    assert open_survey([tmp_path]).crs_source == "header"
    tile(tmp_path / "b.laz", 52400, -98400, seed=1)
    with pytest.raises(CrsError, match=r"no CRS in b\.laz"):
        open_survey([tmp_path])


def test_heights_must_agree(tmp_path: Path) -> None:
    tile(tmp_path / "a.laz", 52000, -98400, crs=ZONE_8, vertical_datum=VerticalDatum.JGD2011)
    tile(tmp_path / "b.laz", 52400, -98400, seed=1, crs=ZONE_8, vertical_datum=VerticalDatum.JGD2024)
    with pytest.raises(CrsError, match=r"a\.laz is in heights in JGD2011, b\.laz in heights in JGD2024"):
        open_survey([tmp_path])
    tile(tmp_path / "b.laz", 52400, -98400, seed=1, crs=ZONE_8)
    survey = open_survey([tmp_path])
    assert survey.vertical_datum is VerticalDatum.UNKNOWN
    assert [note.code for note in survey.notes] == ["vertical-datum-partly-known"]
    tile(tmp_path / "b.laz", 52400, -98400, seed=1, crs=ZONE_8, vertical_datum=VerticalDatum.JGD2011)
    survey = open_survey([tmp_path])
    assert (survey.vertical_datum, survey.notes) == (VerticalDatum.JGD2011, ())
    assert survey.read().vertical_datum is VerticalDatum.JGD2011


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.laz"
    tile(path, 52000, -98400, crs=ZONE_8)
    with pytest.raises(InputError, match=r"same file is given twice \(a\.laz\)"):
        open_survey([path, path])
    with pytest.raises(InputError, match="twice"):
        open_survey([path, tmp_path])
    (tmp_path / "link.laz").symlink_to(path)
    with pytest.raises(InputError, match="twice"):
        open_survey([tmp_path])
    (tmp_path / "link.laz").unlink()
    shutil.copy(path, tmp_path / "copy.laz")
    with pytest.raises(InputError, match=r"same file is given twice \(a\.laz and copy\.laz\)"):
        open_survey([tmp_path])


def test_other_methods_under_one_name_are_not_the_same_file(tmp_path: Path) -> None:
    """Laser, bathymetry and mobile surveys of one sheet are published under one file name."""
    for seed, method in enumerate(("LP", "ALB")):
        (tmp_path / method).mkdir()
        tile(tmp_path / method / "08NF2370.laz", *SHEETS["08NF2370"], seed=seed)
    survey = open_survey([tmp_path / "LP", tmp_path / "ALB"])
    assert survey.n_points == 400
    (note,) = survey.notes
    assert note.code == "files-overlap"
    assert "1 pairs of files overlap" in note.en
    assert "重なって" in note.ja


def test_nothing_given_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file given"):
        open_survey([])
    with pytest.raises(FileError, match=r"holds no \.las or \.laz file"):
        open_survey([tmp_path])
    with pytest.raises(FileError, match="No such file"):
        open_survey([tmp_path / "missing.laz"])


def test_degrees_feet_and_swapped_axes_are_refused(tmp_path: Path) -> None:
    degrees = PointCloud(np.array([138.3, 138.4]), np.array([34.9, 35.0]), np.zeros(2))
    las.write(tmp_path / "degrees.laz", degrees, scales=(1e-7, 1e-7, 1e-3))
    with pytest.raises(UnitsError, match=r"degrees\.laz: the coordinates .* are degrees"):
        open_survey([tmp_path / "degrees.laz"], "EPSG:6676")
    tile(tmp_path / "feet.laz", 636000, 848000, crs=CRS.from_epsg(2994))
    with pytest.raises(UnitsError, match=r"feet\.laz: CRS .* foot"):
        open_survey([tmp_path / "feet.laz"])
    west, south = SHEETS["08NF2370"]
    swapped = tile(tmp_path / "a.laz", west, south)
    las.write(tmp_path / "08NF2370.laz", PointCloud(swapped.y, swapped.x, swapped.z))
    with pytest.raises(UnitsError, match=r"08NF2370\.laz: easting and northing are swapped"):
        open_survey([tmp_path / "08NF2370.laz"])


@pytest.mark.data
def test_real_tiles(shared_data: Path) -> None:
    survey = open_survey([shared_data / "bcts_2.laz", shared_data / "bcts_3.laz"])
    assert (survey.crs.to_epsg(), survey.crs_source, survey.n_points) == (3005, "header", 1_711_199)
    seam = Bounds(885_100, 629_690, 885_120, 629_710)
    part = survey.read(seam, dimensions=("ReturnNumber",))
    assert part.bounds.y_min < 629_700 < part.bounds.y_max, "both tiles give points"
    with pytest.raises(CrsError, match="zone VIII: send crs=EPSG:6676"):
        open_survey([shared_data / "pairs" / "slide_before.laz"])
    with pytest.raises(UnitsError, match="foot"):
        open_survey([shared_data / "autzen_trim.laz"])
    with pytest.raises(UnitsError, match=r"(?i)geocentric"):
        open_survey([shared_data / "lone-star.copc.laz"])
