"""A small series of sections with known areas: a terrace cut into a slope along a line with a curve."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from pointcloud.drawing.sheet import Label
from pointcloud.sections.line import CentreLine, Piece
from pointcloud.sections.series import Series, cut_series
from pointcloud.sections.slice import take
from pointcloud.sections.stations import lay_out
from pointcloud.sections.strips import ground_surface

E0, N0 = 52_000.0, -98_000.0


def example_line():
    start = Piece(E0 + 10, N0 + 40, 0.0, 30.0)
    spiral = Piece(E0 + 40, N0 + 40, 0.0, 20.0, 0.0, 1 / 80)
    x, y, direction = (float(v[0]) for v in spiral.at(np.array([20.0])))
    return CentreLine("市道1号線", (start, spiral, Piece(x, y, direction, 20.0, 1 / 80, 1 / 80)), -10.0)


@cache
def example_series() -> Series:
    """Before: a slope of 20 %; after: 2 m deeper for 20 < easting < 50, 1 m of fill beyond 60; a gap in ``before``."""
    rng = np.random.default_rng(8)
    x, y = E0 + rng.uniform(0, 100, 12_000), N0 + rng.uniform(0, 90, 12_000)
    z = 100 + 0.2 * (y - N0)
    dig = np.where((x > E0 + 20) & (x < E0 + 50), -2.0, np.where(x > E0 + 60, 1.0, 0.0))
    seen = np.hypot(x - E0 - 20, y - N0 - 50) > 7.0
    surfaces = {"before": ground_surface(x[seen], y[seen], z[seen], 3.0), "after": ground_surface(x, y, z + dig, 3.0)}

    tops = {"after_surface": ground_surface(x, y, z + dig + np.where(y > N0 + 45, 6.0, 0.0), 3.0)}

    def points(name, station, line):
        """300 points: ground within 2 cm, every tenth canopy 6 m above, half of those bushes of 1 m instead."""
        own = np.random.default_rng([round(1000 * station.distance), len(name)])  # surfaces are cut side by side
        t = own.uniform(-station.left, station.right, 300)
        height = np.array([line.height(v) for v in t]) + own.normal(0, 0.02, t.size)
        classes = np.full(t.size, 2, np.uint8)
        height[::10] += 6.0
        height[::20] -= 5.0
        classes[::10] = 1
        known = np.isfinite(height)
        return take(t[known], height[known], classes[known], line, 0.5)

    line = example_line()
    stations = lay_out(line, 20.0, 15.0, 18.0).items
    return cut_series(line, stations, surfaces, tops=tops, pitch=20.0, take_slice=points)


def planned_series() -> Series:
    """The same with a design profile: 105 m at the start, 109 m after 40 m, then level."""
    series = example_series()
    heights = np.array([[0.0, 105.0], [40.0, 109.0], [70.0, 109.0]])
    return replace(series, line=replace(series.line, heights=heights, is_planned=True))


def texts(sheets):
    """All texts on sheets, in their order."""
    return [item.text for sheet in sheets for item in sheet.items if isinstance(item, Label)]
