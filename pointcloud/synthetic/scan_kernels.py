"""Kernels of the synthetic laser scanner: one pulse at a time, each a pure function of its own number.

Nothing depends on which part of a survey is asked for, nor on the pulses before.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel
from pointcloud.synthetic.kernels import GRADE, NATURAL, NOISE_SEED, WATERED, gradient_noise, mix, uniform
from pointcloud.synthetic.ray_kernels import (
    GROUND,
    HIGH_NOISE,
    LOW_NOISE,
    LOW_VEGETATION,
    WATER,
    WIRE,
    crowns_on_ray,
    ground_below,
    guide_below,
    roof_above,
    wire_above,
)

MAX_RETURNS = 5
"""Returns that the receiver records for one pulse."""
SEPARATION = 0.8
"""Smallest vertical distance of two returns of one pulse."""
WEAKEST = 0.10
"""Smallest share of a pulse's energy that makes a return."""
MAX_CROWNS = 24
"""Crowns that one ray may cross."""
SPEED = 60.0
"""Ground speed in metres a second."""
RANGE_NOISE, PLANE_NOISE = 0.035, 0.05
"""Standard deviations of a return's height and of its position in each axis of the plane."""

(
    LINE_NUMBER,
    LINE_U,
    LINE_V,
    LINE_Z,
    LINE_COS,
    LINE_SIN,
    LINE_HALF_SWATH,
    LINE_HEIGHT,
    LINE_SPACING,
    LINE_PULSES,
    LINE_TIME,
    LINE_DU,
    LINE_DV,
    LINE_DZ,
    LINE_ROLL,
    LINE_RELIEF,
    LINE_REACH,
) = range(17)
"""Columns of a flight line: number, start (u, v) and height of the reference plane, heading, half swath, height
of flight above the plane, spacing of pulses, pulses a sweep, start time, boresight offset and roll, greatest height
of the ground above or below the plane, and of anything above the ground."""
LINE_STRIDE = np.uint64(1) << np.uint64(40)

_REFLECTANCE = np.array([0.0, 2600.0, 700.0, 3200.0, 3000.0, 2200.0, 2400.0, 900.0, 1200.0, 500.0, 400.0])
_BIRD, _MULTIPATH = 6e-5, 3e-4
"""Share of the pulses that meet a bird, and of those whose last return comes late by a detour."""
# numbers of the draws of a pulse; foliage takes two a hit, measuring eight a return
_DRAW_BIRD, _DRAW_MULTIPATH, _DRAW_GROUND, _DRAW_HIT, _DRAW_MEASURE = 10, 12, 20, 100, 500


@kernel
def _record(out: NDArray[np.float64], n: int, z: float, energy: float, kind: float) -> int:
    """Number of returns after one at height ``z``, unless it is too weak, too close to the last, or one too many."""
    if n == MAX_RETURNS or energy < WEAKEST or (n > 0 and out[n - 1, 0] - z < SEPARATION):
        return n
    out[n, 0], out[n, 1], out[n, 2] = z, energy, kind
    return n + 1


@kernel
def through_crowns(
    key: np.uint64, spans: NDArray[np.float64], n_spans: int, out: NDArray[np.float64], n: int, energy: float
) -> tuple[int, float]:
    """Returns recorded after a pulse has fallen through ``n_spans`` crowns, and the share of energy left.

    In a crown the pulse meets foliage as a Poisson process along its path; each time a random share of its
    energy stays there.
    """
    draw = _DRAW_HIT
    for i in range(n_spans):
        z = spans[i, 0]
        while energy >= WEAKEST and draw < _DRAW_MEASURE - 1:
            z += math.log(1.0 - uniform(key, draw)) / spans[i, 2]
            if z < spans[i, 1]:
                draw += 1
                break
            kept = energy * (0.3 + 0.6 * uniform(key, draw + 1))
            draw += 2
            n = _record(out, n, z, kept, spans[i, 3])
            energy -= kept
    return n, energy


@kernel
def undergrowth(u: float, v: float, seed: np.uint64) -> tuple[float, float]:
    """Height (0.2-1.5 m) and share of cover (0-0.75) of low vegetation on natural ground."""
    cover = 0.20 + 1.2 * gradient_noise(u / 23.0, v / 23.0, seed + np.uint64(10))
    height = 0.65 + 1.3 * gradient_noise(u / 11.0, v / 11.0, seed + np.uint64(11))
    return min(max(height, 0.25), 1.5), min(max(cover, 0.0), 0.75)


@kernel
def to_ground(
    key: np.uint64,
    u: float,
    v: float,
    z: float,
    cover: int,
    seed: np.uint64,
    out: NDArray[np.float64],
    n: int,
    energy: float,
) -> int:
    """Number of returns after what is left of a pulse has met low vegetation and the ground at (u, v, z)."""
    if energy < WEAKEST:
        return n
    if cover == WATERED:
        # still water mirrors most pulses away
        return _record(out, n, z, energy, WATER) if uniform(key, _DRAW_GROUND) < 0.12 else n
    if cover == NATURAL:
        height, share = undergrowth(u, v, seed)
        if uniform(key, _DRAW_GROUND + 1) < share:
            tall = max(height * (0.45 + 0.55 * uniform(key, _DRAW_GROUND + 2)), 0.2)
            kept = energy * (0.55 + 0.45 * uniform(key, _DRAW_GROUND + 3))
            before = n
            n = _record(out, n, z + tall, kept, LOW_VEGETATION)
            energy -= kept
            if n == before:
                return n
    return _record(out, n, z, energy, GROUND)


@kernel
def fire(
    key: np.uint64,
    ray: NDArray[np.float64],
    windows: NDArray[np.float64],
    guide: NDArray[np.float64],
    corner: NDArray[np.float64],
    p: NDArray[np.float64],
    pads: NDArray[np.float64],
    shapes: NDArray[np.float64],
    structures: NDArray[np.float64],
    wires: NDArray[np.float64],
    trees: NDArray[np.float64],
    first: NDArray[np.int64],
    index: NDArray[np.float64],
    shape: NDArray[np.int64],
    spans: NDArray[np.float64],
    out: NDArray[np.float64],
) -> int:
    """Number of returns of one pulse; their (height, energy, kind) in ``out``, highest first.

    ``ray`` comes in as (u, v, z of a point on it, du, dv); its point is moved to the ground. ``windows`` has the
    outer and the inner of two rectangles: a pulse whose ground point lies outside the outer is not followed, one
    outside the inner only to wires and birds.
    """
    du, dv = ray[3], ray[4]
    z = guide_below(ray[0], ray[1], ray[2], du, dv, guide, corner)
    u, v = ray[0] + (z - ray[2]) * du, ray[1] + (z - ray[2]) * dv
    if not _inside(u, v, windows[0]):
        return 0
    ray[0], ray[1], ray[2] = u, v, z
    if uniform(key, _DRAW_BIRD) < _BIRD:
        out[0, 0], out[0, 1], out[0, 2] = z + 25.0 + 60.0 * uniform(key, _DRAW_BIRD + 1), 0.3, HIGH_NOISE
        return 1
    wire = wire_above(u, v, z, du, dv, wires)
    n, energy = (_record(out, 0, wire, 0.4, WIRE), 0.6) if wire > z else (0, 1.0)
    if n == 0 and not _inside(u, v, windows[1]):
        return 0
    u, v, z, cover = ground_below(u, v, z, du, dv, p, pads, shapes)
    ray[0], ray[1], ray[2] = u, v, z
    rise, kind = roof_above(u, v, z, du, dv, structures)
    if rise > 0.0:
        return _record(out, n, z + rise, energy, kind)
    n_spans = crowns_on_ray(u, v, z, du, dv, trees, first, index, shape, spans)
    n, energy = through_crowns(key, spans, n_spans, out, n, energy)
    n = to_ground(key, u, v, z, cover, np.uint64(p[NOISE_SEED]), out, n, energy)
    if n > 0 and uniform(key, _DRAW_MULTIPATH) < _MULTIPATH:
        out[n - 1, 0], out[n - 1, 2] = z - 0.8 - 9.0 * uniform(key, _DRAW_MULTIPATH + 1) ** 2, LOW_NOISE
    return n


@kernel
def _inside(u: float, v: float, window: NDArray[np.float64]) -> bool:
    """Whether (u, v) lies in the closed rectangle (west, south, east, north)."""
    return bool(u >= window[0] and v >= window[1] and u <= window[2] and v <= window[3])


@kernel
def normal_pair(key: np.uint64, draw: int) -> tuple[float, float]:
    """Two independent standard normal deviates (Box & Muller 1958, doi:10.1214/aoms/1177706645)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, draw)))
    angle = 2.0 * math.pi * uniform(key, draw + 1)
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel
def recorded(value: float) -> float:
    """A coordinate as a survey's file holds it: in whole centimetres."""
    return round(value * 100.0) / 100.0


@kernel
def measure(
    key: np.uint64,
    ray: NDArray[np.float64],
    out: NDArray[np.float64],
    n: int,
    lean: float,
    line: NDArray[np.float64],
    limits: NDArray[np.float64],
    time: float,
    flags: tuple[int, int, int],
    xyzt: NDArray[np.float64],
    codes: NDArray[np.uint16],
    at: int,
) -> int:
    """Number of points after the ``n`` returns of a pulse were measured, with noise; none outside the limits stays."""
    for r in range(n):
        rise = out[r, 0] - ray[2]
        nx, ny = normal_pair(key, _DRAW_MEASURE + 8 * r)
        nz, ni = normal_pair(key, _DRAW_MEASURE + 8 * r + 2)
        x = recorded(limits[4] + ray[0] + rise * ray[3] + line[LINE_DU] + PLANE_NOISE * nx + limits[6])
        y = recorded(limits[5] + ray[1] + rise * ray[4] + line[LINE_DV] + PLANE_NOISE * ny + limits[7])
        if x < limits[0] or y < limits[1] or x >= limits[2] or y >= limits[3]:
            continue
        z = out[r, 0] + line[LINE_DZ] + line[LINE_ROLL] * line[LINE_HEIGHT] * lean + RANGE_NOISE * nz + limits[8]
        xyzt[at, 0], xyzt[at, 1], xyzt[at, 2], xyzt[at, 3] = x, y, recorded(z), time
        kind = int(out[r, 2])
        intensity = _REFLECTANCE[kind] * out[r, 1] * max(1.0 + 0.12 * ni, 0.2)
        codes[at, 0], codes[at, 1], codes[at, 2] = int(intensity), r + 1, n
        codes[at, 3], codes[at, 4], codes[at, 5], codes[at, 6] = flags[0], flags[1], flags[2], kind
        at += 1
    return at


@kernel
def followed(limits: NDArray[np.float64], line: NDArray[np.float64], canopy: float) -> NDArray[np.float64]:
    """Windows within which a pulse is followed, (west, south, east, north) in three rows.

    The place of the pulse on the reference plane; its ground point, if it may meet a wire or a bird; its ground
    point, if it may meet a crown. Two metres are left for the guide's and the ray's errors.
    """
    lean = line[LINE_HALF_SWATH] / line[LINE_HEIGHT]
    ground = line[LINE_REACH] * lean + 2.0
    windows = np.empty((3, 4))
    for k in range(4):
        edge = limits[k] - limits[4 + k % 2] - limits[6 + k % 2]
        side = 1.0 if k > 1 else -1.0
        windows[0, k] = edge + side * (ground + line[LINE_RELIEF] * lean)
        windows[1, k] = edge + side * ground
        windows[2, k] = edge + side * (canopy * lean + 2.0)
    return windows


@kernel
def aim(line: NDArray[np.float64], sweep: int, share: float, grade: float, ray: NDArray[np.float64]) -> float:
    """Lean of a pulse across the line; its place on the reference plane and its direction in ``ray``."""
    across = (2.0 * share - 1.0) if sweep % 2 == 0 else (1.0 - 2.0 * share)
    cross, along = across * line[LINE_HALF_SWATH], (sweep + share) * line[LINE_SPACING]
    lean = cross / line[LINE_HEIGHT]
    ray[0] = line[LINE_U] + along * line[LINE_COS] + cross * line[LINE_SIN]
    ray[1] = line[LINE_V] + along * line[LINE_SIN] - cross * line[LINE_COS]
    ray[2] = line[LINE_Z] + grade * ray[1]
    ray[3], ray[4] = -lean * line[LINE_SIN], lean * line[LINE_COS]
    return float(lean)


@kernel
def scan(
    seed: np.uint64,
    first_sweep: int,
    last_sweep: int,
    line: NDArray[np.float64],
    limits: NDArray[np.float64],
    guide: NDArray[np.float64],
    corner: NDArray[np.float64],
    p: NDArray[np.float64],
    pads: NDArray[np.float64],
    shapes: NDArray[np.float64],
    structures: NDArray[np.float64],
    wires: NDArray[np.float64],
    trees: NDArray[np.float64],
    first: NDArray[np.int64],
    index: NDArray[np.float64],
    shape: NDArray[np.int64],
    xyzt: NDArray[np.float64],
    codes: NDArray[np.uint16],
) -> int:
    """Number of points of the sweeps [first_sweep, last_sweep) of one flight line, written to ``xyzt`` and ``codes``.

    ``limits`` is (west, south, east, north of the wanted points, origin x, y, shift x, y, z). A row of ``xyzt`` is
    (x, y, z, time), of ``codes`` (intensity, return, returns, direction, edge, angle + 90, kind).
    """
    spans, out, ray = np.empty((MAX_CROWNS, 4)), np.empty((MAX_RETURNS, 3)), np.empty(5)
    windows = followed(limits, line, index[3])
    n_points, n_pulses = 0, int(line[LINE_PULSES])
    for sweep in range(first_sweep, last_sweep):
        for k in range(n_pulses):
            share = (k + 0.5) / n_pulses
            lean = aim(line, sweep, share, p[GRADE], ray)
            if not _inside(ray[0], ray[1], windows[0]):
                continue
            number = np.uint64(sweep) * np.uint64(n_pulses) + np.uint64(k)
            key = np.uint64(mix(seed + np.uint64(mix(number + np.uint64(line[LINE_NUMBER]) * LINE_STRIDE))))
            n = fire(
                key, ray, windows[1:], guide, corner, p, pads, shapes,
                structures, wires, trees, first, index, shape, spans, out,
            )  # fmt: skip
            time = line[LINE_TIME] + (sweep + share) * line[LINE_SPACING] / SPEED
            flags = (1 - sweep % 2, 1 if k == n_pulses - 1 else 0, round(math.degrees(math.atan(lean))) + 90)
            n_points = measure(key, ray, out, n, lean, line, limits, time, flags, xyzt, codes, n_points)
    return n_points
