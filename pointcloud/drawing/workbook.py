"""Sheets of a workbook from tables: live formulas with the values that they give, set up to print on A4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from unicodedata import east_asian_width

from pointcloud.io.staging import staged

FIRST_ROW: Final = 5
"""Row of a table's first line as a spreadsheet counts; the head stands above it."""

_A4: Final = 9
_LINE_POINTS: Final = 12
"""Height of a line of letters of 9 points."""

_FONT: Final = "ＭＳ ゴシック"


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula without its equals sign, and the value that it gives."""

    text: str
    value: float | Decimal


Cell = str | int | float | Decimal | Formula | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, its width in characters, and decimals of its numbers (None: as they are)."""

    title: str
    width: float = 12.0
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class TableSheet:
    """One sheet with one table.

    Parameters
    ----------
    name
        On the tab, at most 31 characters.
    title
        First line.
    columns, rows
        The table; row ``i`` stands in row ``FIRST_ROW + i`` of the sheet.
    notes
        Lines above the head (one) and below the table (the rest).
    n_totals
        How many of the last rows are totals, set off from the others.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())
    n_totals: int = 0


@contextmanager
def open_book(path: Path, title: str) -> Iterator[Any]:
    """A workbook that appears at ``path`` whole or not at all; the same content gives the same bytes.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    import xlsxwriter

    with staged(path) as stage:
        book = xlsxwriter.Workbook(str(stage), {"strings_to_formulas": False, "strings_to_urls": False})
        book.set_properties({"title": title, "created": datetime(2000, 1, 1)})
        yield book
        book.close()


def add_sheet(book: Any, table: TableSheet) -> None:
    """Add a sheet to a book."""
    sheet = book.add_worksheet(table.name)
    plain = book.add_format({"font_name": _FONT, "font_size": 9})
    sheet.write_string(0, 0, table.title, book.add_format({"bold": True, "font_size": 14, "font_name": _FONT}))
    if table.notes:
        sheet.write_string(1, 0, table.notes[0], plain)
    head = _format(book, align="center", valign="vcenter", text_wrap=True, bg_color="#E7EEF7")
    for i, column in enumerate(table.columns):
        sheet.set_column(i, i, column.width)
        sheet.write_string(FIRST_ROW - 2, i, column.title, head)
    _set_height(sheet, FIRST_ROW - 2, table.columns, [column.title for column in table.columns])
    styles = [[_style(book, c, is_total=t) for c in table.columns] for t in (False, True)]
    for i, row in enumerate(table.rows):
        is_total = i >= len(table.rows) - table.n_totals
        _set_height(sheet, FIRST_ROW - 1 + i, table.columns, row)
        for j, cell in enumerate(row):
            _write(sheet, FIRST_ROW - 1 + i, j, cell, styles[is_total][j])
    below = FIRST_ROW + len(table.rows)
    for i, note in enumerate(table.notes[1:]):
        sheet.write_string(below + i, 0, note, plain)
    _page(sheet, len(table.columns), below + len(table.notes))


def letter(column: int) -> str:
    """Letter of a column counted from 0, up to Z."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column]


def tab_name(name: str, taken: set[str]) -> str:
    """A name that a tab may have: no forbidden characters, at most 31, none that another tab has.

    The name is added to ``taken``.
    """
    plain = "".join("_" if c in "[]:*?/\\'" or not c.isprintable() else c for c in name).strip() or "_"
    found, copies = plain[:31], 1
    while found.casefold() in taken:
        copies += 1
        mark = f" ({copies})"
        found = plain[: 31 - len(mark)] + mark
    taken.add(found.casefold())
    return found


def _set_height(sheet: Any, index: int, columns: Sequence[Column], row: Sequence[Cell]) -> None:
    """Room for texts of several lines: not every program that opens or prints a book finds their height by itself."""
    texts = zip(columns, row, strict=True)
    n_lines = max((-(-_width(cell) // column.width) for column, cell in texts if isinstance(cell, str)), default=1)
    if n_lines > 1:
        sheet.set_row(index, n_lines * _LINE_POINTS + 3)


def _width(text: str) -> int:
    """Characters of half width that a text takes."""
    return sum(2 if east_asian_width(c) in "WFA" else 1 for c in text)


def _format(book: Any, **more: Any) -> Any:
    return book.add_format({"border": 1, "font_name": _FONT, "font_size": 9, **more})


def _style(book: Any, column: Column, *, is_total: bool) -> Any:
    more: dict[str, Any] = {"valign": "vcenter", **({"bold": True, "top": 2} if is_total else {})}
    if column.digits is None:
        return _format(book, text_wrap=True, **more)
    return _format(book, num_format="#,##0" + ("." + "0" * column.digits if column.digits else ""), **more)


def _write(sheet: Any, row: int, column: int, cell: Cell, style: Any) -> None:
    if cell is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(cell, Formula):
        sheet.write_formula(row, column, "=" + cell.text, style, float(cell.value))
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell, style)
    else:
        sheet.write_number(row, column, float(cell), style)


def _page(sheet: Any, n_columns: int, n_rows: int) -> None:
    sheet.freeze_panes(FIRST_ROW - 1, 1)
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(FIRST_ROW - 2)
    sheet.print_area(0, 0, n_rows, n_columns - 1)
    sheet.set_footer("&L&A&C&P / &N")
