"""The longitudinal profile (縦断図) as a sheet: bands, figures beside each other, long lines, design heights."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from pointcloud.drawing.profile_sheet import _apart, profile_sheets
from pointcloud.drawing.section_sheet import section_sheets
from pointcloud.drawing.sheet import Label, Stroke, TitleBlock
from pointcloud.sections.rounding import half_up
from tests.oracles.section_series import example_series, planned_series, texts

TITLES = {"before": "変化前", "after": "変化後"}
BLOCK = TitleBlock("災害復旧", "市道1号線", "EPSG:6676", "標高 JGD2011")


@pytest.fixture(scope="module")
def series():
    return example_series()


def test_profile_has_its_bands(series):
    (sheet,) = profile_sheets(series, BLOCK, TITLES, "A3", 500, 200)
    shown = texts([sheet])
    for title in (
        "測点",
        "単距離",
        "追加距離",
        "地盤高(変化前)",
        "地盤高(変化後)",
        "切土高",
        "盛土高",
        "勾配",
        "平面線形",
    ):
        assert title in shown
    assert "R=80.0 CL=20.00" in shown
    names = {s.station.name for s in series.sections}
    place = {i.text: i.x + 0.4 * i.size for i in sheet.items if isinstance(i, Label) and i.angle and i.text in names}
    edge = max(i.points[:, 0].max() for i in sheet.items if isinstance(i, Stroke) and i.role == "datum")
    assert max(place.values()) <= edge + 1e-9, "the last figures stand clear of the border by the gap of all others"
    assert any(re.fullmatch(r"-?\d+\.\d%", t) for t in shown)


@pytest.mark.parametrize("wanted", [[10.0, 10.2, 30.0], [10.0, 59.0, 60.0], [10.0 + i for i in range(40)], [10.0], []])
def test_figures_of_close_stations_stand_beside_each_other(wanted):
    """In order, as far apart as there is room for, none beyond the right edge; those with room stay."""
    places = _apart(wanted, 3.0, 60.0)
    assert all(b - a >= min(3.0, 50.0 / (len(wanted) - 1)) - 1e-9 for a, b in pairwise(places))
    assert not places or (places[0] >= 10.0 - 1e-9 and places[-1] <= 60.0 + 1e-9)
    if len(wanted) == 3:
        assert max(abs(p - w) for p, w in zip(places, wanted, strict=True)) <= 3.0


def test_long_profiles_go_on_the_next_sheet(series):
    sheets = profile_sheets(series, BLOCK, TITLES, "A3", 200, 200)
    assert len(sheets) == 1 + int(70.0 // ((420 - 10 - 8 - 42) * 0.2))
    assert [s.title for s in sheets] == [f"縦断図 ({i + 1}/{len(sheets)})" for i in range(len(sheets))] or len(
        sheets
    ) == 1


def test_design_profile_in_profile_and_sections():
    series = planned_series()
    (sheet,) = profile_sheets(series, BLOCK, TITLES, "A3", 500, 200)
    shown = texts([sheet])
    assert {"計画高", "計画縦断線", "105.00", "109.00", "10.0%"} <= set(shown)
    strokes = [i.points for i in sheet.items if isinstance(i, Stroke) and i.role == "design"]
    (plan,) = [p for p in strokes if len(p) == 3]  # the other is the legend's
    np.testing.assert_allclose(np.diff(plan, axis=0), [[80.0, 20.0], [60.0, 0.0]], atol=1e-9)  # 1/500 and 1/200
    sheets = section_sheets(series, BLOCK, TITLES, "A3", 200)
    shown = texts(sheets)
    for section in series.sections:
        planned = 105.0 + 4.0 * min(section.station.distance / 40.0, 1.0)
        assert any(t.endswith(f"FH={half_up(planned, 2)}") for t in shown)
    ticks = [i.points for s in sheets for i in s.items if isinstance(i, Stroke) and i.role == "design"]
    assert len(ticks) == len(series.sections) + len(sheets), "one a section, one a legend"


def test_cut_and_fill_heights_against_the_design_profile():
    series = planned_series()  # also with a pair of surfaces it is the design that heights of cut and fill lead to
    (sheet,) = profile_sheets(series, BLOCK, TITLES, "A3", 500, 200)
    shown = texts([sheet])
    for section in (series.sections[0], series.sections[-1]):  # others stand too close for figures of their own
        rise = series.plan.height(section.station.distance) - section.lines["after"].height(0.0)
        assert str(half_up(abs(rise), 2)) in shown


def test_a_long_design_profile_is_cut_at_the_edges_of_sheets():
    sheets = profile_sheets(planned_series(), BLOCK, TITLES, "A3", 100, 200)
    assert len(sheets) > 1
    for sheet in sheets:
        lines = [i.points for i in sheet.items if isinstance(i, Stroke) and i.role == "design"]
        assert len(lines) == 2
        assert max(p[:, 0].max() for p in lines) <= 420
