"""DXF out: sheets in model space at their true size in metres, and sections as 3-D polylines in world coordinates.

R2000 files hold CP932 text, which Japanese CADs expect; newer ones hold UTF-8. ezdxf makes the drawing with its tables;
entities are written into it as text, which is ten times as fast. Every file passes ezdxf's audit.

References
----------
Autodesk, DXF Reference (2012), ENTITIES section: LWPOLYLINE, POLYLINE, VERTEX, TEXT, HATCH.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pointcloud.drawing.sheet import CadLayer, Label, Sheet, cad_layers
from pointcloud.io.staging import staged
from pointcloud.sections.series import Series

if TYPE_CHECKING:
    from ezdxf.document import Drawing

Version = Literal["R2000", "R2018"]
Layers = Mapping[str, CadLayer]

_ANCHORS: Final = {"left": 0, "center": 1, "right": 2}
_LEVELS: Final = {"bottom": 0, "middle": 2, "top": 3}
_STYLE: Final = "JAPANESE"
_SEED: Final = re.compile(r"\$HANDSEED\n  5\n([0-9A-F]+)\n")  # the first handle that is free
_ENTITIES: Final = "  2\nENTITIES\n"
_DASH: Final = 0.0024  # times a scale's denominator: a dash (1.27 units) is 3 mm on paper, one of a centre line 7.6 mm


def write_sheets(path: Path, sheets: Sequence[Sheet], version: Version = "R2000", layers: Layers | None = None) -> None:
    """Write sheets side by side in model space; one drawing unit is one metre of the terrain.

    Texts and frame are enlarged by the scale, so that plotting at the sheet's scale gives its paper size.

    Parameters
    ----------
    path
        Where to write.
    sheets
        In order from the left.
    version
        R2000 holds CP932 text, R2018 UTF-8.
    layers
        Role -> layer; those of `cad_layers` where None.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    drawing = _Entities(version, layers or cad_layers(), _DASH * max((sheet.scale for sheet in sheets), default=1))
    west = 0.0
    for sheet in sheets:
        k = sheet.scale / 1000.0
        for item in sheet.items:
            if isinstance(item, Label):
                drawing.label(item, k, west)
            elif item.is_filled:
                drawing.hatch(item.role, item.points * k + np.array([west, 0.0]))
            else:
                drawing.polyline(item.role, item.points * k + np.array([west, 0.0]))
        west += (sheet.size[0] + 50.0) * k
    drawing.save(path)


def write_world(path: Path, series: Series, version: Version = "R2000", layers: Layers | None = None) -> None:
    """Write each section line where it lies: 3-D polylines in the survey's CRS, easting, northing, height.

    The centre line is drawn at height 0, stations are named at their centre; simplified lines are used.

    Parameters
    ----------
    path, version, layers
        As `write_sheets` takes them.
    series
        Its sections and profiles.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    drawing = _Entities(version, layers or cad_layers(), _DASH * 200)
    x, y, _ = series.line.at(series.line.dense(0.0, series.line.length, 0.01))
    drawing.polyline("centre", np.column_stack((x, y)))
    roles = {name: series.role(name) for name in (*series.names, *series.tops)}
    for section in series.sections:
        station = section.station
        for name, role in roles.items():
            for points in world_points(section.simple[name].pieces, station.place):
                drawing.polyline_3d(role, points)
        angle = math.degrees(station.direction) % 360.0
        drawing.label(Label("text", *station.place(0.0), station.name, 0.5, angle=angle), 1.0, 0.0)
    for name, profile in series.profiles.items():
        for piece in profile.simplified(0.03)[0].pieces:
            (points,) = world_points([piece], lambda s: series.line.at(s)[:2])
            drawing.polyline_3d(roles[name], points)
    for points in world_points(series.plan.pieces, lambda s: series.line.at(s)[:2]):
        drawing.polyline_3d("design", points)
    drawing.save(path)


def world_points(pieces: Sequence[NDArray[np.float64]], place: Any) -> list[NDArray[np.float64]]:
    """Easting, northing and height, shape (n, 3), of pieces (offset, height) of a section.

    ``place`` gives easting and northing of an offset.
    """
    found = []
    for piece in pieces:
        x, y = place(piece[:, 0])
        found.append(np.column_stack((x, y, piece[:, 1])))
    return found


class _Entities:
    """A drawing whose entities are written as text into one that ezdxf makes."""

    def __init__(self, version: Version, layers: Layers, linetype_scale: float) -> None:
        self._layers = layers
        document = _new(version, layers)
        document.header["$LTSCALE"] = linetype_scale
        stream = io.StringIO()
        document.write(stream)
        self._drawing = stream.getvalue()
        self._encoding = document.output_encoding
        self._owner = document.modelspace().layout_key
        self._handles = count(int(_SEED.search(self._drawing)[1], 16))  # type: ignore[index]
        self._parts: list[str] = []

    def polyline(self, role: str, points: NDArray[np.float64]) -> None:
        """A broken line in the plane."""
        head = self._head("LWPOLYLINE", role)
        self._parts.append(f"{head}100\nAcDbPolyline\n 90\n{len(points)}\n 70\n0\n{_places(points)}")

    def polyline_3d(self, role: str, points: NDArray[np.float64]) -> None:
        """A broken line in space."""
        layer = self._layers[role].name
        head = self._head("POLYLINE", role)
        owner = head.split("\n", 4)[3]
        rows = [f"{head}100\nAcDb3dPolyline\n 66\n1\n 10\n0.0\n 20\n0.0\n 30\n0.0\n 70\n8\n"]
        for x, y, z in points.tolist():
            rows.append(
                f"  0\nVERTEX\n  5\n{next(self._handles):X}\n330\n{owner}\n100\nAcDbEntity\n  8\n{layer}\n"
                f"100\nAcDbVertex\n100\nAcDb3dPolylineVertex\n 10\n{x:.6f}\n 20\n{y:.6f}\n 30\n{z:.6f}\n 70\n32\n"
            )
        rows.append(f"  0\nSEQEND\n  5\n{next(self._handles):X}\n330\n{owner}\n100\nAcDbEntity\n  8\n{layer}\n")
        self._parts.append("".join(rows))

    def hatch(self, role: str, points: NDArray[np.float64]) -> None:
        """A filled polygon."""
        head = self._head("HATCH", role)
        self._parts.append(
            f"{head}100\nAcDbHatch\n 10\n0.0\n 20\n0.0\n 30\n0.0\n210\n0.0\n220\n0.0\n230\n1.0\n  2\nSOLID\n 70\n1\n"
            f" 71\n0\n 91\n1\n 92\n3\n 72\n0\n 73\n1\n 93\n{len(points)}\n{_places(points)} 97\n0\n 75\n0\n 76\n1\n"
            " 98\n1\n 10\n0.0\n 20\n0.0\n"
        )

    def label(self, item: Label, k: float, west: float) -> None:
        """A text."""
        x, y = west + item.x * k, item.y * k
        text = "".join(c if c.isprintable() else " " for c in item.text)
        self._parts.append(
            f"{self._head('TEXT', item.role)}100\nAcDbText\n 10\n{x:.6f}\n 20\n{y:.6f}\n 30\n0.0\n"
            f" 40\n{item.size * k:.6f}\n  1\n{text}\n 50\n{item.angle:.6f}\n  7\n{_STYLE}\n"
            f" 72\n{_ANCHORS[item.anchor]}\n 11\n{x:.6f}\n 21\n{y:.6f}\n"
            f" 31\n0.0\n100\nAcDbText\n 73\n{_LEVELS[item.level]}\n"
        )

    def save(self, path: Path) -> None:
        """Write the drawing."""
        text = _SEED.sub(f"$HANDSEED\n  5\n{next(self._handles):X}\n", self._drawing, count=1)
        text = text.replace(_ENTITIES, _ENTITIES + "".join(self._parts), 1)
        with staged(path) as stage:
            stage.write_bytes(text.encode(self._encoding, errors="dxfreplace"))

    def _head(self, kind: str, role: str) -> str:
        return (
            f"  0\n{kind}\n  5\n{next(self._handles):X}\n330\n{self._owner}\n100\nAcDbEntity\n"
            f"  8\n{self._layers[role].name}\n"
        )


def _places(points: NDArray[np.float64]) -> str:
    return "".join(f" 10\n{x:.6f}\n 20\n{y:.6f}\n" for x, y in points.tolist())


def _new(version: Version, layers: Layers) -> Drawing:
    from ezdxf import filemanagement, units

    document = filemanagement.new(version, setup=["linetypes"])
    if version == "R2000":
        document.encoding = "cp932"
    document.units = units.M
    document.header["$MEASUREMENT"] = 1
    document.styles.add(_STYLE, font="msgothic.ttc")
    for layer in {layer.name: layer for layer in layers.values()}.values():  # two roles may share a layer
        if layer.name not in document.layers:
            document.layers.add(layer.name, color=layer.aci, linetype=layer.linetype, lineweight=_pen(layer.width))
    return document


def _pen(width: float) -> int:
    """The DXF line weight (hundredths of mm) next to a width."""
    allowed = (0, 5, 9, 13, 15, 18, 20, 25, 30, 35, 40, 50, 53, 60, 70)
    return min(allowed, key=lambda w: abs(w - 100.0 * width))
