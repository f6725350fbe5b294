"""Section lines: where a vertical plane meets a surface, with a vertex at every triangle edge and gaps left open.

A section's coordinates are (offset, height): metres from the centre, right positive, and metres of height. A
profile's are (distance along the line, height).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import GeometryError
from pointcloud.grid import Grid, Raster
from pointcloud.ground import tin_kernels
from pointcloud.ground.surface import MAX_GAP, Tin, distance_to_points
from pointcloud.sections import kernels
from pointcloud.sections.line import CentreLine
from pointcloud.sections.place import PointIndex, Segment, TriangleIndex
from pointcloud.sections.stations import Station

Floats = NDArray[np.float64]

SAME_OFFSET = 1e-6
"""Parts of a section line that end and begin closer than this (metres) are one line."""

_BESIDE = 2.0
"""Point distances beside a segment within which the points usually say that it is known throughout."""

EDGE = 0.005
"""Metres by which a section may miss the edge of a design: coordinates have millimetres."""

FOLD = 0.01
"""Metres by which parts of a design surface may overlap: drawings weld their triangles no better."""


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A broken line in the plane of a section.

    Parameters
    ----------
    pieces
        Each of shape (n, 2), n >= 2: offset and height in metres by growing offset. Between two pieces is a gap:
        nothing was measured there. Two rows of one offset are a vertical step.
    """

    pieces: tuple[Floats, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the section meets the surface nowhere."""
        return not self.pieces

    @property
    def covered(self) -> float:
        """Metres of offset that the line covers."""
        return float(sum(p[-1, 0] - p[0, 0] for p in self.pieces))

    def height(self, offset: float) -> float:
        """Height at an offset, NaN in a gap; at a step the first of the two."""
        for piece in self.pieces:
            if piece[0, 0] - SAME_OFFSET <= offset <= piece[-1, 0] + SAME_OFFSET:
                i = min(max(int(np.searchsorted(piece[:, 0], offset)), 1), len(piece) - 1)
                (a, za), (b, zb) = piece[i - 1], piece[i]
                share = 0.0 if b <= a else min(max((offset - a) / (b - a), 0.0), 1.0)
                return float(za + share * (zb - za))
        return math.nan

    def gaps(self, low: float, high: float) -> list[tuple[float, float]]:
        """Intervals of offset between ``low`` and ``high`` where the line is not known."""
        found, at = [], low
        for piece in self.pieces:
            if piece[0, 0] - at > SAME_OFFSET:
                found.append((at, min(float(piece[0, 0]), high)))
            at = max(at, float(piece[-1, 0]))
        if high - at > SAME_OFFSET:
            found.append((at, high))
        return found

    def between(self, low: float, high: float) -> SectionLine:
        """The part of the line from ``low`` to ``high``."""
        return SectionLine(tuple(within(self.pieces, np.array([[low, high]]))))

    def moved(self, shift: float) -> SectionLine:
        """The line with ``shift`` added to its offsets."""
        return SectionLine(tuple(p + np.array([shift, 0.0]) for p in self.pieces))

    def simplified(self, tolerance: float) -> tuple[SectionLine, float]:
        """Fewer of its vertices, and the greatest vertical deviation (metres) from this line, <= ``tolerance``.

        References
        ----------
        Douglas, D. & Peucker, T. (1973), doi:10.3138/FM57-6770-U75U-7727; deviation is taken vertically here, so that
        it states an error of height.
        """
        pieces, greatest = [], 0.0
        for piece in self.pieces:
            steps = np.flatnonzero(np.diff(piece[:, 0]) <= 0.0) + 1
            parts = []
            for part in np.split(piece, steps):
                kept = np.zeros(len(part), dtype=np.bool_)
                greatest = max(greatest, kernels.mark_kept(np.ascontiguousarray(part), tolerance, kept))
                parts.append(part[kept])
            pieces.append(np.concatenate(parts))
        return SectionLine(tuple(pieces)), greatest


class Surface:
    """A triangulated surface that can be cut: the TIN of a survey's ground points, or a design.

    Parameters
    ----------
    tin
        Vertices and triangles.
    max_gap
        Metres from the nearest vertex beyond which the surface is void, as `terrain` rules; None for a design, whose
        triangles are what its author drew.
    """

    max_gap: float | None

    def __init__(self, tin: Tin, max_gap: float | None = MAX_GAP) -> None:
        self._tin = tin
        self.max_gap = max_gap
        self._points = PointIndex(tin.x, tin.y, max_gap) if max_gap is not None else None

    @property
    def tin(self) -> Tin:
        """Vertices and triangles."""
        return self._tin

    @cached_property
    def _triangles(self) -> TriangleIndex:
        return TriangleIndex(self.tin)

    def cut(self, station: Station) -> SectionLine:
        """The line in which a station's plane meets the surface, from -left to right.

        A design often begins and ends at a station, where rounding would decide which triangles meet the plane: the
        section that covers most of those up to `EDGE` metres before and behind counts.
        """
        line = self.along(station.segment).moved(-station.left)
        if self.max_gap is None:
            for step in (EDGE, -EDGE):
                beside = self.along(station.moved(step).segment).moved(-station.left)
                line = max(line, beside, key=lambda one: round(one.covered, 2))
        return line

    def along(self, segment: Segment) -> SectionLine:
        """The line over a segment (x0, y0, x1, y1), offsets from its start.

        Raises
        ------
        GeometryError
            When parts of a design lie on top of each other.
        """
        pieces = joined(self.parts(segment))
        known = self._known(segment)
        return SectionLine(tuple(pieces if known is None else within(pieces, known)))

    def parts(self, segment: Segment) -> Floats:
        """Rows t0, z0, t1, z1 of the parts of a segment inside triangles, in no order, gaps not looked at."""
        return self._triangles.cut(np.array(segment))

    def _known(self, segment: Segment) -> Floats | None:
        """Intervals of a segment within ``max_gap`` of a vertex, shape (n, 2); None where all of it counts."""
        if self._points is None or self.max_gap is None:
            return None
        length = math.hypot(segment[2] - segment[0], segment[3] - segment[1])
        known = np.empty((0, 2))
        for reach in (min(_BESIDE * self._points.spacing, self.max_gap), self.max_gap):
            _, t, d = self._points.near(segment, reach)
            half = np.sqrt(self.max_gap * self.max_gap - d * d)
            known = union(t - half, t + half)
            if len(known) == 1 and known[0, 0] <= 0.0 and known[0, 1] >= length:
                break  # those farther away add nothing
        return known

    def profile(self, line: CentreLine, first: float = 0.0, last: float | None = None) -> SectionLine:
        """The line along a centre line, by internal distance; curves are followed in chords of 1 mm sagitta."""
        s = line.dense(first, line.length if last is None else last)
        x, y, _ = line.at(s)
        parts = []
        for i in range(s.size - 1):
            chord = math.hypot(x[i + 1] - x[i], y[i + 1] - y[i])
            for piece in self.along((x[i], y[i], x[i + 1], y[i + 1])).pieces:
                scaled = piece * np.array([(s[i + 1] - s[i]) / chord, 1.0]) + np.array([s[i], 0.0])
                parts.append(scaled)
        return SectionLine(tuple(_chained(parts)))

    def on_grid(self, grid: Grid) -> Raster:
        """Heights at the cell centres of a grid, NaN where void, by the same triangles."""
        tin = self.tin
        values = np.full(grid.shape, np.nan)
        x, y = (tin.x - grid.west) / grid.cell - 0.5, (grid.north - tin.y) / grid.cell - 0.5
        tin_kernels.rasterise(x, y, np.ascontiguousarray(tin.z), tin.triangles, values)
        if self.max_gap is not None:
            values[distance_to_points(tin.x, tin.y, grid, self.max_gap) > self.max_gap] = np.nan
        return Raster(values, grid)

    def height_at(self, x: float, y: float) -> float:
        """Height at a place, NaN where void."""
        line = self.along((x - 0.5, y, x + 0.5, y))
        return line.height(0.5)


def design_surface(corners: Floats) -> Surface:
    """A design from its triangles' corners, shape (m, 3, 3); corners in one place become one vertex."""
    vertices, numbers = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    x, y, z = (np.ascontiguousarray(vertices[:, k]) for k in range(3))
    return Surface(Tin(x, y, z, numbers.reshape(-1, 3).astype(np.uint32)), None)


def joined(parts: Floats) -> list[Floats]:
    """Polylines from parts (t0, z0, t1, z1) in any order; parts that repeat another are dropped.

    Raises
    ------
    GeometryError
        When parts overlap by more than `FOLD` metres.
    """
    parts = parts[np.lexsort((-parts[:, 2], parts[:, 0]))]
    simple = _simply_joined(parts)
    if simple is not None:
        return simple
    pieces: list[list[tuple[float, float]]] = []
    for t0, z0, t1, z1 in parts.tolist():
        if not pieces or t0 > pieces[-1][-1][0] + SAME_OFFSET:
            pieces.append([(t0, z0), (t1, z1)])
            continue
        last_t, last_z = pieces[-1][-1]
        if t1 <= last_t + SAME_OFFSET and t0 < last_t - SAME_OFFSET and _repeats(pieces[-1], (t0, z0), (t1, z1)):
            continue
        if last_t - t0 > FOLD:
            raise GeometryError(
                f"section: the surface lies over itself at {t0:.2f}-{last_t:.2f} m along the section; a design must "
                "have one height at each place: remove the overlapping triangles",
                f"計画面が断面の {t0:.2f}~{last_t:.2f} m で重なっています。1 地点に標高は一つです。"
                "重複する三角形を除いてください。",
                value=[t0, last_t],
            )
        if abs(z0 - last_z) > SAME_OFFSET:
            pieces[-1].append((max(t0, last_t), z0))
        if t1 > last_t:
            pieces[-1].append((t1, z1))
    return [np.array(p) for p in pieces]


def _simply_joined(parts: Floats) -> list[Floats] | None:
    """As `joined`, where each sorted part begins at the end of the one before or beyond a gap; None where one does not.

    That is how a TIN is cut nearly always, and many times as fast.
    """
    steps = parts[1:, :2] - parts[:-1, 2:]
    is_gap = steps[:, 0] > SAME_OFFSET
    if not (is_gap | (np.abs(steps) <= SAME_OFFSET).all(axis=1)).all() or not (np.diff(parts[:, 2]) > 0.0).all():
        return None
    return [
        np.concatenate((piece[:1, :2], piece[:, 2:]))
        for piece in np.split(parts, np.flatnonzero(is_gap) + 1)
        if len(piece)
    ]


def _repeats(piece: Sequence[tuple[float, float]], start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a part lies on the last part of a piece, as an edge along the section does from both its triangles."""
    (t0, z0), (t1, z1) = piece[-2], piece[-1]
    slope = (z1 - z0) / (t1 - t0) if t1 > t0 else 0.0
    return all(abs(z0 + slope * (t - t0) - z) <= FOLD for t, z in (start, end))


def union(low: Floats, high: Floats) -> Floats:
    """Intervals that cover the same as all given ones, shape (n, 2), apart from each other and sorted."""
    if low.size == 0:
        return np.empty((0, 2))
    order = np.argsort(low, kind="stable")
    low, reach = low[order], np.maximum.accumulate(high[order])
    first = np.concatenate(([True], low[1:] > reach[:-1]))
    last = np.concatenate((first[1:], [True]))
    return np.column_stack((low[first], reach[last]))


def within(pieces: Sequence[Floats], intervals: Floats) -> Iterator[Floats]:
    """The parts of polylines that lie inside intervals of t."""
    for piece in pieces:
        for low, high in intervals:
            a, b = max(low, piece[0, 0]), min(high, piece[-1, 0])
            if b - a > SAME_OFFSET:
                yield _clipped(piece, a, b)


def _clipped(piece: Floats, low: float, high: float) -> Floats:
    inside = piece[(piece[:, 0] > low) & (piece[:, 0] < high)]
    at_step = piece[piece[:, 0] == low], piece[piece[:, 0] == high]
    ends = []
    for t, own, take in ((low, at_step[0], -1), (high, at_step[1], 0)):
        ends.append(own[[take]] if len(own) else np.array([[t, np.interp(t, piece[:, 0], piece[:, 1])]]))
    return np.concatenate((ends[0], inside, ends[1]))


def _chained(parts: Sequence[Floats]) -> list[Floats]:
    """Polylines joined where one begins at the end of the one before."""
    chains: list[list[Floats]] = []
    for part in parts:
        if chains and abs(part[0, 0] - chains[-1][-1][-1, 0]) <= 1e-5:
            is_step = abs(part[0, 1] - chains[-1][-1][-1, 1]) > 1e-5
            chains[-1].append(part if is_step else part[1:])
        else:
            chains.append([part])
    return [np.concatenate(chain) for chain in chains]
