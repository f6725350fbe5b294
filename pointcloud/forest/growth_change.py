"""Two surveys of one forest: how trees and stands grew, which trees are gone, and what the yield table expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pointcloud.errors import NotFoundError, ParameterError
from pointcloud.forest.carbon_table import CarbonTable
from pointcloud.forest.growth import site_class
from pointcloud.forest.growth_tables import YieldTable
from pointcloud.forest.inventory import Trees
from pointcloud.forest.stands import CUTS, Stand, Work
from pointcloud.forest.stands_table import StandMeasure, assign
from pointcloud.forest.uncertainty import Z95, HeightError
from pointcloud.grid import Raster
from pointcloud.notes import Note

MATCH_M: Final = 2.0
"""Tops of two surveys are one tree within this distance in metres, each the other's nearest."""

SHRUNK_M: Final = 2.0
"""A tree that lost more height than this (metres) is not the same tree."""

OPENED: Final = 0.5
"""A tree is gone where the canopy is under this share of its height afterwards."""


AROUND_M: Final = 0.5
"""Metres around a top that is not found again within which the canopy is looked at: single cells have gaps."""


@dataclass(frozen=True, slots=True)
class TreeMatches:
    """Places in the two lists of trees: ``before[i]`` and ``after[i]`` are one tree.

    ``gone`` (in the first list) lost the canopy above their place: felled or fallen. ``hidden`` were not found again
    under a canopy that is still there. ``new`` (in the second list) have no earlier tree.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    gone: NDArray[np.int64]
    hidden: NDArray[np.int64]
    new: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StandGrowth:
    """Height growth of a stand; metres a year, NaN where not known.

    ``upper`` is from the upper layers' mean heights with its 95 % interval, ``matched`` the median of the matched
    trees, ``expected`` the yield table's for the stand's class over the same ages.
    """

    id: str
    years: float
    upper: float
    upper_ci95: tuple[float, float]
    matched: float
    n_matched: int
    n_gone: int
    expected: float
    class_name: str
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None where not known."""
        made = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}
        ends = list(self.upper_ci95)
        made["upper_ci95"] = None if any(math.isnan(v) for v in ends) else ends
        made["notes"] = [n.as_dict() for n in self.notes]
        return made


def match_trees(before: Trees, after: Trees, canopy_after: Raster | None) -> TreeMatches:
    """Which trees of two surveys are the same.

    Parameters
    ----------
    before, after
        Trees of the two surveys, in one CRS.
    canopy_after
        Canopy height of the second survey in m; without it every tree that is not found again counts as gone.
    """
    n_before, n_after = len(before), len(after)
    first = second = np.empty(0, np.int64)
    if n_before and n_after:
        a, b = np.column_stack((before.x, before.y)), np.column_stack((after.x, after.y))
        distance, there = KDTree(b).query(a, distance_upper_bound=MATCH_M)
        near = np.flatnonzero(np.isfinite(distance))
        mutual = near[KDTree(a).query(b[there[near]])[1] == near]
        kept = mutual[after.height[there[mutual]] > before.height[mutual] - SHRUNK_M]
        first, second = kept.astype(np.int64), there[kept].astype(np.int64)
    lost = np.setdiff1d(np.arange(n_before), first)
    is_gone = np.ones(lost.size, bool)
    if canopy_after is not None and lost.size:
        is_gone = ~(_canopy_at(canopy_after, before.x[lost], before.y[lost]) >= OPENED * before.height[lost])
    return TreeMatches(first, second, lost[is_gone], lost[~is_gone], np.setdiff1d(np.arange(n_after), second))


def _canopy_at(canopy: Raster, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Greatest canopy height within `AROUND_M` of places; NaN outside."""
    grid = canopy.grid
    rows, columns = grid.cells_of(x, y)
    reach = max(1, round(AROUND_M / grid.cell))
    found = np.full(x.size, np.nan)
    for dr in range(-reach, reach + 1):
        for dc in range(-reach, reach + 1):
            r, c = rows + dr, columns + dc
            inside = (r >= 0) & (r < grid.n_rows) & (c >= 0) & (c < grid.n_columns)
            found[inside] = np.fmax(found[inside], canopy.values[r[inside], c[inside]])
    return found


@dataclass(frozen=True, slots=True)
class Epoch:
    """One survey: fiscal year, trees, and the stands' measures in the stands' order."""

    year: int
    trees: Trees
    measures: Sequence[StandMeasure]


@dataclass(frozen=True, slots=True)
class ForestGrowth:
    """Growth between two surveys: a row a stand, and which trees are the same, gone or new."""

    before: Epoch
    after: Epoch
    matches: TreeMatches
    stands: tuple[StandGrowth, ...]

    @property
    def years(self) -> int:
        """Years between the surveys."""
        return self.after.year - self.before.year

    @property
    def tree_growth(self) -> NDArray[np.float64]:
        """Metres that each matched tree grew, free of what the pulses missed; in the order of the matches."""
        return _heights(self.after.trees, self.matches.after) - _heights(self.before.trees, self.matches.before)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        counts = {name: int(getattr(self.matches, name).size) for name in ("gone", "hidden", "new")}
        return {
            "from": self.before.year, "to": self.after.year, "n_matched": int(self.matches.before.size),
            **{f"n_{name}": n for name, n in counts.items()}, "stands": [g.as_dict() for g in self.stands],
        }  # fmt: skip


def forest_growth(
    stands: Sequence[Stand],
    before: Epoch,
    after: Epoch,
    canopy_after: Raster | None,
    yields: YieldTable,
    constants: CarbonTable,
    error: HeightError,
) -> ForestGrowth:
    """Growth of trees and stands between two surveys; arguments as in `match_trees` and `stand_growth`.

    Raises
    ------
    ParameterError
        When the second survey is not later than the first.
    """
    matches = match_trees(before.trees, after.trees, canopy_after)
    return ForestGrowth(before, after, matches, stand_growth(stands, before, after, matches, yields, constants, error))


def stand_growth(
    stands: Sequence[Stand],
    before: Epoch,
    after: Epoch,
    matches: TreeMatches,
    yields: YieldTable,
    constants: CarbonTable,
    error: HeightError,
) -> tuple[StandGrowth, ...]:
    """Growth of each stand against the yield table, in the stands' order.

    Raises
    ------
    ParameterError
        When the second survey is not later than the first.
    """
    if after.year <= before.year:
        raise ParameterError(
            f"growth: the second survey is of {after.year}, the first of {before.year}; the second must be later",
            f"成長量: 後の測量 ({after.year} 年度) が前の測量 ({before.year} 年度) より後でありません。",
            value=[before.year, after.year],
        )
    owner = assign(before.trees, stands)
    grown = _heights(after.trees, matches.after) - _heights(before.trees, matches.before)
    found = []
    for i, stand in enumerate(stands):
        mine = grown[owner[matches.before] == i]
        n_gone = int((owner[matches.gone] == i).sum())
        found.append(_stand(stand, i, before, after, mine, n_gone, yields, constants, error))
    return tuple(found)


def _heights(trees: Trees, places: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray((trees.height + trees.apex_loss)[places])


def _stand(
    stand: Stand,
    i: int,
    before: Epoch,
    after: Epoch,
    grown: NDArray[np.float64],
    n_gone: int,
    yields: YieldTable,
    constants: CarbonTable,
    error: HeightError,
) -> StandGrowth:
    years = float(after.year - before.year)
    early, late = before.measures[i], after.measures[i]
    upper = (late.height_upper - early.height_upper) / years
    spread = Z95 * math.hypot(*(error.total(m.n_upper, m.ground_density) for m in (early, late))) / years
    expected, name, notes = _expected(stand, before, after, early.height_upper, yields, constants)
    if expected - upper > spread:
        shown = round(upper, 2) + 0.0  # no minus before a zero
        en = f"stand {stand.id}: grew {shown:.2f} m a year, the yield table has {expected:.2f}"
        ja = f"{stand.id}: 樹高成長 {shown:.2f} m/年 は収穫表の {expected:.2f} m/年 を下回ります。"
        notes += (Note("slower-than-table", en, ja),)
    notes += _about_gone(stand, n_gone, before.year, after.year)
    median = float(np.median(grown)) / years if grown.size else math.nan
    return StandGrowth(stand.id, years, upper, (upper - spread, upper + spread), median, int(grown.size), n_gone,
                       expected, name, notes)  # fmt: skip


def _about_gone(stand: Stand, n_gone: int, first: int, last: int) -> tuple[Note, ...]:
    """What the register says of the trees that are gone; two canopies do not tell a felled tree from a fallen one."""
    if n_gone == 0:
        return ()
    cuts = [t for t in stand.treatments or () if t.kind in (*CUTS, Work.THINNING) and first <= t.year <= last]
    if cuts:
        years = ", ".join(str(year) for year in sorted({t.year for t in cuts}))
        en = f"stand {stand.id}: {n_gone} trees gone; the register has a felling or thinning in {years}: felled"
        ja = f"{stand.id}: 消失 {n_gone} 本。森林簿に {years} 年度の伐採・間伐があり、伐採と判断します。"
        return (Note("gone-felled", en, ja),)
    en = (
        f"stand {stand.id}: {n_gone} trees gone, with no felling or thinning on record from {first} to {last}: "
        "fallen, or felled without a record; look at the place"
    )
    ja = (
        f"{stand.id}: 消失 {n_gone} 本。{first}~{last} 年度に伐採・間伐の記録がなく、倒木か記録のない伐採です。"
        "現地を確認してください。"
    )
    return (Note("gone-unrecorded", en, ja),)


def _expected(
    stand: Stand, before: Epoch, after: Epoch, height: float, yields: YieldTable, constants: CarbonTable
) -> tuple[float, str, tuple[Note, ...]]:
    """Growth of the stand's class, m a year, its name, and why there is none."""
    ages = [stand.age_in(e.year) for e in (before, after)]
    if None in ages:
        return math.nan, "", ()
    first, last = (a or 0 for a in ages)
    try:
        curve = site_class(yields.of(constants.name_of(stand.species)), first, height).curve
        return (curve.height_at(last) - curve.height_at(first)) / (last - first), curve.name, ()
    except NotFoundError as error:
        note = Note("not-in-yield-table", f"stand {stand.id}: {error.en}", f"{stand.id}: {error.ja}")
        return math.nan, "", (note,)
