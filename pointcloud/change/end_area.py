"""平均断面法 on the difference of two surfaces: areas of sections across a line, averaged between stations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString, MultiPolygon, Polygon

from pointcloud.change.volume import Volume
from pointcloud.errors import GeometryError, ParameterError
from pointcloud.grid import Raster

INTERVAL = 20.0
"""Usual distance between stations in metres (測点 20 m)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Station:
    """One section: distance along the line (m), areas of cut and fill (m2), width with and without ground (m)."""

    distance_m: float
    cut_m2: float
    fill_m2: float
    width_m: float
    void_width_m: float


@dataclass(frozen=True, slots=True)
class EndArea:
    """Volume by average end areas and the sections it rests on."""

    volume: Volume
    stations: tuple[Station, ...]
    line: LineString

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded."""
        return {
            **self.volume.as_dict(),
            "stations": [asdict(s) for s in self.stations],
            "line": [list(c) for c in self.line.coords],
        }


def end_area(
    change: Raster, polygon: Polygon | MultiPolygon, line: LineString | None = None, interval: float = INTERVAL
) -> EndArea:
    """Volume (A1 + A2) / 2 x L between sections across a line, inside a polygon.

    Parameters
    ----------
    change
        After minus before in metres, NaN where void; read between cell centres by bilinear weights.
    polygon
        Sections end at its outline.
    line
        Straight or bent; None: the longer axis of the smallest rectangle around the polygon, end to end. Sections
        stand at right angles to it; at bends, distances are those along the line, without a correction of curves.
    interval
        Metres between stations; the end of the line is a station too.

    Raises
    ------
    ParameterError
        When the interval is not positive.
    GeometryError
        When the line has no length, or the polygon no area.
    """
    if not interval > 0.0:
        raise ParameterError(
            f"end areas: interval {interval} m; expected a positive number of metres",
            f"断面間隔 {interval} m が不正です。正の値 (m) を指定してください。",
            value=interval,
        )
    line = long_axis(polygon) if line is None else line
    if not line.length > 0.0 or not polygon.area > 0.0:
        raise GeometryError(
            "end areas: the line has no length or the zone has no area; draw a line of two points or more across it",
            "平均断面法: 線の長さまたは区域の面積が 0 です。2 点以上の線と面積のある区域を指定してください。",
        )
    distances = np.append(np.arange(0.0, line.length * (1.0 - 1e-9), interval), line.length)
    stations = tuple(_section(change, polygon, line, float(d)) for d in distances)
    cut, fill, known, void = (
        _average([getattr(s, name) for s in stations], distances)
        for name in ("cut_m2", "fill_m2", "width_m", "void_width_m")
    )
    return EndArea(Volume(cut, fill, fill - cut, known, void), stations, line)


def long_axis(polygon: Polygon | MultiPolygon) -> LineString:
    """The middle line of the smallest rectangle around a polygon, along its longer side, from west (or south)."""
    box = shapely.minimum_rotated_rectangle(polygon)
    if box.geom_type != "Polygon":
        return LineString(box.coords) if box.geom_type == "LineString" else LineString([box.centroid, box.centroid])
    corners = np.asarray(box.exterior.coords)[:4]
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    first = 0 if sides[1] >= sides[0] else 1
    ends = [0.5 * (corners[(first + k) % 4] + corners[(first + k + 1) % 4]) for k in (0, 2)]
    return LineString(sorted(tuple(float(c) for c in e) for e in ends))


def _average(areas: list[float], distances: Floats) -> float:
    a = np.asarray(areas)
    return float(np.sum(0.5 * (a[1:] + a[:-1]) * np.diff(distances)))


def _section(change: Raster, polygon: Polygon | MultiPolygon, line: LineString, distance: float) -> Station:
    """Areas on the straight line across ``line`` at a distance, inside the polygon."""
    reach = 2.0 * float(np.hypot(*np.ptp(np.reshape(polygon.union(line).bounds, (2, 2)), axis=0))) + 1.0
    step = min(0.01, 0.001 * line.length)
    place = np.array(line.interpolate(distance).coords[0][:2])
    ahead = np.array(line.interpolate(min(distance + step, line.length)).coords[0][:2])
    behind = np.array(line.interpolate(max(distance - step, 0.0)).coords[0][:2])
    along = (ahead - behind) / np.linalg.norm(ahead - behind)
    across = np.array([-along[1], along[0]])
    cross = LineString([place - reach * across, place + reach * across]).intersection(polygon)
    totals = np.zeros(4)
    for part in shapely.get_parts(cross):
        if part.length > 0.0:
            totals += _areas(change, np.asarray(part.coords)[:, :2], part.length)
    return Station(distance, *(float(v) for v in totals))


def _areas(change: Raster, ends: Floats, length: float) -> Floats:
    """Cut, fill, width and void width of one straight piece, read in the middle of steps of half a cell or less."""
    n = max(1, int(np.ceil(2.0 * length / change.grid.cell)))
    share = ((np.arange(n) + 0.5) / n)[:, None]
    points = ends[0] + share * (ends[-1] - ends[0])
    grid = change.grid
    rows = (grid.north - points[:, 1]) / grid.cell - 0.5
    columns = (points[:, 0] - grid.west) / grid.cell - 0.5
    depth = ndimage.map_coordinates(
        np.asarray(change.values, dtype=np.float64), np.stack((rows, columns)), order=1, cval=np.nan, prefilter=False
    )
    known = np.isfinite(depth)
    d, pitch = depth[known], length / n
    cut, fill = float(np.sum(np.maximum(-d, 0.0))), float(np.sum(np.maximum(d, 0.0)))
    return pitch * np.array([cut, fill, d.size, n - d.size])
