"""Values of a raster along a line, read window by window: a line through a whole prefecture opens no whole raster."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from pointcloud import crs as reference
from pointcloud.errors import CrsError, FileError

Floats = NDArray[np.float64]

_REACH: Final = 256
"""Cells along the line that are read at once."""


class RasterLine:
    """A raster that is asked for values along lines; a context manager, closed at its end.

    Parameters
    ----------
    path
        A GeoTIFF in metres.

    Raises
    ------
    FileError
        When the file is no GeoTIFF.
    CrsError
        When it states no reference system.
    UnitsError
        When its coordinates are not metres.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._source = rasterio.open(path, driver="GTiff")
        except RasterioError as error:
            raise FileError(
                f"reading {path.name}: not a readable GeoTIFF ({error})",
                f"{path.name} を GeoTIFF として読み込めません ({error})。",
                file=path.name,
            ) from error
        if self._source.crs is None:
            self._source.close()
            raise CrsError(
                f"reading {path.name}: it states no reference system; assign one with gdal_edit -a_srs EPSG:CODE",
                f"{path.name} に座標参照系がありません。gdal_edit -a_srs EPSG:コード で設定してください。",
                file=path.name,
            )
        self.crs = CRS.from_wkt(self._source.crs.to_wkt())
        reference.check_metres(self.crs, path.name)
        self.cell = math.sqrt(abs(self._source.transform.determinant))

    def __enter__(self) -> RasterLine:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def at(self, x: Floats, y: Floats) -> Floats:
        """Values at places that follow each other along a line, bilinear between the centres of cells.

        Parameters
        ----------
        x, y
            Easting and northing in the raster's CRS, metres, shape (n,).

        Returns
        -------
        Floats
            Shape (n,); NaN where a cell that has a share in the value has none, and beyond the raster.
        """
        to_cell = ~self._source.transform
        column = to_cell.a * x + to_cell.b * y + to_cell.c - 0.5
        row = to_cell.d * x + to_cell.e * y + to_cell.f - 0.5
        values = np.full(x.shape, np.nan)
        if x.size == 0:
            return values
        along = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(column), np.diff(row)))))
        starts = np.flatnonzero(np.diff(np.floor(along / _REACH))) + 1
        for part in np.split(np.arange(x.size), starts):
            values[part] = self._between(column[part], row[part])
        return values

    def _between(self, column: Floats, row: Floats) -> Floats:
        """Bilinear values at fractional cells that lie near each other."""
        west, north = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
        cells, first_row, first_column = self._cells(west, north)
        right, down = column - west, row - north
        values = np.zeros(column.shape)
        for i, j, share in (
            (0, 0, (1.0 - down) * (1.0 - right)),
            (0, 1, (1.0 - down) * right),
            (1, 0, down * (1.0 - right)),
            (1, 1, down * right),
        ):
            value = cells[north + i - first_row, west + j - first_column]
            values += np.where(share > 0.0, share * value, 0.0)  # a void cell of no share takes nothing away
        return values

    def _cells(self, west: NDArray[np.int64], north: NDArray[np.int64]) -> tuple[Floats, int, int]:
        """The cells about the places, NaN beyond the raster, and the numbers of their first row and column."""
        r0, r1, c0, c1 = int(north.min()), int(north.max()) + 2, int(west.min()), int(west.max()) + 2
        cells = np.full((r1 - r0, c1 - c0), np.nan)
        top, bottom = max(r0, 0), min(r1, self._source.height)
        left, right = max(c0, 0), min(c1, self._source.width)
        if top < bottom and left < right:
            window = Window(left, top, right - left, bottom - top)
            found = self._source.read(1, window=window, masked=True)
            cells[top - r0 : bottom - r0, left - c0 : right - c0] = found.astype(np.float64).filled(np.nan)
        return cells, r0, c0
