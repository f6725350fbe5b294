"""Slow and obvious twins of the section kernels."""

from __future__ import annotations

import math

import numpy as np


def height_on_tin(x, y, z, triangles, px, py):
    """Height of the TIN at a place by testing every triangle; NaN outside."""
    for a, b, c in triangles.astype(int):
        m = np.array([[x[b] - x[a], x[c] - x[a]], [y[b] - y[a], y[c] - y[a]]])
        if abs(np.linalg.det(m)) < 1e-12:
            continue
        u, v = np.linalg.solve(m, [px - x[a], py - y[a]])
        if u >= -1e-9 and v >= -1e-9 and u + v <= 1 + 1e-9:
            return z[a] + u * (z[b] - z[a]) + v * (z[c] - z[a])
    return math.nan


def areas_by_sampling(a, b, n=400_001):
    """Cut, fill, cut moment, fill moment, width of two broken lines without steps, by the midpoint rule."""
    low, high = max(a[0, 0], b[0, 0]), min(a[-1, 0], b[-1, 0])
    if high <= low:
        return np.zeros(5)
    step = (high - low) / n
    t = low + (np.arange(n) + 0.5) * step
    d = np.interp(t, *b.T) - np.interp(t, *a.T)
    cut, fill = np.maximum(-d, 0), np.maximum(d, 0)
    return np.array([cut.sum(), fill.sum(), (t * cut).sum(), (t * fill).sum(), n]) * step


def nearest(x, y, px, py):
    """Distance from a place to the nearest point."""
    return np.hypot(x - px, y - py).min()
