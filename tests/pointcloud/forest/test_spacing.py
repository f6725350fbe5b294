"""The canopy's correlation against pairs one by one, and windows of canopies of known spacing. About three seconds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pointcloud.forest import spacing, spacing_kernels
from pointcloud.forest.canopy import HighestPoints
from pointcloud.grid import Grid, Raster
from tests.oracles import canopies as oracle

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


@both
def test_products_equal_the_oracle(compiled):
    departure = np.random.default_rng(1).normal(size=(13, 11)).astype(np.float32)
    departure[4, 5:8] = np.nan
    kernel = spacing_kernels.products if compiled else spacing_kernels.products.py_func
    sums, counts = np.zeros((3, 3, 5)), np.zeros((3, 3, 5))
    kernel(departure, 6, 2, 1, 5, 0, 3, sums, counts)
    expected = oracle.correlation_sums(departure, 5)
    np.testing.assert_allclose(sums.sum((0, 1)), expected[0], rtol=1e-6)  # products of float32
    np.testing.assert_array_equal(counts.sum((0, 1)), expected[1])
    # a pair counts in the block of its first cell: the north-western block holds rows 0-3, columns 0-4
    assert counts[0, 0, 0] == 20


@both
def test_bilinear(compiled):
    kernel = spacing_kernels.bilinear if compiled else spacing_kernels.bilinear.py_func
    values = np.array([[1.0, 3.0], [5.0, 7.0]])
    for place, expected in (((0.5, 0.5), 1.0), ((1.0, 1.0), 4.0), ((0.0, 9.0), 3.0), ((1.5, 0.75), 5.5)):
        assert kernel(values, *place) == expected


def cones(distance, seed=1, size=120.0, cell=0.5):
    """A canopy of cones in rows, some trees missing, heights of 16 to 20 m."""
    rng = np.random.default_rng(seed)
    grid = Grid(0, 0, round(size / cell), round(size / cell), cell)
    x, y = grid.centres()
    at = np.arange(0.5 * distance, size, distance)
    values = np.zeros(grid.shape, np.float32)
    for a in at:
        for b in at:
            if rng.random() < 0.1:
                continue
            u, v, top = a + rng.normal(0, 0.1 * distance), b + rng.normal(0, 0.1 * distance), rng.uniform(16, 20)
            near = np.hypot(x[None, :] - u, y[:, None] - v)
            values = np.maximum(values, (top * (1.0 - 0.6 * near / distance)).astype(np.float32))
    return Raster(values, grid)


def points_of(canopy, density):
    points = HighestPoints.empty(canopy.grid)
    points.pulses[:] = density * canopy.grid.cell_area
    return points


@pytest.mark.parametrize("distance", [2.5, 4.0, 6.0])
def test_windows_follow_the_spacing(distance):
    canopy = cones(distance)
    windows = spacing.windows(canopy, points_of(canopy, 8.0))
    # a top must not reach the next tree, and must reach the edge of its own crown's roughness
    assert (windows.radius > 0.25 * distance).all()
    assert (windows.radius < 0.6 * distance).all()
    np.testing.assert_allclose(windows.density, 8.0)
    np.testing.assert_allclose(windows.density_at(np.array([0, 239]), np.array([239, 0])), 8.0)


def test_windows_do_not_depend_on_the_grid_s_edges():
    grid = Grid(0, 0, 400, 400, 1.0)
    hills = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=grid.shape), 1.5)
    canopy = Raster((15 + 20 * hills).astype(np.float32), grid)
    inner = Grid(100, 100, 300, 300, 1.0)
    whole, part = (spacing.windows(c, points_of(c, 4.0)) for c in (canopy, canopy.window(inner)))
    # blocks of the part whose 3 x 3 and whose trend window lie inside it
    np.testing.assert_array_equal(part.radius[:4, 2:5], whole.radius[:4, 4:7])


def test_a_survey_without_canopy_has_windows():
    grid = Grid(0, 0, 40, 40, 0.5)
    windows = spacing.windows(Raster(np.full(grid.shape, np.nan, np.float32), grid), HighestPoints.empty(grid))
    assert np.isfinite(windows.radius).all()
