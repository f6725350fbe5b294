"""What a volume refuses: a clear error in both languages, and nothing is left behind; mixed height systems, refused and
corrected. About 15 s."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from pipelines.processes.volume_inputs import zones_of
from pipelines.run import run
from pointcloud.cloud import PointCloud
from pointcloud.errors import CrsError, ParameterError, ResourceError, TengunError, UnitsError
from pointcloud.io import las
from tests.pipelines.conftest import E, N

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


def test_a_note_of_a_file_of_two_zones_stands_once(tmp_path):
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(box)}
        for name, box in (("a", shapely.box(E, N, E + 9, N + 9)), ("b", shapely.box(E + 20, N, E + 29, N + 9)))
    ]
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    zones, notes = zones_of({"zones": [path]}, CRS.from_epsg(6676))
    assert [zone.name for zone in zones] == ["a", "b"]
    assert [note.code for note in notes] == ["zones-crs-assumed"]


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


RISE = 0.14


def parameter_file(path: Path) -> Path:
    """A correction of 0.14 m around the slope, as the Geospatial Information Authority lays its files out."""
    crs = CRS.from_epsg(6676)
    longitude, latitude = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(E, N)
    south, west = int(latitude * 120), int(longitude * 80)
    lines = ["header"] * 15 + ["MeshCode  dH(m)     0.00000"]
    for i in range(south - 3, south + 5):
        for j in range(west - 3, west + 5):
            code = (i // 80 * 1_000_000 + (j // 80 - 100) * 10_000 + i % 80 // 10 * 1000 + j % 80 // 10 * 100
                    + i % 10 * 10 + j % 10)  # fmt: skip
            lines.append(f"{code:08d} {RISE:9.5f} {0.0:9.5f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_heights_of_both_systems_are_refused_and_with_the_correction_grid_compared(slope, tmp_path):
    cloud = las.read(slope.after)
    raised = written(tmp_path / "jgd2024.laz", replace(cloud, z=cloud.z + RISE))
    inputs = {"before": [slope.before], "after": [raised]}
    stated = {**ZONE_8, "cell": 2.0, "before_datum": "JGD2011", "after_datum": "JGD2024", "align": "none"}
    assert "1,400 m3 a hectare" in refused(CrsError, inputs, stated, tmp_path)
    inputs["height_grid"] = [parameter_file(tmp_path / "hyokorev_test_h.par")]
    unstated = {**stated, "before_datum": None}
    assert "state the height system" in refused(CrsError, inputs, unstated, tmp_path)
    summary = run("volume-change", inputs, stated, tmp_path / "out").summary
    before, after = summary["epochs"]
    np.testing.assert_allclose(before["height_correction_m"], RISE, atol=1e-5)  # five decimals in the file
    assert after["height_correction_m"] is None
    assert summary["inputs"]["height_grid"][0]["name"] == "hyokorev_test_h.par"
    # uncorrected the revision alone would fake 750 m3; 1 cm between the surfaces is 50 m3
    net = summary["total"]["account"]["raw"]["net_m3"]
    np.testing.assert_allclose(net, -slope.pit_m3, atol=60.0)
