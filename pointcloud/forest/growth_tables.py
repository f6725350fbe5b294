"""Yield tables (収穫表) and site-index curves from CSV: species, class, age, height and, for growth, volume.

They are the user's; tengun brings one only as an example. Between two ages values run straight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import FileError, NotFoundError
from pointcloud.forest.tables import reading
from pointcloud.notes import Note

Floats = NDArray[np.float64]

COLUMNS: Final = {
    "species": ("species", "樹種"),
    "class": ("class", "site_class", "地位", "地位級"),
    "age": ("age", "林齢"),
    "height": ("height_m", "height", "樹高", "上層平均樹高", "平均樹高"),
    "stems": ("stems_per_ha", "stems", "本数", "ha本数"),
    "volume": ("volume_m3_ha", "volume", "材積", "幹材積"),
    "growth": ("growth_m3_ha_yr", "growth", "成長量", "連年成長量"),
}
"""Names of the columns that are understood, in any case."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One species and class by ascending age: height m, stems 1/ha, volume m3/ha, growth m3/ha/yr (NaN not given).

    ``lines`` are those of the file.
    """

    species: str
    name: str
    age: Floats
    height: Floats
    stems: Floats
    volume: Floats
    growth: Floats
    lines: tuple[int, ...]

    def place(self, age: float) -> tuple[int, int]:
        """Indices of the rows on both sides of an age, of the last two at the table's end.

        Raises
        ------
        NotFoundError
            When the table has no row on one side: nothing is extrapolated.
        """
        if self.age.size < 2 or not self.age[0] <= age <= self.age[-1]:
            raise NotFoundError(
                f"yield table: {self.species}, class {self.name}, has ages {self.age[0]:g} to {self.age[-1]:g}; none "
                f"for {age:g} years; nothing is extrapolated",
                f"収穫表: {self.species} 地位 {self.name} は林齢 {self.age[0]:g}~{self.age[-1]:g} 年で、{age:g} 年の行"
                "がありません (外挿はしません)。",
                value=age,
            )
        after = min(max(int(np.searchsorted(self.age, age, side="right")), 1), self.age.size - 1)
        return after - 1, after

    def height_at(self, age: float) -> float:
        """Height of the curve in metres; raises as `place`."""
        return self._at(self.height, age)

    def volume_at(self, age: float) -> float:
        """Volume in m3/ha, NaN where the table gives none; raises as `place`."""
        return self._at(self.volume, age)

    def _at(self, values: Floats, age: float) -> float:
        i, j = self.place(age)
        share = (age - self.age[i]) / (self.age[j] - self.age[i])
        return float(values[i] + (values[j] - values[i]) * share)


@dataclass(frozen=True, slots=True)
class YieldTable:
    """A yield table: its curves by species, best class first, and where it is from."""

    curves: dict[str, tuple[Curve, ...]]
    table: reading.Table
    notes: tuple[Note, ...]

    @property
    def is_example(self) -> bool:
        """Whether the table is an example, which no claim may rest on."""
        return self.table.status == "example"

    def of(self, species: str) -> tuple[Curve, ...]:
        """The curves of a species, best class first.

        Raises
        ------
        NotFoundError
            When the table has none.
        """
        if species not in self.curves:
            raise NotFoundError(
                f"yield table {self.table.name}: no rows for {species}; there are {', '.join(self.curves)}",
                f"収穫表 {self.table.name} に {species} がありません。あるのは {', '.join(self.curves)} です。",
                value=species,
                candidates=list(self.curves),
            )
        return self.curves[species]


def read_yield_table(path: Path, species_of: Callable[[str], str]) -> YieldTable:
    """A yield table from CSV (UTF-8 or CP932), checked; ``species_of`` gives a species one name.

    Lines ``# version:``, ``# source:`` and ``# status:`` on top are kept with every result.

    Raises
    ------
    FileError
        When the file or a column is missing, or a row cannot be: the message names its line.
    """
    return yield_table(reading.read(path), species_of)


def example_yield_table(species_of: Callable[[str], str]) -> YieldTable:
    """The example that tengun brings; made up from published formulas, not Shizuoka's."""
    return yield_table(reading.packaged("yield_example.csv"), species_of)


def yield_table(table: reading.Table, species_of: Callable[[str], str]) -> YieldTable:
    """A checked yield table; raises as `read_yield_table`."""
    names = {n: reading.column(table, COLUMNS[n], n in ("species", "class", "age", "height")) for n in COLUMNS}
    groups: dict[tuple[str, str], list[reading.Row]] = {}
    for row in table.rows:
        species = species_of(row.cells.get(names["species"] or "", ""))
        groups.setdefault((species, row.cells.get(names["class"] or "", "")), []).append(row)
    found: dict[str, list[Curve]] = {}
    for (species, name), rows in groups.items():
        found.setdefault(species, []).append(_curve(table, names, species, name, rows))
    notes = _status_notes(table)
    return YieldTable({s: _sorted_classes(table, s, curves) for s, curves in found.items()}, table, notes)


def _curve(
    table: reading.Table, names: dict[str, str | None], species: str, name: str, rows: Sequence[reading.Row]
) -> Curve:
    columns = {n: _numbers(table, rows, names[n]) for n in ("age", "height", "stems", "volume", "growth")}
    lines = tuple(r.line for r in rows)
    for line, fault in _faults(columns):
        raise FileError(
            f"yield table {table.name}, line {lines[line]}: {species}, class {name}: {fault[0]}",
            f"収穫表 {table.name} の {lines[line]} 行目: {species} 地位 {name}: {fault[1]}",
            file=table.name,
            line=lines[line],
        )
    return Curve(species, name, **columns, lines=lines)


def _numbers(table: reading.Table, rows: Sequence[reading.Row], name: str | None) -> Floats:
    values = [reading.number(table, row, name) for row in rows]
    return np.array([math.nan if v is None else v for v in values], np.float64)


def _faults(columns: dict[str, Floats]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Place and reason, in both languages, of what cannot be in a class's rows."""
    age, height, volume = columns["age"], columns["height"], columns["volume"]
    for i in range(age.size):
        if not age[i] > 0.0:
            yield i, (f"age {age[i]:g}; expected a positive number", f"林齢 {age[i]:g} が不正です。正の値が必要です。")
        if i and not age[i] > age[i - 1]:
            yield i, (f"age {age[i]:g} after {age[i - 1]:g}; ages ascend within a class",
                      f"林齢 {age[i]:g} が前の行 {age[i - 1]:g} 以下です。昇順にしてください。")  # fmt: skip
        if not height[i] > 0.0 or (i and height[i] < height[i - 1]):
            yield i, (f"height {height[i]:g} m; heights are positive and do not shrink with age",
                      f"樹高 {height[i]:g} m が不正です。正で、林齢とともに減らない値が必要です。")  # fmt: skip
        if volume[i] < 0.0 or columns["growth"][i] < 0.0 or columns["stems"][i] < 0.0:
            yield i, ("a negative volume, growth or number of stems", "材積・成長量・本数に負の値があります。")
        if i and np.isnan(volume[i]) != np.isnan(volume[0]):
            yield i, ("volume is given in some rows only", "材積が一部の行にしかありません。")


def _sorted_classes(table: reading.Table, species: str, curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Classes by height, best first; curves that cross are refused."""
    common = _common_ages(curves)
    if len(curves) > 1 and common.size == 0:
        raise FileError(
            f"yield table {table.name}: the classes of {species} have no age in common; give all classes the same ages",
            f"収穫表 {table.name}: {species} の地位級に共通の林齢がありません。林齢をそろえてください。",
            file=table.name,
        )
    at = common[-1:] if common.size else curves[0].age[-1:]
    ordered = sorted(curves, key=lambda c: -c.height_at(float(at[0])) if c.age.size > 1 else 0.0)
    for better, worse in pairwise(ordered):
        for age in common:
            if better.height_at(float(age)) <= worse.height_at(float(age)):
                raise FileError(
                    f"yield table {table.name}: {species}: the heights of classes {better.name} and {worse.name} cross "
                    f"or touch at {age:g} years",
                    f"収穫表 {table.name}: {species} の地位 {better.name} と {worse.name} の樹高が林齢 {age:g} 年で逆転"
                    "または一致しています。",
                    file=table.name,
                )
    return tuple(ordered)


def _common_ages(curves: Sequence[Curve]) -> Floats:
    ages = curves[0].age
    for curve in curves[1:]:
        ages = np.intersect1d(ages, curve.age)
    return ages


def _status_notes(table: reading.Table) -> tuple[Note, ...]:
    name = table.name
    if table.status == "example":
        en = f"yield table {name} is an example, not a prefecture's: no figure of it may be claimed"
        ja = f"収穫表 {name} は例であり、県の収穫表ではありません。この結果を申請に使うことはできません。"
        return (Note("yield-example", en, ja),)
    if table.status != "confirmed":
        en = f"yield table {name}: status '{table.status}'; '# status: confirmed' on top says that it was checked"
        ja = (
            f"収穫表 {name} は未確認 ({table.status}) です。照合済みなら先頭に '# status: confirmed' と書いてください。"
        )
        return (Note("yield-unconfirmed", en, ja),)
    return ()
