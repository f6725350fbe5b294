"""Rasters in and out: Cloud-Optimised GeoTIFF."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from pyproj import CRS
from rasterio._err import CPLE_BaseError  # what rasterio raises on closing; it is in no public module
from rasterio.errors import RasterioError

from pointcloud import crs as reference
from pointcloud.errors import FileError, ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.io.staging import refusal, staged

ALIGNMENT: Final = 1e-4
"""Share of a cell by which a file's origin may miss a whole multiple of the cell (float noise in the file)."""


def write_cog(
    path: Path,
    rasters: Sequence[Raster] | Raster,
    *,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write rasters of one grid as the bands of a Cloud-Optimised GeoTIFF.

    float32 with NaN = no data, DEFLATE with the floating-point predictor, overviews by averaging the cells that
    have data. The same values give the same bytes.

    Parameters
    ----------
    path
        Target; replaced when it exists.
    rasters
        One or more bands.
    descriptions
        A text for each band, or none at all.
    tags
        Dataset tags.

    Raises
    ------
    ParameterError
        When there is no raster, grids differ, or the number of descriptions is not that of bands.
    ResourceError
        When the file cannot be written.
    """
    bands = [rasters] if isinstance(rasters, Raster) else list(rasters)
    if not bands or any(band.grid != bands[0].grid for band in bands):
        raise ParameterError(
            f"writing {path.name}: {len(bands)} rasters; expected at least one, all on one grid",
            f"{path.name}: ラスタ {len(bands)} 枚。同じ格子のラスタを 1 枚以上指定してください。",
            file=str(path),
        )
    if len(descriptions) not in (0, len(bands)):
        raise ParameterError(
            f"writing {path.name}: {len(descriptions)} descriptions for {len(bands)} bands; expected one for each",
            f"{path.name}: バンド {len(bands)} に対し説明が {len(descriptions)} 件です。数を一致させてください。",
            file=str(path),
        )
    grid = bands[0].grid
    profile = {
        "driver": "COG",
        "width": grid.n_columns,
        "height": grid.n_rows,
        "count": len(bands),
        "dtype": "float32",
        "nodata": math.nan,
        "crs": None if grid.crs is None else rasterio.crs.CRS.from_wkt(grid.crs.to_wkt()),
        "transform": rasterio.Affine(*grid.transform),
        "compress": "DEFLATE",
        "predictor": "FLOATING_POINT",
        "overview_resampling": "AVERAGE",
        "num_threads": "ALL_CPUS",
        "bigtiff": "IF_SAFER",
    }
    try:
        with staged(path) as stage, rasterio.open(stage, "w", **profile) as target:
            for index, band in enumerate(bands, start=1):
                target.write(band.values.astype(np.float32, copy=False), index)
                if descriptions:
                    target.set_band_description(index, descriptions[index - 1])
            target.update_tags(**(tags or {}))
    except (RasterioError, CPLE_BaseError) as error:
        raise refusal(path, str(error)) from error


def read_raster(path: Path, band: int = 1) -> Raster:
    """One band of a GeoTIFF: float values of its own precision (integers as float64), NaN = no data.

    Raises
    ------
    FileError
        When the file is not a GeoTIFF, lacks the band, or its grid is not one of tengun's: north up, square
        cells, edges on whole multiples of the cell.
    UnitsError
        When its coordinates are not metres.
    """
    try:
        with rasterio.open(path, driver="GTiff") as source:
            if not 1 <= band <= source.count:
                raise FileError(
                    f"reading {path}: band {band}; the file has {source.count}",
                    f"{path}: バンド {band} はありません (バンド数 {source.count})。",
                    file=str(path),
                    field="band",
                )
            grid = _grid(path, source.transform, source.width, source.height, _crs(path, source.crs))
            values = source.read(band, masked=True)
    except RasterioError as error:
        raise FileError(
            f"reading {path}: not a readable GeoTIFF ({error})",
            f"{path} を GeoTIFF として読み込めません ({error})。",
            file=str(path),
        ) from error
    kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64
    return Raster(values.astype(kind).filled(np.nan), grid)


def _crs(path: Path, crs: rasterio.crs.CRS | None) -> CRS | None:
    if crs is None:
        return None
    full = CRS.from_wkt(crs.to_wkt())
    reference.check_metres(full, path.name)
    return reference.split(full)[0]


def _grid(path: Path, transform: rasterio.Affine, n_columns: int, n_rows: int, crs: CRS | None) -> Grid:
    """The grid of a file's affine map, checked."""
    a, b, west, d, e, north = tuple(transform)[:6]
    if b or d or a <= 0 or abs(a + e) > ALIGNMENT * a / max(n_columns, n_rows):
        raise FileError(
            f"reading {path}: cells of {a} x {-e} m, rotation {b}, {d}; expected square cells, north up; use "
            "gdalwarp -tr CELL CELL -tap",
            f"{path}: セル {a} x {-e} m、回転 {b}, {d} です。北が上の正方形セルが必要です "
            "(gdalwarp -tr セル セル -tap)。",
            file=str(path),
            field="transform",
        )
    column, south = west / a, north / a - n_rows
    if max(abs(column - round(column)), abs(south - round(south))) > ALIGNMENT:
        raise FileError(
            f"reading {path}: origin {west}, {north} is not a whole multiple of the cell {a} m; use gdalwarp -tr {a} "
            f"{a} -tap",
            f"{path}: 原点 {west}, {north} がセル {a} m の整数倍ではありません。gdalwarp -tr {a} {a} -tap で変換して"
            "ください。",
            file=str(path),
            field="transform",
        )
    return Grid(round(column), round(south), n_columns, n_rows, a, crs)
