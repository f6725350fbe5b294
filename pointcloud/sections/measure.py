"""Single measurements on a surface: a height, a line's length and slope, an area, the clearance under a wire."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely import MultiPolygon, Polygon

from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine, Surface
from pointcloud.sections.line import CentreLine
from pointcloud.sections.slice import heights_on
from pointcloud.sections.stations import lay_out

Floats = NDArray[np.float64]

UNDER_WIRE = 1.0
"""Metres beside a wire within which what stands there counts as under it."""


@dataclass(frozen=True, slots=True)
class Length:
    """A line on the ground, metres; rise and slopes None where the ground is nowhere known.

    Parameters
    ----------
    plan, surface
        Length in the plane, and over the ground where it is known.
    covered
        Metres of the plan length with a known ground.
    rise
        Height of the end over the start.
    slope_percent, steepest_percent
        縦断勾配: rise over the distance between the first and last known place; largest slope over 1 m or more.
    """

    plan: float
    surface: float
    covered: float
    rise: float | None
    slope_percent: float | None
    steepest_percent: float | None


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon: m2 in the plane, over the ground, and of the plane without ground; metres of perimeter."""

    plan: float
    surface: float
    void: float
    perimeter: float


@dataclass(frozen=True, slots=True)
class Clearance:
    """The least height of a wire over something, and where (easting, northing); None where nothing lies below."""

    height: float | None
    place: tuple[float, float] | None


def length(surface: Surface, line: CentreLine) -> Length:
    """Length and slope of a line on the ground."""
    profile = surface.profile(line)
    over = sum(float(np.hypot(*np.diff(p, axis=0).T).sum()) for p in profile.pieces)
    if profile.is_empty:
        return Length(line.length, over, 0.0, None, None, None)
    (s0, z0), (s1, z1) = profile.pieces[0][0].tolist(), profile.pieces[-1][-1].tolist()
    steepest = max((_steepest(p) for p in profile.pieces), key=abs)
    rise = z1 - z0
    return Length(line.length, over, profile.covered, rise, 100.0 * rise / (s1 - s0), 100.0 * steepest)


@dataclass(frozen=True, slots=True)
class Crossfall:
    """横断勾配 at a place of a line: rise from the centre outwards in per cent, None where half a side is unknown.

    A road with camber has both negative; a superelevated one has opposite signs.
    """

    chainage: float
    left: float | None
    right: float | None


def crossfalls(surface: Surface, line: CentreLine, width: float, step: float = 20.0) -> tuple[Crossfall, ...]:
    """Slopes of both halves of a road, by least squares over its width, every ``step`` metres and at both ends.

    Parameters
    ----------
    surface
        Of the road.
    line
        Its centre line.
    width
        Of both halves together, metres.
    step
        Metres along the line.

    Raises
    ------
    ParameterError
        When the width or step is not positive.
    """
    if not (width > 0 and step > 0):
        raise ParameterError(
            f"crossfall: width {width} m, step {step} m; expected positive numbers of metres",
            f"横断勾配の幅 {width} m、間隔 {step} m が不正です。正の値 (m) を指定してください。",
            value=[width, step],
        )
    found = []
    for station in lay_out(line, step, width / 2.0, width / 2.0, corners=False).items:
        cut = surface.cut(station)
        sides = [_side_slope(cut, sign, width / 2.0) for sign in (-1.0, 1.0)]
        found.append(Crossfall(station.chainage, *sides))
    return tuple(found)


def _side_slope(cut: SectionLine, sign: float, half: float) -> float | None:
    out = np.linspace(0.02, 0.98, 49) * half
    z = heights_on(cut, sign * out)
    known = np.isfinite(z)
    if np.count_nonzero(known) < out.size / 2:
        return None
    return 100.0 * float(np.polyfit(out[known], z[known], 1)[0])


def _steepest(piece: Floats) -> float:
    """Slope of largest size over at least one metre, or over the whole piece where it is shorter."""
    s = np.arange(piece[0, 0], piece[-1, 0], 1.0)
    if s.size < 2:
        return float((piece[-1, 1] - piece[0, 1]) / max(piece[-1, 0] - piece[0, 0], 1e-9))
    slopes = np.diff(np.interp(s, piece[:, 0], piece[:, 1]))
    return float(slopes[np.argmax(np.abs(slopes))])


def area(surface: Surface, polygon: Polygon | MultiPolygon) -> Area:
    """Area of a polygon in the plane and over the triangles of a surface, each clipped exactly.

    Triangles with an edge longer than twice the surface's ``max_gap`` count as void.
    """
    tin = surface.tin
    corners = np.stack([np.column_stack((tin.x, tin.y))[tin.triangles[:, k]] for k in range(3)], axis=1)
    west, south, east, north = polygon.bounds
    near = (
        (corners[:, :, 0].max(axis=1) >= west) & (corners[:, :, 0].min(axis=1) <= east)
        & (corners[:, :, 1].max(axis=1) >= south) & (corners[:, :, 1].min(axis=1) <= north)
    )  # fmt: skip
    corners, z = corners[near], tin.z[tin.triangles[near].astype(np.int64)]
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    az, bz = z[:, 1] - z[:, 0], z[:, 2] - z[:, 0]
    flat = ax * by - ay * bx
    steep = np.hypot(np.hypot(ay * bz - az * by, az * bx - ax * bz), flat) / np.abs(flat)
    shapely.prepare(polygon)
    plan = shapely.area(shapely.intersection(shapely.polygons(corners), polygon))
    if surface.max_gap is not None:
        plan = np.where(_longest_edge(corners) <= 2.0 * surface.max_gap, plan, 0.0)
    known = float(plan.sum())
    return Area(polygon.area, float((plan * steep).sum()), max(0.0, polygon.area - known), polygon.length)


def _longest_edge(corners: Floats) -> Floats:
    edges = corners - np.roll(corners, 1, axis=1)
    longest: Floats = np.hypot(edges[:, :, 0], edges[:, :, 1]).max(axis=1)
    return longest


def clearance_over_ground(surface: Surface, wire: Floats) -> Clearance:
    """Least height of the wire's points, shape (n, 3) easting, northing, height, over the ground below them."""
    best, place = math.inf, None
    for x, y, z in wire.tolist():
        gap = z - surface.height_at(x, y)
        if gap < best:
            best, place = gap, (x, y)
    return Clearance(best if place else None, place)


def clearance_over_objects(wire: Floats, x: Floats, y: Floats, z: Floats) -> Clearance:
    """Least height of the wire's points over the highest of other points within `UNDER_WIRE` of them and below."""
    if not len(wire) or not x.size:
        return Clearance(None, None)
    best, place = math.inf, None
    found = cKDTree(np.column_stack((x, y))).query_ball_point(wire[:, :2], UNDER_WIRE)
    for (wx, wy, wz), numbers in zip(wire.tolist(), found, strict=True):
        below = z[numbers][z[numbers] < wz]
        if below.size and wz - below.max() < best:
            best, place = float(wz - below.max()), (wx, wy)
    return Clearance(best if place else None, place)
