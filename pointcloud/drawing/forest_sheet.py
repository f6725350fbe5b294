"""CO2 吸収量の算定書 as XLSX: one row a stand, every figure a live formula down to constants and yield table.

Each formula carries its value, so that every viewer shows the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pointcloud.drawing.forest_tables_sheets import (
    CONSTANTS,
    Settings,
    SpeciesCells,
    cell,
    volume_formula,
    write_constants,
    write_notes,
    write_version,
    write_yields,
)  # fmt: skip
from pointcloud.drawing.forest_words import STATUS
from pointcloud.forest.carbon import StandYear
from pointcloud.forest.carbon_claim import Tables, growth_curve
from pointcloud.forest.carbon_result import Claim, StandCarbon, Standing
from pointcloud.forest.stands_table import UpperLayer
from pointcloud.io.staging import staged

_STANDS: Final = "算定表"
_YEARS: Final = "年次"
_FIRST: Final = 7
_FIRST_YEAR: Final = 4
_REMARK: Final = 60
_COUNTED: Final = STATUS[Standing.CREDITED][1]

_HEAD: Final = (
    ("番号", "No.", 5), ("林小班", "stand", 16), ("判定", "status", 9), ("樹種", "species", 12),
    ("植栽年度", "planted", 9), ("面積 ha", "area", 9), ("測量時林齢", "age", 8), ("検出本数", "stems found", 9),
    ("推定本数", "stems estim.", 9), ("平均樹高 m", "mean height", 9), ("Lorey 樹高 m", "Lorey height", 9),
    ("上層平均樹高 m", "upper layer", 10), ("± 95 % m", "", 8), ("樹冠被覆率", "cover", 9),
    ("地表点 /m2", "ground ret.", 9), ("平均胸高直径 cm", "mean DBH", 10), ("幹材積 m3 (参考)", "volume, for ref.", 10),
    ("直径の根拠", "DBH basis", 16), ("地位級", "class", 8), ("採用曲線 m", "lower curve", 9),
    ("上位曲線 m", "upper curve", 9), ("地位指数 m", "site index", 9), ("吸収量 t", "absorption", 11),
    ("主伐排出 t", "emission", 11), ("再造林 t", "replanting", 10), ("純吸収 t", "net", 11),
    ("バッファー t", "buffer", 10), ("認証見込 t", "credit", 11), ("年平均 t/年", "per year", 10),
    ("純 95 % 下限", "net, low", 10), ("純 95 % 上限", "net, high", 10), ("備考", "remarks", 60),
)  # fmt: skip

_YEAR_HEAD: Final = (
    ("林小班", "stand"), ("判定", "status"), ("年度", "year"), ("林齢", "age"), ("V(t) m3/ha", ""),
    ("V(t+1) m3/ha", ""), ("ΔV m3/ha", "growth"), ("BEF", ""), ("tCO2/m3", "factor"), ("残存率", "standing"),
    ("伐採率", "felled"), ("再造林率", "replanted"), ("再造林蓄積 t/ha", "stock"),
    ("吸収量 t", "absorption"), ("排出量 t", "emission"), ("再造林 t", "replanting"), ("純 t", "net"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _References:
    """Where formulas point."""

    settings: Settings
    species: dict[str, SpeciesCells]
    yields: dict[tuple[str, str], int]
    tables: Tables


def write_claim(path: Path, claim: Claim, rule: UpperLayer, facts: Sequence[tuple[str, str]]) -> None:
    """Write the claim: 算定表, 年度計, 年次, 係数, 収穫表, 版, 注記.

    Parameters
    ----------
    path
        Where to write.
    claim
        The result.
    rule
        What the upper layer is.
    facts
        Name and text of what a verifier needs besides: inputs with hashes, software.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    import xlsxwriter

    with staged(path) as stage:
        book = xlsxwriter.Workbook(str(stage))
        # the same claim gives the same bytes
        book.set_properties({"title": "CO2 吸収量算定書", "created": datetime(2000, 1, 1)})
        formats = _formats(book)
        stands, totals, years = (book.add_worksheet(n) for n in (_STANDS, "年度計", _YEARS))
        settings, species = write_constants(book, formats, claim)
        tables = Tables(claim.yields, claim.constants, claim.yields)
        refs = _References(settings, species, write_yields(book, formats, claim), tables)
        places = _write_years(years, formats, claim, refs)
        _write_stands(stands, formats, claim, refs, places)
        _write_totals(totals, formats, claim, refs)
        write_version(book, formats, claim, rule, facts)
        write_notes(book, formats, claim)
        book.close()


def _formats(book: Any) -> dict[str, Any]:
    font = {"font_name": "ＭＳ ゴシック", "font_size": 9}
    box = {**font, "border": 1, "valign": "vcenter"}
    orange = {"bg_color": "#FCE4CC"}
    made = {
        "title": {"bold": True, "font_size": 14, "font_name": "ＭＳ ゴシック"},
        "plain": font,
        "alarm": {**font, "bold": True, "font_color": "#C00000"},
        "head": {**box, "align": "center", "text_wrap": True, "bg_color": "#E7EEF7"},
        "text": box,
        "text!": {**box, **orange},
        "wrap": {**box, "text_wrap": True},
        "%": {**box, "num_format": "0.0%"},
        "sum": {**box, "num_format": "#,##0.0", "bold": True, "bg_color": "#F2F2F2"},
        "whole": {**box, "num_format": "#,##0", "bold": True, "bg_color": "#F2F2F2"},
        "label": {**box, "bold": True, "bg_color": "#F2F2F2"},
        **{str(d): {**box, "num_format": "#,##0" + ("." + "0" * d if d else "")} for d in (0, 1, 2, 3, 4, 6)},
        "3!": {**box, **orange, "num_format": "0.000"},
        "4!": {**box, **orange, "num_format": "0.0000"},
        "year": {**box, "num_format": "0"},
    }
    return {name: book.add_format(form) for name, form in made.items()}


def _heading(sheet: Any, formats: dict[str, Any], claim: Claim, title: str) -> None:
    options = claim.options
    sheet.write(0, 0, title, formats["title"])
    sheet.write(1, 0, f"方法論 methodology: {options.methodology}   認証対象期間 period: {options.years[0]}–"
                f"{options.years[-1]} 年度 ({options.period} 年 years)   測量 survey: {options.survey_year} 年度",
                formats["plain"])  # fmt: skip
    marks = []
    if claim.yields.is_example:
        marks.append("収穫表は例です。申請に使えません。Example yield table: not for a claim.")
    if any(c.status != "confirmed" for c in claim.species):
        marks.append("係数は未確認です (係数シート参照)。Constants are unconfirmed.")
    sheet.write(2, 0, "  ".join(marks), formats["alarm"])


def _write_stands(
    sheet: Any, formats: dict[str, Any], claim: Claim, refs: _References, places: dict[int, tuple[int, int]]
) -> None:
    _heading(sheet, formats, claim, "CO2 吸収量算定表 (林小班別) CO2 absorption by stand")
    sheet.write(3, 0, "吸収量 = 面積 × ΔV × BEF × (1+R) × WD × CF × 44/12。年ごとの式は「年次」、係数は「係数」を参照。"
                "認証見込 = 純吸収 − バッファー。", formats["plain"])  # fmt: skip
    for column, (ja, en, width) in enumerate(_HEAD):
        sheet.write(_FIRST - 2, column, f"{ja}\n{en}", formats["head"])
        sheet.set_column(column, column, width)
    sheet.set_row(_FIRST - 2, 52)
    for i, item in enumerate(claim.stands):
        _facts(sheet, formats, i, item, claim, refs)
        _figures(sheet, formats, _FIRST + i, item, claim, refs, places.get(i))
    _stand_totals(sheet, formats, claim)
    sheet.freeze_panes(_FIRST - 1, 3)
    sheet.set_paper(8)
    sheet.set_landscape()
    # what was found on the left page, what it comes to on the right one
    sheet.fit_to_pages(2, 0)
    sheet.set_v_pagebreaks([22])
    sheet.repeat_rows(_FIRST - 2)
    sheet.repeat_columns(0, 2)
    sheet.set_footer("&C&P / &N")


def _facts(sheet: Any, formats: dict[str, Any], i: int, item: StandCarbon, claim: Claim, refs: _References) -> None:
    """What is known of a stand, columns A to V."""
    n = _FIRST + i
    stand, m, site = item.stand, item.measure, item.site
    species = stand.species if item.constants is None else item.constants.species
    half = (m.height_upper_ci95[1] - m.height_upper_ci95[0]) / 2.0
    basis = "現地較正 calibrated" if m.is_dbh_for_credit else "参考 not for credit"
    row: tuple[tuple[Any, str], ...] = (
        (i + 1, "year"), (stand.id, "text"), (STATUS[item.status][1], "text"), (species, "text"),
        (stand.planting_year, "year"), (stand.credited_area_ha, "4"), (None, "year"), (m.n_detected, "0"),
        (m.stems_estimated, "0"), (m.height_mean, "1"), (m.height_lorey, "1"), (m.height_upper, "2"), (half, "2"),
        (m.canopy_cover, "%"), (m.ground_density, "2"), (m.dbh_mean, "1"), (m.volume_m3, "1"),
        (basis, "text" if m.is_dbh_for_credit else "text!"), (site and site.curve.name, "text"),
        (site and site.lower, "2"), (site and site.upper, "2"), (site and site.index, "1"),
    )  # fmt: skip
    for column, (value, form) in enumerate(row):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            sheet.write_blank(n - 1, column, None, formats[form])
        elif isinstance(value, str):
            sheet.write_string(n - 1, column, value, formats[form])
        else:
            sheet.write_number(n - 1, column, value, formats[form])
    if stand.surveyed < 1.0:
        formula = f"={stand.whole_area_ha!r}*{stand.surveyed!r}"  # the sheet shows how much of the stand counts
        sheet.write_formula(n - 1, 5, formula, formats["4!"], stand.credited_area_ha)
    age = stand.age_in(claim.options.survey_year)
    if age is not None:
        sheet.write_formula(n - 1, 6, f"={refs.settings.survey_year}-E{n}+1", formats["year"], age)


def _figures(
    sheet: Any, formats: dict[str, Any], n: int, item: StandCarbon, claim: Claim, refs: _References,
    place: tuple[int, int] | None,
) -> None:  # fmt: skip
    """Columns W to AF: sums of the stand's years as formulas."""
    remarks = " / ".join(_short(note.ja) for note in item.notes)
    sheet.write_string(n - 1, 31, remarks, formats["wrap"])
    if place is None:
        for column in range(22, 31):
            sheet.write_blank(n - 1, column, None, formats["text"])
        return
    first, last = place
    share = claim.options.buffer_percent / 100.0
    net, buffer = item.net, share * item.absorption
    formulas = (
        (22, f"SUM({_YEARS}!N{first}:N{last})", item.absorption),
        (23, f"SUM({_YEARS}!O{first}:O{last})", item.emission),
        (24, f"SUM({_YEARS}!P{first}:P{last})", item.replanting), (25, f"W{n}-X{n}+Y{n}", net),
        (26, f"W{n}*{refs.settings.buffer}", buffer), (27, f"Z{n}-AA{n}", net - buffer),
        (28, f"AB{n}/{refs.settings.period}", (net - buffer) / claim.options.period),
    )  # fmt: skip
    for column, formula, value in formulas:
        sheet.write_formula(n - 1, column, f"={formula}", formats["2"], value)
    for column, value in zip((29, 30), item.ci95 or (math.nan, math.nan), strict=True):
        sheet.write_number(n - 1, column, value, formats["2"])


def _short(text: str) -> str:
    """A remark in one line; the whole text stands on the sheet 注記."""
    return text if len(text) <= _REMARK else text[: _REMARK - 1] + "…"


def _stand_totals(sheet: Any, formats: dict[str, Any], claim: Claim) -> None:
    """Sums over the stands that count."""
    first, last = _FIRST, max(_FIRST + len(claim.stands) - 1, _FIRST)
    row = _FIRST - 1 + len(claim.stands)
    for column in range(len(_HEAD)):
        sheet.write_blank(row, column, None, formats["label"])
    sheet.write_string(row, 1, f"合計 ({_COUNTED}のみ) total", formats["label"])
    counted = [s for s in claim.stands if s.status is Standing.CREDITED]
    buffer = claim.options.buffer_percent / 100.0 * sum(s.absorption for s in counted)
    net = sum(s.net for s in counted)
    sums = (
        (5, "F", sum(s.stand.credited_area_ha for s in counted)), (22, "W", sum(s.absorption for s in counted)),
        (23, "X", sum(s.emission for s in counted)), (24, "Y", sum(s.replanting for s in counted)), (25, "Z", net),
        (26, "AA", buffer), (27, "AB", net - buffer), (28, "AC", (net - buffer) / claim.options.period),
    )  # fmt: skip
    for column, letter, value in sums:
        formula = f'=SUMIF($C${first}:$C${last},"{_COUNTED}",{letter}{first}:{letter}{last})'
        sheet.write_formula(row, column, formula, formats["sum"], value)


def _write_years(sheet: Any, formats: dict[str, Any], claim: Claim, refs: _References) -> dict[int, tuple[int, int]]:
    """Write the sheet 年次; gives first and last row of each stand that has figures, by its place."""
    sheet.write(0, 0, "年次計算 (林小班 × 年度) Calculation by stand and fiscal year", formats["title"])
    for column, (ja, en) in enumerate(_YEAR_HEAD):
        sheet.write(_FIRST_YEAR - 2, column, f"{ja}\n{en}", formats["head"])
    sheet.set_row(_FIRST_YEAR - 2, 30)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, len(_YEAR_HEAD) - 1, 11)
    sheet.freeze_panes(_FIRST_YEAR - 1, 3)
    places: dict[int, tuple[int, int]] = {}
    n = _FIRST_YEAR
    for i, item in enumerate(claim.stands):
        if not item.years:
            continue
        places[i] = (n, n + len(item.years) - 1)
        for year in item.years:
            _write_year(sheet, formats, n, places[i][0], _FIRST + i, item, year, claim, refs)
            n += 1
    sheet.set_paper(8)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_FIRST_YEAR - 2)
    return places


def _write_year(
    sheet: Any, formats: dict[str, Any], n: int, first: int, stand_row: int, item: StandCarbon, y: StandYear,
    claim: Claim, refs: _References,
) -> None:  # fmt: skip
    if item.constants is None or item.site is None:
        return
    name = item.constants.species
    curve = growth_curve(refs.tables, name, item.site.curve.name)
    start, of = refs.yields[name, curve.name], refs.species[name]
    area, planted = cell(_STANDS, "F", stand_row), cell(_STANDS, "E", stand_row)
    stock, stock_value = "0", 0.0
    if y.replanted:
        age = claim.options.rotation_ages[name]
        bef = of.bef_young if item.constants.bef(age) == item.constants.bef_young else of.bef_old
        stock = f"({volume_formula(curve, start, str(age), age)})*{of.factor(bef, refs.settings)}"
        stock_value = curve.volume_at(age) * item.constants.factor(age, claim.options.carbon_fraction)
    before = f"SUM(P{first}:P{n - 1})" if n > first else "0"
    row: tuple[tuple[str, float, str], ...] = (
        (f"={cell(_STANDS, 'B', stand_row)}", 0.0, "text"), (f"={cell(_STANDS, 'C', stand_row)}", 0.0, "text"),
        ("", y.year, "year"), (f"=C{n}-{planted}+1", y.age, "year"),
        (f"={volume_formula(curve, start, f'D{n}', y.age)}", y.volume, "3"),
        (f"={volume_formula(curve, start, f'(D{n}+1)', y.age + 1)}", y.volume_next, "3"),
        (f"=F{n}-E{n}", y.growth, "3"), (f"=IF(D{n}<={refs.settings.young},{of.bef_young},{of.bef_old})", y.bef, "3"),
        (f"={of.factor(f'H{n}', refs.settings)}", y.factor, "4"), ("", y.standing, "3"), ("", y.felled, "3"),
        ("", y.replanted, "3"), (f"={stock}", stock_value, "2"), (f"={area}*J{n}*G{n}*I{n}", y.absorption, "3"),
        (f"={area}*K{n}*E{n}*I{n}", y.emission, "3"),
        (f"=MIN({area}*L{n}*M{n},SUM(O{first}:O{n})-{before})", y.replanting, "3"), (f"=N{n}-O{n}+P{n}", y.net, "3"),
    )  # fmt: skip
    texts = (item.stand.id, STATUS[item.status][1])
    for column, (formula, value, form) in enumerate(row):
        if not formula:
            sheet.write_number(n - 1, column, value, formats[form])
        else:
            sheet.write_formula(n - 1, column, formula, formats[form], texts[column] if column < 2 else value)


def _write_totals(sheet: Any, formats: dict[str, Any], claim: Claim, refs: _References) -> None:
    """The sheet 年度計: totals by fiscal year of the stands that count, and the interval of the whole."""
    _heading(sheet, formats, claim, "年度別の吸収量 CO2 absorption by fiscal year")
    head = ("年度 year", "吸収量 t\nabsorption", "主伐排出 t\nemission", "再造林 t\nreplanting", "バッファー t\nbuffer",
            "認証見込 t\ncredit", "認証見込 t (切捨て)\nwhole tons")  # fmt: skip
    for column, name in enumerate(head):
        sheet.write(4, column, name, formats["head"])
    sheet.set_row(4, 30)
    last = max(_FIRST_YEAR + sum(len(s.years) for s in claim.stands) - 1, _FIRST_YEAR)
    span = {c: f"{_YEARS}!${c}${_FIRST_YEAR}:${c}${last}" for c in "BCNOP"}
    for i, y in enumerate(claim.years):
        n = 6 + i
        sheet.write_number(n - 1, 0, y.year, formats["year"])
        for column, (letter, value) in enumerate(
            (("N", y.absorption), ("O", y.emission), ("P", y.replanting)), start=1
        ):
            formula = f'=SUMIFS({span[letter]},{span["C"]},A{n},{span["B"]},"{_COUNTED}")'
            sheet.write_formula(n - 1, column, formula, formats["2"], value)
        sheet.write_formula(n - 1, 4, f"=B{n}*{refs.settings.buffer}", formats["2"], y.buffer)
        sheet.write_formula(n - 1, 5, f"=B{n}-C{n}+D{n}-E{n}", formats["2"], y.credit)
        sheet.write_formula(n - 1, 6, f"=INT(F{n})", formats["0"], y.whole)
    end = 6 + len(claim.years)
    sheet.write_string(end - 1, 0, "合計 total", formats["label"])
    names = ("absorption", "emission", "replanting", "buffer", "credit", "whole")
    for column, (letter, name) in enumerate(zip("BCDEFG", names, strict=True), start=1):
        value = sum(getattr(y, name) for y in claim.years)
        form = formats["whole" if name == "whole" else "sum"]
        sheet.write_formula(end - 1, column, f"=SUM({letter}6:{letter}{end - 1})", form, value)
    rows = (("期間の認証見込 95 % 下限 (保守的な値) credit, low end", claim.ci95[0]),
            ("期間の認証見込 95 % 上限 credit, high end", claim.ci95[1]))  # fmt: skip
    for i, (text, value) in enumerate(rows):
        sheet.merge_range(end + 1 + i, 0, end + 1 + i, 4, text, formats["text"])
        sheet.write_number(end + 1 + i, 5, value, formats["sum"])
    sheet.write(end + 3, 0, "区間は樹高の誤差のみによります (版シート)。切捨ては年度ごと。", formats["plain"])
    sheet.write(end + 4, 0, f"係数は「{CONSTANTS}」、計算は「{_YEARS}」のセルを参照する式です。", formats["plain"])
    sheet.set_column(0, 6, 16)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
