"""縦断図: the line's profile with its bands 測点, 単距離, 追加距離, 地盤高, 計画高, 切土高, 盛土高, 勾配, 平面線形."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import numpy as np

from pointcloud.drawing.section_words import station_name
from pointcloud.drawing.sheet import (
    MARGIN,
    SIZES,
    TEXT,
    Paper,
    Sheet,
    TitleBlock,
    block_height,
    draw_frame,
    fitted,
    text_width,
)
from pointcloud.drawing.volume_words import Words
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.line import Piece
from pointcloud.sections.quantities import printed_step
from pointcloud.sections.rounding import half_up
from pointcloud.sections.series import Section, Series

H_SCALES = (200, 500, 1000, 2500, 5000, 10_000)
V_SCALES = (100, 200, 500, 1000)
_ROW, _NAMES, _SIDE, _LEAST, _SLOPE, _OFF = 6.0, 13.0, 15.0, 1.5, 4.0, 0.4
"""Heights of the bands and of that of the stations' names, width of their titles, least distances between figures and
of slopes, and of a figure from its line: in heights of a figure."""

_Kind = Literal["station", "step", "chainage", "surface", "plan", "cut", "fill", "slope", "alignment"]


@dataclass(frozen=True, slots=True)
class _Row:
    """A band: what it shows, its title, height in mm, and the surface whose heights it shows."""

    kind: _Kind
    title: str
    height: float
    surface: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """Part of the line on one sheet: internal distances, scales, datum height, corner of the bands in mm.

    ``rows`` are the bands from top to bottom, ``text`` is the height of a figure in mm.
    """

    first: float
    last: float
    h: int
    v: int
    datum: float
    x: float
    y: float
    rows: tuple[_Row, ...]
    text: float

    def across(self, distance: float) -> float:
        """Paper x of an internal distance."""
        return self.x + (distance - self.first) * 1000.0 / self.h

    @property
    def edges(self) -> list[float]:
        """Paper y of the upper edge of each band and of the lowest edge."""
        return [self.y, *(self.y - h for h in np.cumsum([row.height for row in self.rows]).tolist())]


def profile_sheets(
    series: Series,
    block: TitleBlock,
    titles: Mapping[str, str],
    paper: Paper = "A1",
    h_scale: int = 1000,
    v_scale: int = 200,
) -> list[Sheet]:
    """Sheets of the longitudinal profile.

    Parameters
    ----------
    series
        Its profiles and sections; the bands stand at the sections' stations.
    block
        Texts of the title block.
    titles
        Surface name -> what the legend calls it.
    paper
        A1 or A3.
    h_scale, v_scale
        Denominators wanted; a coarser vertical one is taken where the profile is too high for the sheet.
    """
    say = block.say
    legend = [(name, titles[name]) for name in series.names]
    if not series.plan.is_empty:
        legend.append(("design", say("Design profile", "計画縦断線")))
    rows = _rows(series, titles, TEXT[paper], say)
    pages = list(_pages(series, rows, paper, (h_scale, v_scale), block_height(paper, legend)))
    title, across, up = say("Longitudinal profile", "縦断図"), say("horizontal", "横"), say("vertical", "縦")
    sheets = []
    for number, page in enumerate(pages, start=1):
        sheet = Sheet(paper, page.h, title if len(pages) == 1 else f"{title} ({number}/{len(pages)})")
        scales = f"{across} 1/{page.h}  {up} 1/{page.v} ({paper})"
        draw_frame(sheet, block, f"{number}/{len(pages)}", scales, legend)
        _draw_profile(sheet, series, page)
        _draw_bands(sheet, series, page, say)
        sheets.append(sheet)
    return sheets


def _rows(series: Series, titles: Mapping[str, str], text: float, say: Words) -> tuple[_Row, ...]:
    ground, design, high = say("Ground", "地盤高"), say("Design", "計画高"), _ROW * text
    rows = [
        _Row("station", say("Station", "測点"), _NAMES * text),
        _Row("step", say("Distance", "単距離"), high),
        _Row("chainage", say("Chainage", "追加距離"), high),
    ]
    n_grounds = len([n for n in series.names if n != "design"])
    for name in series.names:
        title = design if name == "design" else ground if n_grounds == 1 else f"{ground}({titles[name]})"
        rows.append(_Row("surface", title, high, name))
    if not series.plan.is_empty:
        rows.append(_Row("plan", f"{design}({say('line', '線形')})" if "design" in series.names else design, high))
    if series.pair is not None or not series.plan.is_empty:
        rows += [_Row("cut", say("Cut", "切土高"), high), _Row("fill", say("Fill", "盛土高"), high)]
    return (*rows, _Row("slope", say("Grade", "勾配"), high), _Row("alignment", say("Alignment", "平面線形"), high))


def _pages(
    series: Series, rows: tuple[_Row, ...], paper: Paper, scales: tuple[int, int], block: float
) -> Iterator[_Page]:
    (width, height), m, text, (h, v) = SIZES[paper], MARGIN[paper], TEXT[paper], scales
    deep = sum(row.height for row in rows)
    x, y = m + _SIDE * text + 6, m + block + 6
    room = (width - m - 8 - x) * h / 1000.0
    tall = height - m - 12 - y - deep
    n = max(1, math.ceil(series.line.length / room - 1e-9))
    for i in range(n):
        first, last = i * room, min((i + 1) * room, series.line.length)
        heights = [z for _, line in _drawn(series) for p in line.between(first, last).pieces for z in p[:, 1].tolist()]
        low, high = (min(heights), max(heights)) if heights else (0.0, 1.0)
        datum = math.floor((low - 1.0) / 5.0) * 5.0
        scale = next((s for s in (v, *(s for s in V_SCALES if s > v)) if (high - datum) * 1000.0 / s <= tall), 2000)
        yield _Page(first, last, h, scale, datum, x, y + deep, rows, text)


def _draw_profile(sheet: Sheet, series: Series, page: _Page) -> None:
    k, right = 1000.0 / page.v, page.across(page.last)
    shown = [(role, line.between(page.first, page.last)) for role, line in _drawn(series)]
    highest = max((float(p[:, 1].max()) for _, line in shown for p in line.pieces), default=page.datum)
    top = min(sheet.size[1] - MARGIN[sheet.paper] - 8, page.y + (highest - page.datum) * k + 20)
    step = next(s for s in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if s * k >= 10.0 or s == 100.0)
    height = math.ceil(page.datum / step) * step
    while page.y + (height - page.datum) * k <= top:
        y = page.y + (height - page.datum) * k
        sheet.line("grid", (page.x, y), (right, y))
        if height > page.datum:
            sheet.text("text", page.x - 1.5, y, f"{height:.1f}", page.text, "right", "middle")
        height += step
    sheet.text("text", page.x - _SIDE * page.text, page.y + 1.5, f"DL={half_up(page.datum, 2)}", page.text)
    for role, line in shown:
        for piece in line.simplified(0.0001 * page.v)[0].pieces:
            sheet.line(role, *((page.across(t), page.y + (z - page.datum) * k) for t, z in piece.tolist()))


def _drawn(series: Series) -> list[tuple[str, SectionLine]]:
    """Role and line of all that a profile shows."""
    return [*((name, series.profiles[name]) for name in series.names), ("design", series.plan)]


def _draw_bands(sheet: Sheet, series: Series, page: _Page, say: Words) -> None:
    left, right, edges = page.x - _SIDE * page.text, page.across(page.last), page.edges
    for y in edges:
        sheet.line("datum", (left, y), (right, y))
    for row, upper, lower in zip(page.rows, edges, edges[1:], strict=False):
        size = fitted(row.title, page.text, _SIDE * page.text - 2.5)
        sheet.text("text", left + 1.5, (upper + lower) / 2, row.title, size, level="middle")
    for x in (left, page.x, right):
        sheet.line("datum", (x, page.y), (x, edges[-1]))
    inside = [s for s in series.sections if page.first - 1e-6 <= s.station.distance <= page.last + 1e-6]
    clear = page.x + 1.8 * page.text  # the first figures stand right of their line, clear of the bands' names
    places = _apart([max(page.across(s.station.distance), clear) for s in inside], _LEAST * page.text, right)
    for i, (section, x) in enumerate(zip(inside, places, strict=True)):
        if x > clear:
            start = page.across(section.station.distance)
            sheet.line("grid", (start, page.y), (x, page.y - page.text), (x, edges[-3]))
        before = inside[i - 1] if i else None
        for row, upper, lower in zip(page.rows[:-2], edges, edges[1:], strict=False):
            text = station_name(section, say) if row.kind == "station" else _cell(row, series, section, before)
            if text:
                size = fitted(text, page.text, 0.95 * row.height)
                sheet.text("text", x - _OFF * page.text, (upper + lower) / 2, text, size, "center", "bottom", 90)
    _draw_slopes(sheet, series, page, inside, edges[-2])
    _draw_alignment(sheet, series, page, edges[-1])


def _apart(wanted: Sequence[float], least: float, right: float) -> list[float]:
    """Places as near to the wanted ones, which ascend, as figures that must not touch can stand, none beyond an edge.

    Where there is no room for all the distance between them shrinks.
    """
    if not wanted:
        return []
    least = min(least, (right - wanted[0]) / max(len(wanted) - 1, 1))
    places = list(wanted)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + least)
    limit = right
    for i in reversed(range(len(places))):
        places[i] = min(places[i], limit)
        limit = places[i] - least
    return places


def _cell(row: _Row, series: Series, section: Section, before: Section | None) -> str:
    station = section.station
    if row.kind == "chainage":
        return str(half_up(station.chainage, 2))
    if row.kind == "step":
        return "" if before is None else str(printed_step(before.station, station))
    if row.kind in ("surface", "plan"):
        planned = series.plan.height(station.distance)
        height = planned if row.kind == "plan" else section.lines[row.surface].height(0.0)
        return "-" if math.isnan(height) else str(half_up(height, 2))
    lower, upper = _pair(series, section)
    if math.isnan(lower) or math.isnan(upper):
        return ""
    rise = (half_up(upper, 2) - half_up(lower, 2)) * (1 if row.kind == "fill" else -1)  # of the heights as printed
    return str(rise) if rise > 0 else ""


def _pair(series: Series, section: Section) -> tuple[float, float]:
    """Heights at the centre that fill rises between: to the design, surface or profile, else those of the pair."""
    if series.pair is not None and (series.plan.is_empty or "design" in series.pair):
        a, b = (section.lines[n].height(0.0) for n in series.pair)
        return a, b
    (*_, ground) = (name for name in series.names if name != "design")
    return section.lines[ground].height(0.0), series.plan.height(section.station.distance)


def _graded(series: Series, section: Section) -> float:
    """Height at the centre whose slope is told: of the design profile where there is one, else of the last surface."""
    if not series.plan.is_empty:
        return series.plan.height(section.station.distance)
    return section.lines[series.names[-1]].height(0.0)


def _draw_slopes(sheet: Sheet, series: Series, page: _Page, inside: list[Section], y: float) -> None:
    """Slope in per cent (`_graded`) with a stroke that rises or falls; close stations are taken together."""
    for start, end in _graded_runs(series, page, inside):
        x0, x1 = page.across(start.station.distance), page.across(end.station.distance)
        rise = _graded(series, end) - _graded(series, start)
        slope = half_up(100.0 * rise / (end.station.distance - start.station.distance), 1)
        tilt = page.text * (1.5 if slope > 0 else -1.5 if slope < 0 else 0.0)
        middle, top = y + 1.7 * page.text, y + (_ROW - 0.8) * page.text
        sheet.line("text", (x0, middle - tilt / 2), (x1, middle + tilt / 2))
        sheet.text("text", (x0 + x1) / 2, top, f"{slope}%", page.text, "center", "top")


def _graded_runs(series: Series, page: _Page, inside: Sequence[Section]) -> Iterator[tuple[Section, Section]]:
    """Stations that follow each other with room for a slope between them, up to the last of each unbroken part."""
    least = _SLOPE * page.text * page.h / 1000.0
    for is_known, part in groupby(inside, lambda section: not math.isnan(_graded(series, section))):
        sections = list(part)
        if not is_known or sections[-1].station.distance - sections[0].station.distance < least:
            continue
        kept = [sections[0]]
        for section in sections[1:]:
            if section.station.distance - kept[-1].station.distance >= least:
                kept.append(section)
        kept[-1] = sections[-1]  # what is left over belongs to the last slope
        yield from pairwise(kept)


def _draw_alignment(sheet: Sheet, series: Series, page: _Page, y: float) -> None:
    """平面線形: straight parts on the middle line, curves above (right turns) or below (left turns) it."""
    middle, top = y + _ROW * page.text / 2, y + (_ROW - 0.4) * page.text
    for piece, start in zip(series.line.pieces, series.line.starts[:-1].tolist(), strict=True):
        first, last = max(start, page.first), min(start + piece.length, page.last)
        if last <= first:
            continue
        x0, x1 = page.across(first), page.across(last)
        y0, y1 = (middle - 1.3 * page.text * math.copysign(1.0, k) if k else middle for k in (piece.k0, piece.k1))
        sheet.line("text", (x0, middle), (x0, y0), (x1, y1), (x1, middle))
        if x1 - x0 > text_width(_piece_text(piece)) * page.text:
            sheet.text("text", (x0 + x1) / 2, top, _piece_text(piece), page.text, "center", "top")


def _piece_text(piece: Piece) -> str:
    length = half_up(piece.length, 2)
    if piece.k0 == 0.0 and piece.k1 == 0.0:
        return f"L={length}"
    if piece.k0 == piece.k1:
        return f"R={half_up(1 / abs(piece.k0), 1)} CL={length}"
    a = math.sqrt(piece.length / abs(piece.k1 - piece.k0))
    return f"A={half_up(a, 1)} L={length}"
