"""土量変化率: what a measured volume becomes when it is dug loose and when it is compacted.

The volume between two surveys of ground is geometric: cut is ground in its natural state (地山), as it lay. The ratios
are L = loose / bank and C = compacted / bank. Values measured on site take precedence; losses are not included.
"""

from __future__ import annotations

import csv
import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from pointcloud.errors import ParameterError


class State(StrEnum):
    """Of what a volume is measured: natural ground, loosened, or compacted."""

    BANK = "bank"
    LOOSE = "loose"
    COMPACTED = "compacted"


@dataclass(frozen=True, slots=True)
class Swell:
    """A soil class and its ratios to the bank state, with where they come from."""

    id: str
    name_ja: str
    name_en: str
    loose: float
    compacted: float
    source: str
    status: str

    def __post_init__(self) -> None:
        for name, ratio in (("loose", self.loose), ("compacted", self.compacted)):
            if not (math.isfinite(ratio) and ratio > 0.0):
                raise ParameterError(
                    f"soil class {self.id}: {name} ratio {ratio}; expected a positive number (usually 0.9 to 1.7)",
                    f"土質 {self.id} の土量変化率 {ratio} が不正です。正の値 (通常 0.9~1.7) を指定してください。",
                    field=name,
                    value=ratio,
                )


@dataclass(frozen=True, slots=True)
class SoilVolumes:
    """One amount of soil in its three states, m3."""

    soil: Swell
    bank_m3: float
    loose_m3: float
    compacted_m3: float

    def trucks(self, capacity_m3: float) -> int:
        """Loads of a truck that takes ``capacity_m3`` of loose soil.

        Raises
        ------
        ParameterError
            When the capacity is not positive.
        """
        if not capacity_m3 > 0.0:
            raise ParameterError(
                f"truck capacity {capacity_m3} m3; expected a positive volume of loose soil",
                f"運搬車の積載土量 {capacity_m3} m3 が不正です。ほぐした土量で正の値を指定してください。",
                value=capacity_m3,
            )
        # a load that is full to rounding needs no second truck
        return math.ceil(self.loose_m3 / capacity_m3 * (1.0 - 1e-12))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded."""
        return asdict(self)


@cache
def soil_classes() -> dict[str, Swell]:
    """The table, by id."""
    text = resources.files("pointcloud.change.tables").joinpath("swell.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    ratios = ("loose", "compacted")
    found = [Swell(**{k: float(v) if k in ratios else v for k, v in row.items()}) for row in rows]  # type: ignore[arg-type]
    return {soil.id: soil for soil in found}


def soil_class(name: str) -> Swell:
    """A soil class by its id.

    Raises
    ------
    ParameterError
        When the table has no such class.
    """
    classes = soil_classes()
    if name not in classes:
        raise ParameterError(
            f"soil class '{name}' is not in the table; there are {', '.join(classes)}",
            f"土質 '{name}' は表にありません。使用できるのは {', '.join(classes)} です。",
            value=name,
            candidates=list(classes),
        )
    return classes[name]


def in_all_states(volume_m3: float, soil: Swell, state: State = State.BANK) -> SoilVolumes:
    """A volume in its three states.

    Parameters
    ----------
    volume_m3
        At least zero.
    soil
        From ``soil_class``, or measured on site.
    state
        Of what the volume is measured; cut between two surveys is bank.

    Raises
    ------
    ParameterError
        When the volume is negative or not finite.
    """
    if not (math.isfinite(volume_m3) and volume_m3 >= 0.0):
        raise ParameterError(
            f"soil volume {volume_m3} m3; expected zero or more",
            f"土量 {volume_m3} m3 が不正です。0 以上の値を指定してください。",
            value=volume_m3,
        )
    ratio = {State.BANK: 1.0, State.LOOSE: soil.loose, State.COMPACTED: soil.compacted}[state]
    bank = volume_m3 / ratio
    return SoilVolumes(soil, bank, bank * soil.loose, bank * soil.compacted)
