"""Kernels of the synthetic valley: counter-based random numbers, lattice noise, and the terrain itself.

Coordinates are metres from the valley's axis: ``t`` to the east, ``w`` to the north. Valleys repeat to the
east and west, mirrored at each ridge, so that a scene may be of any size.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

FLOOR_WEST, FLOOR_EAST = 22.0, 22.0
"""Distance from the axis to the foot of either flank."""
RIDGE_WEST, RIDGE_EAST = 138.0, 146.0
"""Distance from the axis to either ridge, where the terrain is mirrored."""
FOOT_ROUNDING, RIDGE_ROUNDING = 10.0, 6.0
"""Lengths over which the foot of a flank and its crest are rounded."""
SPUR_WEST, SPUR_WEST_LENGTH, SPUR_EAST, SPUR_EAST_LENGTH = 7.0, 95.0, 4.0, 140.0
"""Amplitude and wavelength of the spurs and gullies of either flank."""
GENTLE_LENGTH, GENTLE_SLOPE = 80.0, 0.125
"""The lower part of the eastern flank, where people live and farm."""
MEANDER, MEANDER_LENGTH = 6.0, 165.0
CHANNEL_BED, CHANNEL_TOP, CHANNEL_DEPTH, WATER_DEPTH = 2.0, 5.0, 1.9, 0.45
ROAD_AT, ROAD_HALF_WIDTH, ROAD_RISE = 16.0, 2.8, 1.3
FOREST_ROAD_AT, FOREST_ROAD_HALF_WIDTH = 34.0, 1.9
TERRACE_STEP, TERRACE_WALL, TERRACE_PERIOD = 1.2, 0.045, 420.0
"""Height of a step, share of its depth that the wall takes, and north-south period of the terraced blocks."""

BASE, GRADE, WEST_SLOPE, EAST_SLOPE, CUT_SLOPE, FILL_SLOPE, SPUR_PHASE, MEANDER_PHASE, NOISE_SEED = range(9)
"""Columns of the parameter array ``p`` (float64, length 9)."""

NATURAL, BARE, WATERED = 0, 1, 2
"""Ground cover: vegetation may grow; none grows (road, yard, field, scar); water."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LATTICE_U = np.uint64(0xD1342543DE82EF95)
_LATTICE_V = np.uint64(0xAF251AF3B0F025B5)
_S11, _S27, _S30, _S31, _S32 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_LOW_32 = np.uint64(0xFFFFFFFF)


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Scrambled bits of ``value``: the output function of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@kernel
def uniform(key: np.uint64, draw: int) -> float:
    """Draw number ``draw`` of the stream ``key``: uniform in [0, 1), a pure function of both."""
    return float(mix(key + np.uint64(draw + 1) * _GAMMA) >> _S11) * 2.0**-53


@kernel
def _corner(i: int, j: int, seed: np.uint64, fx: float, fy: float) -> float:
    """Random gradient of lattice point (i, j) times the offset (fx, fy) from it."""
    bits = mix(np.uint64(i) * _LATTICE_U + np.uint64(j) * _LATTICE_V + seed)
    gx = float(bits & _LOW_32) * 2.0**-31 - 1.0
    gy = float(bits >> _S32) * 2.0**-31 - 1.0
    return gx * fx + gy * fy


@kernel
def gradient_noise(x: float, y: float, seed: np.uint64) -> float:
    """Smooth noise of unit wavelength, roughly within +-0.7, zero on average (Perlin 2002, doi:10.1145/566654.566636)."""
    i, j = math.floor(x), math.floor(y)
    fx, fy = x - i, y - j
    sx = fx * fx * fx * (fx * (fx * 6.0 - 15.0) + 10.0)
    sy = fy * fy * fy * (fy * (fy * 6.0 - 15.0) + 10.0)
    south = (1.0 - sx) * _corner(i, j, seed, fx, fy) + sx * _corner(i + 1, j, seed, fx - 1.0, fy)
    north = (1.0 - sx) * _corner(i, j + 1, seed, fx, fy - 1.0) + sx * _corner(i + 1, j + 1, seed, fx - 1.0, fy - 1.0)
    return (1.0 - sy) * south + sy * north


@kernel
def smooth_ramp(q: float, rounding: float) -> float:
    """max(q, 0) with its corner rounded; never below either branch."""
    return 0.5 * (q + math.sqrt(q * q + rounding * rounding))


@kernel
def smooth_step(edge_0: float, edge_1: float, value: float) -> float:
    """0 below ``edge_0``, 1 above ``edge_1``, a cubic between."""
    s = min(max((value - edge_0) / (edge_1 - edge_0), 0.0), 1.0)
    return s * s * (3.0 - 2.0 * s)


@kernel
def fold(t: float) -> float:
    """Offset from the nearest valley's axis, mirrored at the ridges: within [-RIDGE_WEST, RIDGE_EAST]."""
    period = 2.0 * (RIDGE_WEST + RIDGE_EAST)
    s = (t + RIDGE_WEST) % period
    if s > 0.5 * period:
        s = period - s
    return s - RIDGE_WEST


@kernel
def uphill_west(tf: float, w: float, p: NDArray[np.float64]) -> float:
    """Distance up the western flank from its foot, following spurs and gullies."""
    return -tf - FLOOR_WEST - SPUR_WEST * math.sin(2.0 * math.pi * w / SPUR_WEST_LENGTH + p[SPUR_PHASE])


@kernel
def uphill_east(tf: float, w: float, p: NDArray[np.float64]) -> float:
    """Distance up the eastern flank from its foot."""
    return tf - FLOOR_EAST - SPUR_EAST * math.sin(2.0 * math.pi * w / SPUR_EAST_LENGTH + 2.0 * p[SPUR_PHASE])


@kernel
def stream_offset(tf: float, w: float, p: NDArray[np.float64]) -> float:
    """Signed distance from the stream's centre line (to first order)."""
    k = 2.0 * math.pi / MEANDER_LENGTH
    phase = k * w + p[MEANDER_PHASE]
    return (tf - MEANDER * math.sin(phase)) / math.sqrt(1.0 + (MEANDER * k * math.cos(phase)) ** 2)


@kernel
def _relief(tf: float, q_west: float, q_east: float, p: NDArray[np.float64]) -> float:
    """Smooth height of the flanks above the valley floor."""
    gentle = smooth_ramp(q_east, FOOT_ROUNDING)
    steep = smooth_ramp(q_east - GENTLE_LENGTH, FOOT_ROUNDING)
    height = p[WEST_SLOPE] * smooth_ramp(q_west, FOOT_ROUNDING)
    height += GENTLE_SLOPE * gentle + (p[EAST_SLOPE] - GENTLE_SLOPE) * steep
    e_west, e_east = tf + RIDGE_WEST, RIDGE_EAST - tf
    height += p[WEST_SLOPE] * (e_west - math.sqrt(e_west * e_west + RIDGE_ROUNDING * RIDGE_ROUNDING))
    height += p[EAST_SLOPE] * (e_east - math.sqrt(e_east * e_east + RIDGE_ROUNDING * RIDGE_ROUNDING))
    return height


@kernel
def _roughness(t: float, w: float, relief: float, seed: np.uint64) -> float:
    """Undulation and fine roughness of natural ground."""
    wide = 0.25 + 0.75 * smooth_step(1.0, 12.0, relief)
    height = wide * gradient_noise(t / 35.0, w / 35.0, seed)
    height += 0.30 * wide * gradient_noise(t / 9.0, w / 9.0, seed + np.uint64(1))
    height += 0.11 * gradient_noise(t / 3.0, w / 3.0, seed + np.uint64(2))
    return height + 0.045 * gradient_noise(t / 1.1, w / 1.1, seed + np.uint64(3))


@kernel
def _terraced(z: float, q: float, w: float) -> tuple[float, bool]:
    """Height with fields in steps (relative to the stream's grade), and whether the place is a field."""
    along = w % TERRACE_PERIOD
    share = smooth_step(12.0, 13.5, along) * (1.0 - smooth_step(148.5, 150.0, along))
    share *= smooth_step(5.0, 6.5, q) * (1.0 - smooth_step(74.5, 76.0, q))
    if share == 0.0:
        return z, False
    steps = GENTLE_SLOPE * smooth_ramp(q, FOOT_ROUNDING) / TERRACE_STEP
    k = math.floor(steps)
    wall = max(steps - k - (1.0 - TERRACE_WALL), 0.0) / TERRACE_WALL
    return (1.0 - share) * z + share * TERRACE_STEP * (k + wall), share > 0.5


@kernel
def _benched(z: float, level: float, beyond: float, cut: float, fill: float) -> float:
    """Ground cut down or filled up to a bench at ``level``, ``beyond`` metres outside its edge, with planar banks."""
    return min(max(z, level - beyond * fill), level + beyond * cut)


@kernel
def change_at(t: float, w: float, shapes: NDArray[np.float64]) -> tuple[float, bool]:
    """Height change made by the mass movements at (t, w), and whether the place lies inside one.

    A row of ``shapes`` is (t, w, cos, sin, a, b, depth): an ellipse with half axes a (along) and b (across).
    The change is depth (1 - r2) times a factor whose uneven parts are odd along or across, so that they
    integrate to zero and the volume is exactly depth pi a b / 2.
    """
    change, inside = 0.0, False
    for i in range(shapes.shape[0]):
        dt, dw = t - shapes[i, 0], w - shapes[i, 1]
        along = (dt * shapes[i, 2] + dw * shapes[i, 3]) / shapes[i, 4]
        across = (dw * shapes[i, 2] - dt * shapes[i, 3]) / shapes[i, 5]
        r2 = along * along + across * across
        if r2 < 1.0:
            uneven = 1.0 - 0.25 * along + 0.12 * math.sin(3.0 * math.pi * across)
            uneven += 0.12 * math.sin(4.0 * math.pi * along) * math.cos(2.0 * math.pi * across)
            change += shapes[i, 6] * (1.0 - r2) * uneven
            inside = True
    return change, inside


@kernel
def _padded(z: float, t: float, w: float, pads: NDArray[np.float64]) -> tuple[float, bool]:
    """Height with level yards, and whether the place lies on one. A row is (t, w, cos, sin, half length, half width, z)."""
    on_pad = False
    for i in range(pads.shape[0]):
        dt, dw = t - pads[i, 0], w - pads[i, 1]
        along, across = dt * pads[i, 2] + dw * pads[i, 3], dw * pads[i, 2] - dt * pads[i, 3]
        beyond = max(abs(along) - pads[i, 4], abs(across) - pads[i, 5], 0.0)
        if beyond < 12.0:
            z = _benched(z, pads[i, 6], beyond, 4.0, 4.0)
            on_pad = on_pad or beyond < 1.0
    return z, on_pad


@kernel
def terrain(
    t: float, w: float, p: NDArray[np.float64], pads: NDArray[np.float64], shapes: NDArray[np.float64]
) -> tuple[float, int]:
    """Height of the ground or water at (t, w) and its cover (NATURAL, BARE, WATERED)."""
    tf = fold(t)
    seed = np.uint64(p[NOISE_SEED])
    q_west, q_east = uphill_west(tf, w, p), uphill_east(tf, w, p)
    relief = _relief(tf, q_west, q_east, p)
    z = relief + _roughness(t, w, relief, seed)
    cover = NATURAL

    z, is_field = _terraced(z, q_east, w)
    away = abs(tf - ROAD_AT) - ROAD_HALF_WIDTH
    z = _benched(z, ROAD_RISE, max(away, 0.0), 1.0, 0.7)
    spur_slope = SPUR_WEST * 2.0 * math.pi / SPUR_WEST_LENGTH
    spur_slope *= math.cos(2.0 * math.pi * w / SPUR_WEST_LENGTH + p[SPUR_PHASE])
    forest_away = abs(q_west - FOREST_ROAD_AT) / math.sqrt(1.0 + spur_slope * spur_slope) - FOREST_ROAD_HALF_WIDTH
    forest_level = p[WEST_SLOPE] * smooth_ramp(FOREST_ROAD_AT, FOOT_ROUNDING)
    z = _benched(z, forest_level, max(forest_away, 0.0), p[CUT_SLOPE], p[FILL_SLOPE])
    if is_field or away < 0.5 or forest_away < 0.5:
        cover = BARE

    bank = smooth_step(CHANNEL_BED, CHANNEL_TOP, abs(stream_offset(tf, w, p)))
    if bank < 1.0:
        boulders = 0.35 * gradient_noise(t / 1.6, w / 1.6, seed + np.uint64(4))
        z = bank * z + (1.0 - bank) * (boulders - CHANNEL_DEPTH)
        if z < WATER_DEPTH - CHANNEL_DEPTH:
            z, cover = WATER_DEPTH - CHANNEL_DEPTH, WATERED
    z += p[BASE] + p[GRADE] * w

    z, on_pad = _padded(z, t, w, pads)
    change, moved = change_at(t, w, shapes)
    if cover == NATURAL and (on_pad or moved):
        cover = BARE
    return z + change, cover


@kernel
def terrain_at(
    t: NDArray[np.float64],
    w: NDArray[np.float64],
    p: NDArray[np.float64],
    pads: NDArray[np.float64],
    shapes: NDArray[np.float64],
    z: NDArray[np.float64],
    cover: NDArray[np.uint8],
) -> None:
    """`terrain` at each of the places, into ``z`` and ``cover``."""
    for i in range(t.size):
        z[i], cover[i] = terrain(t[i], w[i], p, pads, shapes)
