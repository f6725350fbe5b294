"""DXF of a volume: zones, changed patches, lines of equal change, and contours of both terrains, where they lie."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pointcloud.drawing.contours import contour_lines, levels_of
from pointcloud.drawing.sheet import CadLayer
from pointcloud.grid import Raster
from pointcloud.io.staging import staged

if TYPE_CHECKING:
    from ezdxf.document import Drawing

Version = Literal["R2000", "R2018"]

INDEX_EVERY: Final = 5
"""Every fifth contour is an index contour (計曲線) and labelled."""

LEAST_CHANGE: Final = 0.5
"""Smallest line of equal change in metres; smaller ones would follow the noise."""

_STYLE: Final = "JAPANESE"


@dataclass(frozen=True, slots=True)
class Outline:
    """An area to draw: its role (``zone``, ``source``, ``deposit``), lines of text, and its polygon."""

    role: str
    label: str
    polygon: Polygon | MultiPolygon


@cache
def volume_layers() -> dict[str, CadLayer]:
    """Role -> layer, from ``tables/volume_layers.csv``."""
    text = resources.files("pointcloud.drawing").joinpath("tables/volume_layers.csv").read_text("utf-8")
    return {
        row["role"]: CadLayer(row["layer"], int(row["aci"]), row["rgb"], float(row["width_mm"]), row["linetype"])
        for row in csv.DictReader(text.splitlines())
    }


def write_volume_drawing(
    path: Path,
    outlines: Sequence[Outline],
    before: Raster,
    after: Raster,
    change: Raster,
    shown: NDArray[np.bool_] | None = None,
    version: Version = "R2000",
) -> None:
    """Write the drawing; units are metres, easting to the right, contours carry their height.

    Parameters
    ----------
    path
        Where to write.
    outlines
        Zones and patches.
    before, after
        Terrains in metres on one grid, NaN where void.
    change
        After minus before.
    shown
        Cells in which lines of equal change are drawn; None: everywhere.
    version
        R2000 holds CP932 text, which Japanese CADs expect; R2018 holds UTF-8.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    document = _new(version)
    space = document.modelspace()
    size = _text_size(change)
    for outline in outlines:
        _add_outline(space, outline, size)
    for name, terrain in (("before", before), ("after", after)):
        _add_contours(space, terrain, name, size)
    _add_change(space, change, shown)
    with staged(path) as stage:
        document.saveas(stage)


def _new(version: Version) -> Drawing:
    from ezdxf import filemanagement, units

    document = filemanagement.new(version, setup=["linetypes"])
    if version == "R2000":
        document.encoding = "cp932"
    document.units = units.M
    document.header["$MEASUREMENT"] = 1
    document.styles.add(_STYLE, font="msgothic.ttc")
    for layer in volume_layers().values():
        document.layers.add(layer.name, color=layer.aci, linetype=layer.linetype)
    return document


def _text_size(change: Raster) -> float:
    """Height of letters in metres that can be read when the whole is seen."""
    return max(1.0, round(max(change.grid.shape) * change.grid.cell / 150.0))


def _add_outline(space: Any, outline: Outline, size: float) -> None:
    attributes = {"layer": volume_layers()[outline.role].name}
    for ring in _rings(outline.polygon):
        space.add_lwpolyline(ring.tolist(), close=True, dxfattribs=attributes)
    place, lines = outline.polygon.representative_point(), outline.label.splitlines()
    role, first = "patch_text", place.y
    if outline.role == "zone":  # above its outline: the patches' names stand inside
        role, first = "zone_text", outline.polygon.bounds[3] + (1.5 * len(lines) - 1.0) * size
    for i, text in enumerate(lines):
        _add_text(space, text, (place.x, first - 1.5 * i * size), size, role)


def _rings(polygon: Polygon | MultiPolygon) -> Iterator[NDArray[np.float64]]:
    for part in getattr(polygon, "geoms", [polygon]):
        for ring in (part.exterior, *part.interiors):
            yield shapely.get_coordinates(ring)[:-1]


def _add_text(space: Any, text: str, place: tuple[float, float], size: float, role: str) -> None:
    attributes = {"layer": volume_layers()[role].name, "style": _STYLE, "height": size}
    space.add_text(text, dxfattribs=attributes).dxf.insert = place


def _add_contours(space: Any, terrain: Raster, name: str, size: float) -> None:
    interval, levels = levels_of(terrain.values, 1.0)
    for level, points in contour_lines(terrain, levels.tolist()):
        is_index = round(level / interval) % INDEX_EVERY == 0
        role = f"{'index' if is_index else 'contour'}_{name}"
        _add_line(space, points, role, level)
        if is_index and len(points) > 2 * INDEX_EVERY:
            x, y = points[len(points) // 2].tolist()
            _add_text(space, f"{level:g}", (x, y), 0.7 * size, "height_text")


def _add_change(space: Any, change: Raster, shown: NDArray[np.bool_] | None) -> None:
    values = change.values if shown is None else np.where(shown, change.values, np.nan)
    _, levels = levels_of(values, LEAST_CHANGE)
    drawn = Raster(values, change.grid)
    for level, points in contour_lines(drawn, [v for v in levels.tolist() if abs(v) >= LEAST_CHANGE]):
        _add_line(space, points, "cut_depth" if level < 0 else "fill_depth", level)


def _add_line(space: Any, points: NDArray[np.float64], role: str, level: float) -> None:
    attributes = {"layer": volume_layers()[role].name, "elevation": level}
    is_closed = bool(np.array_equal(points[0], points[-1]))
    space.add_lwpolyline(points[: len(points) - is_closed].tolist(), close=is_closed, dxfattribs=attributes)
