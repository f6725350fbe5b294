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
SPUR_WEST, SPUR_WEST_LENGTH, SPUR_MINOR, SPUR_MINOR_LENGTH = 6.5, 112.0, 1.5, 47.0
SPUR_EAST, SPUR_EAST_LENGTH = 4.0, 140.0
"""Amplitudes and wavelengths of the spurs and gullies of either flank."""
GENTLE_LENGTH, GENTLE_SLOPE = 80.0, 0.125
"""The lower part of the eastern flank, where people live and farm."""
MEANDER, MEANDER_LENGTH = 6.0, 165.0
CHANNEL_BED, CHANNEL_TOP, CHANNEL_DEPTH, WATER_DEPTH = 2.0, 5.0, 1.9, 0.45
ROAD_AT, ROAD_HALF_WIDTH, ROAD_RISE, ROAD_BEND = 16.0, 2.8, 1.3, 2.5
FOREST_ROAD_AT, FOREST_ROAD_HALF_WIDTH = 34.0, 1.9
TERRACE_STEP, TERRACE_WALL, TERRACE_PERIOD = 1.2, 0.045, 420.0
"""Height of a step, share of its depth that the wall takes, and north-south period of the terraced blocks."""

SHEAR_ALONG, SHEAR_ALONG_RATE, SHEAR_ACROSS, SHEAR_ACROSS_RATE = 0.15, 2.3, 0.22, 2.1
"""Amplitude and rate of the shears that bend the outline of a mass movement."""

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
    """Scrambled bits of ``value``.

    References
    ----------
    Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195: the output function of SplitMix64.
    """
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
    bits = mix(np.uint64(np.int64(i)) * _LATTICE_U + np.uint64(np.int64(j)) * _LATTICE_V + seed)
    gx = float(bits & _LOW_32) * 2.0**-31 - 1.0
    gy = float(bits >> _S32) * 2.0**-31 - 1.0
    return float(gx * fx + gy * fy)


@kernel
def gradient_noise(x: float, y: float, seed: np.uint64) -> float:
    """Smooth noise of unit wavelength, roughly within +-0.7, zero on average.

    References
    ----------
    Perlin 2002, doi:10.1145/566654.566636; here each lattice point's gradient is uniform in a square.
    """
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
def spur_west(w: float, p: NDArray[np.float64]) -> tuple[float, float]:
    """How far the western flank's foot lies from its mean place, and the derivative by ``w``."""
    major = 2.0 * math.pi / SPUR_WEST_LENGTH
    minor = 2.0 * math.pi / SPUR_MINOR_LENGTH
    one, two = major * w + p[SPUR_PHASE], minor * w + 1.7 * p[SPUR_PHASE]
    offset = SPUR_WEST * math.sin(one) + SPUR_MINOR * math.sin(two)
    return offset, SPUR_WEST * major * math.cos(one) + SPUR_MINOR * minor * math.cos(two)


@kernel
def spur_east(w: float, p: NDArray[np.float64]) -> float:
    """How far the eastern flank's foot lies from its mean place."""
    return SPUR_EAST * math.sin(2.0 * math.pi * w / SPUR_EAST_LENGTH + 2.0 * p[SPUR_PHASE])


@kernel
def bend(w: float, p: NDArray[np.float64]) -> tuple[float, float]:
    """Where the stream's and the road's bends are between -1 (west) and 1 (east), and the derivative by ``w``."""
    k = 2.0 * math.pi / MEANDER_LENGTH
    phase = k * w + p[MEANDER_PHASE]
    return math.sin(phase), k * math.cos(phase)


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
    return float(height)


@kernel
def _roughness(t: float, w: float, q_west: float, relief: float, seed: np.uint64) -> float:
    """Gullies on the western flank, undulation, and fine roughness of natural ground."""
    wide = 0.25 + 0.75 * smooth_step(1.0, 12.0, relief)
    height = 0.9 * wide * gradient_noise(t / 35.0, w / 35.0, seed)
    if q_west > 0.0:
        gully = smooth_step(0.0, 40.0, q_west)
        height += 2.4 * gully * gradient_noise(q_west / 85.0, w / 24.0, seed + np.uint64(5))
    height += 0.28 * wide * gradient_noise(t / 9.0, w / 9.0, seed + np.uint64(1))
    height += 0.11 * gradient_noise(t / 3.0, w / 3.0, seed + np.uint64(2))
    return height + 0.045 * gradient_noise(t / 1.1, w / 1.1, seed + np.uint64(3))


@kernel
def _terraced(z: float, q: float, w: float) -> tuple[float, bool]:
    """Height with fields in steps (relative to the stream's grade), and whether the place is a field."""
    if q < 5.0 or q > 76.0:
        return z, False
    along = w % TERRACE_PERIOD
    share = smooth_step(12.0, 13.5, along) * (1.0 - smooth_step(138.5, 140.0, along))
    share *= smooth_step(5.0, 6.5, q) * (1.0 - smooth_step(74.5, 76.0, q))
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

    A row of ``shapes`` is (t, w, half length along t, half width along w, depth at the centre). The plane is
    scaled by the half axes and sheared twice, which keeps areas, so that the outline is a bent ellipse; in these
    coordinates the change is depth (1 - r2) times one plus terms that are odd in one of them and integrate to
    zero. The volume is therefore exactly depth pi a b / 2.
    """
    change, inside = 0.0, False
    for i in range(shapes.shape[0]):
        across = (w - shapes[i, 1]) / shapes[i, 3]
        along = (t - shapes[i, 0]) / shapes[i, 2] + SHEAR_ALONG * math.sin(SHEAR_ALONG_RATE * across)
        across += SHEAR_ACROSS * math.sin(SHEAR_ACROSS_RATE * along)
        r2 = along * along + across * across
        if r2 < 1.0:
            uneven = 1.0 - 0.25 * along + 0.09 * math.sin(4.7 * across) * math.cos(2.9 * along)
            uneven += 0.09 * math.sin(7.3 * along) * math.cos(3.9 * across)
            change += shapes[i, 4] * (1.0 - r2) * uneven
            inside = True
    return change, inside


@kernel
def _padded(z: float, t: float, w: float, pads: NDArray[np.float64]) -> tuple[float, bool]:
    """Height with level yards, and whether the place lies on one.

    A row of ``pads`` is (t, w, cos, sin, half length, half width, z).
    """
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
def _roads(
    z: float, tf: float, w: float, q_west: float, spur_slope: float, p: NDArray[np.float64]
) -> tuple[float, bool]:
    """Height with the two roads (relative to the stream's grade), and whether the place is on one."""
    away = abs(tf - ROAD_AT - ROAD_BEND * bend(w, p)[0]) - ROAD_HALF_WIDTH
    if away < 12.0:
        z = _benched(z, ROAD_RISE, max(away, 0.0), 1.0, 0.7)
    # the forest road keeps its height above the stream, so it follows the spurs
    forest_away = abs(q_west - FOREST_ROAD_AT) / math.sqrt(1.0 + spur_slope * spur_slope) - FOREST_ROAD_HALF_WIDTH
    if forest_away < 40.0:
        level = p[WEST_SLOPE] * smooth_ramp(FOREST_ROAD_AT, FOOT_ROUNDING)
        z = _benched(z, level, max(forest_away, 0.0), p[CUT_SLOPE], p[FILL_SLOPE])
    return z, away < 0.5 or forest_away < 0.5


@kernel
def _channel(z: float, t: float, tf: float, w: float, p: NDArray[np.float64], seed: np.uint64) -> tuple[float, bool]:
    """Height with the stream's channel (relative to its grade), and whether water stands at the place."""
    if abs(tf) > MEANDER + CHANNEL_TOP + 3.0:
        return z, False
    middle, slope = bend(w, p)
    offset = abs(tf - MEANDER * middle) / math.sqrt(1.0 + (MEANDER * slope) ** 2)
    bank = smooth_step(CHANNEL_BED, CHANNEL_TOP, offset)
    if bank == 1.0:
        return z, False
    bed = 0.35 * gradient_noise(t / 1.6, w / 1.6, seed + np.uint64(4)) - CHANNEL_DEPTH
    z = bank * z + (1.0 - bank) * bed
    level = WATER_DEPTH - CHANNEL_DEPTH
    return max(z, level), z < level


@kernel
def terrain(
    t: float, w: float, p: NDArray[np.float64], pads: NDArray[np.float64], shapes: NDArray[np.float64]
) -> tuple[float, int]:
    """Height of the ground or water at (t, w) and its cover (NATURAL, BARE, WATERED)."""
    tf = fold(t)
    seed = np.uint64(p[NOISE_SEED])
    spur, spur_slope = spur_west(w, p)
    q_west, q_east = -tf - FLOOR_WEST - spur, tf - FLOOR_EAST - spur_east(w, p)
    relief = _relief(tf, q_west, q_east, p)
    z = relief + _roughness(t, w, q_west, relief, seed)
    z, is_field = _terraced(z, q_east, w)
    z, is_road = _roads(z, tf, w, q_west, spur_slope, p)
    z, is_water = _channel(z, t, tf, w, p, seed)
    z, is_yard = _padded(z + p[BASE] + p[GRADE] * w, t, w, pads)
    change, is_moved = change_at(t, w, shapes)
    if is_water:
        return z + change, WATERED
    return z + change, BARE if is_field or is_road or is_yard or is_moved else NATURAL


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
