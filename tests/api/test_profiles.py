"""Profiles along a line over real HTTP. Costs about 2 s."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from api.profiles import MAX_SAMPLES, Cuts, profile, read_vertices
from api.records import ResultRecord
from pointcloud.errors import ParameterError
from tests.api.office import Office

WEST, NORTH = 52_000.0, -98_400.0


def terrain(path: Path, rise: float, cell: float = 1.0) -> tuple[ResultRecord, Path]:
    """100 m by 100 m that rises eastward from 300 m; nothing between 40 and 50 m from the west."""
    n = round(100 / cell)
    values = np.tile(300.0 + rise * (np.arange(n) + 0.5) * cell, (n, 1))
    values[:, round(40 / cell) : round(50 / cell)] = np.nan
    profile_ = {"driver": "GTiff", "width": n, "height": n, "count": 1, "dtype": "float32", "nodata": np.nan}
    with rasterio.open(
        path, "w", crs="EPSG:6676", transform=from_origin(WEST, NORTH, cell, cell), **profile_
    ) as target:
        target.write(values.astype(np.float32), 1)
    return ResultRecord(path=path.name, media_type="image/tiff", title_en=path.stem, title_ja=path.stem), path


def test_each_raster_answers_at_its_own_resolution(tmp_path: Path) -> None:
    rasters = [terrain(tmp_path / "dtm_before.tif", 0.1), terrain(tmp_path / "dtm_after.tif", 0.2, cell=0.5)]
    found = profile(rasters, read_vertices(f"{WEST + 10},{NORTH - 50};{WEST + 90},{NORTH - 50}"), None, None)
    assert (found.crs, found.length_m, found.stations) == ("EPSG:6676", 80.0, [])
    assert [(one.cell_m, one.step_m, len(one.distance_m)) for one in found.series] == [(1.0, 1.0, 81), (0.5, 0.5, 161)]
    before = found.series[0]
    is_gap = np.array([height is None for height in before.height_m])
    np.testing.assert_array_equal(is_gap, (np.arange(81) >= 30) & (np.arange(81) <= 40))  # void cells and their borders
    for distance, height in zip(before.distance_m, before.height_m, strict=True):
        if height is not None:
            assert height == pytest.approx(300.0 + 0.1 * (10 + distance), abs=1e-4)  # rounded to 0.1 mm


def test_degrees_and_stations(tmp_path: Path) -> None:
    ends = [(WEST + 10, NORTH - 50), (WEST + 60, NORTH - 50), (WEST + 60, NORTH - 20)]
    degrees = [Transformer.from_crs(6676, 4326, always_xy=True).transform(*end) for end in ends]
    text = ";".join(f"{lon:.9f},{lat:.9f}" for lon, lat in degrees)
    found = profile([terrain(tmp_path / "dtm.tif", 0.1)], read_vertices(text), "EPSG:4326", Cuts(20, 5, 10))
    assert found.length_m == pytest.approx(80.0, abs=2e-3)  # nine decimals of a degree are 0.1 mm
    names = [station.name for station in found.stations]
    assert names[0] == "BP (No.0)"
    assert names[1:3] == ["No.1", "No.2"]
    assert names[-1].startswith("EP")
    assert found.stations[1].place == pytest.approx((WEST + 30, NORTH - 50), abs=2e-3)
    assert found.stations[1].left == pytest.approx((WEST + 30, NORTH - 45), abs=2e-3)
    assert found.stations[1].right == pytest.approx((WEST + 30, NORTH - 60), abs=2e-3)
    assert found.series[0].distance_m[0] == 0.0
    assert found.length_m - 30 in np.round(found.series[0].distance_m, 2)  # the corner is a sample


def test_a_long_line_says_how_widely_it_is_sampled(tmp_path: Path) -> None:
    line = read_vertices(f"{WEST},{NORTH - 50};{WEST + 90_000},{NORTH - 50}")
    (series,) = profile([terrain(tmp_path / "dtm.tif", 0.1)], line, None, None).series
    assert len(series.distance_m) == MAX_SAMPLES + 1
    assert series.step_m == pytest.approx(4.5)
    assert series.cell_m == 1.0
    with pytest.raises(ParameterError, match="at most"):
        profile([terrain(tmp_path / "dtm.tif", 0.1)], line * 2.0, None, None)


@pytest.mark.parametrize("text", ["", "1,2", "1,2;3", "1,2;nan,3", "1,2;3,4,5", "a,b;c,d", ";".join(["1,2"] * 1001)])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="vertices"):
        read_vertices(text)


def test_the_route_refuses_what_is_not_there(client: Office) -> None:
    nothing = "00000000-0000-4000-8000-000000000000"
    line = {"line": "1,2;3,4"}
    assert client.get(f"/jobs/{nothing}/profile", params=line).status_code == 404
    job = client.start(action="write")
    client.wait_until(job, "successful")
    assert client.get(f"/jobs/{job}/profile", params=line).json()["series"] == []
    assert client.get(f"/jobs/{job}/profile").json()["field"] == "line"
    for layer in ("dtm.tif", "../worker.log", "/etc/passwd"):
        assert client.get(f"/jobs/{job}/profile", params={**line, "layer": layer}).status_code == 404, layer
    for wrong in ({"interval": 0}, {"interval": 20, "left": -1}):
        assert client.get(f"/jobs/{job}/profile", params={**line, **wrong}).json()["status"] == 400, wrong
