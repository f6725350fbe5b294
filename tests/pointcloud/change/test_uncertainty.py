"""Cell sigma, certain ground, budgets. About 6 seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shapely import box

from pipelines.bench.coverage import GRID, make_case
from pointcloud.change.detection import certain_ground
from pointcloud.change.sigma import SurveyQuality, cell_sigma, survey_quality, variance_terms
from pointcloud.change.uncertainty import (
    COVER_SIGMA,
    cover_bias,
    error_model,
    level_of_detection,
    significance,
    total_budget,
    zone_budget,
)
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid, Raster
from pointcloud.ground import surface

FLAT = np.zeros(GRID.shape)
ALL = np.ones(GRID.shape, dtype=bool)


def modelled(case):
    return error_model(case.change, case.quality, case.quality, (FLAT, FLAT))


def test_sigma_follows_the_noise():
    case = make_case(3)
    sigma = modelled(case).sigma.raster.values
    quiet, noisy = sigma[:, :80].mean(), sigma[:, 110:].mean()
    # the standard error of a standard deviation from 20,000 cells that are alike over 10 m2 is about 2 %
    np.testing.assert_allclose([quiet, noisy], [0.10, 0.20], rtol=0.1)


def test_sigma_learns_each_term():
    rng = np.random.default_rng(2)
    grid = Grid(0, 0, 200, 200, 1.0)
    scatter, distance = rng.uniform(0.05, 0.3, grid.shape), rng.uniform(0, 4, grid.shape)
    slope, doubt = rng.uniform(0, 1, grid.shape), rng.uniform(0, 1, grid.shape)
    q = SurveyQuality(scatter, distance, slope, doubt)
    s2 = 2 * scatter**2
    variance = 0.001 + 0.4 * s2 + 0.05 * s2 * distance**2 + 0.01 * slope**2 + 0.3 * s2 * doubt
    change = Raster(rng.normal(0, np.sqrt(variance)), grid)
    found = cell_sigma(change, variance_terms(q, q), np.ones(grid.shape, bool)).raster.values
    np.testing.assert_allclose(found**2 / variance, 1, atol=0.35)  # five coefficients from 20,000 noisy squares
    np.testing.assert_allclose(np.mean(found**2 / variance), 1, atol=0.03)


def test_scatter_of_points_on_a_slope():
    rng = np.random.default_rng(4)
    grid = Grid(0, 0, 120, 120, 0.5)
    x, y = rng.uniform(0, 60, (2, 6000))
    points = PointCloud(x, y, 0.4 * x - 0.2 * y + rng.normal(0, 0.15, x.size))
    quality = survey_quality(points, surface.terrain(points.x, points.y, points.z, grid).height)
    inner = quality.scatter[30:-30, 30:-30]
    # the smoothed terrain holds a fortieth of each point's own noise
    np.testing.assert_allclose(np.median(inner), 0.15, rtol=0.1)
    assert quality.distance.max() < 5


def test_noise_is_not_volume():
    """Where nothing moved the plain sums grow with the area; the headline is nothing."""
    rng = np.random.default_rng(9)
    q = SurveyQuality(np.full(GRID.shape, 0.1), FLAT, FLAT, FLAT)
    change = Raster(rng.normal(0, 0.2, GRID.shape), GRID)
    budget = total_budget(change, ALL, error_model(change, q, q, (FLAT, FLAT)))
    assert budget.raw.cut_m3 > 3000
    assert budget.volume.cut_m3 == budget.volume.fill_m3 == 0.0


def test_headline_removes_what_noise_added():
    case = make_case(5)
    budget = total_budget(case.change, ALL, modelled(case))
    cut, fill = -case.truth[case.truth < 0].sum(), case.truth[case.truth > 0].sum()
    # the intervals' half widths are 3-5 % of these volumes
    np.testing.assert_allclose([budget.volume.cut_m3, budget.volume.fill_m3], [cut, fill], rtol=0.05)
    assert budget.raw.cut_m3 > cut * 1.3
    assert budget.volume.cut_ci95_m3[0] < cut < budget.volume.cut_ci95_m3[1]
    assert budget.volume.net_m3 == budget.volume.fill_m3 - budget.volume.cut_m3
    assert budget.net.total == pytest.approx(
        np.hypot(np.hypot(budget.net.independent, budget.net.correlated), budget.net.systematic)
    )


def test_zone_keeps_the_plain_net_and_its_area():
    case = make_case(6)
    polygon = box(GRID.west + 50.3, GRID.south + 70.1, GRID.west + 140.7, GRID.south + 170.9)
    budget = zone_budget(case.change, polygon, modelled(case))
    np.testing.assert_allclose(budget.volume.net_m3, budget.raw.net_m3, rtol=1e-9)
    np.testing.assert_allclose(budget.volume.area_m2, polygon.area, rtol=1e-9)
    json.dumps(budget.as_dict(), allow_nan=False)
    outside = zone_budget(case.change, box(0, 0, 1, 1), modelled(case))
    assert (outside.volume.net_m3, outside.volume.area_m2, outside.volume.void_area_m2) == (0.0, 0.0, 1.0)


def test_no_noise_keeps_the_volume():
    case = make_case(7)
    change = Raster(case.truth, GRID)
    error = error_model(change, case.quality, case.quality, (FLAT, FLAT))
    budget = total_budget(change, ALL, error)
    # the faint edge of the scar passes for stable ground with a little noise, which is taken out
    np.testing.assert_allclose(budget.volume.cut_m3, -case.truth[case.truth < 0].sum(), rtol=0.003)


def test_certain_ground_holds_scar_and_deposit_only():
    case = make_case(8)
    error = modelled(case)
    assert np.array_equal(certain_ground(case.change, error.patches), error.region)
    assert error.region[np.abs(case.truth) > 0.4].all()
    # margins of up to ten metres around change are counted with it
    assert error.region[:30].sum() == 0
    assert np.abs(significance(case.change, error).values[error.region]).max() > 10
    assert np.all(level_of_detection(error).values > 0)


def test_cover_counts_where_trees_went():
    ground = Raster(np.zeros((20, 20)), Grid(0, 0, 20, 20, 1.0))
    before = Raster(np.zeros((20, 20)), ground.grid)
    before.values[5, 5] = 14.0
    bias = cover_bias(before, ground, ground, ground)
    assert bias[5, 5] == COVER_SIGMA
    assert np.count_nonzero(bias) == 9
