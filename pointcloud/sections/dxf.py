"""DXF in: polylines as centre lines, faces as design surfaces. Easting to the right, drawing units are metres."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import FileError, UnitsError
from pointcloud.sections.line import CentreLine, Piece, polyline

_METRES = (0, 6)  # $INSUNITS: 0 unitless, 6 metres (DXF reference, header variables)


def read_lines(path: Path) -> tuple[CentreLine, ...]:
    """LINE, LWPOLYLINE and POLYLINE of model space as centre lines; bulges become arcs, closed ones end at their start.

    Raises
    ------
    FileError
        When the drawing cannot be read.
    UnitsError
        When the drawing states other units than metres.
    """
    lines = []
    for number, entity in enumerate(_modelspace(path).query("LWPOLYLINE POLYLINE LINE"), start=1):
        lines += _line(entity, f"{entity.dxf.layer}-{number}")
    return tuple(lines)


def read_faces(path: Path) -> NDArray[np.float64]:
    """Corners of the triangles of 3DFACE, polyface and polygon meshes, shape (m, 3, 3): easting, northing, height.

    A face of four corners gives two triangles.

    Raises
    ------
    FileError
        When the drawing cannot be read.
    UnitsError
        When the drawing states other units than metres.
    """
    triangles = []
    for entity in _modelspace(path).query("3DFACE POLYLINE"):
        faces = [entity] if entity.dxftype() == "3DFACE" else _mesh_faces(entity)
        for face in faces:
            corners = np.array([v.xyz for v in face.wcs_vertices()])
            triangles += [corners[[0, k, k + 1]] for k in range(1, len(corners) - 1)]
    return np.array(triangles, dtype=np.float64).reshape(-1, 3, 3)


def _mesh_faces(entity: Any) -> list[Any]:
    is_mesh = entity.is_poly_face_mesh or entity.is_polygon_mesh
    return [e for e in entity.virtual_entities() if e.dxftype() == "3DFACE"] if is_mesh else []


def _modelspace(path: Path) -> Any:
    from ezdxf import filemanagement
    from ezdxf.lldxf.const import DXFError

    try:
        document = filemanagement.readfile(path)
    except (DXFError, OSError, UnicodeError) as error:
        raise FileError(
            f"{path.name}: not a DXF drawing: {error}", f"{path.name} を DXF として読めません: {error}", file=str(path)
        ) from error
    units = int(document.header.get("$INSUNITS", 0))
    if units not in _METRES:
        raise UnitsError(
            f"{path.name}: drawing units $INSUNITS = {units}; expected 6 (metres) in survey coordinates; rescale it",
            f"{path.name}: 図面単位 $INSUNITS = {units} です。メートル (6)、測量座標の図面にしてください。",
            file=str(path),
            value=units,
        )
    return document.modelspace()


def _line(entity: Any, name: str) -> list[CentreLine]:
    """The centre line of one entity; none for a mesh."""
    if entity.dxftype() == "LINE":
        a, b = entity.dxf.start, entity.dxf.end
        return [polyline(name, [a.x, b.x], [a.y, b.y], [a.z, b.z])]
    if entity.dxftype() == "POLYLINE" and not (entity.is_2d_polyline or entity.is_3d_polyline):
        return []
    if entity.dxftype() == "LWPOLYLINE":
        rows = [(x, y, entity.dxf.elevation, bulge) for x, y, bulge in entity.get_points("xyb")]
        is_closed = entity.closed
    else:
        rows = [(*v.dxf.location.xyz, v.dxf.get("bulge", 0.0)) for v in entity.vertices]
        is_closed = entity.is_closed
    if is_closed and rows:
        rows.append(rows[0])
    if any(bulge != 0.0 for *_, bulge in rows[:-1]):
        return [CentreLine(name, tuple(_bulge(a, b) for a, b in pairwise(rows) if a[:2] != b[:2]))]
    x, y, z, _ = zip(*rows, strict=True) if rows else ((), (), (), ())
    has_heights = entity.dxftype() == "POLYLINE" and entity.is_3d_polyline
    return [polyline(name, x, y, z if has_heights else None)]


def _bulge(a: tuple[float, ...], b: tuple[float, ...]) -> Piece:
    """Straight or arc from a to b; bulge = tan(angle / 4), positive to the left (DXF reference, LWPOLYLINE)."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    chord, direction, angle = math.hypot(dx, dy), math.atan2(dy, dx), 4.0 * math.atan(a[3])
    if angle == 0.0:
        return Piece(a[0], a[1], direction, chord)
    radius = chord / (2.0 * math.sin(abs(angle) / 2.0))
    k = math.copysign(1.0 / radius, angle)
    return Piece(a[0], a[1], direction - angle / 2.0, radius * abs(angle), k, k)
