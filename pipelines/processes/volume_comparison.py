"""Two epochs on one grid held against each other: difference, error model, volumes of the whole and of zones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.engine import SurveySurfaces
from pointcloud.change.difference import difference
from pointcloud.change.sigma import survey_quality
from pointcloud.change.stable import mean_slope
from pointcloud.change.uncertainty import ErrorModel, cover_bias, error_model, total_budget, zone_budget
from pointcloud.change.volume import total_volume, zone_volume
from pointcloud.errors import InputError, OverlapError
from pointcloud.grid import Raster
from pointcloud.io.vector import Zone
from pointcloud.notes import Note


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two epochs say about the ground between them.

    Parameters
    ----------
    change
        After minus before in metres, NaN where void.
    error
        What the intervals rest on, or None where there is too little stable ground to learn from.
    total, zones
        JSON-ready volumes; ``zones`` beside the polygons.
    notes
        What a user should know.
    """

    change: Raster
    error: ErrorModel | None
    total: dict[str, Any]
    zones: list[tuple[Zone, dict[str, Any]]]
    notes: tuple[Note, ...]

    def named_zones(self) -> list[dict[str, Any]]:
        """The zones' volumes with their names, JSON-ready."""
        return [{"name": zone.name, **volume} for zone, volume in self.zones]


def compare(
    early: SurveySurfaces, late: SurveySurfaces, left: NDArray[np.float64] | None, zones: Sequence[Zone]
) -> Comparison:
    """Difference, volumes and intervals of two epochs.

    Parameters
    ----------
    early, late
        On one grid, aligned.
    left
        (east, north, up): what alignment may have left, metres; None where nothing was aligned.
    zones
        Each gets a volume of its own.

    Raises
    ------
    OverlapError
        When no cell, or none of a zone, has a terrain in both surveys.
    """
    change = difference(early.terrain, late.terrain)
    if not np.isfinite(change.values).any():
        raise _nothing_in_common("the common area", "共通範囲")
    error, doubts = _errors(change, early, late, left)
    is_surveyed = early.is_surveyed & late.is_surveyed
    if error is None:
        total: dict[str, Any] = total_volume(change, is_surveyed).as_dict()
        volumes = [(zone, zone_volume(change, zone.polygon).as_dict()) for zone in zones]
    else:
        total = total_budget(change, is_surveyed, error).as_dict()
        volumes = [(zone, zone_budget(change, zone.polygon, error).as_dict()) for zone in zones]
    for zone, volume in volumes:
        if not volume["area_m2"] > 0.0:
            raise _nothing_in_common(f"zone '{zone.name}'", f"区域「{zone.name}」")
    return Comparison(change, error, total, volumes, doubts)


def _errors(
    change: Raster, early: SurveySurfaces, late: SurveySurfaces, left: NDArray[np.float64] | None
) -> tuple[ErrorModel | None, tuple[Note, ...]]:
    """The error model; where too little stable ground is there to learn one from, a note says so."""
    with ThreadPoolExecutor(2) as pool:
        later = pool.submit(survey_quality, late.key_points, late.terrain, late.confidence)
        cover = pool.submit(cover_bias, early.top, early.terrain, late.top, late.terrain)
        quality = survey_quality(early.key_points, early.terrain, early.confidence)
        slope = mean_slope(early.terrain, late.terrain)
    try:
        return error_model(change, quality, later.result(), slope, left, cover.result()), ()
    except InputError as error:
        return None, (_no_intervals(error.en),)


def _no_intervals(reason: str) -> Note:
    return Note(
        "no-intervals",
        f"no intervals: {reason}; the volumes are plain sums over all cells",
        "不動域が足りないため信頼区間を求めていません。土量は全格子の単純合計です。",
    )


def _nothing_in_common(en: str, ja: str) -> OverlapError:
    return OverlapError(
        f"volume: no cell of {en} has a terrain in both surveys; check that both cover it with ground points, or raise "
        "max_gap",
        f"{ja}に、前後両方の地形がある格子がありません。両方の測量が地盤点で覆っているか確認するか、max_gap を"
        "大きくしてください。",
    )
