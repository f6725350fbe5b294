"""What became of a fill inside its outline: placed, moved, left, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pipelines.processes.volume_comparison import Comparison
from pointcloud.change.epochs import FillLedger, fill_ledger
from pointcloud.change.uncertainty import zone_budget
from pointcloud.change.volume import Volume
from pointcloud.grid import Raster

Names = tuple[str, str]


class Ledger:
    """The ledger of a fill, kept while the pairs of epochs are compared.

    Parameters
    ----------
    zone
        Name of its zone.
    outline
        The fill's outline.
    terrains
        Terrains before the fill, with it, and after it moved, by name, on one grid.
    """

    def __init__(self, zone: str, outline: Polygon | MultiPolygon, terrains: Mapping[str, Raster]) -> None:
        self._zone, self._outline, self._names = zone, outline, tuple(terrains)
        first, middle, last = terrains.values()
        self._plain: FillLedger = fill_ledger(first, middle, last, outline)
        self._known: NDArray[np.bool_] = np.all([np.isfinite(t.values) for t in terrains.values()], axis=0)
        self._volumes: dict[Names, Volume] = {}

    def add(self, names: Names, compared: Comparison) -> None:
        """Take the fill's part of a comparison, where it is one of the ledger's three.

        Cells without a terrain in any of the three epochs are left out, so that the amounts belong together.
        """
        if compared.error is None or names not in combinations(self._names, 2):
            return
        change = Raster(np.where(self._known, compared.change.values, np.nan), compared.change.grid)
        self._volumes[names] = zone_budget(change, self._outline, compared.error).volume

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded; without intervals, and plain, where a pair had too little stable ground."""
        plain = {"zone": self._zone, "epochs": list(self._names), "plain": self._plain.as_dict()}
        if len(self._volumes) < 3:
            nothing = dict.fromkeys(("placed_ci95_m3", "moved_ci95_m3", "residual_ci95_m3", "net_ci95_m3"))
            return {**plain, **self._plain.as_dict(), **nothing}
        first, middle, last = self._names
        placed, moved = self._volumes[first, middle], self._volumes[middle, last]
        left = self._volumes[first, last]
        return {
            **plain,
            "placed_m3": placed.fill_m3,
            "placed_ci95_m3": _listed(placed.fill_ci95_m3),
            "moved_m3": moved.cut_m3,
            "moved_ci95_m3": _listed(moved.cut_ci95_m3),
            "residual_m3": left.fill_m3,
            "residual_ci95_m3": _listed(left.fill_ci95_m3),
            "natural_m3": moved.cut_m3 - (placed.fill_m3 - left.fill_m3),
            "net_m3": left.net_m3,
            "net_ci95_m3": _listed(left.net_ci95_m3),
        }


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
