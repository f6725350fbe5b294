"""土量計算書 as XLSX: live formulas, each with the value that it gives, so that every viewer shows the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pointcloud.drawing.section_words import missing_text, station_text
from pointcloud.drawing.text_tables import JAPANESE
from pointcloud.drawing.volume_words import Words
from pointcloud.io.staging import staged
from pointcloud.sections import quantities
from pointcloud.sections.quantities import Row
from pointcloud.sections.rounding import half_up

_FIRST: Final = 7  # first row of the table, counted from 1
_HEAD: Final = (("Area m2", "断面積 m2"), ("Mean area m2", "平均断面積 m2"), ("Volume m3", "土量 m3"))
_COLUMNS: Final = (
    (0, ("Station", "測点")), (1, ("Distance m", "距離 m")), (8, ("Net m3", "差引 m3")),
    (9, ("Running total m3", "累計 m3")), (10, ("Remarks", "備考")),
)  # fmt: skip
_STEPS: Final = (
    ("Average end areas (total of the quantity sheet)", "平均断面法 (土量計算書の計)"),
    ("by rounding at each step", "各段階の四捨五入による差"),
    ("by curve and skew (path of the centroids)", "曲線・斜角 (図心の通る長さ) による差"),
    ("by the spacing of stations (end areas - prismoidal rule)", "測点間隔による差 (平均断面法 - 角柱公式)"),
    ("Grid volume", "格子法"),
    ("Rest (grid, no data, ground between stations)", "残り (格子・欠測・測点間の地形)"),
)


def write_quantities(
    path: Path,
    table: Sequence[Row],
    title: str,
    facts: Sequence[tuple[str, str]],
    reconciled: Mapping[str, Any] | None = None,
    say: Words = JAPANESE,
) -> None:
    """Write the table of 平均断面法: 測点, 距離, 切土 and 盛土 (断面積, 平均断面積, 土量), 差引, 累計, 備考.

    Means, volumes, differences, running sums and totals are formulas that round half up at each step.

    Parameters
    ----------
    path
        Where to write.
    table
        Rows of `quantities.rows`.
    title
        First line.
    facts
        Name and text of what a checker needs (method, surfaces, CRS), written below the table.
    reconciled
        The grid volume of the same footprint and what explains the difference, in m3, by ``cut`` and ``fill``; gets a
        sheet 照合 of its own.
    say
        Language of the book.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    import xlsxwriter

    with staged(path) as stage:
        book = xlsxwriter.Workbook(str(stage))
        # the same table gives the same bytes
        book.set_properties({"title": title, "created": datetime(2000, 1, 1)})
        sheet = book.add_worksheet(say("Quantities", "土量計算書"))
        formats = _formats(book)
        _head(sheet, formats, title, say)
        for i, row in enumerate(table):
            texts = station_text(row.station, say), missing_text(row.missing, say)
            _row(sheet, formats, _FIRST - 1 + i, row, texts, is_first=i == 0)
        _footer(sheet, formats, table, facts, say)
        _page(sheet, len(table))
        if reconciled:
            _reconciliation(book.add_worksheet(say("Reconciliation", "照合")), formats, table, reconciled, say)
        book.close()


def _formats(book: Any) -> dict[str, Any]:
    box = {"border": 1, "font_name": "ＭＳ ゴシック", "font_size": 10}
    return {
        "title": book.add_format({"bold": True, "font_size": 14, "font_name": "ＭＳ ゴシック"}),
        "head": book.add_format(
            {**box, "align": "center", "valign": "vcenter", "text_wrap": True, "bg_color": "#E7EEF7"}
        ),
        "text": book.add_format(box),
        "plain": book.add_format({"font_name": "ＭＳ ゴシック", "font_size": 9}),
        "1": book.add_format({**box, "num_format": "#,##0.0"}),
        "2": book.add_format({**box, "num_format": "#,##0.00"}),
        "sum": book.add_format({**box, "num_format": "#,##0.0", "bold": True}),
        "0": book.add_format({**box, "num_format": "#,##0", "bold": True}),
    }


def _head(sheet: Any, formats: dict[str, Any], title: str, say: Words) -> None:
    rule = say("Volume = mean of the areas before and after x distance, rounded half up at each step. Net = fill - cut",
               "土量 = 前後の断面積の平均 × 距離。各段階で四捨五入。差引 = 盛土 - 切土")  # fmt: skip
    sheet.write(0, 0, say("Quantities by average end areas", "土 量 計 算 書 (平均断面法)"), formats["title"])
    sheet.write(1, 0, title, formats["plain"])
    sheet.write(2, 0, rule, formats["plain"])
    top = _FIRST - 3
    for column, name in _COLUMNS:
        sheet.merge_range(top, column, top + 1, column, say(*name), formats["head"])
    for column, name in ((2, ("Cut", "切土")), (5, ("Fill", "盛土"))):
        sheet.merge_range(top, column, top, column + 2, say(*name), formats["head"])
        for i, text in enumerate(_HEAD):
            sheet.write(top + 1, column + i, say(*text), formats["head"])


def _row(sheet: Any, formats: dict[str, Any], i: int, row: Row, texts: tuple[str, str], *, is_first: bool) -> None:
    n = i + 1  # as the spreadsheet counts
    for column, text in zip((0, 10), texts, strict=True):
        sheet.write_string(i, column, text, formats["text"])
    for column, area in ((2, row.cut_area), (5, row.fill_area)):
        sheet.write_number(i, column, float(area), formats["1"])
    if is_first:
        for column in (1, 3, 4, 6, 7, 8, 9):
            sheet.write_blank(i, column, None, formats["text"])
        return
    sheet.write_number(i, 1, _number(row.distance), formats["2"])
    before = "" if n == _FIRST + 1 else f"J{n - 1}+"
    for column, text, kind, value in (
        (3, f"ROUND((C{n - 1}+C{n})/2,{quantities.MEAN_DIGITS})", "2", row.cut_mean),
        (4, f"ROUND(D{n}*B{n},{quantities.VOLUME_DIGITS})", "1", row.cut_volume),
        (6, f"ROUND((F{n - 1}+F{n})/2,{quantities.MEAN_DIGITS})", "2", row.fill_mean),
        (7, f"ROUND(G{n}*B{n},{quantities.VOLUME_DIGITS})", "1", row.fill_volume),
        (8, f"H{n}-E{n}", "1", row.net),
        (9, f"{before}I{n}", "1", row.total),
    ):
        sheet.write_formula(i, column, f"={text}", formats[kind], _number(value))


def _footer(
    sheet: Any, formats: dict[str, Any], table: Sequence[Row], facts: Sequence[tuple[str, str]], say: Words
) -> None:
    last, end = _FIRST + len(table) - 1, _FIRST - 1 + len(table)
    cut, fill = quantities.totals(tuple(table))
    length = sum((r.distance or Decimal(0) for r in table), Decimal(0))
    names = say("Total", "合計"), say("Total (to 1 m3)", "計 (1 m3 止め)")
    for name, row, kind, digits in ((names[0], end, "sum", 1), (names[1], end + 1, "0", 0)):
        for column in range(11):
            sheet.write_blank(row, column, None, formats["text"])
        sheet.write_string(row, 0, name, formats["text"])
        if digits:
            sheet.write_formula(row, 1, f"=SUM(B{_FIRST}:B{last})", formats["2"], float(length))
        sums = [half_up(value, digits) for value in (cut, fill)]
        for letter, value in zip("EH", sums, strict=True):
            source = f"SUM({letter}{_FIRST}:{letter}{last})" if digits else f"ROUND({letter}{end + 1},0)"
            sheet.write_formula(f"{letter}{row + 1}", f"={source}", formats[kind], float(value))
        sheet.write_formula(row, 8, f"=H{row + 1}-E{row + 1}", formats[kind], float(sums[1] - sums[0]))
    for i, (name, text) in enumerate(facts):
        sheet.write(end + 3 + i, 0, name, formats["plain"])
        sheet.write(end + 3 + i, 1, text, formats["plain"])


def _reconciliation(
    sheet: Any, formats: dict[str, Any], table: Sequence[Row], found: Mapping[str, Any], say: Words
) -> None:
    """The table's total down to the grid volume, step by step; what no step explains is what remains."""
    area, cell = half_up(found["area_m2"], 1), f"{found['cell_m']:g} m"
    text = say(f"Held against the grid volume (cells of {cell}) of the same footprint ({area} m2)",
               f"同じ範囲 ({area} m2) の格子法 ({cell} 格子) と比べます")  # fmt: skip
    sheet.write(0, 0, say("Reconciliation with the grid volume", "格子土量との照合"), formats["title"])
    sheet.write(1, 0, text, formats["plain"])
    for column, name in enumerate((("Item", "項目"), ("Cut m3", "切土 m3"), ("Fill m3", "盛土 m3"))):
        sheet.write(3, column, say(*name), formats["head"])
    for i, step in enumerate(_STEPS):
        sheet.write(4 + i, 0, say(*step), formats["text"])
    total = _FIRST + len(table)  # the row of the sums, as the spreadsheet counts
    for column, kind, source, printed in zip(
        (1, 2), ("cut", "fill"), "EH", quantities.totals(tuple(table)), strict=True
    ):
        parts, letter = found[kind], "ABC"[column]
        mean, curve, spacing, grid = (
            half_up(parts[name], 1)
            for name in ("average_end_area_m3", "explained_by_curve_m3", "explained_by_spacing_m3", "grid_m3")
        )
        sheet.write_formula(
            4, column, f"={say('Quantities', '土量計算書')}!{source}{total}", formats["1"], float(printed)
        )
        for row, value in ((5, printed - mean), (6, curve), (7, spacing), (8, grid)):
            sheet.write_number(row, column, float(value), formats["1"])
        rest = mean - curve - spacing - grid
        formula = f"={letter}5-{letter}6-{letter}7-{letter}8-{letter}9"
        sheet.write_formula(9, column, formula, formats["sum"], float(rest))
    sheet.set_column(0, 0, 50)
    sheet.set_column(1, 2, 14)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _page(sheet: Any, n_rows: int) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 9, 12)
    sheet.set_column(10, 10, 16)
    sheet.freeze_panes(_FIRST - 1, 1)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_FIRST - 3, _FIRST - 2)
    sheet.print_area(0, 0, _FIRST + n_rows + 20, 10)
    sheet.set_footer("&C&P / &N")


def _number(value: Decimal | None) -> float:
    return 0.0 if value is None else float(value)
