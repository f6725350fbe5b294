"""Distances on a grid against SciPy's transform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pointcloud.ground import distance_kernels
from pointcloud.ground.distance import distance_within


def by_scipy(is_set: np.ndarray, reach: float, cell: float) -> np.ndarray:
    if not is_set.any():
        return np.full(is_set.shape, np.inf)
    distance = np.asarray(ndimage.distance_transform_edt(~is_set, sampling=cell))
    return np.where(distance <= np.ceil(reach / cell) * cell * (1 + 1e-12), distance, np.inf)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), rows=st.integers(1, 30), columns=st.integers(1, 30), share=st.floats(0.0, 0.3),
    reach=st.floats(0.1, 12.0), cell=st.sampled_from([0.5, 1.0, 2.0]),
)  # fmt: skip
def test_as_scipy_within_reach(seed, rows, columns, share, reach, cell):
    is_set = np.random.default_rng(seed).random((rows, columns)) < share
    # one square root against a sum of squares: a few units in the last place
    np.testing.assert_allclose(distance_within(is_set, reach, cell), by_scipy(is_set, reach, cell), rtol=1e-15)


def test_kernels_as_python():
    is_set = np.random.default_rng(3).random((9, 11)) < 0.05
    column = np.empty(is_set.shape, dtype=np.int64)
    found = np.empty(is_set.shape)
    distance_kernels.along_columns.py_func(is_set, 4, column)
    distance_kernels.across_columns.py_func(column, 4, 0.5, 0, 9, found)
    np.testing.assert_array_equal(found, distance_within(is_set, 2.0, 0.5))
    assert np.isinf(found).any()
    assert (found == 0.0).sum() == is_set.sum()


@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_a_grid_without_cells(shape):
    assert distance_within(np.zeros(shape, dtype=np.bool_), 3.0).shape == shape
