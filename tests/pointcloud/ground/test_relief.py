"""Hillshade against the formula on planes."""

from __future__ import annotations

import numpy as np
import pytest

from pointcloud.grid import Grid, Raster
from pointcloud.ground import relief_kernels
from pointcloud.ground.relief import gradient, hillshade

GRID = Grid(0, 0, 7, 5, 0.5)


def plane(east: float, north: float) -> Raster:
    x, y = np.meshgrid(*GRID.centres())
    return Raster(10 + east * x + north * y, GRID)


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (0.5, -0.25), (-2.0, 1.0)])
def test_gradient_of_a_plane(east, north):
    to_east, to_north = gradient(plane(east, north))
    np.testing.assert_allclose(to_east[1:-1, 1:-1], east, atol=1e-13)  # rounding of heights near 10 m
    np.testing.assert_allclose(to_north[1:-1, 1:-1], north, atol=1e-13)
    assert np.isnan(to_east[0]).all()
    assert np.isnan(to_north[:, -1]).all()


@pytest.mark.parametrize(("azimuth", "altitude"), [(315.0, 45.0), (90.0, 30.0), (200.0, 60.0)])
def test_light_is_the_cosine_between_normal_and_sun(azimuth, altitude):
    light = hillshade(plane(0.4, 0.3), azimuth, altitude).values[2, 3]
    normal = np.array([-0.4, -0.3, 1.0]) / np.sqrt(1.25)
    a, h = np.radians(azimuth), np.radians(altitude)
    sun = np.array([np.sin(a) * np.cos(h), np.cos(a) * np.cos(h), np.sin(h)])
    np.testing.assert_allclose(light, max(0.0, normal @ sun), rtol=1e-12)  # rounding


def test_a_face_turned_away_is_dark_and_beside_a_void_is_unknown():
    surface = plane(-20.0, 20.0)
    surface.values[2, 3] = np.nan
    light = hillshade(surface, 315.0, 10.0).values
    assert np.isnan(light[2, 2])
    assert np.nanmin(light) == 0.0


def test_kernel_as_python_and_as_horn_wrote_it():
    z = np.random.default_rng(4).normal(size=(5, 6))
    z[3, 1] = np.nan
    found = np.empty(z.shape), np.empty(z.shape)
    for first, last in ((0, 2), (2, 5)):
        relief_kernels.slopes.py_func(z, 4.0, first, last, *found)
    weights = np.array([1.0, 2.0, 1.0])
    for i in range(1, 4):
        for j in range(1, 5):
            around = z[i - 1 : i + 2, j - 1 : j + 2]
            east, north = weights @ (around[:, 2] - around[:, 0]), weights @ (around[0] - around[2])
            np.testing.assert_allclose([f[i, j] for f in found], [east / 4.0, north / 4.0], rtol=1e-12)  # rounding
    for one, other in zip(found, gradient(Raster(z, Grid(0, 0, 6, 5, 0.5))), strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isnan(one[[0, -1]]).all()
        assert np.isnan(one[:, [0, -1]]).all()
