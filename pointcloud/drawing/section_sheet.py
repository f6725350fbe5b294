"""横断図: sections at 1/100 or 1/200 on A1 or A3, from bottom to top and then from left to right.

Each section shows its station, GH and FH, cut (CA) and fill (BA) area, datum line (DL), grid, centre line, the lines of
all surfaces, and offsets and heights of the vertices of the last one. Lines are the simplified ones; where vertices lie
so close that their figures would overlap, every vertex is drawn but not every one is written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.drawing.sheet import BLOCK_WIDTH, MARGIN, SIZES, Paper, Sheet, TitleBlock, block_height, draw_frame
from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.rounding import half_up
from pointcloud.sections.series import Section, Series
from pointcloud.sections.slice import heights_on

SCALES = (100, 200, 250, 300, 500, 1000, 2000)
"""Scale denominators that a sheet may fall back to when a section is larger than the paper."""

_HEAD, _FOOT, _SIDE, _GAP = 13.0, 23.0, 17.0, 6.0  # mm above, below, beside and between sections
_TEXT, _NAME = 2.0, 3.5  # mm
_LEAST = 2.8  # mm between figures of neighbouring vertices


@dataclass(frozen=True, slots=True)
class _Box:
    """A section on paper: its datum height and size in mm with everything around it."""

    section: Section
    datum: float
    width: float
    height: float


def section_sheets(
    series: Series, block: TitleBlock, titles: Mapping[str, str], paper: Paper = "A1", scale: int = 200
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

    Raises
    ------
    ParameterError
        When a section does not fit even at the coarsest scale.
    """
    legend = [(name, titles[name]) for name in series.names]
    if series.pair is not None:
        legend += [("cut", "切土 CA"), ("fill", "盛土 BA")]
    boxes, scale = _fitting(series, paper, scale, block_height(paper, legend))
    pages = list(_pages(boxes, paper, block_height(paper, legend)))
    sheets = []
    for number, page in enumerate(pages, start=1):
        sheet = Sheet(paper, scale, "横断図" if len(pages) == 1 else f"横断図 ({number}/{len(pages)})")
        draw_frame(sheet, block, f"{number}/{len(pages)}", f"縦横 1/{scale} ({paper})", legend)
        for box, x, y in page:
            _draw(sheet, series, box, x, y)
        sheets.append(sheet)
    return sheets


def _fitting(series: Series, paper: Paper, wanted: int, block: float) -> tuple[list[_Box], int]:
    width, height = (side - 2 * MARGIN[paper] - 2 * _GAP for side in SIZES[paper])
    for scale in [wanted, *(s for s in SCALES if s > wanted)]:
        boxes = [_box(section, scale) for section in series.sections]
        if all(b.width <= width and b.height <= height - (block if b.width > width - BLOCK_WIDTH[paper] else 0)
               for b in boxes):  # fmt: skip
            return boxes, scale
    raise ParameterError(
        f"section sheets: a section does not fit on {paper} at 1/{SCALES[-1]}; choose narrower widths",
        f"横断図: 1/{SCALES[-1]} でも {paper} に入らない断面があります。幅を狭めてください。",
        value=paper,
    )


def _box(section: Section, scale: int) -> _Box:
    heights = [z for line in section.simple.values() for p in line.pieces for z in (p[:, 1].min(), p[:, 1].max())]
    low, high = (min(heights), max(heights)) if heights else (0.0, 1.0)
    datum = float(math.floor(low - 0.5))
    k = 1000.0 / scale
    width = (section.station.left + section.station.right) * k + 2 * _SIDE
    return _Box(section, datum, width, (high - datum) * k + _HEAD + _FOOT)


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


def _draw(sheet: Sheet, series: Series, box: _Box, x: float, y: float) -> None:
    section, k = box.section, 1000.0 / sheet.scale
    station = section.station
    centre, base = x + _SIDE + station.left * k, y + _FOOT

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack((centre + points[:, 0] * k, base + (points[:, 1] - box.datum) * k))

    top = y + box.height - _HEAD
    _grid(sheet, box, centre, base, top)
    if series.pair is not None:
        for role, polygon in shaded(section.lines[series.pair[0]], section.lines[series.pair[1]]):
            sheet.area(role, place(polygon))
    for name in series.names:
        for piece in section.simple[name].pieces:
            sheet.line(name, *map(tuple, place(piece)))
    sheet.line("centre", (centre, base), (centre, top + 1.5))
    _heading(sheet, series, section, centre, top)
    _figures(sheet, section.simple[series.names[-1]], centre, base, k, station.left, station.right)


def _grid(sheet: Sheet, box: _Box, centre: float, base: float, top: float) -> None:
    k, station = 1000.0 / sheet.scale, box.section.station
    step = 1.0 if k >= 10.0 else 5.0 if k >= 2.0 else 10.0
    left, right = centre - station.left * k, centre + station.right * k
    first = math.ceil(box.datum / step) * step
    height = first if first > box.datum else first + step
    while base + (height - box.datum) * k <= top:
        y = base + (height - box.datum) * k
        sheet.line("grid", (left, y), (right, y))
        if step > 1.0 or height % 5 == 0:
            sheet.text("text", left - 1.5, y, f"{height:g}", _TEXT, "right", "middle")
        height += step
    across = 5.0 if k >= 2.0 else 10.0
    for i in range(math.ceil(-station.left / across), math.floor(station.right / across) + 1):
        sheet.line("grid", (centre + i * across * k, base), (centre + i * across * k, top))
    sheet.line("datum", (left - 12, base), (right, base))
    sheet.text("text", left - 12, base + 0.8, f"DL={half_up(box.datum, 2)}", _TEXT + 0.5)


def _heading(sheet: Sheet, series: Series, section: Section, centre: float, top: float) -> None:
    sheet.text("text", centre, top + 8.2, section.station.name, _NAME, "center")
    parts = []
    for name in series.names:
        height = section.lines[name].height(0.0)
        label = {"design": "FH", "before": "GH(前)" if "after" in series.names else "GH"}.get(name, "GH(後)")
        label = "GH" if len(series.names) == 1 else label
        parts.append(f"{label}={'-' if math.isnan(height) else half_up(height, 2)}")
    sheet.text("text", centre, top + 5.0, "  ".join(parts), _TEXT + 0.3, "center")
    if section.areas is not None:
        text = f"CA={half_up(section.areas.cut, 1)}  BA={half_up(section.areas.fill, 1)}"
        sheet.text("quantity", centre, top + 2.0, text, _TEXT + 0.3, "center")


def _figures(sheet: Sheet, line: SectionLine, centre: float, base: float, k: float, left: float, right: float) -> None:
    """Offsets and heights of the vertices under the datum line, centre and ends first."""
    for row, title in ((9.0, "標高"), (19.0, "距離")):
        sheet.text("text", centre - left * k - 2, base - row + 3, title, _TEXT, "right", "middle")
    for y in (base - 10.5, base - 21.0):
        sheet.line("datum", (centre - left * k - 12, y), (centre + right * k, y))
    rows = [(float(t), float(z)) for piece in line.pieces for t, z in piece]
    taken: list[float] = []
    order = sorted(range(len(rows)), key=lambda i: (i not in (0, len(rows) - 1), i))
    if not math.isnan(line.height(0.0)):
        rows.append((0.0, line.height(0.0)))
        order.insert(0, len(rows) - 1)
    for i in order:
        t, z = rows[i]
        x = centre + t * k
        if any(abs(x - other) < _LEAST for other in taken):
            continue
        taken.append(x)
        sheet.line("grid", (x, base), (x, base - 0.8))
        sheet.text("text", x, base - 5.6, str(half_up(z, 2)), _TEXT, "center", "middle", 90)
        sheet.text("text", x, base - 15.8, str(half_up(t, 2)), _TEXT, "center", "middle", 90)


def shaded(before: SectionLine, after: SectionLine) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Polygons between two lines, role ``cut`` or ``fill``, shape (n, 2) in offset and height."""
    for a in before.pieces:
        for b in after.pieces:
            low, high = max(a[0, 0], b[0, 0]), min(a[-1, 0], b[-1, 0])
            if high - low <= 0.0:
                continue
            t = np.unique(np.clip(np.concatenate((a[:, 0], b[:, 0], [low, high])), low, high))
            yield from _runs(t, heights_on(SectionLine((a,)), t), heights_on(SectionLine((b,)), t))


def _runs(
    t: NDArray[np.float64], za: NDArray[np.float64], zb: NDArray[np.float64]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    d = zb - za
    cross = np.flatnonzero(d[:-1] * d[1:] < 0.0)
    share = d[cross] / (d[cross] - d[cross + 1])
    at = t[cross] + share * (t[cross + 1] - t[cross])
    z = za[cross] + share * (za[cross + 1] - za[cross])
    t, za, zb = (np.insert(v, cross + 1, w) for v, w in ((t, at), (za, z), (zb, z)))
    sign = np.sign(zb[:-1] - za[:-1] + zb[1:] - za[1:])
    edges = np.concatenate(([0], np.flatnonzero(np.diff(sign)) + 1, [sign.size]))
    for first, last in itertools.pairwise(edges):
        own = slice(first, last + 1)
        if sign[first] == 0.0 or np.abs(zb[own] - za[own]).max() < 0.02:
            continue
        ring = np.column_stack((np.concatenate((t[own], t[own][::-1])), np.concatenate((za[own], zb[own][::-1]))))
        yield ("fill" if sign[first] > 0 else "cut"), ring
