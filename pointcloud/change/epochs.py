"""Any number of surveys of one place: pairs, the chain, and what became of a fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
from shapely import MultiPolygon, Polygon

from pointcloud.change.dated import in_order
from pointcloud.change.difference import difference
from pointcloud.change.volume import Volume, zone_volume
from pointcloud.errors import ParameterError
from pointcloud.grid import Raster


@dataclass(frozen=True, slots=True)
class Epoch:
    """One survey: its name, its date, and its terrain on the grid that all epochs share."""

    name: str
    surveyed: date
    terrain: Raster


@dataclass(frozen=True, slots=True)
class Step:
    """Change from one epoch to another, metres, NaN where either is void."""

    before: Epoch
    after: Epoch
    change: Raster


@dataclass(frozen=True, slots=True)
class Closure:
    """Whether the steps of a chain add up to the change from its first to its last epoch.

    Parameters
    ----------
    largest_gap_m
        Largest difference of any cell that all epochs know; rounding only, or something is wrong.
    open_cells
        Cells that first and last epoch know and another does not: there the volumes of the steps need not add up.
    """

    largest_gap_m: float
    open_cells: int


@dataclass(frozen=True, slots=True)
class FillLedger:
    """What became of a fill inside its outline, m3, all positive but the net.

    Parameters
    ----------
    placed_m3
        Fill from the first to the second epoch.
    moved_m3
        Cut from the second to the third: fill and natural ground together.
    residual_m3
        What lies above the first surface at the third epoch: the positive part of that difference, not its net.
    natural_m3
        Natural ground that went too: moved less what is missing of the placed.
    net_m3
        Third less first epoch, positive and negative parts together.
    """

    placed_m3: float
    moved_m3: float
    residual_m3: float
    natural_m3: float
    net_m3: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded."""
        return asdict(self)


def steps(epochs: Sequence[Epoch], which: Literal["chain", "all"] = "chain") -> list[Step]:
    """Changes between neighbouring epochs, or between every pair, always from the earlier to the later.

    Raises
    ------
    ParameterError
        When epochs cannot be put in order, or lie on different grids.
    """
    ordered = in_order(epochs)
    pairs = pairwise(ordered) if which == "chain" else combinations(ordered, 2)
    return [Step(a, b, difference(a.terrain, b.terrain)) for a, b in pairs]


def check_chain(chain: Sequence[Step]) -> Closure:
    """The identity change(a, c) = change(a, b) + change(b, c), cell by cell.

    Parameters
    ----------
    chain
        Steps that follow each other, as ``steps`` gives them.

    Raises
    ------
    ParameterError
        When a step does not begin where the one before it ended.
    """
    for one, other in pairwise(chain):
        if one.after is not other.before:
            raise ParameterError(
                f"chain: a step ends at {one.after.name} and the next begins at {other.before.name}; expected a chain",
                f"連続しない時期です ({one.after.name} の次が {other.before.name})。時期を順に並べてください。",
                value=[one.after.name, other.before.name],
            )
    whole = difference(chain[0].before.terrain, chain[-1].after.terrain).values
    total = np.sum([s.change.values for s in chain], axis=0)
    gap = np.abs(whole - total)[np.isfinite(total)]
    is_open = np.isfinite(whole) & ~np.isfinite(total)
    return Closure(float(gap.max()) if gap.size else 0.0, int(np.count_nonzero(is_open)))


def fill_ledger(before: Raster, filled: Raster, after: Raster, outline: Polygon | MultiPolygon) -> FillLedger:
    """What was placed, what moved and what is left of a fill, inside its outline.

    Only cells with ground at all three epochs count, so that the amounts belong together.

    Parameters
    ----------
    before, filled, after
        Terrains before the fill, with it, and after it moved, on one grid.
    outline
        The fill's outline.

    References
    ----------
    The question of Atami-Izusan, 2021: 56,000 m3 placed, 58,000 m3 moved, 21,500 m3 left (Geospatial Information
    Authority of Japan, 2021-07-12), although the net from before the fill to after the flow is near zero.
    """
    known = np.isfinite(before.values) & np.isfinite(filled.values) & np.isfinite(after.values)

    def inside(one: Raster, other: Raster) -> Volume:
        change = difference(one, other)
        return zone_volume(Raster(np.where(known, change.values, np.nan), change.grid), outline)

    placed, moved, residual = inside(before, filled).fill_m3, inside(filled, after).cut_m3, inside(before, after)
    return FillLedger(placed, moved, residual.fill_m3, moved - (placed - residual.fill_m3), residual.net_m3)
