"""Kernels for regions of lowest points: size, extent, and what lies across their perimeter."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.step_kernels import is_linked
from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Cells = NDArray[np.int32]
Flags = NDArray[np.bool_]


@kernel
def region_areas(near: Cells, member: Flags, parent: Cells, area: Cells, box: Cells) -> None:
    """Raster cells of each region (at its root) and its box: first row, last row, first column, last column."""
    n_rows, n_columns = near.shape
    area[:] = 0
    for r in range(n_rows):
        for c in range(n_columns):
            p = near[r, c]
            if p < 0 or not member[p]:
                continue
            k = parent[p]
            if area[k] == 0:
                box[k, 0], box[k, 1], box[k, 2], box[k, 3] = r, r, c, c
            area[k] += 1
            box[k, 1] = r
            box[k, 2] = min(box[k, 2], c)
            box[k, 3] = max(box[k, 3], c)


@kernel
def attach_edges(
    near: Cells,
    px: Floats,
    py: Floats,
    pz: Floats,
    slopes: Floats,
    link: Floats,
    member: Flags,
    parent: Cells,
    best: Floats,
    joined: Cells,
) -> None:
    """Region that each non-member point joins best (least height difference) into ``joined``; -1: none.

    ``best`` is scratch of one value a point. Ties go to the region of the lower, then western, then southern point.
    """
    n_rows, n_columns = near.shape
    best[:] = np.inf
    joined[:] = -1
    for r in range(n_rows):
        for c in range(n_columns):
            for k in range(8):
                kk = k if k < 4 else k + 1
                r2, c2 = r + kk // 3 - 1, c + kk % 3 - 1
                if r2 < 0 or r2 >= n_rows or c2 < 0 or c2 >= n_columns:
                    continue
                p, q = near[r, c], near[r2, c2]
                if p < 0 or q < 0 or p == q or member[p] or not member[q]:
                    continue
                if not is_linked(p, q, px, py, pz, slopes, link):
                    continue
                gap = abs(pz[p] - pz[q])
                o = joined[p]
                if gap < best[p] or (
                    gap == best[p]
                    and (pz[q] < pz[o] or (pz[q] == pz[o] and (px[q] < px[o] or (px[q] == px[o] and py[q] < py[o]))))
                ):
                    best[p], joined[p] = gap, q
    for p in range(joined.size):
        if joined[p] >= 0:
            joined[p] = parent[joined[p]]


@kernel
def perimeters(
    near: Cells,
    px: Floats,
    py: Floats,
    pz: Floats,
    region: Cells,
    accepted: Flags,
    fall: float,
    rise: float,
    slope: float,
    counts: Cells,
) -> None:
    """Borders of each region by kind: 0 falls, 1 accepted above, 2 other above, 3 accepted level, 4 other level.

    ``region`` is the root of each point's region or -1; ``counts`` has shape (n_points, 5).
    """
    n_rows, n_columns = near.shape
    counts[:] = 0
    for r in range(n_rows):
        for c in range(n_columns):
            p = near[r, c]
            if p < 0 or region[p] < 0:
                continue
            for k in range(8):
                kk = k if k < 4 else k + 1
                r2, c2 = r + kk // 3 - 1, c + kk % 3 - 1
                if r2 < 0 or r2 >= n_rows or c2 < 0 or c2 >= n_columns:
                    continue
                q = near[r2, c2]
                if q < 0 or q == p or region[q] == region[p]:
                    continue
                dx, dy, dz = px[q] - px[p], py[q] - py[p], pz[q] - pz[p]
                d = math.sqrt(dx * dx + dy * dy)
                if dz < -(fall + slope * d):
                    kind = 0
                elif dz > rise + slope * d:
                    kind = 1 if accepted[q] else 2
                else:
                    kind = 3 if accepted[q] else 4
                counts[region[p], kind] += 1
