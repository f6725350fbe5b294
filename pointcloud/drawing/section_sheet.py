"""横断図: sections at 1/100 or 1/200 on A1 or A3, from bottom to top and then from left to right.

Each section shows its station, GH and FH, its skew where it has one, cut (CA) and fill (BA) area, datum line (DL),
grid, centre line, the lines of all grounds and the design with the scatter of the latest points, and offsets and
heights of the vertices of the last one. Lines are the simplified ones; where vertices lie so close that their figures
would overlap, every vertex is drawn but not every one is written.

層別断面図 are the same with the layers of the latest survey's points and the surface lines, without areas.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pointcloud.drawing.section_bands import layered, scattered, shaded
from pointcloud.drawing.section_words import LAYERS, station_name, surface_name
from pointcloud.drawing.sheet import (
    BLOCK_WIDTH,
    HEADING,
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
from pointcloud.errors import ParameterError
from pointcloud.sections.rounding import half_up
from pointcloud.sections.series import TOP, Section, Series

SCALES = (100, 200, 250, 300, 500, 1000, 2000)
"""Scale denominators that a sheet may fall back to when a section is larger than the paper."""

_GAP = 6.0  # mm between sections
_HEAD, _LINE, _FOOT, _SIDE, _RIGHT, _LEAST = 3.6, 1.7, 12.0, 9.0, 1.5, 1.3
"""Above a section and for each line of its heading besides its name, below, left and right of it, and between figures
of neighbouring vertices: in heights of a figure."""

_STEPS, _LINES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), 8
"""Metres between heights of the grid, and how many of them a section may have before they stand farther apart."""

_FLAT = 5.0
"""Least height of a section over its datum, in heights of a figure: every step that has room for one fits in it."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A section on paper: its datum height and size in mm with everything around it; lines under its name."""

    section: Section
    datum: float
    width: float
    height: float
    heading: tuple[str, ...]
    with_layers: bool


def section_sheets(
    series: Series,
    block: TitleBlock,
    titles: Mapping[str, str],
    paper: Paper = "A1",
    scale: int = 200,
    *,
    with_layers: bool = False,
) -> list[Sheet]:
    """Sheets with all sections, vertical scale equal to horizontal.

    Parameters
    ----------
    series
        The sections.
    block
        Texts of the title block.
    titles
        Surface name -> what the legend calls it.
    paper
        A1 or A3.
    scale
        Denominator wanted; the next coarser of `SCALES` is taken where a section does not fit, and the sheets say so.
    with_layers
        Draw 層別断面図 instead of 横断図.

    Raises
    ------
    ParameterError
        When a section does not fit even at the coarsest scale.
    """
    say = block.say
    legend = _legend(series, titles, with_layers, say)
    block_top = block_height(paper, legend)
    make = partial(_box, series, titles, say, TEXT[paper], with_layers)
    boxes, scale = _fitting(make, series, paper, scale, block_top)
    pages = list(_pages(boxes, paper, block_top))
    title = say("Sections with layers of points", "層別断面図") if with_layers else say("Cross-sections", "横断図")
    sheets = []
    for number, page in enumerate(pages, start=1):
        sheet = Sheet(paper, scale, title if len(pages) == 1 else f"{title} ({number}/{len(pages)})")
        draw_frame(sheet, block, f"{number}/{len(pages)}", f"{say('', '縦横 ')}1/{scale} ({paper})", legend)
        for box, x, y in page:
            _draw(sheet, series, titles, box, (x, y), say)
        sheets.append(sheet)
    return sheets


def _legend(series: Series, titles: Mapping[str, str], with_layers: bool, say: Words) -> list[tuple[str, str]]:
    legend = [(name, titles[name]) for name in series.names]
    if len(legend) > 1:  # whose figures stand under the sections
        legend[-1] = (series.names[-1], f"{titles[series.names[-1]]} {say('(heights, offsets)', '(標高・距離の欄)')}")
    if not series.plan.is_empty:
        legend.append(("design", say("Design height FH at the centre", "計画高 FH (中心)")))
    slices = [s for section in series.sections for s in list(section.slices.values())[-1:]]
    seen = {str(band.layer) for s in slices for band in s.bands} if with_layers else set()
    if any(s.spread is not None for s in slices):
        seen.add("scatter")
    legend += [(role, say(*text)) for role, text in LAYERS if role in seen]
    if with_layers:
        for top in series.tops:
            name = titles[top.removesuffix(TOP)]
            legend.append((series.role(top), f"{say('Surface line', '表層線')} ({name})"))
    elif series.pair is not None:
        names = " → ".join(surface_name(n, titles, say) for n in series.pair)
        legend += [("cut", f"{say('Cut', '切土')} CA ({names})"), ("fill", say("Fill BA", "盛土 BA"))]
    return legend


def _fitting(
    make: Callable[[Section, int], _Box], series: Series, paper: Paper, wanted: int, block: float
) -> tuple[list[_Box], int]:
    width, height = (side - 2 * MARGIN[paper] - 2 * _GAP for side in SIZES[paper])
    for scale in [wanted, *(s for s in SCALES if s > wanted)]:
        boxes = [make(section, scale) for section in series.sections]
        if all(b.width <= width and b.height <= height - (block if b.width > width - BLOCK_WIDTH[paper] else 0)
               for b in boxes):  # fmt: skip
            return boxes, scale
    raise ParameterError(
        f"section sheets: a section does not fit on {paper} at 1/{SCALES[-1]}; choose narrower widths",
        f"横断図: 1/{SCALES[-1]} でも {paper} に入らない断面があります。幅を狭めてください。",
        value=paper,
    )


def _box(
    series: Series, titles: Mapping[str, str], say: Words, text: float, with_layers: bool, section: Section, scale: int
) -> _Box:
    names = (*series.names, *series.tops) if with_layers else series.names
    heights = [float(z) for n in names for p in section.simple[n].pieces for z in (p[:, 1].min(), p[:, 1].max())]
    if with_layers:
        for _, polygon in _bands(section):
            heights += [float(polygon[:, 1].min()), float(polygon[:, 1].max())]
    planned = series.plan.height(section.station.distance)
    heights += [] if math.isnan(planned) else [planned]
    low, high = (min(heights), max(heights)) if heights else (0.0, 1.0)
    datum = float(math.floor(low - 0.5))
    k = 1000.0 / scale
    width = (section.station.left + section.station.right) * k + (_SIDE + _RIGHT) * text
    heading = tuple(_heading(section, series, titles, say, width / text, with_layers))
    tall = max((high - datum) * k, _FLAT * text)
    height = tall + (_HEAD + _LINE * len(heading) + _FOOT) * text
    return _Box(section, datum, width, height, heading, with_layers)


def _bands(section: Section) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Layers of the latest survey's points."""
    for points in list(section.slices.values())[-1:]:
        yield from layered(points)


def _pages(boxes: Sequence[_Box], paper: Paper, block: float) -> Iterator[list[tuple[_Box, float, float]]]:
    """Lower left corners of the boxes, column by column from the bottom, clear of the title block."""
    (width, height), m = SIZES[paper], MARGIN[paper]
    left, right, top = m + _GAP, width - m - _GAP, height - m - _GAP
    page: list[tuple[_Box, float, float]] = []
    x, column, y = left, 0.0, 0.0
    is_new = True
    for box in boxes:
        if not is_new and y + box.height > top:
            x, is_new = x + column + _GAP, True
        if is_new:
            if x + box.width > right and page:
                yield page
                page, x = [], left
            column, y, is_new = 0.0, _floor(x + box.width, paper, block), False
        y = max(y, _floor(x + box.width, paper, block))
        if y + box.height > top:  # a wider box reaches over the title block
            yield page
            page, x, column, y = [], left, 0.0, _floor(left + box.width, paper, block)
        page.append((box, x, y))
        column = max(column, box.width)
        y += box.height + _GAP
    if page:
        yield page


def _floor(x_right: float, paper: Paper, block: float) -> float:
    (width, _), m = SIZES[paper], MARGIN[paper]
    return m + _GAP + (block if x_right > width - m - BLOCK_WIDTH[paper] - _GAP else 0.0)


def _draw(
    sheet: Sheet, series: Series, titles: Mapping[str, str], box: _Box, corner: tuple[float, float], say: Words
) -> None:
    section, k, text = box.section, 1000.0 / sheet.scale, TEXT[sheet.paper]
    station, (x, y) = section.station, corner
    centre, base = x + _SIDE * text + station.left * k, y + _FOOT * text

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack((centre + points[:, 0] * k, base + (points[:, 1] - box.datum) * k))

    top = y + box.height - (_HEAD + _LINE * len(box.heading)) * text
    _grid(sheet, box, centre, base, top)
    for role, polygon in _filled(series, box):
        sheet.area(role, place(polygon))
    for name in (*series.names, *(series.tops if box.with_layers else ())):
        for piece in section.simple[name].pieces:
            sheet.line(series.role(name), *map(tuple, place(piece)))
    sheet.line("centre", (centre, base), (centre, top + 0.6 * text))
    planned = series.plan.height(station.distance)
    if not math.isnan(planned):
        level = base + (planned - box.datum) * k
        sheet.line("design", (centre - 2.0 * text, level), (centre + 2.0 * text, level))
    _draw_heading(sheet, box, station_name(section, say), x, centre, top)
    last = series.names[-1]
    whose = "" if len(series.names) == 1 else titles[last]
    _figures(sheet, section, last, (centre, base), (say("Height m", "標高 m"), say("Offset m", "距離 m"), whose))


def _filled(series: Series, box: _Box) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """What is filled, from the back to the front."""
    section = box.section
    if box.with_layers:
        yield from _bands(section)
    elif series.pair is not None:
        yield from shaded(section.lines[series.pair[0]], section.lines[series.pair[1]])
    for name, points in list(section.slices.items())[-1:]:
        yield from scattered(points, section.lines[name])


def _grid(sheet: Sheet, box: _Box, centre: float, base: float, top: float) -> None:
    k, station, size = 1000.0 / sheet.scale, box.section.station, TEXT[sheet.paper]
    step = next((s for s in _STEPS if s * k >= 2.0 * size and (top - base) / k <= _LINES * s), _STEPS[-1])
    left, right = centre - station.left * k, centre + station.right * k
    height = (math.floor(box.datum / step) + 1) * step
    while base + (height - box.datum) * k <= top:
        y = base + (height - box.datum) * k
        sheet.line("grid", (left, y), (right, y))
        if y - base > 1.9 * size:  # below that it would meet the datum's
            sheet.text("text", left - 1.5, y, f"{height:g}", size, "right", "middle")
        height += step
    across = 5.0 if k >= 2.0 else 10.0
    for i in range(math.ceil(-station.left / across), math.floor(station.right / across) + 1):
        sheet.line("grid", (centre + i * across * k, base), (centre + i * across * k, top))
    edge = left - (_SIDE - 1.0) * size
    sheet.line("datum", (edge, base), (right, base))
    sheet.text("text", edge, base + 0.8, f"DL={half_up(box.datum, 2)}", size)


def _heading(
    section: Section, series: Series, titles: Mapping[str, str], say: Words, room: float, with_layers: bool
) -> Iterator[str]:
    """Lines under a section's name: heights at the centre, as many a line as ``room`` holds, and areas or scatter."""
    parts = []
    for name in series.names:
        height = section.lines[name].height(0.0)
        label = "FH" if name == "design" else "GH" if _n_grounds(series) == 1 else f"GH({titles[name]})"
        parts.append(f"{label}={'-' if math.isnan(height) else half_up(height, 2)}")
    planned = series.plan.height(section.station.distance)
    if "design" not in series.names and not math.isnan(planned):
        parts.append(f"FH={half_up(planned, 2)}")
    if section.station.skew:
        parts.append(f"{say('Skew', '斜角')} {section.station.skew:g}°")
    line = parts[0]
    for part in parts[1:]:
        if text_width(f"{line}  {part}") > room:
            yield line
            line = part
        else:
            line = f"{line}  {part}"
    yield line
    if with_layers:
        yield _scatter_text(section, say)
    elif section.areas is not None:
        yield f"CA={half_up(section.areas.cut, 1)} m2  BA={half_up(section.areas.fill, 1)} m2"


def _draw_heading(sheet: Sheet, box: _Box, name: str, x: float, centre: float, top: float) -> None:
    """Name and heading over the centre line, or beside it where they would leave the box, which begins at ``x``."""
    size = TEXT[sheet.paper]
    lines = [
        (name, fitted(name, HEADING[sheet.paper], box.width)),
        *((line, fitted(line, size, box.width)) for line in box.heading),
    ]
    half = max(text_width(text) * own for text, own in lines) / 2.0
    middle = min(max(centre, x + half), x + box.width - half)
    for i, (text, own) in enumerate(reversed(lines)):
        is_area = i == 0 and box.section.areas is not None and not box.with_layers
        sheet.text("quantity" if is_area else "text", middle, top + (1.0 + _LINE * i) * size, text, own, "center")


def _scatter_text(section: Section, say: Words) -> str:
    """Thickness of the latest survey's slice and scatter of its ground points."""
    for points in list(section.slices.values())[-1:]:
        scatter = "-" if points.scatter is None else f"{half_up(100.0 * points.scatter, 1)} cm"
        slab, deviation = say("Slice", "点群の厚さ"), say("ground points' standard deviation", "地盤点の標準偏差")
        return f"{slab} {points.thickness:g} m  {deviation} {scatter}"
    return ""


def _n_grounds(series: Series) -> int:
    return len([name for name in series.names if name != "design"])


def _figures(
    sheet: Sheet, section: Section, name: str, place: tuple[float, float], words: tuple[str, str, str]
) -> None:
    """Offsets and heights of the vertices under the datum line, centre and ends first.

    At the centre stands the height of the line before it was simplified: that of the heading and of the profile.
    ``words`` name the two rows, and whose heights they are where there are several surfaces.
    """
    size, k, (centre, base) = TEXT[sheet.paper], 1000.0 / sheet.scale, place
    line, middle = section.simple[name], section.lines[name].height(0.0)
    edge = centre - section.station.left * k - (_SIDE - 1.0) * size
    for row, title in zip((3.2, 8.7), words, strict=False):
        sheet.text("text", edge + 0.5, base - row * size, title, size, "left", "middle")
    if words[2] and 0.8 * text_width(words[2]) <= _SIDE - 1.5:  # a longer one stands in the legend only
        sheet.text("text", edge + 0.5, base - 5.0 * size, words[2], 0.8 * size, "left", "middle")
    for y in (base - 6.0 * size, base - 11.5 * size):
        sheet.line("datum", (edge, y), (centre + section.station.right * k, y))
    rows = [(float(t), float(z)) for piece in line.pieces for t, z in piece]
    taken: list[float] = []
    order = sorted(range(len(rows)), key=lambda i: (i not in (0, len(rows) - 1), i))
    if not math.isnan(middle):
        rows.append((0.0, middle))
        order.insert(0, len(rows) - 1)
    for i in order:
        t, z = rows[i]
        x = centre + t * k
        rank = bisect(taken, x)
        if any(abs(x - other) < _LEAST * size for other in taken[max(rank - 1, 0) : rank + 1]):
            continue
        taken.insert(rank, x)
        sheet.line("grid", (x, base), (x, base - 0.8))
        sheet.text("text", x, base - 3.2 * size, str(half_up(z, 2)), size, "center", "middle", 90)
        sheet.text("text", x, base - 8.7 * size, str(half_up(t, 2)), size, "center", "middle", 90)
