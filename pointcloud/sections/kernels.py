"""Kernels of section lines: an index of triangles and points by cells, cuts through a TIN, areas between two lines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def slab_range(px: Floats, py: Floats, low: float, high: float, out: Floats) -> bool:
    """West and east end of the part of a closed polygon (or a line of two points) between two latitudes.

    ``out`` gets both; False where nothing lies between.
    """
    out[0], out[1] = np.inf, -np.inf
    n = px.size
    for i in range(n):
        ax, ay = px[i], py[i]
        if low <= ay <= high:
            out[0], out[1] = min(out[0], ax), max(out[1], ax)
        j = (i + 1) % n
        bx, by = px[j], py[j]
        if ay == by:
            continue
        for y in (low, high):
            u = (y - ay) / (by - ay)
            if 0.0 <= u <= 1.0:
                x = ax + u * (bx - ax)
                out[0], out[1] = min(out[0], x), max(out[1], x)
    return bool(out[0] <= out[1])


@kernel
def index_triangles(
    x: Floats, y: Floats, triangles: NDArray[np.uint32], n_columns: int, n_rows: int, starts: Ints, items: Ints
) -> None:
    """Count or list the triangles that touch each cell.

    Parameters
    ----------
    x, y
        Vertices in cell units from the index's south-west corner.
    triangles
        Vertex numbers, shape (m, 3).
    n_columns, n_rows
        Cells of the index.
    starts
        With empty ``items``: in zeros, out the count of cell c at c + 1. Else: in where each cell's list begins,
        out where it ends.
    items
        Out: triangle numbers, cell after cell.
    """
    px, py, span = np.empty(3), np.empty(3), np.empty(2)
    for t in range(triangles.shape[0]):
        for k in range(3):
            px[k], py[k] = x[triangles[t, k]], y[triangles[t, k]]
        first, last = max(0, math.floor(py.min())), min(n_rows - 1, math.floor(py.max()))
        for row in range(first, last + 1):
            if not slab_range(px, py, float(row), row + 1.0, span):
                continue
            for column in range(max(0, math.floor(span[0])), min(n_columns - 1, math.floor(span[1])) + 1):
                cell = row * n_columns + column
                if items.size == 0:
                    starts[cell + 1] += 1
                else:
                    items[starts[cell]] = t
                    starts[cell] += 1


@kernel
def crossing(da: float, db: float, ta: float, tb: float, za: float, zb: float, out: Floats, k: int) -> None:
    """Place and height where the edge a-b meets the line, from the signed distances of its ends."""
    u = da / (da - db)
    out[k] = ta + u * (tb - ta)
    out[k + 1] = za + u * (zb - za)


@kernel
def cut_triangle(
    ids: NDArray[np.uint32], d: Floats, t: Floats, z: Floats, closed_left: bool, length: float, out: Floats
) -> bool:
    """Part of the line inside one triangle: ``out`` = (t0, z0, t1, z1), t0 <= t1, within 0 to ``length``.

    ``closed_left`` says to which side a vertex exactly on the line belongs. Edges are taken from the lower vertex
    number to the higher, so that two triangles find the same place on the edge that they share.
    """
    k = 0
    for e in range(3):
        a, b = e, (e + 1) % 3
        left_a = d[a] >= 0.0 if closed_left else d[a] > 0.0
        left_b = d[b] >= 0.0 if closed_left else d[b] > 0.0
        if left_a == left_b:
            continue
        if ids[a] > ids[b]:
            a, b = b, a
        crossing(d[a], d[b], t[a], t[b], z[a], z[b], out, k)
        k += 2
    if k != 4:
        return False
    if out[0] > out[2]:
        out[0], out[1], out[2], out[3] = out[2], out[3], out[0], out[1]
    if out[2] <= 0.0 or out[0] >= length or out[2] <= out[0]:
        return False
    slope = (out[3] - out[1]) / (out[2] - out[0])
    if out[0] < 0.0:
        out[1] -= slope * out[0]
        out[0] = 0.0
    if out[2] > length:
        out[3] -= slope * (out[2] - length)
        out[2] = length
    return True


@kernel
def cut_tin(
    x: Floats,
    y: Floats,
    z: Floats,
    triangles: NDArray[np.uint32],
    starts: Ints,
    items: Ints,
    frame: Floats,
    shape: Ints,
    segment: Floats,
    seen: Ints,
    out: Floats,
) -> int:
    """Parts of a segment inside the triangles of a TIN, in no order.

    Parameters
    ----------
    x, y, z, triangles
        The TIN.
    starts, items, frame, shape
        Its index: frame = (west, south, cell) in metres, shape = (n_rows, n_columns).
    segment
        x0, y0, x1, y1.
    seen
        One number a triangle, none equal to ``shape[2]``; those looked at are set to it.
    out
        Out: rows t0, z0, t1, z1 with t in metres from the segment's start, as many as fit.

    Returns
    -------
    int
        Parts found; more than ``out`` holds means: come again with more room.
    """
    ex, ey = segment[2] - segment[0], segment[3] - segment[1]
    length = math.hypot(ex, ey)
    ux, uy = ex / length, ey / length
    px, py = np.empty(2), np.empty(2)
    span, part, d, t, h = np.empty(2), np.empty(4), np.empty(3), np.empty(3), np.empty(3)
    px[0], px[1] = (segment[0] - frame[0]) / frame[2], (segment[2] - frame[0]) / frame[2]
    py[0], py[1] = (segment[1] - frame[1]) / frame[2], (segment[3] - frame[1]) / frame[2]
    n = 0
    for row in range(max(0, math.floor(py.min())), min(shape[0] - 1, math.floor(py.max())) + 1):
        if not slab_range(px, py, float(row), row + 1.0, span):
            continue
        for column in range(max(0, math.floor(span[0])), min(shape[1] - 1, math.floor(span[1])) + 1):
            cell = row * shape[1] + column
            for i in range(starts[cell], starts[cell + 1]):
                number = items[i]
                if seen[number] == shape[2]:
                    continue
                seen[number] = shape[2]
                n_on = 0
                for k in range(3):
                    v = triangles[number, k]
                    vx, vy = x[v] - segment[0], y[v] - segment[1]
                    d[k], t[k], h[k] = ux * vy - uy * vx, ux * vx + uy * vy, z[v]
                    n_on += d[k] == 0.0
                for closed_left in (True, False):
                    if not (closed_left or n_on) or not cut_triangle(
                        triangles[number], d, t, h, closed_left, length, part
                    ):
                        continue
                    if n < out.shape[0]:
                        for k in range(4):
                            out[n, k] = part[k]
                    n += 1
    return n


@kernel
def points_near(
    x: Floats,
    y: Floats,
    order: Ints,
    starts: Ints,
    frame: Floats,
    shape: Ints,
    segment: Floats,
    reach: float,
    numbers: Ints,
    t: Floats,
    d: Floats,
) -> int:
    """Points within ``reach`` metres beside a segment and beyond its ends.

    ``numbers`` gets the points' numbers, ``t`` metres along from the start, ``d`` metres to the left; returns how many
    there are, which may be more than fit.
    """
    ex, ey = segment[2] - segment[0], segment[3] - segment[1]
    length = math.hypot(ex, ey)
    ux, uy = ex / length, ey / length
    px, py, span = np.empty(2), np.empty(2), np.empty(2)
    px[0], px[1] = (segment[0] - frame[0]) / frame[2], (segment[2] - frame[0]) / frame[2]
    py[0], py[1] = (segment[1] - frame[1]) / frame[2], (segment[3] - frame[1]) / frame[2]
    wide = reach / frame[2]
    n = 0
    for row in range(max(0, math.floor(py.min() - wide)), min(shape[0] - 1, math.floor(py.max() + wide)) + 1):
        if not slab_range(px, py, row - wide, row + 1.0 + wide, span):
            continue
        first, last = math.floor(span[0] - wide), math.floor(span[1] + wide)
        for column in range(max(0, first), min(shape[1] - 1, last) + 1):
            cell = row * shape[1] + column
            for i in range(starts[cell], starts[cell + 1]):
                vx, vy = x[order[i]] - segment[0], y[order[i]] - segment[1]
                side, along = ux * vy - uy * vx, ux * vx + uy * vy
                if abs(side) > reach or along < -reach or along > length + reach:
                    continue
                if n < numbers.size:
                    numbers[n], t[n], d[n] = order[i], along, side
                n += 1
    return n


@kernel
def area_between(a: Floats, b: Floats, out: Floats) -> None:
    """Add the areas between two polylines to ``out`` = cut, fill, cut moment, fill moment, common width.

    Parameters
    ----------
    a, b
        Lines before and after, rows (offset, height) by growing offset; equal offsets are steps.
    out
        Fill is where b lies above a; moments are area times offset. Exact: both lines are straight between vertices.
    """
    i, j = 0, 0
    while i < a.shape[0] - 1 and j < b.shape[0] - 1:
        low, high = max(a[i, 0], b[j, 0]), min(a[i + 1, 0], b[j + 1, 0])
        if high > low:
            sa = (a[i + 1, 1] - a[i, 1]) / (a[i + 1, 0] - a[i, 0])
            sb = (b[j + 1, 1] - b[j, 1]) / (b[j + 1, 0] - b[j, 0])
            p = (b[j, 1] - a[i, 1]) + sb * (low - b[j, 0]) - sa * (low - a[i, 0])
            q = (b[j, 1] - a[i, 1]) + sb * (high - b[j, 0]) - sa * (high - a[i, 0])
            out[4] += high - low
            middle = low + (high - low) * (p / (p - q)) if p * q < 0.0 else high
            for k in range(2):
                s0, s1 = (low, middle) if k == 0 else (middle, high)
                d0, d1 = (p, 0.0 if middle < high else q) if k == 0 else (0.0, q)
                if s1 <= s0:
                    continue
                size = (d0 + d1) / 2.0 * (s1 - s0)
                moment = (s1 - s0) * (d0 * (2.0 * s0 + s1) + d1 * (s0 + 2.0 * s1)) / 6.0
                if size > 0.0:
                    out[1] += size
                    out[3] += moment
                else:
                    out[0] -= size
                    out[2] -= moment
        if a[i + 1, 0] <= b[j + 1, 0]:
            i += 1
        else:
            j += 1


@kernel
def mark_kept(points: Floats, tolerance: float, kept: NDArray[np.bool_]) -> float:
    """Mark the vertices of a polyline that keep it within ``tolerance`` vertically; returns the greatest deviation.

    ``points`` holds rows (offset, height) with growing offsets; ``kept`` comes in False.
    """
    n = points.shape[0]
    kept[0], kept[n - 1] = True, True
    stack = np.empty((n + 1, 2), dtype=np.int64)
    stack[0, 0], stack[0, 1] = 0, n - 1
    size, greatest = 1, 0.0
    while size:
        size -= 1
        first, last = stack[size, 0], stack[size, 1]
        span = points[last, 0] - points[first, 0]
        worst, where = 0.0, -1
        for i in range(first + 1, last):
            u = (points[i, 0] - points[first, 0]) / span
            gap = abs(points[i, 1] - points[first, 1] - u * (points[last, 1] - points[first, 1]))
            if gap > worst:
                worst, where = gap, i
        if worst > tolerance:
            kept[where] = True
            stack[size, 0], stack[size, 1] = first, where
            stack[size + 1, 0], stack[size + 1, 1] = where, last
            size += 2
        else:
            greatest = max(greatest, worst)
    return greatest
