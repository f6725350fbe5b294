"""Variogram and correlated sums against pairs one by one and against fields of known correlation. About 12 seconds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pointcloud.change import variogram_kernels
from pointcloud.change.variogram import FFT_CELLS, Correlation, Variogram, empirical, estimate, fit, variance_of_sum
from pointcloud.errors import InputError
from pointcloud.grid import Grid, Raster
from tests.oracles.variograms import double_sum, pair_sums


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
def test_pairs_equal_the_oracle(compiled):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(9, 7))
    values[2, 3] = np.nan
    rows, columns = rng.integers(0, 9, 40), rng.integers(0, 7, 40)
    steps = rng.integers(-4, 5, (2, 3, 40))
    found = np.zeros(3), np.zeros(3), np.zeros(3, dtype=np.int64)
    function = variogram_kernels.add_pairs if compiled else variogram_kernels.add_pairs.py_func
    function(values, rows, columns, steps[0], steps[1], *found)
    for got, expected in zip(found, pair_sums(values, rows, columns, *steps), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)  # the same sums in the same order


def field_of_disks(seed, radius_cells, n=400):
    """White noise averaged over a disk has the circular covariance of that disk with itself."""
    reach = int(radius_cells)
    u, v = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (np.hypot(u, v) <= radius_cells).astype(float)
    noise = np.random.default_rng(seed).normal(size=(n, n))
    return ndimage.convolve(noise, disk / np.sqrt(disk.sum()), mode="wrap")


def test_known_field():
    rng = np.random.default_rng(5)
    field = 0.3 * rng.normal(size=(400, 400)) + field_of_disks(2, 4.0) + 0.5 * field_of_disks(3, 40.0)
    found = fit(empirical(Raster(field, Grid(0, 0, 400, 400, 0.5))))
    # 0.09 nugget, 1.00 short of 4 m (disk of 2 m radius), 0.25 long of 40 m; one field of 200 m has some 20 long
    # waves, so that its long part is known to a third
    np.testing.assert_allclose(found.nugget, 0.09, atol=0.04)
    np.testing.assert_allclose(found.sills[0], 1.0, atol=0.1)
    np.testing.assert_allclose(found.ranges[0], 4.0, rtol=0.2)
    np.testing.assert_allclose(found.sills[1], 0.25, rtol=0.5)
    assert 20 < found.ranges[1] < 90


def test_weak_part_that_reaches_far_is_seen_in_block_means():
    """Three per cent of the variance, but two thirds of the error of a sum."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        near, far = (ndimage.gaussian_filter(rng.normal(size=(200, 200)), s, mode="wrap") for s in (1.2, 10.0))
        field = np.sqrt(0.97) * near * np.sqrt(4 * np.pi) * 1.2 + np.sqrt(0.03) * far * np.sqrt(4 * np.pi) * 10
        model, _ = estimate(Raster(field, Grid(0, 0, 200, 200, 1.0)))
        found.append(model.nugget + sum(np.pi / 5 * c * r**2 for c, r in zip(model.sills, model.ranges, strict=True)))
    # integrals of exp(-h^2 / 4 s^2): 4 pi s^2; forty far waves a field leave a third of uncertainty to each
    expected = 4 * np.pi * (0.97 * 1.2**2 + 0.03 * 10**2)
    np.testing.assert_allclose(np.mean(found), expected, rtol=0.35)


def test_white_noise_is_nugget():
    field = np.random.default_rng(6).normal(0, 0.2, (300, 300))
    found = fit(empirical(Raster(field, Grid(0, 0, 300, 300, 0.5))))
    np.testing.assert_allclose(found.nugget + found.sills[0] + found.sills[1], 0.04, rtol=0.03)
    independent, correlated = variance_of_sum(Raster(np.ones((60, 60)), Grid(0, 0, 60, 60, 0.5)), found)
    np.testing.assert_allclose(independent + correlated, 0.04 * 3600, rtol=0.6)  # sills of 1e-4 reach far


def test_exact_model_is_recovered():
    truth = Correlation(0.2, (0.7, 0.1), (3.0, 40.0))
    lag = np.geomspace(0.5, 60, 20)
    found = fit(Variogram(lag, truth.gamma(lag), np.full(20, 1000)))
    np.testing.assert_allclose(found.gamma(lag), truth.gamma(lag), rtol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (6, 9), (1, 30)])
def test_variance_of_sum_is_the_double_sum(shape):
    rng = np.random.default_rng(7)
    weights = rng.uniform(-1, 2, shape)
    model = Correlation(0.3, (0.6, 0.2), (1.7, 6.0))
    independent, correlated = variance_of_sum(Raster(weights, Grid(0, 0, shape[1], shape[0], 0.5)), model)
    np.testing.assert_allclose(independent, 0.3 * np.sum(weights**2), rtol=1e-12)
    np.testing.assert_allclose(correlated, double_sum(weights, 0.5, model.covariance), rtol=1e-9)  # FFT rounding


def test_long_rasters_are_summed_in_blocks():
    n = 2 * FFT_CELLS
    weights = np.random.default_rng(8).uniform(0.9, 1.1, (2, n))
    model = Correlation(0.0, (0.9, 0.1), (2.5, 30.0))
    _, blocks = variance_of_sum(Raster(weights, Grid(0, 0, n, 2, 0.5)), model)
    distance = 0.5 * np.arange(n)
    same, other = (model.covariance(np.hypot(distance, d)) for d in (0.0, 0.5))
    exact = 0.0
    for i, j, row in ((0, 0, same), (1, 1, same), (0, 1, other), (1, 0, other)):
        products = np.correlate(weights[i], weights[j], "full")
        exact += products @ np.concatenate((row[:0:-1], row))
    # weights that differ inside a block of 2 x 2 cells are taken as spread over it
    np.testing.assert_allclose(blocks, exact, rtol=0.01)


def test_too_few_cells_are_refused():
    values = np.full((30, 30), np.nan)
    values[:1] = 0.1
    with pytest.raises(InputError):
        empirical(Raster(values, Grid(0, 0, 30, 30, 0.5)))


def test_no_noise_has_no_variance():
    found = fit(empirical(Raster(np.zeros((60, 60)), Grid(0, 0, 60, 60, 0.5))))
    assert variance_of_sum(Raster(np.ones((5, 5)), Grid(0, 0, 5, 5, 0.5)), found) == (0.0, 0.0)
