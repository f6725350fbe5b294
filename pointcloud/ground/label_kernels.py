"""Kernels that hold points against the fine surface; points sorted by cell as in ``detail_kernels``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.detail_kernels import tight_planes
from pointcloud.ground.surface_kernels import height_at
from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Cells = NDArray[np.int32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

STEPS = 1e8
"""Depths are squared and summed in steps of a hundredth of a square millimetre, so that their order changes nothing."""


@kernel
def label_points(
    x: Floats, y: Floats, z: Floats, corners: Floats, frame: Floats, slope: Floats, limits: Floats,
    codes: NDArray[np.uint8], first: int, last: int, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Class of each point by its height over the surface, which is linear between the ``corners`` of the cells.

    ``limits``: ground lies within limits[0] + limits[1] x slope of the surface, low noise more than limits[2] +
    limits[3] x slope below it. ``codes``: of ground, low noise, and all else. ``frame`` as `lattice.frame`.
    """
    cell, column, north_row = frame[0], int(frame[1]), int(frame[2])
    for i in range(first, last):
        east, north = x[i] / cell, y[i] / cell
        r, c = north_row - 1 - math.floor(north), math.floor(east) - column
        a, b, d, e = corners[r, c], corners[r, c + 1], corners[r + 1, c], corners[r + 1, c + 1]
        height = height_at(east - (column + c), (north_row - r) - north, a, b, d, e)
        if abs(z[i] - height) <= limits[0] + limits[1] * slope[r, c]:
            out[i] = codes[0]
        elif z[i] < height - limits[2] - limits[3] * slope[r, c]:
            out[i] = codes[1]
        else:
            out[i] = codes[2]


@kernel
def count_close(
    h: Small, surface: Small, beside: Small, starts: Index, limit: Floats, first: int, last: int, out: Index
) -> None:
    """Number of points in each cell within its ``limit`` (m) of the surface or of a plane ``beside``."""
    for k in range(first, last):
        n = 0
        for i in range(starts[k], starts[k + 1]):
            n += min(abs(h[i] - surface[i]), beside[i]) < limit[k]
        out[k] = n


@kernel
def depths(
    h: Small, surface: Small, starts: Index, deepest: float, first: int, last: int, n: Index, total: Index
) -> None:
    """Number and squares, in ``STEPS`` of 1 m2, of the points of each cell that lie below the surface."""
    for k in range(first, last):
        n[k] = total[k] = 0
        for i in range(starts[k], starts[k + 1]):
            depth = np.float64(surface[i]) - h[i]
            if 0.0 < depth <= deepest:
                n[k] += 1
                total[k] += round(depth * depth * STEPS)


@kernel
def climbed_down(
    h_key: Small, starts: Index, share: Floats, most: float, first: int, last: int, surface: Small
) -> None:
    """Bring the surface back to the key surface where it lies up to ``most`` above it, ``share`` of the way left."""
    for k in range(first, last):
        for i in range(starts[k], starts[k + 1]):
            if h_key[i] < surface[i] < h_key[i] + most:
                surface[i] = share[k] * surface[i] + (1.0 - share[k]) * h_key[i]


@kernel
def label_ground(
    u: Small, v: Small, h: Small, surface: Small, beside: Small, clean_low: Small, clean_high: Small, starts: Index,
    base: Floats, planes: Floats, shape: tuple[int, int], explained: Mask, noise: Floats, tolerance: Floats,
    edge: Floats, first: int, last: int, ground: Mask, away: Small,
) -> None:  # fmt: skip
    """Ground points and their distance from the surface; inf for others.

    ``edge`` is (least step between clean planes, least bend between tight ones, times noise more of that bend): there
    a point may lie anywhere between the lower and the upper face. Below, twice the tolerance holds. Its last two
    numbers are the floor and the slack of tight planes.
    """
    near = np.empty((9, 6))
    for k in range(first, last):
        if starts[k] == starts[k + 1]:
            continue
        bend = edge[1] + edge[2] * noise[k]
        n = tight_planes(planes, edge[3], edge[4], base[k], k // shape[1], k % shape[1], shape[0], shape[1], near)
        for i in range(starts[k], starts[k + 1]):
            s = surface[i]
            top, bottom, away[i] = s, s, abs(h[i] - s)
            if explained[k] and max(clean_high[i], s) - min(clean_low[i], s) > edge[0]:
                top, bottom = max(top, clean_high[i]), min(bottom, clean_low[i])
                away[i] = min(away[i], beside[i])
            least, most = np.inf, -np.inf
            for j in range(n):
                level = near[j, 0] + near[j, 1] * u[i] + near[j, 2] * v[i]
                least, most = min(least, level), max(most, level)
            low, high = np.float32(least), np.float32(most)
            if high - low > bend:
                top, bottom = max(top, high), min(bottom, low)
            ground[i] = bottom - 2.0 * tolerance[k] < h[i] < top + tolerance[k]
            if not ground[i]:
                away[i] = np.inf


@kernel
def nearest_of_quarters(
    x: Floats, y: Floats, index: Cells, u: Small, v: Small, away: Small, starts: Index, limit: Floats,
    first: int, last: int, key: Mask,
) -> None:  # fmt: skip
    """Mark in each quarter of a cell the point that lies least ``away`` from the surface, and within the ``limit``.

    Compared in micrometres; equals go to the lesser x, then y.
    """
    best = np.empty(4, dtype=np.int64)
    for k in range(first, last):
        best[:] = -1
        for i in range(starts[k], starts[k + 1]):
            key[i] = False
            if not away[i] <= limit[k]:
                continue
            quarter = 2 * (v[i] > 0.0) + (u[i] > 0.0)
            b = best[quarter]
            if b >= 0:
                one, other = math.floor(away[i] * 1e6), math.floor(away[b] * 1e6)
                p, q = index[i], index[b]
                if one > other or (one == other and (x[p] > x[q] or (x[p] == x[q] and y[p] >= y[q]))):
                    continue
            best[quarter] = i
        for b in best:
            if b >= 0:
                key[b] = True


@kernel
def put(values: Mask, index: Cells, first: int, last: int, out: Mask) -> None:
    """Values of points at the places of an index."""
    for i in range(first, last):
        out[index[i]] = values[i]
