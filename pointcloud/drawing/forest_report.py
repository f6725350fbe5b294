"""The report (CO2 吸収量報告書) of a claim as PDF, in Japanese or English, with maps and height distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pointcloud.drawing import forest_charts as charts
from pointcloud.drawing.forest_growth import growth_blocks
from pointcloud.drawing.forest_words import STATUS
from pointcloud.drawing.report import (
    Block,
    Bullets,
    Figure,
    Heading,
    Language,
    Paragraph,
    Report,
    Table,
    write_report,
)
from pointcloud.drawing.volume_words import Words, number
from pointcloud.forest.carbon import BASIS
from pointcloud.forest.carbon_result import Claim, StandCarbon, Standing
from pointcloud.forest.growth_change import ForestGrowth
from pointcloud.forest.stands_table import RULES, UpperLayer

_CHECKED = {"confirmed": ("confirmed", "確認済"), "unconfirmed": ("UNCONFIRMED", "未確認"),
            "example": ("EXAMPLE", "例 (申請不可)")}  # fmt: skip


def write_forest_reports(
    paths: Mapping[Language, Path],
    claim: Claim,
    rule: UpperLayer,
    facts: Sequence[tuple[str, str]],
    growth: ForestGrowth | None = None,
) -> None:
    """Write the report in each language that a path is given for; the pictures are drawn once, in both languages.

    Parameters
    ----------
    paths
        Where to write.
    claim
        The result.
    rule
        What the upper layer is.
    facts
        Name and text of inputs and software.
    growth
        Since an earlier survey, or None.

    Raises
    ------
    ResourceError
        When a file cannot be written.
    """
    with TemporaryDirectory(prefix="tengun-report-") as folder:
        _draw(Path(folder), claim)
        for language, path in paths.items():
            say = Words(language)
            title = say("CO2 absorption report", "CO2 吸収量 報告書")
            blocks = list(_blocks(claim, rule, facts, growth, say))
            write_report(path, Report(title, claim.options.methodology, "tengun", language, blocks), Path(folder))


def _draw(folder: Path, claim: Claim) -> None:
    period = claim.options.period
    yearly = [s.net / s.stand.credited_area_ha / period if s.years else math.nan for s in claim.stands]
    charts.stand_map(folder / "co2.svg", claim, yearly, "純吸収量 Net absorption", "t-CO2 / ha / 年 year", "YlGn")
    upper = [s.measure.height_upper for s in claim.stands]
    charts.stand_map(folder / "height.svg", claim, upper, "上層平均樹高 Upper layer's mean height", "m", "viridis")
    ground = [s.measure.ground_density for s in claim.stands]
    if any(math.isfinite(v) for v in ground):
        charts.stand_map(folder / "ground.svg", claim, ground, "地表点密度 Ground returns", "点 / m²", "RdYlGn",
                         (0.0, 2.0 * claim.error.ground_density_warning))  # fmt: skip
    charts.height_histograms(folder / "heights.svg", claim)
    charts.year_chart(folder / "years.svg", claim)


def _blocks(
    claim: Claim, rule: UpperLayer, facts: Sequence[tuple[str, str]], growth: ForestGrowth | None, say: Words
) -> Iterator[Block]:
    yield Heading(say("CO2 absorption of planted stands", "森林の CO2 吸収量 報告書"), 0)
    yield from _warnings(claim, say)
    yield from _result(claim, say)
    yield from _stands(claim, say)
    yield from _pictures(claim, say)
    yield from _method(claim, rule, say)
    yield from _uncertainty(claim, say)
    yield Heading(say("7. Inputs and versions", "7. 入力と版"))
    tables = [(t.name, f"{t.version} ({_checked(t.status, say)})", f"SHA-256 {t.sha256[:16]}…  {t.source}")
              for t in (claim.constants.table, claim.yields.table)]  # fmt: skip
    yield Table([say("Table", "表"), say("Version", "版"), say("Hash, source", "ハッシュ、出典")], tables, "lll",
                [0.8, 1, 2.4], "", 7.5)  # fmt: skip
    yield Table([say("Item", "項目"), say("Content", "内容")], [list(f) for f in facts], "ll", [0.6, 2], "", 7.5)
    yield from _notes(claim, say)
    if growth is not None:
        yield from growth_blocks(growth, say("9. Growth since the earlier survey", "9. 前回測量からの成長"), say)


def _checked(status: str, say: Words) -> str:
    return say(*_CHECKED.get(status, (status, status)))


def _warnings(claim: Claim, say: Words) -> Iterator[Block]:
    items = []
    if claim.yields.is_example:
        items.append(say("The yield table is an EXAMPLE: no figure of this report may be claimed.",
                         "収穫表は「例」です。この報告書の値を申請に使うことはできません。"))  # fmt: skip
    if any(c.status != "confirmed" for c in claim.species):
        items.append(say("Constants marked UNCONFIRMED have not been checked against the official source.",
                         "「未確認」の係数は公的資料との照合が済んでいません。"))  # fmt: skip
    if any(not s.measure.is_dbh_for_credit and s.measure.n_detected for s in claim.stands):
        items.append(say("Diameters and stem volumes without local calibration are for reference, not for credit.",
                         "現地較正のない胸高直径と幹材積は参考値で、クレジットには使えません。"))  # fmt: skip
    if items:
        yield Bullets(items)


def _result(claim: Claim, say: Words) -> Iterator[Block]:
    yield Heading(say("1. Result", "1. 結果"))
    options, low, high = claim.options, *claim.ci95
    area = sum(s.stand.credited_area_ha for s in claim.stands if s.status is Standing.CREDITED)
    whole = sum(y.whole for y in claim.years)
    sums = {n: sum(getattr(y, n) for y in claim.years) for n in ("absorption", "emission", "replanting", "buffer")}
    rows = [
        [say("Crediting period", "認証対象期間"), f"{options.years[0]}–{options.years[-1]} ({options.period})"],
        [say("Stands credited / excluded / not reckoned", "林小班 対象 / 対象外 / 算定不可"),
         " / ".join(str(claim.count(s)) for s in Standing)],
        [say("Area credited", "対象面積"), f"{number(area, 2)} ha"],
        [say("Absorption", "吸収量"), f"{number(sums['absorption'], 1)} t-CO2"],
        [say("Emission of fellings", "主伐による排出量"), f"{number(sums['emission'], 1)} t-CO2"],
        [say("Replanting", "再造林"), f"{number(sums['replanting'], 1)} t-CO2"],
        [say(f"Buffer ({options.buffer_percent:g} %)", f"バッファー ({options.buffer_percent:g} %)"),
         f"{number(sums['buffer'], 1)} t-CO2"],
        [say("Credit expected", "認証見込量"), f"{number(claim.credit, 1)} t-CO2"],
        [say("  per year", "  年平均"), f"{number(claim.credit / options.period, 1)} t-CO2"],
        [say("  in whole tons, year by year", "  年度ごとに 1 t 未満切捨て"), f"{whole:,} t-CO2"],
        [say("95 % interval", "95 % 区間"), f"{number(low, 1)} – {number(high, 1)} t-CO2"],
        [say("Conservative (lower end)", "保守的な値 (下限)"), f"{number(claim.conservative, 1)} t-CO2"],
    ]  # fmt: skip
    yield Table([say("Item", "項目"), say("Value", "値")], rows, "lr", [1.4, 1], "", 9.0)
    yield Figure(["years.svg"], [say("By fiscal year", "年度別")])


def _stands(claim: Claim, say: Words) -> Iterator[Block]:
    yield Heading(say("2. Stands", "2. 林小班別"))
    head = [say("Stand", "林小班"), "", say("Species", "樹種"), "ha", say("Age", "林齢"), say("Stems", "検出本数"),
            say("Upper layer m", "上層樹高 m"), say("Class", "地位"), say("Ground /m²", "地表点 /m²"),
            say("Absorp. t", "吸収 t"), say("Emission t", "排出 t"), say("Net t (95 %)", "純 t (95 %)")]  # fmt: skip
    rows = [_stand_row(s, claim, say) for s in claim.stands]
    yield Table(head, rows, "lllrrrrlrrrr", [1, 0.8, 0.9, 0.6, 0.5, 0.7, 1, 0.6, 0.7, 0.8, 0.8, 1.3], "", 7.0)


def _stand_row(item: StandCarbon, claim: Claim, say: Words) -> list[str]:
    m, age = item.measure, item.stand.age_in(claim.options.survey_year)
    half = (m.height_upper_ci95[1] - m.height_upper_ci95[0]) / 2.0
    species = item.stand.species if item.constants is None else say(item.constants.name_en, item.constants.species)
    net = "-" if item.ci95 is None else f"{_value(item.net, 1)}\n({_value(item.ci95[0], 0)}–{_value(item.ci95[1], 0)})"
    return [
        item.stand.id, say(*STATUS[item.status]), species, _value(item.stand.credited_area_ha, 2),
        "-" if age is None else str(age), f"{m.n_detected:,}",
        "-" if math.isnan(half) else f"{_value(m.height_upper, 1)} ± {_value(half, 1)}",
        "-" if item.site is None else item.site.curve.name, _value(m.ground_density, 2),
        *(_value(v, 1) if item.years else "-" for v in (item.absorption, item.emission)), net,
    ]  # fmt: skip


def _value(value: float, digits: int) -> str:
    return number(None if math.isnan(value) else value, digits)


def _pictures(claim: Claim, say: Words) -> Iterator[Block]:
    yield Heading(say("3. Maps", "3. 図"))
    yield Figure(["co2.svg"], [say("Net absorption a hectare and year; hatched stands are not in the total",
                                   "1 ha・1 年当たり純吸収量。斜線は合計に含まない林小班")], 82.0)  # fmt: skip
    yield Figure(["height.svg"], [say("Upper layer's mean height", "上層平均樹高")], 82.0)
    if any(math.isfinite(s.measure.ground_density) for s in claim.stands):
        caption = say("Ground returns: where red, the ground and so the heights are doubtful",
                      "地表点密度。赤い林小班は地盤高が不確かで樹高の信頼性が低い")  # fmt: skip
        yield Figure(["ground.svg"], [caption], 82.0)
    yield Heading(say("4. Tree heights", "4. 樹高分布"))
    yield Figure(["heights.svg"], [say("Detected trees by stand, the greatest absorption first (at most 12)",
                                       "検出木の樹高分布 (吸収量の大きい順、最大 12 林小班)")])  # fmt: skip


def _method(claim: Claim, rule: UpperLayer, say: Words) -> Iterator[Block]:
    yield Heading(say("5. How it was computed", "5. 計算方法"))
    yield Paragraph(say("Upper layer: ", "上層木: ") + say(*RULES[rule]))
    rows = [[say(en, ja), _checked(status, say)] for _, en, ja, status in BASIS]
    yield Table([say("Rule", "規則"), say("Source read?", "出典の確認")], rows, "ll", [4, 0.8], "", 8.0)
    head = [say("Species", "樹種"), "BEF ≤20", "BEF >20", "R", "WD", "CF", "tCO2/m³ ≤20", "tCO2/m³ >20",
            say("Status", "状態")]  # fmt: skip
    variant = claim.options.carbon_fraction
    rows = [[say(c.name_en, c.species), *(f"{v:g}" for v in (c.bef_young, c.bef_old, c.root_ratio, c.wood_density,
                                                             c.fraction(variant))),
             f"{c.factor(20, variant):.4f}", f"{c.factor(21, variant):.4f}", _checked(c.status, say)]
            for c in claim.species]  # fmt: skip
    caption = say("Constants of the species that occur", "使用した樹種の係数")
    yield Table(head, rows, "lrrrrrrrl", [1.4, 0.8, 0.8, 0.6, 0.7, 0.6, 1.1, 1.1, 1.2], caption, 8.0)


def _uncertainty(claim: Claim, say: Words) -> Iterator[Block]:
    yield Heading(say("6. How sure it is", "6. 不確かさ"))
    e = claim.error
    yield Paragraph(say(
        f"Monte Carlo over the error of heights, {claim.n_draws} draws: each draw moves all heights by what the survey "
        f"shares (sd {e.survey_sd:g} m), each stand by its own (trees sd {e.tree_sd:g} m, ground sd {e.ground_sd:g} m "
        "at one ground return a m²), looks the site class up anew and takes that class's CO2. Yield table and "
        "constants are taken as given; these standard deviations are assumptions of tengun, UNCONFIRMED.",
        f"樹高の誤差についてのモンテカルロ計算 ({claim.n_draws} 回)。測量全体に共通の誤差 (標準偏差 {e.survey_sd:g} m) "
        f"と林小班ごとの誤差 (単木 {e.tree_sd:g} m、地盤高は地表点 1 点/m² のとき {e.ground_sd:g} m) を与え、"
        "地位級を判定し直し、その地位級の CO2 量を集計しました。収穫表と係数の誤差は含みません。標準偏差は tengun の"
        "仮定値で未確認です。",
    ))  # fmt: skip


def _notes(claim: Claim, say: Words) -> Iterator[Block]:
    rows = [[say("all", "全体"), say(n.en, n.ja)] for n in claim.notes]
    rows += [[s.stand.id, say(n.en, n.ja)] for s in claim.stands for n in s.notes]
    if rows:
        yield Heading(say("8. Notes", "8. 注記"))
        yield Table([say("Stand", "林小班"), say("Note", "内容")], rows, "ll", [0.5, 3], "", 8.0)
