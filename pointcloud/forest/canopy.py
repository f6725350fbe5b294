"""The canopy: height of points above the ground, and a canopy height model (CHM) without pits, spikes and wires.

Whatever a tile's points give here depends on points within `STRAY_REACH` of it and on the terrain alone, so a survey
taken in tiles with that halo gives, bit for bit, what it gives in one piece. So does the CHM without pits, which is
made on the whole grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.forest import canopy_kernels
from pointcloud.grid import Grid, Raster
from pointcloud.ground.bands import run_bands

Singles = NDArray[np.float32]

COLUMN: Final = 1.0
"""Edge in metres of the columns in which a point looks for others below it."""

STRAY_REACH: Final = 2.0 * COLUMN
"""Metres around a point within which others decide whether it is stray."""

LOWEST_STRAY: Final = 5.0
"""Below this height above the ground nothing is stray: the ground itself supports it."""

HIGHEST_TREE: Final = 120.0
"""Metres above the ground: what is higher is no tree anywhere. A point's support is looked up by its height modulo 128
m, so this also keeps what flies above the canopy from being held up by the ground."""

BRIDGE: Final = 1.0
"""Metres that a pit may be wide, at least; three cells where these are wider."""

VOID_BRIDGE: Final = 3.0
"""Metres that a hole without any return may be wide and is filled."""

SMOOTHED_CELL: Final = 0.5
"""One pass of smoothing suits cells of this size; smaller cells take more, so that metres are smoothed, not cells."""

_LEFT_OUT: Final = (
    ClassCode.LOW_NOISE,
    ClassCode.WIRE,
    ClassCode.BUILDING,
    ClassCode.BRIDGE_DECK,
    ClassCode.HIGH_NOISE,
)


@dataclass(frozen=True, slots=True)
class HighestPoints:
    """The highest point of each cell of a grid.

    Parameters
    ----------
    height
        Metres above the ground, float32 of ``grid.shape``; NaN where there is none.
    dx, dy
        Its place in metres east and north of the cell's south-west corner, float32; NaN where there is none.
    pulses
        Number of first returns in the cell, float32.
    grid
        Where the cells lie.
    """

    height: Singles
    dx: Singles
    dy: Singles
    pulses: Singles
    grid: Grid

    @classmethod
    def empty(cls, grid: Grid) -> HighestPoints:
        """No points."""
        height, dx, dy = (np.full(grid.shape, np.nan, np.float32) for _ in range(3))
        return cls(height, dx, dy, np.zeros(grid.shape, np.float32), grid)

    def put(self, part: HighestPoints) -> None:
        """Write a tile's cells into their places."""
        window = part.grid.window_in(self.grid)
        for name in ("height", "dx", "dy", "pulses"):
            getattr(self, name)[window] = getattr(part, name)


def heights(cloud: PointCloud, terrain: Raster) -> Singles:
    """Metres of each point above the terrain, float32 of shape (n,); NaN where the terrain is void or ends.

    The rule of `pointcloud.ground.height.height_above_ground`, rounded to millimetres: below the resolution of any
    survey, and above what the place of a tile's corner does to the last digits of the terrain.

    Parameters
    ----------
    cloud
        Points in the terrain's CRS.
    terrain
        Terrain heights in metres; NaN where void.
    """
    grid = terrain.grid
    out = np.empty(len(cloud), np.float32)
    values = np.ascontiguousarray(terrain.values, dtype=np.float64)
    run_bands(
        canopy_kernels.heights_above, len(cloud), cloud.x, cloud.y, cloud.z, values, grid.cell, grid.column,
        grid.south_row + grid.n_rows, after=(out,),
    )  # fmt: skip
    return out


def cells(cloud: PointCloud, grid: Grid) -> NDArray[np.int64]:
    """Flat cell index of each point, -1 off the grid; shape (n,)."""
    out = np.empty(len(cloud), np.int64)
    run_bands(
        canopy_kernels.cells_of, len(cloud), cloud.x, cloud.y, grid.cell, grid.column, grid.south_row + grid.n_rows,
        grid.n_rows, grid.n_columns, after=(out,),
    )  # fmt: skip
    return out


def first_returns(cloud: PointCloud) -> NDArray[np.bool_]:
    """Which points are the first return of their pulse; all are where the file does not say."""
    number = cloud.attributes.get("ReturnNumber")
    return np.ones(len(cloud), np.bool_) if number is None else np.less_equal(number, 1)


def strays(cloud: PointCloud, height: Singles) -> NDArray[np.bool_]:
    """Points that are no canopy: birds, haze, wires, and classes that say so; bool of shape (n,).

    The top of a tree has returns in most of the metres of height 2 to 5 m below it, within a metre or two; the edge of
    a crown has them above it, and a flat crown is part of a surface. A bird, a wire, and a wire between wires have none
    of these. A wire less than about 4 m above a canopy cannot be told from it.

    Parameters
    ----------
    cloud
        Points; those within `STRAY_REACH` beyond what is wanted must be among them.
    height
        Metres above the ground, shape (n,); points of unknown height are stray.
    """
    classes = cloud.attributes.get("Classification")
    stray = ~(height <= HIGHEST_TREE)
    if classes is not None:
        stray |= np.isin(classes, _LEFT_OUT)
    if len(cloud) == 0:
        return stray
    grid = Grid.covering(cloud.bounds, COLUMN)
    columns = cells(cloud, grid)
    masks = np.zeros((grid.n_rows * grid.n_columns, 2), np.uint64)
    canopy_kernels.storeys(cloud.z, columns, stray, masks)
    lonely = np.empty(len(cloud), np.bool_)
    run_bands(
        canopy_kernels.unsupported, len(cloud), cloud.z, height, columns, masks, grid.n_columns, LOWEST_STRAY,
        after=(lonely,),
    )  # fmt: skip
    return stray | lonely


def highest_points(cloud: PointCloud, height: Singles, stray: NDArray[np.bool_], grid: Grid) -> HighestPoints:
    """The highest point of each cell that is not stray."""
    out = HighestPoints.empty(grid)
    canopy_kernels.highest(
        cloud.x, cloud.y, height, cells(cloud, grid), stray, grid.cell, grid.column, grid.south_row + grid.n_rows,
        grid.n_columns, first_returns(cloud), out.height.ravel(), out.dx.ravel(), out.dy.ravel(), out.pulses.ravel(),
    )  # fmt: skip
    return out


def without_pits(top: HighestPoints) -> Raster:
    """Canopy height model without pits, float32 metres; NaN where no return fell within reach.

    Pulses that slip through a crown leave cells far below their neighbours. Layers of the canopy at and above 2, 5,
    10, 15 ... m are each taken as a surface that bridges what lies lower, and the highest layer at a cell counts.

    Parameters
    ----------
    top
        The highest point of each cell, from `highest_points`.

    References
    ----------
    Khosravipour, A., Skidmore, A. K., Isenburg, M., Wang, T., Hussin, Y. A. (2014). Generating pit-free canopy height
    models from airborne lidar. Photogrammetric Engineering & Remote Sensing 80(9), 863-872. doi:10.14358/PERS.80.9.863.
    Deviation: a layer is bridged by straight lines on four axes between the highest points of cells, not by a Delaunay
    triangulation with a longest edge. Triangles of points on a lattice of whole centimetres depend on the order of
    insertion, so on the tile; lines do not, and cost a tenth.
    """
    cell = top.grid.cell
    values = np.maximum(top.height, np.float32(0.0))
    highest = float(np.nanmax(values)) if np.any(np.isfinite(values)) else 0.0
    thresholds = np.array([2.0, *np.arange(5.0, max(highest, 5.0) + 5.0, 5.0)], np.float32)
    out = np.empty_like(values)
    run_bands(
        canopy_kernels.without_pits, values.shape[0], values, thresholds, max(BRIDGE / cell, 3.0),
        max(VOID_BRIDGE / cell, 4.0), after=(out,), size=values.size,
    )  # fmt: skip
    return Raster(out, top.grid)


def smoothed(canopy: Raster) -> Raster:
    """The canopy as tops and crowns see it: single branches averaged out over about half a metre."""
    values = np.ascontiguousarray(canopy.values, dtype=np.float32)
    for _ in range(max(1, round((SMOOTHED_CELL / canopy.grid.cell) ** 2))):
        out = np.empty_like(values)
        run_bands(canopy_kernels.smooth, values.shape[0], values, after=(out,), size=values.size)
        values = out
    return Raster(values, canopy.grid)
