"""The centre line (中心線): straight lines, arcs and clothoids, by distance along it.

Distances are *internal*: metres from the start of the line, whatever the stations are called. A line's chainage
(追加距離) may start elsewhere and jump at station equations (断鎖, ブレーキ).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import GeometryError, ParameterError

Floats = NDArray[np.float64]

SAME_PLACE = 1e-3
"""Vertices closer than this (metres) are one."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_MAX_TURN = 0.5  # radians of a quadrature panel: 16 nodes are then exact to rounding


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece whose curvature changes evenly: straight (0, 0), arc (k, k), clothoid (k0, k1).

    Parameters
    ----------
    x, y
        Start, easting and northing in metres.
    direction
        At the start, radians from east, counter-clockwise.
    length
        Metres.
    k0, k1
        Curvature at both ends in 1/m, positive where the line turns left.
    """

    x: float
    y: float
    direction: float
    length: float
    k0: float = 0.0
    k1: float = 0.0

    def turn(self, s: Floats) -> Floats:
        """Direction at ``s`` metres from the piece's start, radians."""
        return self.direction + self.k0 * s + (self.k1 - self.k0) / (2.0 * self.length) * s * s

    def at(self, s: Floats) -> tuple[Floats, Floats, Floats]:
        """Easting, northing and direction at ``s`` metres from the piece's start, each of the shape of ``s``."""
        if self.k0 == 0.0 and self.k1 == 0.0:
            x, y = self.x + s * math.cos(self.direction), self.y + s * math.sin(self.direction)
            return x, y, np.full_like(s, self.direction)
        n_panels = max(1, math.ceil(max(abs(self.k0), abs(self.k1)) * self.length / _MAX_TURN))
        edges = np.linspace(0.0, 1.0, n_panels + 1)
        u = (edges[:-1, None] + np.diff(edges)[:, None] * (_NODES + 1.0) / 2.0).ravel()
        w = np.tile(_WEIGHTS / 2.0, n_panels) / n_panels
        angles = self.turn(s[:, None] * u)
        x = self.x + s * (np.cos(angles) @ w)
        y = self.y + s * (np.sin(angles) @ w)
        return x, y, self.turn(s)


@dataclass(frozen=True, slots=True)
class Equation:
    """A station equation: at ``distance`` metres the chainage jumps from ``back`` to ``ahead``."""

    distance: float
    back: float
    ahead: float


@dataclass(frozen=True)
class CentreLine:
    """A line by distance along it.

    Parameters
    ----------
    name
        As the source calls it.
    pieces
        In order, end to start; at least one, each longer than `SAME_PLACE`.
    start
        Chainage of the line's start in metres; may be negative.
    equations
        Station equations by growing distance.
    labels
        (distance, name) of points that the source names: 主要点 such as BC, KA1-1, or pegs.
    heights
        (distance, elevation) of the source's design profile or vertices, shape (n, 2); None where it has none.
    is_planned
        Whether those heights are a design profile (計画縦断).
    """

    name: str
    pieces: tuple[Piece, ...]
    start: float = 0.0
    equations: tuple[Equation, ...] = ()
    labels: tuple[tuple[float, str], ...] = ()
    heights: Floats | None = None
    is_planned: bool = False

    def __post_init__(self) -> None:
        if not self.pieces or self.length <= SAME_PLACE:
            raise GeometryError(
                f"line '{self.name}': its length is {sum(p.length for p in self.pieces):g} m; give a line of at least "
                "two different points",
                f"線「{self.name}」の延長は {sum(p.length for p in self.pieces):g} m です。異なる 2 点以上の線を"
                "指定してください。",
                line=self.name,
            )

    @cached_property
    def starts(self) -> Floats:
        """Distance of each piece's start and of the end, shape (n_pieces + 1,)."""
        return np.concatenate(([0.0], np.cumsum([p.length for p in self.pieces])))

    @property
    def length(self) -> float:
        """Metres."""
        return float(sum(p.length for p in self.pieces))

    def at(self, distances: Floats) -> tuple[Floats, Floats, Floats]:
        """Easting, northing and direction (radians from east) at internal distances.

        At a corner the direction is the mean of both sides, so that a section there bisects the corner. Beyond the
        ends the line goes on straight.
        """
        s = np.atleast_1d(np.asarray(distances, dtype=np.float64))
        x, y, direction = self._one_sided(s, "right")
        xl, yl, before = self._one_sided(s, "left")
        direction = before + wrapped(direction - before) / 2.0
        return (x + xl) / 2.0, (y + yl) / 2.0, direction

    def directions(self, distances: Floats) -> tuple[Floats, Floats]:
        """Direction just before and just after each distance, radians; they differ only at corners."""
        s = np.atleast_1d(np.asarray(distances, dtype=np.float64))
        return self._one_sided(s, "left")[2], self._one_sided(s, "right")[2]

    def curvature(self, distance: float) -> float:
        """Largest curvature (absolute, 1/m) of the pieces that meet at a distance."""
        found = 0.0
        for piece, first in zip(self.pieces, self.starts[:-1], strict=True):
            if first - SAME_PLACE <= distance <= first + piece.length + SAME_PLACE:
                share = min(max((distance - first) / piece.length, 0.0), 1.0)
                found = max(found, abs(piece.k0 + share * (piece.k1 - piece.k0)))
        return found

    def corners(self) -> Floats:
        """Distances where pieces meet: corners of a polyline, ends of arcs and clothoids; without BP and EP."""
        return self.starts[1:-1]

    def chainage(self, distance: float, before: bool = False) -> float:
        """Chainage (追加距離) of an internal distance; at an equation that ahead, or that back with ``before``."""
        value = self.start + distance
        for equation in self.equations:
            if distance > equation.distance or (distance == equation.distance and not before):
                value = equation.ahead + distance - equation.distance
        return value

    def distances_of(self, chainage: float) -> tuple[float, ...]:
        """Internal distances that have a chainage: none, one, or several where an equation repeats stations."""
        edges = [0.0, *(e.distance for e in self.equations), self.length]
        bases = [self.start, *(e.ahead for e in self.equations)]
        found = []
        for i, base in enumerate(bases):
            distance = edges[i] + chainage - base
            is_last = i == len(bases) - 1
            if edges[i] - 1e-9 <= distance and (distance < edges[i + 1] - 1e-9 or (is_last and distance <= edges[-1])):
                found.append(max(distance, 0.0))
        return tuple(found)

    def dense(self, first: float, last: float, sagitta: float = 0.001, least: int = 2) -> Floats:
        """Distances between which chords stay within ``sagitta`` metres of the line, corners and both ends among them.

        Shape (n,), n >= ``least``.
        """
        marks = [first, last]
        for piece, begin in zip(self.pieces, self.starts[:-1], strict=True):
            low, high = max(first, float(begin)), min(last, float(begin) + piece.length)
            if low > high:
                continue
            k = max(abs(piece.k0), abs(piece.k1))
            step = math.sqrt(8.0 * sagitta / k) if k > 0.0 else math.inf
            n = max(1, math.ceil((high - low) / step))
            marks.extend(np.linspace(low, high, n + 1))
        s = np.unique(np.clip(np.asarray(marks), first, last))
        s = s[np.concatenate(([True], np.diff(s) > 1e-9))]
        return s if s.size >= least else np.linspace(first, last, least)

    def reversed(self) -> CentreLine:
        """The same line from its end to its start; chainage counts from 0 there, equations are gone.

        Points named BP and EP, as files name both ends, change names.
        """
        pieces = []
        for piece in reversed(self.pieces):
            x, y, direction = piece.at(np.array([piece.length]))
            pieces.append(Piece(x[0], y[0], direction[0] + math.pi, piece.length, -piece.k1, -piece.k0))
        other = {"bp": "EP", "ep": "BP"}
        labels = tuple((self.length - d, other.get(name.casefold(), name)) for d, name in reversed(self.labels))
        heights = None
        if self.heights is not None:
            heights = np.column_stack((self.length - self.heights[::-1, 0], self.heights[::-1, 1]))
        return CentreLine(self.name, tuple(pieces), 0.0, (), labels, heights, self.is_planned)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Internal distance and right offset (metres) of the nearest point of the line to a place.

        Raises
        ------
        ParameterError
            When a coordinate is not finite.
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ParameterError(
                f"line '{self.name}': place ({x}, {y}); expected finite metres",
                f"線「{self.name}」上の位置 ({x}, {y}) が有限の値ではありません。",
                value=[x, y],
            )
        s = self.dense(0.0, self.length)
        px, py, _ = self.at(s)
        dx, dy = np.diff(px), np.diff(py)
        share = np.clip(((x - px[:-1]) * dx + (y - py[:-1]) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        i = int(np.argmin(np.hypot(x - px[:-1] - share * dx, y - py[:-1] - share * dy)))
        near = float(s[i] + share[i] * (s[i + 1] - s[i]))
        if not any(piece.k0 or piece.k1 for piece in self.pieces):
            return self._beside(near, x, y)
        from scipy.optimize import minimize_scalar  # half a second to load

        found = near
        for low, high in ((max(near - 1.0, 0.0), near), (near, min(near + 1.0, self.length))):
            best = minimize_scalar(lambda t: self._gap(t, x, y), bounds=(low, high), options={"xatol": 1e-7})
            found = min(found, float(best.x), key=lambda t: self._gap(t, x, y))
        return self._beside(found, x, y)

    def _beside(self, found: float, x: float, y: float) -> tuple[float, float]:
        at_x, at_y, direction = (float(v[0]) for v in self.at(np.array([found])))
        side = (x - at_x) * math.sin(direction) - (y - at_y) * math.cos(direction)
        return found, math.copysign(self._gap(found, x, y), side)

    def _gap(self, distance: float, x: float, y: float) -> float:
        px, py, _ = self.at(np.array([distance]))
        return math.hypot(px[0] - x, py[0] - y)

    def _one_sided(self, s: Floats, side: str) -> tuple[Floats, Floats, Floats]:
        which = np.searchsorted(self.starts[1:-1], s, side="right" if side == "right" else "left")
        x, y, direction = np.empty_like(s), np.empty_like(s), np.empty_like(s)
        for i in np.unique(which):
            own, piece = which == i, self.pieces[i]
            along = s[own] - self.starts[i]
            inside = np.clip(along, 0.0, piece.length)
            x[own], y[own], direction[own] = piece.at(inside)
            x[own] += (along - inside) * np.cos(direction[own])
            y[own] += (along - inside) * np.sin(direction[own])
        return x, y, direction


def wrapped(angle: Floats) -> Floats:
    """Angles brought to [-pi, pi)."""
    return np.mod(angle + math.pi, 2.0 * math.pi) - math.pi


def polyline(name: str, x: Sequence[float], y: Sequence[float], z: Sequence[float] | None = None) -> CentreLine:
    """The centre line through vertices; vertices that repeat the one before are dropped.

    Parameters
    ----------
    name
        What to call it.
    x, y
        Eastings and northings in metres, two or more different points.
    z
        Heights of the vertices; kept as the line's heights unless one is not finite.

    Raises
    ------
    GeometryError
        When fewer than two different points remain, or a coordinate is not finite.
    """
    xy = np.column_stack((np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)))
    if not np.isfinite(xy).all():
        raise GeometryError(
            f"line '{name}': a vertex is not finite; correct the coordinates",
            f"線「{name}」に有限でない座標があります。座標を修正してください。",
            line=name,
        )
    keep = [0] if len(xy) else []
    for i in range(1, len(xy)):
        if np.hypot(*(xy[i] - xy[keep[-1]])) > SAME_PLACE:
            keep.append(i)
    points = xy[keep]
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1]) if len(points) > 1 else np.zeros(0)
    pieces = tuple(
        Piece(float(p[0]), float(p[1]), math.atan2(d[1], d[0]), float(n))
        for p, d, n in zip(points, steps, lengths, strict=False)
    )
    heights = None
    if z is not None and np.isfinite(np.asarray(z, dtype=np.float64)).all() and pieces:
        along = np.concatenate(([0.0], np.cumsum(lengths)))
        heights = np.column_stack((along, np.asarray(z, dtype=np.float64)[keep]))
    return CentreLine(name, pieces, heights=heights)
