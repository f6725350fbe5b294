"""What fills a section besides lines: cut and fill, layers of points, scatter of the ground points."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pointcloud.sections.cut import SectionLine
from pointcloud.sections.slice import STEP, Layer, Slice, heights_on

Floats = NDArray[np.float64]
Polygons = Iterator[tuple[str, Floats]]

_LEAST = 0.02
"""Metres of height below which cut or fill is not shaded: thinner than a pen at 1/200."""

_THIN = 0.15
"""Metres that the band of a layer is at least high, so that a flat roof shows."""


def shaded(before: SectionLine, after: SectionLine) -> Polygons:
    """Polygons between two lines, role ``cut`` or ``fill``, shape (n, 2) in offset and height."""
    for a in before.pieces:
        for b in after.pieces:
            low, high = max(a[0, 0], b[0, 0]), min(a[-1, 0], b[-1, 0])
            if high - low <= 0.0:
                continue
            t = np.unique(np.clip(np.concatenate((a[:, 0], b[:, 0], [low, high])), low, high))
            yield from _runs(t, heights_on(SectionLine((a,)), t), heights_on(SectionLine((b,)), t))


def _runs(t: Floats, za: Floats, zb: Floats) -> Polygons:
    d = zb - za
    cross = np.flatnonzero(d[:-1] * d[1:] < 0.0)
    share = d[cross] / (d[cross] - d[cross + 1])
    at = t[cross] + share * (t[cross + 1] - t[cross])
    z = za[cross] + share * (za[cross + 1] - za[cross])
    t, za, zb = (np.insert(v, cross + 1, w) for v, w in ((t, at), (za, z), (zb, z)))
    sign = np.sign(zb[:-1] - za[:-1] + zb[1:] - za[1:])
    edges = np.concatenate(([0], np.flatnonzero(np.diff(sign)) + 1, [sign.size]))
    for first, last in itertools.pairwise(edges):
        own = slice(first, last + 1)
        if sign[first] == 0.0 or np.abs(zb[own] - za[own]).max() < _LEAST:
            continue
        yield ("fill" if sign[first] > 0 else "cut"), _ring(t[own], za[own], zb[own])


def layered(points: Slice) -> Polygons:
    """Polygons from the 5th percentile to the highest point of each layer but the ground, open where it has none."""
    for band in points.bands:
        if band.layer is not Layer.GROUND:
            high = band.percentiles[:, 3]
            yield from _steps(str(band.layer), band.offset, np.minimum(band.percentiles[:, 0], high - _THIN), high)


def scattered(points: Slice, ground: SectionLine) -> Polygons:
    """Polygons of the 5th to 95th percentile of the ground points about the ground, role ``scatter``."""
    if points.spread is None:
        return
    for role, ring in _steps("scatter", points.spread.offset, *points.spread.percentiles[:, (0, 2)].T):
        z = ring[:, 1] + heights_on(ground, ring[:, 0])
        known = np.isfinite(z)
        if np.count_nonzero(known) > 2:
            yield role, np.column_stack((ring[known, 0], z[known]))


def _steps(role: str, offset: Floats, low: Floats, high: Floats) -> Polygons:
    """Polygons over steps of offset that follow each other, each as wide as half a step beyond its ends."""
    if not offset.size:
        return
    for run in np.split(np.arange(offset.size), np.flatnonzero(np.diff(offset) > 1.5 * STEP) + 1):
        t = np.concatenate(([offset[run[0]] - STEP / 2.0], offset[run], [offset[run[-1]] + STEP / 2.0]))
        yield role, _ring(t, *(np.concatenate(([v[run[0]]], v[run], [v[run[-1]]])) for v in (low, high)))


def _ring(t: Floats, low: Floats, high: Floats) -> Floats:
    return np.column_stack((np.concatenate((t, t[::-1])), np.concatenate((low, high[::-1]))))
