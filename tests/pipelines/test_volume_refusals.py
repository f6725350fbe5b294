"""What a volume refuses: a clear error in both languages, and nothing is left behind. About 12 s."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest
from pyproj import CRS

from pipelines.run import run
from pointcloud.cloud import PointCloud
from pointcloud.errors import CrsError, ParameterError, ResourceError, TengunError, UnitsError
from pointcloud.io import las

ZONE_8 = {"crs": "EPSG:6676", "cell": 1.0}


def refused(kind: type[TengunError], inputs: dict[str, list[Path]], parameters: dict[str, object], folder: Path) -> str:
    """The message of the error; asserts that the folder stays as it was."""
    before = sorted(folder.iterdir())
    with pytest.raises(kind) as caught:
        run("volume-change", inputs, parameters, folder / "out")
    assert caught.value.ja
    assert caught.value.ja != caught.value.en
    assert sorted(folder.iterdir()) == before
    return caught.value.en


def written(path: Path, cloud: PointCloud, code: int | None = None) -> Path:
    named = cloud if code is None else replace(cloud, crs=CRS.from_epsg(code))
    las.write(path, named)
    return path


def test_surveys_of_two_zones_are_refused(slope, tmp_path):
    cloud = las.read(slope.after)
    inputs = {
        "before": [written(tmp_path / "a.laz", las.read(slope.before), 6676)],
        "after": [written(tmp_path / "b.laz", cloud, 6677)],
    }
    message = refused(CrsError, inputs, {}, tmp_path)
    assert "EPSG:6676" in message
    assert "EPSG:6677" in message


def test_a_survey_in_feet_by_its_header_is_refused(slope, tmp_path):
    inputs = {
        "before": [written(tmp_path / "a.laz", las.read(slope.before), 2264)],
        "after": [written(tmp_path / "b.laz", las.read(slope.after), 2264)],
    }
    assert "metre" in refused(UnitsError, inputs, {}, tmp_path)


def test_heights_in_feet_that_no_header_tells_are_refused_as_a_shift(slope, tmp_path):
    cloud = las.read(slope.after)
    feet = replace(cloud, z=cloud.z / 0.3048)
    inputs = {"before": [slope.before], "after": [written(tmp_path / "feet.laz", feet)]}
    assert "at most 2 m" in refused(ParameterError, inputs, ZONE_8, tmp_path)


def test_a_full_disk_within_a_run_leaves_nothing(slope, tmp_path):
    """The process may write files of 20 kB: numbers and terrains fit, maps and papers do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        message = refused(ResourceError, {"before": [slope.before], "after": [slope.after]}, ZONE_8, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free space" in message or "has space" in message
