"""Points and triangles by cells, so that what cuts them looks at those nearby only."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.surface import Tin
from pointcloud.sections import kernels, place_kernels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Segment = tuple[float, float, float, float]
"""Eastings and northings of both ends: (x0, y0, x1, y1)."""


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

    @cached_property
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
