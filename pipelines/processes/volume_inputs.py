"""What ``volume-change`` is given, opened and held against each other before a point is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely import LineString

from pipelines.engine import SurveySurfaces, survey_grid
from pipelines.evidence import crs_name, sha256
from pointcloud.change.datum import HeightCorrection, HeightSystem, check_heights, read_correction
from pointcloud.change.difference import common_grid
from pointcloud.cloud import VerticalDatum
from pointcloud.crs import is_same
from pointcloud.errors import CrsError, GeometryError, InputError, OverlapError
from pointcloud.grid import Grid, Raster
from pointcloud.io.survey import Survey, open_survey
from pointcloud.io.vector import Zone, read_zones
from pointcloud.notes import Note
from pointcloud.sections.reading import read_lines

if TYPE_CHECKING:
    from pipelines.processes.volume_parameters import VolumeParameters

EXTRAS = ("zones", "stream", "line", "height_grid")
"""Inputs besides the surveys; their hashes stand in the result."""

LEAST_POINTS = 3
SHARE_OUTSIDE = 1e-3
"""Share of a zone outside the common area from which a note says so."""


@dataclass(frozen=True, slots=True)
class Given:
    """The inputs as they are worked with.

    Parameters
    ----------
    surveys
        Before and after; their heights refer to what the file or the user says, before any correction.
    correction, corrected
        Brings heights of JGD2011 to JGD2024, and the names of the surveys that it is for.
    zones, stream, line
        In the surveys' CRS; the line is that of the average end areas.
    records
        Name and SHA-256 of each further file.
    notes
        What a user should know.
    """

    surveys: dict[str, Survey]
    correction: HeightCorrection | None
    corrected: tuple[str, ...]
    zones: tuple[Zone, ...]
    stream: LineString | None
    line: LineString | None
    records: dict[str, list[dict[str, str]]]
    notes: tuple[Note, ...]


def open_given(inputs: Mapping[str, Sequence[Path]], parameters: VolumeParameters) -> Given:
    """The inputs, checked.

    Raises
    ------
    InputError
        Where one cannot be used, or they do not belong together.
    """
    surveys = {name: open_survey(inputs[name], parameters.crs) for name in ("before", "after")}
    check_same_crs(surveys)
    for name, survey in surveys.items():
        refuse_few(name, survey)
    stated = {"before": parameters.before_datum, "after": parameters.after_datum}
    surveys = {name: with_datum(name, survey, stated[name]) for name, survey in surveys.items()}
    crs = surveys["before"].crs
    correction = height_correction(inputs, crs)
    dates = {"before": parameters.before_date, "after": parameters.after_date}
    corrected, notes = reconcile_heights(surveys, dates, correction, is_same_stated=parameters.same_heights)
    zones, zone_notes = zones_of(inputs, crs)
    lines = {name: _line(inputs.get(name, ()), surveys["before"], name) for name in ("stream", "line")}
    return Given(
        surveys, correction, corrected, zones, lines["stream"], lines["line"],
        extra_records(inputs), notes + zone_notes,
    )  # fmt: skip


def zones_of(inputs: Mapping[str, Sequence[Path]], crs: CRS) -> tuple[tuple[Zone, ...], tuple[Note, ...]]:
    """The zones given, in ``crs``, and each of their notes once: what is true of a file stands at all of its zones."""
    zones = tuple(zone for path in inputs.get("zones", ()) for zone in read_zones(path, crs))
    return zones, tuple(dict.fromkeys(note for zone in zones for note in zone.notes))


def height_correction(inputs: Mapping[str, Sequence[Path]], crs: CRS) -> HeightCorrection | None:
    """The correction of the input ``height_grid``, where there is one.

    Raises
    ------
    FileError
        When it is no such grid.
    """
    grids = inputs.get("height_grid", ())
    if not grids or crs.geodetic_crs is None:
        return None
    return read_correction(grids[0], Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform)


def extra_records(inputs: Mapping[str, Sequence[Path]]) -> dict[str, list[dict[str, str]]]:
    """Name and SHA-256 of each file besides the surveys."""
    given = {name: inputs[name] for name in EXTRAS if inputs.get(name)}
    return {name: [{"name": p.name, "sha256": sha256(p)} for p in paths] for name, paths in given.items()}


def check_same_crs(surveys: Mapping[str, Survey]) -> None:
    """Refuse surveys in different horizontal systems.

    Raises
    ------
    CrsError
        Naming both.
    """
    (first, one), *others = surveys.items()
    for name, other in others:
        if not is_same(one.crs, other.crs):
            names = crs_name(one.crs), crs_name(other.crs)
            raise CrsError(
                f"volume: {first} is in {names[0]}, {name} in {names[1]}; bring both into one reference system first",
                f"前後の座標参照系が異なります ({first} {names[0]}、{name} {names[1]})。同じ座標系に変換してください。",
                value=list(names),
            )


def shared_grid(surveys: Mapping[str, Survey], cell: float) -> Grid:
    """The grid that all surveys cover.

    Raises
    ------
    OverlapError
        Naming the first survey that does not reach the others.
    """
    (first, survey), *others = surveys.items()
    grid = survey_grid(survey, cell)
    for name, other in others:
        grid = common_grid(grid, survey_grid(other, cell), (first, name))
        first = f"{first}, {name}"
    return grid


def with_datum(name: str, survey: Survey, stated: str | None) -> Survey:
    """The survey with the height system that the user states, where its files state none.

    Raises
    ------
    CrsError
        When the files state another one.
    """
    if stated is None or survey.vertical_datum == stated:
        return survey
    if survey.vertical_datum is not VerticalDatum.UNKNOWN:
        raise CrsError(
            f"volume: {name}: the files say that heights are {survey.vertical_datum}, the parameter says {stated}; "
            "leave the parameter out, or correct the files' headers",
            f"{name}: ファイルの高さの基準は {survey.vertical_datum} ですが、パラメータは {stated} です。"
            "パラメータを省略するか、ファイルのヘッダを修正してください。",
            field=f"{name}_datum",
            value=stated,
        )
    return replace(survey, vertical_datum=VerticalDatum(stated))


def corrected_surfaces(surfaces: SurveySurfaces, correction: HeightCorrection) -> SurveySurfaces:
    """Surfaces of JGD2011 with heights of JGD2024.

    Raises
    ------
    OverlapError
        When the correction does not reach.
    """
    grid = surfaces.terrain.grid
    x, y = grid.centres()
    rise = np.vstack([correction.at(x, np.full(x.size, north)) for north in y])
    points, ground = (correction.to_jgd2024(cloud) for cloud in (surfaces.key_points, surfaces.ground_points))
    terrain, top = (Raster(r.values + rise, grid) for r in (surfaces.terrain, surfaces.top))
    return replace(surfaces, terrain=terrain, top=top, key_points=points, ground_points=ground)


def check_zones(zones: Sequence[Zone], grid: Grid) -> tuple[Note, ...]:
    """Notes on zones that reach beyond the common area.

    Raises
    ------
    OverlapError
        For a zone that lies outside altogether.
    """
    notes, common = [], grid.bounds.as_tuple()
    for zone in zones:
        inside = zone.polygon.intersection(shapely.box(*common)).area
        if not inside > 0.0:
            raise OverlapError(
                f"volume: zone '{zone.name}' ({_extent(zone.polygon.bounds)}) lies outside the common area of the "
                f"surveys ({_extent(common)}); check its reference system, or leave it out",
                f"区域「{zone.name}」({_extent(zone.polygon.bounds)}) は前後の測量の共通範囲 "
                f"({_extent(common)}) の外です。座標系を確認するか、区域を除いてください。",
                value=zone.name,
            )
        share = 1.0 - inside / zone.polygon.area
        if share > SHARE_OUTSIDE:
            notes.append(_partly_outside(zone.name, share))
    return tuple(notes)


def refuse_bare(name: str, surfaces: SurveySurfaces) -> None:
    """Refuse a survey whose ground carries no surface.

    Raises
    ------
    InputError
        When it has too few ground points in the common area.
    """
    n = len(surfaces.key_points)
    if n < LEAST_POINTS or not np.isfinite(surfaces.terrain.values).any():
        raise InputError(
            f"volume: {name} has {n} ground points in the common area and no terrain there; expected at least "
            f"{LEAST_POINTS} that are not on one line; check that it is a survey of the ground of this place",
            f"{name} の共通範囲内の地盤点は {n} 点で、地形を作成できません。一直線上にない {LEAST_POINTS} 点以上が"
            "必要です。対象地の地盤を測った点群か確認してください。",
            value=n,
        )


def refuse_few(name: str, survey: Survey) -> None:
    """Refuse a survey that cannot carry a terrain.

    Raises
    ------
    InputError
        When it has fewer than three points.
    """
    if survey.n_points < LEAST_POINTS:
        raise InputError(
            f"volume: {name} has {survey.n_points} points; a terrain needs at least {LEAST_POINTS}",
            f"{name} の点数は {survey.n_points} です。地形の作成には {LEAST_POINTS} 点以上が必要です。",
            value=survey.n_points,
        )


def reconcile_heights(
    surveys: Mapping[str, Survey],
    dates: Mapping[str, date | None],
    correction: HeightCorrection | None,
    *,
    is_same_stated: bool,
) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    """Which surveys to bring to JGD2024, and what to know about the height systems.

    Parameters
    ----------
    surveys, dates
        By name; heights as files or user state them.
    correction
        Where the user gives one.
    is_same_stated
        The user states that all have one height system.

    Raises
    ------
    CrsError
        For a mix of height systems, or one that may be.
    """
    datums = {name: survey.vertical_datum for name, survey in surveys.items()}
    corrected: tuple[str, ...] = ()
    if correction is not None and set(datums.values()) == {VerticalDatum.JGD2011, VerticalDatum.JGD2024}:
        corrected = tuple(name for name, datum in datums.items() if datum is VerticalDatum.JGD2011)
    notes: list[Note] = []
    if correction is not None and not corrected:
        if VerticalDatum.UNKNOWN in datums.values() and not is_same_stated:
            raise _unstated()
        notes.append(_unused_grid())
    systems = [
        HeightSystem(VerticalDatum.JGD2024 if name in corrected else datum, dates[name])
        for name, datum in datums.items()
    ]
    for one, other in combinations(systems, 2):
        notes += check_heights(one, other, is_same_stated=is_same_stated)
    return corrected, tuple({note.code: note for note in notes}.values())


def _line(paths: Sequence[Path], survey: Survey, name: str) -> LineString | None:
    """The one line of a file, as a polyline."""
    if not paths:
        return None
    lines = read_lines(paths[0], survey.crs)
    if len(lines) != 1:
        raise GeometryError(
            f"volume: {paths[0].name} has {len(lines)} lines; expected one as {name}",
            f"{paths[0].name} に線が {len(lines)} 本あります。{name} には 1 本だけ指定してください。",
            file=paths[0].name,
        )
    line = lines[0]
    x, y, _ = line.at(line.dense(0.0, line.length, 0.1))
    return LineString(np.column_stack((x, y)))


def _extent(bounds: Sequence[float]) -> str:
    west, south, east, north = bounds
    return f"E {west:.0f}-{east:.0f}, N {south:.0f}-{north:.0f}"


def _partly_outside(name: str, share: float) -> Note:
    return Note(
        "zone-partly-outside",
        f"{100 * share:.1f} % of zone '{name}' lie outside the common area of the surveys and count as void",
        f"区域「{name}」の {100 * share:.1f} % は前後の測量の共通範囲外のため、欠測として扱います。",
    )


def _unused_grid() -> Note:
    return Note(
        "height-grid-unused",
        "the height correction was not needed: it serves where one survey is of JGD2011 and one of JGD2024",
        "標高補正パラメータは使用していません (JGD2011 と JGD2024 の組み合わせではないため)。",
    )


def _unstated() -> CrsError:
    return CrsError(
        "volume: a height correction is given, but what the heights of a survey refer to is not known; state the "
        "height system of each survey (before_datum, after_datum; datum of an epoch): JGD2011 or JGD2024",
        "標高補正パラメータが指定されていますが、高さの基準が不明な測量があります。各測量の高さの基準 "
        "(before_datum・after_datum、多時期では datum) に JGD2011 か JGD2024 を指定してください。",
        field="before_datum",
    )
