"""The demo's files: as the prefecture publishes surveys, whole or in map sheets, made once. Costs about 5 s."""

from __future__ import annotations

import json
from pathlib import Path

import laspy
import numpy as np
import pytest

from pipelines import demo_data
from pointcloud import sheets
from pointcloud.io import las
from pointcloud.synthetic import Scene, valley

SCENE = valley(density=1.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = demo_data.write_epoch(SCENE, "after", tmp_path_factory.mktemp("valley"))
    assert [path.name for path in paths] == ["valley_after.laz"]
    return paths[0]


def test_file_has_the_habits_of_virtual_shizuoka(whole: Path) -> None:
    with laspy.open(whole) as reader:
        header = reader.header
        assert (str(header.version), header.point_format.id) == ("1.2", 3)
        assert header.parse_crs() is None
        assert list(header.point_format.extra_dimension_names) == []
        assert header.mins[0] > 50_000.0, "easting first"
        assert header.maxs[1] < -97_000.0, "then northing"


def test_file_holds_the_survey(whole: Path) -> None:
    cloud = las.read(whole)
    expected = SCENE.survey("after").cloud
    for name in ("x", "y", "z"):
        # centimetres, through an integer and back
        np.testing.assert_allclose(getattr(cloud, name), getattr(expected, name), atol=1e-6)
    for name in ("ReturnNumber", "NumberOfReturns", "GpsTime", "PointSourceId", "Intensity", "ScanAngleRank"):
        np.testing.assert_array_equal(cloud.attributes[name], expected.attributes[name])
    assert not cloud.attributes["Classification"].any()


def test_tiles_are_sheets_and_together_the_whole(whole: Path, tmp_path: Path) -> None:
    paths = demo_data.write_epoch(SCENE, "after", tmp_path, tiles=True)
    assert [path.stem for path in paths] == ["08NF2269", "08NF2360", "08NF2279", "08NF2370"]
    clouds = [las.read(path) for path in paths]
    for path, cloud in zip(paths, clouds, strict=True):
        (sheet,) = sheets.find(path)
        # the north and west edges belong to the sheet; coordinates come back through binary fractions
        x, y = np.round(cloud.x, 2), np.round(cloud.y, 2)
        assert sheet.contains(x.min(), y.min())
        assert sheet.contains(x.max(), y.max())
    together, once = (
        np.unique(np.column_stack([c.attributes["GpsTime"], c.attributes["ReturnNumber"], c.x, c.y, c.z]), axis=0)
        for c in (type(clouds[0]).concatenate(clouds), las.read(whole))
    )
    np.testing.assert_allclose(together, once, atol=1e-6)


def test_demo_pair_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    write = demo_data.write_epoch

    def counted(scene: Scene, epoch: demo_data.Epoch, folder: Path) -> list[Path]:
        made.append(epoch)
        return write(scene, epoch, folder)

    monkeypatch.setattr(demo_data, "valley", lambda: SCENE)
    monkeypatch.setattr(demo_data, "write_epoch", counted)
    before, after, zones, nets = demo_data.demo_pair(tmp_path / "demo")
    assert nets == {"scar": -3500.0, "deposit": 2500.0}
    assert [f["properties"]["name"] for f in json.loads(zones.read_text())["features"]] == ["scar", "deposit"]
    assert las.inspect(before).n_points != las.inspect(after).n_points
    demo_data.demo_pair(tmp_path / "demo")
    assert made == ["before", "after"]
    after.unlink()
    demo_data.demo_pair(tmp_path / "demo")
    assert made == ["before", "after"] * 2
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == sorted(
        ["valley_before.laz", "valley_after.laz", "valley_zones.geojson", "valley_truth.json"]
    )
