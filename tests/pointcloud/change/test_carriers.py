"""Carriers of terrains that are subtracted: neither cover nor density of one part passes for change. 3 s."""

from __future__ import annotations

import numpy as np
import pytest

from pointcloud.bounds import Bounds
from pointcloud.change.carriers import carriers
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground import surface

SIZE = 120.0
GRID = Grid.covering(Bounds(0.0, 0.0, SIZE - 0.01, SIZE - 0.01), 0.5)


def bare(x, y):
    return 0.4 * x + 4.0 * np.sin(x / 17.0) * np.cos(y / 13.0)


def survey(seed, cover_until=SIZE, ground=bare):
    """Half a soil return a square metre, and one and a half from plants of up to half a metre west of a line."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, SIZE, (2, int(2.0 * SIZE**2)))
    is_soil = rng.random(x.size) < 0.25
    keep = is_soil | (x < cover_until)
    height = np.where(is_soil, rng.normal(0.0, 0.04, x.size), rng.uniform(0.0, 0.5, x.size))
    return PointCloud(x[keep], y[keep], ground(x[keep], y[keep]) + height[keep])


def terrain(cloud):
    points = carriers(cloud)
    return surface.terrain(points.x, points.y, points.z, GRID).height.values


def test_carriers_are_ground_points_in_any_order():
    cloud = survey(1)
    found = carriers(cloud)
    assert 0.05 * len(cloud) < len(found) < 0.6 * len(cloud)
    places = {tuple(p) for p in np.column_stack((cloud.x, cloud.y, cloud.z))}
    assert {tuple(p) for p in np.column_stack((found.x, found.y, found.z))} <= places
    shuffled = carriers(cloud.take(np.random.default_rng(2).permutation(len(cloud))))
    np.testing.assert_array_equal(np.sort(shuffled.z), np.sort(found.z))
    assert len(carriers(cloud.take(np.zeros(len(cloud), dtype=bool)))) == 0


def test_plants_that_went_are_not_much_of_a_change():
    before, after = terrain(survey(3)), terrain(survey(4, cover_until=80.0))
    change = after - before
    lost, kept = change[:, 180:-10], change[:, 10:150]
    # a mean over all ground points would fall by the plants' three quarters of 0.25 m, which is 0.19 m
    assert abs(np.nanmean(lost)) < 0.1
    # the same cover, of which a third of the survey lost its own: standard error 0.15 m / sqrt(400 blocks)
    np.testing.assert_allclose(np.nanmean(kept), 0.0, atol=0.02)


def test_a_ridge_is_not_cut_off():
    def ridge(x, y):
        return bare(x, y) + 3.0 * np.clip(1.0 - np.abs(x - 60.0) / 8.0, 0.0, None)

    found = terrain(survey(5, ground=ridge))
    x, y = np.meshgrid(*GRID.centres())
    crest = (np.abs(x - 60.0) < 0.3) & (np.abs(y - 60.0) < 50.0)
    # points a metre and more apart do not reach the very crest of flanks of 20 degrees
    assert np.nanmedian((found - ridge(x, y))[crest]) > -0.5
    assert np.isnan(found[crest]).mean() < 0.02


@pytest.mark.parametrize("density", [0.02, 40.0])
def test_sparse_and_dense_surveys_have_carriers(density):
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0.0, 60.0, (2, int(density * 3600)))
    found = carriers(PointCloud(x, y, bare(x, y)))
    assert len(found) > 10
