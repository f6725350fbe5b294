"""The steps of cross-sections: surveys opened, line and stations chosen, points sliced, volumes reconciled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evidence import crs_name
from pointcloud.bounds import Bounds
from pointcloud.change.datum import HeightSystem, check_heights
from pointcloud.crs import is_same
from pointcloud.drawing.sheet import named_layers
from pointcloud.errors import CrsError, ParameterError
from pointcloud.grid import Grid
from pointcloud.io.survey import Survey, open_survey
from pointcloud.notes import Note
from pointcloud.sections.corridor import footprint
from pointcloud.sections.cut import SectionLine, Surface
from pointcloud.sections.line import CentreLine
from pointcloud.sections.place import PointIndex
from pointcloud.sections.reading import read_lines
from pointcloud.sections.series import TOP, Series, checked_pair
from pointcloud.sections.slice import Slice, heights_on, take
from pointcloud.sections.stations import Extra, Station, Stations, distances_of, lay_out

if TYPE_CHECKING:
    from pipelines.processes.sections import SectionParameters
    from pipelines.section_ground import Epoch

Floats = NDArray[np.float64]

GRID_CELL = 0.5
"""Metres of a cell of the grid volume that the sections' volume is held against."""

EARLIER = ("epoch_1", "epoch_2", "epoch_3", "epoch_4", "before")
"""Inputs of earlier surveys, oldest first."""


def open_surveys(
    inputs: Mapping[str, Sequence[Path]], parameters: SectionParameters
) -> tuple[dict[str, Survey], tuple[Note, ...]]:
    """The surveys by name, oldest first, in one horizontal CRS, and what is to be known about their heights.

    A single one is called ``survey``; with earlier ones the last is ``after``.

    Raises
    ------
    CrsError
        When reference or height systems differ.
    """
    later = open_survey(inputs["survey"], parameters.crs)
    found = {name: open_survey(inputs[name], parameters.crs) for name in EARLIER if inputs.get(name)}
    for name, survey in found.items():
        if not is_same(survey.crs, later.crs):
            names = crs_name(survey.crs), crs_name(later.crs)
            raise CrsError(
                f"sections: {name} is in {names[0]}, the survey in {names[1]}; bring both into one reference system",
                f"点群の座標参照系が異なります ({name} {names[0]}、survey {names[1]})。同じ座標系に変換してください。",
                value=list(names),
            )
    found["after" if found else "survey"] = later
    notes: dict[str, Note] = {}
    for a, b in pairwise(found.values()):
        systems = HeightSystem(a.vertical_datum), HeightSystem(b.vertical_datum)
        notes |= {n.code: n for n in check_heights(*systems, is_same_stated=parameters.same_heights)}
    return found, tuple(notes.values())


def chosen_line(path: Path, parameters: SectionParameters, crs: Any) -> CentreLine:
    """The line to cut along, turned and with its start station as asked.

    Raises
    ------
    ParameterError
        When the file has several lines and none, or a wrong one, is named.
    """
    lines = read_lines(path, crs)
    names = [line.name for line in lines]
    wanted = [line for line in lines if parameters.line_name in (None, line.name)]
    if len(wanted) != 1:
        raise ParameterError(
            f"sections: {path.name} has {len(lines)} lines ({', '.join(names[:10])}); line_name = "
            f"{parameters.line_name!r} fits {len(wanted)}; name one",
            f"{path.name} に線が {len(lines)} 本あります ({', '.join(names[:10])})。"
            "line_name で 1 本を指定してください。",
            field="line_name",
            candidates=names,
        )
    line = wanted[0].reversed() if parameters.reverse else wanted[0]
    return line if parameters.start is None else replace(line, start=parameters.start)


def chosen_stations(line: CentreLine, parameters: SectionParameters) -> Stations:
    """Where sections are cut.

    Raises
    ------
    ParameterError
        When a given station is not on the line, none is given where only given ones are cut, or `lay_out` refuses.
    """
    if parameters.only_given and not parameters.stations:
        raise ParameterError(
            "sections: only given stations were to be cut, and none is given; name some, or cut regular ones",
            "指定測点のみを切る設定ですが、測点が指定されていません。測点を指定するか、等間隔の測点を切ってください。",
            field="stations",
        )
    extra = []
    for given in parameters.stations:
        places = distances_of(line, given.chainage, parameters.interval)
        if not places:
            raise ParameterError(
                f"sections: no place '{given.chainage}' on line '{line.name}', which runs from "
                f"{line.chainage(0.0):.3f} to {line.chainage(line.length):.3f} m; give a chainage in metres, a peg "
                "such as No.3+12.345, BP, EP or a name of the line's points",
                f"「{given.chainage}」は線「{line.name}」の範囲 "
                f"{line.chainage(0.0):.3f}~{line.chainage(line.length):.3f} m にありません。追加距離 (m)、"
                "No.3+12.345 のような杭、BP・EP、主要点名で指定してください。",
                field="stations",
                value=given.chainage,
            )
        extra += [Extra(d, given.name, given.skew, given.left, given.right) for d in places]
    return lay_out(
        line, parameters.interval, parameters.left, parameters.right, skew=parameters.skew, extra=extra,
        regular=not parameters.only_given,
    )  # fmt: skip


def check_names(parameters: SectionParameters, surveys: Sequence[str], *, has_design: bool) -> None:
    """Refuse labels, layers and pairs of what is not there, before anything is read.

    Raises
    ------
    ParameterError
        Naming them, and what there is.
    """
    names = [*surveys, *(["design"] if has_design else [])]
    unknown = [name for name in parameters.labels if name not in names]
    if unknown:
        raise ParameterError(
            f"sections: labels for {', '.join(unknown)}; what is drawn here is {', '.join(names)}; label one of these",
            f"凡例名の対象 {', '.join(unknown)} はありません。指定できるのは {', '.join(names)} です。",
            field="labels",
            value=unknown,
            candidates=list(names),
        )
    checked_pair(parameters.between, names, [name + TOP for name in surveys] if parameters.surface_line else ())
    named_layers(parameters.cad_layers)


class Slicer:
    """Gives the points of a survey near a station's plane.

    Parameters
    ----------
    epochs
        The surveys near the line.
    thickness
        Metres of a slice.
    """

    def __init__(self, epochs: Sequence[Epoch], thickness: float) -> None:
        self._epochs = {e.name: e for e in epochs}
        self._indices = {e.name: PointIndex(e.cloud.x, e.cloud.y, 2.0) for e in epochs}
        self._half = thickness / 2.0

    def __call__(self, name: str, station: Station, line: SectionLine) -> Slice:
        """The slice of survey ``name`` about its section line."""
        numbers, along, beside = self._indices[name].near(station.segment, self._half)
        inside = (along >= 0.0) & (along <= station.left + station.right)
        numbers, offset, beside = numbers[inside], along[inside] - station.left, beside[inside]
        epoch = self._epochs[name]
        rise = self._rise(epoch.surface, station, line, offset, beside)
        return take(offset, epoch.cloud.z[numbers], epoch.classes[numbers], line, 2.0 * self._half, rise=rise)

    def _rise(self, ground: Surface, station: Station, line: SectionLine, offset: Floats, beside: Floats) -> Floats:
        """How much higher the ground is beside the plane than in it, from its lines at both faces of the slice."""
        middle, rise = heights_on(line, offset), np.zeros(offset.size)
        for side in (-1.0, 1.0):  # beside is positive to the left of left-to-right: towards the line's end
            step = side * self._half
            own = beside * side > 0.0
            face = heights_on(ground.cut(station.moved(step)), offset[own]) - middle[own]
            rise[own] = np.where(np.isfinite(face), face, 0.0) * np.abs(beside[own]) / self._half
        return rise


def reconcile(series: Series, surfaces: Mapping[str, Surface]) -> dict[str, Any]:
    """The sections' volume held against the grid volume of the same ground, and what explains the difference.

    What the prismoidal rule gives more than the mean of end areas comes from the spacing of the sections; the rest
    from the grid, from gaps, and from ground between the sections.
    """
    from pointcloud.change.difference import difference  # not needed for a single survey
    from pointcloud.change.volume import zone_volume

    area = footprint(series.line, [s.station for s in series.sections])
    if series.pair is None or area.is_empty:
        return {}
    bounds = Bounds(*area.bounds)
    cell = max(GRID_CELL, round((bounds.area / 25_000_000) ** 0.5, 1))
    grid = Grid.covering(bounds, cell)
    before, after = (surfaces[name].on_grid(grid) for name in series.pair)
    on_grid = zone_volume(difference(before, after), area)
    total = series.total
    record: dict[str, Any] = {"cell_m": cell, "area_m2": on_grid.area_m2, "void_area_m2": on_grid.void_area_m2}
    for kind, of_grid in (("cut", on_grid.cut_m3), ("fill", on_grid.fill_m3)):
        mean, curve, prismoidal = (getattr(total, kind + suffix) for suffix in ("", "_curve", "_prismoidal"))
        record[kind] = {
            "grid_m3": of_grid,
            "average_end_area_m3": mean,
            "difference_m3": mean - of_grid,
            "explained_by_curve_m3": mean - curve,
            "explained_by_spacing_m3": curve - prismoidal,
            "rest_m3": prismoidal - of_grid,
        }
    return record
