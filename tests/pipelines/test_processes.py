"""The processes on a slope with a pit of known volume. The real pair goes through the service's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
import rasterio

from pipelines import tiling
from pipelines.catalog import PROCESSES, get
from pipelines.progress import ProgressEvent
from pipelines.run import run
from pointcloud.errors import CancelledError, CrsError, NotFoundError, OverlapError, ParameterError
from pointcloud.io import las
from tests.pipelines.conftest import bare

CRS = {"crs": "EPSG:6676"}


def geojson(path: Path, box: tuple[float, float, float, float], name: str) -> Path:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    feature = {"type": "Feature", "properties": {"name": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


@pytest.fixture(scope="module")
def volume(slope, tmp_path_factory) -> tuple[Path, dict[str, Any], list[ProgressEvent]]:
    folder = tmp_path_factory.mktemp("volume")
    zones = geojson(folder / "zones.geojson", slope.pit, "pit")
    events: list[ProgressEvent] = []
    inputs = {"before": [slope.before], "after": [slope.after], "zones": [zones]}
    outputs = run("volume-change", inputs, CRS, folder / "out", events.append)
    return folder / "out", outputs.summary, events


def test_planted_pit_comes_back(slope, volume):
    _, summary, _ = volume
    (zone,) = summary["zones"]
    # 1 cm of bias between the two surfaces would be 4 m3 over the zone (2 %) and 24 m3 over the whole (10 %)
    assert zone["net_m3"] == pytest.approx(-slope.pit_m3, rel=0.04)
    assert zone["area_m2"] + zone["void_area_m2"] == pytest.approx(20 * 20, abs=1e-6)
    low, high = zone["net_ci95_m3"]
    assert low <= -slope.pit_m3 <= high
    assert summary["total"]["account"]["raw"]["net_m3"] == pytest.approx(-slope.pit_m3, rel=0.10)


def test_surveys_that_fit_are_left_where_they_are(volume):
    _, summary, _ = volume
    alignment = summary["alignment"]
    assert alignment["applied"] is False
    # the two surveys have no shift; five standard errors of what was found
    for axis, sigma in zip("xyz", alignment["sigma_m"], strict=True):
        assert abs(alignment[f"d{axis}_m"]) < max(0.02, 5 * sigma)


@pytest.mark.slow(15)
def test_a_shifted_survey_is_brought_back(slope, tmp_path):
    cloud = las.read(slope.after)
    shifted = type(cloud)(cloud.x + 0.4, cloud.y - 0.3, cloud.z + 0.25, cloud.attributes)
    las.write(tmp_path / "shifted.laz", shifted, version="1.2", point_format=1)
    zones = geojson(tmp_path / "zones.geojson", slope.pit, "pit")
    inputs = {"before": [slope.before], "after": [tmp_path / "shifted.laz"], "zones": [zones]}
    aligned = run("volume-change", inputs, CRS, tmp_path / "auto").summary
    assert aligned["alignment"]["applied"] is True
    shift = [aligned["alignment"][f"d{axis}_m"] for axis in "xyz"]
    # noise of 0.02 m on 4,000 m2 of ground; the horizontal part hangs on waves of 20 %
    np.testing.assert_allclose(shift, [0.4, -0.3, 0.25], atol=0.06)
    assert aligned["zones"][0]["net_m3"] == pytest.approx(-slope.pit_m3, rel=0.05)
    asis = run("volume-change", inputs, {**CRS, "align": "none"}, tmp_path / "none").summary
    assert asis["alignment"]["dx_m"] is None
    assert abs(asis["zones"][0]["net_m3"] + slope.pit_m3) > 20


def test_volume_json_has_the_contract(volume):
    folder, summary, _ = volume
    assert json.loads((folder / "volume.json").read_text(encoding="utf-8")) == summary
    assert summary["schema"] == "tengun/volume/1"
    assert set(summary) >= {"epochs", "alignment", "cell_m", "total", "zones", "methods"}
    keys = "cut_m3 fill_m3 net_m3 cut_ci95_m3 fill_ci95_m3 net_ci95_m3 area_m2 void_area_m2 level_of_detection_m"
    for row in (summary["total"], *summary["zones"]):
        assert set(row) >= set(keys.split())
        assert row["net_m3"] == pytest.approx(row["fill_m3"] - row["cut_m3"], abs=1e-9)
    assert [e["name"] for e in summary["epochs"]] == ["before", "after"]
    assert all(len(f["sha256"]) == 64 for e in summary["epochs"] for f in e["files"])


def test_no_point_is_lost(volume):
    _, summary, _ = volume
    for epoch in summary["epochs"]:
        points = epoch["points"]
        by_class = sum(n for name, n in points.items() if name.startswith("class_"))
        assert by_class + points["outside"] == points["in"] == epoch["n_points"]
        assert points["outside"] < 10


def test_the_difference_raster_says_the_same(slope, volume):
    folder, summary, _ = volume
    with rasterio.open(folder / "difference.tif") as raster:
        assert raster.crs.to_epsg() == 6676
        values = raster.read(1).astype(float)
    net = np.nansum(values) * 0.25
    # float32 pixels: 1e-7 of 2 m over 10^4 cells; the whole overlap is inside both surveys here
    assert net == pytest.approx(summary["total"]["account"]["raw"]["net_m3"], abs=0.01)


def test_progress_never_goes_back_and_ends_at_100(volume):
    _, _, events = volume
    percents = [e.percent for e in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert {e.stage.id for e in events} == {s.id for s in get("volume-change").stages}


def test_the_same_inputs_give_the_same_bytes(slope, volume, tmp_path):
    folder, _, _ = volume
    zones = geojson(tmp_path / "zones.geojson", slope.pit, "pit")
    run("volume-change", {"before": [slope.before], "after": [slope.after], "zones": [zones]}, CRS, tmp_path / "again")
    for name in ("volume.json", "difference.tif", "dtm_after.tif", "difference.png"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_terrain_in_tiles_equals_terrain_in_one(slope, tmp_path, monkeypatch):
    inputs = {"survey": [slope.before]}
    run("terrain-model", inputs, CRS, tmp_path / "whole")
    monkeypatch.setattr(tiling, "MAX_POINTS", 6_000)
    monkeypatch.setattr(tiling.plan, "__defaults__", (6_000,))
    run("terrain-model", inputs, CRS, tmp_path / "tiled")
    for name in ("dtm.tif", "dsm.tif"):
        with rasterio.open(tmp_path / "whole" / name) as a, rasterio.open(tmp_path / "tiled" / name) as b:
            # heights agree within a millimetre by the house rule
            np.testing.assert_allclose(a.read(1), b.read(1), atol=1e-3)
    counts = [json.loads((tmp_path / k / "terrain.json").read_text())["points"] for k in ("whole", "tiled")]
    assert counts[0] == counts[1]


def test_ground_keeps_every_point_and_attribute(slope, tmp_path):
    outputs = run("ground-classification", {"survey": [slope.before]}, CRS, tmp_path)
    source, result = laspy.read(slope.before), laspy.read(tmp_path / "before.laz")
    for name in ("X", "Y", "Z", "intensity", "return_number", "gps_time"):
        np.testing.assert_array_equal(result[name], source[name])
    assert outputs.summary["points"]["in"] == outputs.summary["points"]["out"] == len(source)
    height = source.z - bare(source.x, source.y)
    is_ground = np.asarray(result.classification) == 2
    assert is_ground[np.abs(height) < 0.05].mean() > 0.98
    assert is_ground[height > 2.9].mean() < 0.01
    assert np.asarray(result.key_point)[~is_ground].sum() == 0
    assert np.asarray(result.key_point).sum() > 500
    confidence = np.asarray(result["GroundConfidence"])
    assert confidence.dtype == np.float32
    assert 0.0 <= confidence.min() < confidence.max() <= 1.0
    assert confidence[is_ground].mean() > confidence[~is_ground].mean()


@pytest.mark.parametrize("together", [10**7, 1])
def test_ground_of_tiles_equals_ground_of_the_whole(slope, tiles, tmp_path, monkeypatch, together):
    monkeypatch.setattr(tiling, "MAX_TOGETHER", together)
    monkeypatch.setattr(tiling.groups, "__defaults__", (together,))
    run("ground-classification", {"survey": [slope.before]}, CRS, tmp_path / "whole")
    outputs = run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "tiles")
    assert sorted(outputs.summary["files"]) == ["east.laz", "west.laz"]
    whole = las.read(tmp_path / "whole" / "before.laz")
    parts = [las.read(tmp_path / "tiles" / f"{name}.laz") for name in ("west", "east")]
    labels = np.concatenate([p.attributes["Classification"] for p in parts])
    order = np.lexsort([np.concatenate([np.round(getattr(p, axis), 3) for p in parts]) for axis in "xyz"])
    expected = whole.attributes["Classification"][np.lexsort([np.round(getattr(whole, axis), 3) for axis in "xyz"])]
    np.testing.assert_array_equal(labels[order], expected)


def test_cancel_leaves_nothing(slope, tmp_path):
    def stop(event: ProgressEvent) -> None:
        if event.percent > 30:
            raise CancelledError("stopped at the user's wish", "中止")

    with pytest.raises(CancelledError):
        run("terrain-model", {"survey": [slope.before]}, CRS, tmp_path / "out", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_crs_is_refused_with_a_proposal(slope, tmp_path):
    with pytest.raises(CrsError, match=r"VIII.*EPSG:6676"):
        run("volume-change", {"before": [slope.before], "after": [slope.after]}, {}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_surveys_of_different_places_are_refused(slope, tmp_path):
    cloud = las.read(slope.after)
    moved = type(cloud)(cloud.x + 5_000, cloud.y, cloud.z, cloud.attributes)
    las.write(tmp_path / "elsewhere.laz", moved, version="1.2", point_format=1)
    with pytest.raises(OverlapError, match="do not overlap"):
        run("volume-change", {"before": [slope.before], "after": [tmp_path / "elsewhere.laz"]}, CRS, tmp_path / "out")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"cell": 0}, "cell"), ({"cell": "wide"}, "cell"), ({"sell": 1}, "sell"), ({"max_gap": -1}, "max_gap")],
)
def test_wrong_parameters_are_named(slope, tmp_path, parameters, message):
    with pytest.raises(ParameterError, match=message):
        run("terrain-model", {"survey": [slope.before]}, parameters, tmp_path / "out")


def test_surveys_on_both_sides_of_the_height_revision_are_refused(slope, tmp_path):
    dates = {"before_date": "2019-12-01", "after_date": "2025-07-06"}
    inputs = {"before": [slope.before], "after": [slope.after]}
    with pytest.raises(CrsError, match="m3"):
        run("volume-change", inputs, {**CRS, **dates}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inputs", [{}, {"before": ["x"]}, {"before": ["x"], "after": ["y"], "zone": ["z"]}])
def test_missing_and_misspelt_inputs_are_named(tmp_path, inputs):
    with pytest.raises(ParameterError, match="inputs are: before, after, zones"):
        run("volume-change", inputs, CRS, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_process_lists_what_there_is():
    with pytest.raises(NotFoundError, match="volume-change"):
        get("volume")


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())
def test_every_process_speaks_both_languages(process):
    for text in (
        process.title,
        process.description,
        *(i.title for i in process.inputs),
        *(s.title for s in process.stages),
    ):
        assert text.en
        assert text.ja
        assert text.en != text.ja
