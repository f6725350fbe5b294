"""The working grid of the ground filter: cells, their lowest points, and the filled surface of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid
from pointcloud.ground import kernels
from pointcloud.ground.bands import run_bands, run_parts
from pointcloud.ground.scales import COARSEST

Floats = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)
MAX_WORKING_CELLS = 400_000_000
"""Largest working grid; wider surveys are filtered in tiles."""


def working_grid(bounds: Bounds, cell: float) -> Grid:
    """The grid of whole coarsest blocks that holds the bounds: tiles share the survey's cells and blocks.

    Raises
    ------
    ParameterError
        When the extent needs more than 400 million cells.
    """
    blocks = Grid.covering(bounds, cell * COARSEST)
    n = blocks.n_columns * blocks.n_rows * COARSEST * COARSEST
    if n > MAX_WORKING_CELLS:
        raise ParameterError(
            f"ground filter: {bounds.width:.0f} m x {bounds.height:.0f} m at cells of {cell:g} m are {n} cells; "
            f"allowed are {MAX_WORKING_CELLS}; filter the survey in tiles, or remove stray points far away",
            f"地盤フィルタ: {bounds.width:.0f} m x {bounds.height:.0f} m は {cell:g} m 格子で {n} セルとなり、上限 "
            f"{MAX_WORKING_CELLS} を超えます。タイルに分けるか、遠く離れた点を除去してください。",
            value=n,
        )
    return Grid(
        blocks.column * COARSEST,
        blocks.south_row * COARSEST,
        blocks.n_columns * COARSEST,
        blocks.n_rows * COARSEST,
        cell,
    )


@dataclass(slots=True)
class Lattice:
    """The lowest point of each cell.

    Parameters
    ----------
    grid
        Working grid.
    index
        Index of each cell's lowest point in the cloud, -1 where there is none; shape of the grid.
    px, py, pz
        Its coordinates; NaN where there is none.
    """

    grid: Grid
    index: NDArray[np.int64]
    px: Floats
    py: Floats
    pz: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Cells that have a point."""
        return self.index >= 0


def cells_of_points(cloud: PointCloud, grid: Grid) -> NDArray[np.int32]:
    """Flat cell index of each point."""
    cells = np.empty(len(cloud), dtype=np.int32)
    north_row = grid.south_row + grid.n_rows
    run_bands(
        kernels.cell_indices, len(cloud), cloud.x, cloud.y, grid.cell, grid.column, north_row, grid.n_columns,
        after=(cells,),
    )  # fmt: skip
    return cells


def of_cells(values: NDArray[T], cells: NDArray[np.int32]) -> NDArray[T]:
    """The value of each point's cell; NumPy would make indices of 64 bits first."""
    out = np.empty(cells.size, dtype=values.dtype)
    run_bands(kernels.take_of_cells, cells.size, values.ravel(), cells, after=(out,))
    return out


def frame(grid: Grid) -> Floats:
    """Cell, first column, and row above row 0 of a grid: what kernels need to find a point's place in its cell."""
    return np.array([grid.cell, grid.column, grid.south_row + grid.n_rows])


def lattice(cloud: PointCloud, cells: NDArray[np.int32], skip: NDArray[np.bool_], grid: Grid) -> Lattice:
    """The lowest point of each cell among the points that are not skipped."""
    size, points = grid.n_rows * grid.n_columns, (cloud.x, cloud.y, cloud.z)
    index, *others = run_parts(
        kernels.lowest_points, len(cloud), *points, cells, skip, part=lambda: np.full(size, -1, dtype=np.int64)
    )
    for other in others:
        run_bands(kernels.lower_points, size, *points, other, after=(index,))
    px, py, pz = (np.empty(size) for _ in range(3))
    run_bands(kernels.coordinates_of, size, *points, index, after=(px, py, pz))
    shape = grid.shape
    return Lattice(grid, index.reshape(shape), px.reshape(shape), py.reshape(shape), pz.reshape(shape))


def filled(values: Floats) -> Floats:
    """The surface with its gaps closed from coarser and coarser means; NaN farther than the coarsest block."""
    levels = [values.copy()]
    while 1 << len(levels) <= COARSEST:
        fine = levels[-1]
        coarse = np.empty((fine.shape[0] // 2, fine.shape[1] // 2))
        kernels.halve(fine, coarse)
        levels.append(coarse)
    for k in range(len(levels) - 2, -1, -1):
        kernels.fill_from(levels[k + 1], levels[k])
    return levels[0]
