"""Sheets: what stands on them, in DXF that an audit passes and in PDF whose scale is measured from its coordinates."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import ezdxf
import numpy as np
import pypdf
import pytest

from pointcloud.drawing import dxf
from pointcloud.drawing.profile_sheet import profile_sheets
from pointcloud.drawing.section_bands import layered, scattered, shaded
from pointcloud.drawing.section_sheet import section_sheets
from pointcloud.drawing.sheet import SIZES, Label, Sheet, Stroke, TitleBlock, cad_layers, named_layers, text_width
from pointcloud.drawing.typeset import Typesetter
from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.rounding import half_up
from pointcloud.sections.slice import heights_on, take
from tests.oracles.section_series import example_series, planned_series, texts

TITLES = {"before": "変化前", "after": "変化後"}
BLOCK = TitleBlock("災害復旧 髙橋①", "市道1号線", "EPSG:6676", "標高 JGD2011")


@pytest.fixture(scope="module")
def series():
    return example_series()


@pytest.fixture(scope="module", params=[("A1", 100), ("A3", 200)])
def sheets(request, series):
    return section_sheets(series, BLOCK, TITLES, *request.param)


def test_every_section_is_drawn_once_inside_its_frame(sheets, series):
    shown = texts(sheets)
    for section in series.sections:
        assert shown.count(section.station.name) == 1
    for sheet in sheets:
        width, height = SIZES[sheet.paper]
        for item in sheet.items:
            points = item.points if isinstance(item, Stroke) else np.array([[item.x, item.y]])
            assert (points >= 0).all()
            assert (points <= (width, height)).all()


def test_order_is_bottom_to_top_then_left_to_right(series):
    (sheet, *_) = section_sheets(series, BLOCK, TITLES, "A1", 100)
    names = {s.station.name for s in series.sections}
    places = [(item.x, item.y) for item in sheet.items if isinstance(item, Label) and item.text in names]
    for (x0, y0), (x1, y1) in pairwise(places):
        assert (abs(x1 - x0) < 1.0 and y1 > y0) or x1 > x0 + 100


def test_sections_do_not_overlap_each_other_or_the_title_block(series):
    for sheet in section_sheets(series, BLOCK, TITLES, "A3", 200):
        marks = [i for i in sheet.items if isinstance(i, Stroke) and i.role == "datum" and len(i.points) == 2]
        low = {tuple(np.round(m.points[0], 3)) for m in marks}
        assert len(low) == len(marks), "every datum line in a place of its own"
        block = max(i.y for i in sheet.items if isinstance(i, Label) and i.text == "変化前") + 3
        for mark in marks:
            assert mark.points[1, 0] < 420 - 10 - 110 or mark.points[0, 1] > block


def test_figures_agree_with_the_sections(sheets, series):
    shown = texts(sheets)
    for section in series.sections:
        assert f"CA={section.areas.cut + 1e-9:.1f} m2  BA={section.areas.fill + 1e-9:.1f} m2" in shown
    assert "DL=" in "".join(shown)


def test_one_height_at_the_centre_in_heading_figures_and_profile(sheets, series):
    """Also where simplification, which may move the drawn line by its tolerance, would round to another centimetre."""
    labels = [i for sheet in sheets for i in sheet.items if isinstance(i, Label)]
    own = {f"GH(変化後)={half_up(s.lines['after'].height(0.0), 2)}" for s in series.sections}
    assert own <= {part for i in labels for part in i.text.split("  ")}
    figures = [labels[k - 1].text for k, i in enumerate(labels) if i.text == "0.00" and i.angle]
    assert figures == [str(half_up(s.lines["after"].height(0.0), 2)) for s in series.sections]


@pytest.mark.parametrize("height", [0.4, 3.0, 12.0, 45.0])
@pytest.mark.parametrize("scale", [100, 200, 500])
def test_every_section_has_heights_to_read_from(series, height, scale):
    section = series.sections[0]
    line = SectionLine((np.array([[-15.0, 103.3], [18.0, 103.3 + height]]),))
    flat = replace(section, simple={"after": line}, lines={"after": line}, slices={}, areas=None)
    one = replace(series, sections=(flat,), names=("after",), tops=(), pair=None)
    (sheet,) = section_sheets(one, BLOCK, TITLES, "A1", scale)
    levels = [float(t) for t in texts([sheet]) if re.fullmatch(r"\d{2,3}", t)]
    assert 1 <= len(levels) <= 8
    assert levels == sorted(levels)
    assert levels[0] > 102.0, "the datum's own is written as DL"


@pytest.mark.parametrize("left", [0.0, 15.0])
def test_long_names_stay_in_the_box_and_the_title_block(series, left):
    titles = {name: f"{year}年度航空レーザ測量成果" for name, year in (("before", 2019), ("after", 2021))}
    block = replace(BLOCK, project="令和三年度" * 16)
    narrow = [replace(s, station=replace(s.station, left=left, name=f"橋台背面{s.station.name}")) for s in
              series.sections]  # fmt: skip
    for sheet in section_sheets(replace(series, sections=tuple(narrow)), block, titles, "A3", 200):
        for item in sheet.items:
            if isinstance(item, Label) and not item.angle:
                before = {"left": 0.0, "center": 0.5, "right": 1.0}[item.anchor] * text_width(item.text) * item.size
                assert item.x - before >= 10.0, item.text
                assert item.x - before + text_width(item.text) * item.size <= 410.0, item.text


def test_a_skewed_section_says_so(series):
    first, *others = series.sections
    turned = replace(series, sections=(replace(first, station=replace(first.station, skew=-12.5)), *others))
    assert [text.split("  ")[-1] for text in texts(section_sheets(turned, BLOCK, TITLES)) if "斜角" in text] == [
        "斜角 -12.5°"
    ]


def test_lines_are_at_the_sheets_scale(sheets, series):
    drawn = [i for i in sheets[0].items if isinstance(i, Stroke) and i.role == "after"]
    piece = series.sections[0].simple["after"].pieces[0]
    k = 1000 / sheets[0].scale
    # the first stroke is the legend's
    np.testing.assert_allclose(np.diff(drawn[1].points, axis=0), np.diff(piece, axis=0) * k, atol=1e-9)


def test_too_large_a_scale_falls_back_and_says_so(series):
    sheets = section_sheets(series, BLOCK, TITLES, "A3", 50)
    assert sheets[0].scale > 50
    assert f"縦横 1/{sheets[0].scale} (A3)" in texts(sheets)


@pytest.mark.parametrize(("version", "encoding"), [("R2000", "cp932"), ("R2018", "utf-8")])
def test_dxf_passes_the_audit_and_keeps_japanese(tmp_path, sheets, version, encoding):
    path = tmp_path / "sections.dxf"
    dxf.write_sheets(path, sheets, version)
    assert "災害復旧 髙橋①".encode(encoding) in path.read_bytes()
    drawing = ezdxf.readfile(path)
    assert not drawing.audit().has_errors
    assert drawing.header["$INSUNITS"] == 6
    dash = drawing.linetypes.get("DASHED").pattern_tags.tags.find_all(49)[0].value
    paper = dash * drawing.header["$LTSCALE"] * 1000 / sheets[0].scale
    np.testing.assert_allclose(paper, 3.0, atol=0.1)  # mm; at 1/1000 a scale made for 1/200 would draw a solid line
    assert {e.dxf.layer for e in drawing.modelspace()} <= {layer.name for layer in cad_layers().values()}
    frame = next(e for e in drawing.modelspace() if e.dxf.layer == cad_layers()["frame"].name)
    width = np.ptp([p[0] for p in frame.get_points("xy")])
    margin = 40 if sheets[0].paper == "A1" else 20
    np.testing.assert_allclose(width, (SIZES[sheets[0].paper][0] - margin) * sheets[0].scale / 1000)


def test_world_lines_lie_on_the_ground(tmp_path, series):
    path = tmp_path / "world.dxf"
    dxf.write_world(path, series)
    drawing = ezdxf.readfile(path)
    assert not drawing.audit().has_errors
    lines = [e for e in drawing.modelspace().query("POLYLINE") if e.dxf.layer == cad_layers()["after"].name]
    first = np.array([v.dxf.location.xyz for v in lines[0].vertices])
    station = series.sections[0].station
    np.testing.assert_allclose(first[0, :2], station.segment[:2], atol=1e-6)
    np.testing.assert_allclose(first[0, 2], series.sections[0].lines["after"].height(-station.left), atol=1e-6)


def test_pdf_is_to_scale(tmp_path, sheets):
    """The frame's corners from the page's own drawing operators, transformations included."""
    path = tmp_path / "sections.pdf"
    Typesetter(sheets).write_pdf(path)
    pages = pypdf.PdfReader(path).pages
    assert len(pages) == len(sheets)
    width, height = sheets[0].size
    np.testing.assert_allclose([float(v) * 25.4 / 72 for v in pages[0].mediabox[2:]], [width, height], rtol=1e-4)
    corners = drawn_points(pages[0])
    margin = 20 if sheets[0].paper == "A1" else 10
    for corner in ((margin, margin), (width - margin, height - margin)):
        gap = np.hypot(*(corners - corner).T).min()
        assert gap < 0.001 * (width - 2 * margin) / 10, "0.01 % of the frame's width"
    text = pages[0].extract_text()
    assert "災害復旧" in text
    assert "市道1号線" in text


def drawn_points(page):
    """End points of all path operators in mm."""
    stack, matrix, points = [], np.eye(3), []
    for operands, operator in page.get_contents().operations:
        if operator == b"q":
            stack.append(matrix)
        elif operator == b"Q":
            matrix = stack.pop()
        elif operator == b"cm":
            a, b, c, d, e, f = map(float, operands)
            matrix = np.array([[a, b, 0], [c, d, 0], [e, f, 1]]) @ matrix
        elif operator in (b"m", b"l"):
            points.append((np.array([*map(float, operands), 1.0]) @ matrix)[:2])
    return np.array(points) * 25.4 / 72


def test_texts_stand_where_the_sheet_says(tmp_path):
    sheet = Sheet("A3", 200, "")
    for x, angle in ((100.0, 0.0), (200.0, 90.0)):
        sheet.text("text", x, 150.0, "H", 10.0, level="middle", angle=angle)
    Typesetter([sheet]).write_pdf(tmp_path / "a.pdf")
    found = []

    def visit(text, outer, own, *_):
        if text.strip():
            a, b, c, d, e, f = outer
            found.append(np.array([own[4] * a + own[5] * c + e, own[4] * b + own[5] * d + f]) * 25.4 / 72)

    pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text(visitor_text=visit)
    half = 0.733 * 10.0 / 0.80 / 2  # half the height of an H, whose baseline begins at the place found
    # 0.05 mm: the height of capitals in this font has three digits
    np.testing.assert_allclose(found, [[100.0, 150.0 - half], [200.0 + half, 150.0]], atol=0.05)


def test_same_sheets_same_bytes(tmp_path, sheets):
    for name in ("a.pdf", "b.pdf"):
        Typesetter(sheets[:1]).write_pdf(tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_previews(tmp_path, sheets):
    pages = Typesetter(sheets[:1])
    pages.write_png([tmp_path / "a.png"], pixels=700)
    pages.write_svg([tmp_path / "a.svg"])
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "<svg" in (tmp_path / "a.svg").read_text("utf-8")[:200]


def test_shaded_areas_are_the_areas(series):
    for section in series.sections:
        size = {"cut": 0.0, "fill": 0.0}
        for role, ring in shaded(section.lines["before"], section.lines["after"]):
            x, y = ring.T
            size[role] += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        np.testing.assert_allclose([size["cut"], size["fill"]], [section.areas.cut, section.areas.fill], atol=0.05)
    assert list(shaded(SectionLine(()), SectionLine(()))) == []


@pytest.fixture(scope="module")
def layer_sheets(series):
    return section_sheets(series, BLOCK, TITLES, "A3", 200, with_layers=True)


def test_layers_are_drawn_and_named(layer_sheets, series):
    roles = {item.role for sheet in layer_sheets for item in sheet.items}
    assert {"canopy", "low_vegetation", "scatter", "surface", "before", "after"} <= roles
    assert not {"cut", "fill"} & roles
    shown = texts(layer_sheets)
    for text in ("樹冠", "低い植生 (2 m 未満)", "地盤点の散らばり (5~95 %)", "表層線 (変化後)"):
        assert text in shown
    assert "構造物 (分類 6・14・17)" not in shown, "there are none"
    scatter = series.sections[0].slices["after"].scatter
    assert f"点群の厚さ 0.5 m  地盤点の標準偏差 {half_up(100 * scatter, 1)} cm" in shown
    for section in series.sections:
        assert section.slices, "zero sections between the stations have points too"
        assert shown.count(section.station.name) == 1


def test_bands_hold_their_points(series):
    """Every vegetation point of a step lies between the 5th percentile and the top; the drawn band spans them."""
    section = series.sections[0]
    points = section.slices["after"]
    drawn = dict(layered(points))
    canopy = points.height[points.layer == 2]
    assert drawn["canopy"][:, 1].max() <= canopy.max() + 1e-9
    z = np.concatenate([ring[:, 1] for role, ring in layered(points) if role == "canopy"])
    np.testing.assert_allclose(z.max(), canopy.max())
    rings = [ring for role, ring in scattered(points, section.lines["after"]) if role == "scatter"]
    about = np.concatenate([ring[:, 1] - heights_on(section.lines["after"], ring[:, 0]) for ring in rings])
    # noise of 2 cm: 5 and 95 % lie at 3.3 cm for many points, nearer for the few of a step
    assert -0.06 < about.min() < -0.01
    assert 0.01 < about.max() < 0.06


def test_steps_far_apart_are_no_band():
    offset = np.array([-17.6, -3.1, 18.9])  # evenly sparse: nothing but the step itself says that they do not touch
    ground = SectionLine((np.array([[-20.0, 5.0], [20.0, 5.0]]),))
    rings = list(layered(take(offset, np.full(3, 6.0), np.full(3, 1, np.uint8), ground, 1.0)))
    assert [role for role, _ in rings] == ["low_vegetation"] * 3
    np.testing.assert_allclose([np.ptp(ring[:, 0]) for _, ring in rings], 0.5)  # one step each


def test_layer_names_come_from_a_table(tmp_path, sheets):
    layers = named_layers({"after": "S-BGD-EXST", "frame": "S-TTL-FRAM"})
    path = tmp_path / "own.dxf"
    dxf.write_sheets(path, sheets, "R2000", layers)
    drawing = ezdxf.readfile(path)
    assert not drawing.audit().has_errors
    names = {e.dxf.layer for e in drawing.modelspace()}
    assert {"S-BGD-EXST", "S-TTL-FRAM"} <= names
    assert cad_layers()["after"].name not in names
    with pytest.raises(ParameterError, match="no layer role 'river'"):
        named_layers({"river": "X"})
    for name in ("A/B", "", " A", "a\nb", "A" * 256):
        with pytest.raises(ParameterError, match="layer name"):
            named_layers({"after": name})


def test_handles_are_unique_and_below_the_seed(tmp_path, series):
    path = tmp_path / "world.dxf"
    dxf.write_world(path, series)
    drawing = ezdxf.readfile(path)
    text = path.read_text("cp932")
    handles = re.findall(r"\n  5\n([0-9A-F]+)\n", text[text.index("ENTITIES") :])
    assert len(handles) == len(set(handles)) > 100
    assert max(int(h, 16) for h in handles) < int(drawing.header["$HANDSEED"], 16)


# --- design profile, language


def test_drawings_in_english_have_no_japanese(tmp_path):
    series = planned_series()
    series = replace(series, line=replace(series.line, name="Road 1"))
    block = TitleBlock("Recovery", "Road 1", "EPSG:6676", "Heights JGD2011", language="en")
    titles = {"before": "Before", "after": "After"}
    sheets = [
        *section_sheets(series, block, titles, "A3", 200), *profile_sheets(series, block, titles, "A3", 500, 200),
        *section_sheets(series, block, titles, "A3", 200, with_layers=True),
    ]  # fmt: skip
    shown = texts(sheets)
    assert not [t for t in shown if re.search(r"[぀-ヿ一-鿿]", t)]
    assert {"Station", "Chainage", "Grade", "Canopy", "Offset m", "Project"} <= set(shown)
    assert any(t.startswith("cut end") for t in shown)
    Typesetter(sheets).write_pdf(tmp_path / "english.pdf")
    assert "Longitudinal profile" in "".join(p.extract_text() for p in pypdf.PdfReader(tmp_path / "english.pdf").pages)
