"""Kernels of crowns: region growing, marker-controlled flooding, and where crowns meet. Cells are indexed flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Labels = NDArray[np.int32]


@kernel
def is_within(cell: int, seed: int, n_columns: int, radius: float) -> bool:
    """Whether a cell's centre lies within ``radius`` cells of the seed's."""
    dr, dc = cell // n_columns - seed // n_columns, cell % n_columns - seed % n_columns
    return dr * dr + dc * dc <= radius * radius


@kernel
def neighbour(cell: int, k: int, n_rows: int, n_columns: int) -> int:
    """The cell north, west, east or south (k = 0 to 3) of a cell; -1 off the grid."""
    r, c = cell // n_columns + (-1, 0, 0, 1)[k], cell % n_columns + (0, -1, 1, 0)[k]
    return r * n_columns + c if 0 <= r < n_rows and 0 <= c < n_columns else -1


@kernel
def nearer(cell: int, seed: int, other: int, n_columns: int) -> bool:
    """Whether ``seed`` lies nearer to a cell than ``other`` does."""
    dr, dc = cell // n_columns - seed // n_columns, cell % n_columns - seed % n_columns
    er, ec = cell // n_columns - other // n_columns, cell % n_columns - other % n_columns
    return dr * dr + dc * dc < er * er + ec * ec


@kernel
def propose(
    values: Singles,
    shape: tuple[int, int],
    seeds: Ints,
    limits: tuple[float, float, float],
    radius: Floats,
    means: Floats,
    edge: Ints,
    n_edge: int,
    labels: Labels,
    wanted: Labels,
    touched: Ints,
) -> tuple[int, int]:
    """One sweep of growth: each free cell beside a crown is claimed by the crown of the nearest seed that may have it.

    Writes claims to ``wanted`` and their cells to ``touched``; keeps in ``edge`` the cells that may grow on later.
    Returns the numbers of claimed cells and of edge cells.
    """
    share_seed, share_mean, overshoot = limits
    n_touched, n_kept = 0, 0
    for i in range(n_edge):
        k = labels[edge[i]] - 1
        is_waiting = False
        for side in range(4):
            cell = neighbour(edge[i], side, shape[0], shape[1])
            if cell < 0 or labels[cell] != 0:
                continue
            h, top = values[cell], values[seeds[k]]
            if not (share_seed * top < h <= overshoot * top) or not is_within(cell, seeds[k], shape[1], radius[k]):
                continue
            if h <= share_mean * means[k]:
                is_waiting = True
                continue
            if wanted[cell] == 0:
                touched[n_touched] = cell
                n_touched += 1
                wanted[cell] = k + 1
            elif nearer(cell, seeds[k], seeds[wanted[cell] - 1], shape[1]):
                wanted[cell] = k + 1
        if is_waiting:
            edge[n_kept] = edge[i]
            n_kept += 1
    return n_touched, n_kept


@kernel
def grow(
    values: Singles,
    shape: tuple[int, int],
    seeds: Ints,
    limits: tuple[float, float, float],
    radius: Floats,
    labels: Labels,
) -> None:
    """Grow every crown from its seed, one ring of cells a sweep, until none grows.

    ``values`` and ``labels`` are flat; seed k gets label k + 1. A crown's mean is that at the beginning of a sweep.
    """
    n = seeds.size
    sums, counts, means = np.empty(n), np.ones(n), np.empty(n)
    edge, touched = np.empty(values.size, np.int64), np.empty(values.size, np.int64)
    wanted = np.zeros(values.size, np.int32)
    for k in range(n):
        labels[seeds[k]] = k + 1
        edge[k] = seeds[k]
        sums[k] = values[seeds[k]]
        means[k] = sums[k]
    n_edge = n
    while n_edge > 0:
        n_touched, n_edge = propose(values, shape, seeds, limits, radius, means, edge, n_edge, labels, wanted, touched)
        if n_touched == 0:
            break
        for i in range(n_touched):
            cell = touched[i]
            k = wanted[cell] - 1
            labels[cell] = k + 1
            sums[k] += values[cell]
            counts[k] += 1
            edge[n_edge] = cell
            n_edge += 1
        for k in range(n):
            means[k] = sums[k] / counts[k]


@kernel
def flood(
    values: Singles,
    shape: tuple[int, int],
    seeds: Ints,
    share_seed: float,
    radius: Floats,
    step: float,
    labels: Labels,
) -> None:
    """Flood the canopy from the seeds downward in steps of ``step`` metres: each cell goes to the crown reached first.

    ``values`` and ``labels`` are flat; seed k gets label k + 1. Cells of one step are taken in order of arrival.
    """
    highest = 0.0
    for k in range(seeds.size):
        highest = max(highest, values[seeds[k]])
    n_levels = int(highest / step) + 2
    head, tail = np.full(n_levels, -1, np.int64), np.full(n_levels, -1, np.int64)
    following = np.full(values.size, -1, np.int64)
    for k in range(seeds.size):
        labels[seeds[k]] = k + 1
        enqueue(seeds[k], int(values[seeds[k]] / step), head, tail, following)
    for level in range(n_levels - 1, -1, -1):
        while head[level] >= 0:
            cell = head[level]
            head[level] = following[cell]
            k = labels[cell] - 1
            for side in range(4):
                other = neighbour(cell, side, shape[0], shape[1])
                if other < 0 or labels[other] != 0 or not values[other] > share_seed * values[seeds[k]]:
                    continue
                if is_within(other, seeds[k], shape[1], radius[k]):
                    labels[other] = k + 1
                    enqueue(other, min(int(values[other] / step), level), head, tail, following)


@kernel
def enqueue(cell: int, level: int, head: Ints, tail: Ints, following: Ints) -> None:
    """Put a cell at the end of its level's queue."""
    following[cell] = -1
    if head[level] < 0:
        head[level] = cell
    else:
        following[tail[level]] = cell
    tail[level] = cell


@kernel
def saddles(values: Singles, shape: tuple[int, int], labels: Labels, out: Floats) -> None:
    """Raise ``out[k]`` to the height of the highest pass between crown k + 1 and any other crown."""
    n_rows, n_columns = shape
    for cell in range(values.size):
        k = labels[cell] - 1
        if k < 0:
            continue
        for step in range(2):
            if (step == 0 and cell % n_columns == n_columns - 1) or (step == 1 and cell // n_columns == n_rows - 1):
                continue
            other = cell + (1, n_columns)[step]
            j = labels[other] - 1
            if j >= 0 and j != k:
                low = min(values[cell], values[other])
                out[k] = max(out[k], low)
                out[j] = max(out[j], low)
