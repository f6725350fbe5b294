"""Which lowest points are ground: opening, steps, growth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.bands import pool
from pointcloud.ground.lattice import Lattice, filled
from pointcloud.ground.opening import object_mask
from pointcloud.ground.parameters import GroundParameters, restored_area
from pointcloud.ground.steps import CLEARANCE, DECK_FALL, STEP, Links, raised, relief, without_pits
from pointcloud.ground.trend import fit_corners, residuals, slopes

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

OFFSET = 0.3
"""Metres that an opening tolerates whatever its radius."""
RADII = (1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 60)
"""Radii of the openings in cells; the largest is the window."""
GROWTH = (0.3, 0.8, 1.0, 0.6)
"""A lowest point joins the ground at -(1.0 m + 0.6 x slope) < residual < 0.3 m + 0.8 x slope."""


@dataclass(frozen=True, slots=True)
class Terrain:
    """The ground on the grid.

    Parameters
    ----------
    accepted
        Cells whose lowest point is ground.
    decks
        Cells whose lowest point lies on a bridge.
    corners
        Heights of the smooth surface at the cells' corners; NaN far from ground.
    """

    accepted: Mask
    decks: Mask
    corners: Floats


def find_terrain(lowest: Lattice, parameters: GroundParameters) -> Terrain:
    """The ground among the lowest points and the smooth surface through it."""
    cell, shape = parameters.cell, lowest.grid.shape
    largest = max(1, math.ceil(parameters.window / cell))
    radii = [r for r in RADII if r < largest] + [largest]
    accepted = lowest.known & ~object_mask(filled(lowest.pz), cell, radii, parameters.slope, OFFSET)
    land = relief(lowest)
    standing = raised(land, 2.0 * largest, STEP[0]).reshape(shape)
    high = raised(without_pits(lowest, land) if parameters.is_dense else land, 4.0 * largest, CLEARANCE, DECK_FALL)
    tops = high.reshape(shape) & ~accepted
    corners = _fit(lowest, accepted & ~standing)
    accepted = _grown(lowest, corners) & ~standing
    links = Links(land, slopes(corners, cell))
    least_area = restored_area(parameters.spacing, cell)
    found = pool().submit(links.decks, high, least_area)  # both are the work of one core
    islands = links.islands(accepted.ravel(), least_area)
    decks = found.result()
    islands |= decks
    accepted = links.restored(accepted.ravel() & ~islands, (standing | tops).ravel() | islands, least_area).reshape(
        shape
    )
    not_ground = standing | tops | islands.reshape(shape)
    accepted = _grown(lowest, _fit(lowest, accepted)) & ~not_ground
    return Terrain(accepted, decks.reshape(shape), _fit(lowest, accepted))


def _fit(lowest: Lattice, accepted: Mask) -> Floats:
    return fit_corners(lowest.px, lowest.py, lowest.pz, accepted.astype(np.float64), lowest.grid)


def _grown(lowest: Lattice, corners: Floats) -> Mask:
    """Lowest points near the surface."""
    residual, slope = residuals(lowest, corners), slopes(corners, lowest.grid.cell)
    with np.errstate(invalid="ignore"):
        out: Mask = (residual > -(GROWTH[2] + GROWTH[3] * slope)) & (residual < GROWTH[0] + GROWTH[1] * slope)
    return out
