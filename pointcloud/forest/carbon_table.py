"""Constants that turn stem growth into CO2, by species, from a versioned table with source and status."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pointcloud.errors import FileError, NotFoundError
from pointcloud.forest.tables import reading

CarbonFraction = Literal["species", "0.5"]
"""Carbon fraction of the species, or 0.5 for all as in J-VER and inventories before the species' values."""

CO2_OF_C: Final = 44.0 / 12.0
LAST_YOUNG_AGE: Final = 20
"""Last age in years at which the young trees' expansion factor holds."""

_NUMBERS: Final = ("bef_young", "bef_old", "root_ratio", "wood_density", "carbon_fraction")


@dataclass(frozen=True, slots=True)
class Constants:
    """Constants of a species.

    ``bef_young`` to 20 years and ``bef_old`` after expand stems to the whole tree above ground, ``root_ratio`` adds the
    roots, ``wood_density`` is t/m3, ``carbon_fraction`` t of carbon per t. ``stem_table`` names its volume table in
    Shizuoka; ``line`` is the row's place in the table, counted from 0.
    """

    species: str
    name_en: str
    bef_young: float
    bef_old: float
    root_ratio: float
    wood_density: float
    carbon_fraction: float
    stem_table: str
    source: str
    status: str
    line: int

    def bef(self, age: int) -> float:
        """The expansion factor at an age in years."""
        return self.bef_young if age <= LAST_YOUNG_AGE else self.bef_old

    def fraction(self, variant: CarbonFraction) -> float:
        """The carbon fraction of a variant."""
        return 0.5 if variant == "0.5" else self.carbon_fraction

    def factor(self, age: int, variant: CarbonFraction = "species") -> float:
        """t-CO2 per m3 of stem: BEF (1 + R) WD CF 44/12."""
        return self.bef(age) * (1.0 + self.root_ratio) * self.wood_density * self.fraction(variant) * CO2_OF_C

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {k: v for k, v in asdict(self).items() if k != "line"}


@dataclass(frozen=True, slots=True)
class CarbonTable:
    """The constants by species, the names that are understood, and where they are from."""

    rows: tuple[Constants, ...]
    names: dict[str, int]
    table: reading.Table

    def find(self, species: str) -> Constants:
        """The constants of a species, by any of its names.

        Raises
        ------
        NotFoundError
            When the table has none; the message names some that it has, its details all.
        """
        row = self.names.get(_plain(species))
        if row is None:
            some = ", ".join(r.species for r in self.rows[:8])
            known, name = f"{some} ... ({len(self.rows)})", f"{self.table.name} ({self.table.version})"
            raise NotFoundError(
                f"constants: none for species '{species}' in {name}; there are {known}",
                f"係数表 {name} に樹種「{species}」がありません。あるのは {known} です。",
                value=species,
                candidates=[r.species for r in self.rows],
            )
        return self.rows[row]

    def name_of(self, species: str) -> str:
        """The table's name of a species, or the given name where the table has none."""
        row = self.names.get(_plain(species))
        return species.strip() if row is None else self.rows[row].species


def carbon_table(path: Path | None = None) -> CarbonTable:
    """The table of a CSV file, or without one that of tengun, whose values are not confirmed.

    Raises
    ------
    FileError
        When the file cannot be read, a column is missing, or a value is not positive.
    """
    table = reading.packaged("carbon_constants.csv") if path is None else reading.read(path)
    for name in ("species", *_NUMBERS):
        reading.column(table, (name,))
    rows = tuple(_constants(table, row, i) for i, row in enumerate(table.rows))
    names: dict[str, int] = {}
    for i, (row, constants) in enumerate(zip(table.rows, rows, strict=True)):
        for alias in (constants.species, *row.cells.get("aliases", "").split(";")):
            if alias:
                names.setdefault(_plain(alias), i)
    return CarbonTable(rows, names, table)


def _plain(name: str) -> str:
    """A name without differences of width, case and a note such as 人工林."""
    return unicodedata.normalize("NFKC", name).strip().lower().removeprefix("人工林").removesuffix("人工林").strip()


def _constants(table: reading.Table, row: reading.Row, line: int) -> Constants:
    values = {name: reading.number(table, row, name) for name in _NUMBERS}
    for name, value in values.items():
        if value is None or not value > 0.0:
            raise FileError(
                f"constants {table.name}, line {row.line}, {name}: {value}; expected a positive number",
                f"係数表 {table.name} の {row.line} 行目、{name} の値 {value} が不正です。正の数値にしてください。",
                file=table.name,
                line=row.line,
                field=name,
            )
    texts = {n: row.cells.get(n, "") for n in ("species", "name_en", "stem_table", "source")}
    made: dict[str, Any] = {**texts, **values, "status": row.cells.get("status") or table.status, "line": line}
    return Constants(**made)
