"""Kernels that fit a crown's form to the points around a tree's top, to tell how high its apex stands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.forest.canopy_kernels import ground_at
from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Cells = tuple[Singles, Singles, Singles]
Frame = tuple[float, int, int]


@kernel
def points_near(
    label: int,
    top: Floats,
    labels: NDArray[np.int32],
    cells: Cells,
    terrain: Floats,
    frame: Frame,
    reach: float,
    step: int,
    out: Floats,
) -> int:
    """Number of points of a crown within ``reach`` of its top, and in ``out`` where they lie from it: x, y, z.

    The highest point counts of every block of ``step`` x ``step`` cells. ``cells`` holds height above ground and place
    in the cell (east, north) of each cell's highest point. ``frame`` is the cell's edge, the
    grid's first column and the row north of it.
    """
    cell, column, north_row = frame
    n_rows, n_columns = labels.shape
    c0, r0 = math.floor(top[0] / cell) - column, (north_row - 1) - math.floor(top[1] / cell)
    n_blocks, n = math.ceil(reach / (cell * step)), 0
    for r_block in range(r0 // step - n_blocks, r0 // step + n_blocks + 1):
        for c_block in range(c0 // step - n_blocks, c0 // step + n_blocks + 1):
            highest, x, y = 0.0, 0.0, 0.0
            for r in range(max(r_block * step, 0), min((r_block + 1) * step, n_rows)):
                for c in range(max(c_block * step, 0), min((c_block + 1) * step, n_columns)):
                    if labels[r, c] == label and cells[0][r, c] > highest:
                        highest = float(cells[0][r, c])
                        x = (column + c) * cell + float(cells[1][r, c])
                        y = (north_row - 1 - r) * cell + float(cells[2][r, c])
            if highest > 0.0 and (x - top[0]) ** 2 + (y - top[1]) ** 2 <= reach * reach:
                out[n, 0], out[n, 1] = x - top[0], y - top[1]
                out[n, 2] = highest - top[2] + rise(top, out[n, 0], out[n, 1], terrain, frame)
                n += 1
    return n


@kernel
def rise(top: Floats, dx: float, dy: float, terrain: Floats, frame: Frame) -> float:
    """Metres that the ground rises from below the top to a place beside it; 0 where it is void."""
    cell, column, north_row = frame
    here = ground_at(top[0], top[1], terrain, cell, column, north_row)
    there = ground_at(top[0] + dx, top[1] + dy, terrain, cell, column, north_row)
    return 0.0 if math.isnan(here) or math.isnan(there) else there - here


@kernel
def log_likelihoods(
    points: Floats, n: int, x: float, y: float, form: Floats, levels: Floats, most: float, out: Floats
) -> None:
    """Logarithms of the points' likelihood if the apex stands at (x, y) and at each of ``levels``.

    ``form`` is (slope, roundness, rate below, rate above) of `pointcloud.forest.apex`; no point counts more than
    ``most``.
    """
    out[:] = 0.0
    slope, roundness, rate_below, rate_above = form[0], form[1], form[2], form[3]
    for i in range(n):
        r2 = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        apex = points[i, 2] + math.sqrt(roundness * roundness + slope * slope * r2) - roundness
        for j in range(out.size):
            below = levels[j] - apex
            out[j] -= min(max(rate_below * below, -rate_above * below), most)


@kernel
def likely_places(
    points: Floats, n: int, pilot: Floats, levels: Floats, most: float, edge: int, step: float, places: Floats
) -> None:
    """The likeliest places (x, y) of the apex by one form, among (2 edge + 1)^2 that lie ``step`` apart."""
    log = np.empty(levels.size)
    best = np.full(len(places), -np.inf)
    for row in range(-edge, edge + 1):
        for column in range(-edge, edge + 1):
            log_likelihoods(points, n, column * step, row * step, pilot, levels, most, log)
            greatest = log.max()
            value = greatest + math.log(np.exp(log - greatest).sum())
            at = len(best) - 1
            if value <= best[at]:
                continue
            while at > 0 and best[at - 1] < value:
                best[at], places[at, 0], places[at, 1] = best[at - 1], places[at - 1, 0], places[at - 1, 1]
                at -= 1
            best[at], places[at, 0], places[at, 1] = value, column * step, row * step


@kernel
def moments(
    points: Floats, n: int, places: Floats, rises: Floats, form: Floats, levels: Floats, most: float, out: Floats
) -> None:
    """Log of the evidence for a form, and mean and mean square of the apex's metres above the highest return."""
    log = np.empty(levels.size)
    greatest, weight, first, second = -math.inf, 0.0, 0.0, 0.0
    for p in range(len(places)):
        log_likelihoods(points, n, places[p, 0], places[p, 1], form, levels, most, log)
        higher = max(greatest, log.max())
        scale = math.exp(greatest - higher)
        greatest, weight, first, second = higher, weight * scale, first * scale, second * scale
        for j in range(levels.size):
            share, loss = math.exp(log[j] - greatest), levels[j] - rises[p]
            weight += share
            first += share * loss
            second += share * loss * loss
    out[0] = greatest + math.log(weight) + n * math.log(form[2] * form[3] / (form[2] + form[3]))
    out[1], out[2] = first / weight, second / weight


@kernel
def fit(
    trees: Ints,
    tops: Floats,
    labels: NDArray[np.int32],
    cells: Cells,
    terrain: Floats,
    frame: Frame,
    reach: float,
    block: int,
    forms: Floats,
    pilot: Floats,
    levels: Floats,
    most: float,
    edge: int,
    step: float,
    n_places: int,
    least: int,
    first: int,
    last: int,
    out: Floats,
) -> None:
    """`moments` of trees under every form, in ``out`` of shape (trees, forms, 3); NaN with fewer points than ``least``.

    ``tops`` holds x, y and height of every label's highest return; ``trees`` are rows of it.
    """
    points = np.empty(((2 * math.ceil(reach / (frame[0] * block)) + 1) ** 2, 3))
    places, rises = np.empty((n_places, 2)), np.empty(n_places)
    for i in range(first, last):
        top = tops[trees[i]]
        n = points_near(trees[i] + 1, top, labels, cells, terrain, frame, reach, block, points)
        if n < least:
            out[i] = np.nan
            continue
        likely_places(points, n, pilot, levels, most, edge, step, places)
        for p in range(n_places):
            rises[p] = rise(top, places[p, 0], places[p, 1], terrain, frame)
        for f in range(len(forms)):
            moments(points, n, places, rises, forms[f], levels, most, out[i, f])
