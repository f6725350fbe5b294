"""The numbers of ``volume-change``: difference, volumes with their account, methods side by side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from shapely import LineString

from pipelines.engine import SurveySurfaces
from pipelines.evidence import crs_name, software, survey_record
from pipelines.processes.volume_comparison import Comparison, compare
from pipelines.processes.volume_inputs import Given, check_zones
from pipelines.processes.volume_material import Material, material
from pipelines.processes.volume_parameters import VolumeParameters
from pointcloud.change.align import Alignment
from pointcloud.change.methods import side_by_side
from pointcloud.grid import Raster
from pointcloud.ground.surface import Tin
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
        "every cell stand in volume.json under account.raw",
        "ja": "変化が確実な範囲の土量から測定誤差による水増し分を除いた値。"
        "全格子の単純合計は volume.json の account.raw",
    },
    "zones": {
        "en": "All cells of the zone; the net is the plain net, cut and fill are without the share that noise adds",
        "ja": "区域内の全格子。差引は単純合計、切土・盛土は測定誤差による水増し分を除いた値",
    },
}

STATE = {
    "en": "Geometric volume of ground as it lies (bank state); loose and compacted volumes stand under material.soil",
    "ja": "地山の幾何体積。ほぐし・締固め土量は material.soil (土量変化率を指定した場合)",
}
WHOLE = "total"
"""Name of the whole where no zone is given."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One survey with its surfaces.

    Parameters
    ----------
    name, survey, surfaces
        What it is called, where it comes from, and what was made of it.
    rise_m
        Mean of what a height correction added, None where there was none.
    tin
        Triangulation of the terrain, None before there is one.
    """

    name: str
    survey: Survey
    surfaces: SurveySurfaces
    rise_m: float | None = None
    tin: Tin | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that the outputs are written from.

    Parameters
    ----------
    given
        The inputs.
    epochs
        Before, and after as aligned.
    alignment
        What was found between them, and taken out.
    compared
        Difference, error model and volumes.
    methods
        JSON-ready, by zone; under ``WHOLE`` where there is no zone.
    material
        Patches and what follows from them.
    notes
        What a user should know, of inputs and comparison.
    """

    given: Given
    epochs: tuple[Epoch, Epoch]
    alignment: Alignment
    compared: Comparison
    methods: dict[str, Any]
    material: Material
    notes: tuple[Note, ...]

    def summary(self, parameters: VolumeParameters) -> dict[str, Any]:
        """Content of volume.json."""
        compared = self.compared
        dates = {"before": parameters.before_date, "after": parameters.after_date}
        return {
            "schema": "tengun/volume/1",
            "epochs": [epoch_record(e, dates[e.name]) for e in self.epochs],
            "inputs": self.given.records,
            "crs": crs_name(self.epochs[0].survey.crs),
            "alignment": self.alignment.as_dict(),
            "cell_m": compared.change.grid.cell,
            "total": compared.total,
            "zones": [{"name": zone.name, **volume, "outline": outline(zone)} for zone, volume in compared.zones],
            "methods": self.methods,
            "material": self.material.as_dict(parameters),
            "uncertainty": None if compared.error is None else compared.error.as_dict(),
            "headline": HEADLINE,
            "sign": SIGN,
            "state": STATE,
            "notes": [note.as_dict() for note in self.notes],
            "parameters": parameters.model_dump(mode="json"),
            "software": software(),
        }


def measure(given: Given, epochs: tuple[Epoch, Epoch], alignment: Alignment, parameters: VolumeParameters) -> Result:
    """Difference, volumes and intervals of two epochs on one grid.

    Raises
    ------
    OverlapError
        When no cell, or none of a zone, has a terrain in both surveys.
    """
    early, late = epochs[0].surfaces, epochs[1].surfaces
    compared = compare(early, late, alignment.left, given.zones)
    change = compared.change
    methods = _methods(change, epochs, given, parameters.end_area_interval)
    found = material(change, compared.error, compared.total, compared.named_zones(), given.stream, parameters)
    notes = given.notes + check_zones(given.zones, change.grid) + compared.notes
    return Result(given, epochs, alignment, compared, methods, found, notes)


def _methods(change: Raster, epochs: tuple[Epoch, Epoch], given: Given, interval: float) -> dict[str, Any]:
    """Each zone by every method; without zones the whole, by those that need no outline of what was surveyed."""
    if not given.zones:
        whole = shapely.box(*change.grid.bounds.as_tuple())
        return {WHOLE: side_by_side(change, whole, None, given.line, interval)}
    before, after = (epoch.tin for epoch in epochs)
    tins = None if before is None or after is None else (before, after)
    return {
        zone.name: side_by_side(change, zone.polygon, tins, _line_of(zone, given.line), interval)
        for zone in given.zones
    }


def _line_of(zone: Zone, line: LineString | None) -> LineString | None:
    """The line given, for a zone that it crosses; others get an axis of their own."""
    return line if line is not None and line.intersects(zone.polygon) else None


def epoch_record(epoch: Epoch, surveyed: date | None) -> dict[str, Any]:
    """What is known of an epoch's files, heights, points and ground, JSON-ready."""
    return {
        "name": epoch.name,
        "surveyed": None if surveyed is None else surveyed.isoformat(),
        **survey_record(epoch.survey),
        "height_correction_m": epoch.rise_m,
        "points": epoch.surfaces.counts,
        "ground": epoch.surfaces.ground,
    }


def outline(zone: Zone) -> dict[str, Any]:
    """Area of a zone, and a digest by which another result can tell whether it is the same."""
    digest = hashlib.sha256(shapely.to_wkb(zone.polygon.normalize(), byte_order=1)).hexdigest()
    return {"area_m2": float(zone.polygon.area), "sha256": digest}
