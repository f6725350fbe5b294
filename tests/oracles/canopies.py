"""Slow, obvious twins of the kernels of canopy, tops and crowns."""

from __future__ import annotations

import numpy as np


def is_stray(x, y, z, height, lowest):
    """Point by point over plain sets of (column, metre of height)."""
    at = [(int(np.floor(a)), int(np.floor(b)), int(np.floor(c))) for a, b, c in zip(x, y, z, strict=True)]
    filled = set(at)
    out = []
    for (i, j, k), h in zip(at, height, strict=True):
        around = [(i + di, j + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)]
        n_below = sum(any((c, r, k - d) in filled for c, r in around) for d in (2, 3, 4, 5))
        n_above = sum(any((c, r, k + d) in filled for c, r in around) for d in (2, 3, 4, 5))
        n_level = sum(any((c, r, k + d) in filled for d in (-1, 0, 1)) for c, r in around)
        out.append(h > lowest and n_below < 3 and n_above < 3 and n_level < 6)
    return np.array(out)


def bridge(top, r, c, span, least):
    """Weighted mean of the straight lines over a cell, NaN with fewer than two."""
    lines, weights = [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        length = np.hypot(dr, dc)
        ends = []
        for sign in (1, -1):
            for step in range(1, int(span / length)):
                r2, c2 = r + sign * step * dr, c + sign * step * dc
                if 0 <= r2 < top.shape[0] and 0 <= c2 < top.shape[1] and top[r2, c2] >= least:
                    ends.append((step, top[r2, c2]))
                    break
        if len(ends) == 2 and (ends[0][0] + ends[1][0]) * length <= span:
            (a, high), (b, low) = ends
            lines.append(high + (low - high) * a / (a + b))
            weights.append(1.0 / ((a + b) * length))
    return np.average(lines, weights=weights) if len(lines) > 1 else np.nan


def without_pits(top, thresholds, span, void_span):
    out = np.empty_like(top)
    for r, c in np.ndindex(top.shape):
        own = top[r, c]
        layers = [bridge(top, r, c, span, t) for t in thresholds if np.isnan(own) or t > own]
        base = bridge(top, r, c, void_span, -np.inf) if np.isnan(own) else own
        known = [v for v in (base, *layers) if not np.isnan(v)]
        out[r, c] = max(known, default=np.nan)
    return out


def smooth(values):
    out = np.full_like(values, np.nan)
    for r, c in np.ndindex(values.shape):
        cells = [
            ((2 - abs(dr)) * (2 - abs(dc)), values[r + dr, c + dc])
            for dr in (-1, 0, 1)
            for dc in (-1, 0, 1)
            if 0 <= r + dr < values.shape[0] and 0 <= c + dc < values.shape[1] and np.isfinite(values[r + dr, c + dc])
        ]
        if np.isfinite(values[r, c]):
            out[r, c] = np.average([v for _, v in cells], weights=[w for w, _ in cells])
    return out


def maxima(values, x, y, lowest, radius_of):
    """Every cell against every other; ``x`` and ``y`` are the places of the cells' points."""
    out = np.zeros(values.shape, bool)
    flat = list(np.ndindex(values.shape))
    for p in flat:
        if not values[p] >= lowest:
            continue
        radius = radius_of(p, values[p])
        near = [q for q in flat if q != p and np.hypot(x[q] - x[p], y[q] - y[p]) <= radius]
        beside = [(p[0] - 1, p[1]), (p[0], p[1] - 1), (p[0] + 1, p[1]), (p[0], p[1] + 1)]
        beside = [q for q in beside if 0 <= q[0] < values.shape[0] and 0 <= q[1] < values.shape[1]]
        above = any(values[q] > values[p] or (values[q] == values[p] and q < p) for q in near)
        out[p] = not above and not any(values[q] > values[p] for q in beside)
    return out


def grow(values, seeds, limits, radius):
    """Crowns as sets of cells, one ring a sweep."""
    share_seed, share_mean, overshoot = limits
    labels = np.zeros(values.shape, int)
    for k, seed in enumerate(seeds):
        labels[seed] = k + 1
    while True:
        means = [values[labels == k + 1].mean() for k in range(len(seeds))]
        claims = {}
        for p in np.argwhere(labels > 0):
            k = labels[tuple(p)] - 1
            top = values[seeds[k]]
            for step in ((-1, 0), (0, -1), (0, 1), (1, 0)):
                q = tuple(p + step)
                if min(q) < 0 or q[0] >= values.shape[0] or q[1] >= values.shape[1] or labels[q]:
                    continue
                away = np.hypot(*np.subtract(q, seeds[k]))
                is_high = share_seed * top < values[q] <= overshoot * top and values[q] > share_mean * means[k]
                if is_high and away <= radius[k]:
                    claims.setdefault(q, set()).add((away, k))
        if not claims:
            return labels
        for q, wishes in claims.items():
            labels[q] = min(wishes)[1] + 1


def correlation_sums(departure, n_lags):
    """Sum and number of products of departures by lag, over pairs along eight directions."""
    sums, counts = np.zeros(n_lags), np.zeros(n_lags)
    for r, c in np.argwhere(np.isfinite(departure)):
        sums[0] += departure[r, c] ** 2
        counts[0] += 1
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            for step in range(1, n_lags):
                lag = int(step * np.hypot(dr, dc) + 0.5)
                r2, c2 = r + step * dr, c + step * dc
                inside = lag < n_lags and 0 <= c2 < departure.shape[1] and r2 < departure.shape[0]
                if inside and np.isfinite(departure[r2, c2]):
                    sums[lag] += departure[r, c] * departure[r2, c2]
                    counts[lag] += 1
    return sums, counts
