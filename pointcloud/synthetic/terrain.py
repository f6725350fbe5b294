"""The valley's ground: parameters, yards, mass movements, and its height anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.synthetic import kernels

_GRADE = 0.05
_BASE = 180.0


@dataclass(frozen=True, slots=True)
class Movement:
    """A mass movement: a bent ellipse within which the ground changed by an exactly known volume.

    Parameters
    ----------
    name
        Its name as a zone.
    t, w
        Centre, metres east and north of the valley's reference point.
    half_along, half_across
        Half axes in metres, along t (downhill) and along w.
    volume_m3
        Negative where earth was lost.
    """

    name: str
    t: float
    w: float
    half_along: float
    half_across: float
    volume_m3: float

    @property
    def depth(self) -> float:
        """Height change at the centre in metres: the change is depth (1 - r2), whose integral is depth pi a b / 2."""
        return 2.0 * self.volume_m3 / (math.pi * self.half_along * self.half_across)

    def row(self) -> list[float]:
        """The movement as the kernels take it."""
        return [self.t, self.w, self.half_along, self.half_across, self.depth]

    def contains(self, t: NDArray[np.float64], w: NDArray[np.float64], grow: float = 1.0) -> NDArray[np.bool_]:
        """Mask of the places inside, the outline grown by the factor ``grow``."""
        across = (w - self.w) / self.half_across
        along = (t - self.t) / self.half_along + kernels.SHEAR_ALONG * np.sin(kernels.SHEAR_ALONG_RATE * across)
        across = across + kernels.SHEAR_ACROSS * np.sin(kernels.SHEAR_ACROSS_RATE * along)
        inside: NDArray[np.bool_] = along * along + across * across < grow * grow
        return inside

    def outline(self, grow: float, n_vertices: int = 120) -> list[tuple[float, float]]:
        """Closed ring (t, w), counter-clockwise: the outline grown by the factor ``grow``, the shears undone."""
        angles = 2.0 * np.pi * np.arange(n_vertices) / n_vertices
        along, across = grow * np.cos(angles), grow * np.sin(angles)
        across -= kernels.SHEAR_ACROSS * np.sin(kernels.SHEAR_ACROSS_RATE * along)
        along -= kernels.SHEAR_ALONG * np.sin(kernels.SHEAR_ALONG_RATE * across)
        t, w = self.t + self.half_along * along, self.w + self.half_across * across
        ring = [(float(a), float(b)) for a, b in zip(t, w, strict=True)]
        return [*ring, ring[0]]


def parameters(seed: int, max_slope_deg: float) -> NDArray[np.float64]:
    """Parameter array of the terrain kernels; the western flank's slope reaches ``max_slope_deg`` on its spurs."""
    steepest = math.tan(math.radians(max_slope_deg))
    spur = 2.0 * math.pi * kernels.SPUR_WEST / kernels.SPUR_WEST_LENGTH
    spur += 2.0 * math.pi * kernels.SPUR_MINOR / kernels.SPUR_MINOR_LENGTH
    # |(m, m spur + grade)| = steepest, solved for the flank's own slope m
    a, b, c = 1.0 + spur * spur, 2.0 * spur * _GRADE, _GRADE * _GRADE - steepest * steepest
    west = (-b + math.sqrt(b * b - 4.0 * a * c)) / (2.0 * a)
    east = max(0.8 * west, kernels.GENTLE_SLOPE)
    phases = np.random.default_rng(seed).uniform(0.0, 2.0 * math.pi, 2)
    cut, fill = max(1.8, 1.8 * west), max(1.0, 1.3 * west)
    return np.array([_BASE, _GRADE, west, east, cut, fill, phases[0], phases[1], float(seed % 2**31) * 64.0])


@dataclass(frozen=True, slots=True)
class Terrain:
    """Ground of one epoch.

    Parameters
    ----------
    p
        Parameter array of the kernels, shape (9,).
    pads
        Yards, shape (n, 7): (t, w, cos, sin, half length, half width, z).
    shapes
        Mass movements, shape (n, 5); see `kernels.change_at`.
    """

    p: NDArray[np.float64]
    pads: NDArray[np.float64]
    shapes: NDArray[np.float64]

    @property
    def crest(self) -> float:
        """Height in metres of the western crest, the highest, above the valley floor."""
        return float(self.p[kernels.WEST_SLOPE]) * (kernels.RIDGE_WEST - kernels.FLOOR_WEST)

    def at(self, t: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Height in metres and cover code of the ground at places of any shape, t and w from the reference point."""
        t, w = np.broadcast_arrays(np.asarray(t, dtype=np.float64), np.asarray(w, dtype=np.float64))
        z, cover = np.empty(t.size), np.empty(t.size, dtype=np.uint8)
        flat_t, flat_w = np.ascontiguousarray(t).ravel(), np.ascontiguousarray(w).ravel()
        kernels.terrain_at(flat_t, flat_w, self.p, self.pads, self.shapes, z, cover)
        return z.reshape(t.shape), cover.reshape(t.shape)


def empty_rows(n_columns: int) -> NDArray[np.float64]:
    """No rows of ``n_columns`` values."""
    return np.empty((0, n_columns), dtype=np.float64)
