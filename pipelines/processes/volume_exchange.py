"""GIS and CAD files of ``volume-change``: GeoPackage, DXF, J-LandXML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import ndimage

from pipelines.evidence import software
from pipelines.media_types import GPKG
from pipelines.process import OutputFile
from pipelines.processes.volume_result import Epoch, Result
from pipelines.progress import Text
from pointcloud.change.stable import odd_cells
from pointcloud.cloud import PointCloud
from pointcloud.drawing.tin_landxml import NamedSurface, write_tin_landxml
from pointcloud.drawing.volume_drawing import Outline, write_volume_drawing
from pointcloud.drawing.volume_features import Feature, write_volume_features
from pointcloud.drawing.volume_words import number
from pointcloud.grid import Raster
from pointcloud.ground.surface import Tin, heights, triangulate

MAX_VERTICES: Final = 150_000
"""Most vertices of a surface in LandXML: what CAD software opens in seconds; more are thinned evenly."""

MARGIN: Final = 5.0
"""Metres around certain change in which lines of equal change are drawn."""

_SURFACES: Final = {"before": "ExistingGround-before", "after": "ExistingGround"}


def write_features(folder: Path, result: Result) -> OutputFile:
    """GeoPackage of zones and patches with their figures."""
    zones: list[Feature] = [(z.polygon, {"name": z.name, **v, **_limits(v)}) for z, v in result.compared.zones]
    patches: list[Feature] = [(p.polygon, {"name": name, **p.as_dict()}) for name, p in result.material.patches]
    crs = result.epochs[0].survey.crs
    write_volume_features(folder / "volume.gpkg", {"zones": zones, "patches": patches}, crs)
    title = Text("Zones and patches (GeoPackage)", "区域と変化箇所 (GeoPackage)")
    return OutputFile("volume.gpkg", GPKG, title)


def _limits(volume: dict[str, Any]) -> dict[str, float | None]:
    """Intervals as fields of their own."""
    found: dict[str, float | None] = {}
    for name in ("cut", "fill", "net"):
        low, high = volume[f"{name}_ci95_m3"] or (None, None)
        found |= {f"{name}_low_m3": low, f"{name}_high_m3": high}
    return found


def write_drawing(folder: Path, result: Result) -> OutputFile:
    """DXF of zones, patches, lines of equal change and contours."""
    outlines = [Outline("zone", _zone_label(z.name, v), z.polygon) for z, v in result.compared.zones]
    outlines += [
        Outline(p.kind, f"{name}\n{number(p.volume_m3, 0)} m3", p.polygon) for name, p in result.material.patches
    ]
    change, error = result.compared.change, result.compared.error
    shown = None
    if error is not None:
        shown = ndimage.maximum_filter(error.region, odd_cells(2.0 * MARGIN, change.grid.cell))
    before, after = (epoch.surfaces.terrain for epoch in result.epochs)
    write_volume_drawing(folder / "volume.dxf", outlines, before, after, change, shown)
    return OutputFile("volume.dxf", "image/vnd.dxf", Text("Zones, contours, change (DXF)", "区域・等高線・差分 (DXF)"))


def _zone_label(name: str, volume: dict[str, Any]) -> str:
    cut, fill = (number(volume[f"{k}_m3"], 0) for k in ("cut", "fill"))
    return f"{name}\n切土 {cut} m3\n盛土 {fill} m3"


def write_surfaces(folder: Path, epochs: Sequence[Epoch], made: datetime, project: str) -> OutputFile:
    """J-LandXML of both terrains' TIN."""
    survey = epochs[0].survey
    surfaces = [named_surface(_SURFACES[e.name], e.surfaces.key_points, e.surfaces.terrain, e.tin) for e in epochs]
    write_tin_landxml(
        folder / "surfaces.xml", surfaces, survey.crs, survey.vertical_datum, made, project or "tengun",
        software()["version"],
    )  # fmt: skip
    return OutputFile("surfaces.xml", "application/xml", Text("Surfaces (J-LandXML TIN)", "地形面 (J-LandXML TIN)"))


def named_surface(name: str, points: PointCloud, ground: Raster, tin: Tin | None = None) -> NamedSurface:
    """The TIN of a terrain without its voids; one of too many points is thinned, and its remark says how far it is off.

    Parameters
    ----------
    name
        Of the surface.
    points
        That carry the terrain.
    ground
        The terrain, NaN where void.
    tin
        Triangulation of the points, where there is one already.
    """
    if len(points) <= MAX_VERTICES:
        whole = triangulate(points.x, points.y, points.z) if tin is None else tin
        return NamedSurface(name, without_voids(whole, ground))
    kept = thinned(points, MAX_VERTICES)
    tin = triangulate(kept.x, kept.y, kept.z)
    miss = heights(tin, ground.grid) - ground.values
    miss = miss[np.isfinite(miss)]
    rms = float(np.sqrt(np.mean(miss**2))) if miss.size else 0.0
    remark = f"thinned from {len(points)} to {len(kept)} points; RMS deviation {rms:.3f} m / 間引き RMS {rms:.3f} m"
    return NamedSurface(name, without_voids(tin, ground), remark)


def thinned(points: PointCloud, limit: int) -> PointCloud:
    """At most ``limit`` points, one for each square of the plane: the one whose height is nearest to the square's mean.

    Parameters
    ----------
    points
        Without attributes of interest.
    limit
        The squares are as small as that allows.
    """
    if len(points) <= limit:
        return points
    edge = float(np.sqrt(points.bounds.area / limit))
    while True:
        columns, rows = (np.floor((v - v.min()) / edge).astype(np.int64) for v in (points.x, points.y))
        square, number_of = np.unique(rows * (columns.max() + 1) + columns, return_inverse=True)
        if square.size <= limit:
            break
        edge *= 1.1
    mean = np.bincount(number_of, points.z) / np.bincount(number_of)
    order = np.lexsort((np.abs(points.z - mean[number_of]), number_of))
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = np.diff(number_of[order]) != 0
    return points.take(np.sort(order[first]))


def without_voids(tin: Tin, ground: Raster) -> Tin:
    """The triangles whose centre lies on known terrain, so that a gap of the survey stays one."""
    centre = [v[tin.triangles].mean(axis=1) for v in (tin.x, tin.y)]
    rows, columns = ground.grid.cells_of(*centre)
    inside = (rows >= 0) & (rows < ground.grid.n_rows) & (columns >= 0) & (columns < ground.grid.n_columns)
    is_known = np.zeros(len(tin.triangles), dtype=np.bool_)
    is_known[inside] = np.isfinite(ground.values[rows[inside], columns[inside]])
    return Tin(tin.x, tin.y, tin.z, np.ascontiguousarray(tin.triangles[is_known]))
