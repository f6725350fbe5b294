"""The synthetic valley's terrain, its noise and its rays once more: slow, in plain NumPy, from the description."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.synthetic import kernels as k

Array = NDArray[np.float64]


def mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def gradient_noise(x: Array, y: Array, seed: int) -> Array:
    """Sum over the four lattice corners of (random gradient . offset), weighted by the quintic fade."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for di in (0, 1):
        for dj in (0, 1):
            i, j = np.floor(x).astype(np.int64) + di, np.floor(y).astype(np.int64) + dj
            bits = i.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + j.astype(np.uint64) * np.uint64(
                0xAF251AF3B0F025B5
            )
            bits = mixed(bits + np.uint64(seed))
            low, high = bits & np.uint64(0xFFFFFFFF), bits >> np.uint64(32)
            gx, gy = low.astype(float) / 2**31 - 1, high.astype(float) / 2**31 - 1
            total += fade(1 - abs(x - i)) * fade(1 - abs(y - j)) * (gx * (x - i) + gy * (y - j))
    return total


def fade(s: Array) -> Array:
    return 6 * s**5 - 15 * s**4 + 10 * s**3


def ramp(q: Array, rounding: float) -> Array:
    return (q + np.hypot(q, rounding)) / 2


def step(low: float, high: float, value: Array) -> Array:
    s = np.clip((value - low) / (high - low), 0, 1)
    return 3 * s**2 - 2 * s**3


def bench(z: Array, level: float | Array, beyond: Array, cut: float, fill: float) -> Array:
    out = np.maximum(beyond, 0)
    return np.clip(z, level - fill * out, level + cut * out)


def terrain(t: Array, w: Array, p: Array, pads: Array, shapes: Array) -> tuple[Array, NDArray[np.int64]]:
    """Height and cover, feature by feature in the order in which they were built."""
    seed = int(p[k.NOISE_SEED])
    # valleys mirrored at the ridges: a triangle wave
    span = k.RIDGE_WEST + k.RIDGE_EAST
    tf = span - abs((t + k.RIDGE_WEST) % (2 * span) - span) - k.RIDGE_WEST

    turn, small = 2 * np.pi * w / k.SPUR_WEST_LENGTH + p[k.SPUR_PHASE], 2 * np.pi * w / k.SPUR_MINOR_LENGTH
    small = small + 1.7 * p[k.SPUR_PHASE]
    q_west = -tf - k.FLOOR_WEST - k.SPUR_WEST * np.sin(turn) - k.SPUR_MINOR * np.sin(small)
    spur_slope = 2 * np.pi * k.SPUR_WEST / k.SPUR_WEST_LENGTH * np.cos(turn)
    spur_slope = spur_slope + 2 * np.pi * k.SPUR_MINOR / k.SPUR_MINOR_LENGTH * np.cos(small)
    q_east = tf - k.FLOOR_EAST
    q_east = q_east - k.SPUR_EAST * np.sin(2 * np.pi * w / k.SPUR_EAST_LENGTH + 2 * p[k.SPUR_PHASE])

    relief = p[k.WEST_SLOPE] * ramp(q_west, k.FOOT_ROUNDING) + k.GENTLE_SLOPE * ramp(q_east, k.FOOT_ROUNDING)
    relief += (p[k.EAST_SLOPE] - k.GENTLE_SLOPE) * ramp(q_east - k.GENTLE_LENGTH, k.FOOT_ROUNDING)
    for slope, e in ((p[k.WEST_SLOPE], tf + k.RIDGE_WEST), (p[k.EAST_SLOPE], k.RIDGE_EAST - tf)):
        relief += slope * (e - np.hypot(e, k.RIDGE_ROUNDING))

    wide = 0.25 + 0.75 * step(1, 12, relief)
    z = relief + 0.9 * wide * gradient_noise(t / 35, w / 35, seed)
    z += 0.28 * wide * gradient_noise(t / 9, w / 9, seed + 1) + 0.11 * gradient_noise(t / 3, w / 3, seed + 2)
    z += 0.045 * gradient_noise(t / 1.1, w / 1.1, seed + 3)
    z += 2.4 * step(0, 40, q_west) * gradient_noise(q_west / 85, w / 24, seed + 5)

    z, is_field = _fields(z, q_east, w)
    bend = np.sin(2 * np.pi * w / k.MEANDER_LENGTH + p[k.MEANDER_PHASE])
    off_road = abs(tf - k.ROAD_AT - k.ROAD_BEND * bend) - k.ROAD_HALF_WIDTH
    z = np.where(off_road < 12, bench(z, k.ROAD_RISE, off_road, 1.0, 0.7), z)
    off_forest = abs(q_west - k.FOREST_ROAD_AT) / np.hypot(1, spur_slope) - k.FOREST_ROAD_HALF_WIDTH
    level = p[k.WEST_SLOPE] * ramp(np.array(k.FOREST_ROAD_AT), k.FOOT_ROUNDING)
    z = np.where(off_forest < 40, bench(z, level, off_forest, p[k.CUT_SLOPE], p[k.FILL_SLOPE]), z)

    rate = 2 * np.pi / k.MEANDER_LENGTH
    lean = k.MEANDER * rate * np.cos(rate * w + p[k.MEANDER_PHASE])
    bank = step(k.CHANNEL_BED, k.CHANNEL_TOP, abs(tf - k.MEANDER * bend) / np.hypot(1, lean))
    bed = 0.35 * gradient_noise(t / 1.6, w / 1.6, seed + 4) - k.CHANNEL_DEPTH
    z = bank * z + (1 - bank) * bed
    water = k.WATER_DEPTH - k.CHANNEL_DEPTH
    is_water = (bank < 1) & (z < water)
    z = np.where(is_water, water, z) + p[k.BASE] + p[k.GRADE] * w

    is_yard = np.zeros(z.shape, dtype=bool)
    for pt, pw, cos, sin, half_a, half_b, level in pads:
        along, across = (t - pt) * cos + (w - pw) * sin, (w - pw) * cos - (t - pt) * sin
        beyond = np.maximum(abs(along) - half_a, abs(across) - half_b)
        z = np.where(beyond < 12, bench(z, level, beyond, 4.0, 4.0), z)
        is_yard |= beyond < 1
    change, is_moved = movement(t, w, shapes)
    bare = is_field | (off_road < 0.5) | (off_forest < 0.5) | is_yard | is_moved
    return z + change, np.where(is_water, k.WATERED, np.where(bare, k.BARE, k.NATURAL))


def _fields(z: Array, q: Array, w: Array) -> tuple[Array, NDArray[np.bool_]]:
    along = w % k.TERRACE_PERIOD
    share = step(12, 13.5, along) * step(140, 138.5, along) * step(5, 6.5, q) * step(76, 74.5, q)
    steps = k.GENTLE_SLOPE * ramp(q, k.FOOT_ROUNDING) / k.TERRACE_STEP
    wall = np.maximum(steps % 1 - (1 - k.TERRACE_WALL), 0) / k.TERRACE_WALL
    return z + share * (k.TERRACE_STEP * (np.floor(steps) + wall) - z), share > 0.5


def movement(t: Array, w: Array, shapes: Array) -> tuple[Array, NDArray[np.bool_]]:
    change, inside = np.zeros(t.shape), np.zeros(t.shape, dtype=bool)
    for st, sw, half_t, half_w, depth in shapes:
        b = (w - sw) / half_w
        a = (t - st) / half_t + k.SHEAR_ALONG * np.sin(k.SHEAR_ALONG_RATE * b)
        b = b + k.SHEAR_ACROSS * np.sin(k.SHEAR_ACROSS_RATE * a)
        odd = -0.25 * a + 0.09 * np.sin(4.7 * b) * np.cos(2.9 * a) + 0.09 * np.sin(7.3 * a) * np.cos(3.9 * b)
        is_in = a**2 + b**2 < 1
        change += np.where(is_in, depth * (1 - a**2 - b**2) * (1 + odd), 0)
        inside |= is_in
    return change, inside


def crown_heights(
    foot: tuple[float, float, float], lean: tuple[float, float], top: float, length: float, radius: float, blunt: float
) -> Array:
    """Heights, 1 mm apart, at which the ray through ``foot`` is inside the crown of a tree at the origin."""
    z = np.arange(top - length, top, 1e-3)
    x, y = foot[0] + lean[0] * (z - foot[2]), foot[1] + lean[1] * (z - foot[2])
    s = (top - z) / length
    return z[np.hypot(x, y) <= radius * np.sqrt(np.maximum(blunt * s + (1 - blunt) * s**2, 0))]
