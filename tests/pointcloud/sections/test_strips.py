"""Sections by strips of the TIN are those of the whole TIN, number by number. About 3 s."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pointcloud.ground.surface import triangulate
from pointcloud.sections import place_kernels, strips
from pointcloud.sections.cut import Surface
from pointcloud.sections.line import CentreLine, Piece
from pointcloud.sections.stations import lay_out
from pointcloud.sections.strips import StripSurface, ground_surface

E0, N0 = 52_000.0, -98_000.0


@pytest.fixture(scope="module")
def ground():
    """Half a hectare with a pond, a dense and a sparse half, and points that come twice."""
    rng = np.random.default_rng(8)
    x = np.concatenate((rng.uniform(0, 60, 15_000), rng.uniform(60, 120, 2_500)))
    y = rng.uniform(0, 80, x.size)
    own = np.hypot(x - 50, y - 40) > 12.0
    x, y = np.concatenate((x[own], x[own][:500])) + E0, np.concatenate((y[own], y[own][:500])) + N0
    return x, y, 20.0 + 3.0 * np.sin(x / 7.0) * np.cos(y / 9.0) + rng.normal(0, 0.02, x.size)


@pytest.fixture(scope="module")
def line():
    return CentreLine("line", (Piece(E0 + 5, N0 + 10, 0.5, 60.0), Piece(E0 + 57.65, N0 + 38.77, 0.5, 60.0, 0.0, 0.02)))


@pytest.mark.parametrize("max_gap", [1.5, 5.0])
def test_lines_equal_those_of_the_whole(ground, line, max_gap):
    whole, cut = Surface(triangulate(*ground), max_gap), StripSurface(*ground, max_gap)
    stations = lay_out(line, 7.0, 22, 30, skew=12.0).items
    for station in stations:
        found, expected = cut.cut(station).pieces, whole.cut(station).pieces
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert any(len(whole.cut(s).pieces) > 1 for s in stations), "sections over the pond are open"


def test_profile_and_heights_equal_those_of_the_whole(ground, line):
    whole, cut = Surface(triangulate(*ground)), StripSurface(*ground, 5.0)
    for one, other in zip(cut.profile(line).pieces, whole.profile(line).pieces, strict=True):
        np.testing.assert_array_equal(one, other)
    for x, y in ((E0 + 20.2, N0 + 30.1), (E0 + 50, N0 + 40), (E0 + 90, N0 + 60)):
        assert cut.height_at(x, y) == whole.height_at(x, y) or math.isnan(cut.height_at(x, y))


def test_a_section_inside_the_land_needs_a_part_of_the_points(ground, monkeypatch):
    taken = []
    monkeypatch.setattr(strips, "triangulate", lambda x, y, z: taken.append(x.size) or triangulate(x, y, z))
    surface = StripSurface(*ground, 5.0)
    surface.along((E0 + 10, N0 + 10, E0 + 30, N0 + 12))
    assert sum(taken) < 0.3 * ground[0].size
    surface.along((E0 + 10, N0 + 10.5, E0 + 30, N0 + 12.5))
    assert len(taken) == 1, "half a metre beside it the same strip serves"


def test_where_strips_cost_more_the_whole_is_made_once(ground, monkeypatch):
    taken = []
    monkeypatch.setattr(strips, "triangulate", lambda x, y, z: taken.append(x.size) or triangulate(x, y, z))
    surface = StripSurface(*ground, 5.0)
    for y in range(1, 78, 2):
        surface.along((E0 - 5, N0 + y, E0 + 125, N0 + y))
    assert taken.count(ground[0].size) == 1
    assert sum(taken) <= 2 * ground[0].size


def test_few_points_are_triangulated_at_once(ground):
    assert not isinstance(ground_surface(*ground), StripSurface)
    assert isinstance(ground_surface(*ground, n_whole=100), StripSurface)


@pytest.mark.parametrize("compiled", [True, False])
def test_kernels_that_sort_by_place(compiled):
    """Against numpy's sorts."""
    rng = np.random.default_rng(2)
    x, y = E0 + rng.uniform(0, 30, 700), N0 + rng.uniform(0, 20, 700)
    z = rng.integers(0, 5, 700).astype(float)
    sort, highest_of, mark = (
        k if compiled else k.py_func
        for k in (place_kernels.sort_by_cell, place_kernels.highest_of_cells, place_kernels.mark_touched)
    )
    starts, order = np.zeros(15 * 10 + 1, dtype=np.int64), np.empty(700, dtype=np.int64)
    sort(x, y, np.array([E0, N0, 2.0]), np.array([10, 15]), starts, order)
    cells = ((y - N0) // 2).astype(int) * 15 + ((x - E0) // 2).astype(int)
    np.testing.assert_array_equal(order, np.argsort(cells, kind="stable"))
    np.testing.assert_array_equal(np.diff(starts), np.bincount(cells, minlength=150))

    block, out = (np.floor(y / 8) * 1e6 + np.floor(x / 8)).astype(np.int64), np.empty(700, dtype=np.int64)
    n = highest_of(x, y, z, np.argsort(block, kind="stable"), block, 0.5, 16, out)
    best: dict[tuple[float, float], int] = {}
    for i in range(700):
        cell = (np.floor(x[i] / 0.5), np.floor(y[i] / 0.5))
        if cell not in best or z[i] >= z[best[cell]]:
            best[cell] = i
    np.testing.assert_array_equal(np.sort(out[:n]), np.sort(list(best.values())))

    touched, inside = rng.random((4, 5)) < 0.5, np.empty(700, dtype=bool)
    px, py = np.round(x * 100).astype(np.int32), np.round(y * 100).astype(np.int32)
    corner = np.array([math.floor(E0 / 8) + 1, math.floor(N0 / 8) + 2])
    mark(px, py, np.array([0.01, 0.01]), np.zeros(2), 8.0, corner, touched, inside)
    rows = corner[1] - np.floor(py * 0.01 / 8).astype(int)
    columns = np.floor(px * 0.01 / 8).astype(int) - corner[0]
    own = (rows >= 0) & (rows < 4) & (columns >= 0) & (columns < 5)
    own[own] = touched[rows[own], columns[own]]
    np.testing.assert_array_equal(inside, own)
    assert 0 < inside.sum() < 700
