"""The smooth surface through accepted lowest points, by levels of blended local planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointcloud.grid import Grid
from pointcloud.ground import surface_kernels
from pointcloud.ground.bands import run_bands
from pointcloud.ground.scales import COARSEST

if TYPE_CHECKING:
    from pointcloud.ground.lattice import Lattice

Floats = NDArray[np.float64]


def fit_corners(
    px: Floats, py: Floats, pz: Floats, weight: Floats, grid: Grid, finest: int = 1, ridge: float = 0.2
) -> Floats:
    """Heights at the corners of the cells, shape (n_rows + 1, n_columns + 1); NaN far from every weighted point.

    A multilevel approximation in the manner of Lee, Wolberg & Shin (1997, doi:10.1109/2945.620490), with local
    planes blended by bilinear weights in place of B-splines, so that it is exact on planes of any inclination
    and each value depends on points nearby only.

    Parameters
    ----------
    px, py, pz, weight
        Position, height and weight (0: not used) of each cell's lowest point, shape of ``grid``.
    finest
        Node spacing of the last level in cells.
    ridge
        Pull of the finer levels towards zero correction, in points.
    """
    residual = pz.copy()
    corners = np.empty((grid.n_rows + 1, grid.n_columns + 1))
    step = COARSEST
    while step >= finest:
        base = step == COARSEST
        spacing = step * grid.cell
        column, north_row = grid.column // step, (grid.south_row + grid.n_rows) // step
        planes = np.empty((grid.n_rows // step + 1, grid.n_columns // step + 1, 3))
        where = (step, spacing, column, north_row)
        pulls = (1e-6, 0.05, 0.2) if base else (ridge, ridge, 0.0)  # value, slope, least weight
        run_bands(
            surface_kernels.fit_level, planes.shape[0], px, py, residual, weight, *where, *pulls,
            after=(planes,), size=grid.n_rows * grid.n_columns,
        )  # fmt: skip
        if step > finest:
            run_bands(
                surface_kernels.subtract_level, grid.n_rows, px, py, weight, *where, planes,
                after=(residual,), size=grid.n_rows * grid.n_columns,
            )  # fmt: skip
        run_bands(surface_kernels.add_level, corners.shape[0], planes, step, base, after=(corners,), size=corners.size)
        step //= 2
    return corners


def slopes(corners: Floats, cell: float) -> Floats:
    """Gradient (m/m) of the surface in each cell; NaN where the surface is unknown."""
    out = np.empty((corners.shape[0] - 1, corners.shape[1] - 1))
    run_bands(surface_kernels.cell_slopes, out.shape[0], corners, cell, after=(out,), size=out.size)
    return out


def heights(x: Floats, y: Floats, cells: NDArray[np.int32], corners: Floats, grid: Grid) -> Floats:
    """Height of the surface at points whose flat cells are given; NaN where the surface is unknown."""
    out = np.empty(x.size)
    north_row = grid.south_row + grid.n_rows
    run_bands(surface_kernels.heights_at, x.size, x, y, cells, corners, grid.cell, grid.column, north_row, after=(out,))
    return out


def residuals(lowest: Lattice, corners: Floats) -> Floats:
    """Height of each lowest point above the surface; NaN where there is no point or no surface."""
    grid = lowest.grid
    out = np.empty(grid.shape)
    run_bands(
        surface_kernels.over_surface, grid.n_rows, lowest.px, lowest.py, lowest.pz, corners, grid.cell, grid.column,
        grid.south_row + grid.n_rows, after=(out,), size=out.size,
    )  # fmt: skip
    return out
