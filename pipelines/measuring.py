"""Measurements on a survey's ground, JSON-ready: what ``tengun measure`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely

from pipelines.evidence import crs_name, software
from pipelines.section_ground import Epoch, ground_near
from pointcloud.dimensions import ClassCode
from pointcloud.errors import GeometryError, InputError, ParameterError
from pointcloud.io.survey import Survey, open_survey
from pointcloud.io.vector import Zone, read_zones
from pointcloud.sections import measure
from pointcloud.sections.line import CentreLine
from pointcloud.sections.reading import read_lines

_STEP = 0.5  # metres between the places of a wire that are looked at


def measured(
    files: Sequence[Path],
    places: Sequence[tuple[float, float]],
    line: Path | None,
    polygon: Path | None,
    wire: Path | None,
    wires: bool,
    ground: Literal["classify", "file"],
    max_gap: float,
    crs: str | None,
    road_width: float | None = None,
) -> dict[str, Any]:
    """Results of everything asked for, schema ``tengun/measure/1``.

    Parameters
    ----------
    files
        Tiles of one survey.
    places
        Easting and northing of heights.
    line, polygon, wire
        Files: lines for length and slope, polygons for areas, 3-D lines for clearance.
    wires
        Whether the clearance under the points of class 14 is asked for.
    ground, max_gap, crs
        As the cross-sections' parameters.
    road_width
        Metres; with it the lines' 横断勾配 is given too.

    Raises
    ------
    ParameterError
        When nothing is asked for.
    TengunError
        When an input cannot be used.
    """
    survey = open_survey(files, crs)
    lines = read_lines(line, survey.crs) if line else ()
    zones = read_zones(polygon, survey.crs) if polygon else ()
    cables = {c.name: _wire_points(c) for c in read_lines(wire, survey.crs)} if wire else {}
    if not (places or lines or zones or cables or wires):
        raise ParameterError(
            "measure: nothing to measure; give --at, --line, --polygon, --wire or --wires",
            "計測する対象がありません。--at、--line、--polygon、--wire、--wires のいずれかを指定してください。",
        )
    shape = _shape(survey, places, lines, zones, cables, wires)
    near = max(2.0 * max_gap, 5.0, road_width or 0.0)
    epoch = ground_near("survey", survey, shape, near, ground, max_gap)
    if wires:
        own = epoch.classes == ClassCode.WIRE
        if not own.any():
            raise InputError(
                "measure: --wires asks for points of class 14 (wire), and the survey has none; give the wire as a 3-D "
                "line with --wire, or classify its points",
                "--wires は分類 14 (架空線) の点を使いますが、点群にありません。--wire で 3 次元の線を指定するか、"
                "架空線の点を分類してください。",
                field="wires",
            )
        cables["class 14"] = np.column_stack((epoch.cloud.x[own], epoch.cloud.y[own], epoch.cloud.z[own]))
    return {
        "schema": "tengun/measure/1",
        "crs": crs_name(survey.crs),
        "vertical_datum": str(survey.vertical_datum),
        "results": list(_results(epoch, places, lines, zones, cables, road_width)),
        "notes": [note.as_dict() for note in epoch.notes],
        "software": software(),
    }


def _shape(
    survey: Survey,
    places: Sequence[tuple[float, float]],
    lines: Sequence[CentreLine],
    zones: Sequence[Zone],
    cables: dict[str, np.ndarray[Any, np.dtype[np.float64]]],
    wires: bool,
) -> shapely.Geometry:
    """Where points are needed."""
    if wires:
        return shapely.box(*survey.bounds.as_tuple())
    shapes: list[Any] = [shapely.Point(place) for place in places] + [zone.polygon for zone in zones]
    for one in lines:
        x, y, _ = one.at(one.dense(0.0, one.length, 0.1))
        shapes.append(shapely.linestrings(np.column_stack((x, y))))
    shapes += [shapely.linestrings(points[:, :2]) for points in cables.values()]
    return shapely.union_all(np.array(shapes, dtype=object))


def _wire_points(line: CentreLine) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Places of a 3-D line every half metre, shape (n, 3)."""
    if line.heights is None:
        raise GeometryError(
            f"wire '{line.name}': it has no heights; give a 3-D line",
            f"架空線「{line.name}」に標高がありません。3 次元の線を指定してください。",
            line=line.name,
        )
    s = np.union1d(np.arange(0.0, line.length, _STEP), line.heights[:, 0])
    x, y, _ = line.at(s)
    return np.column_stack((x, y, np.interp(s, line.heights[:, 0], line.heights[:, 1])))


def _crossfall(epoch: Epoch, line: CentreLine, width: float) -> dict[str, Any]:
    """Medians of both sides, and each place."""
    rows = measure.crossfalls(epoch.surface, line, width)
    sides = [[v for r in rows if (v := getattr(r, side)) is not None] for side in ("left", "right")]
    left, right = (float(np.median(values)) if values else None for values in sides)
    places = [{"chainage_m": r.chainage, "left_percent": r.left, "right_percent": r.right} for r in rows]
    return {"kind": "crossfall", "name": line.name, "left_percent": left, "right_percent": right, "places": places}


def _results(
    epoch: Epoch,
    places: Sequence[tuple[float, float]],
    lines: Sequence[CentreLine],
    zones: Sequence[Zone],
    cables: dict[str, np.ndarray[Any, np.dtype[np.float64]]],
    road_width: float | None,
) -> Iterator[dict[str, Any]]:
    for east, north in places:
        height = epoch.surface.height_at(east, north)
        yield {"kind": "height", "name": f"{east:.3f},{north:.3f}", "height_m": None if np.isnan(height) else height}
    for line in lines:
        found = asdict(measure.length(epoch.surface, line))
        metres = {f"{k}_m": found.pop(k) for k in ("plan", "surface", "covered", "rise")}
        yield {"kind": "length", "name": line.name, **metres, **found}
        if road_width is not None:
            yield _crossfall(epoch, line, road_width)
    for zone in zones:
        area = measure.area(epoch.surface, zone.polygon)
        yield {"kind": "area", "name": zone.name, "plan_m2": area.plan, "surface_m2": area.surface,
               "void_m2": area.void, "perimeter_m": area.perimeter}  # fmt: skip
    others = ~np.isin(epoch.classes, (ClassCode.WIRE, ClassCode.LOW_NOISE, ClassCode.HIGH_NOISE))
    cloud = epoch.cloud
    for name, wire in cables.items():
        ground = measure.clearance_over_ground(epoch.surface, wire)
        objects = measure.clearance_over_objects(wire, cloud.x[others], cloud.y[others], cloud.z[others])
        yield {"kind": "clearance", "name": name, "over_ground_m": ground.height, "over_ground_at": ground.place,
               "over_objects_m": objects.height, "over_objects_at": objects.place}  # fmt: skip
