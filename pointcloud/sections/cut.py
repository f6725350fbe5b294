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
from pointcloud.sections import kernels, place_kernels
from pointcloud.sections.line import CentreLine
from pointcloud.sections.stations import Station

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Segment = tuple[float, float, float, float]

SAME_OFFSET = 1e-6
"""Parts of a section line that end and begin closer than this (metres) are one line."""

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
        _, t, d = self._points.near(segment, self.max_gap)
        half = np.sqrt(self.max_gap * self.max_gap - d * d)
        return union(t - half, t + half)

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


class PointIndex:
    """Points by cells, so that a section finds those near it without looking at all.

    Parameters
    ----------
    x, y
        float64 of shape (n,), metres.
    cell
        Edge of a cell in metres; doubled until there are no more cells than points, about.
    """

    def __init__(self, x: Floats, y: Floats, cell: float) -> None:
        self.x, self.y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        west, south = (float(v.min()) if v.size else 0.0 for v in (x, y))
        width, height = (float(np.ptp(v)) if v.size else 0.0 for v in (x, y))
        while (width / cell + 1) * (height / cell + 1) > max(1024, 2 * x.size):
            cell *= 2.0
        self._frame = np.array([west, south, cell])
        self._shape = np.array([int(height / cell) + 1, int(width / cell) + 1])
        self._order = np.empty(self.x.size, dtype=np.int64)
        self._starts = np.zeros(int(self._shape.prod()) + 1, dtype=np.int64)
        place_kernels.sort_by_cell(self.x, self.y, self._frame, self._shape, self._starts, self._order)

    @property
    def spacing(self) -> float:
        """Mean distance of neighbouring points in metres over the cells that have any; 0 without a point."""
        n_cells = int(np.count_nonzero(np.diff(self._starts)))
        return float(self._frame[2]) * math.sqrt(n_cells / max(self.x.size, 1))

    def near(self, segment: Segment, reach: float) -> tuple[Ints, Floats, Floats]:
        """Numbers, metres along and metres to the left of the points within ``reach`` of a segment, by number."""
        room = 4096
        while True:
            numbers, t, d = np.empty(room, dtype=np.int64), np.empty(room), np.empty(room)
            n = kernels.points_near(
                self.x, self.y, self._order, self._starts, self._frame, self._shape, np.array(segment), reach,
                numbers, t, d,
            )  # fmt: skip
            if n <= room:
                by_number = np.argsort(numbers[:n])
                return numbers[:n][by_number], t[:n][by_number], d[:n][by_number]
            room = n


class TriangleIndex:
    """Triangles by cells.

    Parameters
    ----------
    tin
        Vertices and triangles.
    is_sorted
        Whether they are sorted into cells, which pays for what is cut many times; else a cut looks at all of them.
    """

    def __init__(self, tin: Tin, *, is_sorted: bool = True) -> None:
        self._tin = tin
        n = len(tin.triangles)
        west, south = (float(v.min()) if n else 0.0 for v in (tin.x, tin.y))
        width, height = (float(np.ptp(v)) if n else 0.0 for v in (tin.x, tin.y))
        fine = max(math.sqrt(2.0 * width * height / max(n, 1)), 0.01, max(width, height) / 20_000)
        cell = fine if is_sorted else max(width, height) + 1.0
        self._frame = np.array([west, south, cell])
        rows, columns = int(height / cell) + 1, int(width / cell) + 1
        self._shape = np.array([rows, columns, 0])
        self._seen = np.zeros(n, dtype=np.int64)
        if not is_sorted:
            self._starts, self._items = np.array([0, n]), np.arange(n)
            return
        x, y = (tin.x - west) / cell, (tin.y - south) / cell
        counts = np.zeros(rows * columns + 1, dtype=np.int64)
        kernels.index_triangles(x, y, tin.triangles, columns, rows, counts, np.empty(0, dtype=np.int64))
        self._starts = np.cumsum(counts)
        self._items = np.empty(max(int(self._starts[-1]), 1), dtype=np.int64)
        kernels.index_triangles(x, y, tin.triangles, columns, rows, self._starts.copy(), self._items)

    def cut(self, segment: Floats) -> Floats:
        """Rows t0, z0, t1, z1 of the parts of the segment inside triangles."""
        tin, room = self._tin, 1024
        while True:
            self._shape[2] += 1
            out = np.empty((room, 4))
            n = kernels.cut_tin(
                tin.x, tin.y, tin.z, tin.triangles, self._starts, self._items, self._frame, self._shape, segment,
                self._seen, out,
            )  # fmt: skip
            if n <= room:
                return out[:n]
            room = n


def joined(parts: Floats) -> list[Floats]:
    """Polylines from parts (t0, z0, t1, z1) in any order; parts that repeat another are dropped.

    Raises
    ------
    GeometryError
        When parts overlap by more than `FOLD` metres.
    """
    pieces: list[list[tuple[float, float]]] = []
    for t0, z0, t1, z1 in parts[np.lexsort((-parts[:, 2], parts[:, 0]))].tolist():
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
