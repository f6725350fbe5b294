"""Centre lines: straight, arc and clothoid against textbook formulas; every source format; station equations."""

from __future__ import annotations

import math
from dataclasses import replace

import ezdxf
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pointcloud.errors import FileError, GeometryError, UnitsError
from pointcloud.sections.line import CentreLine, Equation, Piece, polyline
from pointcloud.sections.reading import read_lines

ZONE_8 = CRS.from_epsg(6676)
E0, N0 = 52_000.0, -98_000.0


def xy(line, s):
    x, y, _ = line.at(np.array([s], dtype=float))
    return x[0], y[0]


def test_arc_lies_on_its_circle():
    line = CentreLine("arc", (Piece(E0, N0, math.pi / 2, 50.0 * math.pi / 2, 1 / 50, 1 / 50),))
    s = np.linspace(0, line.length, 33)
    x, y, direction = line.at(s)
    np.testing.assert_allclose(np.hypot(x - (E0 - 50), y - N0), 50.0, atol=1e-9)  # rounding at 1e5 m
    np.testing.assert_allclose(direction, math.pi / 2 + s / 50, atol=1e-12)
    np.testing.assert_allclose((x[-1], y[-1]), (E0 - 50, N0 + 50), atol=1e-9)


def test_clothoid_follows_its_series():
    """x = L (1 - t^2/10 + t^4/216 - ...), y = L (t/3 - t^3/42 + ...), t = L / 2R (road design manuals)."""
    length, radius = 62.5, 250.0
    x, y = xy(CentreLine("clothoid", (Piece(0, 0, 0, length, 0.0, 1 / radius),)), length)
    t = length / (2 * radius)
    np.testing.assert_allclose(x, length * (1 - t**2 / 10 + t**4 / 216 - t**6 / 9360), atol=1e-9)  # next term 1e-13
    np.testing.assert_allclose(y, length * (t / 3 - t**3 / 42 + t**5 / 1320 - t**7 / 75600), atol=1e-9)


def test_long_spiral_turns_without_losing_digits():
    line = CentreLine("spiral", (Piece(0, 0, 0, 200.0, 0.0, 1 / 5),))
    s = np.linspace(0.0, 200.0, 400_001)
    angle = s * s / (2 * 200 * 5)
    x = np.concatenate(([0.0], np.cumsum((np.cos(angle[1:]) + np.cos(angle[:-1])) / 2 * np.diff(s))))
    np.testing.assert_allclose(xy(line, 200.0)[0], x[-1], atol=1e-6)  # trapezoid error of the check


def test_reversed_line_begins_at_bp():
    line = replace(polyline("line", [0, 10, 30], [0, 0, 0]), labels=((0.0, "BP"), (10.0, "IP1"), (30.0, "EP")))
    assert line.reversed().labels == ((0.0, "BP"), (20.0, "IP1"), (30.0, "EP"))


def test_direction_at_a_corner_bisects_it():
    line = polyline("corner", [0, 10, 10], [0, 0, 10])
    x, y, direction = line.at(np.array([5.0, 10.0, 15.0]))
    np.testing.assert_allclose(direction, [0, math.pi / 4, math.pi / 2], atol=1e-12)
    np.testing.assert_allclose((x[1], y[1]), (10, 0))
    before, after = line.directions(np.array([10.0]))
    np.testing.assert_allclose([before[0], after[0]], [0, math.pi / 2], atol=1e-12)


def test_corner_that_turns_back_across_pi():
    line = polyline("west", [10, 0, -10], [0, 0.0, -1.0])
    _, _, direction = line.at(np.array([10.0]))
    assert abs(math.cos(direction[0]) + 1) < 0.01, "between west and a little south of west"


def test_dense_chords_stay_within_the_sagitta():
    line = CentreLine("arc", (Piece(0, 0, 0, 30.0), Piece(30, 0, 0, 40.0, -1 / 25, -1 / 25)))
    s = line.dense(0, line.length, 0.001)
    middle = (s[:-1] + s[1:]) / 2
    x, y, _ = line.at(s)
    xm, ym, _ = line.at(middle)
    assert np.hypot((x[:-1] + x[1:]) / 2 - xm, (y[:-1] + y[1:]) / 2 - ym).max() < 0.00101
    assert 30.0 in s


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 70), st.floats(-8, 8))
def test_place_undoes_at(s, offset):
    line = CentreLine("mixed", (Piece(0, 0, 0, 30.0), Piece(30, 0, 0, 40.0, 1 / 25, 1 / 25)))
    x, y, direction = (v[0] for v in line.at(np.array([s])))
    found = line.place(x + offset * math.sin(direction), y - offset * math.cos(direction))
    np.testing.assert_allclose(found, (s, offset), atol=1e-4)  # the search stops at 1e-7 m of a flat minimum


def test_reversed_runs_back():
    line = CentreLine("mixed", (Piece(0, 0, 0, 30.0, 0, 1 / 60), Piece(*xy(CentreLine("a", (Piece(0, 0, 0, 30.0, 0, 1 / 60),)), 30.0), 0.25, 20.0, 1 / 60, 1 / 60)))  # noqa: E501  # fmt: skip
    back = line.reversed()
    s = np.linspace(0, 50, 11)
    np.testing.assert_allclose(np.array(line.at(s))[:2], np.array(back.at(50 - s))[:2], atol=1e-9)


def test_equations_move_the_chainage():
    line = CentreLine(
        "eq", (Piece(0, 0, 0, 100.0),), -10.0, (Equation(49.625, 39.625, 40.0), Equation(80.0, 70.375, 60.0))
    )
    assert line.chainage(49.625) == 40.0
    assert line.chainage(49.625, before=True) == pytest.approx(39.625)
    assert line.chainage(79.0) == pytest.approx(69.375)
    assert line.distances_of(65.0) == (pytest.approx(74.625), pytest.approx(85.0)), "stations that repeat"
    assert line.distances_of(39.8) == (), "a station that the equation leaves out"


@pytest.mark.parametrize(
    ("x", "y"), [([1.0], [2.0]), ([1.0, 1.0], [2.0, 2.0]), ([], []), ([1.0, math.nan], [0.0, 1.0])]
)
def test_no_line_without_length(x, y):
    with pytest.raises(GeometryError):
        polyline("bad", x, y)


# --- sources

PATH = [(E0, N0), (E0 + 30, N0), (E0 + 30, N0 + 40)]


def check_path(line):
    np.testing.assert_allclose(line.length, 70.0, atol=1e-3)
    np.testing.assert_allclose(xy(line, 70.0), PATH[-1], atol=2e-3)  # degrees with 9 decimals are 0.1 mm
    np.testing.assert_allclose(xy(line, 30.0), PATH[1], atol=2e-3)


def test_geojson_in_metres_and_in_degrees(tmp_path):
    from pyproj import Transformer

    path = tmp_path / "line.geojson"
    path.write_text(shapely.to_geojson(shapely.LineString(PATH)))
    check_path(read_lines(path, ZONE_8)[0])
    to_degrees = Transformer.from_crs(6676, 4326, always_xy=True)
    path.write_text(shapely.to_geojson(shapely.LineString([to_degrees.transform(*p) for p in PATH])))
    check_path(read_lines(path, ZONE_8)[0])


def test_geopackage_and_name(tmp_path):
    path = tmp_path / "line.gpkg"
    wkb = np.array([shapely.to_wkb(shapely.LineString([(*p, 5.0) for p in PATH]), output_dimension=3)], dtype=object)
    pyogrio.raw.write(
        path, wkb, [np.array(["市道1号"], dtype=object)], ["name"], geometry_type="LineString Z", crs="EPSG:6676"
    )
    (line,) = read_lines(path, ZONE_8)
    check_path(line)
    assert line.name == "市道1号"
    np.testing.assert_allclose(line.heights[:, 1], 5.0)


def test_dxf_polyline_with_bulge_is_an_arc(tmp_path):
    drawing = ezdxf.new("R2000", units=6)
    drawing.modelspace().add_lwpolyline([(0, 0, math.tan(math.pi / 8)), (50, 50, 0), (50, 80, 0)], format="xyb")
    drawing.saveas(tmp_path / "line.dxf")
    (line,) = read_lines(tmp_path / "line.dxf", ZONE_8)
    np.testing.assert_allclose(line.length, 50 * math.pi / 2 + 30, atol=1e-9)
    x, y, _ = line.at(np.array([50 * math.pi / 4]))
    np.testing.assert_allclose(np.hypot(x[0] - 0, y[0] - 50), 50.0, atol=1e-9)


def test_dxf_in_millimetres_is_refused(tmp_path):
    drawing = ezdxf.new("R2000", units=4)
    drawing.modelspace().add_line((0, 0), (1000, 0))
    drawing.saveas(tmp_path / "mm.dxf")
    with pytest.raises(UnitsError, match="INSUNITS"):
        read_lines(tmp_path / "mm.dxf", ZONE_8)


def test_sima_names_northing_first(tmp_path):
    rows = [f"A01, {i},T.{i} , {n:.3f}, {e:.3f}, {10 + i}.5," for i, (e, n) in enumerate(PATH, 1)]
    text = "\r\n".join(
        [
            "Z00, /* 座標データ */,",
            "A00,",
            *rows,
            "A99,",
            "D00,1,路線A,1,",
            "B01,1,T.1,",
            "B01,2,T.2,",
            "B01,3,T.3,",
            "D99,",
        ]
    )
    path = tmp_path / "line.sim"
    path.write_bytes(text.encode("cp932"))
    (line,) = read_lines(path, ZONE_8)
    check_path(line)
    assert line.name == "路線A"
    assert line.labels[1] == (pytest.approx(30.0), "T.2")
    path.write_bytes("A01,1,a,1.0,abc,".encode("cp932"))
    with pytest.raises(FileError, match="line 1"):
        read_lines(path, ZONE_8)


def test_csv_of_stations(tmp_path):
    path = tmp_path / "測点.csv"
    rows = [f"No.{i},{n},{e},{100 + i}" for i, (e, n) in enumerate(PATH)]
    path.write_bytes("\r\n".join(["測点,X座標,Y座標,標高", *rows]).encode("cp932"))
    (line,) = read_lines(path, ZONE_8)
    check_path(line)
    assert [name for _, name in line.labels] == ["No.0", "No.1", "No.2"]
    path.write_text("\n".join(["easting,northing", *(f"{e},{n}" for e, n in PATH)]), "utf-8-sig")
    check_path(read_lines(path, ZONE_8)[0])
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(FileError, match="northing"):
        read_lines(path, ZONE_8)


LANDXML = """<?xml version="1.0" encoding="utf-8"?>
<LandXML xmlns="http://www.landxml.org/schema/LandXML-1.2" version="1.2" date="2026-01-01" time="00:00:00">
 <Alignments><Alignment name="試験路線" length="{length}" staStart="-10">
  <CoordGeom>
   <Line><Start name="BP">0 0</Start><End name="KA1-1">0 30</End></Line>
   <Spiral length="36" radiusStart="INF" radiusEnd="100" rot="ccw" spiType="clothoid">
    <Start name="KA1-1">0 30</Start><PI>{pi}</PI><End name="KE1-1">{e1}</End></Spiral>
   <Curve rot="ccw"><Start name="KE1-1">{e1}</Start><Center>{c}</Center><End name="EP">{e2}</End></Curve>
  </CoordGeom>
  <StaEquation staBack="20" staInternal="20" staAhead="25"/>
  <Profile><ProfAlign name="計画"><PVI>-10 5</PVI>
   <ParaCurve length="20">20 6.5</ParaCurve><PVI>50 6.5</PVI></ProfAlign></Profile>
 </Alignment></Alignments></LandXML>"""


def landxml_text(shift=0.0):
    spiral = CentreLine("s", (Piece(30, 0, 0, 36.0, 0, 1 / 100),))
    ex, ey = xy(spiral, 36.0)
    t = 36 / 200
    cx, cy = ex - 100 * math.sin(t), ey + 100 * math.cos(t)
    end = (cx + 100 * math.sin(t + 0.5), cy - 100 * math.cos(t + 0.5))
    north_east = {"e1": (ey, ex + shift), "c": (cy, cx), "e2": (end[1], end[0]), "pi": (0.0, 54.0)}
    return LANDXML.format(length=116.0, **{k: f"{a:.8f} {b:.8f}" for k, (a, b) in north_east.items()})


def test_landxml_alignment(tmp_path):
    path = tmp_path / "line.xml"
    path.write_text(landxml_text(), "utf-8")
    (line,) = read_lines(path, ZONE_8)
    np.testing.assert_allclose(line.length, 30 + 36 + 50, atol=1e-6)
    assert line.start == -10.0
    assert line.chainage(30.0) == 25.0
    assert [name for _, name in line.labels] == ["KA1-1", "KE1-1"]
    heights = dict(line.heights.tolist())
    np.testing.assert_allclose(np.interp(30.0, *line.heights.T), 6.5 - 0.05 * 20 / 8, atol=1e-9)  # middle of the curve
    assert heights[0.0] == 5.0
    path.write_text(landxml_text(shift=0.5), "utf-8")
    with pytest.raises(GeometryError, match=r"ends 0\.5"):
        read_lines(path, ZONE_8)


def test_landxml_with_entities_is_refused(tmp_path):
    path = tmp_path / "bomb.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><LandXML>&b;</LandXML>')
    with pytest.raises(FileError, match="DOCTYPE"):
        read_lines(path, ZONE_8)


@pytest.mark.parametrize(("name", "content"), [
    ("a.geojson", "{"), ("a.geojson", '{"type": "FeatureCollection"}'), ("a.gpkg", "no"), ("a.dxf", "no"),
    ("a.xml", "<LandXML><Alignments>"), ("a.xml", "<other/>"), ("a.txt", "x"), ("a.sim", "B01,1"),
])  # fmt: skip
def test_broken_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises((FileError, GeometryError), match=name.replace(".", r"\.")):
        read_lines(tmp_path / name, ZONE_8)
