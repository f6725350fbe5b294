"""An airborne laser scanner over the valley: flight lines, and the points of any part of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pointcloud.bounds import Bounds
from pointcloud.synthetic import kernels
from pointcloud.synthetic import ray_kernels as rays
from pointcloud.synthetic import scan_kernels as k
from pointcloud.synthetic.terrain import Terrain
from pointcloud.synthetic.trees import Crowns

_HEADING_DEG = 97.0
"""Direction of flight, counter-clockwise from east: along the valley, but not along the axes."""
_HEIGHT = 560.0
_HALF_ANGLE_DEG = 15.0
_OVERLAP = 0.85
"""Distance of neighbouring lines in half swaths: below one, so that each place is seen from two lines or three."""
_HIGHEST_BIRD = 90.0
"""Above the ground; wires may hang higher."""
_PULSES_A_CHUNK = 150_000


class Kind(IntEnum):
    """What a point lies on."""

    GROUND = rays.GROUND
    WATER = rays.WATER
    LOW_VEGETATION = rays.LOW_VEGETATION
    TREE = rays.TREE
    BUILDING = rays.BUILDING
    BRIDGE = rays.BRIDGE
    WIRE = rays.WIRE
    PYLON = rays.PYLON
    LOW_NOISE = rays.LOW_NOISE
    HIGH_NOISE = rays.HIGH_NOISE


@dataclass(frozen=True, slots=True)
class Targets:
    """All that the laser may meet, as the kernels take it; ``guide`` and ``corner`` are `ray_kernels.guide_below`'s."""

    ground: Terrain
    structures: NDArray[np.float64]
    wires: NDArray[np.float64]
    crowns: Crowns
    guide: NDArray[np.float64]
    corner: NDArray[np.float64]

    @classmethod
    def over(
        cls,
        extent: Bounds,
        ground: Terrain,
        structures: NDArray[np.float64],
        wires: NDArray[np.float64],
        crowns: Crowns,
    ) -> Targets:
        """Targets with a guide that covers ``extent``, metres from the reference point, and what is seen around it."""
        cell, margin = rays.GUIDE_CELL, 100.0
        n_columns, n_rows = (int((size + 2.0 * margin) // cell) + 1 for size in (extent.width, extent.height))
        corner = np.array([extent.x_min - margin, extent.y_min - margin])
        t = corner[0] + (np.arange(n_columns) + 0.5) * cell
        w = corner[1] + (np.arange(n_rows) + 0.5) * cell
        guide, _ = ground.at(t[np.newaxis, :], w[:, np.newaxis])
        return cls(ground, structures, wires, crowns, guide, corner)


@dataclass(frozen=True, slots=True)
class Returns:
    """Measured returns of one flight line: ``xyzt`` (n, 4) and ``codes`` (n, 7), as `scan_kernels.scan` says."""

    line: int

    xyzt: NDArray[np.float64]
    codes: NDArray[np.uint16]


def flight_lines(extent: Bounds, targets: Targets, density: float, seed: int, start: float) -> NDArray[np.float64]:
    """Lines that overlap by more than half, shape (n, 17): on average ``density`` pulses a square metre.

    Parameters
    ----------
    extent
        Area to cover, metres from the reference point.
    targets
        What will be met: the lines are flown at a constant height above half the relief.
    density
        Pulses a square metre on a level plane.
    seed
        Decides where the lines run and their boresight errors: no two flights take the same way.
    start
        GpsTime of the first pulse.
    """
    rng = np.random.default_rng(seed)
    heading = math.radians(_HEADING_DEG + rng.uniform(-3.0, 3.0))
    cos, sin = math.cos(heading), math.sin(heading)
    half_swath = _HEIGHT * math.tan(math.radians(_HALF_ANGLE_DEG))
    # one line gives this share of the density; its pulses are as far apart along the line as across
    share = 0.5 * _OVERLAP * density
    n_pulses = max(1, round(2.0 * half_swath * math.sqrt(share)))
    spacing = n_pulses / (2.0 * half_swath * share)
    centre = 0.5 * (extent.x_min + extent.x_max), 0.5 * (extent.y_min + extent.y_max)
    base, half_relief = float(targets.ground.p[kernels.BASE]), 0.5 * targets.ground.crest
    relief = half_relief + 12.0
    reach = max([_HIGHEST_BIRD, *(row[2] - base for row in targets.wires), *(row[5] - base for row in targets.wires)])
    margin = relief * half_swath / _HEIGHT
    half_along = 0.5 * (abs(cos) * extent.width + abs(sin) * extent.height) + margin
    half_across = 0.5 * (abs(sin) * extent.width + abs(cos) * extent.height) + margin + half_swath
    offset = rng.uniform()
    n_side = math.ceil(half_across / (_OVERLAP * half_swath))
    lines = []
    for number, i in enumerate(range(-n_side, n_side + 1)):
        across = (i + offset) * _OVERLAP * half_swath
        before = half_along + rng.uniform(0.0, 5.0)
        u = centre[0] + across * sin - before * cos
        v = centre[1] - across * cos - before * sin
        errors = rng.standard_normal(4) * (0.015, 0.015, 0.01, 3e-5)
        geometry = (u, v, base + half_relief, cos, sin, half_swath, _HEIGHT, spacing, n_pulses)
        lines.append([number + 1, *geometry, start + 600.0 * number, *errors, relief, reach])
    return np.array(lines, dtype=np.float64)


def fly(targets: Targets, lines: NDArray[np.float64], limits: NDArray[np.float64], key: int) -> Iterator[Returns]:
    """Returns in the order of flight, a chunk of sweeps at a time, scanned on every core.

    Parameters
    ----------
    targets
        What the laser meets.
    lines
        Flight lines, as `flight_lines` makes them.
    limits
        (west, south, east, north of the wanted points, origin x, y, shift x, y, z), shape (9,).
    key
        Seed of the pulses, below 2^64.
    """
    jobs = [(line, *sweeps) for line in lines for sweeps in _chunks(line, limits)]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        yield from pool.map(lambda job: _scan(targets, limits, key, *job), jobs)


def _chunks(line: NDArray[np.float64], limits: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Ranges of sweeps of one line that may reach the wanted points; the points do not depend on the cut."""
    origin = np.array([limits[4] + limits[6], limits[5] + limits[7]])
    corners = np.array([[limits[i], limits[j]] for i in (0, 2) for j in (1, 3)]) - origin
    heading = line[[k.LINE_COS, k.LINE_SIN]]
    along = (corners - line[[k.LINE_U, k.LINE_V]]) @ heading
    margin = (line[k.LINE_RELIEF] + line[k.LINE_REACH]) * line[k.LINE_HALF_SWATH] / line[k.LINE_HEIGHT] + 4.0
    first = max(0, math.floor((along.min() - margin) / line[k.LINE_SPACING]))
    last = math.ceil((along.max() + margin) / line[k.LINE_SPACING])
    step = max(1, int(_PULSES_A_CHUNK // line[k.LINE_PULSES]))
    return ((a, min(a + step, last)) for a in range(first, last, step))


def _scan(
    targets: Targets, limits: NDArray[np.float64], key: int, line: NDArray[np.float64], first: int, last: int
) -> Returns:
    """Returns of the sweeps [first, last) of one line."""
    capacity = (last - first) * int(line[k.LINE_PULSES]) * k.MAX_RETURNS
    xyzt, codes = np.empty((capacity, 4)), np.empty((capacity, 7), dtype=np.uint16)
    ground, crowns = targets.ground, targets.crowns
    n = k.scan(
        np.uint64(key), first, last, line, limits, targets.guide, targets.corner, ground.p, ground.pads, ground.shapes,
        targets.structures, targets.wires, crowns.rows, crowns.first, crowns.index, crowns.shape, xyzt, codes,
    )  # fmt: skip
    return Returns(int(line[k.LINE_NUMBER]), xyzt[:n].copy(), codes[:n].copy())
