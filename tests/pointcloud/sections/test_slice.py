"""Slices of points: layers, percentiles, scatter about the ground."""

from __future__ import annotations

import numpy as np
import pytest

from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.slice import Layer, take
from pointcloud.sections.top import top_surface

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
    (band,) = take(offset, height, np.full(3000, 2, np.uint8), FLAT, 1.0).bands
    for i, middle in enumerate(band.offset):
        own = height[(offset >= middle - 0.25) & (offset < middle + 0.25)]
        assert band.n_points[i] == own.size
        np.testing.assert_allclose(band.percentiles[i], np.percentile(own, [5, 50, 95, 100]), atol=1e-12)


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


def test_land_that_rises_along_the_line_is_no_scatter():
    rng = np.random.default_rng(3)
    offset, beside = rng.uniform(-9, 9, 4000), rng.uniform(-0.5, 0.5, 4000)
    height, classes = 5 + 0.4 * beside + rng.normal(0, 0.01, 4000), np.full(4000, 2, np.uint8)
    np.testing.assert_allclose(take(offset, height, classes, FLAT, 1.0, rise=0.4 * beside).scatter, 0.01, rtol=0.05)
    assert take(offset, height, classes, FLAT, 1.0).scatter > 0.1, "a grade of 40 % within 1 m"


def test_top_surface_is_the_highest_point_of_each_cell():
    rng = np.random.default_rng(4)
    x, y = rng.uniform(-10, 10, (2, 20_000))
    z, classes = np.where(rng.random(20_000) < 0.5, 0.0, 8.0), np.ones(20_000, np.uint8)
    z[0], classes[0] = 500.0, 18
    top = top_surface(x, y, z, classes, 3.0)
    assert top.tin.z.max() == 8.0, "noise is left out"
    cells = {(np.floor(a / 0.5), np.floor(b / 0.5)) for a, b in zip(x[1:], y[1:], strict=True)}
    assert top.tin.x.size == len(cells)
    # twelve points a cell: all of them low once in 4,000 cells
    assert np.mean(top.tin.z == 8.0) > 0.99
    assert top_surface(*(np.zeros(0),) * 3, np.zeros(0, np.uint8), 3.0).along((0, 0, 1, 0)).is_empty
