"""Alignment and volumes of the real pairs, from surfaces that are made once. About 8 seconds of one core."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pointcloud.change.align import align
from pointcloud.change.sigma import survey_quality
from pointcloud.change.stable import mean_slope
from pointcloud.change.uncertainty import error_model, total_budget
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid, Raster
from pointcloud.ground import surface
from pointcloud.ground.classify import classify
from pointcloud.io.survey import open_survey

pytestmark = [pytest.mark.data, pytest.mark.slow(15)]


class Epoch(NamedTuple):
    """Ground points, key points and the terrain, on the grid of the survey before."""

    ground: PointCloud
    key: PointCloud
    terrain: Raster


@cache
def epoch(path: Path) -> Epoch:
    cloud = open_survey([path], "EPSG:6676").read()
    found = classify(cloud)
    ground, key = cloud.take(found.labels == 2), cloud.take(found.key_points)
    first = path.with_name("slide_before.laz")
    grid = Grid.covering(ground.bounds, 0.5) if path == first else epoch(first).terrain.grid
    return Epoch(ground, key, surface.terrain(key.x, key.y, key.z, grid).height)


def pair(folder: Path, name: str) -> tuple[Epoch, Epoch]:
    """Both epochs; the survey before is the same in both pairs."""
    before = folder / "slide_before.laz"
    assert before.read_bytes() == (folder / f"{name}_before.laz").read_bytes()
    return epoch(before), epoch(folder / f"{name}_after.laz")


@pytest.mark.parametrize("name", ["slide", "slide_shifted"])
def test_the_shift_is_found(shared_data, name):
    truth = json.loads((shared_data / "pairs" / f"{name}_truth.json").read_text())["shift_m"]
    before, after = pair(shared_data / "pairs", name)
    result = align(before.ground, after.ground, before.terrain, after.terrain)
    np.testing.assert_allclose(result.shift[:2], truth[:2], atol=0.05)  # the accuracy asked for
    np.testing.assert_allclose(result.shift[2], truth[2], atol=0.02)
    assert result.applied or not any(truth)
    # what is applied where nothing moved is less than a survey's own centimetre
    np.testing.assert_array_less(np.abs(result.correction - truth), (0.05, 0.05, 0.02))


def test_volumes_of_the_whole(shared_data):
    """With the ground filter's own surfaces."""
    truth = json.loads((shared_data / "pairs" / "slide_truth.json").read_text())
    before, after = pair(shared_data / "pairs", "slide")
    change = Raster(after.terrain.values - before.terrain.values, before.terrain.grid)
    quality = [survey_quality(one.key, one.terrain) for one in (before, after)]
    error = error_model(change, *quality, mean_slope(before.terrain, after.terrain))
    budget = total_budget(change, np.isfinite(change.values), error)
    # the ground filter's own bias (trees that went with the scar) is most of what remains of 134 % and 265 %
    np.testing.assert_allclose(budget.volume.cut_m3, truth["cut_m3"], rtol=0.15)
    np.testing.assert_allclose(budget.volume.fill_m3, truth["fill_m3"], rtol=0.15)
