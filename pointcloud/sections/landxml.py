"""J-LandXML in: alignments with lines, arcs, clothoids, station equations and profile; TIN surfaces.

References
----------
LandXML 1.2 schema; J-LandXML 1.7 (国土技術政策総合研究所). ``sta`` there is the internal station: the alignment's
``staStart`` plus the distance along it, without station equations. Point text is "north east [elevation]".
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import FileError, GeometryError
from pointcloud.sections.line import CentreLine, Equation, Piece

MISMATCH: Final = 0.01
"""Metres by which an element's stated end may differ from the computed one; files carry 3 to 8 decimals."""


def read_alignments(path: Path) -> tuple[CentreLine, ...]:
    """All alignments of a LandXML file, easting first.

    Raises
    ------
    FileError
        When the file is not LandXML, or an element of an alignment cannot be read.
    GeometryError
        When an element does not end where it says, by more than `MISMATCH`.
    """
    return tuple(_alignment(element, path) for element in _elements(path, "Alignment"))


def read_surfaces(path: Path) -> dict[str, NDArray[np.float64]]:
    """TIN surfaces by name: corners of their faces, float64 of shape (m, 3, 3), last axis easting, northing, height.

    Faces marked invisible (``i="1"``) are left out.

    Raises
    ------
    FileError
        When the file is not LandXML, or a face names a point that is not there.
    """
    found = {}
    for number, surface in enumerate(_elements(path, "Surface"), start=1):
        points = {p.get("id"): _numbers(p, path, 3) for p in surface.iter() if _tag(p) == "P"}
        faces = [(f.text or "").split() for f in surface.iter() if _tag(f) == "F" and f.get("i") != "1"]
        try:
            corners = np.array([[points[i] for i in face[:3]] for face in faces], dtype=np.float64)
        except KeyError as error:
            raise _bad(
                path, f"surface '{surface.get('name')}': a face names point {error}, which is missing"
            ) from error
        corners = corners.reshape(-1, 3, 3)[:, :, [1, 0, 2]]
        found[surface.get("name") or f"surface-{number}"] = np.ascontiguousarray(corners)
    return found


def _elements(path: Path, name: str) -> list[Element]:
    """All elements of a name, with their contents."""
    _refuse_doctype(path)
    found: list[Element] = []
    try:
        for _, element in iterparse(path):  # noqa: S314
            if _tag(element) == name:
                found.append(element)
            elif _tag(element) == "LandXML":
                return found
    except (ParseError, UnicodeError) as error:
        raise _bad(path, str(error)) from error
    raise _bad(path, "its root element is not LandXML")


def _refuse_doctype(path: Path) -> None:
    """LandXML has no DOCTYPE; one could make the parser expand entities without end."""
    seen: list[str] = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: seen.append("doctype")
    parser.StartElementHandler = lambda *_: seen.append("element")
    with path.open("rb") as stream:
        while not seen and (block := stream.read(65536)):
            try:
                parser.Parse(block)
            except expat.ExpatError as error:
                raise _bad(path, str(error)) from error
    if seen[:1] == ["doctype"]:
        raise _bad(path, "it has a DOCTYPE, which LandXML does not allow")


def _alignment(element: Element, path: Path) -> CentreLine:
    name = element.get("name") or "alignment"
    geometry = next((c for c in element if _tag(c) == "CoordGeom"), None)
    if geometry is None:
        raise _bad(path, f"alignment '{name}' has no CoordGeom")
    pieces: list[Piece] = []
    labels: list[tuple[float, str]] = []
    distance = 0.0
    for child in geometry:
        if _tag(child) not in ("Line", "Curve", "Spiral"):
            continue
        piece, end = _piece(child, path)
        _check_end(piece, end, name, _tag(child), path)
        labels += [(distance + d, str(p.get("name"))) for d, p in ((0.0, _child(child, "Start", path)),
                   (piece.length, _child(child, "End", path))) if p.get("name")]  # fmt: skip
        pieces.append(piece)
        distance += piece.length
    start = float(element.get("staStart") or 0.0)
    equations = sorted((_equation(e, start, path) for e in element if _tag(e) == "StaEquation"), key=_distance)
    planned = _profile(element, start, path)
    return CentreLine(name, tuple(pieces), start, tuple(equations), _once(labels), planned, planned is not None)


def _equation(element: Element, start: float, path: Path) -> Equation:
    values = {name: element.get(name) for name in ("staInternal", "staBack", "staAhead")}
    try:
        internal, ahead = float(values["staInternal"] or "nan"), float(values["staAhead"] or "nan")
        back = float(values["staBack"] or internal)
    except ValueError as error:
        raise _bad(path, f"a StaEquation: {error}") from error
    if not math.isfinite(internal + ahead + back):
        raise _bad(path, f"a StaEquation holds {values}; expected three numbers")
    return Equation(internal - start, back, ahead)


def _distance(equation: Equation) -> float:
    return equation.distance


def _once(labels: list[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Each name once at each place; BP and EP are named by the stations themselves."""
    kept: list[tuple[float, str]] = []
    for distance, name in labels:
        if name not in ("BP", "EP") and not any(abs(distance - d) < MISMATCH and name == n for d, n in kept):
            kept.append((distance, name))
    return tuple(kept)


def _piece(element: Element, path: Path) -> tuple[Piece, tuple[float, ...]]:
    """The piece and where it says that it ends (easting, northing)."""
    north, east = _numbers(_child(element, "Start", path), path, 2)
    end_north, end_east = _numbers(_child(element, "End", path), path, 2)
    chord = math.hypot(end_east - east, end_north - north)
    direction = math.atan2(end_north - north, end_east - east)
    side = -1.0 if element.get("rot") == "cw" else 1.0
    end = (end_east, end_north)
    if _tag(element) == "Line":
        return Piece(east, north, direction, chord), end
    if _tag(element) == "Curve":
        centre_north, centre_east = _numbers(_child(element, "Center", path), path, 2)
        radius = math.hypot(east - centre_east, north - centre_north)
        first = math.atan2(north - centre_north, east - centre_east)
        last = math.atan2(end_north - centre_north, end_east - centre_east)
        angle = (side * (last - first)) % (2.0 * math.pi)
        k = side / radius
        return Piece(east, north, first + side * math.pi / 2.0, radius * angle, k, k), end
    if element.get("spiType", "clothoid") != "clothoid":
        raise _bad(path, f"spiral of type '{element.get('spiType')}'; only clothoids are read")
    pi_north, pi_east = _numbers(_child(element, "PI", path), path, 2)
    k0, k1 = (side / float(element.get(n, "INF")) for n in ("radiusStart", "radiusEnd"))
    length = float(element.get("length", "nan"))
    return Piece(east, north, math.atan2(pi_north - north, pi_east - east), length, k0, k1), end


def _check_end(piece: Piece, end: tuple[float, ...], name: str, kind: str, path: Path) -> None:
    if not piece.length > 0:
        raise _bad(path, f"alignment '{name}': a {kind} of length {piece.length}")
    x, y, _ = piece.at(np.array([piece.length]))
    gap = math.hypot(x[0] - end[0], y[0] - end[1])
    if not gap <= MISMATCH:
        raise GeometryError(
            f"{path.name}, alignment '{name}': a {kind} of {piece.length:.3f} m ends {gap:.3f} m from where it says; "
            f"allowed are {MISMATCH} m; correct its radius, direction or length",
            f"{path.name} の線形「{name}」: 延長 {piece.length:.3f} m の要素 {kind} の終点が記載と {gap:.3f} m "
            f"ずれています (許容 {MISMATCH} m)。半径・向き・長さを修正してください。",
            file=path.name,
        )


def _profile(element: Element, start: float, path: Path) -> NDArray[np.float64] | None:
    """Design profile as (distance, elevation) every metre of a vertical curve; None where there is none."""
    profile = next((p for p in element.iter() if _tag(p) == "ProfAlign"), None)
    if profile is None:
        return None
    points = [(*_numbers(p, path, 2), float(p.get("length") or 0.0)) for p in profile]
    rows: list[tuple[float, float]] = []
    for i, (sta, z, length) in enumerate(points):
        if length <= 0.0 or i in (0, len(points) - 1):
            rows.append((sta - start, z))
            continue
        grade = [(points[j + 1][1] - points[j][1]) / (points[j + 1][0] - points[j][0]) for j in (i - 1, i)]
        for t in np.linspace(0.0, length, max(2, math.ceil(length) + 1)):
            rise = z - grade[0] * length / 2.0 + grade[0] * t + (grade[1] - grade[0]) / (2.0 * length) * t * t
            rows.append((sta - length / 2.0 + float(t) - start, rise))
    return np.array(rows, dtype=np.float64)


def _child(element: Element, name: str, path: Path) -> Element:
    for child in element:
        if _tag(child) == name:
            return child
    raise _bad(path, f"a {_tag(element)} has no {name}")


def _numbers(element: Element, path: Path, n: int) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in (element.text or "").split()[:n])
    except ValueError as error:
        raise _bad(path, f"a {_tag(element)}: {error}") from error
    if len(values) < n or not all(math.isfinite(v) for v in values):
        raise _bad(path, f"a {_tag(element)} holds '{(element.text or '')[:40]}'; expected {n} numbers")
    return values


def _tag(element: Any) -> str:
    """Name without namespace; comments have none."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _bad(path: Path, reason: str) -> FileError:
    return FileError(
        f"{path.name}: not usable as LandXML: {reason}", f"{path.name} を LandXML として読めません: {reason}",
        file=str(path),
    )  # fmt: skip
