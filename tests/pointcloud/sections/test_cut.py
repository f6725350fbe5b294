"""Section lines against surfaces whose sections are known in closed form, and against slow twins."""

from __future__ import annotations

import math
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.errors import GeometryError, ParameterError
from pointcloud.ground.surface import triangulate
from pointcloud.sections import cut, kernels
from pointcloud.sections.cut import SectionLine, design_surface, joined, union
from pointcloud.sections.line import CentreLine, Piece, polyline
from pointcloud.sections.place import PointIndex
from pointcloud.sections.stations import Extra, lay_out
from pointcloud.sections.strips import ground_surface
from tests.oracles import sections as oracle

E0, N0 = 52_000.0, -98_000.0
RNG = np.random.default_rng(5)


def scattered(n=4000, width=60.0):
    return E0 + RNG.uniform(0, width, n), N0 + RNG.uniform(0, width, n)


def section(surface, x=E0 + 30, y=N0 + 30, left=20.0, right=25.0, direction=0.3, skew=0.0):
    line = CentreLine("line", (Piece(x, y, direction, 10.0),))
    (station,) = lay_out(line, 20, left, right, skew=skew, extra=[Extra(0.0)], regular=False).items
    return station, surface.cut(station)


@pytest.mark.parametrize("skew", [0.0, 25.0, -40.0])
def test_plane_is_exact(skew):
    x, y = scattered()
    surface = ground_surface(x, y, 12.0 + 0.3 * (x - E0) - 0.2 * (y - N0))
    station, line = section(surface, skew=skew)
    assert len(line.pieces) == 1
    (piece,) = line.pieces
    ux, uy = station.across
    expected = 12.0 + 0.3 * (30 + piece[:, 0] * ux) - 0.2 * (30 + piece[:, 0] * uy)
    np.testing.assert_allclose(piece[:, 1], expected, atol=1e-9)  # rounding of 1e5 m coordinates
    np.testing.assert_allclose(piece[[0, -1], 0], [-20, 25], atol=1e-9)
    assert (np.diff(piece[:, 0]) >= 0).all()


def test_vertices_lie_at_the_true_breaks():
    """A road with crossfall 2 % to both sides and a 1:1.5 slope, as a design of long triangles."""
    profile = [(-10.0, 4.0), (-4.0, 0.0), (0.0, 0.08), (4.0, 0.0), (7.0, -2.0)]
    faces = []
    for (o1, z1), (o2, z2) in pairwise(profile):
        a, b, c, d = (0.0, -o1, z1), (50.0, -o1, z1 + 1.0), (50.0, -o2, z2 + 1.0), (0.0, -o2, z2)
        faces += [[a, b, c], [a, c, d]]
    surface = design_surface(np.array(faces))
    _, line = section(surface, x=25.0, y=0.0, direction=0.0)
    simple, deviation = line.simplified(1e-6)
    np.testing.assert_allclose(simple.pieces[0], np.array(profile) + np.array([0.0, 0.5]), atol=1e-9)
    assert deviation <= 1e-6


def test_cone():
    x, y = np.meshgrid(np.arange(-30.0, 31.0), np.arange(-30.0, 31.0))
    x, y = x.ravel() + E0, y.ravel() + N0
    surface = ground_surface(x, y, 20.0 - np.hypot(x - E0, y - N0))
    _, line = section(surface, x=E0, y=N0, direction=math.pi / 2, left=25, right=25)  # along a row of vertices
    (piece,) = line.pieces
    np.testing.assert_allclose(piece[:, 1], 20.0 - np.abs(piece[:, 0]), atol=1e-9)
    assert {-25.0, -10.0, 0.0, 7.0, 25.0} <= set(np.round(piece[:, 0], 9)), "every vertex on the line is a vertex"


def test_step_of_a_design_stays_vertical():
    low = [[(0, 0, 1), (10, 0, 1), (10, 10, 1)], [(0, 0, 1), (10, 10, 1), (0, 10, 1)]]
    high = [[(0, 10, 3), (10, 10, 3), (10, 20, 3)], [(0, 10, 3), (10, 20, 3), (0, 20, 3)]]
    surface = design_surface(np.array(low + high, dtype=float))
    _, line = section(surface, x=5.0, y=10.0, direction=math.pi, left=8, right=8)  # seen to the west, right is north
    (piece,) = line.simplified(0.001)[0].pieces
    np.testing.assert_allclose(piece, [(-8, 1), (0, 1), (0, 3), (8, 3)], atol=1e-9)


def test_section_along_the_edge_of_a_design():
    square = np.array([[(0, 0, 1), (10, 0, 2), (10, 10, 2)], [(0, 0, 1), (10, 10, 2), (0, 10, 1)]], dtype=float)
    for y in (0.0, 10.0):
        (piece,) = design_surface(square).along((0.0, y, 10.0, y)).pieces
        np.testing.assert_allclose(piece[[0, -1]], [(0, 1), (10, 2)], atol=1e-12)


@pytest.mark.parametrize("direction", [0.0, 0.3, 1.405648, 2.9])
def test_design_that_begins_at_a_station_is_whole_there(direction):
    along, across = np.array([np.cos(direction), np.sin(direction)]), np.array([np.sin(direction), -np.cos(direction)])
    rows = [[np.round([E0 + 30, N0 + 30] + s * along + t * across, 3) for t in (-13, -5, 5, 13)] for s in (0.0, 40.0)]
    a, b = ([(*p, h) for p, h in zip(row, (5.3, 0.0, 0.0, 5.3), strict=True)] for row in rows)
    faces = [f for k in range(3) for f in ([a[k], a[k + 1], b[k + 1]], [a[k], b[k + 1], b[k]])]
    (piece,) = section(design_surface(np.array(faces)), direction=direction)[1].pieces
    np.testing.assert_allclose(piece[:, 0][[0, -1]], [-13.0, 13.0], atol=0.002)  # corners are in whole millimetres
    np.testing.assert_allclose(np.interp([-5.0, 0.0, 5.0], *piece.T), 0.0, atol=0.002)  # and the slope is 0.66


def test_design_that_lies_over_itself_is_refused():
    square = np.array([[(0, 0, 1), (10, 0, 1), (10, 10, 1)], [(0, 0, 5), (10, 0, 5), (10, 10, 5)]], dtype=float)
    with pytest.raises(GeometryError, match="over itself"):
        design_surface(square).along((0.0, 2.0, 10.0, 2.0))


def test_random_tin_agrees_with_testing_every_triangle():
    x, y = scattered(300)
    z = RNG.normal(0, 3, x.size)
    surface = ground_surface(x, y, z, max_gap=50.0)
    tin = surface.tin
    for direction in (0.0, 0.7, 2.1):
        station, line = section(surface, direction=direction)
        for offset in RNG.uniform(-20, 25, 12):
            expected = oracle.height_on_tin(tin.x, tin.y, tin.z, tin.triangles, *station.place(offset))
            np.testing.assert_allclose(line.height(offset), expected, atol=1e-6)  # slopes up to 100 at rounding of 1e5


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-7, 2e-6, 0.004]))
@settings(max_examples=30, deadline=None)
def test_parts_are_joined_alike_at_once_and_one_by_one(seed, miss):
    """With gaps, and with ends that miss each other by rounding or by what is an overlap or a step."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.uniform(0.1, 2.0, 40))
    z = rng.normal(0.0, 1.0, 40)
    parts = np.column_stack((t[:-1], z[:-1], t[1:] + rng.choice([-miss, 0.0, miss], 39), z[1:]))
    parts = rng.permutation(parts[rng.random(39) < 0.8])
    found = joined(parts)
    with mock.patch.object(cut, "_simply_joined", return_value=None):
        expected = joined(parts)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gaps_follow_the_distance_to_the_nearest_point():
    x, y = scattered(3000)
    keep = np.hypot(x - E0 - 30, y - N0 - 30) > 9.0
    x, y = x[keep], y[keep]
    surface = ground_surface(x, y, np.zeros(x.size), max_gap=4.0)
    station, line = section(surface)
    assert len(line.pieces) == 2
    ((low, high),) = line.gaps(-20, 25)
    for edge in (low, high):
        np.testing.assert_allclose(oracle.nearest(x, y, *station.place(edge)), 4.0, atol=1e-6)
    for offset in np.linspace(-20, 25, 200):
        is_known = oracle.nearest(x, y, *station.place(offset)) <= 4.0
        assert is_known != math.isnan(line.height(offset)) or min(abs(offset - low), abs(offset - high)) < 1e-6


def test_outside_the_survey_there_is_nothing():
    x, y = scattered(500)
    _, line = section(ground_surface(x, y, np.zeros(x.size)), x=E0 + 500)
    assert line.is_empty
    assert line.gaps(-20, 25) == [(-20, 25)]
    assert ground_surface(x[:2], y[:2], x[:2]).along((E0, N0, E0 + 1, N0)).is_empty
    with pytest.raises(ParameterError):
        ground_surface(x, y, x, max_gap=0.0)


def test_profile_follows_a_curve():
    x, y = scattered(20_000)
    line = CentreLine("arc", (Piece(E0 + 10, N0 + 10, 0.0, 20.0), Piece(E0 + 30, N0 + 10, 0.0, 30.0, 1 / 25, 1 / 25)))
    surface = ground_surface(x, y, 0.1 * (x - E0) + 0.2 * (y - N0))
    (piece,) = surface.profile(line).pieces
    px, py, _ = line.at(piece[:, 0])
    np.testing.assert_allclose(piece[:, 1], 0.1 * (px - E0) + 0.2 * (py - N0), atol=3e-4)  # 1 mm chords on 0.22 slope
    np.testing.assert_allclose(piece[[0, -1], 0], [0, line.length], atol=1e-9)


def test_profile_of_a_polyline_is_exact():
    x, y = scattered(2000)
    surface = ground_surface(x, y, 0.1 * (x - E0))
    (piece,) = surface.profile(polyline("bent", [E0 + 10, E0 + 30, E0 + 30], [N0 + 10, N0 + 10, N0 + 50])).pieces
    np.testing.assert_allclose(piece[:, 1], 0.1 * (10 + np.minimum(piece[:, 0], 20)), atol=1e-9)


def test_height_at_a_place():
    x, y = scattered(2000)
    surface = ground_surface(x, y, 0.1 * (x - E0) + 5)
    np.testing.assert_allclose(surface.height_at(E0 + 20, N0 + 33), 7.0, atol=1e-9)
    assert math.isnan(surface.height_at(E0 - 100, N0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.5))
def test_simplified_states_its_deviation(seed, tolerance):
    rng = np.random.default_rng(seed)
    t = np.unique(np.round(rng.uniform(-20, 20, 80), 3))
    piece = np.column_stack((t, np.cumsum(rng.normal(0, 0.1, t.size))))
    simple, deviation = SectionLine((piece,)).simplified(tolerance)
    found = np.abs(np.interp(t, *simple.pieces[0].T) - piece[:, 1]).max()
    np.testing.assert_allclose(deviation, found, atol=1e-12)
    assert deviation <= tolerance
    assert len(simple.pieces[0]) <= len(piece)


def test_points_near_a_segment():
    x, y = scattered(3000)
    index = PointIndex(x, y, 2.0)
    numbers, t, d = index.near((E0 + 10, N0 + 5, E0 + 40, N0 + 50), 3.0)
    u = np.array([30, 45]) / math.hypot(30, 45)
    along, side = u[0] * (x - E0 - 10) + u[1] * (y - N0 - 5), u[0] * (y - N0 - 5) - u[1] * (x - E0 - 10)
    expected = np.flatnonzero((np.abs(side) <= 3) & (along >= -3) & (along <= math.hypot(30, 45) + 3))
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_allclose(t, along[expected], atol=1e-9)
    np.testing.assert_allclose(d, side[expected], atol=1e-9)


def test_union_of_intervals():
    low, high = np.array([3.0, 0.0, 1.0, 5.0]), np.array([4.0, 1.0, 2.0, 6.0])
    np.testing.assert_array_equal(union(low, high), [[0, 2], [3, 4], [5, 6]])
    assert union(low[:0], high[:0]).shape == (0, 2)


def test_kernels_agree_with_their_python_source(monkeypatch):
    x, y = scattered(120)
    z = RNG.normal(0, 1, x.size)
    compiled = section(ground_surface(x, y, z, 20.0))[1].simplified(0.05)
    for name in ("slab_range", "index_triangles", "crossing", "cut_triangle", "cut_tin", "points_near", "mark_kept"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    plain = section(ground_surface(x, y, z, 20.0))[1].simplified(0.05)
    np.testing.assert_allclose(np.vstack(compiled[0].pieces), np.vstack(plain[0].pieces), atol=1e-9)
    assert compiled[1] == pytest.approx(plain[1])


def test_section_does_not_depend_on_the_order_of_points():
    x, y = scattered(500)
    z = RNG.normal(0, 1, x.size)
    order = RNG.permutation(x.size)
    a, b = section(ground_surface(x, y, z))[1], section(ground_surface(x[order], y[order], z[order]))[1]
    t = np.linspace(-20, 25, 100)
    np.testing.assert_allclose([a.height(v) for v in t], [b.height(v) for v in t], atol=1e-9)
    assert triangulate(x, y, z).triangles.shape == triangulate(x[order], y[order], z[order]).triangles.shape
