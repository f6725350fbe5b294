"""国土基本図図郭: codes to rectangles and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.errors import ParameterError

KNOWN = [
    # code, easting, northing: names of published tiles, and places computed from their longitude and latitude
    ("08ME3552", 21000, -70650),  # summit of Mt Fuji
    ("08ME3552", 20800, -70500),  # its north-western corner belongs to it
    ("08ME3562", 20800, -70800),  # its southern edge to the sheet below
    ("08ME3553", 21200, -70500),  # its eastern edge to the sheet beside
    ("08OF4060", 40200, -133950),  # Kawazu loop bridge
    ("08OC5828", -44528.71, -135800.61),  # Kakegawa castle
    ("08OC5828", -44799.45, -135899.34),  # first point of the published tile
    ("08ND7783", -10677.17, -113490.46),  # prefectural office
    ("08PD1397", -25151.20, -155740.71),  # Omaezaki
    ("08NF2249", 51797.94, -97412.66),  # Atami Izusan
    ("08KE0000", 0, 0),
    ("08KD0909", -0.001, 0),
    ("08OE0000", 0, -120000),
]

BOUNDS = [
    ("08ME3552", (20800, -70800, 21200, -70500)),
    ("08OF4060", (40000, -134100, 40400, -133800)),
    ("08OC5828", (-44800, -135900, -44400, -135600)),
    ("08OE0000", (0, -120300, 400, -120000)),
    # by hand from the definitions: row M = 12, column E = 4, so the corner is E 0, N -60000
    ("08ME", (0, -90000, 40000, -60000)),
    ("08ME35", (20000, -72000, 24000, -69000)),
    ("08ME351", (20000, -70500, 22000, -69000)),
    ("08ME352", (22000, -70500, 24000, -69000)),
    ("08ME353", (20000, -72000, 22000, -70500)),
    ("08ME354", (22000, -72000, 24000, -70500)),
    ("08ME350A", (20000, -69600, 20800, -69000)),
    ("08ME354E", (23200, -72000, 24000, -71400)),
]


@pytest.mark.parametrize(("code", "easting", "northing"), KNOWN)
def test_known_points_lie_in_known_sheets(code: str, easting: float, northing: float) -> None:
    found = sheets.at(8, easting, northing)
    assert found.code == code
    assert found.contains(easting, northing)
    assert sheets.parse(code.lower()) == found


@pytest.mark.parametrize(("code", "edges"), BOUNDS)
def test_codes_give_rectangles(code: str, edges: tuple[float, float, float, float]) -> None:
    assert sheets.parse(code).bounds == Bounds(*edges)


@settings(max_examples=200, deadline=None)
@given(
    zone=st.integers(1, 19),
    easting=st.floats(-160_000, 160_000, exclude_max=True),
    northing=st.floats(-300_000, 300_000, exclude_min=True),
    level=st.sampled_from(sheets.LEVELS),
)
def test_code_and_point_agree_at_every_level(zone: int, easting: float, northing: float, level: sheets.Level) -> None:
    found = sheets.at(zone, easting, northing, level)
    assert found.contains(easting, northing)
    assert (found.zone, found.level) == (zone, level)
    assert sheets.parse(found.code, level) == found
    assert found in sheets.readings(found.code.lower())
    width, height = sheets.SIZES[level]
    assert (found.bounds.width, found.bounds.height) == (width, height)


@settings(max_examples=50, deadline=None)
@given(easting=st.floats(-160_000, 159_999), northing=st.floats(-299_999, 300_000))
def test_a_sheet_lies_in_its_parents(easting: float, northing: float) -> None:
    own = sheets.at(8, easting, northing, 500).bounds
    for level in (5000, 50000):
        parent = sheets.at(8, easting, northing, level).bounds  # type: ignore[arg-type]
        assert parent.union(own) == parent


def test_the_old_level_1250_is_a_second_reading() -> None:
    both = sheets.readings("08ND7712")
    assert [sheet.level for sheet in both] == [500, 1250]
    assert sheets.parse("08ND7712").level == 500
    old = sheets.parse("08ND7712", 1250)
    # 5000 sheet 08ND77: E -12000, N -111000; quarter 1 (NW) of it, quarter 2 (NE) of that: 1000 m by 750 m
    assert old.bounds == Bounds(-11000, -111750, -10000, -111000)
    assert [sheet.level for sheet in sheets.readings("08ND7783")] == [500], "8 and 3 are no two quarters"
    assert [sheet.level for sheet in sheets.readings("08ND7715")] == [500]


@pytest.mark.parametrize(
    "text", ["", "08", "00ND7783", "20ND7783", "08UD7783", "08NI7783", "08ND778", "08ND77835", "08ND775A", "08ND770F",
             "８ND7783", "8ND7783"],
)  # fmt: skip
def test_other_texts_are_no_codes(text: str) -> None:
    with pytest.raises(ParameterError, match="not a 国土基本図 code") as caught:
        sheets.parse(text, 500)
    assert "図郭コードではありません" in caught.value.ja


def test_points_outside_the_zone_are_refused() -> None:
    with pytest.raises(ParameterError, match="outside zone 8's rectangle"):
        sheets.at(8, 160_000, 0)
    with pytest.raises(ParameterError, match="outside zone 8's rectangle"):
        sheets.at(8, 0, -300_000)
    with pytest.raises(ParameterError, match="allowed are 1 to 19"):
        sheets.at(20, 0, 0)
    with pytest.raises(ParameterError, match="level 250"):
        sheets.at(8, 0, 0, 250)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("08ND7783.las", "08ND7783"),
        ("08nd7783.LAZ", "08ND7783"),
        ("LP_08OF4060_org.copc.laz", "08OF4060"),
        ("2021-08me3552-ground.laz", "08ME3552"),
        ("08ME352.laz", "08ME352"),
        ("08ME350A.laz", "08ME350A"),
        ("08ND7783_08ND7783.laz", "08ND7783"),
        ("08ND7783_08ND7784.laz", None),  # two sheets: which one?
        ("x08ND7783.laz", None),
        ("08ND7783b.laz", None),
        ("12AB.laz", None),  # four characters are too often something else
        ("before.laz", None),
    ],
)
def test_codes_in_file_names(name: str, code: str | None) -> None:
    found = sheets.find(Path("/somewhere") / "08OF4060" / name)
    assert (found[0].code if found else None) == code


@pytest.mark.parametrize(("zone", "epsg"), [(1, 6669), (8, 6676), (9, 6677), (19, 6687)])
def test_zones_have_their_epsg_codes(zone: int, epsg: int) -> None:
    assert sheets.zone_epsg(zone) == epsg
    assert sheets.at(zone, 0, 0).epsg == epsg
