"""What pulses miss of apexes: the law of thinned pulses, and forms fitted to points. About five seconds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pointcloud.forest import apex, apex_kernels
from pointcloud.forest.canopy import HighestPoints
from pointcloud.grid import Grid
from tests.oracles import apexes as oracle

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
FRAME = Grid(104_000, -196_000, 24, 20, 0.5)


def version(kernel, compiled):
    return kernel if compiled else kernel.py_func


def some_points(seed, n=12):
    rng = np.random.default_rng(seed)
    points = np.zeros((n + 3, 3))  # the last three stand for room that is not used
    points[:n] = np.column_stack((rng.uniform(-1.2, 1.2, (n, 2)), -rng.exponential(2.0, n)))
    return points


@pytest.mark.parametrize(("power", "low"), [(0.5, 0.9), (0.7, 0.7)])
def test_mean_loss_of_a_known_law(power, low):
    """Heights whose loss falls with a power of the share of pulses: the extrapolation finds what is missing."""
    rng = np.random.default_rng(2)
    n = 4000
    top = rng.uniform(15, 25, n)
    scale = 0.3 * rng.gamma(4.0, 0.25, n)
    expected = np.array([top - scale * share**-power for share in (1.0, 0.5, 0.25)])
    losses = apex.mean_losses(expected, np.repeat(np.arange(40), 100))
    # blocks of 100 trees with a spread of one half: a twentieth; what is far above the median is cut, which takes some
    np.testing.assert_allclose(losses.mean(), scale.mean(), rtol=0.05)
    assert losses.min() > low * 0.2


def test_few_trees_take_the_mean_loss_of_all():
    expected = np.array([[20.0] * 41, [19.7] * 41, [19.3] * 41])
    losses = apex.mean_losses(expected, np.array([0] * 40 + [-1]))
    np.testing.assert_allclose(losses, np.full(41, 0.3 / (2**0.5 - 1)))  # 0.4 / 0.3 is below the least growth
    np.testing.assert_array_equal(apex.mean_losses(np.full((3, 2), np.nan), np.array([-1, -1])), [0, 0])


@both
def test_moments_equal_the_oracle(compiled):
    points, levels = some_points(1), np.arange(-0.25, 3.0, 0.25)
    places, rises = np.array([[0.0, 0.0], [0.3, -0.2]]), np.array([0.0, 0.15])
    form = np.array([3.0, 0.5, 0.8, 4.0])
    log = np.empty(levels.size)
    version(apex_kernels.log_likelihoods, compiled)(points, 12, 0.3, -0.2, form, levels, 6.0, log)
    np.testing.assert_allclose(log, oracle.likelihood(points[:12], 0.3, -0.2, form, levels, 6.0), rtol=1e-12)
    out = np.empty(3)
    version(apex_kernels.moments, compiled)(points, 12, places, rises, form, levels, 6.0, out)
    np.testing.assert_allclose(out, oracle.moments(points[:12], places, rises, form, levels, 6.0), rtol=1e-9)


@both
def test_likely_places_are_the_likeliest_of_all(compiled):
    points, levels, form = some_points(2), np.arange(0.0, 3.0, 0.5), np.array([4.0, 1.0, 1.0, 4.0])
    places = np.empty((3, 2))
    version(apex_kernels.likely_places, compiled)(points, 12, form, levels, 6.0, 2, 0.4, places)
    grid = [(0.4 * c, 0.4 * r) for r, c in itertools.product(range(-2, 3), repeat=2)]
    evidence = [np.log(np.exp(oracle.likelihood(points[:12], *p, form, levels, 6.0)).sum()) for p in grid]
    expected = np.array(grid)[np.argsort(evidence)[::-1][:3]]
    np.testing.assert_allclose(places, expected, atol=1e-12)


@both
@pytest.mark.parametrize("step", [1, 2])
def test_points_near_a_top(compiled, step):
    rng = np.random.default_rng(3)
    shape = FRAME.shape
    height = rng.uniform(5, 20, shape).astype(np.float32)
    height[rng.random(shape) < 0.2] = np.nan
    dx, dy = (rng.uniform(0, 0.5, shape).astype(np.float32) for _ in range(2))
    labels = (rng.random(shape) < 0.7).astype(np.int32)
    slope = (np.arange(shape[1])[None, :] * 0.3 + np.arange(shape[0])[:, None] * 0.2).astype(np.float64)

    def ground(x, y):  # bilinear of a plane is the plane, level beyond the outer cells' centres
        u = np.clip(x / 0.5 - 0.5 - FRAME.column, 0, shape[1] - 1)
        v = np.clip((FRAME.south_row + FRAME.n_rows - 0.5) - y / 0.5, 0, shape[0] - 1)
        return u * 0.3 + v * 0.2

    for row, column in ((9, 11), (0, 0), (19, 23)):  # inside, and at two corners
        labels[row, column], height[row, column] = 1, 21.0
        top = np.array([(FRAME.column + column + 0.5) * 0.5, (FRAME.south_row + FRAME.n_rows - 0.5 - row) * 0.5, 21.0])
        out = np.empty((81, 3))
        frame = (FRAME.cell, FRAME.column, FRAME.south_row + FRAME.n_rows)
        kernel = version(apex_kernels.points_near, compiled)
        n = kernel(1, top, labels, (height, dx, dy), slope, frame, 1.25, step, out)
        expected = oracle.points_near(labels, height, dx, dy, ground, FRAME, 1, top, 1.25, step)
        assert n == len(expected) > 0
        # heights are float32, and 52 km are taken off in another order: micrometres
        np.testing.assert_allclose(sorted(map(tuple, out[:n])), sorted(expected), atol=2e-5)


def crowns_of(forms, density, seed, shape=(20, 20), spacing=4.0):
    """Crowns on a lattice, sampled by strewn pulses on a hillside: crowns, and their true losses."""
    rng = np.random.default_rng(seed)
    grid = Grid(0, 0, int(shape[1] * spacing / 0.5), int(shape[0] * spacing / 0.5), 0.5)
    width, depth = shape[1] * spacing, shape[0] * spacing
    n = rng.poisson(density * width * depth)
    x, y = width * rng.random(n), depth * rng.random(n)
    row, column = (y // spacing).astype(int), (x // spacing).astype(int)
    tree = row * shape[1] + column
    stem = np.stack(np.divmod(np.arange(shape[0] * shape[1]), shape[1])[::-1]) * spacing + 0.5 * spacing
    true = rng.normal(20.0, 1.0, shape[0] * shape[1])
    slope, roundness, rate = np.array(forms)[np.arange(true.size) % len(forms)].T
    r2 = (x - stem[0][tree]) ** 2 + (y - stem[1][tree]) ** 2
    top = true[tree] - np.sqrt(roundness[tree] ** 2 + slope[tree] ** 2 * r2) + roundness[tree]
    height = top - rng.exponential(1.0 / rate[tree]) + 0.3 * (stem[0][tree] - x)  # ground rises by 0.3 to the east
    points = HighestPoints.empty(grid)
    rows, columns = grid.cells_of(x, y)
    for i in np.argsort(height):
        at = rows[i], columns[i]
        points.height[at], points.dx[at], points.dy[at] = height[i], x[i] % 0.5, y[i] % 0.5
    labels = (np.arange(grid.n_rows)[::-1, None] // 8 * shape[1] + np.arange(grid.n_columns) // 8 + 1).astype(np.int32)
    highest = np.array([np.flatnonzero(tree == k)[np.argmax(height[tree == k])] for k in range(true.size)])
    tops = np.column_stack((x[highest], y[highest], height[highest]))
    ground = 0.3 * np.tile((np.arange(grid.n_columns) + 0.5) * 0.5, (grid.n_rows, 1))
    return apex.CrownPoints(points, labels, tops, ground), true - tops[:, 2]


@pytest.mark.parametrize("forms", [[(4.0, 0.5, 1.0)], [(3.0, 1.5, 1.0), (6.0, 0.5, 1.0)]], ids=["one", "two kinds"])
def test_forms_fitted_to_points_tell_single_losses(forms):
    crowns, true = crowns_of(forms, 4.0, 5)
    loss, variance = apex.fitted_losses(crowns.moments, np.arange(true.size) // 100)
    error = loss - true
    assert true.std() > 0.5
    assert error.std() < 0.8 * true.std()  # better than the true mean loss for all
    # points that never stick out of their crown, as here, let the surface sink among the highest of them
    assert abs(error.mean()) < 0.3 * true.mean()
    assert 0.5 < error.std() / np.sqrt(variance.mean()) < 1.5  # the variance says how far off they are


def test_few_trees_take_the_frequencies_of_all_and_few_points_the_mean():
    crowns, true = crowns_of([(4.0, 0.5, 1.0)], 4.0, 6, shape=(8, 8))
    alone = apex.fitted_losses(crowns.moments, np.arange(true.size))[0]
    together = apex.fitted_losses(crowns.moments, np.zeros(true.size, np.int64))[0]
    np.testing.assert_allclose(alone, together)  # the same 64 trees either way
    expected = np.array([np.full(64, 20.0), np.full(64, 19.5), np.full(64, 18.9)])
    mean = apex.mean_losses(expected, np.zeros(64, np.int64))
    crowns.labels[:] = 0
    losses = apex.apex_losses(expected, crowns.moments, np.zeros(64, np.int64))
    np.testing.assert_array_equal(losses, mean)


def test_no_trees():
    crowns, _ = crowns_of([(4.0, 0.5, 1.0)], 4.0, 6, shape=(4, 4))
    assert apex.apex_losses(np.empty((3, 0)), crowns.moments, np.empty(0, np.int64)).size == 0


def test_a_loss_is_the_mean_of_both_by_their_variances():
    """Two trees whose crowns say 2.0 m; the mean loss says 1.0 m with a chance of 0.52 m."""
    expected = np.array([[20.0] * 40, [19.5] * 40, [18.75] * 40])  # 0.5 / (0.75 / 0.5 - 1) = 1.0

    def moments(trees):
        out = np.zeros((trees.size, len(apex.FORMS), 3))
        out[..., 1], out[..., 2] = 2.0, 4.0 + apex.CHANCE**2
        return out

    losses = apex.apex_losses(expected, moments, np.zeros(40, np.int64))
    np.testing.assert_allclose(losses, np.full(40, 1.5))
    np.testing.assert_allclose(apex.CHANCE, 0.5227, atol=5e-5)  # of a Rayleigh distribution
