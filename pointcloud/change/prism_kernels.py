"""Kernels of the exact prism between two TINs. Arrays in, arrays out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def clip(subject: Floats, n: int, triangle: Floats, scratch: Floats, out: Floats) -> int:
    """Number of vertices of a convex polygon's part inside a counter-clockwise triangle; they are written to ``out``.

    ``subject`` (first ``n`` rows) and ``triangle`` have x and y in columns 0 and 1; ``scratch`` and ``out`` hold 12
    rows. Sutherland & Hodgman 1974, DOI 10.1145/360767.360802.
    """
    for i in range(n):
        out[i, 0], out[i, 1] = subject[i, 0], subject[i, 1]
    count = n
    for edge in range(3):
        ax, ay = triangle[edge, 0], triangle[edge, 1]
        ex, ey = triangle[(edge + 1) % 3, 0] - ax, triangle[(edge + 1) % 3, 1] - ay
        for i in range(count):
            scratch[i, 0], scratch[i, 1] = out[i, 0], out[i, 1]
        kept = 0
        for i in range(count):
            px, py = scratch[i, 0], scratch[i, 1]
            qx, qy = scratch[(i + 1) % count, 0], scratch[(i + 1) % count, 1]
            side_p, side_q = ex * (py - ay) - ey * (px - ax), ex * (qy - ay) - ey * (qx - ax)
            if side_p >= 0.0:
                out[kept, 0], out[kept, 1] = px, py
                kept += 1
            if (side_p > 0.0 and side_q < 0.0) or (side_p < 0.0 and side_q > 0.0):
                t = side_p / (side_p - side_q)
                out[kept, 0], out[kept, 1] = px + t * (qx - px), py + t * (qy - py)
                kept += 1
        count = kept
        if count < 3:
            return 0
    return count


@kernel
def height(triangle: Floats, x: float, y: float) -> float:
    """Height of a triangle's plane."""
    ux, uy = triangle[1, 0] - triangle[0, 0], triangle[1, 1] - triangle[0, 1]
    vx, vy = triangle[2, 0] - triangle[0, 0], triangle[2, 1] - triangle[0, 1]
    area = ux * vy - uy * vx
    dx, dy = x - triangle[0, 0], y - triangle[0, 1]
    s, t = (dx * vy - dy * vx) / area, (ux * dy - uy * dx) / area
    return float(triangle[0, 2] + s * (triangle[1, 2] - triangle[0, 2]) + t * (triangle[2, 2] - triangle[0, 2]))


@kernel
def positive_part(area: float, a: float, b: float, c: float) -> float:
    """Integral of max(f, 0) over a triangle of ``area`` on which f is linear with corner values a, b and c."""
    low, high = min(a, b, c), max(a, b, c)
    middle = a + b + c - low - high
    if low >= 0.0:
        return area * (a + b + c) / 3.0
    if high <= 0.0:
        return 0.0
    if middle <= 0.0:
        # a corner stays: its triangle is cut off at the zero line
        return area * high / 3.0 * (high / (high - middle)) * (high / (high - low))
    # a corner is lost: the whole less the (negative) corner
    return area * ((a + b + c) - low * (low / (low - middle)) * (low / (low - high))) / 3.0


@kernel
def add_polygon(points: Floats, n: int, before: Floats, after: Floats, out: Floats) -> None:
    """Add cut, fill and area of a convex polygon over which both surfaces are planes."""
    d0 = height(after, points[0, 0], points[0, 1]) - height(before, points[0, 0], points[0, 1])
    d1 = height(after, points[1, 0], points[1, 1]) - height(before, points[1, 0], points[1, 1])
    for i in range(2, n):
        d2 = height(after, points[i, 0], points[i, 1]) - height(before, points[i, 0], points[i, 1])
        ux, uy = points[i - 1, 0] - points[0, 0], points[i - 1, 1] - points[0, 1]
        vx, vy = points[i, 0] - points[0, 0], points[i, 1] - points[0, 1]
        area = 0.5 * (ux * vy - uy * vx)
        out[0] += positive_part(area, -d0, -d1, -d2)
        out[1] += positive_part(area, d0, d1, d2)
        out[2] += area
        d1 = d2


@kernel
def bounds(points: Floats, n: int, out: Floats) -> None:
    """Smallest and largest x and y of the first ``n`` rows: x_min, y_min, x_max, y_max."""
    out[0] = out[2] = points[0, 0]
    out[1] = out[3] = points[0, 1]
    for i in range(1, n):
        out[0], out[2] = min(out[0], points[i, 0]), max(out[2], points[i, 0])
        out[1], out[3] = min(out[1], points[i, 1]), max(out[3], points[i, 1])


@kernel
def bin_triangles(triangles: Floats, cell: float, n_columns: int, n_rows: int, starts: Ints, items: Ints) -> None:
    """Fill the lists of triangles whose bounds touch each cell of an index.

    ``starts`` has one entry a cell and one more. With empty ``items`` the entries become the numbers of triangles;
    otherwise they are the lists' first places, and the lists are written.
    """
    box = np.empty(4)
    place = starts.copy()
    for t in range(triangles.shape[0]):
        bounds(triangles[t], 3, box)
        for row in range(max(0, math.floor(box[1] / cell)), min(n_rows - 1, math.floor(box[3] / cell)) + 1):
            for column in range(max(0, math.floor(box[0] / cell)), min(n_columns - 1, math.floor(box[2] / cell)) + 1):
                index = row * n_columns + column
                if items.size == 0:
                    starts[index] += 1
                else:
                    items[place[index]] = t
                    place[index] += 1


@kernel
def is_first_cell(one: Floats, other: Floats, cell: float, column: int, row: int) -> bool:
    """Whether this cell is the one that holds the lower left corner of two bounds' common part (or the grid's edge)."""
    left, low = max(one[0], other[0]), max(one[1], other[1])
    return bool(max(0, math.floor(left / cell)) == column and max(0, math.floor(low / cell)) == row)


@kernel
def overlay(
    region: Floats,
    before: Floats,
    after: Floats,
    cell: float,
    n_columns: int,
    n_rows: int,
    before_starts: Ints,
    before_items: Ints,
    after_starts: Ints,
    after_items: Ints,
    out: Floats,
) -> None:
    """Add cut, fill and area between two TINs inside the triangles of a region to ``out``.

    ``region``, ``before`` and ``after`` have shape (n, 3, 3), counter-clockwise corners with x, y, z from the index's
    corner; the lists are those of ``bin_triangles``.
    """
    region_box, before_box, piece_box, after_box = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    piece, part, scratch = np.empty((12, 2)), np.empty((12, 2)), np.empty((12, 2))
    for r in range(region.shape[0]):
        bounds(region[r], 3, region_box)
        for row in range(
            max(0, math.floor(region_box[1] / cell)), min(n_rows - 1, math.floor(region_box[3] / cell)) + 1
        ):
            first, last = math.floor(region_box[0] / cell), math.floor(region_box[2] / cell)
            for column in range(max(0, first), min(n_columns - 1, last) + 1):
                index = row * n_columns + column
                for k in range(before_starts[index], before_starts[index + 1]):
                    a = before_items[k]
                    bounds(before[a], 3, before_box)
                    if not is_first_cell(region_box, before_box, cell, column, row):
                        continue
                    n = clip(region[r], 3, before[a], scratch, piece)
                    if n < 3:
                        continue
                    bounds(piece, n, piece_box)
                    add_pieces(
                        piece, n, piece_box, before[a], after, cell, n_columns, n_rows, after_starts, after_items,
                        after_box, part, scratch, out,
                    )  # fmt: skip


@kernel
def add_pieces(
    piece: Floats,
    n: int,
    box: Floats,
    before: Floats,
    after: Floats,
    cell: float,
    n_columns: int,
    n_rows: int,
    starts: Ints,
    items: Ints,
    after_box: Floats,
    part: Floats,
    scratch: Floats,
    out: Floats,
) -> None:
    """Add what the later TIN's triangles share with one piece of an earlier triangle."""
    for row in range(max(0, math.floor(box[1] / cell)), min(n_rows - 1, math.floor(box[3] / cell)) + 1):
        for column in range(max(0, math.floor(box[0] / cell)), min(n_columns - 1, math.floor(box[2] / cell)) + 1):
            index = row * n_columns + column
            for k in range(starts[index], starts[index + 1]):
                b = items[k]
                bounds(after[b], 3, after_box)
                if not is_first_cell(box, after_box, cell, column, row):
                    continue
                m = clip(piece, n, after[b], scratch, part)
                if m >= 3:
                    add_polygon(part, m, before, after[b], out)
