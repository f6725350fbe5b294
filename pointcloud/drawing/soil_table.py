"""土量変化率: bank, loose and compacted volumes as they are printed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointcloud.sections.rounding import half_up


@dataclass(frozen=True, slots=True)
class SoilRow:
    """One volume of a zone (None: the whole), to 1 m3, each figure from the one printed before it."""

    zone: str | None
    kind: str
    bank: Decimal
    loose: Decimal
    compacted: Decimal
    trucks: int | None


def soil_table(soil: Mapping[str, Any]) -> list[SoilRow]:
    """The rows of ``material.soil`` of volume.json."""
    loose, compacted = (Decimal(repr(soil["class"][name])) for name in ("loose", "compacted"))
    capacity = soil["truck_m3"]
    rows = []
    for row in soil["volumes"]:
        bank = half_up(row["bank_m3"], 0)
        volume = half_up(bank * loose, 0)
        trucks = None if capacity is None else math.ceil(volume / Decimal(repr(capacity)))
        rows.append(SoilRow(row["zone"], row["kind"], bank, volume, half_up(bank * compacted, 0), trucks))
    return rows
