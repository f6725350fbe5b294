"""Slow, obvious twins of the kernels that fit crowns' forms."""

from __future__ import annotations

import itertools

import numpy as np


def points_near(labels, height, dx, dy, ground, grid, label, top, reach, step):
    """Points (x, y, z) from a top, of the highest cell of every block: a set of rounded triples."""
    found = set()
    best = {}
    for r, c in itertools.product(range(grid.n_rows), range(grid.n_columns)):
        if labels[r, c] == label and height[r, c] > best.get((r // step, c // step), (0.0,))[0]:
            x = (grid.column + c) * grid.cell + float(dx[r, c])
            y = (grid.south_row + grid.n_rows - 1 - r) * grid.cell + float(dy[r, c])
            best[r // step, c // step] = (float(height[r, c]), x, y)
    for h, x, y in best.values():
        if np.hypot(x - top[0], y - top[1]) <= reach:
            z = h + ground(x, y) - (top[2] + ground(top[0], top[1]))
            found.add((round(float(x - top[0]), 6), round(float(y - top[1]), 6), round(float(z), 6)))
    return found


def likelihood(points, x, y, form, levels, most):
    """Sum over points of the capped logarithm, level by level."""
    slope, roundness, below, above = form
    out = []
    for level in levels:
        total = 0.0
        for px, py, pz in points:
            surface = level - (np.sqrt(roundness**2 + slope**2 * ((px - x) ** 2 + (py - y) ** 2)) - roundness)
            depth = surface - pz
            total -= min(below * depth if depth >= 0 else -above * depth, most)
        out.append(total)
    return np.array(out)


def moments(points, places, rises, form, levels, most):
    """Log evidence, mean and mean square of the loss, by plain sums over places and levels."""
    logs = np.array([likelihood(points, x, y, form, levels, most) for x, y in places])
    losses = np.array([[level - rise for level in levels] for rise in rises])
    weights = np.exp(logs)
    rates = len(points) * np.log(form[2] * form[3] / (form[2] + form[3]))
    share = weights / weights.sum()
    return np.log(weights.sum()) + rates, (share * losses).sum(), (share * losses**2).sum()
