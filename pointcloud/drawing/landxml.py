"""J-LandXML 1.7 (LandXML 1.2 profile): the alignment, its ground profile and cross-sections.

``sta`` is the internal station: staStart plus the distance along the line. Offsets are negative on the left. A gap in
a line begins a new PntList2D, as the schema's documentation rules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.cloud import VerticalDatum
from pointcloud.io.staging import staged
from pointcloud.sections.line import CentreLine, Piece
from pointcloud.sections.series import Section, Series

NAMESPACE: Final = "http://www.landxml.org/schema/LandXML-1.2"
CRITERION: Final = "MlitLandXmlVer.1.7"
METRIC: Final = {
    "areaUnit": "squareMeter", "linearUnit": "meter", "volumeUnit": "cubicMeter", "temperatureUnit": "celsius",
    "pressureUnit": "HPA", "angularUnit": "decimal dd.mm.ss", "directionUnit": "decimal dd.mm.ss",
}  # fmt: skip
"""Attributes of Units/Metric."""

_SURFACES: Final = {"before": "ExistingGround-before", "after": "ExistingGround", "survey": "ExistingGround"}
_FRAMES: Final = {"JGD2011": 6669, "JGD2000": 2443}  # EPSG code of plane rectangular zone I


def write_landxml(
    path: Path,
    series: Series,
    crs: CRS,
    datum: VerticalDatum,
    created: datetime,
    project: str,
    version: str,
) -> None:
    """Write the series; simplified lines are used, with millimetres.

    Parameters
    ----------
    path
        Where to write.
    series
        Line, profiles and sections; the surface ``design`` becomes DesignCrossSectSurf, others CrossSectSurf.
    crs, datum
        Of the coordinates; plane rectangular zones are named as J-LandXML wants.
    created
        Date and time that the schema demands.
    project
        Name of the project.
    version
        Of tengun.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    root = Element("LandXML", {"xmlns": NAMESPACE, "version": "1.2", "date": created.strftime("%Y-%m-%d"),
                               "time": created.strftime("%H:%M:%S")})  # fmt: skip
    feature = SubElement(SubElement(root, "Project", name=project or series.line.name), "Feature")
    _property(feature, "applicationCriterion", CRITERION)
    SubElement(root, "Application", name="tengun", version=version)
    SubElement(root, "CoordinateSystem", coordinate_system(crs, datum))
    SubElement(SubElement(root, "Units"), "Metric", METRIC)
    _alignment(SubElement(root, "Alignments"), series)
    indent(root)
    with staged(path) as stage:
        ElementTree(root).write(stage, encoding="utf-8", xml_declaration=True)


def coordinate_system(crs: CRS, datum: VerticalDatum) -> dict[str, str]:
    """Attributes of CoordinateSystem; plane rectangular zones are named as J-LandXML wants."""
    code = crs.to_epsg() or 0
    system = {"name": "CRS1", "desc": f"EPSG:{code}" if code else str(crs.name)}
    for frame, first in _FRAMES.items():
        if first <= code < first + 19:
            system |= {"horizontalDatum": frame, "horizontalCoordinateSystemName": f"{code - first + 1}(X,Y)"}
    if datum in (VerticalDatum.JGD2000, VerticalDatum.JGD2011, VerticalDatum.JGD2024):
        system["verticalDatum"] = "T.P"
    return system


def _alignment(parent: Element, series: Series) -> None:
    line = series.line
    element = SubElement(parent, "Alignment", name=line.name, length=f"{line.length:.6f}", staStart=f"{line.start:.6f}")
    for equation in line.equations:
        SubElement(
            element, "StaEquation", staBack=f"{equation.back:.6f}",
            staInternal=f"{line.start + equation.distance:.6f}", staAhead=f"{equation.ahead:.6f}",
        )  # fmt: skip
    geometry = SubElement(element, "CoordGeom")
    for i, piece in enumerate(line.pieces):
        _piece(geometry, piece, "BP" if i == 0 else "", "EP" if i == len(line.pieces) - 1 else "")
    profile = SubElement(element, "Profile", name=line.name)
    for heights in series.plan.simplified(0.001)[0].pieces:
        planned = SubElement(profile, "ProfAlign", name=line.name)
        for distance, height in heights.tolist():
            SubElement(planned, "PVI").text = f"{distance + line.start:.3f} {height:.3f}"
    for name in series.names:
        pieces = series.profiles[name].simplified(0.01)[0].pieces
        if pieces:
            _lists(SubElement(profile, "ProfSurf", name=_SURFACES.get(name, name)), pieces, line.start)
    if not len(profile):
        element.remove(profile)
    sections = SubElement(element, "CrossSects", name=line.name)
    for section in series.sections:
        _section(sections, section, line, series.names)
    _property(SubElement(element, "Feature", name="Interval"), "main", f"{series.pitch:.6f}")


def _piece(parent: Element, piece: Piece, first: str, last: str) -> None:
    x, y, direction = (float(v[0]) for v in piece.at(np.array([piece.length])))
    length = f"{piece.length:.6f}"
    rotation = "ccw" if piece.k0 + piece.k1 > 0.0 else "cw"
    if piece.k0 == 0.0 and piece.k1 == 0.0:
        element, middle = SubElement(parent, "Line", length=length), None
    elif piece.k0 == piece.k1:
        element = SubElement(parent, "Curve", rot=rotation, radius=f"{1 / abs(piece.k0):.6f}", length=length)
        cx, cy = piece.x - math.sin(piece.direction) / piece.k0, piece.y + math.cos(piece.direction) / piece.k0
        middle = ("Center", cx, cy)
    else:
        radii = ["INF" if k == 0.0 else f"{1 / abs(k):.6f}" for k in (piece.k0, piece.k1)]
        element = SubElement(
            parent, "Spiral", length=length, radiusStart=radii[0], radiusEnd=radii[1], rot=rotation, spiType="clothoid"
        )
        middle = ("PI", *_tangents_meet(piece, x, y, direction))
    _point(element, "Start", piece.x, piece.y, first)
    if middle is not None:
        _point(element, *middle)
    _point(element, "End", x, y, last)


def _tangents_meet(piece: Piece, x: float, y: float, direction: float) -> tuple[float, float]:
    """Where the tangents at both ends of a piece meet."""
    ux, uy, vx, vy = (f(a) for a in (piece.direction, direction) for f in (math.cos, math.sin))
    share = ((x - piece.x) * vy - (y - piece.y) * vx) / (ux * vy - uy * vx)
    return piece.x + share * ux, piece.y + share * uy


def _point(parent: Element, tag: str, x: float, y: float, name: str = "") -> None:
    element = SubElement(parent, tag, {"name": name} if name else {})
    element.text = f"{y:.6f} {x:.6f}"


def _section(parent: Element, section: Section, line: CentreLine, names: Sequence[str]) -> None:
    station = section.station
    element = SubElement(parent, "CrossSect", name=station.name, sta=f"{line.start + station.distance:.6f}")
    if station.skew:
        element.set("desc", f"skew {station.skew:g} deg")
    for name in (n for n in names if n != "design"):
        if section.simple[name].pieces:
            _lists(SubElement(element, "CrossSectSurf", name=_SURFACES.get(name, name)), section.simple[name].pieces)
    for piece in section.simple["design"].pieces if "design" in names else ():
        surface = SubElement(element, "DesignCrossSectSurf", name="design", side="both", closedArea="false")
        for offset, height in piece.tolist():
            SubElement(surface, "CrossSectPnt").text = f"{offset:.3f} {height:.3f}"


def _lists(parent: Element, pieces: Sequence[NDArray[np.float64]], shift: float = 0.0) -> None:
    for piece in pieces:
        SubElement(parent, "PntList2D").text = " ".join(f"{t + shift:.3f} {z:.3f}" for t, z in piece.tolist())


def _property(parent: Element, label: str, value: str) -> None:
    SubElement(parent, "Property", label=label, value=value)
