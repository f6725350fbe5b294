"""Terrain and top surfaces against planes, SciPy, and hand-computed grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid
from pointcloud.ground import tin_kernels
from pointcloud.ground.surface import distance_to_points, highest_return, terrain, triangulate

E, N = 52_000.0, -98_000.0  # zone VIII, near Atami


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 300.0 + 0.7 * (x - E) - 0.4 * (y - N)


def scattered(n: int, size: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return E + rng.random(n) * size, N + rng.random(n) * size


def test_plane_comes_back_exactly():
    x, y = scattered(2000, 40.0)
    grid = Grid.covering(Bounds(E, N, E + 39.9, N + 39.9), 0.5)
    result = terrain(x, y, plane(x, y), grid)
    cx, cy = grid.centres()
    truth = plane(cx[None, :], cy[:, None])
    measured = np.isfinite(result.height.values)
    assert measured.mean() > 0.95
    # a linear interpolation of a plane differs by rounding alone: 1e-10 of 300 m
    np.testing.assert_allclose(result.height.values[measured], truth[measured], atol=1e-8)


def test_equals_scipy_linear_interpolation():
    x, y = scattered(500, 20.0, seed=3)
    z = 100 + np.sin((x - E) / 3) * 2 + np.cos((y - N) / 2)
    grid = Grid.covering(Bounds(E, N, E + 19.9, N + 19.9), 0.5)
    ours = terrain(x, y, z, grid).height.values
    cx, cy = np.meshgrid(*grid.centres())
    theirs = LinearNDInterpolator(Delaunay(np.column_stack((x - E, y - N))), z)(cx - E, cy - N)
    # on the hull's edge one may hold a centre that the other just misses
    assert (np.isfinite(ours) != np.isfinite(theirs)).sum() <= 2
    both = np.isfinite(ours) & np.isfinite(theirs)
    np.testing.assert_allclose(ours[both], theirs[both], atol=1e-8)  # rounding of 1e-10 relative


def test_no_vertex_is_lost_at_projected_coordinates():
    # Qhull drops 6 % of such a lattice at these offsets
    rng = np.random.default_rng(5)
    x = E + np.round(rng.random(30_000) * 100, 2)
    y = N + np.round(rng.random(30_000) * 100, 2)
    tin = triangulate(x, y, x * 0)
    assert tin.x.size == np.unique(np.column_stack((x, y)), axis=0).shape[0]
    assert np.unique(tin.triangles).size == tin.x.size


def test_of_two_points_at_one_place_the_lower_counts():
    x = np.array([0.0, 4.0, 0.0, 4.0, 2.0, 2.0])
    y = np.array([0.0, 0.0, 4.0, 4.0, 2.0, 2.0])
    z = np.array([0.0, 0.0, 0.0, 0.0, 9.0, 1.0])
    assert triangulate(x, y, z).z.max() == 1.0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_points_give_a_void_surface(n):
    x, y = np.arange(n, dtype=float), np.zeros(n)
    result = terrain(x, y, x, Grid(0, 0, 4, 4, 1.0))
    assert np.isnan(result.height.values).all()
    assert result.n_points == n


def test_points_on_a_line_give_a_void_surface():
    x = np.arange(10.0)
    result = terrain(x, x, x, Grid(0, 0, 10, 10, 1.0))
    assert np.isnan(result.height.values).all()


def test_a_gap_wider_than_allowed_is_void_and_nothing_lies_outside():
    cx, cy = np.meshgrid(np.arange(0.25, 60, 0.5), np.arange(0.25, 60, 0.5))
    x, y = cx.ravel(), cy.ravel()
    hole = (np.abs(x - 30) < 10) & (np.abs(y - 30) < 10)
    result = terrain(x[~hole], y[~hole], x[~hole] * 0, Grid(-20, -20, 200, 200, 0.5), max_gap=3.0)
    gx, gy = np.meshgrid(*result.height.grid.centres())
    inner = (np.abs(gx - 30) < 6.5) & (np.abs(gy - 30) < 6.5)
    rim = (np.maximum(np.abs(gx - 30), np.abs(gy - 30)) < 9.5) & (np.maximum(np.abs(gx - 30), np.abs(gy - 30)) > 8)
    assert np.isnan(result.height.values[inner]).all()
    assert np.isfinite(result.height.values[rim]).all()
    outside = (gx < 0) | (gy < 0) | (gx > 60) | (gy > 60)
    assert np.isnan(result.height.values[outside]).all()


@pytest.mark.parametrize("max_gap", [0.0, -1.0, float("nan")])
def test_a_gap_that_is_no_distance_is_refused(max_gap):
    with pytest.raises(ParameterError, match="max_gap"):
        terrain(np.zeros(0), np.zeros(0), np.zeros(0), Grid(0, 0, 1, 1, 1.0), max_gap)


def test_a_window_of_the_grid_equals_the_whole():
    x, y = scattered(20_000, 60.0, seed=9)
    z = 50 + np.sin((x - E) / 5) * 3
    whole_grid = Grid.covering(Bounds(E, N, E + 59.9, N + 59.9), 0.5)
    part_grid = Grid.covering(Bounds(E + 20, N + 20, E + 39.9, N + 39.9), 0.5)
    whole = terrain(x, y, z, whole_grid)
    near = (np.abs(x - E - 30) < 18) & (np.abs(y - N - 30) < 18)
    part = terrain(x[near], y[near], z[near], part_grid)
    # the same triangles, in another order: rounding alone
    np.testing.assert_allclose(part.height.values, whole.height.window(part_grid).values, atol=1e-9)
    np.testing.assert_array_equal(part.distance.values, whole.distance.window(part_grid).values)


def test_distance_is_cell_to_cell():
    distance = distance_to_points(np.array([0.5]), np.array([0.5]), Grid(0, 0, 4, 4, 1.0), 5.0)
    assert distance[3, 0] == 0.0
    assert distance[3, 3] == 3.0
    np.testing.assert_allclose(distance[0, 3], np.hypot(3, 3), rtol=1e-15)


def test_distance_without_points_is_infinite():
    assert np.isinf(distance_to_points(np.zeros(0), np.zeros(0), Grid(0, 0, 2, 2, 1.0), 5.0)).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(-50, 50)), max_size=40))
def test_highest_return_by_hand(points):
    x = np.array([p[0] + 0.5 for p in points])
    y = np.array([p[1] + 0.5 for p in points])
    z = np.array([p[2] for p in points])
    values = highest_return(PointCloud(x, y, z), Grid(0, 0, 6, 6, 1.0)).values
    expected = np.full((6, 6), np.nan)
    for cx, cy, height in points:
        if cx < 6 and cy < 6:
            expected[5 - cy, cx] = np.nanmax([expected[5 - cy, cx], height])
    np.testing.assert_array_equal(values, expected)


def test_highest_return_leaves_noise_out():
    cloud = PointCloud(
        np.array([0.5, 0.5, 0.5]),
        np.array([0.5, 0.5, 0.5]),
        np.array([1.0, 900.0, -70.0]),
        {"Classification": np.array([1, 18, 7], dtype=np.uint8)},
    )
    assert highest_return(cloud, Grid(0, 0, 1, 1, 1.0)).values[0, 0] == 1.0


def test_rasterise_twin():
    rng = np.random.default_rng(2)
    x, y, z = rng.random(30) * 8, rng.random(30) * 8, rng.random(30)
    triangles = triangulate(x, y, z).triangles
    compiled, plain = np.full((8, 8), np.nan), np.full((8, 8), np.nan)
    tin_kernels.rasterise(x, y, z, triangles, compiled)
    tin_kernels.rasterise.py_func(x, y, z, triangles, plain)
    # the compiler may fuse a multiplication with an addition
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


def test_cell_maximum_twin():
    rows, columns = np.array([0, 0, 5, -1]), np.array([0, 0, 0, 0])
    z = np.array([1.0, 3.0, 9.0, 9.0])
    compiled, plain = np.full((2, 2), np.nan), np.full((2, 2), np.nan)
    tin_kernels.cell_maximum(rows, columns, z, compiled)
    tin_kernels.cell_maximum.py_func(rows, columns, z, plain)
    np.testing.assert_array_equal(compiled, plain)
    assert compiled[0, 0] == 3.0
