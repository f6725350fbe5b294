"""Half-open rectangles in the plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle [x_min, x_max) x [y_min, y_max) in metres of some CRS.

    Half-open, so that tiles which share an edge never share a point.

    Raises
    ------
    ParameterError
        When a value is not finite or a minimum lies above its maximum.
    """

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    def __post_init__(self) -> None:
        values = (self.x_min, self.y_min, self.x_max, self.y_max)
        if not all(math.isfinite(v) for v in values) or self.x_min > self.x_max or self.y_min > self.y_max:
            raise ParameterError(
                f"bounds {values}: expected finite x_min <= x_max and y_min <= y_max",
                f"範囲 {values} が不正です。有限値で x_min <= x_max、y_min <= y_max としてください。",
                value=list(values),
            )

    @property
    def width(self) -> float:
        """East-west extent in metres."""
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        """North-south extent in metres."""
        return self.y_max - self.y_min

    @property
    def area(self) -> float:
        """Area in square metres."""
        return self.width * self.height

    def as_tuple(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max)."""
        return self.x_min, self.y_min, self.x_max, self.y_max

    def contains(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the points inside; the east and north edges are outside."""
        inside: NDArray[np.bool_] = (x >= self.x_min) & (x < self.x_max) & (y >= self.y_min) & (y < self.y_max)
        return inside

    def touches(self, other: Bounds) -> bool:
        """Whether two rectangles share a point, edges included."""
        return (
            self.x_min <= other.x_max
            and other.x_min <= self.x_max
            and self.y_min <= other.y_max
            and other.y_min <= self.y_max
        )

    def intersection(self, other: Bounds) -> Bounds | None:
        """The common rectangle, or None where the two share no area."""
        x_min, y_min = max(self.x_min, other.x_min), max(self.y_min, other.y_min)
        x_max, y_max = min(self.x_max, other.x_max), min(self.y_max, other.y_max)
        if x_min >= x_max or y_min >= y_max:
            return None
        return Bounds(x_min, y_min, x_max, y_max)

    def union(self, other: Bounds) -> Bounds:
        """The smallest rectangle that holds both."""
        return Bounds(
            min(self.x_min, other.x_min),
            min(self.y_min, other.y_min),
            max(self.x_max, other.x_max),
            max(self.y_max, other.y_max),
        )

    def buffered(self, distance: float) -> Bounds:
        """The rectangle grown by ``distance`` metres on each side."""
        return Bounds(self.x_min - distance, self.y_min - distance, self.x_max + distance, self.y_max + distance)
