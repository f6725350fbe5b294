"""Heights along a line from a job's terrain rasters, at their own resolution, and where sections would be cut."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pyproj import CRS, Transformer

from api.records import ResultRecord
from api.schemas import Answer, Bilingual
from pipelines.evidence import crs_name
from pointcloud.errors import ParameterError
from pointcloud.io.raster_line import RasterLine
from pointcloud.sections.line import CentreLine, polyline
from pointcloud.sections.stations import Station, lay_out

Floats = NDArray[np.float64]

MAX_SAMPLES: Final = 20_000
"""Of one raster; a longer line is sampled more widely, and the answer says how widely."""
MAX_VERTICES: Final = 1000
MAX_LENGTH_M: Final = 100_000.0
_TERRAIN: Final = "dtm"
"""What the names of terrain rasters begin with: dtm, dtm_before, dtm_after, dtm_2019."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where sections would be cut: metres between stations, widths to the left and right."""

    interval: float
    left: float
    right: float


class ProfileSeries(Answer):
    """One raster along the line."""

    layer: str = Field(description="Path of the raster among the job's results.")
    title: str
    title_ja: str
    cell_m: float = Field(description="Size of the raster's cells.")
    step_m: float = Field(description="Greatest distance between samples; the cell, or more where the line is long.")
    distance_m: list[float] = Field(description="Distance of each sample along the line; its corners are among them.")
    height_m: list[float | None] = Field(description="Value there, bilinear between centres of cells; null in a gap.")


class ProfileStation(Answer):
    """A station as `cross-sections` would cut it."""

    name: str
    distance_m: float
    place: tuple[float, float] = Field(description="Easting and northing of the centre.")
    left: tuple[float, float] = Field(description="Easting and northing of the left end.")
    right: tuple[float, float] = Field(description="Easting and northing of the right end.")
    crosses: bool = Field(description="Whether this section crosses another one within its width.")


class Profile(Answer):
    """Heights along a line."""

    crs: str = Field(description="Reference system of the places: that of the rasters.")
    length_m: float
    series: list[ProfileSeries]
    stations: list[ProfileStation] = Field(description="Empty unless an interval was asked for.")
    notes: list[Bilingual]


def read_vertices(text: str) -> Floats:
    """Vertices as ``x,y;x,y``, shape (n, 2).

    Raises
    ------
    ParameterError
        When the text is anything else, or there are too few or too many vertices.
    """
    try:
        pairs = [[float(part) for part in vertex.split(",")] for vertex in text.split(";") if vertex.strip()]
        points = np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)
    except ValueError:
        points = np.full((1, 2), np.nan)
    if not (2 <= len(points) <= MAX_VERTICES and np.isfinite(points).all()):
        raise ParameterError(
            f"profile: line '{text[:60]}' ({len(points)} vertices); give 2 to {MAX_VERTICES} vertices as "
            "easting,northing;easting,northing in metres, or with crs=EPSG:4326 as longitude,latitude",
            f"断面: 線「{text[:60]}」({len(points)} 点) を読み取れません。2~{MAX_VERTICES} 点を「東,北;東,北」(m)、"
            "または crs=EPSG:4326 を付けて「経度,緯度;経度,緯度」で指定してください。",
            field="line",
            value=text[:200],
        )
    return points


def chosen_rasters(
    found: Sequence[tuple[ResultRecord, Path]], wanted: Sequence[str]
) -> tuple[list[tuple[ResultRecord, Path]], list[str]]:
    """The rasters of those paths, the terrains where none is named; and the paths that are not among them."""
    if not wanted:
        return [one for one in found if PurePath(one[0].path).stem.startswith(_TERRAIN)], []
    by_path = {record.path: (record, path) for record, path in found}
    return [by_path[path] for path in wanted if path in by_path], [path for path in wanted if path not in by_path]


def profile(
    rasters: Iterable[tuple[ResultRecord, Path]], vertices: Floats, crs: str | None, cuts: Cuts | None
) -> Profile:
    """Heights along the line through the vertices.

    Raises
    ------
    ParameterError
        When the CRS is none, the line has no length or is too long, or a station is refused.
    """
    series: list[ProfileSeries] = []
    line: CentreLine | None = None
    system = ""
    for record, path in rasters:
        with RasterLine(path) as raster:
            if line is None:
                line, system = _line(vertices, crs, raster.crs), crs_name(raster.crs)
            series.append(_series(record, raster, line))
    if line is None:
        return Profile(crs=crs or "", length_m=0.0, series=[], stations=[], notes=[])
    stations, notes = ([], []) if cuts is None else _stations(line, cuts)
    return Profile(crs=system, length_m=round(line.length, 3), series=series, stations=stations, notes=notes)


def _line(vertices: Floats, crs: str | None, target: CRS) -> CentreLine:
    points = vertices
    if crs is not None:
        way = Transformer.from_crs(_system(crs), target, always_xy=True)
        points = np.column_stack(way.transform(vertices[:, 0], vertices[:, 1]))
    line = polyline("profile", points[:, 0].tolist(), points[:, 1].tolist())
    if line.length > MAX_LENGTH_M:
        raise ParameterError(
            f"profile: the line is {line.length:.0f} m long; at most {MAX_LENGTH_M:.0f} m; check the order of the "
            "axes (easting first) and the CRS, or cut the line",
            f"断面: 線の延長が {line.length:.0f} m です。上限は {MAX_LENGTH_M:.0f} m です。座標の順 (東が先) と座標系を"
            "確認するか、線を分割してください。",
            field="line",
        )
    return line


def _system(crs: str) -> CRS:
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(crs)
    except CRSError:
        raise ParameterError(
            f"profile: crs '{crs[:60]}'; give an EPSG code such as EPSG:6676 or EPSG:4326",
            f"断面: crs「{crs[:60]}」が不正です。EPSG:6676 や EPSG:4326 のように指定してください。",
            field="crs",
            value=crs[:60],
        ) from None


def _series(record: ResultRecord, raster: RasterLine, line: CentreLine) -> ProfileSeries:
    n_steps = max(1, math.ceil(line.length / max(raster.cell, line.length / MAX_SAMPLES)))
    distance = np.union1d(np.linspace(0.0, line.length, n_steps + 1), line.starts)
    x, y, _ = line.at(distance)
    heights = raster.at(x, y)
    return ProfileSeries(
        layer=record.path,
        title=record.title_en,
        title_ja=record.title_ja,
        cell_m=raster.cell,
        step_m=round(line.length / n_steps, 6),
        distance_m=np.round(distance, 3).tolist(),
        height_m=[None if math.isnan(value) else value for value in np.round(heights, 4).tolist()],
    )


def _stations(line: CentreLine, cuts: Cuts) -> tuple[list[ProfileStation], list[Bilingual]]:
    laid = lay_out(line, cuts.interval, cuts.left, cuts.right)
    items = [_station(station, number in laid.crossing) for number, station in enumerate(laid.items)]
    return items, [Bilingual(en=note.en, ja=note.ja) for note in laid.notes]


def _station(station: Station, crosses: bool) -> ProfileStation:
    x_left, y_left, x_right, y_right = (round(part, 3) for part in station.segment)
    return ProfileStation(
        name=station.name,
        distance_m=round(station.distance, 3),
        place=(round(station.x, 3), round(station.y, 3)),
        left=(x_left, y_left),
        right=(x_right, y_right),
        crosses=crosses,
    )
