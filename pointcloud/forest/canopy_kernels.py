"""Kernels of the canopy: heights of points, stray points, pits. Rows count from the north, cells are indexed flat."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]
Masks = NDArray[np.uint64]


@kernel
def between(a: float, b: float, share: float) -> float:
    """Linear between two heights; the nearer one where the other is void."""
    if math.isnan(a):
        return b if share > 0.5 else np.nan
    if math.isnan(b):
        return a if share <= 0.5 else np.nan
    return a * (1.0 - share) + b * share


@kernel
def ground_at(x: float, y: float, terrain: Floats, cell: float, column: int, north_row: int) -> float:
    """Terrain height at a place, linear between cell centres; NaN off the terrain."""
    n_rows, n_columns = terrain.shape
    u, v = x / cell - (column + 0.5), (north_row - 0.5) - y / cell
    if u < -0.5 or u > n_columns - 0.5 or v < -0.5 or v > n_rows - 0.5:
        return math.nan
    u, v = min(max(u, 0.0), n_columns - 1.0), min(max(v, 0.0), n_rows - 1.0)
    c0, r0 = int(u), int(v)
    c1, r1 = min(c0 + 1, n_columns - 1), min(r0 + 1, n_rows - 1)
    top = between(terrain[r0, c0], terrain[r0, c1], u - c0)
    bottom = between(terrain[r1, c0], terrain[r1, c1], u - c0)
    return between(top, bottom, v - r0)


@kernel
def heights_above(
    x: Floats,
    y: Floats,
    z: Floats,
    terrain: Floats,
    cell: float,
    column: int,
    north_row: int,
    first: int,
    last: int,
    out: Singles,
) -> None:
    """Height of points above the terrain in whole millimetres, linear between cell centres; NaN off the terrain."""
    for i in range(first, last):
        ground = ground_at(x[i], y[i], terrain, cell, column, north_row)
        out[i] = np.floor((z[i] - ground) * 1000.0 + 0.5) / 1000.0


@kernel
def cells_of(
    x: Floats,
    y: Floats,
    cell: float,
    column: int,
    north_row: int,
    n_rows: int,
    n_columns: int,
    first: int,
    last: int,
    out: NDArray[np.int64],
) -> None:
    """Flat cell index of each point, -1 off the grid."""
    for i in range(first, last):
        c, r = math.floor(x[i] / cell) - column, (north_row - 1) - math.floor(y[i] / cell)
        out[i] = r * n_columns + c if 0 <= r < n_rows and 0 <= c < n_columns else -1


@kernel
def storeys(z: Floats, columns: NDArray[np.int64], skip: Flags, masks: Masks) -> None:
    """Mark in each column, of shape (n, 2), the metres of height that hold a point: bit ``floor(z) mod 128``."""
    for i in range(z.size):
        if columns[i] >= 0 and not skip[i]:
            storey = math.floor(z[i]) & 127
            masks[columns[i], storey >> 6] |= np.uint64(1) << np.uint64(storey & 63)


@kernel
def holds(mask: Masks, storey: int) -> bool:
    """Whether a column's mask has a metre of height marked."""
    at = storey & 127
    return bool((mask[at >> 6] >> np.uint64(at & 63)) & np.uint64(1))


@kernel
def unsupported(
    z: Floats,
    height: Singles,
    columns: NDArray[np.int64],
    masks: Masks,
    n_columns: int,
    lowest: float,
    first: int,
    last: int,
    out: Flags,
) -> None:
    """Points higher than ``lowest`` above ground that stand on nothing and are part of no surface.

    Counted in the 3 x 3 columns around a point: the metres of height 2 to 5 below its own that hold any point, of which
    a tree's top has three at least; those above it, of which a crown's edge has as many; and the columns with a point
    within a metre of its height, of which a flat crown has six at least. A wire between wires has two, two and five.
    """
    n_rows = len(masks) // n_columns
    found = np.zeros(2, np.uint64)
    for i in range(first, last):
        out[i] = False
        if columns[i] < 0 or not height[i] > lowest:
            continue
        storey = math.floor(z[i])
        r0, c0 = columns[i] // n_columns, columns[i] % n_columns
        found[:] = 0
        n_level = 0
        for r in range(max(0, r0 - 1), min(n_rows, r0 + 2)):
            for c in range(max(0, c0 - 1), min(n_columns, c0 + 2)):
                mask = masks[r * n_columns + c]
                found[0] |= mask[0]
                found[1] |= mask[1]
                n_level += holds(mask, storey - 1) or holds(mask, storey) or holds(mask, storey + 1)
        n_below, n_above = 0, 0
        for away in range(2, 6):
            n_below += holds(found, storey - away)
            n_above += holds(found, storey + away)
        out[i] = n_below < 3 and n_above < 3 and n_level < 6


@kernel
def highest(
    x: Floats,
    y: Floats,
    height: Singles,
    cells: NDArray[np.int64],
    skip: Flags,
    cell: float,
    column: int,
    north_row: int,
    n_columns: int,
    is_first: Flags,
    top: Singles,
    dx: Singles,
    dy: Singles,
    pulses: Singles,
) -> None:
    """The highest point of each cell (flat), its place east and north of the cell's corner in metres, and pulses.

    Of equals the one farther north counts, then farther west. Cells without a point keep what they have.
    """
    for i in range(x.size):
        k = cells[i]
        if k < 0:
            continue
        pulses[k] += is_first[i]
        if skip[i] or top[k] > height[i]:
            continue
        u = np.float32(x[i] - (column + k % n_columns) * cell)
        v = np.float32(y[i] - (north_row - 1 - k // n_columns) * cell)
        if top[k] != height[i] or v > dy[k] or (v == dy[k] and u < dx[k]):
            top[k], dx[k], dy[k] = height[i], u, v


@kernel
def nearest_at_least(top: Singles, r: int, c: int, dr: int, dc: int, reach: int, least: float) -> int:
    """Steps from (r, c) along (dr, dc) to the first cell that is ``least`` high or higher; 0 if none in ``reach``."""
    n_rows, n_columns = top.shape
    for step in range(1, reach + 1):
        r2, c2 = r + step * dr, c + step * dc
        if r2 < 0 or r2 >= n_rows or c2 < 0 or c2 >= n_columns:
            return 0
        if top[r2, c2] >= least:
            return step
    return 0


@kernel
def bridged(top: Singles, r: int, c: int, span: float, least: float) -> float:
    """Height at a cell of the layer through the cells ``least`` high or higher; NaN where they do not enclose it.

    On each of four axes the layer is the straight line between the nearest such cell on either side, if the two lie
    no more than ``span`` cells apart; two axes at least must be bridged. Shorter bridges weigh more.
    """
    total, weight, n = 0.0, 0.0, 0
    for axis in range(4):
        dr, dc = (0, 1, 1, 1)[axis], (1, 0, 1, -1)[axis]
        length = math.sqrt(2.0) if axis > 1 else 1.0
        reach = int(span / length) - 1
        a = nearest_at_least(top, r, c, dr, dc, reach, least)
        b = nearest_at_least(top, r, c, -dr, -dc, reach, least) if a > 0 else 0
        if b == 0 or (a + b) * length > span:
            continue
        w = 1.0 / ((a + b) * length)
        line = (b * top[r + a * dr, c + a * dc] + a * top[r - b * dr, c - b * dc]) / (a + b)
        total += w * line
        weight += w
        n += 1
    return total / weight if n >= 2 else np.nan


@kernel
def without_pits(
    top: Singles, thresholds: Singles, span: float, void_span: float, first: int, last: int, out: Singles
) -> None:
    """The highest of a cell's own height and of the layers that bridge it; void where nothing encloses it."""
    for r in range(first, last):
        for c in range(top.shape[1]):
            best = top[r, c]
            if math.isnan(best):
                best = bridged(top, r, c, void_span, -np.inf)
            own = -np.inf if math.isnan(top[r, c]) else top[r, c]
            for k in range(thresholds.size):
                if thresholds[k] <= own:
                    continue
                layer = bridged(top, r, c, span, thresholds[k])
                if math.isnan(layer):
                    break
                if not best >= layer:
                    best = layer
            out[r, c] = best


@kernel
def smooth(values: Singles, first: int, last: int, out: Singles) -> None:
    """Mean of the 3 x 3 cells around with weights 1-2-1 each way, of the cells that are known; NaN stays NaN."""
    n_rows, n_columns = values.shape
    for r in range(first, last):
        for c in range(n_columns):
            out[r, c] = np.nan
            if math.isnan(values[r, c]):
                continue
            total, weight = 0.0, 0.0
            for r2 in range(max(0, r - 1), min(n_rows, r + 2)):
                for c2 in range(max(0, c - 1), min(n_columns, c + 2)):
                    if not math.isnan(values[r2, c2]):
                        w = (2 - abs(r2 - r)) * (2 - abs(c2 - c))
                        total += w * values[r2, c2]
                        weight += w
            out[r, c] = total / weight
