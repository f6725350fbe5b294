"""Kernels that go over rows of cells, against the sums that they stand for, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointcloud.grid import Grid
from pointcloud.ground import key_kernels, surface_kernels
from pointcloud.ground.trend import fit_corners

Floats = NDArray[np.float64]


def as_python(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    """Let the kernels of a module run as the Python that they are written in."""
    for name, function in list(vars(module).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(module, name, function.py_func)


def scattered() -> tuple[Floats, Floats, Floats, Floats]:
    """Positions, heights and weights of the lowest points of 8 x 16 cells, some of which have none."""
    rng = np.random.default_rng(6)
    rows, columns = np.mgrid[:8, :16]
    x, y = columns + rng.random((8, 16)), 8.0 - rows - rng.random((8, 16))
    weight = np.where(rng.random((8, 16)) < 0.7, rng.uniform(0.5, 1.0, (8, 16)), 0.0)
    weight[:, 12:] = 0.0
    for values in (x, y):
        values[weight == 0.0] = np.nan
    return x, y, 0.3 * x - 0.1 * y * y, weight


@pytest.mark.parametrize("plain", [False, True])
def test_planes_of_nodes_are_those_of_least_squares(monkeypatch: pytest.MonkeyPatch, *, plain: bool) -> None:
    if plain:
        as_python(monkeypatch, surface_kernels)
    x, y, z, weight = scattered()
    planes = np.empty((5, 9, 3))
    for band in ((0, 2), (2, 5)):
        surface_kernels.fit_level(x, y, z, weight, 2, 2.0, 0, 4, 1e-6, 0.05, 0.2, *band, planes)
    for i in range(5):
        for j in range(9):
            u, v = x / 2.0 - j, y / 2.0 - (4 - i)
            near = (weight > 0.0) & (abs(u) < 1.0) & (abs(v) < 1.0)
            u, v, height = u[near], v[near], z[near]
            w = weight[near] * (1.0 - abs(u)) * (1.0 - abs(v))
            if w.sum() < 0.2:
                assert np.isnan(planes[i, j, 0])
                continue
            columns = np.stack((np.ones_like(u), u, v))
            normal = (columns * w) @ columns.T + np.diag((1e-6, 0.05, 0.05))
            # normal equations of well-spread points in double precision
            np.testing.assert_allclose(planes[i, j], np.linalg.solve(normal, (columns * w) @ height), atol=1e-9)


def test_levels_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, z, weight = scattered()
    compiled = fit_corners(x, y, z, weight, Grid(0, 0, 16, 8, 1.0))
    as_python(monkeypatch, surface_kernels)
    plain = fit_corners(x, y, z, weight, Grid(0, 0, 16, 8, 1.0))
    np.testing.assert_array_equal(plain, compiled)
    east, north = np.meshgrid(np.arange(11.0), np.arange(8.0, -1.0, -1.0))
    # inside, where planes are not drawn beyond their points: the parabola bends by 0.1 m within a cell
    expected = 0.3 * east - 0.1 * north * north
    np.testing.assert_allclose(compiled[2:-2, 1:10], expected[2:-2, 1:10], atol=0.2)


def test_roughness_is_the_mean_of_what_is_accepted_around(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    residual, accepted = rng.normal(0, 0.6, (12, 9)), rng.random((12, 9)) < 0.5
    residual[rng.random((12, 9)) < 0.1] = np.nan
    accepted[:4, :4] = False
    expected = np.full((12, 9), np.nan)
    for r, c in zip(*np.nonzero(accepted), strict=True):
        window = np.s_[max(0, r - 2) : r + 3, max(0, c - 2) : c + 3]
        around = np.minimum(1.0, np.abs(residual[window][accepted[window]]))
        expected[r, c] = np.nanmean(around) if np.isfinite(around).any() else np.nan
    found = np.empty((2, 12, 9))
    for band in ((0, 5), (5, 12)):
        key_kernels.local_roughness(residual, accepted, 2, *band, found[0])
    as_python(monkeypatch, key_kernels)
    key_kernels.local_roughness(residual, accepted, 2, 0, 12, found[1])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)  # means of up to 25 numbers
