"""The scoreboard by place: where canopy, slopes and roads are, and a filter in a process of its own. About 3 s."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.bench.ground_methods import filters, run_apart
from pipelines.bench.ground_places import Reference, density_table, errors_by_place, places_of
from pointcloud.cloud import PointCloud
from pointcloud.errors import NotFoundError, ResourceError
from pointcloud.grid import Grid


def _half_wooded() -> tuple[PointCloud, np.ndarray, Grid]:
    """Level in the west, 45 degrees in the east; trees in the north with three returns of four in their crowns."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 40, (2, 12_800))
    z = np.maximum(x - 20.0, 0.0)
    crown = (y > 20.0) & (rng.random(x.size) < 0.75)
    z[crown] += 12.0
    grid = Grid.covering(PointCloud(x, y, z).bounds, 1.0)
    return PointCloud(x, y, z), ~crown, grid


def test_a_pdal_that_does_not_run_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TENGUN_PDAL", str(tmp_path / "pdal"))
    with pytest.raises(NotFoundError, match="TENGUN_PDAL"):
        filters()


def test_places_of_canopy_and_slopes() -> None:
    cloud, _, grid = _half_wooded()
    heights = np.tile(np.maximum(grid.centres()[0] - 20.0, 0.0), (grid.n_rows, 1))
    places = places_of(cloud, heights, np.zeros(grid.shape, dtype=bool), grid)
    north = slice(0, 17)  # row 0 is in the north; three cells from the edge of the wood the window holds both
    assert places["closed canopy"][north].mean() > 0.95
    assert places["open"][23:].all()
    assert places["half cover"][18:22].any()
    assert places["< 15 deg"][:, :19].all()
    assert places["> 30 deg"][:, 22:].all()
    assert not places["roads, fields"].any()
    error = np.where(places["> 30 deg"], 0.1, -0.1)
    assert errors_by_place(_reference(), error, ["< 15 deg", "> 30 deg", "roads, fields"]) == (
        "-0.100 / 0.100 | +0.100 / 0.100 | "
    )


def _reference() -> Reference:
    cloud, truth, grid = _half_wooded()
    heights = np.tile(np.maximum(grid.centres()[0] - 20.0, 0.0), (grid.n_rows, 1))
    places = places_of(cloud, heights, np.zeros(grid.shape, dtype=bool), grid)
    counted, bridge = np.ones(len(cloud), dtype=bool), np.zeros(len(cloud), dtype=bool)
    return Reference("wood", cloud, truth, counted, bridge, grid, heights, places)


def test_density_table_thins_the_survey() -> None:
    lines = density_table([_reference()]).splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["8.0", "4.0", "2.0", "1.0"]
    for line in lines[2:5]:
        assert abs(float(line.split("|")[3].split("/")[0])) < 0.03  # no noise, no low plants


def test_a_method_in_a_process_of_its_own() -> None:
    cloud, _, _ = _half_wooded()
    found = run_apart("tengun smrf", cloud)
    ground, carriers = filters()["tengun smrf"](cloud)
    np.testing.assert_array_equal(found.ground, ground)
    np.testing.assert_array_equal(found.carriers, carriers)
    assert 0.0 < found.seconds < 60.0
    with pytest.raises(ResourceError, match="no such method"):
        run_apart("no such method", cloud)
