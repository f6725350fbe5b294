"""Stations: names, places, what is merged, what crosses, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.errors import ParameterError
from pointcloud.sections.line import CentreLine, Equation, Piece, polyline
from pointcloud.sections.stations import Extra, distances_of, lay_out, station_name


def straight(length=100.0, start=0.0):
    return CentreLine("straight", (Piece(0.0, 0.0, 0.0, length),), start)


@pytest.mark.parametrize(("chainage", "name"), [
    (0.0, "No.0"), (60.0, "No.3"), (72.345, "No.3+12.345"), (79.9999, "No.4"), (-90.0, "No.-4-10.000"),
    (-80.0, "No.-4"), (-5.0, "No.0-5.000"), (-1e-9, "No.0"), (19.9996, "No.1"),
])  # fmt: skip
def test_names(chainage, name):
    assert station_name(chainage, 20.0) == name


def test_regular_stations_with_ends_corners_and_given_ones():
    line = polyline("road", [0, 50, 50], [0, 0, 37.5])
    found = lay_out(line, 20, 10, 15, extra=[Extra(33.3, "杭7", left=5.0), Extra(40.0)]).items
    assert [s.name for s in found] == [
        "BP (No.0)", "No.1", "杭7 (No.1+13.300)", "No.2", "No.2+10.000", "No.3", "No.4", "EP (No.4+7.500)",
    ]  # fmt: skip
    assert (found[2].left, found[2].right) == (5.0, 15.0)
    np.testing.assert_allclose(found[4].direction, math.pi / 4, atol=1e-12)  # bisects the corner
    np.testing.assert_allclose(found[1].segment, (20, 10, 20, -15), atol=1e-12)  # left is north of an eastward line


def test_multiples_follow_chainage_and_equations():
    line = CentreLine("eq", (Piece(0, 0, 0, 100.0),), -10.0, (Equation(49.625, 39.625, 40.0),))
    assert [(s.name, s.distance) for s in lay_out(line, 20, 5, 5).items] == [
        ("BP (No.0-10.000)", 0.0), ("No.0", 10.0), ("No.1", 30.0), ("No.2", 49.625), ("No.3", 69.625),
        ("No.4", 89.625), ("EP (No.4+10.375)", 100.0),
    ]  # fmt: skip


def test_names_that_an_equation_repeats_are_told_apart():
    line = CentreLine("eq", (Piece(0, 0, 0, 100.0),), 0.0, (Equation(40.5, 40.5, 40.0),))
    names = [s.name for s in lay_out(line, 20, 5, 5).items]
    assert names == ["BP (No.0)", "No.1", "No.2", "No.2'", "No.3", "No.4", "EP (No.4+19.500)"]


def test_names_of_the_source_are_kept_and_joined():
    line = CentreLine(
        "arc", (Piece(0, 0, 0, 40.0), Piece(40, 0, 0, 30.0, 0.01, 0.01)), labels=((40.0, "BC"), (70.0, "EC"))
    )
    names = [s.name for s in lay_out(line, 20, 5, 5).items]
    assert names == ["BP (No.0)", "No.1", "BC (No.2)", "No.3", "EP・EC (No.3+10.000)"]


def test_given_one_by_one():
    found = lay_out(straight(), 20, 5, 5, extra=[Extra(50.0, "A", skew=30.0), Extra(12.0)], regular=False).items
    assert [(s.name, s.skew) for s in found] == [("No.0+12.000", 0.0), ("A (No.2+10.000)", 30.0)]
    left_x, left_y, _, _ = found[1].segment
    np.testing.assert_allclose((left_x, left_y), (50 - 5 * math.sin(math.radians(30)), 5 * math.cos(math.radians(30))))


def test_ends_and_named_points_given_one_by_one_keep_their_names():
    line = replace(straight(), labels=((40.0, "IP1"), (70.0, "IP2")))
    found = lay_out(line, 20, 5, 5, extra=[Extra(0.0), Extra(40.0), Extra(100.0, "橋台")], regular=False).items
    assert [s.name for s in found] == ["BP (No.0)", "IP1 (No.2)", "橋台・EP (No.5)"]


def test_crossing_sections_are_said():
    bend = CentreLine("bend", (Piece(0, 0, 0, 30 * math.pi / 2, 1 / 30, 1 / 30),))
    assert lay_out(bend, 10, 20, 20).notes == ()
    wide = lay_out(bend, 10, 40, 40)
    assert {n.code for n in wide.notes} == {"sections-cross", "section-beyond-curve-centre"}
    assert wide.crossing == frozenset(range(len(wide.items)))
    outer_only = lay_out(bend, 10, 5, 40)  # it turns left, so the right side is the outer one
    assert outer_only.notes == ()


@pytest.mark.parametrize("arguments", [
    {"pitch": 0}, {"pitch": -5}, {"pitch": math.nan}, {"pitch": 0.01}, {"left": 0, "right": 0}, {"left": -1},
    {"right": math.inf}, {"skew": 85}, {"extra": [Extra(101.0)]}, {"extra": [Extra(5.0, left=0, right=0)]},
])  # fmt: skip
def test_refused(arguments):
    with pytest.raises(ParameterError) as caught:
        lay_out(straight(), **{"pitch": 20, "left": 10, "right": 10, **arguments})
    assert caught.value.ja


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 500), st.floats(0.5, 60), st.floats(-200, 200))
def test_any_straight_line(length, pitch, start):
    items = lay_out(straight(length, start), pitch, 5, 5).items
    distances = np.array([s.distance for s in items])
    assert distances[0] == 0.0
    assert distances[-1] == pytest.approx(length, abs=0.0051)
    gaps = np.diff(distances)
    assert (gaps > 0).all()
    assert gaps.max() <= pitch + 0.011, "no gap between neighbours beyond the pitch and the merging distance"
    assert len({s.name for s in items}) == len(items)


@pytest.mark.parametrize(("peg", "distances"), [
    ("No.3+12.345", (82.345,)), ("3+12.345", (82.345,)), ("ＮＯ．３", (70.0,)), ("No.0-5", (5.0,)),
    ("No.3-5", (65.0,)),
    ("BP", (0.0,)), ("ep", (200.0,)), ("KA1-1", (33.0,)), ("45.5", (55.5,)), (45.5, (55.5,)), ("No.99", ()),
    ("nowhere", ()), ("", ()),
])  # fmt: skip
def test_pegs_are_found_by_name(peg, distances):
    line = replace(polyline("line", [0, 200], [0, 0]), start=-10.0, labels=((33.0, "KA1-1"),))
    np.testing.assert_allclose(distances_of(line, peg, 20.0), distances)
