"""Kernels of the synthetic laser scanner: one pulse at a time, each a pure function of its own number.

A ray is known by the point where it meets the ground and by its lean (du, dv): metres to the east and
north for each metre upward. Nothing depends on which part of a survey is asked for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel
from pointcloud.synthetic.kernels import GRADE, NATURAL, WATERED, gradient_noise, mix, terrain, uniform

GROUND, WATER, LOW_VEGETATION, TREE, BUILDING, BRIDGE, WIRE, PYLON, LOW_NOISE, HIGH_NOISE = range(1, 11)
"""What a point lies on; the values of `Kind`."""

MAX_RETURNS = 5
"""Returns that the receiver records for one pulse."""
SEPARATION = 0.8
"""Smallest vertical distance of two returns of one pulse."""
WEAKEST = 0.10
"""Smallest share of a pulse's energy that makes a return."""
MAX_CROWNS = 24
"""Crowns that one ray may cross."""
TREE_CELL = 4.0
"""Edge of a cell of the tree index."""

SPEED = 60.0
"""Ground speed in metres a second."""
RELIEF_REACH = 250.0
"""Greatest height of the terrain above or below the reference plane of a flight line."""
OBJECT_REACH = 140.0
"""Greatest height of anything above the ground: wires over the valley, birds."""
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
) = range(15)
"""Columns of a flight line: number, start (u, v) and height of the reference plane, heading, half swath, height
of flight above the plane, spacing of pulses, pulses a sweep, start time, boresight offset and roll."""
LINE_STRIDE = np.uint64(1) << np.uint64(40)

_REFLECTANCE = np.array([0.0, 2600.0, 700.0, 3200.0, 3000.0, 2200.0, 2400.0, 900.0, 1200.0, 500.0, 400.0])
_DRAW_HIT, _LAST_HIT = 100, 400


@kernel
def ground_below(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    p: NDArray[np.float64],
    pads: NDArray[np.float64],
    shapes: NDArray[np.float64],
) -> tuple[float, float, float, int]:
    """Where the ray through (u, v, z) meets the ground, by the secant method; the result lies exactly on it."""
    za = z
    fa = terrain(u, v, p, pads, shapes)[0] - za
    zb = za + fa
    for _ in range(3):
        fb = terrain(u + (zb - z) * du, v + (zb - z) * dv, p, pads, shapes)[0] - zb
        slope = (fb - fa) / (zb - za) if zb != za else -1.0
        step = -fb / slope if abs(slope) > 0.2 else fb
        za, fa = zb, fb
        zb += step
        if abs(step) < 0.01:
            break
    u, v = u + (zb - z) * du, v + (zb - z) * dv
    height, cover = terrain(u, v, p, pads, shapes)
    return u, v, height, cover


@kernel
def roof_above(
    u: float, v: float, z: float, du: float, dv: float, structures: NDArray[np.float64]
) -> tuple[float, int]:
    """Height above the ground point (u, v, z) at which its ray meets a roof, wall or deck, and the kind; 0 and 0 if none.

    A row of ``structures`` is (u, v, cos, sin, half length, half width, overhang, eave z, ridge z, kind).
    """
    for i in range(structures.shape[0]):
        cos, sin = structures[i, 2], structures[i, 3]
        a0 = (u - structures[i, 0]) * cos + (v - structures[i, 1]) * sin
        b0 = (v - structures[i, 1]) * cos - (u - structures[i, 0]) * sin
        half_a, half_b = structures[i, 4] + structures[i, 6], structures[i, 5] + structures[i, 6]
        eave, ridge = structures[i, 7], structures[i, 8]
        if abs(a0) > half_a + 6.0 or abs(b0) > half_b + 6.0:
            continue
        da, db = du * cos + dv * sin, dv * cos - du * sin
        rise = eave - z
        for _ in range(4):
            rise = ridge - (ridge - eave) * min(abs(b0 + rise * db) / half_b, 1.0) - z
        if rise > 0.0 and abs(a0 + rise * da) <= half_a and abs(b0 + rise * db) <= half_b:
            return rise, int(structures[i, 9])
        if structures[i, 9] == BUILDING and abs(a0) < structures[i, 4] and abs(b0) < structures[i, 5]:
            out_a = (math.copysign(structures[i, 4], da) - a0) / da if da != 0.0 else np.inf
            out_b = (math.copysign(structures[i, 5], db) - b0) / db if db != 0.0 else np.inf
            return min(out_a, out_b, eave - z), BUILDING
    return 0.0, 0


@kernel
def crown_span(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    top: float,
    length: float,
    radius: float,
    bluntness: float,
) -> tuple[float, float]:
    """Heights above ground (upper, lower) between which a ray runs in a crown; upper < lower if it misses.

    The crown's apex stands ``top`` above the plane z = 0 at (0, 0); its radius at depth w under the apex is
    radius sqrt(c s + (1 - c) s2) with s = w / length and c = ``bluntness`` (0 a cone, 1 a paraboloid).
    (u, v, z) is the ray's ground point relative to the tree's foot.
    """
    x, y = u + du * (top - z), v + dv * (top - z)
    r2 = radius * radius
    a = du * du + dv * dv - r2 * (1.0 - bluntness) / (length * length)
    b = -2.0 * (x * du + y * dv) - r2 * bluntness / length
    c = x * x + y * y
    d = b * b - 4.0 * a * c
    if d < 0.0 or b >= 0.0 and a >= 0.0:
        return -1.0, 0.0
    # q is the numerically stable half of the quadratic formula; both roots follow from it
    q = -0.5 * (b + math.copysign(math.sqrt(d), b))
    one, two = (q / a if a != 0.0 else np.inf), (c / q if q != 0.0 else 0.0)
    if a > 0.0:
        enter, leave = min(one, two), min(max(one, two), length)
    else:
        enter, leave = max(two, 0.0) if b < 0.0 else max(one, 0.0), length
    return top - enter, top - leave


@kernel
def crowns_on_ray(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    trees: NDArray[np.float64],
    first: NDArray[np.int64],
    index: NDArray[np.float64],
    shape: NDArray[np.int64],
    spans: NDArray[np.float64],
) -> int:
    """Number of crowns on the ray from ground point (u, v, z), their spans in ``spans`` from the highest down.

    A row of ``trees`` is (u, v, foot z, height, crown length, crown radius, bluntness, hits a metre, kind),
    sorted by cell of the index; ``index`` is (west, south, greatest crown radius, height above ground that crowns reach), ``shape`` (rows, columns).
    """
    n = 0
    margin, reach = index[2], index[3]
    j0 = int(math.floor((min(u, u + du * reach) - margin - index[0]) / TREE_CELL))
    j1 = int(math.floor((max(u, u + du * reach) + margin - index[0]) / TREE_CELL))
    i0 = int(math.floor((min(v, v + dv * reach) - margin - index[1]) / TREE_CELL))
    i1 = int(math.floor((max(v, v + dv * reach) + margin - index[1]) / TREE_CELL))
    j0, j1 = max(j0, 0), min(j1, shape[1] - 1)
    for i in range(max(i0, 0), min(i1, shape[0] - 1) + 1):
        if j1 < j0:
            break
        for k in range(first[i * shape[1] + j0], first[i * shape[1] + j1 + 1]):
            height, foot = trees[k, 3], trees[k, 2]
            upper, lower = crown_span(
                u - trees[k, 0], v - trees[k, 1], z - foot, du, dv, height, trees[k, 4], trees[k, 5], trees[k, 6]
            )
            upper, lower = upper + foot, max(lower + foot, z + 0.5)
            if upper <= lower or n == MAX_CROWNS:
                continue
            at = n
            while at > 0 and spans[at - 1, 0] < upper:
                spans[at] = spans[at - 1]
                at -= 1
            spans[at, 0], spans[at, 1], spans[at, 2], spans[at, 3] = upper, lower, trees[k, 7], trees[k, 8]
            n += 1
    return n


@kernel
def wire_above(u: float, v: float, z: float, du: float, dv: float, wires: NDArray[np.float64]) -> float:
    """Height at which the ray from ground point (u, v, z) meets a wire; -inf if none.

    A row of ``wires`` is (u, v, z of one end, u, v, z of the other, sag).
    """
    for i in range(wires.shape[0]):
        eu, ev = wires[i, 3] - wires[i, 0], wires[i, 4] - wires[i, 1]
        span2 = eu * eu + ev * ev
        height = 0.5 * (wires[i, 2] + wires[i, 5]) - wires[i, 6]
        s = 0.0
        for _ in range(4):
            ou, ov = u + (height - z) * du - wires[i, 0], v + (height - z) * dv - wires[i, 1]
            s = (ou * eu + ov * ev) / span2
            height = wires[i, 2] + s * (wires[i, 5] - wires[i, 2]) - 4.0 * wires[i, 6] * s * (1.0 - s)
        away2 = (ou * ev - ov * eu) ** 2 / span2
        if 0.0 <= s <= 1.0 and away2 < 0.15 * 0.15:
            return height
    return -np.inf


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
        while energy >= WEAKEST and draw < _LAST_HIT:
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
        return _record(out, n, z, energy, WATER) if uniform(key, 20) < 0.12 else n
    if cover == NATURAL:
        height, share = undergrowth(u, v, seed)
        if uniform(key, 21) < share:
            tall = max(height * (0.45 + 0.55 * uniform(key, 22)), 0.2)
            kept = energy * (0.55 + 0.45 * uniform(key, 23))
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
    noise_seed: np.uint64,
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
    """Number of returns of one pulse; their (height, energy, kind) in ``out``, the ray's ground point in ``ray[:3]``.

    ``ray`` comes in as (u, v, z of a point on it, du, dv, reach west, south, east, north): a pulse whose ground point lies outside
    the last four is not followed.
    """
    du, dv = ray[3], ray[4]
    u, v, z, cover = ground_below(ray[0], ray[1], ray[2], du, dv, p, pads, shapes)
    if u < ray[5] or v < ray[6] or u > ray[7] or v > ray[8]:
        return 0
    ray[0], ray[1], ray[2] = u, v, z
    if uniform(key, 10) < 6e-5:
        out[0, 0], out[0, 1], out[0, 2] = z + 25.0 + 60.0 * uniform(key, 11), 0.3, HIGH_NOISE
        return 1
    n, energy = 0, 1.0
    wire = wire_above(u, v, z, du, dv, wires)
    if wire > z:
        n = _record(out, n, wire, 0.4, WIRE)
        energy = 0.6
    rise, kind = roof_above(u, v, z, du, dv, structures)
    if rise > 0.0:
        return _record(out, n, z + rise, energy, kind)
    n_spans = crowns_on_ray(u, v, z, du, dv, trees, first, index, shape, spans)
    n, energy = through_crowns(key, spans, n_spans, out, n, energy)
    n = to_ground(key, u, v, z, cover, noise_seed, out, n, energy)
    if n > 0 and uniform(key, 12) < 3e-4:
        out[n - 1, 0], out[n - 1, 2] = z - 0.8 - 9.0 * uniform(key, 13) ** 2, LOW_NOISE
    return n


@kernel
def normal_pair(key: np.uint64, draw: int) -> tuple[float, float]:
    """Two independent standard normal deviates (Box & Muller 1958, doi:10.1214/aoms/1177706645)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, draw)))
    angle = 2.0 * math.pi * uniform(key, draw + 1)
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel
def measure(
    key: np.uint64,
    ray: NDArray[np.float64],
    out: NDArray[np.float64],
    n: int,
    cross: float,
    line: NDArray[np.float64],
    limits: NDArray[np.float64],
    time: float,
    flags: tuple[int, int, int],
    xyzt: NDArray[np.float64],
    codes: NDArray[np.uint16],
    at: int,
) -> int:
    """Number of points after the ``n`` returns of a pulse were measured, with noise, and kept where they lie in the limits."""
    for r in range(n):
        rise = out[r, 0] - ray[2]
        nx, ny = normal_pair(key, 500 + 8 * r)
        nz, ni = normal_pair(key, 502 + 8 * r)
        x = limits[4] + ray[0] + rise * ray[3] + line[LINE_DU] + PLANE_NOISE * nx + limits[6]
        y = limits[5] + ray[1] + rise * ray[4] + line[LINE_DV] + PLANE_NOISE * ny + limits[7]
        if x < limits[0] or y < limits[1] or x >= limits[2] or y >= limits[3]:
            continue
        xyzt[at, 0], xyzt[at, 1], xyzt[at, 3] = x, y, time
        xyzt[at, 2] = out[r, 0] + line[LINE_DZ] + line[LINE_ROLL] * cross + RANGE_NOISE * nz + limits[8]
        kind = int(out[r, 2])
        intensity = _REFLECTANCE[kind] * out[r, 1] * max(1.0 + 0.12 * ni, 0.2)
        codes[at, 0], codes[at, 1], codes[at, 2] = int(intensity), r + 1, n
        codes[at, 3], codes[at, 4], codes[at, 5], codes[at, 6] = flags[0], flags[1], flags[2], kind
        at += 1
    return at


@kernel
def scan(
    seed: np.uint64,
    first_sweep: int,
    last_sweep: int,
    line: NDArray[np.float64],
    limits: NDArray[np.float64],
    noise_seed: np.uint64,
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

    ``line`` has the columns of `LINE_COLUMNS`, ``limits`` = (west, south, east, north of the wanted points, origin
    x, y, shift x, y, z). A row of ``xyzt`` is (x, y, z, time), of ``codes`` (intensity, return, returns, direction,
    edge, angle + 90, kind).
    """
    spans, out, ray = np.empty((MAX_CROWNS, 4)), np.empty((MAX_RETURNS, 3)), np.empty(9)
    n_points, n_pulses = 0, int(line[LINE_PULSES])
    margin = OBJECT_REACH * line[LINE_HALF_SWATH] / line[LINE_HEIGHT] + 2.0
    for k in range(4):
        ray[5 + k] = limits[k] - limits[4 + k % 2] - limits[6 + k % 2] + (margin if k > 1 else -margin)
    far = RELIEF_REACH * line[LINE_HALF_SWATH] / line[LINE_HEIGHT]
    for sweep in range(first_sweep, last_sweep):
        side = 1.0 if sweep % 2 == 0 else -1.0
        for k in range(n_pulses):
            share = (k + 0.5) / n_pulses
            along, cross = (sweep + share) * line[LINE_SPACING], side * (2.0 * share - 1.0) * line[LINE_HALF_SWATH]
            u = line[LINE_U] + along * line[LINE_COS] + cross * line[LINE_SIN]
            v = line[LINE_V] + along * line[LINE_SIN] - cross * line[LINE_COS]
            if u < ray[5] - far or v < ray[6] - far or u > ray[7] + far or v > ray[8] + far:
                continue
            lean = cross / line[LINE_HEIGHT]
            ray[0], ray[1], ray[2] = u, v, line[LINE_Z] + p[GRADE] * v
            ray[3], ray[4] = -lean * line[LINE_SIN], lean * line[LINE_COS]
            number = np.uint64(sweep) * np.uint64(n_pulses) + np.uint64(k)
            key = mix(seed + mix(number + np.uint64(line[LINE_NUMBER]) * LINE_STRIDE))
            n = fire(key, ray, noise_seed, p, pads, shapes, structures, wires, trees, first, index, shape, spans, out)
            time = line[LINE_TIME] + along / SPEED
            angle = int(round(math.degrees(math.atan(lean)))) + 90
            edge = 1 if k == n_pulses - 1 else 0
            n_points = measure(
                key, ray, out, n, cross, line, limits, time, (1 - sweep % 2, edge, angle), xyzt, codes, n_points
            )
    return n_points
