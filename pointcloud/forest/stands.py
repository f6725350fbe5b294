"""Stands (林小班): what the forest register (森林簿) says of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shapely import MultiPolygon, Polygon

from pointcloud.notes import Note

MAX_AGE: Final = 500
"""Greatest age in years that is believed."""


class Work(StrEnum):
    """Kinds of treatment (施業)."""

    THINNING = "thinning"
    CLEAR_CUT = "clear-cut"
    SELECTION = "selection-cut"
    REGENERATION = "regeneration-cut"
    PLANTING = "planting"
    TENDING = "tending"


CUTS: Final = (Work.CLEAR_CUT, Work.SELECTION, Work.REGENERATION)
"""Treatments that are booked as an emission."""

WORDS: Final = (
    ("再造林", Work.PLANTING), ("植栽", Work.PLANTING), ("植付", Work.PLANTING), ("造林", Work.PLANTING),
    ("replanting", Work.PLANTING), ("planting", Work.PLANTING),
    ("間伐", Work.THINNING), ("thinning", Work.THINNING),
    ("皆伐", Work.CLEAR_CUT), ("主伐", Work.CLEAR_CUT), ("clear-cut", Work.CLEAR_CUT), ("clearcut", Work.CLEAR_CUT),
    ("択伐", Work.SELECTION), ("selection-cut", Work.SELECTION),
    ("更新伐", Work.REGENERATION), ("regeneration-cut", Work.REGENERATION),
    ("下刈", Work.TENDING), ("除伐", Work.TENDING), ("枝打", Work.TENDING), ("つる切", Work.TENDING),
    ("保育", Work.TENDING), ("tending", Work.TENDING),
)  # fmt: skip
"""What registers call the treatments; the first that is found in a text decides."""

_ERAS: Final = {"昭和": 1925, "平成": 1988, "令和": 2018, "S": 1925, "H": 1988, "R": 2018}
_YEAR: Final = re.compile(r"(?P<era>昭和|平成|令和|[SHR])?\s*(?P<year>元|\d{4}|\d{1,2})\s*(?:年度?)?")
_RATE: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<percent>%)?\s*$")


@dataclass(frozen=True, slots=True)
class Treatment:
    """A treatment in a fiscal year; ``rate`` is the share of the stand, 0 to 1, or None where it is not stated."""

    year: int
    kind: Work
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """A stand.

    Parameters
    ----------
    id
        Unique in its list.
    polygon
        Outline in the survey's CRS, valid; None where the file's cannot be used.
    species
        As the register writes it; empty where it says nothing.
    planting_year
        Fiscal year of planting, the year in which the stand is 1 year old (林齢); None where it is not known.
    treatments
        In the order of the register; None where the register has no such column.
    stated_area_ha
        Area as the register states it, or None.
    notes
        What was assumed.
    problems
        Why no figure can be given; empty for a usable stand.
    surveyed
        Share of the area, 0 to 1, that a survey covers: no more of it is credited.
    """

    id: str
    polygon: Polygon | MultiPolygon | None
    species: str
    planting_year: int | None
    treatments: tuple[Treatment, ...] | None = None
    stated_area_ha: float | None = None
    notes: tuple[Note, ...] = ()
    problems: tuple[Note, ...] = ()
    surveyed: float = 1.0

    @property
    def area_ha(self) -> float:
        """Area of the outline in hectares, 0 without one."""
        return 0.0 if self.polygon is None else float(self.polygon.area) / 10_000.0

    @property
    def whole_area_ha(self) -> float:
        """The smaller of the drawn and the stated area in hectares."""
        return self.area_ha if self.stated_area_ha is None else min(self.area_ha, self.stated_area_ha)

    @property
    def credited_area_ha(self) -> float:
        """The share of `whole_area_ha` that was surveyed: what absorption and fellings are reckoned on."""
        return self.surveyed * self.whole_area_ha

    def age_in(self, year: int) -> int | None:
        """Age (林齢) in a fiscal year: 1 in the year of planting; None where it is not known."""
        return None if self.planting_year is None else year - self.planting_year + 1


def parse_year(text: str) -> int | None:
    """The year in a text such as 2015, H27, 平成27年度, 令和元年; None where there is none."""
    found = _YEAR.search(unicodedata.normalize("NFKC", text))
    if found is None:
        return None
    number = 1 if found["year"] == "元" else int(found["year"])
    if found["era"]:
        return _ERAS[found["era"]] + number if number < 100 else None
    return number if number >= 1000 else None


def parse_treatments(text: str) -> tuple[tuple[Treatment, ...], tuple[str, ...]]:
    """The treatments in a register's text, and the pieces that were not understood.

    Pieces are separated by ; or 、 or a line break and hold a year, a kind and perhaps a share: ``2015 間伐 30%``,
    ``H27間伐``, ``2026 皆伐 1.0``.
    """
    found: list[Treatment] = []
    unread: list[str] = []
    for piece in re.split(r"[;、\n]", unicodedata.normalize("NFKC", text)):
        if not piece.strip():
            continue
        treatment = _treatment(piece)
        if treatment is None:
            unread.append(piece.strip())
        else:
            found.append(treatment)
    return tuple(found), tuple(unread)


def _treatment(piece: str) -> Treatment | None:
    year = parse_year(piece)
    word, kind = next(((w, k) for w, k in WORDS if w in piece.lower()), ("", None))
    if year is None or kind is None:
        return None
    after = piece.lower().partition(word)[2]
    share = _RATE.search(after)
    if share is None or parse_year(share["number"]) is not None:
        return Treatment(year, kind)
    rate = float(share["number"]) / (100.0 if share["percent"] or float(share["number"]) > 1.0 else 1.0)
    return Treatment(year, kind, rate) if rate <= 1.0 else None
