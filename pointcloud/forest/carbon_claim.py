"""From stands, measures and tables to a claim; a stand that cannot be reckoned says why and stays listed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pointcloud.errors import NotFoundError
from pointcloud.forest.carbon import CarbonOptions, project
from pointcloud.forest.carbon_result import Claim, StandCarbon, Standing, YearTotal
from pointcloud.forest.carbon_table import CarbonTable
from pointcloud.forest.growth import site_class
from pointcloud.forest.growth_tables import Curve, YieldTable
from pointcloud.forest.stands import CUTS, Stand, Work
from pointcloud.forest.stands_table import StandMeasure
from pointcloud.forest.uncertainty import HeightError
from pointcloud.forest.uncertainty_co2 import Simulated, Uncertain, monte_carlo
from pointcloud.notes import Note

WHOLE: Final = 0.99
"""Share of a stand from which it counts as surveyed whole: cells of a raster follow an outline that closely."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that a claim is reckoned with.

    ``curves`` gives the site classes: the same table as ``yields`` where there are no separate site-index curves.
    """

    yields: YieldTable
    constants: CarbonTable
    curves: YieldTable


def claim(
    stands: Sequence[Stand],
    measures: Sequence[StandMeasure],
    tables: Tables,
    options: CarbonOptions,
    error: HeightError,
    n_draws: int = 2000,
    seed: int = 1,
) -> Claim:
    """The claim over all stands.

    Parameters
    ----------
    stands, measures
        Of one length, in one order.
    tables
        Yield table, constants, site-index curves.
    options
        Of the claim.
    error
        Of heights, for the Monte Carlo.
    n_draws, seed
        Draws and start of the random numbers: the same seed gives the same interval.
    """
    surveyed = [_surveyed(s, m) for s, m in zip(stands, measures, strict=True)]
    results = [_reckon(s, m, tables, options) for s, m in zip(surveyed, measures, strict=True)]
    uncertain = [_uncertain(r, tables, options, error) for r in results]
    simulated = monte_carlo([u for u in uncertain if u is not None], error.survey_sd, n_draws, seed)
    results = _with_intervals(results, uncertain, simulated)
    counted = [r for r in results if r.status is Standing.CREDITED]
    is_counted = np.array([r.status is Standing.CREDITED for r, u in zip(results, uncertain, strict=True) if u], bool)
    share = options.buffer_percent / 100.0
    years = tuple(_total(counted, i, year, share) for i, year in enumerate(options.years))
    ci95 = simulated.total(is_counted, share)
    notes = (*_table_notes(tables), *_claim_notes(stands, options), *_coverage_notes(stands, measures),
             *_interval_notes(ci95, len(counted)))  # fmt: skip
    return Claim(tuple(results), years, ci95, options, tables.yields, tables.constants, error, n_draws, seed, notes)


def _surveyed(stand: Stand, measure: StandMeasure) -> Stand:
    """The stand, of which no more counts than the survey covers: what was not measured has no site class."""
    if not 0.0 < measure.covered < WHOLE:
        return stand
    whole, share = stand.whole_area_ha, measure.covered
    note = Note("partly-counted", f"stand {stand.id}: {share:.1%} of it was surveyed; {share * whole:.2f} of "
                f"{whole:.2f} ha count",
                f"{stand.id}: 測量範囲に入る {share:.1%} のみ計上します ({whole:.2f} ha のうち "
                f"{share * whole:.2f} ha)。")  # fmt: skip
    return replace(stand, surveyed=share, notes=(*stand.notes, note))


def _coverage_notes(stands: Sequence[Stand], measures: Sequence[StandMeasure]) -> tuple[Note, ...]:
    if not any(s.polygon is not None and math.isnan(m.covered) for s, m in zip(stands, measures, strict=True)):
        return ()
    en = (
        "no canopy height model was given, so how much of each stand was surveyed is not known; all of it counts; give "
        "chm.tif (canopy) before a claim"
    )
    ja = (
        "樹冠高 (chm.tif) がなく、林小班が測量範囲に入る割合を確認できないため、全面積を計上しています。申請前に指定"
        "してください。"
    )
    return (Note("coverage-unknown", en, ja),)


def _interval_notes(ci95: tuple[float, float], n_counted: int) -> tuple[Note, ...]:
    if n_counted == 0 or ci95[0] < ci95[1]:
        return ()
    en = (
        "the 95 % interval has no width: the errors of heights that were drawn leave the counted stands in their site "
        "classes (in 95 % of the draws or more); errors of yield table and constants are not in it"
    )
    ja = (
        "95 % 区間の幅が 0 です。樹高の誤差による試行の 95 % 以上で、計上した林小班の地位が変わらないためです。収穫表と"
        "係数の誤差は区間に含まれません。"
    )
    return (Note("interval-without-width", en, ja),)


def _total(counted: Sequence[StandCarbon], i: int, year: int, share: float) -> YearTotal:
    absorption, emission, replanting = (
        sum(getattr(s.years[i], n) for s in counted) for n in ("absorption", "emission", "replanting")
    )
    return YearTotal(year, absorption, emission, replanting, share * absorption)


def _reckon(stand: Stand, measure: StandMeasure, tables: Tables, options: CarbonOptions) -> StandCarbon:
    """A stand's figures, or why there are none."""
    # how much of it was surveyed is said once: with the area that counts
    notes = (*stand.notes, *(n for n in measure.notes if n.code != "partly-outside"))
    problems = (*stand.problems, *measure.problems, *_felled_before(stand, options))
    constants = None
    try:
        constants = tables.constants.find(stand.species) if stand.species else None
        if problems or constants is None:
            return StandCarbon(stand, measure, Standing.REFUSED, constants, None, (), None, (*problems, *notes))
        site = site_class(tables.curves.of(constants.species), stand.age_in(options.survey_year) or 0,
                          measure.height_upper)  # fmt: skip
        years = project(stand, growth_curve(tables, constants.species, site.curve.name), constants, options)
    except NotFoundError as error:
        code = "no-constants" if constants is None else "not-in-yield-table"
        problem = Note(code, f"stand {stand.id}: {error.en}", f"{stand.id}: {error.ja}")
        return StandCarbon(stand, measure, Standing.REFUSED, constants, None, (), None, (*problems, problem, *notes))
    excluded = _excluded(stand, options)
    status = Standing.EXCLUDED if excluded else Standing.CREDITED
    return StandCarbon(stand, measure, status, constants, site, years, None, (*excluded, *notes))


def growth_curve(tables: Tables, species: str, name: str) -> Curve:
    """The yield table's curve of a class.

    Raises
    ------
    NotFoundError
        When the yield table has no such species or class.
    """
    curves = tables.yields.of(species)
    for curve in curves:
        if curve.name == name:
            return curve
    raise NotFoundError(
        f"yield table: {species} has no class {name}; there are {', '.join(c.name for c in curves)}",
        f"収穫表: {species} に地位 {name} がありません。あるのは {', '.join(c.name for c in curves)} です。",
        value=name,
    )


def _felled_before(stand: Stand, options: CarbonOptions) -> tuple[Note, ...]:
    """A clear cut between planting and the period contradicts the stand's age."""
    years = [t.year for t in stand.treatments or () if t.kind is Work.CLEAR_CUT and t.rate in (None, 1.0)]
    late = [y for y in years if (stand.planting_year or y) <= y < options.start_year]
    if stand.planting_year is None or not late:
        return ()
    return (Note("felled-before", f"stand {stand.id}: clear-cut in {late[-1]}, after its planting in "
                 f"{stand.planting_year}; bring the register up to date",
                 f"{stand.id}: 植栽 ({stand.planting_year} 年度) の後 {late[-1]} 年度に皆伐されています。森林簿を"
                 "更新してください。"),)  # fmt: skip


def _excluded(stand: Stand, options: CarbonOptions) -> tuple[Note, ...]:
    since = options.treatment_since
    if since is None or stand.treatments is None:
        return ()
    if any(t.year >= since and t.kind not in CUTS for t in stand.treatments):
        return ()
    return (Note("no-treatment", f"stand {stand.id}: no treatment from {since} on is recorded; not in the totals",
                 f"{stand.id}: {since} 年度以降の施業履歴がないため、合計に含めません。"),)  # fmt: skip


def _uncertain(item: StandCarbon, tables: Tables, options: CarbonOptions, error: HeightError) -> Uncertain | None:
    """What the Monte Carlo needs of a stand with figures; a class whose figures are missing counts as none."""
    if item.site is None or item.constants is None:
        return None
    curves = tables.curves.of(item.constants.species)
    heights = np.array([c.height_at(item.site.age) for c in curves])
    outcomes = np.array([_outcome(item, curve, tables, options) for curve in curves])
    spread = error.stand(item.measure.n_upper, item.measure.ground_density)
    return Uncertain(item.site.height, spread, heights, outcomes)


def _outcome(item: StandCarbon, curve: Curve, tables: Tables, options: CarbonOptions) -> tuple[float, float]:
    """Absorption and emission less replanting of the period on another class's curve."""
    if item.constants is None:
        return 0.0, 0.0
    try:
        years = project(item.stand, growth_curve(tables, curve.species, curve.name), item.constants, options)
    except NotFoundError:
        return 0.0, 0.0
    return sum(y.absorption for y in years), sum(y.emission - y.replanting for y in years)


def _with_intervals(
    results: Sequence[StandCarbon], uncertain: Sequence[Uncertain | None], simulated: Simulated
) -> list[StandCarbon]:
    places = iter(range(sum(u is not None for u in uncertain)))
    return [r if u is None else replace(r, ci95=simulated.stand(next(places)))
            for r, u in zip(results, uncertain, strict=True)]  # fmt: skip


def _table_notes(tables: Tables) -> tuple[Note, ...]:
    notes = dict.fromkeys((*tables.yields.notes, *tables.curves.notes))
    open_rows = [c for c in tables.constants.rows if c.status != "confirmed"]
    if open_rows:
        name = f"{tables.constants.table.name} {tables.constants.table.version}"
        en = (
            f"constants {name}: {len(open_rows)} of {len(tables.constants.rows)} rows are unconfirmed; check them "
            "against the National GHG Inventory Report before a claim"
        )
        ja = (
            f"係数表 {name}: {len(tables.constants.rows)} 行中 {len(open_rows)} 行が未確認です。申請前に日本国温室効果"
            "ガスインベントリ報告書と照合してください。"
        )
        notes[Note("constants-unconfirmed", en, ja)] = None
    return tuple(notes)


def _claim_notes(stands: Sequence[Stand], options: CarbonOptions) -> tuple[Note, ...]:
    if options.treatment_since is None or any(s.treatments is not None for s in stands):
        return ()
    en = "the stands have no treatment history; whether they may be claimed is not checked"
    ja = "林小班に施業履歴の列がなく、認証対象かどうかを確認していません。"
    return (Note("no-treatment-column", en, ja),)
