"""The TIN of points, made only in strips about what is cut, with the lines that the whole one gives.

A triangle belongs to the Delaunay triangulation of a set when no point of the set lies inside its circumcircle. So a
triangle of the points of a rectangle belongs to that of all points when its circumcircle lies inside the rectangle.
The strip about a section is widened until such triangles cover all of it that is not a gap; where that does not come
about, at the survey's edges, or would cost more than the whole, the whole is made.

References
----------
Delaunay, B. (1934), Sur la sphere vide, Izvestia Akademii Nauk SSSR 7, 793-800: the empty circle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.surface import MAX_GAP, Tin, refuse_no_gap, triangulate
from pointcloud.sections.cut import SAME_OFFSET, SectionLine, Surface, joined, within
from pointcloud.sections.place import PointIndex, Segment, TriangleIndex

Floats = NDArray[np.float64]

WHOLE: Final = 20_000
"""Points of which the whole TIN is made at once, a tenth of a second."""

FIRST: Final = 8.0
"""Point distances from a section to the edge of its first strip ..."""

WIDER: Final = 3.0
"""... and how many times as wide each further one is."""

LEAST: Final = 20.0
"""Metres along of a strip: the chords of a curve, which are short, share one."""

_MARGIN: Final = 1e-6
"""Metres of a circumcircle that rounding may hide."""


def ground_surface(x: Floats, y: Floats, z: Floats, max_gap: float = MAX_GAP, n_whole: int = WHOLE) -> Surface:
    """The TIN of ground points, void farther than ``max_gap`` metres from any of them.

    Parameters
    ----------
    x, y, z
        float64 of shape (n,), metres; of points in one position the lowest counts.
    max_gap
        Metres.
    n_whole
        Up to so many points the TIN is made at once, else in strips as it is cut.

    Raises
    ------
    ParameterError
        When ``max_gap`` is not positive.
    """
    refuse_no_gap("sections", max_gap)
    return Surface(triangulate(x, y, z), max_gap) if x.size <= n_whole else StripSurface(x, y, z, max_gap)


@dataclass(frozen=True, slots=True)
class _Strip:
    """The triangles about a segment that are those of the whole TIN.

    Parameters
    ----------
    segment
        Start, and a place in its direction.
    length, reach
        Metres of the rectangle along it, and on each side and beyond both ends.
    triangles
        Cut once or twice.
    """

    segment: Segment
    length: float
    reach: float
    triangles: TriangleIndex

    def holds(self, segment: Segment) -> bool:
        """Whether a segment lies well inside the rectangle."""
        places = np.array(segment).reshape(2, 2)
        along, beside = _in_frame(self.segment, places[:, 0], places[:, 1])
        half = self.reach / 2.0
        return bool((np.abs(beside) <= half).all() and (along >= -half).all() and (along <= self.length + half).all())


class StripSurface(Surface):
    """A `Surface` of many points that is triangulated where it is cut.

    Parameters
    ----------
    x, y, z
        float64 of shape (n,), metres.
    max_gap
        Metres from any point beyond which it is void.
    """

    def __init__(self, x: Floats, y: Floats, z: Floats, max_gap: float) -> None:
        self._x, self._y, self._z = x, y, z
        self.max_gap = max_gap
        self._points: PointIndex = PointIndex(x, y, max_gap)
        self._reach = FIRST * self._points.spacing
        self._left = x.size  # points that strips may still take before the whole is cheaper
        self._strip: _Strip | None = None

    @cached_property
    def tin(self) -> Tin:
        """Vertices and triangles of the whole, made when first asked for."""
        return triangulate(self._x, self._y, self._z)

    def along(self, segment: Segment) -> SectionLine:
        """The line over a segment (x0, y0, x1, y1), offsets from its start."""
        if "tin" in self.__dict__:
            return super().along(segment)
        known = self._known(segment)
        if known is None or not len(known):
            return SectionLine(())
        if self._strip is not None and self._strip.holds(segment):
            line = _line(self._strip, segment, known)
            if line is not None:
                return line
        reach = self._reach
        while (strip := self._widened(segment, reach)) is not None:
            line = _line(strip, segment, known)
            if line is not None:
                self._strip, self._reach = strip, reach
                return line
            reach *= WIDER
        return super().along(segment)

    def _widened(self, segment: Segment, reach: float) -> _Strip | None:
        """The strip of a segment, None where the whole TIN costs no more."""
        x0, y0, x1, y1 = segment
        length = math.hypot(x1 - x0, y1 - y0)
        longer = max(length, LEAST)
        end = x0 + (x1 - x0) * longer / length, y0 + (y1 - y0) * longer / length
        numbers = self._points.near((x0, y0, *end), reach)[0]
        self._left -= numbers.size
        if self._left < 0:
            return None
        tin = triangulate(self._x[numbers], self._y[numbers], self._z[numbers])
        along, beside = _in_frame(segment, tin.x, tin.y)
        own = _inside(along, beside, tin.triangles, longer, reach)
        own_tin = Tin(tin.x, tin.y, tin.z, tin.triangles[own])
        return _Strip(segment, longer, reach, TriangleIndex(own_tin, is_sorted=False))


def _line(strip: _Strip, segment: Segment, known: Floats) -> SectionLine | None:
    """The line of a segment, None where the strip's triangles leave open what is no gap."""
    pieces = joined(strip.triangles.cut(np.array(segment)))
    length = math.hypot(segment[2] - segment[0], segment[3] - segment[1])
    for low, high in np.clip(known, 0.0, length).tolist():
        if high - low > SAME_OFFSET and not _covers(pieces, low, high):
            return None
    return SectionLine(tuple(within(pieces, known)))


def _covers(pieces: Sequence[Floats], low: float, high: float) -> bool:
    return any(p[0, 0] <= low + SAME_OFFSET and p[-1, 0] >= high - SAME_OFFSET for p in pieces)


def _in_frame(segment: Segment, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Metres along a segment from its start, and to its left."""
    x0, y0, x1, y1 = segment
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    return ux * (x - x0) + uy * (y - y0), ux * (y - y0) - uy * (x - x0)


def _inside(
    along: Floats, beside: Floats, triangles: NDArray[np.uint32], length: float, reach: float
) -> NDArray[np.bool_]:
    """Mask of the triangles whose circumcircles lie inside the rectangle."""
    (ax, bx, cx), (ay, by, cy) = along[triangles].T, beside[triangles].T
    bx, by, cx, cy = bx - ax, by - ay, cx - ax, cy - ay
    double = 2.0 * (bx * cy - by * cx)
    b, c = bx * bx + by * by, cx * cx + cy * cy
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ux, uy = (cy * b - by * c) / double, (bx * c - cx * b) / double
        radius = np.hypot(ux, uy) + _MARGIN
        inside = (np.abs(ay + uy) + radius <= reach) & (ax + ux - radius >= -reach)
        inside &= ax + ux + radius <= length + reach
    return np.asarray(inside, dtype=np.bool_)
