"""Tables and exchange files of sections, read back by other programs or by a strict reading of their rules."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import openpyxl
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pyproj import CRS

from pointcloud.cloud import VerticalDatum
from pointcloud.drawing import text_tables
from pointcloud.drawing.landxml import NAMESPACE, write_landxml
from pointcloud.drawing.section_features import write_geopackage
from pointcloud.drawing.sima import write_sima
from pointcloud.drawing.volume_words import Words
from pointcloud.drawing.xlsx import write_quantities
from pointcloud.sections import quantities
from pointcloud.sections.line import CentreLine, Equation, Piece
from pointcloud.sections.reading import read_lines
from pointcloud.sections.rounding import half_up, rounded_texts
from pointcloud.sections.stations import Extra, lay_out
from tests.oracles.section_series import example_line, example_series, planned_series

CRS8 = CRS.from_epsg(6676)
NS = {"l": NAMESPACE}


@pytest.fixture(scope="module")
def series():
    return example_series()


@pytest.fixture(scope="module")
def table(series):
    return quantities.rows(series)


@pytest.mark.parametrize(("value", "digits", "text"), [
    (0.125, 2, "0.13"), (2.5, 0, "3"), (-2.5, 0, "-3"), (1.005, 2, "1.01"), (-0.04, 1, "0.0"), (12, 1, "12.0"),
])  # fmt: skip
def test_half_up(value, digits, text):
    assert str(half_up(value, digits)) == text


@pytest.mark.parametrize("value", [1.0005, -1.0005, 0.0005, -0.0005, -0.0004, 0.0, -0.0, 123456.7895, 2.9995, 1e-9])
def test_rounded_text_is_half_up_at_halves(value):
    assert rounded_texts(np.array([value]), 3) == [str(half_up(value, 3))]


@given(st.floats(-1e6, 1e6, allow_nan=False), st.integers(0, 3))
@settings(max_examples=200)
def test_rounded_text_is_half_up(value, digits):
    assert rounded_texts(np.array([value]), digits) == [str(half_up(value, digits))]


def test_table_follows_its_own_printed_figures(table, series):
    assert table[0].cut_volume is None
    total = Decimal(0)
    for before, row in pairwise(table):
        assert row.cut_mean == half_up((before.cut_area + row.cut_area) / 2, 2)
        assert row.cut_volume == half_up(row.cut_mean * row.distance, 1)
        total += row.fill_volume - row.cut_volume
        assert row.total == total
    cut, fill = quantities.totals(table)
    np.testing.assert_allclose(
        [float(cut), float(fill)], [series.total.cut, series.total.fill], atol=0.1 * 20 * len(table)
    )
    assert any(row.missing > 0 for row in table), "the gap of the example is said"


def test_printed_distances_add_up_to_printed_chainages():
    equation = Equation(50.0, 50.0, 80.0)
    line = CentreLine("eq", (Piece(0.0, 0.0, 0.0, 90.0),), 0.0, (equation,))
    stations = lay_out(line, 20.0, 5.0, 5.0, extra=[Extra(d) for d in (12.345, 33.335)]).items
    steps = [quantities.printed_step(a, b) for a, b in pairwise(stations)]
    # 12.345 m is printed as 12.35 (half up), so that 7.65 and not 7.66 are left to No.1
    assert [str(v) for v in steps[:6]] == ["12.35", "7.65", "13.34", "6.66", "10.00", "20.00"]
    assert str(steps[4]) == "10.00", "over the equation"
    assert sum(steps) == Decimal(90)


def test_xlsx_formulas_and_values_agree(tmp_path, table):
    path = tmp_path / "土量計算書.xlsx"
    write_quantities(path, table, "市道1号線", [("方法", "平均断面法")])
    formulas = openpyxl.load_workbook(path).active
    values = openpyxl.load_workbook(path, data_only=True).active
    n_formulas = 0
    for row in formulas.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("="):
                n_formulas += 1
                np.testing.assert_allclose(values[cell.coordinate].value, evaluated(formulas, cell.value), atol=1e-6)
    assert n_formulas == 6 * (len(table) - 1) + 7
    assert values["A7"].value == table[0].station


RECONCILED = {
    "cell_m": 0.5, "area_m2": 1234.5,
    "cut": {"grid_m3": 1190.04, "average_end_area_m3": 1201.26, "explained_by_curve_m3": -3.33,
            "explained_by_spacing_m3": 12.5},
    "fill": {"grid_m3": 0.0, "average_end_area_m3": 0.0, "explained_by_curve_m3": 0.0, "explained_by_spacing_m3": 0.0},
}  # fmt: skip


def recalculated(path, folder):
    """Every sheet's values by LibreOffice from the formulas alone: the values that were written beside are dropped."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    openpyxl.load_workbook(path).save(folder / "bare.xlsx")  # openpyxl keeps formulas only
    command = [program, "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--convert-to",
               "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "new"), str(folder / "bare.xlsx")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return openpyxl.load_workbook(folder / "new" / "bare.xlsx", data_only=True)


def test_a_spreadsheet_program_finds_the_same_figures(tmp_path, table):
    path = tmp_path / "土量計算書.xlsx"
    write_quantities(path, table, "市道1号線", [("方法", "平均断面法")], RECONCILED)
    written, new = openpyxl.load_workbook(path, data_only=True), recalculated(path, tmp_path)
    compared = 0
    for sheet in openpyxl.load_workbook(path):
        for cell in (c for row in sheet.iter_rows() for c in row):
            if isinstance(cell.value, str) and cell.value.startswith("="):
                values = (book[sheet.title][cell.coordinate].value for book in (written, new))
                np.testing.assert_allclose(*map(float, values), atol=1e-6)
                compared += 1
    assert compared == 6 * (len(table) - 1) + 7 + 4


def test_reconciliation_adds_up(tmp_path, table):
    path = tmp_path / "土量計算書.xlsx"
    write_quantities(path, table, "市道1号線", [], RECONCILED)
    sheet = openpyxl.load_workbook(path, data_only=True)["照合"]
    printed, rounding, curve, spacing, grid, rest = (sheet[f"B{i}"].value for i in range(5, 11))
    assert Decimal(str(printed)) == quantities.totals(table)[0]
    np.testing.assert_allclose([curve, spacing, grid], [-3.3, 12.5, 1190.0], atol=1e-9)
    np.testing.assert_allclose(rest, 1201.3 + 3.3 - 12.5 - 1190.0, atol=1e-6)
    np.testing.assert_allclose(printed - rounding, 1201.3, atol=1e-6)


def evaluated(sheet, formula):
    """Value of one of the few kinds of formulas, from the cells' own formulas, by half-up decimals."""
    text = formula.removeprefix("=")
    if text.startswith("SUM("):
        first, last = text[4:-1].split(":")
        return sum(value_of(sheet, f"{first[0]}{i}") for i in range(int(first[1:]), int(last[1:]) + 1))
    if text.startswith("ROUND("):
        inner, digits = text[6:-1].rsplit(",", 1)
        return float(half_up(Decimal(repr(round(arithmetic(sheet, inner), 9))), int(digits)))
    return arithmetic(sheet, text)


def arithmetic(sheet, text):
    import re

    if text.startswith("SUM("):
        return evaluated(sheet, text)
    names = {m: value_of(sheet, m) for m in re.findall(r"[A-J]\d+", text)}
    return float(eval(re.sub(r"[A-J]\d+", lambda m: f"({names[m[0]]!r})", text), {"__builtins__": {}}))


def value_of(sheet, name):
    value = sheet[name].value
    if isinstance(value, str) and value.startswith("="):
        return evaluated(sheet, value)
    return float(value or 0.0)


def test_csv_in_both_encodings(tmp_path, series, table):
    for encoding, mark in (("utf-8-sig", b"\xef\xbb\xbf"), ("cp932", "測点".encode("cp932"))):
        path = tmp_path / f"{encoding}.csv"
        assert text_tables.write_csv(path, text_tables.quantity_table(table), encoding) == ()
        content = path.read_bytes()
        assert content.startswith(mark)
        assert b"\r\n" in content
        rows = list(csv.reader(io.StringIO(content.decode(encoding))))
        assert rows[2][4] == str(table[1].cut_volume)
    assert text_tables.write_csv(tmp_path / "lost.csv", [["²½"]], "cp932") == ("²", "½")


def test_vertices_in_csv_are_the_lines(series):
    head, *rows = text_tables.vertex_table(series)
    mine = [r for r in rows if r[0] == series.sections[1].station.name and r[2] == "after"]
    piece = series.sections[1].simple["after"].pieces[0]
    np.testing.assert_allclose([float(r[4]) for r in mine], piece[:, 0], atol=0.0005)
    east, north = series.sections[1].station.place(float(piece[0, 0]))
    np.testing.assert_allclose([float(mine[0][6]), float(mine[0][7])], [north, east], atol=0.0005)
    assert len(head) == len(rows[0])


def test_stations_and_bands(series):
    head, *rows = text_tables.station_table(series)
    assert len(rows) == len(series.sections)
    assert all(len(r) == len(head) for r in rows)
    head, *bands = text_tables.band_table(series)
    assert sum(r[5] for r in bands) == sum(s.offset.size for c in series.sections for s in c.slices.values())
    for section in series.sections:
        for piece in section.slices.values():
            assert 0.005 < piece.scatter < 0.05  # 2 cm were put in


def test_sima(tmp_path, series):
    write_sima(tmp_path / "a.sim", series)
    text = (tmp_path / "a.sim").read_bytes().decode("cp932")
    points = [r.split(",") for r in text.split("\r\n") if r.startswith("A01")]
    assert len(points) == 3 * len(series.sections)
    station = series.sections[0].station
    np.testing.assert_allclose([float(points[0][3]), float(points[0][4])], [station.y, station.x], atol=0.0005)
    (line,) = read_lines(tmp_path / "a.sim", CRS8)
    np.testing.assert_allclose(line.length, series.line.length, rtol=0.01)  # chords of 20 m on R 80 m
    first = series.sections[0]
    write_sima(tmp_path / "a.sim", replace(series, sections=(replace(first, station=replace(station, left=0.0)),)))
    names = [r.split(",")[2] for r in (tmp_path / "a.sim").read_text("cp932").splitlines() if r.startswith("A01")]
    assert names == [station.name, f"{station.name}R"], "no second point where the left end is the centre"


@pytest.fixture(scope="module")
def landxml(series, tmp_path_factory):
    path = tmp_path_factory.mktemp("landxml") / "sections.xml"
    write_landxml(path, series, CRS8, VerticalDatum.JGD2011, datetime(2026, 4, 1, 9, 0), "災害復旧", "0.1.0")
    return path


def test_landxml_line_comes_back(landxml):
    (line,) = read_lines(landxml, CRS8)
    expected = example_line()
    s = np.linspace(0, expected.length, 15)
    np.testing.assert_allclose(np.array(line.at(s))[:2], np.array(expected.at(s))[:2], atol=1e-4)  # 6 decimals, chained
    assert line.start == -10.0


class Rules:
    """The rules of the schema, and the schema itself where ``TENGUN_JLANDXML_XSD`` names its file."""

    def __init__(self):
        own = Path(__file__).parents[2] / "oracles" / "j_landxml.rng"
        self.all = [etree.RelaxNG(etree.parse(own))]
        if official := os.environ.get("TENGUN_JLANDXML_XSD"):
            self.all.append(etree.XMLSchema(etree.parse(official)))

    def faults(self, tree):
        return [str(rule.error_log) for rule in self.all if not rule.validate(tree)]


@pytest.fixture(scope="module")
def rules():
    return Rules()


def test_landxml_keeps_the_rules_of_the_schema(landxml, rules):
    """libxml2 checks order, attributes and types of every element."""
    tree = etree.parse(landxml)
    assert not rules.faults(tree)
    system = tree.getroot().find("l:CoordinateSystem", NS)
    assert system.get("horizontalCoordinateSystemName") == "8(X,Y)"
    criterion = tree.getroot().find(".//l:Property[@label='applicationCriterion']", NS)
    assert criterion.get("value") == "MlitLandXmlVer.1.7"


def test_landxml_of_a_design_and_of_equations_keeps_the_rules(tmp_path, series, rules):
    line = replace(series.line, equations=(Equation(25.0, 15.0, 20.0),))
    lines = {"before": "survey", "after": "design"}
    sections = tuple(
        replace(
            s, lines={lines[n]: s.lines[n] for n in lines}, simple={lines[n]: s.simple[n] for n in lines}, slices={}
        )
        for s in series.sections
    )
    profiles = {"survey": series.profiles["before"], "design": series.profiles["after"]}
    other = replace(
        series, line=line, names=("survey", "design"), tops=(), sections=sections, profiles=profiles,
        pair=("survey", "design"),
    )  # fmt: skip
    path = tmp_path / "design.xml"
    write_landxml(path, other, CRS.from_epsg(2450), VerticalDatum.UNKNOWN, datetime(2026, 4, 1), "", "0.1.0")
    tree = etree.parse(path)
    assert not rules.faults(tree)
    (back,) = read_lines(path, CRS8)
    assert [(e.distance, e.back, e.ahead) for e in back.equations] == [(25.0, 15.0, 20.0)]
    points = tree.getroot().findall(".//l:CrossSect/l:DesignCrossSectSurf/l:CrossSectPnt", NS)
    assert len(points) == sum(len(p) for s in sections for p in s.simple["design"].pieces)


def test_design_profile_goes_and_comes_back(tmp_path, rules):
    series = planned_series()
    path = tmp_path / "planned.xml"
    write_landxml(path, series, CRS8, VerticalDatum.JGD2011, datetime(2026, 4, 1, 9, 0), "災害復旧", "0.1.0")
    assert not rules.faults(etree.parse(path))
    (line,) = read_lines(path, CRS8)
    assert line.is_planned
    np.testing.assert_allclose(line.heights, series.line.heights, atol=1e-3)  # written in millimetres
    head, *rows = text_tables.station_table(series)
    planned = [float(row[head.index("計画高(m)")]) for row in rows]
    expected = [series.plan.height(s.station.distance) for s in series.sections]
    np.testing.assert_allclose(planned, expected, atol=0.0005)


@pytest.mark.parametrize("harm", [
    lambda root: root.attrib.pop("date"),
    lambda root: root.append(root.find("l:Project", NS)),
    lambda root: root.find(".//l:CrossSect", NS).attrib.pop("sta"),
    lambda root: root.find(".//l:CrossSect", NS).set("angle", "1"),
    lambda root: setattr(root.find(".//l:PntList2D", NS), "text", "1.0 2.0 3.0"),
    lambda root: setattr(root.find(".//l:PntList2D", NS), "text", "1.0 NaN"),
    lambda root: root.find(".//l:Spiral", NS).set("rot", "left"),
])  # fmt: skip
def test_the_rules_see_what_is_wrong(landxml, rules, harm):
    tree = etree.parse(landxml)
    harm(tree.getroot())
    assert rules.faults(tree)


def test_landxml_sections_are_internal_and_left_negative(landxml, series):
    root = ET.parse(landxml).getroot()
    sections = root.findall(".//l:CrossSect", NS)
    assert len({s.get("sta") for s in sections}) == len(sections), "sta is unique"
    for element, section in zip(sections, series.sections, strict=True):
        np.testing.assert_allclose(float(element.get("sta")), section.station.distance - 10.0, atol=1e-6)
        surface = element.find("l:CrossSectSurf[@name='ExistingGround']", NS)
        values = np.array(surface.find("l:PntList2D", NS).text.split(), dtype=float).reshape(-1, 2)
        np.testing.assert_allclose(values[0, 0], -section.station.left, atol=0.0005)
        before = element.find("l:CrossSectSurf[@name='ExistingGround-before']", NS)
        assert len(before.findall("l:PntList2D", NS)) == len(section.simple["before"].pieces), "gaps stay gaps"


def test_geopackage_lines_are_three_dimensional(tmp_path, series):
    path = tmp_path / "sections.gpkg"
    write_geopackage(path, series, CRS8)
    meta, _, wkb, columns = pyogrio.raw.read(path, layer="sections")
    assert CRS.from_user_input(meta["crs"]).to_epsg() == 6676
    lines = shapely.from_wkb(wkb)
    assert shapely.has_z(lines).all()
    assert len(lines) == sum(len(c.pieces) for s in series.sections for c in s.lines.values())
    assert set(columns[list(meta["fields"]).index("surface")]) == {"before", "after", "after_surface"}
    assert len(pyogrio.raw.read(path, layer="profiles")[2]) >= 2


def test_tables_in_english_hold_no_japanese(tmp_path, series, table):
    """But for what the user named: the line of the example has an English name."""
    say = Words("en")
    write_quantities(tmp_path / "q.xlsx", table, "Road 1", [("Method", "end areas")], RECONCILED, say)
    book = openpyxl.load_workbook(tmp_path / "q.xlsx", data_only=True)
    assert book.sheetnames == ["Quantities", "Reconciliation"]
    cells = [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    tables = [text_tables.station_table(series, say), text_tables.vertex_table(series, say),
              text_tables.band_table(series, say), text_tables.quantity_table(table, say)]  # fmt: skip
    cells += [str(v) for one in tables for row in one for v in row]
    assert all(text.isascii() for text in cells), [text for text in cells if not text.isascii()][:5]
