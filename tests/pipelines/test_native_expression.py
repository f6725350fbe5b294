"""PDAL's expressions, assignments, ranges and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.native import expression
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError

POINTS = PointCloud(
    np.arange(4.0), np.zeros(4), np.array([1.0, -2.0, 3.0, 400.0]),
    {"Classification": np.array([2, 2, 5, 7], np.uint8), "Red": np.array([0, 255, 60000, 65535], np.uint16)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Classification == 2", [1, 1, 0, 0]),
        ("Classification==2&&Z>0", [1, 0, 0, 0]),
        ("Classification != 2 || Z < 0", [0, 1, 1, 1]),
        ("!(Z > 0)", [0, 1, 0, 0]),
        ("!Z > 0", [0, 0, 0, 0]),
        ("X + 1 >= 3", [0, 0, 1, 1]),
        ("X * 2 + 1 == 3", [0, 1, 0, 0]),
        ("(X + 1) * 2 == 4", [0, 1, 0, 0]),
        ("Z < -1.5e0", [0, 1, 0, 0]),
        ("Red + Red > 65535", [0, 0, 1, 1]),
        ("Z / 0 > 0", [1, 0, 1, 1]),
        ("1 == 1", [1, 1, 1, 1]),
    ],
)
def test_conditions(text: str, expected: list[int]) -> None:
    np.testing.assert_array_equal(expression.condition(text)(POINTS), np.array(expected, dtype=bool))


@pytest.mark.parametrize(
    "text",
    ["", "Z >", "Z > 3)", "(Z > 3", "Z = 3", "Z > 3; drop", "__import__('os')", "Z > 3 Z", "&& Z", "(" * 300 + "Z"],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="expression"):
        expression.condition(text)


def test_an_unknown_dimension_names_those_there() -> None:
    with pytest.raises(
        ParameterError, match="no dimension 'Height' in the points; there are X, Y, Z, Classification, Red"
    ):
        expression.condition("Height > 3")(POINTS)


def test_assignment() -> None:
    found = expression.assignment("Red = Red / 256 WHERE Z > 0 && X < 3")
    assert found.dimension == "Red"
    assert found.where is not None
    np.testing.assert_array_equal(found.value(POINTS), POINTS.attributes["Red"] / 256)
    np.testing.assert_array_equal(found.where(POINTS), [True, False, True, False])
    for text in ("Red == 3", "Red", "3 = Red", "Red = WHERE Z > 3", "Red = 3 WHERE"):
        with pytest.raises(ParameterError):
            expression.assignment(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [("Z[1:3]", [1, 0, 1, 0]), ("Z(1:3]", [0, 0, 1, 0]), ("Z[1:3)", [1, 0, 0, 0]), ("Z![1:3]", [0, 1, 0, 1]),
     ("Z[:3]", [1, 1, 1, 0]), ("Z( : )", [1, 1, 1, 1]), ("Z[ 1 : 1e3 ]", [1, 0, 1, 1])],
)  # fmt: skip
def test_ranges(text: str, inside: list[int]) -> None:
    found, _ = expression.value_range(text)
    np.testing.assert_array_equal(found.holds(POINTS.z), np.array(inside, dtype=bool))


@pytest.mark.parametrize("text", ["Z", "Z[1]", "Z[a:b]", "[1:2]", "Z[1:2", "Z[1:2]x", "Z[1:2] Z[3:4]"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="expected Dimension"):
        expression.value_range(text)


def test_nan_is_outside_of_every_range() -> None:
    found, _ = expression.value_range("Z[:]")
    np.testing.assert_array_equal(found.holds(np.array([np.nan])), [False])


@settings(max_examples=50, deadline=None)
@given(*[st.floats(-1e7, 1e7)] * 4)
def test_bounds_read_as_written(a: float, b: float, c: float, d: float) -> None:
    x0, x1, y0, y1 = min(a, b), max(a, b), min(c, d), max(c, d)
    assert expression.box(f"([{x0!r}, {x1!r}], [{y0!r}, {y1!r}])").as_tuple() == (x0, y0, x1, y1)
    assert expression.box(f"[{x0!r},{x1!r}],[{y0!r},{y1!r}]").as_tuple() == (x0, y0, x1, y1)


@pytest.mark.parametrize(
    "text", ["", "1,2,3,4", "([1,2])", "([1,2],[3])", "([2,1],[0,1])", "([0,1],[0,1],[0,1])", "([a,b],[c,d])"]
)
def test_what_are_no_bounds_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        expression.box(text)
