"""Kernels of the fine surface: local planes through the points around each cell, and points against those planes.

Points stand sorted by cell, ``starts[k]`` to ``starts[k + 1]`` in cell k. A point's u counts cells to the east of the
middle of its cell, v to the south, h metres above ``base`` of its cell. Sums are taken of values rounded to a power of
two, so that no order of points changes a bit of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Cells = NDArray[np.int32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

ROUNDING = 1.5 * 2.0**22
"""Added and taken away it leaves multiples of 2^-30; sums of these are exact up to 2^22."""


@kernel
def near_points(
    z: Floats, key: Floats, cells: Cells, slope: Floats, skip: Mask, reach: Floats, first: int, last: int, out: Mask
) -> None:
    """Points from reach[0] + reach[1] x slope below the key surface to reach[2] + reach[3] x slope above it."""
    for i in range(first, last):
        s = slope[cells[i]]
        rise = z[i] - key[i]
        out[i] = not skip[i] and -(reach[0] + reach[1] * s) < rise < reach[2] + reach[3] * s


@kernel
def sort_by_cell(chosen: Mask, cells: Cells, place: Index, out: Index) -> None:
    """Indices of the chosen points by cell; ``place`` comes as the first place of each cell and is used up."""
    for i in range(chosen.size):
        if chosen[i]:
            out[place[cells[i]]] = i
            place[cells[i]] += 1


@kernel
def local_coordinates(
    x: Floats, y: Floats, z: Floats, key: Floats, cells: Cells, index: Index, base: Floats, frame: Floats,
    first: int, last: int, u: Small, v: Small, h: Small, h_key: Small,
) -> None:  # fmt: skip
    """u, v, h and height of the key surface; ``frame`` is (cell, column, north row, number of columns)."""
    cell, column, north, n_columns = frame[0], int(frame[1]), int(frame[2]), int(frame[3])
    for i in range(first, last):
        j = index[i]
        k = cells[j]
        u[i] = x[j] / cell - (column + k % n_columns) - 0.5
        v[i] = (north - k // n_columns) - 0.5 - y[j] / cell
        h[i] = z[j] - base[k]
        h_key[i] = key[j] - base[k]


@kernel
def cell_moments(
    u: Small, v: Small, h: Small, surface: Small, starts: Index, slope: Floats, soft: Floats, first: int, last: int,
    out: Floats,
) -> None:  # fmt: skip
    """Weighted moments of the points of each cell: w, wu, wv, wuu, wuv, wvv, wh, wuh, wvh, whh; shape (n_cells, 10).

    The weight is half at soft[0] + soft[1] x slope above the surface, and at soft[2] times that below it.
    """
    for k in range(first, last):
        m = out[k]
        m[:] = 0.0
        above = soft[0] + soft[1] * slope[k]
        below = soft[2] * above
        for i in range(starts[k], starts[k + 1]):
            a, b, c = np.float64(u[i]), np.float64(v[i]), np.float64(h[i])
            rise = c - surface[i]
            q = rise / (above if rise > 0.0 else below)
            w = 1.0 / (1.0 + q * q * q * q)
            if w < 1e-3:
                continue
            m[0] += (w + ROUNDING) - ROUNDING
            m[1] += (w * a + ROUNDING) - ROUNDING
            m[2] += (w * b + ROUNDING) - ROUNDING
            m[3] += (w * a * a + ROUNDING) - ROUNDING
            m[4] += (w * a * b + ROUNDING) - ROUNDING
            m[5] += (w * b * b + ROUNDING) - ROUNDING
            m[6] += (w * c + ROUNDING) - ROUNDING
            m[7] += (w * a * c + ROUNDING) - ROUNDING
            m[8] += (w * b * c + ROUNDING) - ROUNDING
            m[9] += (w * c * c + ROUNDING) - ROUNDING


@kernel
def gather(moments: Floats, base: Floats, r: int, c: int, n_rows: int, n_columns: int, m: Floats) -> None:
    """Moments of the 3 x 3 cells around (r, c) about its middle, into ``m``."""
    m[:] = 0.0
    for j in range(max(0, r - 1) - r, min(n_rows, r + 2) - r):
        for i in range(max(0, c - 1) - c, min(n_columns, c + 2) - c):
            k = (r + j) * n_columns + c + i
            q = moments[k]
            if q[0] == 0.0:
                continue
            d = base[k] - base[r * n_columns + c]
            h = q[6] + d * q[0]
            m[0] += q[0]
            m[1] += q[1] + i * q[0]
            m[2] += q[2] + j * q[0]
            m[3] += q[3] + 2 * i * q[1] + i * i * q[0]
            m[4] += q[4] + i * q[2] + j * q[1] + i * j * q[0]
            m[5] += q[5] + 2 * j * q[2] + j * j * q[0]
            m[6] += h
            m[7] += q[7] + d * q[1] + i * h
            m[8] += q[8] + d * q[2] + j * h
            m[9] += q[9] + 2 * d * q[6] + d * d * q[0]


@kernel
def fit_planes(
    moments: Floats, base: Floats, n_rows: int, n_columns: int, least: float, first: int, last: int, out: Floats
) -> None:
    """Least-squares plane of the 3 x 3 cells around each cell: height, rise by u, rise by v, spread (inf: none).

    ``least`` is the least sum of weights; ``first`` and ``last`` are cells; ``out`` has shape (n_cells, 4).
    """
    m = np.empty(10)
    for k in range(first, last):
        p = out[k]
        p[0] = np.nan
        p[3] = np.inf
        if math.isnan(base[k]):
            continue
        gather(moments, base, k // n_columns, k % n_columns, n_rows, n_columns, m)
        n = m[0]
        if n < least:
            continue
        u, v, h = m[1] / n, m[2] / n, m[6] / n
        uu, uv, vv = m[3] - n * u * u + 0.05, m[4] - n * u * v, m[5] - n * v * v + 0.05
        uh, vh, hh = m[7] - n * u * h, m[8] - n * v * h, m[9] - n * h * h
        det = uu * vv - uv * uv
        if det < 1e-3 * n * n:  # all points nearly on one line
            continue
        p[1], p[2] = (vv * uh - uv * vh) / det, (uu * vh - uv * uh) / det
        p[0] = h - p[1] * u - p[2] * v + base[k]
        p[3] = math.sqrt(max(0.0, hh - p[1] * uh - p[2] * vh) / max(1.0, n - 2.5))


@kernel
def planes_around(
    planes: Floats, limit: float, base: float, r: int, c: int, reach: int, n_rows: int, n_columns: int, out: Floats
) -> int:
    """Number of planes within ``reach`` cells of (r, c) with a spread up to ``limit``, described in ``out``.

    A row of it: height over ``base`` at (r, c), rise by u and v, spread, place in cells to the east and south.
    """
    n = 0
    for r2 in range(max(0, r - reach), min(n_rows, r + reach + 1)):
        for c2 in range(max(0, c - reach), min(n_columns, c + reach + 1)):
            p = planes[r2 * n_columns + c2]
            if p[3] <= limit and p[3] < np.inf:
                out[n, 0] = p[0] - p[1] * (c2 - c) - p[2] * (r2 - r) - base
                out[n, 1], out[n, 2], out[n, 3] = p[1], p[2], p[3]
                out[n, 4], out[n, 5] = c2 - c, r2 - r
                n += 1
    return n


@kernel
def blend_planes(
    u: Small, v: Small, h_key: Small, starts: Index, base: Floats, planes: Floats, shape: tuple[int, int],
    floor: float, slack: float, first: int, last: int, out: Small, low: Small, high: Small,
) -> None:  # fmt: skip
    """Mean height, at each point, of the tight planes among the nine around it, and the least and the greatest.

    Tight: a spread of at most ``floor`` or ``slack`` times the least spread. A tight plane's window lies on one
    side of an edge, so the edge stays sharp (the idea of Kuwahara et al. 1976). Weights fall with spread and
    distance. Where there is no plane all are the key surface.
    """
    n_rows, n_columns = shape
    near = np.empty((9, 6))
    for k in range(first, last):
        if starts[k] == starts[k + 1]:
            continue
        r, c = k // n_columns, k % n_columns
        n = planes_around(planes, np.inf, base[k], r, c, 1, n_rows, n_columns, near)
        if n > 0:
            limit = max(floor, slack * near[:n, 3].min())
            n = planes_around(planes, limit, base[k], r, c, 1, n_rows, n_columns, near)
        for i in range(starts[k], starts[k + 1]):
            out[i] = low[i] = high[i] = h_key[i]
            total, weight, least, most = 0.0, 0.0, np.inf, -np.inf
            for j in range(n):
                h = near[j, 0] + near[j, 1] * u[i] + near[j, 2] * v[i]
                du, dv = u[i] - near[j, 4], v[i] - near[j, 5]
                away = 1.0 + du * du + dv * dv
                w = 1.0 / ((near[j, 3] * near[j, 3] + 4e-4) * away * away)
                total += w * h
                weight += w
                least, most = min(least, h), max(most, h)
            if n > 0:
                out[i], low[i], high[i] = total / weight, least, most


@kernel
def nearest_plane(
    u: Small, v: Small, h: Small, starts: Index, base: Floats, clean: Floats, shape: tuple[int, int], reach: int,
    first: int, last: int, out: Small, low: Small, high: Small,
) -> None:  # fmt: skip
    """Least distance of each point from a clean plane within ``reach`` cells, and those planes' least and greatest.

    ``clean`` are the planes with a spread of inf where they are not clean; inf, inf and -inf where none is near.
    """
    n_rows, n_columns = shape
    near = np.empty(((2 * reach + 1) ** 2, 6))
    for k in range(first, last):
        if starts[k] == starts[k + 1]:
            continue
        n = planes_around(clean, np.inf, base[k], k // n_columns, k % n_columns, reach, n_rows, n_columns, near)
        for i in range(starts[k], starts[k + 1]):
            away, least, most = np.inf, np.inf, -np.inf
            for j in range(n):
                level = near[j, 0] + near[j, 1] * u[i] + near[j, 2] * v[i]
                away = min(away, abs(h[i] - level))
                least, most = min(least, level), max(most, level)
            out[i], low[i], high[i] = away, least, most
