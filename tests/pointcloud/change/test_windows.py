"""Means in square windows: SciPy's running sums to the last bit. Under a second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pointcloud.change import window_kernels
from pointcloud.change.stable import uniform, window_mean


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), rows=st.integers(1, 30), columns=st.integers(1, 30), half=st.integers(0, 20),
    scale=st.floats(1e-3, 1e6),
)  # fmt: skip
def test_as_scipy(seed, rows, columns, half, scale):
    values = scale * np.random.default_rng(seed).normal(size=(rows, columns))
    expected = ndimage.uniform_filter(values, 2 * half + 1, mode="constant")
    np.testing.assert_array_equal(uniform(values, 2 * half + 1), expected)


def test_bands_of_threads_change_nothing():
    values = np.random.default_rng(1).normal(size=(210, 190))  # enough for threads
    np.testing.assert_array_equal(uniform(values, 9), ndimage.uniform_filter(values, 9, mode="constant"))


@pytest.mark.parametrize("size", [3, 9])
def test_kernels_as_python(size):
    values = np.random.default_rng(2).normal(size=(7, 6))
    down, out = np.empty(values.shape), np.empty(values.shape)
    for first, last in ((0, 2), (2, 6)):
        window_kernels.down_columns.py_func(values, size, first, last, down)
    for first, last in ((0, 5), (5, 7)):
        window_kernels.along_rows.py_func(down, size, first, last, out)
    np.testing.assert_array_equal(out, uniform(values, size))


def test_mean_of_known_cells():
    values = np.arange(12.0).reshape(3, 4)
    values[:, 0] = np.nan
    found = window_mean(values, 3)
    np.testing.assert_allclose(found[1, 2], values[:, 1:].mean(), rtol=1e-12)  # rounding of running sums
    np.testing.assert_allclose(found[0, 0], values[:2, 1].mean(), rtol=1e-12)
    assert np.isnan(window_mean(np.full((3, 3), np.nan), 3)).all()
