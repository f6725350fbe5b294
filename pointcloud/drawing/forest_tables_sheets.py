"""The sheets of a claim that others refer to: constants and settings (係数), yield table (収穫表); versions, notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pointcloud.forest.carbon import BASIS
from pointcloud.forest.carbon_result import Claim
from pointcloud.forest.carbon_table import CO2_OF_C, LAST_YOUNG_AGE
from pointcloud.forest.growth_tables import Curve
from pointcloud.forest.stands_table import RULES, UpperLayer
from pointcloud.notes import Note

CONSTANTS: Final = "係数"
YIELDS: Final = "収穫表"
UNCONFIRMED: Final = "未確認 unconfirmed"

_SETTINGS_ROW: Final = 4
_SPECIES_ROW: Final = 16
_YIELD_ROW: Final = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """Cells of the settings, absolute, for formulas of other sheets."""

    survey_year: str
    period: str
    buffer: str
    young: str
    co2: str


@dataclass(frozen=True, slots=True)
class SpeciesCells:
    """Cells of a species' constants, absolute."""

    bef_young: str
    bef_old: str
    root_ratio: str
    wood_density: str
    carbon_fraction: str

    def factor(self, bef: str, settings: Settings) -> str:
        """Formula of t-CO2 per m3 of stem."""
        return f"{bef}*(1+{self.root_ratio})*{self.wood_density}*{self.carbon_fraction}*{settings.co2}"


def cell(sheet: str, column: str, row: int) -> str:
    """An absolute reference; ``row`` as the spreadsheet counts."""
    return f"{sheet}!${column}${row}"


def status_text(status: str) -> str:
    """A status in both languages."""
    words = {"confirmed": "確認済 confirmed", "unconfirmed": UNCONFIRMED, "example": "例 example: 申請不可"}
    return words.get(status, status)


def write_constants(book: Any, formats: dict[str, Any], claim: Claim) -> tuple[Settings, dict[str, SpeciesCells]]:
    """Write the sheet 係数; gives the cells that formulas refer to, the constants' by species."""
    sheet = book.add_worksheet(CONSTANTS)
    options, table = claim.options, claim.constants.table
    sheet.write(0, 0, "係数と設定 Constants and settings", formats["title"])
    sheet.write(1, 0, f"係数表 table: {table.name}  版 version: {table.version}  状態 status: "
                f"{status_text(table.status)}", formats["plain"])  # fmt: skip
    values: tuple[tuple[str, float, str], ...] = (
        ("測量年度 survey year", options.survey_year, "0"), ("認証対象期間 (年) crediting period", options.period, "0"),
        ("開始年度 first year", options.start_year, "0"),
        ("バッファー buffer (share of absorption; 既定 3 % は未確認)", options.buffer_percent / 100.0, "%"),
        ("BEF を切り替える林齢 last age of the young BEF", LAST_YOUNG_AGE, "0"), ("C→CO2 (44/12)", CO2_OF_C, "6"),
    )  # fmt: skip
    for i, (name, value, kind) in enumerate(values):
        sheet.write(_SETTINGS_ROW - 1 + i, 0, name, formats["text"])
        sheet.write_number(_SETTINGS_ROW - 1 + i, 1, value, formats[kind])
    sheet.write_formula(_SETTINGS_ROW + 4, 1, "=44/12", formats["6"], CO2_OF_C)
    variant = "全樹種 0.5 for all" if options.carbon_fraction == "0.5" else "樹種別 by species"
    for i, (name, text) in enumerate((("炭素含有率 carbon fraction", variant), ("間伐 thinning", options.thinning))):
        sheet.write(_SETTINGS_ROW + 5 + i, 0, name, formats["text"])
        sheet.write(_SETTINGS_ROW + 5 + i, 1, text, formats["text"])
    rows = {n: cell(CONSTANTS, "B", _SETTINGS_ROW + i) for i, n in
            enumerate(("survey_year", "period", "start", "buffer", "young", "co2")) if n != "start"}  # fmt: skip
    species = _species(sheet, formats, claim)
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 8, 14)
    sheet.set_column(9, 9, 22)
    sheet.set_column(10, 10, 70)
    _page(sheet)
    return Settings(**rows), species


def _species(sheet: Any, formats: dict[str, Any], claim: Claim) -> dict[str, SpeciesCells]:
    head = ("樹種 species", "英名 English", "BEF ≤20", "BEF >20", "R", "WD t/m3", "CF", "CO2/m3 ≤20", "CO2/m3 >20",
            "状態 status", "出典 source")  # fmt: skip
    for column, name in enumerate(head):
        sheet.write(_SPECIES_ROW - 2, column, name, formats["head"])
    cells: dict[str, SpeciesCells] = {}
    for i, constants in enumerate(claim.species):
        n = _SPECIES_ROW + i
        mark = "" if constants.status == "confirmed" else "!"
        sheet.write(n - 1, 0, constants.species, formats["text"])
        sheet.write(n - 1, 1, constants.name_en, formats["text"])
        fraction = constants.fraction(claim.options.carbon_fraction)
        numbers = (constants.bef_young, constants.bef_old, constants.root_ratio, constants.wood_density, fraction)
        for column, number in enumerate(numbers, start=2):
            sheet.write_number(n - 1, column, number, formats[f"3{mark}"])
        cells[constants.species] = SpeciesCells(*(cell(CONSTANTS, c, n) for c in "CDEFG"))
        for column, bef, age in ((7, "C", LAST_YOUNG_AGE), (8, "D", LAST_YOUNG_AGE + 1)):
            formula = f"={bef}{n}*(1+E{n})*F{n}*G{n}*$B${_SETTINGS_ROW + 5}"
            sheet.write_formula(
                n - 1, column, formula, formats["4"], constants.factor(age, claim.options.carbon_fraction)
            )
        sheet.write(n - 1, 9, status_text(constants.status), formats[f"text{mark}"])
        sheet.write(n - 1, 10, constants.source, formats["text"])
    below = _SPECIES_ROW + len(claim.species)
    sheet.write(below, 0, "橙色: 公的資料との照合が済んでいない値 orange: not yet checked against the official source",
                formats["plain"])  # fmt: skip
    sheet.write(below + 1, 0, f"出典 source: {claim.constants.table.source}", formats["plain"])
    return cells


def write_yields(book: Any, formats: dict[str, Any], claim: Claim) -> dict[tuple[str, str], int]:
    """Write the sheet 収穫表; gives the row (as the spreadsheet counts) at which each species and class begins."""
    sheet = book.add_worksheet(YIELDS)
    table = claim.yields.table
    sheet.write(0, 0, "収穫表 Yield table", formats["title"])
    sheet.write(1, 0, f"{table.name}  版 version: {table.version}  状態 status: {status_text(table.status)}",
                formats["plain" if table.status == "confirmed" else "alarm"])  # fmt: skip
    sheet.write(2, 0, f"出典 source: {table.source or '記載なし not stated'}", formats["plain"])
    head = ("樹種 species", "地位級 class", "林齢 age", "樹高 height m", "本数 stems/ha", "幹材積 volume m3/ha")
    for column, name in enumerate(head):
        sheet.write(_YIELD_ROW - 2, column, name, formats["head"])
    starts: dict[tuple[str, str], int] = {}
    n = _YIELD_ROW
    for curve in _curves(claim):
        starts[curve.species, curve.name] = n
        for i in range(curve.age.size):
            sheet.write(n - 1, 0, curve.species, formats["text"])
            sheet.write(n - 1, 1, curve.name, formats["text"])
            values = (curve.age[i], curve.height[i], curve.stems[i], curve.volume[i])
            for column, (value, kind) in enumerate(zip(values, ("0", "1", "0", "1"), strict=True), start=2):
                _number(sheet, n - 1, column, float(value), formats[kind])
            n += 1
    sheet.set_column(0, 5, 16)
    sheet.freeze_panes(_YIELD_ROW - 1, 0)
    _page(sheet)
    return starts


def _curves(claim: Claim) -> Iterator[Curve]:
    """All classes of the species that occur."""
    for constants in claim.species:
        yield from claim.yields.curves.get(constants.species, ())


def volume_formula(curve: Curve, start: int, age_cell: str, age: int) -> str:
    """Formula of the volume at an age between two rows of the sheet 収穫表; ``age_cell`` holds the age."""
    i, j = (start + k for k in curve.place(age))
    a0, a1, v0, v1 = (cell(YIELDS, c, n) for c, n in (("C", i), ("C", j), ("F", i), ("F", j)))
    return f"{v0}+({v1}-{v0})*({age_cell}-{a0})/({a1}-{a0})"


def write_version(
    book: Any, formats: dict[str, Any], claim: Claim, rule: UpperLayer, facts: Sequence[tuple[str, str]]
) -> None:
    """Write the sheet 版: methodology, tables with hashes, rules with their status, how intervals were found."""
    sheet = book.add_worksheet("版")
    sheet.write(0, 0, "版と根拠 Versions and basis", formats["title"])
    tables = [claim.constants.table, claim.yields.table]
    rows: list[tuple[str, str, str]] = [
        ("方法論 methodology", claim.options.methodology, ""),
        ("上層木の定義 upper layer", f"{RULES[rule][1]} / {RULES[rule][0]}", ""),
    ]
    rows += [(f"表 table: {t.name}", f"版 {t.version}  SHA-256 {t.sha256}  {t.source}", t.status) for t in tables]
    rows += [(f"計算規則 rule: {i}", f"{ja} / {en}", status) for i, en, ja, status in BASIS]
    error = ", ".join(f"{k} {v:g}" for k, v in claim.error.as_dict().items())
    how = (f"モンテカルロ Monte Carlo {claim.n_draws} draws, seed {claim.seed}; 樹高の誤差のみを伝播 "
           "error of heights only; 95 % 区間 interval")  # fmt: skip
    rows += [
        ("不確かさ uncertainty", how, ""),
        ("樹高の誤差 height error (m)", error, "unconfirmed"),
        *((name, text, "") for name, text in facts),
    ]  # fmt: skip
    for column, name in enumerate(("項目 item", "内容", "状態 status")):
        sheet.write(2, column, name, formats["head"])
    for i, (name, text, status) in enumerate(rows, start=3):
        sheet.write(i, 0, name, formats["text"])
        sheet.write_string(i, 1, text, formats["wrap"])
        sheet.write(i, 2, status_text(status), formats["text" if status in ("", "confirmed") else "text!"])
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    sheet.set_column(2, 2, 24)
    _page(sheet)


def write_notes(book: Any, formats: dict[str, Any], claim: Claim) -> None:
    """Write the sheet 注記: every note in both languages, by stand; nothing that was refused is lost."""
    sheet = book.add_worksheet("注記")
    sheet.write(0, 0, "注記 Notes", formats["title"])
    for column, name in enumerate(("林小班 stand", "記号 code", "日本語", "English")):
        sheet.write(2, column, name, formats["head"])
    rows: list[tuple[str, Note]] = [("(全体 all)", n) for n in claim.notes]
    rows += [(s.stand.id, n) for s in claim.stands for n in s.notes]
    for i, (name, note) in enumerate(rows, start=3):
        for column, text in enumerate((name, note.code, note.ja, note.en)):
            sheet.write_string(i, column, text, formats["wrap" if column > 1 else "text"])
    sheet.set_column(0, 1, 20)
    sheet.set_column(2, 3, 70)
    _page(sheet)


def _number(sheet: Any, row: int, column: int, value: float, form: Any) -> None:
    if math.isnan(value):
        sheet.write_blank(row, column, None, form)
    else:
        sheet.write_number(row, column, value, form)


def _page(sheet: Any) -> None:
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C&P / &N")
