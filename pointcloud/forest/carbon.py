"""CO2 that a planted stand takes up, year by year, from its site class and a yield table.

``absorption = A x dV x BEF x (1 + R) x WD x CF x 44/12`` in t-CO2 a year, A in ha and dV in m3/ha/yr. Fellings are
booked as an emission of the felled volume in their year, by the same constants. Thinning is not booked, because the
main-stand volumes of a yield table have it taken out already; it can be booked like a felling.

References
----------
J-Credit methodology FO-001 (森林経営活動), general form as published by 林野庁 (見える化) and by project developers;
felling by its rate and credit of replanted stands up to the standard felling age: revisions of 2021-08-31 and
2022-08-10. The exact clauses were not at hand: what rests on memory is marked unconfirmed in `BASIS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from pointcloud.errors import ParameterError
from pointcloud.forest.carbon_table import CarbonFraction, Constants
from pointcloud.forest.growth import annual_growth
from pointcloud.forest.growth_tables import Curve
from pointcloud.forest.stands import CUTS, Stand, Treatment, Work

PERIODS: Final = (8, 16)

BASIS: Final = (
    ("formula", "A x dV x BEF x (1+R) x WD x CF x 44/12", "吸収量 = 面積 x 幹成長量 x BEF x (1+R) x WD x CF x 44/12",
     "confirmed"),
    ("bef-switch", "BEF changes between 20 and 21 years", "BEF は 20 年生以下と 21 年生以上で切り替え", "confirmed"),
    ("lower-class", "between two site classes the lower one counts", "地位級の間では下位の級を採用 (保守性)",
     "unconfirmed"),
    ("felling", "emission = A x rate x V(age) x BEF x (1+R) x WD x CF x 44/12 in the year of felling",
     "主伐の排出 = 面積 x 伐採率 x V(林齢) x 同じ係数、伐採年度に計上", "unconfirmed"),
    ("thinning", "no emission for thinning: main-stand volumes have it taken out",
     "間伐は主林木材積に織り込み済みとして排出を計上しない", "unconfirmed"),
    ("replanting", "stock of the new stand at the standard felling age, at most the felling's emission",
     "再造林は標準伐期齢の蓄積まで、伐採の排出量を上限に計上", "unconfirmed"),
    ("buffer", "buffer as a percentage of the absorption", "バッファーは吸収量に対する割合", "unconfirmed"),
    ("baseline", "baseline absorption is zero", "ベースライン吸収量は 0", "unconfirmed"),
)  # fmt: skip
"""Rules of the calculation in both languages, each with whether its source was read."""


@dataclass(frozen=True, slots=True)
class CarbonOptions:
    """What a claim settles besides stands and tables.

    Parameters
    ----------
    methodology
        Name and version, such as ``FO-001 Ver. 6.2``; stored with the result.
    start_year
        First fiscal year (年度) of the crediting period.
    survey_year
        Fiscal year in which the heights were measured.
    period
        Years credited: 8 or 16.
    buffer_percent
        Share of the absorption that is set aside, in percent.
    carbon_fraction
        Of the species, or 0.5 for all.
    thinning
        ``in-table``: not booked; ``as-felling``: booked as an emission with its rate.
    rotation_ages
        Standard felling age (標準伐期齢) in years by species; replanting is claimed only for species that stand here.
    treatment_since
        A stand without a treatment from this fiscal year on is left out of the claim; None asks for no treatment.

    Raises
    ------
    ParameterError
        When a value is outside what is allowed.
    """

    methodology: str
    start_year: int
    survey_year: int
    period: int = 8
    buffer_percent: float = 3.0
    carbon_fraction: CarbonFraction = "species"
    thinning: Literal["in-table", "as-felling"] = "in-table"
    rotation_ages: Mapping[str, int] = field(default_factory=dict)
    treatment_since: int | None = 1990

    def __post_init__(self) -> None:
        if self.period not in PERIODS:
            raise ParameterError(
                f"carbon: crediting period of {self.period} years; allowed are 8 and 16",
                f"認証対象期間 {self.period} 年は使えません。8 年か 16 年にしてください。",
                field="period",
                value=self.period,
            )
        if not 0.0 <= self.buffer_percent <= 100.0:
            raise ParameterError(
                f"carbon: buffer of {self.buffer_percent} %; expected 0 to 100 (usually 3)",
                f"バッファー {self.buffer_percent} % が不正です。0~100 (通常 3) にしてください。",
                field="buffer_percent",
                value=self.buffer_percent,
            )
        for species, age in self.rotation_ages.items():
            if not 10 <= age <= 200:
                raise ParameterError(
                    f"carbon: standard felling age of {species} {age}; expected 10 to 200 years",
                    f"{species} の標準伐期齢 {age} 年が不正です。10~200 年にしてください。",
                    field="rotation_ages",
                    value=age,
                )

    @property
    def years(self) -> range:
        """Fiscal years of the crediting period."""
        return range(self.start_year, self.start_year + self.period)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "rotation_ages": dict(self.rotation_ages)}


@dataclass(frozen=True, slots=True)
class StandYear:
    """A stand in a fiscal year: volumes of the yield table in m3/ha, shares of the area, CO2 in t.

    ``standing`` is the share of the stand that is not felled by the end of the year, ``felled`` the share felled in it,
    ``replanted`` the share replanted that is claimed.
    """

    year: int
    age: int
    volume: float
    volume_next: float
    bef: float
    factor: float
    standing: float
    felled: float
    replanted: float
    absorption: float
    emission: float
    replanting: float

    @property
    def growth(self) -> float:
        """Stem growth of the year, m3/ha."""
        return self.volume_next - self.volume

    @property
    def net(self) -> float:
        """Absorption less emission, t-CO2."""
        return self.absorption - self.emission + self.replanting


def project(stand: Stand, curve: Curve, constants: Constants, options: CarbonOptions) -> tuple[StandYear, ...]:
    """The stand on a curve through the crediting period, a row a fiscal year.

    The growth of a fiscal year is that from the stand's age in it to the next age.

    Parameters
    ----------
    stand
        With a planting year.
    curve
        Of its site class.
    constants
        Of its species.
    options
        Of the claim.

    Raises
    ------
    NotFoundError
        When the yield table has no row for an age, or no volumes.
    """
    rows: list[StandYear] = []
    standing, cut, owed, area = 1.0, 0.0, 0.0, stand.credited_area_ha
    for year in options.years:
        age = stand.age_in(year) or 0
        growth = annual_growth(curve, age)
        volume, factor = curve.volume_at(age), constants.factor(age, options.carbon_fraction)
        felled = standing * felling_rate(stand.treatments or (), year, options)
        standing, cut = standing - felled, cut + felled
        emission = area * felled * volume * factor
        replanted = min(_planted(stand, year) * cut, cut) if constants.species in options.rotation_ages else 0.0
        cut, owed = cut - replanted, owed + emission
        replanting = min(area * replanted * _stock(curve, constants, options), owed) if replanted else 0.0
        owed -= replanting
        rows.append(
            StandYear(
                year, age, volume, volume + growth, constants.bef(age), factor, standing, felled, replanted,
                area * standing * growth * factor, emission, replanting,
            )
        )  # fmt: skip
    return tuple(rows)


def felling_rate(treatments: Sequence[Treatment], year: int, options: CarbonOptions) -> float:
    """Share of the standing trees that is felled in a year; a felling without a stated rate takes all."""
    booked = (*CUTS, Work.THINNING) if options.thinning == "as-felling" else CUTS
    left = 1.0
    for treatment in treatments:
        if treatment.year == year and treatment.kind in booked:
            left *= 1.0 - (1.0 if treatment.rate is None else treatment.rate)
    return 1.0 - left


def _planted(stand: Stand, year: int) -> float:
    """Share of the felled area that is replanted in a year."""
    rates = [t.rate for t in stand.treatments or () if t.year == year and t.kind is Work.PLANTING]
    return min(sum(1.0 if r is None else r for r in rates), 1.0)


def _stock(curve: Curve, constants: Constants, options: CarbonOptions) -> float:
    """t-CO2 a hectare that the new stand holds at the standard felling age."""
    age = options.rotation_ages[constants.species]
    return curve.volume_at(age) * constants.factor(age, options.carbon_fraction)
