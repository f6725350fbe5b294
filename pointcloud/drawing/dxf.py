"""DXF out: sheets in model space at their true size in metres, and sections as 3-D polylines in world coordinates.

R2000 files hold CP932 text, which Japanese CADs expect; newer ones hold UTF-8. Every file passes ezdxf's audit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pointcloud.drawing.sheet import Label, Sheet, Stroke, cad_layers
from pointcloud.io.staging import staged
from pointcloud.sections.series import Series

if TYPE_CHECKING:
    from ezdxf.document import Drawing

Version = Literal["R2000", "R2018"]

_ANCHORS: Final = {"left": 0, "center": 1, "right": 2}
_LEVELS: Final = {"bottom": 0, "middle": 2, "top": 3}
_STYLE: Final = "JAPANESE"


def write_sheets(path: Path, sheets: Sequence[Sheet], version: Version = "R2000") -> None:
    """Write sheets side by side in model space; one drawing unit is one metre of the terrain.

    Texts and frame are enlarged by the scale, so that plotting at the sheet's scale gives its paper size.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    document = _new(version)
    west = 0.0
    for sheet in sheets:
        k = sheet.scale / 1000.0
        for item in sheet.items:
            _add(document.modelspace(), item, k, west)
        west += (sheet.size[0] + 50.0) * k
    _save(document, path)


def write_world(path: Path, series: Series, version: Version = "R2000") -> None:
    """Write each section line where it lies: 3-D polylines in the survey's CRS, easting, northing, height.

    The centre line is drawn at height 0, stations are named at their centre; simplified lines are used.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    document = _new(version)
    space = document.modelspace()
    layers = cad_layers()
    x, y, _ = series.line.at(series.line.dense(0.0, series.line.length, 0.01))
    space.add_lwpolyline(np.column_stack((x, y)).tolist(), dxfattribs={"layer": layers["centre"].name})
    for section in series.sections:
        for name in series.names:
            for points in world_points(section.simple[name].pieces, section.station.place):
                space.add_polyline3d(points.tolist(), dxfattribs={"layer": layers[name].name})
        text = space.add_text(
            section.station.name, height=0.5, dxfattribs={"layer": layers["text"].name, "style": _STYLE}
        )
        text.dxf.insert = section.station.place(0.0)
        text.dxf.rotation = math.degrees(section.station.direction) % 360.0
    for name, profile in series.profiles.items():
        for piece in profile.simplified(0.03)[0].pieces:
            px, py, _ = series.line.at(piece[:, 0])
            points = np.column_stack((px, py, piece[:, 1]))
            space.add_polyline3d(points.tolist(), dxfattribs={"layer": layers[name].name})
    _save(document, path)


def world_points(pieces: Sequence[NDArray[np.float64]], place: Any) -> list[NDArray[np.float64]]:
    """Easting, northing and height, shape (n, 3), of pieces (offset, height) of a section.

    ``place`` gives easting and northing of an offset.
    """
    found = []
    for piece in pieces:
        x, y = place(piece[:, 0])
        found.append(np.column_stack((x, y, piece[:, 1])))
    return found


def _new(version: Version) -> Drawing:
    from ezdxf import filemanagement, units

    document = filemanagement.new(version, setup=["linetypes"])
    if version == "R2000":
        document.encoding = "cp932"
    document.units = units.M
    document.header["$MEASUREMENT"] = 1
    document.header["$LTSCALE"] = 0.2
    document.styles.add(_STYLE, font="msgothic.ttc")
    for layer in {layer.name: layer for layer in cad_layers().values()}.values():  # two roles may share a layer
        document.layers.add(layer.name, color=layer.aci, linetype=layer.linetype, lineweight=_pen(layer.width))
    return document


def _pen(width: float) -> int:
    """The DXF line weight (hundredths of mm) next to a width."""
    allowed = (0, 5, 9, 13, 15, 18, 20, 25, 30, 35, 40, 50, 53, 60, 70)
    return min(allowed, key=lambda w: abs(w - 100.0 * width))


def _add(space: Any, item: Stroke | Label, k: float, west: float) -> None:
    attributes = {"layer": cad_layers()[item.role].name}
    if isinstance(item, Label):
        text = space.add_text(
            item.text, height=item.size * k, dxfattribs={**attributes, "style": _STYLE, "rotation": item.angle}
        )
        where = (west + item.x * k, item.y * k)
        text.dxf.halign, text.dxf.valign = _ANCHORS[item.anchor], _LEVELS[item.level]
        text.dxf.insert = text.dxf.align_point = where
        return
    points = (item.points * k + np.array([west, 0.0])).tolist()
    if item.is_filled:
        hatch = space.add_hatch(color=cad_layers()[item.role].aci, dxfattribs=attributes)
        hatch.paths.add_polyline_path(points, is_closed=True)
    else:
        space.add_lwpolyline(points, dxfattribs=attributes)


def _save(document: Drawing, path: Path) -> None:
    with staged(path) as stage:
        document.saveas(stage)
