"""The stands and the years of a claim as tables for CSV, with units in the heads, to the digits of the sheets.

Unrounded figures stand in the summary of the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from pointcloud.drawing.forest_words import STATUS
from pointcloud.forest.carbon_result import Claim, StandCarbon
from pointcloud.forest.stands import Stand
from pointcloud.forest.stands_table import StandMeasure
from pointcloud.sections.rounding import half_up

Table = Sequence[Sequence[object]]

_MEASURES: Final = (
    "検出本数", "推定本数", "推定本数下限", "推定本数上限", "平均樹高(m)", "Lorey樹高(m)", "上層平均樹高(m)",
    "上層下限(m)", "上層上限(m)", "最大樹高(m)", "樹冠被覆率", "測量内の割合", "地表点(点/m2)", "平均胸高直径(cm)",
    "幹材積(m3)", "幹材積下限(m3)", "幹材積上限(m3)", "直径の較正",
)  # fmt: skip

_STANDS: Final = (
    "林小班", "判定", "樹種", "植栽年度", "面積(ha)", "測量時林齢", *_MEASURES, "地位級", "地位指数(m)",
    "吸収量(tCO2)", "主伐排出(tCO2)", "再造林(tCO2)", "純吸収(tCO2)", "純下限(tCO2)", "純上限(tCO2)", "備考",
)  # fmt: skip


def measure_rows(stands: Sequence[Stand], measures: Sequence[StandMeasure]) -> Table:
    """What a survey shows of stands, a row a stand; cells are empty where there is no figure. 95 % intervals."""
    head = ("林小班", "樹種", "面積(ha)", "上層本数", *_MEASURES, "備考")
    body = [
        [
            s.id,
            s.species,
            figure(s.area_ha, 4),
            m.n_upper,
            *_measure(m),
            " / ".join(n.ja for n in (*m.problems, *m.notes)),
        ]
        for s, m in zip(stands, measures, strict=True)
    ]
    return [head, *body]


def _measure(m: StandMeasure) -> list[object]:
    heights = (m.height_mean, m.height_lorey, m.height_upper, *m.height_upper_ci95, m.height_max)
    return [
        m.n_detected, *(figure(v, 0) for v in (m.stems_estimated, *m.stems_ci95)), *(figure(v, 2) for v in heights),
        figure(m.canopy_cover, 3), figure(m.covered, 3), figure(m.ground_density, 2), figure(m.dbh_mean, 1),
        *(figure(v, 1) for v in (m.volume_m3, *m.volume_ci95)),
        "現地較正" if m.is_dbh_for_credit else "参考(申請不可)",
    ]  # fmt: skip


def stand_rows(claim: Claim) -> Table:
    """A row a stand; cells are empty where there is no figure. Limits are those of 95 % intervals."""
    return [_STANDS, *(_stand(item, claim) for item in claim.stands)]


def _stand(item: StandCarbon, claim: Claim) -> Sequence[object]:
    stand, site = item.stand, item.site
    totals = (item.absorption, item.emission, item.replanting, item.net, *(item.ci95 or (math.nan, math.nan)))
    return [
        stand.id, STATUS[item.status][1], stand.species if item.constants is None else item.constants.species,
        figure(stand.planting_year, 0), figure(stand.credited_area_ha, 4),
        figure(stand.age_in(claim.options.survey_year), 0), *_measure(item.measure),
        "" if site is None else site.curve.name, figure(None if site is None else site.index, 1),
        *(figure(v if item.years else None, 3) for v in totals), " / ".join(n.ja for n in item.notes),
    ]  # fmt: skip


def year_rows(claim: Claim) -> Table:
    """A row a stand and fiscal year."""
    head = ("林小班", "判定", "年度", "林齢", "V(t)(m3/ha)", "V(t+1)(m3/ha)", "成長量(m3/ha)", "BEF", "tCO2/m3",
            "残存率", "伐採率", "吸収量(tCO2)", "主伐排出(tCO2)", "再造林(tCO2)", "純吸収(tCO2)")  # fmt: skip
    body = [
        (s.stand.id, STATUS[s.status][1], y.year, y.age, *(figure(v, 3) for v in (y.volume, y.volume_next, y.growth)),
         figure(y.bef, 3), figure(y.factor, 6),
         *(figure(v, 3) for v in (y.standing, y.felled, y.absorption, y.emission, y.replanting, y.net)))
        for s in claim.stands for y in s.years
    ]  # fmt: skip
    return [head, *body]


def figure(value: float | None, digits: int) -> Decimal | str:
    """The figure to so many decimals, halves up; empty where there is none (None or NaN)."""
    return "" if value is None or math.isnan(value) else half_up(value, digits)
