"""``writers.gdal``: statistics of the points around each cell of a grid, as a GeoTIFF."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pipelines.native import expression, kernels
from pipelines.native.columns import column
from pipelines.native.readers import View
from pointcloud import crs as reference
from pointcloud.errors import InputError, ParameterError
from pointcloud.grid import MAX_CELLS
from pointcloud.io.staging import staged

Floats = NDArray[np.float64]
BANDS: Final = ("min", "max", "mean", "idw", "count", "stdev")
"""Statistics in PDAL's order of bands."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A raster that starts at the south-west corner of the data, as PDAL lays it."""

    west: float
    south: float
    n_columns: int
    n_rows: int
    cell: float


def write_gdal(views: Sequence[View], options: Mapping[str, Any], folder: Path) -> int:
    """Write the raster; the number of points that it was made from.

    Raises
    ------
    InputError
        When there is no point.
    ParameterError
        When the grid is too large.

    References
    ----------
    pdal.io, "writers.gdal", after Points2Grid; Welford (1962), doi:10.1080/00401706.1962.10490022 (variance).
    """
    x, y, values, crs = _gathered(views, options["dimension"])
    if x.size == 0:
        raise InputError("writers.gdal: no points to make a raster of", "writers.gdal: ラスタにする点がありません。")
    frame = _frame(x, y, options)
    radius = options["radius"] or options["resolution"] * math.sqrt(2.0)
    bands = _statistics(x, y, values, frame, radius / frame.cell, options["power"])
    wanted = BANDS if "all" in options["output_type"] else [b for b in BANDS if b in options["output_type"]]
    known = bands["count"] > 0
    for name in wanted:
        if options["window_size"] and name != "count":
            kernels.fill_window(bands[name].copy(), known, options["window_size"], bands[name])
    srs = options["override_srs"] or (options["default_srs"] if crs is None else None)
    _save(
        folder / options["filename"],
        {b: bands[b] for b in wanted},
        frame,
        reference.parse(srs) if srs else crs,
        options,
    )
    return int(x.size)


def _gathered(views: Sequence[View], dimension: str) -> tuple[Floats, Floats, Floats, CRS | None]:
    parts, crs = [], None
    for view in views:
        for cloud in view.chunks:
            crs = crs or cloud.crs
            parts.append((cloud.x, cloud.y, column(cloud, dimension).astype(np.float64)))
    x, y, values = (np.concatenate(p) for p in zip(*parts, strict=True))
    return x, y, values, crs


def _frame(x: Floats, y: Floats, options: Mapping[str, Any]) -> _Frame:
    cell = options["resolution"]
    if options["bounds"]:
        box = expression.box(options["bounds"])
        west, south, east, north = box.as_tuple()
    else:
        west, south, east, north = (float(v) for v in (x.min(), y.min(), x.max(), y.max()))
    n_columns, n_rows = math.floor((east - west) / cell) + 1, math.floor((north - south) / cell) + 1
    if n_columns * n_rows > MAX_CELLS:
        raise ParameterError(
            f"writers.gdal: {n_columns} x {n_rows} cells; at most {MAX_CELLS}; choose a larger resolution",
            f"writers.gdal: 格子数 {n_columns} x {n_rows} が上限 {MAX_CELLS} を超えます。",
            field="resolution",
            value=cell,
        )
    return _Frame(west, south, n_columns, n_rows, cell)


def _statistics(x: Floats, y: Floats, values: Floats, frame: _Frame, radius: float, power: float) -> dict[str, Floats]:
    shape = (frame.n_rows, frame.n_columns)
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    count, mean, squares, weighted, weights = (np.zeros(shape) for _ in range(5))
    columns = (x - frame.west) / frame.cell
    rows = frame.n_rows - (y - frame.south) / frame.cell
    kernels.spread(columns, rows, values, radius, power, count, low, high, mean, squares, weighted, weights)
    empty = count == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        idw = np.where(np.isnan(weights), weighted, weighted / weights)
        deviation = np.sqrt(squares / count)
    bands = {"min": low, "max": high, "mean": mean, "idw": idw, "stdev": deviation}
    return {**{name: np.where(empty, np.nan, band) for name, band in bands.items()}, "count": count}


def _save(path: Path, bands: Mapping[str, Floats], frame: _Frame, crs: CRS | None, options: Mapping[str, Any]) -> None:
    import rasterio

    profile: dict[str, Any] = {
        "driver": options["gdaldriver"],
        "width": frame.n_columns,
        "height": frame.n_rows,
        "count": len(bands),
        "dtype": "float64" if options["data_type"] == "double" else "float32",
        "nodata": options["nodata"],
        "transform": rasterio.Affine(
            frame.cell, 0.0, frame.west, 0.0, -frame.cell, frame.south + frame.n_rows * frame.cell
        ),
        "crs": crs.to_wkt() if crs is not None else None,
    }
    for part in (options["gdalopts"] or "").split(","):
        name, equals, value = part.partition("=")
        if equals:
            profile[name.strip().lower()] = value.strip()
    with staged(path) as part_path, rasterio.open(part_path, "w", **profile) as raster:
        for i, (name, band) in enumerate(bands.items(), start=1):
            filled = np.where(np.isnan(band), options["nodata"], band)
            raster.write(filled.astype(profile["dtype"]), i)
            raster.set_band_description(i, name)
