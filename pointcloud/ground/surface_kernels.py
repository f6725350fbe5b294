"""Kernels of the smooth surface through the accepted lowest points.

The surface is a sum of levels. Level k has nodes every ``spacing`` metres at whole multiples of the spacing; each
node carries the weighted least-squares plane through what the coarser levels left over within one spacing of it,
and between nodes the planes blend by bilinear weights (a partition of unity).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]


@kernel
def solve_plane(m: Floats, ridge_value: float, ridge_slope: float, out: Floats) -> None:
    """Height and gradient (a, bx, by) of the weighted plane; ``m`` holds the nine moments of the points.

    Moments: w, wu, wv, wuu, wuv, wvv, wr, wur, wvr. Offsets u, v are in node spacings.
    """
    a00, a01, a02 = m[0] + ridge_value, m[1], m[2]
    a11, a12, a22 = m[3] + ridge_slope, m[4], m[5] + ridge_slope
    l1, l2 = a01 / a00, a02 / a00
    b11, b12, b22 = a11 - l1 * a01, a12 - l1 * a02, a22 - l2 * a02
    r1, r2 = m[7] - l1 * m[6], m[8] - l2 * m[6]
    k = b12 / b11
    by = (r2 - k * r1) / (b22 - k * b12)
    bx = (r1 - b12 * by) / b11
    out[0] = (m[6] - a01 * bx - a02 * by) / a00
    out[1] = bx
    out[2] = by


@kernel
def fit_level(
    px: Floats,
    py: Floats,
    residual: Floats,
    weight: Floats,
    step: int,
    spacing: float,
    column: int,
    north_row: int,
    ridge_value: float,
    ridge_slope: float,
    minimum: float,
    first: int,
    last: int,
    planes: Floats,
) -> None:
    """Plane of each node from the lowest points within one spacing; NaN where the weights sum to less than ``minimum``.

    Parameters
    ----------
    px, py, residual, weight
        Position, left-over height and weight of each cell's lowest point, shape (n_rows, n_columns); weight 0: none.
    step
        Node spacing in cells.
    column, north_row
        Node column of node 0 and node row of node row 0, counted in spacings from the CRS origin.
    planes
        Out: shape (n_node_rows, n_node_columns, 3).
    """
    n_rows, n_columns = weight.shape
    m = np.empty(9)
    for i in range(first, last):
        yn = (north_row - i) * spacing
        for j in range(planes.shape[1]):
            xn = (column + j) * spacing
            n = su = sv = suu = suv = svv = sz = suz = svz = 0.0
            for r in range(max(0, (i - 1) * step), min(n_rows, (i + 1) * step)):
                for c in range(max(0, (j - 1) * step), min(n_columns, (j + 1) * step)):
                    w = weight[r, c]
                    if w == 0.0:
                        continue
                    u, v = (px[r, c] - xn) / spacing, (py[r, c] - yn) / spacing
                    w *= (1.0 - abs(u)) * (1.0 - abs(v))
                    z = residual[r, c]
                    n += w
                    su += w * u
                    sv += w * v
                    suu += w * u * u
                    suv += w * u * v
                    svv += w * v * v
                    sz += w * z
                    suz += w * u * z
                    svz += w * v * z
            if n < minimum:
                planes[i, j, 0] = np.nan
                planes[i, j, 1] = 0.0
                planes[i, j, 2] = 0.0
            else:
                m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8] = n, su, sv, suu, suv, svv, sz, suz, svz
                solve_plane(m, ridge_value, ridge_slope, planes[i, j])


@kernel
def blend(planes: Floats, i: int, j: int, u: float, v: float) -> float:
    """Height of the blended planes at ``u`` spacings east and ``v`` south of node (i, j); NaN: no node near."""
    total, weight = 0.0, 0.0
    for k in range(4):
        di, dj = k // 2, k % 2
        a = planes[i + di, j + dj, 0]
        if math.isnan(a):
            continue
        w = (u if dj else 1.0 - u) * (v if di else 1.0 - v)
        total += w * (a + planes[i + di, j + dj, 1] * (u - dj) - planes[i + di, j + dj, 2] * (v - di))
        weight += w
    return total / weight if weight > 0.0 else np.nan


@kernel
def subtract_level(
    px: Floats,
    py: Floats,
    weight: Floats,
    step: int,
    spacing: float,
    column: int,
    north_row: int,
    planes: Floats,
    first: int,
    last: int,
    residual: Floats,
) -> None:
    """Take the level's surface off ``residual`` at every cell that has a point."""
    for r in range(first, last):
        i = r // step
        yn = (north_row - i) * spacing
        for c in range(weight.shape[1]):
            if weight[r, c] == 0.0:
                continue
            j = c // step
            u, v = (px[r, c] - (column + j) * spacing) / spacing, (yn - py[r, c]) / spacing
            d = blend(planes, i, j, min(1.0, max(0.0, u)), min(1.0, max(0.0, v)))
            if not math.isnan(d):
                residual[r, c] -= d


@kernel
def add_level(planes: Floats, step: int, base: bool, first: int, last: int, corners: Floats) -> None:
    """Add the level to the heights at the cells' corners; with ``base`` the level is the first and sets them."""
    n_rows, n_columns = planes.shape[0] - 1, planes.shape[1] - 1
    for r in range(first, last):
        i = min(r // step, n_rows - 1)
        v = (r - i * step) / step
        for c in range(corners.shape[1]):
            if step == 1:  # every corner is a node
                d = planes[r, c, 0]
            else:
                j = min(c // step, n_columns - 1)
                d = blend(planes, i, j, (c - j * step) / step, v)
            if base:
                corners[r, c] = d
            elif not math.isnan(d):
                corners[r, c] += d


@kernel
def height_at(u: float, v: float, a: float, b: float, d: float, e: float) -> float:
    """Height ``u`` cells east and ``v`` south of a cell's first corner; a, b are its northern, d, e its southern ones.

    Takes numbers, not the array of all corners: handing over an array costs more than the sum.
    """
    top = a * (1.0 - u) + b * u
    bottom = d * (1.0 - u) + e * u
    height: float = top * (1.0 - v) + bottom * v
    return height


@kernel
def heights_at(
    x: Floats,
    y: Floats,
    cells: NDArray[np.int32],
    corners: Floats,
    cell: float,
    column: int,
    north_row: int,
    first: int,
    last: int,
    out: Floats,
) -> None:
    """Height of the surface at points, linear between the corners of their cells; NaN where there is none."""
    n_columns = corners.shape[1] - 1
    for i in range(first, last):
        r, c = cells[i] // n_columns, cells[i] % n_columns
        a, b, d, e = corners[r, c], corners[r, c + 1], corners[r + 1, c], corners[r + 1, c + 1]
        out[i] = height_at(x[i] / cell - (column + c), (north_row - r) - y[i] / cell, a, b, d, e)


@kernel
def over_surface(
    px: Floats, py: Floats, pz: Floats, corners: Floats, cell: float, column: int, north_row: int,
    first: int, last: int, out: Floats,
) -> None:  # fmt: skip
    """Height of each cell's point above the surface; NaN where there is no point or no surface."""
    for r in range(first, last):
        for c in range(px.shape[1]):
            u, v = px[r, c] / cell - (column + c), (north_row - r) - py[r, c] / cell
            a, b, d, e = corners[r, c], corners[r, c + 1], corners[r + 1, c], corners[r + 1, c + 1]
            out[r, c] = pz[r, c] - height_at(u, v, a, b, d, e)


@kernel
def cell_slopes(corners: Floats, cell: float, first: int, last: int, out: Floats) -> None:
    """Gradient (m/m) of the surface in each cell."""
    for r in range(first, last):
        for c in range(out.shape[1]):
            a, b = corners[r, c], corners[r, c + 1]
            d, e = corners[r + 1, c], corners[r + 1, c + 1]
            gx = (b + e - a - d) / (2.0 * cell)
            gy = (a + b - d - e) / (2.0 * cell)
            out[r, c] = math.sqrt(gx * gx + gy * gy)
