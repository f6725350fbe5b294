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
    n_nodes = planes.shape[1]
    sums = np.zeros((2, n_nodes + 1, 9))  # of the node row above a row of blocks, and of the one below
    for i in range(first - 1, last):
        for r in range(max(0, i * step), min(weight.shape[0], (i + 1) * step)):
            add_moments(px[r], py[r], residual[r], weight[r], step, spacing, column, north_row, i, sums)
        done = sums[i & 1]
        for j in range(n_nodes if i >= first else 0):
            if done[j, 0] < minimum:
                planes[i, j, 0] = np.nan
                planes[i, j, 1] = 0.0
                planes[i, j, 2] = 0.0
            else:
                solve_plane(done[j], ridge_value, ridge_slope, planes[i, j])
        done[:] = 0.0


@kernel
def add_moments(
    px: Floats, py: Floats, residual: Floats, weight: Floats, step: int, spacing: float, column: int, north_row: int,
    i: int, sums: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add a row of cells to the moments of the four nodes around each; its blocks lie below node row ``i``.

    A cell is looked at once, and each node still sums its cells from north to south, from west to east.
    """
    for j in range(sums.shape[1] - 1):
        for c in range(j * step, min((j + 1) * step, weight.size)):
            if weight[c] == 0.0:
                continue
            x, y, z = px[c], py[c], residual[c]
            for k in range(4):
                d, n = k >> 1, j + (k & 1)
                u, v = (x - (column + n) * spacing) / spacing, (y - (north_row - i - d) * spacing) / spacing
                w = weight[c] * ((1.0 - abs(u)) * (1.0 - abs(v)))
                p = (i + d) & 1
                sums[p, n, 0] += w
                sums[p, n, 1] += w * u
                sums[p, n, 2] += w * v
                sums[p, n, 3] += w * u * u
                sums[p, n, 4] += w * u * v
                sums[p, n, 5] += w * v * v
                sums[p, n, 6] += w * z
                sums[p, n, 7] += w * u * z
                sums[p, n, 8] += w * v * z


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
        for j in range(planes.shape[1] - 1):
            xn = (column + j) * spacing
            for c in range(j * step, (j + 1) * step):
                if weight[r, c] == 0.0:
                    continue
                u, v = (px[r, c] - xn) / spacing, (yn - py[r, c]) / spacing
                d = blend(planes, i, j, min(1.0, max(0.0, u)), min(1.0, max(0.0, v)))
                if not math.isnan(d):
                    residual[r, c] -= d


@kernel
def add_level(planes: Floats, step: int, base: bool, first: int, last: int, corners: Floats) -> None:
    """Add the level to the heights at the cells' corners; with ``base`` the level is the first and sets them."""
    line = np.empty(corners.shape[1])
    for r in range(first, last):
        if step == 1:  # every corner is a node
            for c in range(line.size):
                line[c] = planes[r, c, 0]
        else:
            i = min(r // step, planes.shape[0] - 2)
            blend_row(planes, i, step, (r - i * step) / step, line)
        for c in range(line.size):
            if base:
                corners[r, c] = line[c]
            elif not math.isnan(line[c]):
                corners[r, c] += line[c]


@kernel
def blend_row(planes: Floats, i: int, step: int, v: float, out: Floats) -> None:
    """As `blend`, at the ``step`` parts of each way from node to node, ``v`` spacings south of node row ``i``."""
    for j in range(planes.shape[1] - 1):
        a, by_a, fall_a = planes[i, j, 0], planes[i, j, 1], planes[i, j, 2]
        b, by_b, fall_b = planes[i, j + 1, 0], planes[i, j + 1, 1], planes[i, j + 1, 2]
        d, by_d, fall_d = planes[i + 1, j, 0], planes[i + 1, j, 1], planes[i + 1, j, 2]
        e, by_e, fall_e = planes[i + 1, j + 1, 0], planes[i + 1, j + 1, 1], planes[i + 1, j + 1, 2]
        is_known = not math.isnan(a + b + d + e)
        for k in range(step + 1):
            u = k / step
            if not is_known:
                out[j * step + k] = blend(planes, i, j, u, v)
                continue
            w_a, w_b, w_d, w_e = (1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v
            total = 0.0 + w_a * (a + by_a * u - fall_a * v)
            total += w_b * (b + by_b * (u - 1.0) - fall_b * v)
            total += w_d * (d + by_d * u - fall_d * (v - 1.0))
            total += w_e * (e + by_e * (u - 1.0) - fall_e * (v - 1.0))
            out[j * step + k] = total / (w_a + w_b + w_d + w_e)


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
