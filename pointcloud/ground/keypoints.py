"""Key points: the ground points that carry the terrain surface without bias."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground import key_kernels
from pointcloud.ground.bands import run_bands
from pointcloud.ground.lattice import Lattice
from pointcloud.ground.mask import Terrain
from pointcloud.ground.noise_kernels import unsupported
from pointcloud.ground.parameters import block_sizes
from pointcloud.ground.scales import KEY_REACH, ROUGHNESS_REACH
from pointcloud.ground.trend import fit_corners, residuals, slopes

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

TOLERANCE = (0.10, 0.10)
"""A point of a finer round is kept up to 0.10 m + 0.10 x slope above the surface of the coarser ones ..."""
OPEN_TOLERANCE = (0.6, 1.0)
"""... and as much more on open ground: there it is the coarse surface that cuts a corner."""
OPEN_ROUGHNESS = (0.08, 0.12)
"""Mean distance (m) of lowest points from a smooth surface: open ground below the first, vegetation above the second.

Measured: paved and mown ground 0.01-0.05 m, forest floor through canopy 0.10-0.30 m, at 0.2 to 16 points/m2."""
KEY_SUPPORT = 3
"""A block's lowest point is noise unless so many of the others within ``KEY_REACH`` blocks ..."""
KEY_CONE = (0.3, 0.03)
"""... rise from it by less than 0.3 m + 0.03 x distance, over the smooth surface."""
ROUGHNESS_STEP = 4
"""Node spacing of that surface in cells."""


def roughness(lowest: Lattice, accepted: Mask, smooth: Floats) -> Floats:
    """Mean distance (m) of the accepted lowest points around each accepted cell from a smooth surface; else NaN."""
    grid = lowest.grid
    out = np.empty(grid.shape)
    run_bands(
        key_kernels.local_roughness, grid.n_rows, residuals(lowest, smooth), accepted, ROUGHNESS_REACH,
        after=(out,), size=out.size,
    )  # fmt: skip
    return out


def key_cells(lowest: Lattice, ground: Terrain, spacing: float) -> tuple[Mask, Mask, Floats, Floats]:
    """Cells whose lowest point is a key point, those whose is low noise, corner heights, and roughness.

    The lowest of n returns lies the lower the larger n is, and under low vegetation no return of a small cell
    may have reached the soil. So the first round takes the lowest point, above a smooth surface, of blocks that
    hold ``BLOCK_POINTS`` points whatever the density of the survey: the share of blocks without a return from the
    soil, and with it the bias, then does not depend on density. One that lies alone below its neighbours is noise.
    Each further round halves the blocks and keeps the points that lie on the surface of the coarser ones within
    the noise of the ranging, down to the working cell: detail where the ground is open, none that vegetation only
    pretends.

    Parameters
    ----------
    lowest
        Lowest point of each cell.
    ground
        The accepted ground.
    spacing
        Mean distance of neighbouring points of the survey in metres.
    """
    grid = lowest.grid
    slope = slopes(ground.corners, grid.cell)
    corners = _fit(lowest, ground.accepted, ROUGHNESS_STEP)
    rough = roughness(lowest, ground.accepted, corners)
    openness = np.clip((OPEN_ROUGHNESS[1] - rough) / (OPEN_ROUGHNESS[1] - OPEN_ROUGHNESS[0]), 0.0, 1.0)
    openness[np.isnan(rough)] = 0.0
    finer = TOLERANCE[0] + TOLERANCE[1] * slope + openness * (OPEN_TOLERANCE[0] + OPEN_TOLERANCE[1] * slope)
    kept, noise = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    tolerance = 1.0 + 0.8 * slope
    for size in block_sizes(spacing, grid.cell):
        residual = residuals(lowest, corners)
        with np.errstate(invalid="ignore"):
            candidate = (residual > -(1.0 + 0.6 * slope)) & (residual < tolerance) & ~noise
        kept.ravel()[_block_lowest(lowest, residual, candidate, size, noise)] = True
        kept &= ~noise
        tolerance = finer
        corners = _fit(lowest, kept, 1)
        with np.errstate(invalid="ignore"):
            kept &= residuals(lowest, corners) <= tolerance
    return kept, noise, corners, rough


def _fit(lowest: Lattice, used: Mask, finest: int) -> Floats:
    return fit_corners(lowest.px, lowest.py, lowest.pz, used.astype(np.float64), lowest.grid, finest)


def _block_lowest(lowest: Lattice, residual: Floats, candidate: Mask, size: float, noise: Mask) -> NDArray[np.int64]:
    """Flat cells of the blocks' lowest candidates; those that lie alone below their neighbours go to ``noise``."""
    bounds = lowest.grid.bounds
    column, row = math.floor(bounds.x_min / size), math.floor(bounds.y_min / size)
    shape = (math.floor(bounds.y_max / size) - row + 1, math.floor(bounds.x_max / size) - column + 1)
    out = np.full(shape, -1, dtype=np.int64)
    px, py, height = lowest.px.ravel(), lowest.py.ravel(), residual.ravel()
    key_kernels.lowest_of_blocks(px, py, height, candidate.ravel(), size, column, row, out)
    known = out >= 0
    alone = np.zeros(shape, dtype=bool)
    if np.count_nonzero(known) > KEY_SUPPORT:
        blocks = [np.where(known, values[out], np.nan) for values in (px, py, height)]
        run_bands(unsupported, shape[0], *blocks, KEY_REACH, *KEY_CONE, KEY_SUPPORT, after=(alone,), size=alone.size)
    noise.ravel()[out[alone]] = True
    return out[known & ~alone]
