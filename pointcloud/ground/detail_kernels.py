"""Kernels of the fine surface: local planes through the points around each cell, and points against those planes.

Points stand sorted by cell, ``starts[k]`` to ``starts[k + 1]`` in cell k. A point's u counts cells to the east of the
middle of its cell, v to the south, h metres above ``base`` of its cell. Sums are taken of values rounded to a power of
two, so that no order of points changes a bit of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.surface_kernels import height_at
from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Cells = NDArray[np.int32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

ROUNDING = 1.5 * 2.0**22
"""Added and taken away it leaves multiples of 2^-30; sums of these are exact up to 2^22."""
BLOCK = 64
"""Points of a cell that are worked on together."""


@kernel
def near_points(
    x: Floats, y: Floats, z: Floats, corners: Floats, frame: Floats, slope: Floats, skip: Mask, reach: Floats,
    chosen: Mask, first: int, last: int, counts: Index,
) -> None:  # fmt: skip
    """Choose points from reach[0] + reach[1] x slope below the surface to reach[2] + reach[3] x slope above it.

    The surface is linear between the ``corners`` of the cells; ``frame`` as `lattice.frame`. ``counts`` grows by the
    points chosen in each cell.
    """
    cell, column, north_row, n_columns = frame[0], int(frame[1]), int(frame[2]), corners.shape[1] - 1
    for i in range(first, last):
        east, north = x[i] / cell, y[i] / cell
        r, c = north_row - 1 - math.floor(north), math.floor(east) - column
        a, b, d, e = corners[r, c], corners[r, c + 1], corners[r + 1, c], corners[r + 1, c + 1]
        rise = z[i] - height_at(east - (column + c), (north_row - r) - north, a, b, d, e)
        s = slope[r * n_columns + c]
        chosen[i] = not skip[i] and -(reach[0] + reach[1] * s) < rise < reach[2] + reach[3] * s
        counts[r * n_columns + c] += chosen[i]


@kernel
def sort_by_cell(chosen: Mask, cells: Cells, out: Cells, first: int, last: int, place: Index) -> None:
    """Indices of the chosen points by cell; ``place`` comes as the first place of each cell and is used up."""
    for i in range(first, last):
        if chosen[i]:
            out[place[cells[i]]] = i
            place[cells[i]] += 1


@kernel
def local_coordinates(
    x: Floats, y: Floats, z: Floats, corners: Floats, frame: Floats, index: Cells, base: Floats,
    first: int, last: int, u: Small, v: Small, h: Small, h_key: Small,
) -> None:  # fmt: skip
    """u, v, h and height of the surface, as in `near_points`, at the points of an index."""
    cell, column, north_row, n_columns = frame[0], int(frame[1]), int(frame[2]), corners.shape[1] - 1
    for i in range(first, last):
        j = index[i]
        east, north = x[j] / cell, y[j] / cell
        r, c = north_row - 1 - math.floor(north), math.floor(east) - column
        level = base[r * n_columns + c]
        u[i] = east - (column + c) - 0.5
        v[i] = (north_row - r) - 0.5 - north
        h[i] = z[j] - level
        a, b, d, e = corners[r, c], corners[r, c + 1], corners[r + 1, c], corners[r + 1, c + 1]
        h_key[i] = height_at(east - (column + c), (north_row - r) - north, a, b, d, e) - level


@kernel
def cell_moments(
    u: Small, v: Small, h: Small, surface: Small, starts: Index, slope: Floats, soft: Floats, first: int, last: int,
    out: Floats,
) -> None:  # fmt: skip
    """Weighted moments of the points of each cell: w, wu, wv, wuu, wuv, wvv, wh, wuh, wvh, whh; shape (n_cells, 10).

    The weight is half at soft[0] + soft[1] x slope above the surface, and at soft[2] times that below it.
    """
    for k in range(first, last):
        above = soft[0] + soft[1] * slope[k]
        below = soft[2] * above
        n = su = sv = suu = suv = svv = sh = suh = svh = shh = 0.0
        for i in range(starts[k], starts[k + 1]):
            a, b, c = np.float64(u[i]), np.float64(v[i]), np.float64(h[i])
            rise = c - surface[i]
            q = rise / (above if rise > 0.0 else below)
            w = 1.0 / (1.0 + q * q * q * q)
            w = 0.0 if w < 1e-3 else w
            n += (w + ROUNDING) - ROUNDING
            su += (w * a + ROUNDING) - ROUNDING
            sv += (w * b + ROUNDING) - ROUNDING
            suu += (w * a * a + ROUNDING) - ROUNDING
            suv += (w * a * b + ROUNDING) - ROUNDING
            svv += (w * b * b + ROUNDING) - ROUNDING
            sh += (w * c + ROUNDING) - ROUNDING
            suh += (w * a * c + ROUNDING) - ROUNDING
            svh += (w * b * c + ROUNDING) - ROUNDING
            shh += (w * c * c + ROUNDING) - ROUNDING
        m = out[k]
        m[0], m[1], m[2], m[3], m[4], m[5] = n, su, sv, suu, suv, svv
        m[6], m[7], m[8], m[9] = sh, suh, svh, shh


@kernel
def weight_around(moments: Floats, r: int, c: int, n_rows: int, n_columns: int) -> float:
    """Sum of the weights of the 3 x 3 cells around (r, c)."""
    n = 0.0
    for j in range(max(0, r - 1), min(n_rows, r + 2)):
        for i in range(max(0, c - 1), min(n_columns, c + 2)):
            n += moments[j * n_columns + i, 0]
    return n


@kernel
def gather(moments: Floats, base: Floats, r: int, c: int, n_rows: int, n_columns: int, m: Floats) -> None:
    """Moments of the 3 x 3 cells around (r, c) about its middle, into ``m``."""
    n = su = sv = suu = suv = svv = sh = suh = svh = shh = 0.0
    level = base[r * n_columns + c]
    for j in range(max(0, r - 1) - r, min(n_rows, r + 2) - r):
        for i in range(max(0, c - 1) - c, min(n_columns, c + 2) - c):
            k = (r + j) * n_columns + c + i
            w = moments[k, 0]
            if w == 0.0:
                continue
            wu, wv, wh, d = moments[k, 1], moments[k, 2], moments[k, 6], base[k] - level
            h = wh + d * w
            n += w
            su += wu + i * w
            sv += wv + j * w
            suu += moments[k, 3] + 2 * i * wu + i * i * w
            suv += moments[k, 4] + i * wv + j * wu + i * j * w
            svv += moments[k, 5] + 2 * j * wv + j * j * w
            sh += h
            suh += moments[k, 7] + d * wu + i * h
            svh += moments[k, 8] + d * wv + j * h
            shh += moments[k, 9] + 2 * d * wh + d * d * w
    m[0], m[1], m[2], m[3], m[4], m[5] = n, su, sv, suu, suv, svv
    m[6], m[7], m[8], m[9] = sh, suh, svh, shh


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
        r, c = k // n_columns, k % n_columns
        if math.isnan(base[k]) or weight_around(moments, r, c, n_rows, n_columns) < least:
            continue
        gather(moments, base, r, c, n_rows, n_columns, m)
        n = m[0]
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
            k = r2 * n_columns + c2
            spread, by_u, by_v = planes[k, 3], planes[k, 1], planes[k, 2]
            if spread <= limit and spread < np.inf:
                out[n, 0] = planes[k, 0] - by_u * (c2 - c) - by_v * (r2 - r) - base
                out[n, 1], out[n, 2], out[n, 3] = by_u, by_v, spread
                out[n, 4], out[n, 5] = c2 - c, r2 - r
                n += 1
    return n


@kernel
def tight_planes(
    planes: Floats, floor: float, slack: float, base: float, r: int, c: int, n_rows: int, n_columns: int, out: Floats
) -> int:
    """As `planes_around` of the nine around (r, c) with a spread up to ``floor`` or ``slack`` times the least."""
    n = planes_around(planes, np.inf, base, r, c, 1, n_rows, n_columns, out)
    least = np.inf
    for j in range(n):
        least = min(least, out[j, 3])
    limit, kept = max(floor, slack * least), 0
    for j in range(n):
        if out[j, 3] <= limit:
            for k in range(6):
                out[kept, k] = out[j, k]
            kept += 1
    return kept


@kernel
def blend_planes(
    u: Small, v: Small, h_key: Small, starts: Index, base: Floats, planes: Floats, shape: tuple[int, int],
    floor: float, slack: float, first: int, last: int, out: Small,
) -> None:  # fmt: skip
    """Mean height, at each point, of the tight planes among the nine around it; the key surface where there is none.

    Tight: a spread of at most ``floor`` or ``slack`` times the least spread. A tight plane's window lies on one
    side of an edge, so the edge stays sharp (the idea of Kuwahara et al. 1976). Weights fall with spread and
    distance. One plane after the other is laid through all points of a cell: that is work for vector registers.
    """
    near, total, weight = np.empty((9, 6)), np.empty(BLOCK), np.empty(BLOCK)
    for k in range(first, last):
        if starts[k] == starts[k + 1]:
            continue
        n = tight_planes(planes, floor, slack, base[k], k // shape[1], k % shape[1], shape[0], shape[1], near)
        for start in range(starts[k], starts[k + 1], BLOCK):
            end = min(start + BLOCK, starts[k + 1])
            a, b, key, mean = u[start:end], v[start:end], h_key[start:end], out[start:end]
            for i in range(key.size):
                total[i], weight[i] = (0.0, 0.0) if n > 0 else (key[i], 1.0)
            for j in range(n):
                add_plane(near[j], a, b, total, weight)
            for i in range(mean.size):
                mean[i] = total[i] / weight[i]


@kernel
def add_plane(plane: Floats, u: Small, v: Small, total: Floats, weight: Floats) -> None:
    """Add a plane's weighted heights at points, and the weights; the plane as in `planes_around`."""
    height, by_u, by_v, du, dv = plane[0], plane[1], plane[2], plane[4], plane[5]
    variance = plane[3] * plane[3] + 4e-4
    for i in range(u.size):
        a, b = np.float64(u[i]), np.float64(v[i])
        away = 1.0 + (a - du) * (a - du) + (b - dv) * (b - dv)
        w = 1.0 / (variance * away * away)
        total[i] += w * (height + by_u * a + by_v * b)
        weight[i] += w


@kernel
def corners_of_planes(
    planes: Floats, key: Floats, floor: float, slack: float, first: int, last: int, out: Floats
) -> None:
    """Heights at the corners of the cells, shape of ``key``: the mean of the tight planes of the four cells around.

    Tight as in `blend_planes`; the height of ``key`` where there is no plane.
    """
    n_rows, n_columns = key.shape[0] - 1, key.shape[1] - 1
    near = np.empty((4, 2))
    for r in range(first, last):
        for c in range(n_columns + 1):
            n, least = 0, np.inf
            for r2 in range(max(0, r - 1), min(n_rows, r + 1)):
                for c2 in range(max(0, c - 1), min(n_columns, c + 1)):
                    p = planes[r2 * n_columns + c2]
                    if p[3] < np.inf:
                        near[n, 0], near[n, 1] = p[0] + p[1] * (c - c2 - 0.5) + p[2] * (r - r2 - 0.5), p[3]
                        least = min(least, p[3])
                        n += 1
            limit, total, weight = max(floor, slack * least), 0.0, 0.0
            for j in range(n):
                if near[j, 1] <= limit:
                    w = 1.0 / (near[j, 1] * near[j, 1] + 4e-4)
                    total += w * near[j, 0]
                    weight += w
            out[r, c] = total / weight if n > 0 else key[r, c]


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
