"""Regular grids and the rasters on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.errors import CrsError, ParameterError

MAX_CELLS = 400_000_000
"""Largest grid in one piece: 10 km x 10 km at 0.5 m, 3.2 GB a raster. Larger areas are given in parts."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up grid whose cell edges are whole multiples of the cell size.

    Two grids of one cell size therefore always fit each other, whatever their extents; a tile's grid
    is a window of the survey's grid.

    Parameters
    ----------
    column, south_row
        Index of the western column and of the southern row, counted in cells from the CRS origin.
    n_columns, n_rows
        Shape; arrays on this grid have shape ``(n_rows, n_columns)``, row 0 in the north.
    cell
        Edge of a cell in metres.
    crs
        CRS of the coordinates, or None.
    """

    column: int
    south_row: int
    n_columns: int
    n_rows: int
    cell: float
    crs: CRS | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cell) and self.cell > 0):
            raise ParameterError(
                f"grid: cell {self.cell} m; expected a positive number of metres",
                f"格子間隔 {self.cell} m が不正です。正の値 (m) を指定してください。",
                value=self.cell,
            )
        if self.n_columns < 1 or self.n_rows < 1 or self.n_columns * self.n_rows > MAX_CELLS:
            raise ParameterError(
                f"grid: {self.n_columns} x {self.n_rows} cells of {self.cell} m; allowed are 1 to {MAX_CELLS} cells; "
                "choose a larger cell or a smaller area",
                f"格子数 {self.n_columns} x {self.n_rows} (間隔 {self.cell} m) は 1~{MAX_CELLS} の範囲外です。"
                "間隔を大きくするか範囲を狭めてください。",
                value=[self.n_columns, self.n_rows],
            )

    @classmethod
    def covering(cls, bounds: Bounds, cell: float, crs: CRS | None = None) -> Grid:
        """The smallest grid whose cells hold every point of the closed rectangle ``bounds``."""
        if not (math.isfinite(cell) and cell > 0):
            return cls(0, 0, 1, 1, cell, crs)
        column, south_row = math.floor(bounds.x_min / cell), math.floor(bounds.y_min / cell)
        n_columns = math.floor(bounds.x_max / cell) - column + 1
        n_rows = math.floor(bounds.y_max / cell) - south_row + 1
        return cls(column, south_row, n_columns, n_rows, cell, crs)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.n_rows, self.n_columns

    @property
    def west(self) -> float:
        """Easting of the western edge."""
        return self.column * self.cell

    @property
    def south(self) -> float:
        """Northing of the southern edge."""
        return self.south_row * self.cell

    @property
    def north(self) -> float:
        """Northing of the northern edge."""
        return (self.south_row + self.n_rows) * self.cell

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the grid."""
        return Bounds(self.west, self.south, (self.column + self.n_columns) * self.cell, self.north)

    @property
    def cell_area(self) -> float:
        """Area of one cell in square metres."""
        return self.cell * self.cell

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Coefficients (a, b, c, d, e, f) of the affine map from (column, row) to (x, y), as rasterio orders them."""
        return self.cell, 0.0, self.west, 0.0, -self.cell, self.north

    def cells_of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each point; points outside get indices outside the shape."""
        columns = np.floor(x / self.cell).astype(np.int64) - self.column
        rows = (self.south_row + self.n_rows - 1) - np.floor(y / self.cell).astype(np.int64)
        return rows, columns

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eastings of the columns' centres, shape (n_columns,), and northings of the rows', shape (n_rows,)."""
        x = (self.column + np.arange(self.n_columns, dtype=np.float64) + 0.5) * self.cell
        y = (self.south_row + self.n_rows - np.arange(self.n_rows, dtype=np.float64) - 0.5) * self.cell
        return x, y

    def intersection(self, other: Grid) -> Grid | None:
        """The common window of two grids of one cell size, or None.

        Raises
        ------
        ParameterError
            When the cell sizes differ.
        CrsError
            When both state a CRS and these differ.
        """
        if self.crs is not None and other.crs is not None and self.crs != other.crs:
            raise CrsError(
                f"grid intersection: reference systems differ ({self.crs} / {other.crs}); bring both into one",
                f"格子の座標参照系が一致しません ({self.crs} / {other.crs})。同じ座標系にしてください。",
            )
        if self.cell != other.cell:
            raise ParameterError(
                f"grid intersection: cells of {self.cell} m and {other.cell} m; expected one cell size",
                f"格子間隔が一致しません ({self.cell} m と {other.cell} m)。同じ間隔にしてください。",
                value=[self.cell, other.cell],
            )
        column, south_row = max(self.column, other.column), max(self.south_row, other.south_row)
        n_columns = min(self.column + self.n_columns, other.column + other.n_columns) - column
        n_rows = min(self.south_row + self.n_rows, other.south_row + other.n_rows) - south_row
        if n_columns < 1 or n_rows < 1:
            return None
        return Grid(column, south_row, n_columns, n_rows, self.cell, self.crs or other.crs)

    def window_in(self, outer: Grid) -> tuple[slice, slice]:
        """Row and column slices of this grid inside ``outer``, which must hold it whole."""
        row = (outer.south_row + outer.n_rows) - (self.south_row + self.n_rows)
        column = self.column - outer.column
        return slice(row, row + self.n_rows), slice(column, column + self.n_columns)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Values on a grid; two rasters are equal when they are one object.

    Parameters
    ----------
    values
        Floating-point array of shape ``grid.shape``; NaN = no data.
    grid
        Where the values lie.
    """

    values: NDArray[np.floating]
    grid: Grid

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise ParameterError(
                f"raster: values of shape {self.values.shape} on a grid of shape {self.grid.shape}",
                f"ラスタの配列 {self.values.shape} と格子 {self.grid.shape} の大きさが一致しません。",
                value=list(self.values.shape),
            )

    def window(self, grid: Grid) -> Raster:
        """The part of the raster on ``grid``, which must lie inside."""
        return Raster(self.values[grid.window_in(self.grid)], grid)
