"""A small spreadsheet that works out a workbook's formulas anew, blind to the values stored beside them."""

from __future__ import annotations

import math
import re
from typing import Any

import openpyxl

_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"|(?P<range>(?:(?P<sheet>[^\W\d]\w*)!)?\$?(?P<c1>[A-Z]{1,2})\$?(?P<r1>\d+)'
    r"(?::\$?(?P<c2>[A-Z]{1,2})\$?(?P<r2>\d+))?)(?![\w(])|(?P<name>[A-Z]+)\(|(?P<other><=|>=|<>|[-+*/(),<>=]|\d+\.?\d*)"
)


def if_(condition: bool, yes: Any, no: Any) -> Any:
    return yes if condition else no


def number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def total(*items: Any) -> float:
    return sum(number(v) for item in items for v in (item if isinstance(item, list) else [item]))


def sumifs(values: list[Any], *tests: Any) -> float:
    pairs = list(zip(tests[::2], tests[1::2], strict=True))
    return sum(number(v) for i, v in enumerate(values) if all(column[i] == wanted for column, wanted in pairs))


FUNCTIONS = {
    "IF": if_, "SUM": total, "SUMIFS": sumifs, "SUMIF": lambda column, wanted, values: sumifs(values, column, wanted),
    "MIN": lambda *v: min(v), "MAX": lambda *v: max(v), "INT": math.floor,
}  # fmt: skip


class Workbook:
    """The formulas of a file, worked out when they are asked for."""

    def __init__(self, path) -> None:
        self.book = openpyxl.load_workbook(path)
        self.stored = openpyxl.load_workbook(path, data_only=True)
        self._known: dict[tuple[str, str], Any] = {}

    def value(self, sheet: str, place: str) -> Any:
        """The value of a cell by its own formula and those it refers to."""
        key = sheet, place
        if key not in self._known:
            content = self.book[sheet][place].value
            is_formula = isinstance(content, str) and content.startswith("=")
            self._known[key] = self._evaluated(sheet, content[1:]) if is_formula else content
        return self._known[key]

    def formulas(self):
        """(sheet, place, stored value) of every formula."""
        for sheet in self.book:
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, str) and cell.value.startswith("="):
                        yield sheet.title, cell.coordinate, self.stored[sheet.title][cell.coordinate].value

    def _evaluated(self, sheet: str, formula: str) -> Any:
        parts, end = [], 0
        for token in _TOKEN.finditer(formula):
            assert token.start() == end, f"cannot read {formula!r} at {end}"
            end = token.end()
            if token["text"] is not None:
                parts.append(repr(token["text"]))
            elif token["range"]:
                parts.append(f"at({(token['sheet'] or sheet)!r}, {token['c1']!r}, {token['r1']}, "
                             f"{token['c2']!r}, {token['r2']})")  # fmt: skip
            elif token["name"]:
                parts.append(f"fn[{token['name']!r}](")
            else:
                parts.append({"=": "==", "<>": "!="}.get(token["other"], token["other"]))
        assert end == len(formula), f"cannot read {formula!r} at {end}"
        return eval("".join(parts), {"__builtins__": {}, "fn": FUNCTIONS, "at": self._at})

    def _at(self, sheet: str, c1: str, r1: int, c2: str | None, r2: int | None) -> Any:
        if c2 is None:
            return self.value(sheet, f"{c1}{r1}")
        assert c1 == c2, "only columns"
        return [self.value(sheet, f"{c1}{r}") for r in range(r1, r2 + 1)]
