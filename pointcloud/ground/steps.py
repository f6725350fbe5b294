"""What the steps between neighbouring lowest points tell: raised things, smooth ground, islands.

An opening sees heights only. These tests see edges: ground may be high or curved, but it joins its surroundings
without a step somewhere; a roof, a deck or a tree does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground import island_kernels, step_kernels
from pointcloud.ground.bands import pool, run_bands
from pointcloud.ground.lattice import Lattice
from pointcloud.ground.scales import DECK_EDGE, ISLAND_EXTENT, NEAR_REACH, PIT_WIDTH, SPREAD
from pointcloud.ground.windows import minima

Floats = NDArray[np.float64]
Cells = NDArray[np.int32]
Mask = NDArray[np.bool_]

STEP = (1.0, 0.8)
"""A step: height difference beyond 1.0 m + 0.8 x distance."""
CLEARANCE = 4.0
"""Metres under a bridge deck."""
DECK_FALL = 0.1
"""Metres that a deck may fall by cell on the way to its edge."""
LINK = (0.2, 0.4, 0.5)
"""Two points join: height difference below 0.2 m + (0.4 + 0.5 x slope of the terrain) x distance."""
LEVEL = (0.2, 0.1, 0.0)
"""Two points of a deck join as on a road: 0.2 m + 0.1 x distance, whatever the terrain below."""
SMOOTH_SHARE = 0.8
"""Share of a smooth point's border that joins without a step."""
AXES: Sequence[tuple[int, int]] = ((0, 1), (-1, 1), (-1, 0), (-1, -1))


@dataclass(slots=True)
class Relief:
    """The lowest points with their neighbourhoods; flat arrays of one value a cell.

    Parameters
    ----------
    near
        Flat cell of the nearest lowest point, shape of the grid; -1: none within reach.
    px, py, pz
        Coordinates of the cell's lowest point; NaN: none.
    """

    near: Cells
    px: Floats
    py: Floats
    pz: Floats


def nearest(known: Mask, reach: int) -> Cells:
    """Flat index of the nearest known cell within ``reach`` cells, -1 where there is none."""
    rows = np.empty(known.shape, dtype=np.int32)
    out = np.empty(known.shape, dtype=np.int32)
    step_kernels.nearest_in_columns(known, reach, rows)
    run_bands(step_kernels.nearest_cells, known.shape[0], rows, reach, after=(out,), size=known.size)
    return out


def relief(lowest: Lattice) -> Relief:
    """The neighbourhoods of a lattice."""
    near = nearest(lowest.known, NEAR_REACH)
    return Relief(near, lowest.px.ravel(), lowest.py.ravel(), lowest.pz.ravel())


def without_pits(lowest: Lattice, land: Relief) -> Relief:
    """The neighbourhoods without the points of pits that are up to ``PIT_WIDTH`` - 1 cells wide and a bridge deep.

    Low echoes that escaped the search for outliers, wells: the ground between two of them is no deck. To be asked of
    dense surveys only: in others the ground of a courtyard is a single point too.
    """
    around = land.near >= 0
    height = np.where(around, land.pz[land.near], -np.inf)
    square = np.full(PIT_WIDTH // 2 + 1, PIT_WIDTH // 2)
    brim = minima(-minima(-height, square), square)
    pit = np.zeros(land.pz.size, dtype=bool)
    pit[land.near[around & (brim > height + CLEARANCE)]] = True
    return Relief(nearest(lowest.known & ~pit.reshape(lowest.known.shape), NEAR_REACH), land.px, land.py, land.pz)


def raised(land: Relief, width: float, drop: float, fall: float = np.inf) -> Mask:
    """Lowest points that fall off by a step on two opposite sides no more than ``width`` cells apart; flat.

    True of decks, walls, roofs and trees; a ridge slopes down, a terrace falls on one side only.

    Parameters
    ----------
    land
        Lowest points.
    width
        Cells from one fall to the other.
    drop
        Metres from the point down to what lies beyond the step.
    fall
        Metres that the way to the step may fall by cell, beyond the step's own least height: a deck is level up to
        its edge, where a knoll with a bank at its foot is not.
    """
    shape = land.near.shape
    out = np.zeros(shape, dtype=bool)
    for dr, dc in AXES:
        pair = [np.empty(shape), np.empty(shape)]
        jobs = [
            pool().submit(
                step_kernels.falls,
                *(land.near, land.px, land.py, land.pz, sign * dr, sign * dc, width, *STEP, drop, fall, found),
            )
            for sign, found in zip((1, -1), pair, strict=True)
        ]
        for job in jobs:
            job.result()
        out |= (pair[0] > 0.0) & (pair[1] > 0.0) & (pair[0] + pair[1] <= width)
    return out.ravel()


class Links:
    """Smooth joins between lowest points on a terrain of known slope.

    Parameters
    ----------
    land
        Lowest points.
    slopes
        Slope of the terrain (m/m) in each cell.
    """

    def __init__(self, land: Relief, slopes: Floats) -> None:
        self.land = land
        self.args = (land.near, land.px, land.py, land.pz, np.nan_to_num(slopes.ravel()), np.array(LINK))
        self.smooth: Mask = np.empty(land.px.size, dtype=bool)
        step_kernels.smooth_points(*self.args, SMOOTH_SHARE, self.smooth)

    def restored(self, accepted: Mask, forbidden: Mask, least_area: int) -> Mask:
        """Accepted points and those that join them smoothly, in regions of at least ``least_area`` raster cells."""
        near = self.land.near
        smooth = self.smooth & ~forbidden
        reached = np.empty(near.shape, dtype=bool)
        step_kernels.spread(*self.args, smooth, SPREAD, accepted, reached)
        new = np.zeros(accepted.size, dtype=bool)
        new[near[reached]] = True
        new &= ~accepted
        parent = np.empty(accepted.size, dtype=np.int32)
        step_kernels.regions(*self.args, new, parent)
        area, _ = self._areas(new, parent)
        out: Mask = accepted | (new & (area[parent] >= least_area))
        return out

    def decks(self, raised: Mask, least_area: int) -> Mask:
        """Regions of smooth raised points of at least ``least_area`` raster cells, with the points that join them.

        A bridge joins the ground at its abutments, so what falls off on both sides is only its middle: points up to
        ``DECK_EDGE`` cells away that join it are taken too.
        """
        near = self.land.near
        core, args = raised & self.smooth, (*self.args[:5], np.array(LEVEL))
        parent = np.empty(raised.size, dtype=np.int32)
        step_kernels.regions(*args, core, parent)
        area, _ = self._areas(core, parent)
        core &= area[np.where(core, parent, 0)] >= least_area
        reached = np.empty(near.shape, dtype=bool)
        step_kernels.spread(*args, np.ones_like(core), DECK_EDGE, core, reached)
        out = core.copy()
        out[near[reached]] = True
        return out

    def islands(self, accepted: Mask, least_area: int) -> Mask:
        """Points of regions that step down, join accepted ground nowhere and have no ground above them.

        Regions wider than ``ISLAND_EXTENT`` are not looked at, nor is the larger part of a small survey: what steps
        down from it is a pit or an outlier.
        """
        near = self.land.near
        parent = np.empty(accepted.size, dtype=np.int32)
        step_kernels.regions(*self.args, self.smooth, parent)
        member, region = self.smooth, np.where(self.smooth, parent, -1).astype(np.int32)
        for _ in range(2):
            best, joined = np.empty(accepted.size), np.empty(accepted.size, dtype=np.int32)
            island_kernels.attach_edges(*self.args, member, region, best, joined)
            region = np.where(member, region, joined).astype(np.int32)
            member = region >= 0
        area, box = self._areas(member, region)
        counts = np.empty((accepted.size, 5), dtype=np.int32)
        island_kernels.perimeters(near, *self.args[1:4], region, accepted, 2.0, 1.0, 1.0, counts)
        around = np.maximum(counts.sum(axis=1), 1)
        extent = np.maximum(box[:, 1] - box[:, 0], box[:, 3] - box[:, 2])
        found = (
            (area >= least_area)
            & (extent <= ISLAND_EXTENT)
            & (area <= 0.5 * np.count_nonzero(near >= 0))
            & (counts[:, 0] >= 0.2 * around)
            & (counts[:, 1] < 0.05 * around)
            & (counts[:, 3] < 0.03 * around)
        )
        out: Mask = member & found[np.maximum(region, 0)]
        return out

    def _areas(self, member: Mask, parent: Cells) -> tuple[Cells, Cells]:
        area = np.zeros(member.size, dtype=np.int32)
        box = np.zeros((member.size, 4), dtype=np.int32)
        island_kernels.region_areas(self.land.near, member, parent, area, box)
        return area, box
