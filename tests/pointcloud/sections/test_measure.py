"""Single measurements on surfaces whose answer is known: road with camber, plane, wire over a slope."""

from __future__ import annotations

import math

import numpy as np
import pytest
from shapely import box

from pointcloud.errors import ParameterError
from pointcloud.sections import measure
from pointcloud.sections.line import polyline
from pointcloud.sections.strips import ground_surface


def grid_surface(height, max_gap=3.0):
    x, y = (v.ravel().astype(float) for v in np.meshgrid(np.arange(0, 101), np.arange(0, 41)))
    return ground_surface(x, y, height(x, y), max_gap)


ROAD = polyline("road", [5, 95], [20, 20])


@pytest.fixture(scope="module")
def camber():
    """2 % down to both sides of y = 20, 5 % up along the road."""
    return grid_surface(lambda x, y: 100 + 0.05 * x - 0.02 * np.abs(y - 20))


def test_camber_falls_to_both_sides(camber):
    rows = measure.crossfalls(camber, ROAD, 6.0, 20.0)
    assert [r.chainage for r in rows] == [0, 20, 40, 60, 80, 90]
    for row in rows:
        np.testing.assert_allclose([row.left, row.right], [-2, -2], atol=1e-9)  # breaks at vertices: exact


def test_superelevation_has_opposite_signs():
    bank = grid_surface(lambda x, y: 100 - 0.06 * (y - 20))
    for row in measure.crossfalls(bank, ROAD, 6.0):
        np.testing.assert_allclose([row.left, row.right], [-6, 6], atol=1e-9)


def test_an_unknown_side_has_no_slope():
    x, y = (v.ravel().astype(float) for v in np.meshgrid(np.arange(0, 101), np.arange(20, 41)))
    north = ground_surface(x, y, y * 0.0, 0.5)
    row = measure.crossfalls(north, ROAD, 8.0)[0]
    assert row.left == pytest.approx(0.0)
    assert row.right is None
    with pytest.raises(ParameterError, match="crossfall"):
        measure.crossfalls(north, ROAD, 0.0)


def test_length_slope_and_area_of_a_plane(camber):
    found = measure.length(camber, ROAD)
    np.testing.assert_allclose(
        [found.plan, found.surface, found.rise, found.slope_percent, found.steepest_percent],
        [90, 90 * math.hypot(1, 0.05), 4.5, 5, 5],
    )
    size = measure.area(camber, box(10.3, 3.7, 60.1, 19.2))
    np.testing.assert_allclose(size.plan, 49.8 * 15.5)
    np.testing.assert_allclose(size.surface, size.plan * math.sqrt(1 + 0.05**2 + 0.02**2))
    assert size.void < 1e-9
    outside = measure.area(camber, box(90, 10, 110, 20))
    np.testing.assert_allclose(outside.void, 100)


def test_clearance_of_a_wire(camber):
    wire = np.column_stack((np.linspace(10, 90, 161), np.full(161, 20.0), np.full(161, 112.0)))
    found = measure.clearance_over_ground(camber, wire)
    np.testing.assert_allclose(found.height, 112 - 100 - 0.05 * 90)
    np.testing.assert_allclose(found.place, (90, 20))
    tree = (np.array([40.3, 40.3, 70.0]), np.array([20.5, 20.5, 26.0]), np.array([105.0, 113.0, 111.0]))
    over = measure.clearance_over_objects(wire, *tree)
    np.testing.assert_allclose(over.height, 7.0)  # one point is above the wire, one is 6 m beside it
    nothing = measure.clearance_over_objects(wire, *(np.zeros(0),) * 3)
    assert nothing.height is None
    beyond = measure.clearance_over_ground(camber, wire + np.array([500.0, 0.0, 0.0]))
    assert beyond.place is None
