"""The fine surface of dense surveys: planes, edges, plants, tiles and order. About 6 s."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.ground import detail_kernels, label_kernels
from pointcloud.ground.classify import classify
from pointcloud.ground.detail import SOFT, detail
from pointcloud.ground.lattice import cells_of_points, working_grid
from pointcloud.ground.parameters import required_halo, survey_parameters
from tests.oracles import local_planes

Floats = NDArray[np.float64]


def terraces(size: float = 48.0, density: float = 12.0, seed: int = 0) -> tuple[PointCloud, NDArray[np.bool_]]:
    """Two levels with a bank of 1.2 m at x = 24 m between them, and knee-high plants over a third; True = ground."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, size, (2, int(size * size * density)))
    z = np.where(x > 24.0, 1.2, 0.0) + 0.05 * y + rng.normal(0, 0.02, x.size)
    plant = (rng.random(x.size) < 0.5) & (y > 2 * size / 3)
    z[plant] += rng.uniform(0.3, 0.9, np.count_nonzero(plant))
    return PointCloud(x, y, z), ~plant


def test_a_bank_stays_sharp_and_plants_are_not_ground() -> None:
    cloud, truth = terraces()
    result = classify(cloud)
    ground = result.labels == 2
    assert np.mean(~ground[truth]) < 0.005
    assert np.mean(ground[~truth]) < 0.01
    keys, bare = result.key_points, np.where(cloud.x > 24.0, 1.2, 0.0) + 0.05 * cloud.y
    rise = cloud.z[keys] - bare[keys]
    # the nearest of 3 points to a plane through about 100 of 0.02 m noise: half that noise, no bias
    assert abs(rise.mean()) < 0.005
    assert rise.std() < 0.02
    at_bank = keys & (np.abs(cloud.x - 24.0) < 0.5)
    assert np.count_nonzero(at_bank & (cloud.x > 24.0)) > 40
    assert np.count_nonzero(at_bank & (cloud.x < 24.0)) > 40


def test_a_small_dyke_of_a_sparse_survey_is_ground() -> None:
    """One metre high, its crown one metre wide: lowest points cut it off, all points together show its faces."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 60, (2, 16_200))
    away = np.abs(x - 30.0)
    bare = np.clip(1.0 - np.maximum(away - 0.5, 0.0) / 2.0, 0.0, None)
    result = classify(PointCloud(x, y, bare + rng.normal(0, 0.02, x.size)))
    assert np.mean(result.labels[away < 2.5] == 2) > 0.99  # 0.53 from lowest points


def test_crests_of_a_forest_road_are_ground_among_plants() -> None:
    """A bench cut into a hillside at 4.5 points/m2: no window of 3 m is bare, and the key surface cuts both crests."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 60, (2, 16_200))
    middle = 30.0 + 3.0 * np.sin(y / 12.0)
    away = np.maximum(np.abs(x - middle) - 2.0, 0.0)
    z = np.clip(0.6 * (x - middle), -1.2 * away, 1.5 * away) + rng.normal(0, 0.04, x.size)
    plant = (rng.random(x.size) < 0.3) & (away > 0.5)
    z[plant] += rng.uniform(0.3, 0.9, np.count_nonzero(plant))
    ground = classify(PointCloud(x, y, z)).labels == 2
    banks = away < 5.0
    assert np.mean(~ground[banks & ~plant]) < 0.05  # 0.18 from one fit, 0.035 from three
    assert np.mean(ground[banks & plant]) < 0.03


def test_corners_lie_on_the_tight_planes_around_them() -> None:
    planes = np.full((12, 4), np.inf)
    rows, columns = np.divmod(np.arange(12), 4)
    planes[:, 0], planes[:, 1], planes[:, 2], planes[:, 3] = 5.0 + 0.3 * columns - 0.2 * rows, 0.3, -0.2, 0.04
    planes[5, 0], planes[5, 3] = 9.0, 0.2  # loose: its neighbours alone count
    planes[[2, 3, 6, 7], 3] = np.inf
    corners = np.empty((4, 5))
    detail_kernels.corners_of_planes(planes, np.full((4, 5), -1.0), 0.06, 1.5, 0, 4, corners)
    expected = 5.0 + 0.3 * (np.arange(5.0) - 0.5) - 0.2 * (np.arange(4.0)[:, None] - 0.5)
    expected[:2, 3:] = -1.0  # no plane around: the key surface
    # plane heights and their mean in double precision
    np.testing.assert_allclose(corners, expected, atol=1e-12)


def test_what_lies_well_below_is_noise_and_changes_nothing_around() -> None:
    cloud, truth = terraces(size=32.0)
    z = cloud.z.copy()
    low = np.flatnonzero((np.abs(cloud.x - 10.0) < 0.4) & (np.abs(cloud.y - 8.0) < 0.4))
    low = low[:3]  # of four and more one supports the other, as in a pit
    z[low] -= np.linspace(3.0, 6.0, 3)
    result = classify(PointCloud(cloud.x, cloud.y, z))
    assert np.all(result.labels[low[1:]] == 7)
    assert result.labels[low[0]] in (1, 7)  # the surface, which knows nothing yet, may dip a little there
    assert not np.any(result.key_points[low])
    others = np.delete(np.arange(len(cloud)), low)
    assert not np.any(result.labels[others] == 7)
    # in a survey narrower than the widest roof a pit does not make a roof of all that is around it
    assert np.mean(result.labels[others][truth[others]] == 2) > 0.98


def test_overrides_hold_on_dense_surveys() -> None:
    cloud, truth = terraces()
    usual, wide = classify(cloud), classify(cloud, threshold=1.5)
    assert np.mean(wide.labels[~truth] == 2) > 0.95
    assert np.mean(usual.labels[~truth] == 2) < 0.01
    assert wide.parameters["threshold"] == 1.5
    steep = PointCloud(cloud.x, cloud.y, cloud.z + cloud.y)
    assert np.mean(classify(steep, scalar=1.2).labels[~truth] == 2) > 0.9


def test_order_of_points_does_not_matter() -> None:
    cloud, _ = terraces(size=40.0)
    order = np.random.default_rng(2).permutation(len(cloud))
    straight, mixed = classify(cloud), classify(cloud.take(order))
    np.testing.assert_array_equal(mixed.labels, straight.labels[order])
    np.testing.assert_array_equal(mixed.key_points, straight.key_points[order])
    np.testing.assert_array_equal(mixed.confidence, straight.confidence[order])


@pytest.mark.parametrize("edges", [(0.0, 701.0), (0.0, 24.0, 701.0), (0.0, 350.3, 420.0, 701.0)])
def test_tiles_equal_the_whole_survey(edges: tuple[float, ...]) -> None:
    """One cut runs along the bank, one through a building."""
    rng = np.random.default_rng(4)
    n = 700 * 14 * 6
    x, y = rng.uniform(0, 700.0, n), rng.uniform(0, 14.0, n)
    z = 2.0 * np.sin(x / 30) + np.where(x > 24.0, 1.2, 0.0) + rng.normal(0, 0.02, n)
    z[np.abs(x - 350) < 5] += 6.0
    plants = rng.random(n) < 0.3
    z[plants] += rng.uniform(0, 2, np.count_nonzero(plants))
    cloud = PointCloud(x, y, z)
    parameters = survey_parameters(cloud)
    assert parameters.is_dense
    whole, halo = classify(cloud, parameters=parameters), required_halo(parameters)
    for a, b in itertools.pairwise(edges):
        core = Bounds(a, 0.0, b, 15.0)
        index = np.flatnonzero(core.buffered(halo).contains(x, y))
        index = np.random.default_rng(5).permutation(index)  # neighbours' points may come first
        part = classify(cloud.take(index), parameters=parameters)
        inside = core.contains(x[index], y[index])
        # bit for bit: sums are exact, so neither order nor the rest of the tile enters
        np.testing.assert_array_equal(part.labels[inside], whole.labels[index][inside])
        np.testing.assert_array_equal(part.key_points[inside], whole.key_points[index][inside])
        np.testing.assert_array_equal(part.confidence[inside], whole.confidence[index][inside])


def _local(n: int = 400) -> tuple[dict[str, Any], Floats]:
    """Points of 5 x 4 cells sorted by cell, and weights' heights: a rough slope with a base in steps."""
    rng = np.random.default_rng(8)
    cells = np.sort(rng.integers(0, 20, n))
    u, v = rng.uniform(-0.5, 0.5, (2, n)).astype(np.float32)
    base = 0.5 * np.arange(20.0) % 3
    z = 0.3 * (cells % 4 + u) - 0.2 * (cells // 4 + v) + rng.normal(0, 0.05, n)
    h = (z - base[cells]).astype(np.float32)
    starts = np.searchsorted(cells, np.arange(21)).astype(np.int64)
    return {"u": u, "v": v, "h": h, "starts": starts, "base": base, "cells": cells}, z


def test_planes_are_those_of_least_squares() -> None:
    local, z = _local()
    surface = (local["h"] + np.random.default_rng(9).normal(0, 0.1, z.size)).astype(np.float32)
    moments, planes, slope = np.empty((20, 10)), np.empty((20, 4)), np.full(20, 0.4)
    names = ("u", "v", "h")
    detail_kernels.cell_moments(
        *(local[k] for k in names), surface, local["starts"], slope, np.array(SOFT), 0, 20, moments
    )
    detail_kernels.fit_planes(moments, local["base"], 5, 4, 5.0, 0, 20, planes)
    weight = local_planes.weights(np.float64(local["h"]) - surface, SOFT[0] + SOFT[1] * 0.4, SOFT[2])
    row, column = local["cells"] // 4, local["cells"] % 4
    for k in range(20):
        near = (np.abs(row - k // 4) <= 1) & (np.abs(column - k % 4) <= 1)
        u, v = (column - k % 4 + local["u"])[near], (row - k // 4 + local["v"])[near]
        height = (local["base"][local["cells"]] + local["h"])[near]
        expected, spread = local_planes.plane(u.astype(float), v.astype(float), height, weight[near])
        # the kernel rounds its sums to 1e-9
        np.testing.assert_allclose(planes[k, :3], expected, atol=1e-7)
        np.testing.assert_allclose(planes[k, 3], spread, atol=1e-6)


def test_a_window_with_too_few_points_or_all_on_a_line_has_no_plane() -> None:
    def spreads(moments: Floats) -> Floats:
        planes = np.empty((9, 4))
        detail_kernels.fit_planes(moments, np.zeros(9), 3, 3, 5.0, 0, 9, planes)
        return planes[:, 3]

    moments = np.zeros((9, 10))
    moments[4, 0], moments[4, 3], moments[4, 5] = 4.9, 0.4, 0.4
    assert np.all(np.isinf(spreads(moments)))
    moments[4, 0] = 5.1
    assert np.all(np.isfinite(spreads(moments)))
    moments[4, 0], moments[4, 3], moments[4, 5] = 30.0, 2.5, 0.0
    assert np.all(np.isinf(spreads(moments)))


def test_kernels_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, _ = terraces(size=12.0, density=6.0)
    cloud = PointCloud(cloud.x + 18.0, cloud.y, cloud.z)
    grid = working_grid(cloud.bounds, 1.0)
    cells, corners = cells_of_points(cloud, grid), np.full((grid.n_rows + 1, grid.n_columns + 1), 0.2)
    corners[:, : grid.n_columns // 2] = 0.5
    skip = np.zeros(len(cloud), dtype=bool)
    skip[:20] = True
    args = cloud, cells, skip, corners, grid, survey_parameters(cloud)
    compiled = detail(*args)
    for module in (detail_kernels, label_kernels):
        for name, function in list(vars(module).items()):
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    plain = detail(*args)
    np.testing.assert_array_equal(plain[0], compiled[0])
    np.testing.assert_array_equal(plain[1], compiled[1])
    assert np.count_nonzero(compiled[1]) > 50
    assert not np.any(compiled[0] & skip)
