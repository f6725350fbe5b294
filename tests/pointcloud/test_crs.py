"""The CRS of a file: stated, never guessed."""

from __future__ import annotations

import re

import pytest
from pyproj import CRS

from pointcloud import crs, sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import VerticalDatum
from pointcloud.errors import CrsError, UnitsError

IZUSAN = Bounds(52000, -98500, 52200, -98200)
"""A rectangle near Atami in zone VIII, within sheet 08NF2370."""

NAME = "08NF2370_lp.laz"
ZONE_8 = CRS.from_epsg(6676)


def test_the_header_comes_first() -> None:
    found = crs.resolve(ZONE_8, NAME, IZUSAN)
    assert (found.crs.to_epsg(), found.source, found.notes) == (6676, "header", ())


def test_the_sheet_in_the_name_comes_next() -> None:
    assert sheets.at(8, 52100, -98350).code == "08NF2370"
    for name in (NAME, NAME.lower()):
        found = crs.resolve(None, name, IZUSAN)
        assert (found.crs.to_epsg(), found.source) == (6676, "tile-code")
    with_heights = crs.resolve(None, NAME, IZUSAN, "EPSG:6676+6695")
    assert (with_heights.source, with_heights.vertical_datum) == ("tile-code", VerticalDatum.JGD2011)


def test_the_old_reading_of_a_code_is_taken_where_the_points_lie_there() -> None:
    old = sheets.parse("08ND7712", 1250).bounds
    corner = Bounds(old.x_min + 600, old.y_min + 50, old.x_min + 700, old.y_min + 150)
    assert not sheets.parse("08ND7712", 500).bounds.intersection(corner)
    assert crs.resolve(None, "08ND7712.las", corner).source == "tile-code"


def test_the_parameter_comes_last() -> None:
    found = crs.resolve(None, "before.laz", IZUSAN, "EPSG:6676")
    assert (found.crs.to_epsg(), found.source) == (6676, "parameter")


def test_nothing_stated_is_refused_with_a_proposal() -> None:
    with pytest.raises(CrsError) as caught:
        crs.resolve(None, "before.laz", IZUSAN)
    message = str(caught.value)
    assert message.startswith(
        "no CRS in before.laz; the coordinates fit plane rectangular zone VIII: send crs=EPSG:6676 "
        "(command line: --crs EPSG:6676); also possible: "
    )
    assert "zone VII EPSG:6675" in message
    assert "平面直角座標系 VIII 系" in caught.value.ja
    assert caught.value.details["candidates"][0] == "EPSG:6676"
    assert "EPSG:6675" in caught.value.details["candidates"]


def test_the_home_zone_is_proposed_only_where_it_fits() -> None:
    # 4,900 km east of the origin is in no zone; 250 km north-east of zone XII's origin is in Hokkaido alone
    assert crs.candidates(Bounds(4_900_000, 0, 4_900_100, 100)) == ()
    assert crs.HOME_ZONE not in crs.candidates(Bounds(200_000, 300_000, 200_100, 300_100))
    with pytest.raises(CrsError, match="fit no Japanese plane rectangular zone") as caught:
        crs.resolve(None, "far.laz", Bounds(4_900_000, 0, 4_900_100, 100))
    assert caught.value.details["candidates"] == []


def test_points_outside_the_named_sheet_are_not_taken_for_it() -> None:
    with pytest.raises(CrsError, match=r"name says map sheet 08ME3552 .* but the points lie at E 52000"):
        crs.resolve(None, "08ME3552.laz", IZUSAN)
    assert crs.resolve(None, "08ME3552.laz", IZUSAN, "EPSG:6676").source == "parameter"


def test_swapped_axes_are_seen_by_the_sheet() -> None:
    swapped = Bounds(IZUSAN.y_min, IZUSAN.x_min, IZUSAN.y_max, IZUSAN.x_max)
    with pytest.raises(UnitsError, match=r"easting and northing are swapped.*exchange them") as caught:
        crs.resolve(None, NAME, swapped)
    assert "入れ替わっています" in caught.value.ja


def test_swapped_axes_are_seen_by_the_area_of_use() -> None:
    # 30 km east and 155 km south of zone VIII's origin; exchanged it is 155 km west and 30 km north: in the sea
    south = Bounds(30_000, -160_000, 30_100, -159_900)
    swapped = Bounds(south.y_min, south.x_min, south.y_max, south.x_max)
    assert crs.resolve(None, "a.laz", south, "EPSG:6676").source == "parameter"
    for header, wanted in ((None, "EPSG:6676"), (ZONE_8, None)):
        with pytest.raises(UnitsError, match="swapped"):
            crs.resolve(header, "a.laz", swapped, wanted)


def test_header_and_parameter_must_agree() -> None:
    assert crs.resolve(ZONE_8, "a.laz", IZUSAN, "EPSG:6676").source == "header"
    with pytest.raises(CrsError, match="JGD2011 and JGD2000 are different reference frames of one zone"):
        crs.resolve(ZONE_8, "a.laz", IZUSAN, "EPSG:2450")
    with pytest.raises(CrsError, match=r"states EPSG:6676 .* but crs=EPSG:6675"):
        crs.resolve(ZONE_8, "a.laz", IZUSAN, "EPSG:6675")
    with pytest.raises(CrsError, match="states"):
        crs.resolve(crs.parse("EPSG:6676+6694"), "a.laz", IZUSAN, "EPSG:6676+6695")


def test_sheet_and_parameter_must_name_one_zone() -> None:
    with pytest.raises(CrsError, match="EPSG:6675"):
        crs.resolve(None, NAME, IZUSAN, "EPSG:6675")
    older = crs.resolve(None, NAME, IZUSAN, "EPSG:2450")
    assert (older.crs.to_epsg(), older.source) == (2450, "parameter"), "a sheet's code says nothing of the frame"


@pytest.mark.parametrize(
    ("stated", "unit"),
    [
        ("EPSG:4326", "degree"),
        ("EPSG:6668", "degree"),
        ("EPSG:4978", "geocentric"),
        ("EPSG:2994", "foot"),
        ("EPSG:2227", "US survey foot"),
        ("EPSG:6676+6360", "US survey foot"),  # metres in the plane, heights in feet
    ],
)
def test_other_units_are_refused_with_the_remedy(stated: str, unit: str) -> None:
    for header, wanted in ((crs.parse(stated), None), (None, stated)):
        with pytest.raises(UnitsError, match=f"(?i){unit}.*reproject it first.*pdal translate") as caught:
            crs.resolve(header, "a.laz", IZUSAN, wanted)
        assert "変換してください" in caught.value.ja


@pytest.mark.parametrize("edges", [(138.1, 34.9, 138.2, 35.0), (34.9, 138.1, 35.0, 138.2)])
def test_coordinates_in_degrees_are_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(UnitsError, match=r"are degrees.*reproject"):
        crs.resolve(None, "a.laz", Bounds(*edges), "EPSG:6676")


def test_metres_near_the_origin_are_no_degrees() -> None:
    assert crs.resolve(None, "a.laz", Bounds(100, 20, 160, 60), "EPSG:6676").source == "parameter"


def test_the_given_crs_must_fit_the_points() -> None:
    with pytest.raises(CrsError, match=r"outside the area of use of the given CRS EPSG:3005.*EPSG:6676"):
        crs.resolve(None, "a.laz", IZUSAN, "EPSG:3005")


def test_a_header_outside_its_area_is_only_noted() -> None:
    found = crs.resolve(CRS.from_epsg(3005), "a.laz", IZUSAN)
    assert [note.code for note in found.notes] == ["outside-area-of-use"]


def test_a_local_crs_says_nothing() -> None:
    local = CRS.from_wkt('LOCAL_CS["site grid",UNIT["metre",1]]')
    found = crs.resolve(local, "a.laz", IZUSAN, "EPSG:6676")
    assert (found.source, [note.code for note in found.notes]) == ("parameter", ["local-crs"])
    with pytest.raises(CrsError, match=r"no CRS in a\.laz"):
        crs.resolve(local, "a.laz", IZUSAN)


@pytest.mark.parametrize(
    ("text", "datum"),
    [
        ("EPSG:6676+6694", VerticalDatum.JGD2000),
        ("EPSG:6676+6695", VerticalDatum.JGD2011),
        ("EPSG:10169", VerticalDatum.JGD2011),
        ("EPSG:6676+5773", VerticalDatum.UNKNOWN),
        ("EPSG:6676", VerticalDatum.UNKNOWN),
    ],
)
def test_heights_are_told_by_code(text: str, datum: VerticalDatum) -> None:
    horizontal, found = crs.split(crs.parse(text))
    assert (horizontal.to_epsg(), found) == (6676, datum)


def test_jgd2024_heights_are_told_by_a_code_that_proj_does_not_know() -> None:
    vertical = 'VERT_CS["some name",VERT_DATUM["d",2005],UNIT["metre",1],AXIS["h",UP],AUTHORITY["EPSG","11317"]]'
    compound = CRS.from_wkt(f'COMPD_CS["c",{ZONE_8.to_wkt("WKT1_GDAL")},{vertical}]')
    assert crs.split(compound) == (ZONE_8, VerticalDatum.JGD2024)


@pytest.mark.parametrize("code", [2450, 6676, 6669, 30168, 3005, 2154, 32654])
@pytest.mark.parametrize("dialect", ["WKT1_GDAL", "WKT1_ESRI", "WKT2_2019"])
def test_every_dialect_of_wkt_gives_epsg_s_own_crs(code: int, dialect: str) -> None:
    official = CRS.from_epsg(code)
    assert crs.split(CRS.from_wkt(official.to_wkt(dialect)))[0] == official


def test_wkt_without_codes_is_told_by_its_datum() -> None:
    bare = re.sub(r',AUTHORITY\["EPSG","\d+"\]', "", ZONE_8.to_wkt("WKT1_GDAL"))
    assert crs.split(CRS.from_wkt(bare))[0].to_epsg() == 6676
    assert crs.split(CRS.from_wkt(bare.replace("2011", "2000")))[0].to_epsg() == 2450
    moved = ZONE_8.to_wkt("WKT1_GDAL").replace('"false_easting",0', '"false_easting",1000')
    assert crs.split(CRS.from_wkt(moved))[0] != ZONE_8, "a code does not make another projection the same"


def test_a_three_dimensional_crs_has_ellipsoidal_heights() -> None:
    horizontal, datum = crs.split(ZONE_8.to_3d())
    assert (horizontal.to_epsg(), datum) == (6676, VerticalDatum.ELLIPSOIDAL)


@pytest.mark.parametrize("text", ["EPSG:0", "zone 8", "6676x", ""])
def test_unknown_codes_are_refused(text: str) -> None:
    with pytest.raises(CrsError, match=r"not known; expected an EPSG code like EPSG:6676") as caught:
        crs.parse(text)
    assert "解釈できません" in caught.value.ja


def test_a_projection_without_area_of_use_fits_everywhere() -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=35 +lon_0=138 +ellps=GRS80 +units=m")
    assert crs.resolve(own, "a.laz", IZUSAN).notes == ()
    assert crs.resolve(None, NAME, IZUSAN, ZONE_8).crs == ZONE_8, "a CRS object will do for a code"
    with pytest.raises(CrsError, match="states EPSG:6676"):
        crs.resolve(None, NAME, IZUSAN, own)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("EPSG:6676", ("metre", "metre")),
        ("EPSG:6676+6695", ("metre", "metre")),
        ("EPSG:2994", ("foot", "foot")),
        ("EPSG:6676+6360", ("metre", "US survey foot")),
        ("EPSG:4326", ("degree", "unknown")),
        ("EPSG:4979", ("degree", "metre")),
    ],
)
def test_units_are_those_that_the_crs_states(text: str, units: tuple[str, str]) -> None:
    assert crs.units(crs.parse(text)) == units
