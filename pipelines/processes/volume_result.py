"""The numbers of ``volume-change``: difference, volumes with their account, methods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.engine import SurveySurfaces
from pipelines.evidence import crs_name, software, survey_record
from pipelines.process import Parameters
from pointcloud.change.align import Alignment
from pointcloud.change.difference import difference
from pointcloud.change.methods import side_by_side
from pointcloud.change.sigma import survey_quality
from pointcloud.change.stable import mean_slope
from pointcloud.change.uncertainty import ErrorModel, cover_bias, error_model, total_budget, zone_budget
from pointcloud.change.volume import total_volume, zone_volume
from pointcloud.errors import InputError
from pointcloud.grid import Raster
from pointcloud.ground.surface import triangulate
from pointcloud.io.survey import Survey
from pointcloud.io.vector import Zone
from pointcloud.notes import Note

SIGN = {
    "en": "fill (+) where after is higher than before; cut and fill are positive, net = fill - cut",
    "ja": "盛土 (+) = 変化後が高い。切土・盛土は正の値、差引 = 盛土 − 切土",
}
HEADLINE = {
    "total": {
        "en": "Ground where change is certain, without the share that noise adds to cut and fill; the plain sums over "
        "every cell stand under account.raw",
        "ja": "変化が確実な範囲の土量から測定誤差による水増し分を除いた値。全格子の単純合計は account.raw",
    },
    "zones": {
        "en": "All cells of the zone; the net is the plain net, cut and fill are without the share that noise adds",
        "ja": "区域内の全格子。差引は単純合計、切土・盛土は測定誤差による水増し分を除いた値",
    },
}


@dataclass(frozen=True, slots=True)
class Epoch:
    """One survey with its surfaces."""

    name: str
    survey: Survey
    surfaces: SurveySurfaces


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that the outputs are written from.

    Parameters
    ----------
    epochs
        Before, and after as aligned.
    change
        After minus before in metres, NaN where void.
    error
        What the intervals rest on, or None where there is too little stable ground to learn from.
    total, zones
        JSON-ready volumes; ``zones`` beside the polygons.
    """

    epochs: tuple[Epoch, Epoch]
    alignment: Alignment
    change: Raster
    error: ErrorModel | None
    total: dict[str, Any]
    zones: list[tuple[Zone, dict[str, Any]]]
    methods: dict[str, Any]
    notes: tuple[Note, ...]

    def summary(self, parameters: Parameters) -> dict[str, Any]:
        """Content of volume.json."""
        return {
            "schema": "tengun/volume/1",
            "epochs": [
                {"name": e.name, **survey_record(e.survey), "points": e.surfaces.counts, "ground": e.surfaces.ground}
                for e in self.epochs
            ],
            "crs": crs_name(self.epochs[0].survey.crs),
            "alignment": self.alignment.as_dict(),
            "cell_m": self.change.grid.cell,
            "total": self.total,
            "zones": [{"name": zone.name, **volume} for zone, volume in self.zones],
            "methods": self.methods,
            "uncertainty": None if self.error is None else self.error.as_dict(),
            "headline": HEADLINE,
            "sign": SIGN,
            "notes": [note.as_dict() for note in self.notes],
            "parameters": parameters.model_dump(mode="json"),
            "software": software(),
        }


def measure(
    before: Epoch, after: Epoch, alignment: Alignment, zones: Sequence[Zone], notes: tuple[Note, ...]
) -> Result:
    """Difference, volumes and intervals of two epochs on one grid; ``notes`` are those of the inputs."""
    early, late = before.surfaces, after.surfaces
    change = difference(early.terrain, late.terrain)
    error, doubts = _errors(change, early, late, alignment)
    is_surveyed = early.is_surveyed & late.is_surveyed
    tins = tuple(triangulate(p.x, p.y, p.z) for p in (early.key_points, late.key_points)) if zones else None
    methods = {zone.name: side_by_side(change, zone.polygon, (tins[0], tins[1])) for zone in zones if tins}
    if error is None:
        total: dict[str, Any] = total_volume(change, is_surveyed).as_dict()
        volumes = [(zone, zone_volume(change, zone.polygon).as_dict()) for zone in zones]
    else:
        total = total_budget(change, is_surveyed, error).as_dict()
        volumes = [(zone, zone_budget(change, zone.polygon, error).as_dict()) for zone in zones]
    return Result((before, after), alignment, change, error, total, volumes, methods, notes + doubts)


def _errors(
    change: Raster, early: SurveySurfaces, late: SurveySurfaces, alignment: Alignment
) -> tuple[ErrorModel | None, tuple[Note, ...]]:
    """The error model; where too little stable ground is there to learn one from, a note says so."""
    if not np.isfinite(change.values).any():
        return None, (_no_intervals("no cell has a terrain in both surveys"),)
    quality = [survey_quality(s.key_points, s.terrain) for s in (early, late)]
    cover = cover_bias(early.top, early.terrain, late.top, late.terrain)
    try:
        slope = mean_slope(early.terrain, late.terrain)
        return error_model(change, quality[0], quality[1], slope, alignment, cover), ()
    except InputError as error:
        return None, (_no_intervals(error.en),)


def _no_intervals(reason: str) -> Note:
    return Note(
        "no-intervals",
        f"no intervals: {reason}; the volumes are plain sums over all cells",
        "不動域が足りないため信頼区間を求めていません。土量は全格子の単純合計です。",
    )
