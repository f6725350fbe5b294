"""CSV of sections, quantities and point bands, in UTF-8 with BOM (Excel, GIS) or CP932 (older software)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from pointcloud.drawing.section_words import missing_text, station_name, station_text, surface_name
from pointcloud.drawing.volume_words import Words
from pointcloud.io.staging import staged
from pointcloud.sections.quantities import Row
from pointcloud.sections.rounding import half_up, rounded_texts
from pointcloud.sections.series import Series

Table = Sequence[Sequence[object]]

JAPANESE: Final = Words("ja")

UNNAMED: Final[Mapping[str, str]] = {}
"""Surfaces called as the summary calls them."""

_PLACE: Final = (("X (north, m)", "X(北,m)"), ("Y (east, m)", "Y(東,m)"))


def write_csv(path: Path, table: Table, encoding: str) -> tuple[str, ...]:
    """Write rows with CRLF ends in ``utf-8-sig`` or ``cp932``; returns the characters that became ``?``.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table)
    lost = sorted(c for c in set(text.getvalue()) if not _encodable(c, encoding))
    with staged(path) as stage:
        stage.write_bytes(text.getvalue().encode(encoding, errors="replace"))
    return tuple(lost)


def _encodable(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def vertex_table(series: Series, say: Words = JAPANESE, titles: Mapping[str, str] = UNNAMED) -> Table:
    """Vertices of the simplified lines: station, chainage, surface, piece, offset, height, X (north), Y (east).

    ``titles`` is what drawings and tables call each survey and the design.
    """
    head = _head(say, ("station", "測点"), ("chainage (m)", "追加距離(m)"), ("surface", "面"), ("part", "部分"),
                 ("offset (right +, m)", "距離(右+,m)"), ("height (m)", "標高(m)"), *_PLACE)  # fmt: skip
    return [head, *_vertices(series, say, titles)]


def _head(say: Words, *titles: tuple[str, str]) -> list[str]:
    return [say(*title) for title in titles]


def _vertices(series: Series, say: Words, titles: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    for section in series.sections:
        station, own = section.station, station_name(section, say)
        chainage = half_up(station.chainage, 3)
        for name in (*series.names, *series.tops):
            surface = _called(name, titles, say)
            for number, piece in enumerate(section.simple[name].pieces, start=1):
                ux, uy = station.across
                north, east = station.y + piece[:, 0] * uy, station.x + piece[:, 0] * ux
                figures = rounded_texts(np.column_stack((piece, north, east)), 3)
                for row in _in_fours(figures):
                    yield (own, chainage, surface, number, *row)


def _called(name: str, titles: Mapping[str, str], say: Words) -> str:
    return surface_name(name, titles, say) if titles else name


def _in_fours(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*[iter(texts)] * 4, strict=True)


def station_table(series: Series, say: Words = JAPANESE, titles: Mapping[str, str] = UNNAMED) -> Table:
    """Stations: name, distance, chainage, X, Y, heights at the centre, areas, widths, slope of the section.

    ``titles`` as for `vertex_table`.
    """
    names = [_called(n, titles, say) for n in series.names]
    planned = [] if series.plan.is_empty else [("design height (m)", "計画高(m)")]
    head = _head(
        say, ("station", "測点"), ("distance (m)", "内部距離(m)"), ("chainage (m)", "追加距離(m)"), *_PLACE,
        *((f"{n} height (m)", f"{n} 標高(m)") for n in names), *planned,
        *((f"{n} crossfall (%)", f"{n} 横断勾配(%)") for n in names),
        ("cut area (m2)", "切土面積(m2)"), ("fill area (m2)", "盛土面積(m2)"), ("left width (m)", "左幅(m)"),
        ("right width (m)", "右幅(m)"), ("skew (deg)", "斜角(度)"),
        ("greatest simplification (cm)", "簡略化の最大偏差(cm)"),
    )  # fmt: skip
    body = []
    for section in series.sections:
        s, areas = section.station, section.areas
        heights = [section.lines[n].height(0.0) for n in series.names]
        heights += [series.plan.height(s.distance)] if planned else []
        slopes = [_crossfall(section.lines[n].height(-s.left), section.lines[n].height(s.right), s.left + s.right)
                  for n in series.names]  # fmt: skip
        body.append([
            station_name(section, say),
            *(half_up(v, 3) for v in (s.distance, s.chainage, s.y, s.x)),
            *(_cell(h, 3) for h in heights), *(_cell(v, 2) for v in slopes),
            "" if areas is None else half_up(areas.cut, 3), "" if areas is None else half_up(areas.fill, 3),
            half_up(s.left, 2), half_up(s.right, 2), half_up(s.skew, 3), half_up(100 * section.deviation, 1),
        ])  # fmt: skip
    return [head, *body]


def _crossfall(left: float, right: float, width: float) -> float:
    """Slope from the left to the right end in per cent, rising to the right positive."""
    return 100.0 * (right - left) / width


def _cell(value: float, digits: int) -> object:
    return "" if math.isnan(value) else half_up(value, digits)


def quantity_table(table: Sequence[Row], say: Words = JAPANESE) -> Table:
    """The rows of the 土量計算書."""
    head = _head(
        say, ("station", "測点"), ("distance (m)", "距離(m)"), ("cut area (m2)", "切土断面積(m2)"),
        ("mean cut area (m2)", "切土平均断面積(m2)"), ("cut volume (m3)", "切土量(m3)"),
        ("fill area (m2)", "盛土断面積(m2)"), ("mean fill area (m2)", "盛土平均断面積(m2)"),
        ("fill volume (m3)", "盛土量(m3)"), ("net (fill - cut, m3)", "差引(盛土-切土,m3)"),
        ("running total (m3)", "累計(m3)"), ("remarks", "備考"),
    )  # fmt: skip
    body = [
        [station_text(r.station, say),
         *("" if v is None else v for v in (r.distance, r.cut_area, r.cut_mean, r.cut_volume, r.fill_area, r.fill_mean,
                                            r.fill_volume, r.net, r.total)),
         missing_text(r.missing, say)]
        for r in table
    ]  # fmt: skip
    return [head, *body]


def band_table(series: Series, say: Words = JAPANESE, titles: Mapping[str, str] = UNNAMED) -> Table:
    """Percentiles of the points of each slice: station, survey, layer, offset, number, 5, 50, 95 % and highest.

    ``titles`` as for `vertex_table`.
    """
    head = _head(
        say, ("station", "測点"), ("survey", "点群"), ("layer", "層"), ("thickness (m)", "厚さ(m)"),
        ("offset (right +, m)", "距離(右+,m)"), ("points", "点数"), *((f"{p}% (m)", f"{p}%(m)") for p in (5, 50, 95)),
        ("highest (m)", "最高(m)"),
    )  # fmt: skip
    body: list[tuple[object, ...]] = []
    for section in series.sections:
        own = station_name(section, say)
        for name, cut in section.slices.items():
            survey = _called(name, titles, say)
            for band in cut.bands:
                places, heights = rounded_texts(band.offset, 2), rounded_texts(band.percentiles, 3)
                rows = zip(places, band.n_points.tolist(), _in_fours(heights), strict=True)
                body += [(own, survey, str(band.layer), cut.thickness, at, n, *four) for at, n, four in rows]
    return [head, *body]
