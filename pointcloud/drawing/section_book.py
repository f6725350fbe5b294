"""平均断面法 of each zone as a sheet: areas, mean areas, distances and volumes, rounded half up at each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pointcloud.drawing.workbook import FIRST_ROW, Cell, Column, Formula, TableSheet, tab_name
from pointcloud.sections.quantities import AREA_DIGITS, DISTANCE_DIGITS, MEAN_DIGITS, VOLUME_DIGITS
from pointcloud.sections.rounding import half_up

MAX_SHEETS: Final = 30
"""Zones beyond this many get no sheet of their own; their sections stand in volume.json."""

_ZERO: Final = Decimal(0)


def end_area_sheets(methods: Mapping[str, Any], taken: set[str]) -> Iterator[TableSheet]:
    """A sheet for each zone with its stations."""
    for zone, found in list(methods.items())[:MAX_SHEETS]:
        yield _sheet(zone, found["average_end_area"]["stations"], taken)


def _sheet(zone: str, stations: Sequence[Mapping[str, float]], taken: set[str]) -> TableSheet:
    body: list[Sequence[Cell]] = []
    sums = {"cut": _ZERO, "fill": _ZERO}
    total = _ZERO
    for i, station in enumerate(stations):
        n, areas = FIRST_ROW + i, {k: half_up(station[f"{k}_m2"], AREA_DIGITS) for k in sums}
        distance = half_up(station["distance_m"], DISTANCE_DIGITS)
        void = half_up(station["void_width_m"], 1)
        note = f"欠測幅 {void} m" if void > 0 else ""
        if i == 0:
            body.append([distance, None, areas["cut"], None, None, areas["fill"], *[None] * 4, note])
            continue
        before = stations[i - 1]
        step = distance - half_up(before["distance_m"], DISTANCE_DIGITS)
        cells = {k: _pair(k, n, step, half_up(before[f"{k}_m2"], AREA_DIGITS), areas[k]) for k in sums}
        volumes = {k: Decimal(str(cells[k][1].value)) for k in sums}
        sums = {k: sums[k] + volumes[k] for k in sums}
        net = volumes["fill"] - volumes["cut"]
        total += net
        running = f"I{n}" if i == 1 else f"J{n - 1}+I{n}"
        body.append([
            distance, Formula(f"A{n}-A{n - 1}", step), areas["cut"], *cells["cut"], areas["fill"], *cells["fill"],
            Formula(f"H{n}-E{n}", net), Formula(running, total), note,
        ])  # fmt: skip
    body.append(_totals(FIRST_ROW + len(stations) - 1, sums))
    notes = (
        "土量 = 前後の断面積の平均 × 距離。各段階で四捨五入 (面積 0.1、平均 0.01、距離 0.01、土量 0.1)",
        "断面は volume.json の average_end_area.line に直角。桁数は数量算出要領による (未確認)。",
    )
    return TableSheet(
        tab_name(f"平均断面 {zone}", taken), f"土 量 計 算 書 (平均断面法)  {zone}", _COLUMNS, body, notes, 1
    )


def _pair(kind: str, n: int, step: Decimal, before: Decimal, area: Decimal) -> tuple[Formula, Formula]:
    """Mean area and volume."""
    a, m = {"cut": ("C", "D"), "fill": ("F", "G")}[kind]
    mean = half_up((before + area) / 2, MEAN_DIGITS)
    volume = half_up(mean * step, VOLUME_DIGITS)
    return (
        Formula(f"ROUND(({a}{n - 1}+{a}{n})/2,{MEAN_DIGITS})", mean),
        Formula(f"ROUND({m}{n}*B{n},{VOLUME_DIGITS})", volume),
    )


def _totals(last: int, sums: Mapping[str, Decimal]) -> list[Cell]:
    cut, fill = (Formula(f"SUM({c}{FIRST_ROW}:{c}{last})", sums[k]) for c, k in (("E", "cut"), ("H", "fill")))
    net = Formula(f"H{last + 1}-E{last + 1}", sums["fill"] - sums["cut"])
    return ["合計", None, None, None, cut, None, None, fill, net, None, ""]


_COLUMNS: Final = (
    Column("追加距離 m", 12, DISTANCE_DIGITS), Column("距離 m", 10, DISTANCE_DIGITS),
    Column("切土 断面積 m2", 12, AREA_DIGITS), Column("切土 平均断面積 m2", 12, MEAN_DIGITS),
    Column("切土 土量 m3", 12, VOLUME_DIGITS), Column("盛土 断面積 m2", 12, AREA_DIGITS),
    Column("盛土 平均断面積 m2", 12, MEAN_DIGITS), Column("盛土 土量 m3", 12, VOLUME_DIGITS),
    Column("差引 m3", 12, VOLUME_DIGITS), Column("累計 m3", 12, VOLUME_DIGITS), Column("備考", 16),
)  # fmt: skip
