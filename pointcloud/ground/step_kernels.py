"""Kernels that read the steps between neighbouring lowest points: rays to the first step, smooth links, regions.

All work on the raster of nearest lowest points ("near": flat cell of the nearest known point, -1 where there is
none within reach). Two raster cells next to each other whose nearest points differ are a border between the points.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Cells = NDArray[np.int32]
Flags = NDArray[np.bool_]


@kernel
def nearest_in_columns(known: Flags, reach: int, out: Cells) -> None:
    """Row of the nearest known cell of the same column within ``reach`` rows, northern first; -1: none."""
    n_rows, n_columns = known.shape
    out[:] = -1
    for r in range(n_rows):
        for c in range(n_columns):
            if known[r, c]:
                out[r, c] = r
            elif r > 0 and out[r - 1, c] >= 0 and r - out[r - 1, c] <= reach:
                out[r, c] = out[r - 1, c]
    for r in range(n_rows - 2, -1, -1):
        for c in range(n_columns):
            below = out[r + 1, c]
            if below > r and below - r <= reach and (out[r, c] < 0 or below - r < r - out[r, c]):
                out[r, c] = below


@kernel
def nearest_cells(rows: Cells, reach: int, first: int, last: int, out: Cells) -> None:
    """Flat index of the nearest known cell within ``reach`` cells (centre to centre); -1: none."""
    n_columns = rows.shape[1]
    for r in range(first, last):
        for c in range(n_columns):
            best, found = reach * reach + 1, -1
            for d in range(reach + 1):
                if d * d >= best:
                    break
                for side in range(2):
                    k = c - d if side == 0 else c + d
                    if (d == 0 and side == 1) or k < 0 or k >= n_columns or rows[r, k] < 0:
                        continue
                    gap = (rows[r, k] - r) * (rows[r, k] - r) + d * d
                    if gap < best:
                        best, found = gap, rows[r, k] * n_columns + k
            out[r, c] = found


@kernel
def falls(
    near: Cells,
    px: Floats,
    py: Floats,
    pz: Floats,
    dr: int,
    dc: int,
    reach: float,
    base: float,
    slope: float,
    drop: float,
    fall: float,
    out: Floats,
) -> None:
    """Distance in cells along (dr, dc) to the first step, where it leads ``drop`` below the cell; else 0.

    A step is a height difference of two neighbouring lowest points beyond ``base`` + ``slope`` x distance. Its brink
    may lie no more than ``base`` + ``fall`` x distance in cells below the cell.
    """
    n_rows, n_columns = near.shape
    length = math.sqrt(dr * dr + dc * dc)
    n_kept = abs(dr) + 1
    after = np.zeros((n_kept, n_columns))
    brink = np.zeros((n_kept, n_columns))
    distance = np.zeros((n_kept, n_columns))
    for i in range(n_rows):
        r = i if dr <= 0 else n_rows - 1 - i
        now, before = i % n_kept, (i + 1) % n_kept if dr != 0 else 0
        for j in range(n_columns):
            c = j if dc <= 0 else n_columns - 1 - j
            r2, c2 = r + dr, c + dc
            distance[now, c] = 0.0
            out[r, c] = 0.0
            if r2 < 0 or c2 < 0 or r2 >= n_rows or c2 >= n_columns:
                continue
            p, q = near[r, c], near[r2, c2]
            if p < 0 or q < 0:
                continue
            dz = 0.0
            limit = 0.0
            if p != q:
                dx, dy = px[q] - px[p], py[q] - py[p]
                dz = pz[q] - pz[p]
                limit = base + slope * math.sqrt(dx * dx + dy * dy)
            if abs(dz) > limit:
                distance[now, c], after[now, c], brink[now, c] = length, pz[q], pz[p]
            elif distance[before, c2] > 0.0 and distance[before, c2] + length <= reach:
                distance[now, c], after[now, c] = distance[before, c2] + length, after[before, c2]
                brink[now, c] = brink[before, c2]
            away = distance[now, c]
            if away > 0.0 and pz[p] - after[now, c] > drop and pz[p] - brink[now, c] <= base + fall * away:
                out[r, c] = away


@kernel
def is_linked(p: int, q: int, px: Floats, py: Floats, pz: Floats, slopes: Floats, link: Floats) -> bool:
    """Whether two lowest points join without a step; ``link``: base, slope, share of the terrain's slope."""
    dx, dy = px[q] - px[p], py[q] - py[p]
    s = 0.5 * (slopes[p] + slopes[q])
    limit = link[0] + (link[1] + link[2] * s) * math.sqrt(dx * dx + dy * dy)
    joined: bool = abs(pz[q] - pz[p]) < limit
    return joined


@kernel
def smooth_points(
    near: Cells, px: Floats, py: Floats, pz: Floats, slopes: Floats, link: Floats, share: float, out: Flags
) -> None:
    """Lowest points that join at least ``share`` of their border without a step. Arrays but ``near`` are flat."""
    n_rows, n_columns = near.shape
    total = np.zeros(px.size, dtype=np.int32)
    good = np.zeros(px.size, dtype=np.int32)
    for r in range(n_rows):
        for c in range(n_columns):
            p = near[r, c]
            if p < 0:
                continue
            for k in range(4):
                r2, c2 = r + (0 if k == 0 else 1), c + (1 if k == 0 else k - 2)
                if r2 >= n_rows or c2 < 0 or c2 >= n_columns or near[r2, c2] < 0 or near[r2, c2] == p:
                    continue
                q = near[r2, c2]
                total[p] += 1
                total[q] += 1
                if is_linked(p, q, px, py, pz, slopes, link):
                    good[p] += 1
                    good[q] += 1
    for p in range(px.size):
        out[p] = total[p] > 0 and good[p] >= share * total[p]


@kernel
def spread(
    near: Cells,
    px: Floats,
    py: Floats,
    pz: Floats,
    slopes: Floats,
    link: Floats,
    smooth: Flags,
    reach: int,
    accepted: Flags,
    reached: Flags,
) -> None:
    """Raster cells within ``reach`` steps of accepted points over links between smooth points."""
    n_rows, n_columns = near.shape
    queue = np.empty(near.size, dtype=np.int32)
    start, end = 0, 0
    for i in range(near.size):
        p = near.flat[i]
        reached.flat[i] = p >= 0 and accepted[p] and smooth[p]
        if reached.flat[i]:
            queue[end] = i
            end += 1
    for _ in range(reach):
        stop = end
        for k in range(start, stop):
            i = queue[k]
            r, c = i // n_columns, i % n_columns
            p = near[r, c]
            for d in range(9):
                r2, c2 = r + d // 3 - 1, c + d % 3 - 1
                if r2 < 0 or c2 < 0 or r2 >= n_rows or c2 >= n_columns or reached[r2, c2]:
                    continue
                q = near[r2, c2]
                if q < 0 or not smooth[q] or (q != p and not is_linked(p, q, px, py, pz, slopes, link)):
                    continue
                reached[r2, c2] = True
                queue[end] = r2 * n_columns + c2
                end += 1
        start = stop


@kernel
def find(parent: Cells, i: int) -> int:
    """Root of ``i`` with path halving."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def regions(
    near: Cells, px: Floats, py: Floats, pz: Floats, slopes: Floats, link: Floats, member: Flags, parent: Cells
) -> None:
    """Union of the member points that join without a step across a border: ``parent`` leads to the root point."""
    n_rows, n_columns = near.shape
    for p in range(parent.size):
        parent[p] = p
    for r in range(n_rows):
        for c in range(n_columns):
            p = near[r, c]
            if p < 0 or not member[p]:
                continue
            for k in range(4):
                r2, c2 = r + (0 if k == 0 else 1), c + (1 if k == 0 else k - 2)
                if r2 >= n_rows or c2 < 0 or c2 >= n_columns:
                    continue
                q = near[r2, c2]
                if q < 0 or q == p or not member[q] or not is_linked(p, q, px, py, pz, slopes, link):
                    continue
                a, b = find(parent, p), find(parent, q)
                if a != b:
                    parent[max(a, b)] = min(a, b)
    for p in range(parent.size):
        parent[p] = find(parent, p)
