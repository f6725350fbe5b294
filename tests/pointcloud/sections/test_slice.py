"""Slices of points: layers, percentiles, the surface line with its gaps, scatter about the ground."""

from __future__ import annotations

import numpy as np
import pytest

from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.slice import Layer, take

FLAT = SectionLine((np.array([[-10.0, 5.0], [10.0, 5.0]]),))


def test_layers_by_class_and_height():
    offset = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7])
    height = np.array([5.0, 5.5, 9.0, 30.0, 12.0, 100.0])
    classes = np.array([2, 1, 1, 1, 6, 18], dtype=np.uint8)
    found = take(offset, height, classes, FLAT, 1.0)
    assert [b.layer for b in found.bands] == [Layer.GROUND, Layer.LOW_VEGETATION, Layer.CANOPY, Layer.STRUCTURE]
    assert sum(int(b.n_points.sum()) for b in found.bands) == 5, "noise is left out"
    np.testing.assert_allclose(found.bands[2].percentiles[0], [9 + 0.05 * 21, 19.5, 9 + 0.95 * 21, 30])


def test_percentiles_are_numpys():
    rng = np.random.default_rng(1)
    offset, height = rng.uniform(-10, 10, 3000), rng.normal(5, 1, 3000)
    (band,) = take(offset, height, np.full(3000, 2, np.uint8), FLAT, 1.0, step=0.5).bands
    for i, middle in enumerate(band.offset):
        own = height[(offset >= middle - 0.25) & (offset < middle + 0.25)]
        assert band.n_points[i] == own.size
        np.testing.assert_allclose(band.percentiles[i], np.percentile(own, [5, 50, 95, 100]), atol=1e-12)


def test_surface_line_keeps_gaps():
    offset = np.concatenate((np.arange(-5, -1, 0.1), np.arange(2, 6, 0.1)))
    height = np.where(offset < 0, 7.0, 9.0)
    top = take(offset, height, np.full(offset.size, 1, np.uint8), FLAT, 1.0).top()
    assert len(top.pieces) == 2
    assert top.height(-3.0) == 7.0
    assert np.isnan(top.height(0.0))


def test_scatter_is_about_the_line():
    rng = np.random.default_rng(2)
    offset = rng.uniform(-9, 9, 5000)
    found = take(offset, 5 + rng.normal(0, 0.03, 5000), np.full(5000, 2, np.uint8), FLAT, 0.5)
    np.testing.assert_allclose(found.scatter, 0.03, rtol=0.05)  # 5000 draws: 1 % standard error
    assert take(offset[:2], offset[:2], np.full(2, 2, np.uint8), FLAT, 0.5).scatter is None
    with pytest.raises(ParameterError):
        take(offset, offset, np.full(5000, 2, np.uint8), FLAT, 0.0)


def test_no_points():
    empty = take(np.zeros(0), np.zeros(0), np.zeros(0, np.uint8), FLAT, 1.0)
    assert empty.bands == ()
    assert empty.top().is_empty
