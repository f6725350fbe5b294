"""Stem volumes against published values and the shape of the joined curves. Costs about a second."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pointcloud.errors import ParameterError
from pointcloud.forest.stem import stem_volume, volume_table, volume_tables

# README of the R package stemv (Shimizu 2024), printed to seven digits
PUBLISHED = (
    ("東京スギ", 15.1, 20.2, 0.1893091), ("東京スギ", 31.8, 23.4, 0.8597140), ("高知ヒノキ", 55.1, 22.7, 2.223054),
)  # fmt: skip
# the equations alone, worked out apart from this package, to six decimals
RAW = (
    ("東京スギ", 20, 15, 0.235822), ("東京スギ", 30, 20, 0.667093), ("東京スギ", 31, 20, 0.710932),
    ("東京ヒノキ", 15, 12, 0.109222), ("東京ヒノキ", 20, 15, 0.239357), ("東京ヒノキ", 30, 20, 0.668956),
    ("東京ヒノキ", 40, 22, 1.223847), ("長野カラマツ", 24, 18, 0.406353), ("東京広葉樹", 25, 15, 0.325392),
    ("東京スギ", 50, 12, 0.907310), ("東京スギ", 45, 10, 0.630075),
    ("東京スギ", 40.9, 25, 1.4878), ("東京スギ", 41, 25, 1.4542),
)  # fmt: skip
JOINED = (("東京スギ", 50, 12, 0.987847), ("東京スギ", 45, 10, 0.714206))


@pytest.mark.parametrize(("name", "dbh", "height", "expected"), PUBLISHED)
def test_published_values(name, dbh, height, expected):
    # seven digits are printed
    np.testing.assert_allclose(stem_volume(volume_table(name), dbh, height), expected, rtol=5e-7)


@pytest.mark.parametrize(("name", "dbh", "height", "expected"), RAW)
def test_equations_alone(name, dbh, height, expected):
    digits = len(str(expected).partition(".")[2])
    found = stem_volume(volume_table(name), dbh, height, is_joined=False)
    # half of the last printed digit
    np.testing.assert_allclose(found, expected, atol=0.51 * 10.0**-digits)


@pytest.mark.parametrize(("name", "dbh", "height", "expected"), JOINED)
def test_sugi_runs_straight_over_the_borders(name, dbh, height, expected):
    np.testing.assert_allclose(stem_volume(volume_table(name), dbh, height), expected, atol=5.1e-7)


def test_three_point_joining_by_hand():
    """東京 broadleaves at 61 cm: nodes 58, 60, 62, 64, the inner two as means of three."""
    table = volume_table("東京広葉樹")
    raw = {d: float(stem_volume(table, d, 20, is_joined=False)) for d in (58, 60, 62, 64)}
    inner = (raw[58] + raw[60] + raw[62]) / 3, (raw[60] + raw[62] + raw[64]) / 3
    found = stem_volume(table, [58.0, 59.0, 60.0, 61.0, 62.0, 63.5], 20)
    expected = [raw[58], (raw[58] + inner[0]) / 2, inner[0], sum(inner) / 2, inner[1], inner[1] / 4 + raw[64] * 3 / 4]
    np.testing.assert_allclose(found, expected, rtol=1e-12)  # the same sums in another order


def test_five_point_joining_by_hand():
    """Momi at 31 cm: raw at 26 and 36, means of five at 28, 30, 32, 34."""
    table = volume_table("関東中部モミ")

    def raw(d: float) -> float:
        return float(stem_volume(table, d, 18, is_joined=False))

    def mean(d: float) -> float:
        return sum(raw(d + s) for s in (-4, -2, 0, 2, 4)) / 5

    expected = [(raw(26) + mean(28)) / 2, mean(30), (mean(30) + mean(32)) / 2, (mean(34) + raw(36)) / 2]
    np.testing.assert_allclose(stem_volume(table, [27.0, 30.0, 31.0, 35.0], 18), expected, rtol=1e-12)


@pytest.mark.parametrize("name", volume_tables())
@settings(max_examples=20, deadline=None)
@given(dbh=st.floats(5, 60), slenderness=st.floats(45, 130))
def test_volumes_are_those_of_a_stem(name, dbh, slenderness):
    """A stem is more than a thin spindle and less than a cylinder of its own diameter and height."""
    height = dbh * slenderness / 100  # 形状比 of trees that stand
    volume = float(stem_volume(volume_table(name), dbh, height))
    cylinder = np.pi / 4 * (dbh / 100) ** 2 * height
    assert 0.20 * cylinder < volume < 0.95 * cylinder


@pytest.mark.parametrize("name", [n for n, t in volume_tables().items() if t.joining in ("3w", "5w")])
def test_joined_curves_have_no_step(name):
    table = volume_table(name)
    d = np.arange(5.0, 80.0, 0.01)
    joined, raw = (stem_volume(table, d, 20.0, is_joined=j) for j in (True, False))
    # 0.01 cm of diameter adds at most 0.1 % of what a stem of 80 cm holds, where the equations alone jump at borders
    assert np.abs(np.diff(joined)).max() < 0.004
    far = (np.abs(d[:, None] - table.lower[1:]) > 5.0).all(axis=1)
    np.testing.assert_array_equal(joined[far], raw[far])


def test_no_tree_has_no_volume():
    table = volume_table("東京スギ")
    np.testing.assert_array_equal(stem_volume(table, [0, -1, 20, np.nan], [10, 10, 0, 5]), [0, 0, 0, np.nan])
    assert stem_volume(table, np.zeros((0, 3)), 5.0).shape == (0, 3)


def test_unknown_table_is_named_with_the_ones_there_are():
    with pytest.raises(ParameterError, match=r"東京バナナ.*東京スギ"):
        volume_table("東京バナナ")
