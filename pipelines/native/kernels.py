"""Kernels of the point stages. Arrays in, preallocated arrays out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@kernel
def _turn(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Twice the signed area of a triangle; positive when counter-clockwise."""
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


@kernel
def _in_circle(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Positive when the origin lies inside the circle through a, b, c in counter-clockwise order."""
    a2, b2, c2 = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    return a2 * (bx * cy - by * cx) - b2 * (ax * cy - ay * cx) + c2 * (ax * by - ay * bx)


@kernel
def _is_delaunay(px: Floats, py: Floats, a: int, b: int, c: int, n: int) -> bool:
    """Whether no other of the first n points lies inside the circle through a, b, c (counter-clockwise)."""
    for d in range(n):
        if d in (a, b, c):
            continue
        x, y = px[d], py[d]
        if _in_circle(px[a] - x, py[a] - y, px[b] - x, py[b] - y, px[c] - x, py[c] - y) > 1e-9:
            return False
    return True


@kernel
def _local_height(px: Floats, py: Floats, pz: Floats, n: int, nearest: float) -> float:
    """Height at the origin of the Delaunay triangulation of the first n points; ``nearest`` outside of it."""
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                a, b, c = i, j, k
                area = _turn(px[a], py[a], px[b], py[b], px[c], py[c])
                if area < 0.0:
                    b, c = k, j
                    area = -area
                if area == 0.0:
                    continue
                u = px[b] * py[c] - px[c] * py[b]
                v = px[c] * py[a] - px[a] * py[c]
                w = px[a] * py[b] - px[b] * py[a]
                if u >= 0.0 and v >= 0.0 and w >= 0.0 and _is_delaunay(px, py, a, b, c, n):
                    height: float = (u * pz[a] + v * pz[b] + w * pz[c]) / area
                    return height
    return nearest


@kernel
def delaunay_heights(
    x: Floats, y: Floats, gx: Floats, gy: Floats, gz: Floats, neighbours: Integers, heights: Floats
) -> None:
    """Ground height under each point from the Delaunay triangulation of its nearest ground points.

    ``neighbours``, shape (n, k), lists them from the nearest on. A point outside of their triangulation takes
    the height of the nearest, as in PDAL.
    """
    k = neighbours.shape[1]
    px, py, pz = np.empty(k), np.empty(k), np.empty(k)
    for i in range(x.size):
        for j in range(k):
            g = neighbours[i, j]
            px[j], py[j], pz[j] = gx[g] - x[i], gy[g] - y[i], gz[g]
        heights[i] = pz[0] if px[0] == 0.0 and py[0] == 0.0 else _local_height(px, py, pz, k, pz[0])


@kernel
def _is_far(
    x: Floats, y: Floats, z: Floats, i: int, first: Integers, following: Integers, voxel: int, radius2: float
) -> bool:
    """Whether point i lies at least the radius away from all points kept in a voxel."""
    j = first[voxel]
    while j >= 0:
        dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
        if dx * dx + dy * dy + dz * dz < radius2:
            return False
        j = following[j]
    return True


@kernel
def keep_apart(
    x: Floats,
    y: Floats,
    z: Floats,
    own: Integers,
    voxels: Integers,
    steps: Integers,
    radius2: float,
    first: Integers,
    following: Integers,
    kept: NDArray[np.bool_],
) -> None:
    """Keep each point in turn unless a point kept before lies closer than the radius.

    ``voxels`` holds the sorted keys of the voxels that have points, ``own`` the position there of each point's
    voxel, ``steps`` the 27 differences of keys between neighbours. ``first`` and ``following`` (-1) are lists
    of kept points by voxel.
    """
    for i in range(x.size):
        key = voxels[own[i]]
        is_free = True
        for step in steps:
            neighbour = np.searchsorted(voxels, key + step)
            if neighbour < voxels.size and voxels[neighbour] == key + step:
                is_free = _is_far(x, y, z, i, first, following, neighbour, radius2)
                if not is_free:
                    break
        if is_free:
            kept[i] = True
            following[i] = first[own[i]]
            first[own[i]] = i


@kernel
def spread(
    columns: Floats,
    rows: Floats,
    values: Floats,
    radius: float,
    power: float,
    count: Floats,
    low: Floats,
    high: Floats,
    mean: Floats,
    squares: Floats,
    weighted: Floats,
    weights: Floats,
) -> None:
    """Add each point to every cell whose centre lies closer than the radius (in cells).

    ``columns`` and ``rows`` are in cells from the north-west corner. ``low`` starts at +inf, ``high`` at -inf, the
    others at 0; ``weights`` becomes NaN where a point lies on the centre and its value stands alone.
    """
    n_rows, n_columns = count.shape
    for i in range(values.size):
        v = values[i]
        for row in range(max(0, math.floor(rows[i] - radius - 0.5)), min(n_rows, math.ceil(rows[i] + radius + 0.5))):
            dy = row + 0.5 - rows[i]
            first = max(0, math.floor(columns[i] - radius - 0.5))
            for column in range(first, min(n_columns, math.ceil(columns[i] + radius + 0.5))):
                dx = column + 0.5 - columns[i]
                distance = math.sqrt(dx * dx + dy * dy)
                if distance >= radius:
                    continue
                count[row, column] += 1.0
                low[row, column] = min(low[row, column], v)
                high[row, column] = max(high[row, column], v)
                delta = v - mean[row, column]
                mean[row, column] += delta / count[row, column]
                squares[row, column] += delta * (v - mean[row, column])
                if math.isnan(weights[row, column]):
                    continue
                if distance == 0.0:
                    weighted[row, column] = v
                    weights[row, column] = np.nan
                else:
                    weight = distance**-power
                    weighted[row, column] += v * weight
                    weights[row, column] += weight


@kernel
def fill_window(values: Floats, is_known: NDArray[np.bool_], size: int, out: Floats) -> None:
    """Give each unknown cell the mean of the known cells up to ``size`` rows and columns away.

    Weights are the inverse of the larger of the two distances; cells with no known neighbour keep their value in
    ``out``.
    """
    n_rows, n_columns = values.shape
    for row in range(n_rows):
        for column in range(n_columns):
            if is_known[row, column]:
                continue
            total, weights = 0.0, 0.0
            for r in range(max(0, row - size), min(n_rows, row + size + 1)):
                for c in range(max(0, column - size), min(n_columns, column + size + 1)):
                    if is_known[r, c]:
                        weight = 1.0 / max(abs(r - row), abs(c - column))
                        total += weight * values[r, c]
                        weights += weight
            if weights > 0.0:
                out[row, column] = total / weights


@kernel
def extent(x: Floats, y: Floats, is_used: Mask, corners: Floats) -> None:
    """Widen ``corners`` (west, south, east, north) to the used points."""
    for i in range(x.size):
        if is_used[i]:
            corners[0], corners[1] = min(corners[0], x[i]), min(corners[1], y[i])
            corners[2], corners[3] = max(corners[2], x[i]), max(corners[3], y[i])


@kernel
def lowest_of_cells(
    x: Floats, y: Floats, z: Floats, is_used: Mask, west: float, south: float, cell: float, lowest: Floats
) -> None:
    """Lowest height of the used points in each cell, rows from the south; ``lowest`` starts at NaN."""
    for i in range(x.size):
        if is_used[i]:
            row, column = math.floor((y[i] - south) / cell), math.floor((x[i] - west) / cell)
            if not lowest[row, column] <= z[i]:
                lowest[row, column] = z[i]


@kernel
def cross_minima(values: Floats, first: int, last: int, out: Floats) -> None:
    """Least value of each cell and its four neighbours, in the rows from ``first`` to before ``last``."""
    n_rows, n_columns = values.shape
    for row in range(first, last):
        above, own, below = values[max(row - 1, 0)], values[row], values[min(row + 1, n_rows - 1)]
        line = out[row]
        for column in range(n_columns):
            line[column] = min(above[column], below[column], own[column])
        for column in range(1, n_columns):
            line[column] = min(line[column], own[column - 1])
        for column in range(n_columns - 1):
            line[column] = min(line[column], own[column + 1])


@kernel
def fill_from_nearest(
    values: Floats, rows: Integers, columns: Integers, first: int, last: int, out: Floats, n_found: Integers
) -> None:
    """Give each NaN cell in some rows the mean of its eight nearest known cells.

    ``rows`` and ``columns`` are steps to other cells, the nearest first. ``n_found`` of a cell is 8 where that many
    were among them.
    """
    n_rows, n_columns = values.shape
    for row in range(first, last):
        for column in range(n_columns):
            if not math.isnan(values[row, column]):
                n_found[row, column] = 8
                continue
            mean, n = 0.0, 0
            for i in range(rows.size):
                r, c = row + rows[i], column + columns[i]
                if 0 <= r < n_rows and 0 <= c < n_columns and not math.isnan(values[r, c]):
                    n += 1
                    mean += (values[r, c] - mean) / n
                    if n == 8:
                        break
            out[row, column] = mean
            n_found[row, column] = n


@kernel
def near_surface(
    x: Floats,
    y: Floats,
    z: Floats,
    is_used: Mask,
    west: float,
    south: float,
    cell: float,
    surface: Floats,
    tolerance: Floats,
    codes: tuple[int, int],
    first: int,
    last: int,
    classes: NDArray[np.uint8],
) -> None:
    """Give used points the first code where they lie within the tolerance of the surface's cell, else the second."""
    for i in range(first, last):
        if is_used[i]:
            row, column = math.floor((y[i] - south) / cell), math.floor((x[i] - west) / cell)
            is_near = abs(surface[row, column] - z[i]) <= tolerance[row, column]
            classes[i] = codes[0] if is_near else codes[1]
