"""What a claim comes to: stands, years, totals and interval, and ``carbon.json``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pointcloud.forest.carbon import BASIS, CarbonOptions, StandYear
from pointcloud.forest.carbon_table import CarbonTable, Constants
from pointcloud.forest.growth import SiteClass
from pointcloud.forest.growth_tables import YieldTable
from pointcloud.forest.stands import Stand
from pointcloud.forest.stands_table import StandMeasure
from pointcloud.forest.uncertainty import HeightError
from pointcloud.notes import Note

SCHEMA: Final = "tengun/carbon/1"


class Standing(StrEnum):
    """Whether a stand counts in the claim."""

    CREDITED = "credited"
    EXCLUDED = "excluded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StandCarbon:
    """A stand's result; what could not be reckoned is None or empty. t-CO2 over the crediting period.

    A refused stand has no figures; an excluded one has figures that the totals leave out.
    """

    stand: Stand
    measure: StandMeasure
    status: Standing
    constants: Constants | None
    site: SiteClass | None
    years: tuple[StandYear, ...]
    ci95: tuple[float, float] | None
    notes: tuple[Note, ...]

    @property
    def absorption(self) -> float:
        """t-CO2 taken up in the period."""
        return sum(y.absorption for y in self.years)

    @property
    def emission(self) -> float:
        """t-CO2 of fellings in the period."""
        return sum(y.emission for y in self.years)

    @property
    def replanting(self) -> float:
        """t-CO2 of replanting in the period."""
        return sum(y.replanting for y in self.years)

    @property
    def net(self) -> float:
        """Absorption less emission, t-CO2."""
        return sum(y.net for y in self.years)


@dataclass(frozen=True, slots=True)
class YearTotal:
    """A fiscal year of the claim, t-CO2; ``credit`` is net less buffer."""

    year: int
    absorption: float
    emission: float
    replanting: float
    buffer: float

    @property
    def credit(self) -> float:
        """What may be claimed."""
        return self.absorption - self.emission + self.replanting - self.buffer

    @property
    def whole(self) -> int:
        """``credit`` in whole tons, rounded down."""
        return math.floor(self.credit)


@dataclass(frozen=True, slots=True)
class Claim:
    """The result: all stands in their order, totals by year, interval of the whole, and what it was made with.

    ``ci95`` and ``conservative`` are of the credit of the whole period in t-CO2: ``conservative`` is the interval's
    lower end. They carry the error of heights alone.
    """

    stands: tuple[StandCarbon, ...]
    years: tuple[YearTotal, ...]
    ci95: tuple[float, float]
    options: CarbonOptions
    yields: YieldTable
    constants: CarbonTable
    error: HeightError
    n_draws: int
    seed: int
    notes: tuple[Note, ...]

    @property
    def credit(self) -> float:
        """t-CO2 of the period that may be claimed, net of the buffer."""
        return sum(y.credit for y in self.years)

    @property
    def conservative(self) -> float:
        """The lower end of the 95 % interval of the credit, t-CO2."""
        return self.ci95[0]

    @property
    def species(self) -> tuple[Constants, ...]:
        """Constants of the species that occur, in the table's order."""
        found = {s.constants.line: s.constants for s in self.stands if s.constants is not None}
        return tuple(found[line] for line in sorted(found))

    def count(self, status: Standing) -> int:
        """Number of stands of a status."""
        return sum(s.status is status for s in self.stands)

    def as_dict(self) -> dict[str, Any]:
        """``carbon.json``: unrounded, JSON-ready."""
        return {
            "schema": SCHEMA,
            "methodology": self.options.methodology,
            "total": {
                "credit_t": self.credit, "credit_ci95_t": list(self.ci95), "conservative_t": self.conservative,
                "whole_t": sum(y.whole for y in self.years),
                **{f"{n}_t": sum(getattr(y, n) for y in self.years)
                   for n in ("absorption", "emission", "replanting", "buffer")},
                "area_ha": sum(s.stand.credited_area_ha for s in self.stands if s.status is Standing.CREDITED),
            },
            "count": {str(s): self.count(s) for s in Standing},
            "years": [_year_total(y) for y in self.years],
            "stands": [_stand(s) for s in self.stands],
            "options": self.options.as_dict(),
            "basis": [{"id": i, "en": en, "ja": ja, "status": status} for i, en, ja, status in BASIS],
            "constants": {**self.constants.table.as_dict(), "species": [c.as_dict() for c in self.species]},
            "yield_table": self.yields.table.as_dict(),
            "uncertainty": {"n_draws": self.n_draws, "seed": self.seed, "height_error_m": self.error.as_dict(),
                            "of": "heights only; yield table and constants as given"},
            "notes": [n.as_dict() for n in self.notes],
        }  # fmt: skip


def _year_total(year: YearTotal) -> dict[str, Any]:
    names = ("absorption", "emission", "replanting", "buffer", "credit")
    return {"year": year.year, **{f"{n}_t": getattr(year, n) for n in names}, "whole_t": year.whole}


def _stand(item: StandCarbon) -> dict[str, Any]:
    site = item.site
    known = bool(item.years)
    return {
        "id": item.stand.id,
        "status": str(item.status),
        "species": item.stand.species,
        "constants": None if item.constants is None else item.constants.species,
        "planting_year": item.stand.planting_year,
        "credited_area_ha": item.stand.credited_area_ha,
        "whole_area_ha": item.stand.whole_area_ha,
        **{k: v for k, v in item.measure.as_dict().items() if k != "id"},
        "site_class": None if site is None else {
            "name": site.curve.name, "age": site.age, "height_m": site.height, "lower_m": site.lower,
            "upper_m": None if math.isnan(site.upper) else site.upper,
            "site_index_m": None if math.isnan(site.index) else site.index,
        },
        **{f"{n}_t": getattr(item, n) if known else None for n in ("absorption", "emission", "replanting", "net")},
        "net_ci95_t": None if item.ci95 is None else list(item.ci95),
        "years": [
            {"year": y.year, "age": y.age, "growth_m3_ha": y.growth, "bef": y.bef, "t_co2_per_m3": y.factor,
             "absorption_t": y.absorption, "emission_t": y.emission, "replanting_t": y.replanting, "net_t": y.net}
            for y in item.years
        ],
        "notes": [n.as_dict() for n in item.notes],
    }  # fmt: skip
