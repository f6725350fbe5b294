"""Kernels that gather what the points say about each tree. Sums and maxima only, so tiles may come in any order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@kernel
def keep_highest(heights: Singles, h: float) -> None:
    """Put a height into a falling list of the highest ones, if it belongs there."""
    at = heights.size - 1
    if h <= heights[at]:
        return
    while at > 0 and heights[at - 1] < h:
        heights[at] = heights[at - 1]
        at -= 1
    heights[at] = h


@kernel
def gather(
    x: Floats,
    y: Floats,
    height: Singles,
    cells: Ints,
    is_first: Flags,
    labels: NDArray[np.int32],
    top: Singles,
    lowest: float,
    seeds: Ints,
    scale: Floats,
    n_columns: int,
    near: int,
    apex: Floats,
    n_returns: Ints,
    profile: NDArray[np.int32],
    pulses: Singles,
) -> None:
    """Add points to the trees whose crowns they lie in.

    Parameters
    ----------
    cells, labels, top
        Flat cell of each point (-1: not wanted), label (k + 1) and greatest height of each cell; what lies higher is
        no canopy.
    seeds, scale, near
        Cell and height of each tree's top; the apex is looked for within ``near`` cells of it each way.
    apex
        In and out: x, y, height of each tree's highest point, shape (n, 3); height -inf where none came yet.
    profile
        In and out: returns by height, in equal parts of the top's height; shape (n, bins).
    pulses
        In and out: the highest first returns of each tree, falling, shape (n, m).
    """
    n_bins = profile.shape[1]
    for i in range(x.size):
        h = height[i]
        if cells[i] < 0 or not lowest <= h <= top[cells[i]]:
            continue
        k = labels[cells[i]] - 1
        if k < 0:
            continue
        n_returns[k] += 1
        part = int(h / scale[k] * n_bins)
        profile[k, min(part, n_bins - 1)] += 1
        if is_first[i]:
            keep_highest(pulses[k], h)
        dr, dc = cells[i] // n_columns - seeds[k] // n_columns, cells[i] % n_columns - seeds[k] % n_columns
        if abs(dr) > near or abs(dc) > near or h < apex[k, 2]:
            continue
        if h > apex[k, 2] or y[i] > apex[k, 1] or (y[i] == apex[k, 1] and x[i] < apex[k, 0]):
            apex[k, 0], apex[k, 1], apex[k, 2] = x[i], y[i], h


@kernel
def expected_maximum(heights: Singles, share: float) -> float:
    """Expected highest of the falling ``heights``, which end at the first 0, if each is kept with chance ``share``.

    Where none might be kept, the lowest listed stands for what would be found below it.
    """
    total, left = 0.0, 1.0
    last = math.nan
    for i in range(heights.size):
        if heights[i] <= 0.0:
            break
        last = heights[i]
        total += left * share * last
        left *= 1.0 - share
    return total + left * last


@kernel
def thinned_maxima(pulses: Singles, share: float, first: int, last: int, out: Floats) -> None:
    """`expected_maximum` of each tree's pulses; NaN for a tree without pulses."""
    for k in range(first, last):
        out[k] = expected_maximum(pulses[k], share)


@kernel
def crown_bases(profile: NDArray[np.int32], share: float, gap: int, first: int, last: int, out: Floats) -> None:
    """Lower end of each crown as a share of the tree's height: where the returns from the top downward break off.

    A part of the height belongs to the crown when it has at least ``share`` of the returns of the fullest part; more
    than ``gap`` parts in a row that have fewer end it.
    """
    n_bins = profile.shape[1]
    for k in range(first, last):
        least = max(1.0, share * profile[k].max())
        base, missing = n_bins, 0
        for part in range(n_bins - 1, -1, -1):
            if profile[k, part] >= least:
                base, missing = part, 0
            else:
                missing += 1
            if missing > gap and base < n_bins:
                break
        out[k] = base / n_bins
