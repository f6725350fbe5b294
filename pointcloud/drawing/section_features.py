"""GeoPackage of sections: 3-D lines that a GIS lays over its maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyproj import CRS

from pointcloud.drawing.dxf import world_points
from pointcloud.io.staging import staged
from pointcloud.sections.series import Series


def write_geopackage(path: Path, series: Series, crs: CRS) -> None:
    """Write the layers ``sections`` (a 3-D line for each surface, station and unbroken part) and ``profiles``.

    Fields: station, chainage, surface, skew, cut_m2, fill_m2 (of the station).

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    lines, rows = [], []
    for section in series.sections:
        areas = section.areas
        for name in (*series.names, *series.tops):
            for points in world_points(section.lines[name].pieces, section.station.place):
                lines.append(shapely.linestrings(points))
                cut, fill = (np.nan, np.nan) if areas is None else (areas.cut, areas.fill)
                station = section.station
                rows.append((station.name, station.chainage, name, station.skew, cut, fill))
    along, surfaces = [], []
    for name, profile in series.profiles.items():
        for piece in profile.pieces:
            x, y, _ = series.line.at(piece[:, 0])
            along.append(shapely.linestrings(np.column_stack((x, y, piece[:, 1]))))
            surfaces.append((name,))
    fields = ("station", "chainage", "surface", "skew", "cut_m2", "fill_m2")
    with staged(path) as stage:
        _layer(stage, "sections", lines, fields, rows, crs)
        _layer(stage, "profiles", along, ("surface",), surfaces, crs)


def _layer(
    path: Path,
    name: str,
    lines: list[shapely.LineString],
    fields: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
    crs: CRS,
) -> None:
    geometries = np.array([shapely.to_wkb(line, output_dimension=3) for line in lines], dtype=object)
    columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else [np.array([], object)] * len(fields)
    columns = [c.astype(object) if c.dtype.kind == "U" else c for c in columns]
    pyogrio.raw.write(
        path, geometries, columns, list(fields), layer=name, driver="GPKG", geometry_type="LineString Z",
        crs=crs.to_wkt(), append=path.exists(),
    )  # fmt: skip
