"""Which reference system a survey is in: stated by its header, its map sheet code or the user; never guessed.

Coordinates are always easting first: a LAS file's x is easting although EPSG's plane rectangular zones name
northing as their first axis. Every transformer here is made with ``always_xy=True``.

What comes out of `resolve` is a projected CRS in metres, horizontal only; what heights refer to stands beside it
as a `VerticalDatum`, because EPSG codes of JGD2024 heights are unknown to most PROJ versions in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pyproj import CRS

from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import VerticalDatum
from pointcloud.errors import CrsError, UnitsError
from pointcloud.notes import Note
from pointcloud.projection import (
    HOME_ZONE,
    REPROJECT,
    REPROJECT_JA,
    ROMAN,
    candidates,
    centre,
    check_metres,
    fits,
    is_same,
    label,
    parse,
    plane_rectangular,
    split,
    units,
)

__all__ = [
    "HOME_ZONE",
    "ResolvedCrs",
    "Source",
    "candidates",
    "check_metres",
    "is_same",
    "label",
    "parse",
    "resolve",
    "split",
    "units",
]

Source = Literal["header", "tile-code", "parameter"]

_JAPAN: Final = Bounds(122.0, 20.0, 154.0, 46.0)
"""Longitudes and latitudes of Japan in degrees."""


@dataclass(frozen=True, slots=True)
class ResolvedCrs:
    """The horizontal CRS of a file in metres, where it is known from, and what the heights refer to."""

    crs: CRS
    source: Source
    vertical_datum: VerticalDatum = VerticalDatum.UNKNOWN
    notes: tuple[Note, ...] = ()


def resolve(
    header_crs: CRS | None, file_name: str | Path, bounds: Bounds, given: str | CRS | None = None
) -> ResolvedCrs:
    """The CRS of a file: its header's, else that of the map sheet in its name, else the given one.

    Parameters
    ----------
    header_crs
        What the header states; may be compound.
    file_name
        The name that the owner gave the file; a 国土基本図 code in it counts where the points lie in the sheet.
    bounds
        Extent of the points, x before y as in the file.
    given
        What the user states; must agree with the header where that states something.

    Raises
    ------
    CrsError
        When nothing states a CRS (``details["candidates"]`` and the message propose those that fit), or two
        statements disagree.
    UnitsError
        When coordinates are in degrees or feet, or easting and northing are swapped.
    """
    name = Path(file_name).name
    wanted = None
    if given is not None:
        wanted = parse(given)
        check_metres(wanted, f"crs={given}" if isinstance(given, str) else "crs")
    notes: tuple[Note, ...] = ()
    if header_crs is not None:
        if not _is_local(header_crs):
            return _from_header(header_crs, name, bounds, wanted)
        notes = (_local_note(header_crs, name),)
    _refuse_degrees(name, bounds)
    found = _from_sheet(name, bounds, wanted) or (None if wanted is None else _from_parameter(wanted, name, bounds))
    if found is None:
        raise _missing(name, bounds)
    return ResolvedCrs(found.crs, found.source, found.vertical_datum, notes + found.notes)


def _from_header(crs: CRS, name: str, bounds: Bounds, wanted: CRS | None) -> ResolvedCrs:
    check_metres(crs, name)
    horizontal, datum = split(crs)
    if wanted is not None:
        other, other_datum = split(wanted)
        known = VerticalDatum.UNKNOWN not in (datum, other_datum)
        if not is_same(horizontal, other) or (known and datum != other_datum):
            raise _disagree(name, crs, wanted)
        datum = other_datum if datum is VerticalDatum.UNKNOWN else datum
    _refuse_swapped(horizontal, name, bounds)
    notes = () if fits(horizontal, *centre(bounds)) else (_outside_note(horizontal, name, bounds),)
    return ResolvedCrs(horizontal, "header", datum, notes)


def _from_sheet(name: str, bounds: Bounds, wanted: CRS | None) -> ResolvedCrs | None:
    """The CRS of the map sheet in the file name, or None where there is none or the points lie elsewhere."""
    readings = sheets.find(name)
    x, y = centre(bounds)
    for sheet in readings:
        if sheet.contains(x, y):
            return _agreed(sheet, name, wanted)
    if any(sheet.contains(y, x) for sheet in readings):
        raise _swapped(name, f"map sheet {readings[0].code}", f"図郭 {readings[0].code}", (x, y))
    if readings and wanted is None:
        raise CrsError(
            f"{name}: the name says map sheet {readings[0].code} ({_span(readings[0].bounds)}), but the points lie at "
            f"{_span(bounds)} and no CRS is given; correct the name or send crs=EPSG:CODE (command line: --crs)",
            f"{name}: ファイル名の図郭 {readings[0].code} ({_span(readings[0].bounds)}) に点がありません "
            f"({_span(bounds)})。ファイル名を直すか crs=EPSG:コード (コマンドでは --crs) を指定してください。",
            file=name,
            value=readings[0].code,
            candidates=[f"EPSG:{sheets.zone_epsg(zone)}" for zone in candidates(bounds)],
        )
    return None


def _agreed(sheet: sheets.Sheet, name: str, wanted: CRS | None) -> ResolvedCrs:
    """The sheet's CRS, or the given one where it is the same zone in another reference frame."""
    of_sheet = CRS.from_epsg(sheet.epsg)
    if wanted is None:
        return ResolvedCrs(of_sheet, "tile-code")
    horizontal, datum = split(wanted)
    if is_same(horizontal, of_sheet):
        return ResolvedCrs(of_sheet, "tile-code", datum)
    frame_and_zone = plane_rectangular(horizontal)
    if frame_and_zone is None or frame_and_zone[1] != sheet.zone:
        raise _disagree(name, of_sheet, wanted)
    return ResolvedCrs(horizontal, "parameter", datum)


def _from_parameter(wanted: CRS, name: str, bounds: Bounds) -> ResolvedCrs:
    horizontal, datum = split(wanted)
    _refuse_swapped(horizontal, name, bounds)
    if not fits(horizontal, *centre(bounds)):
        proposals = [f"EPSG:{sheets.zone_epsg(zone)}" for zone in candidates(bounds)]
        raise CrsError(
            f"{name}: its points ({_span(bounds)}) lie outside the area of use of the given CRS {label(horizontal)}; "
            f"{'fitting are ' + ', '.join(proposals) if proposals else 'check the code'}",
            f"{name}: 点の範囲 ({_span(bounds)}) が指定された座標参照系 {label(horizontal)} の適用範囲外です。"
            f"{'候補: ' + ', '.join(proposals) if proposals else 'コードを確認してください。'}",
            file=name,
            candidates=proposals,
        )
    return ResolvedCrs(horizontal, "parameter", datum)


def _refuse_degrees(name: str, bounds: Bounds) -> None:
    for box, order in ((_JAPAN, "longitude, latitude"), (Bounds(20.0, 122.0, 46.0, 154.0), "latitude, longitude")):
        whole = box.union(bounds) == box
        if whole and bounds.width < 4 and bounds.height < 4:
            raise UnitsError(
                f"{name}: the coordinates ({_span(bounds)}) are degrees ({order}); tengun computes in metres of a "
                f"plane; {REPROJECT}",
                f"{name}: 座標 ({_span(bounds)}) は度 ({order}) です。tengun は平面上のメートルで計算します。"
                f"{REPROJECT_JA}",
                file=name,
                value=list(bounds.as_tuple()),
            )


def _refuse_swapped(crs: CRS, name: str, bounds: Bounds) -> None:
    x, y = centre(bounds)
    if not fits(crs, x, y) and fits(crs, y, x):
        raise _swapped(name, f"the area of {label(crs)}", f"{label(crs)} の適用範囲", (x, y))


def _is_local(crs: CRS) -> bool:
    """Whether a CRS says nothing about the place on Earth."""
    return (crs.sub_crs_list[0] if crs.is_compound else crs).type_name == "Engineering CRS"


def _span(bounds: Bounds) -> str:
    return f"E {bounds.x_min:.10g} to {bounds.x_max:.10g}, N {bounds.y_min:.10g} to {bounds.y_max:.10g}"


def _disagree(name: str, stated: CRS, wanted: CRS) -> CrsError:
    """The error for a file that states one CRS and a user who states another."""
    first, second = plane_rectangular(split(stated)[0]), plane_rectangular(split(wanted)[0])
    frames = bool(first and second and first[1] == second[1] and first[0] != second[0])
    why = (
        f"; {first[0]} and {second[0]} are different reference frames of one zone"
        if frames and first and second
        else ""
    )
    why_ja = f"{first[0]} と {second[0]} は同じ系でも測地系が異なります。" if frames and first and second else ""
    return CrsError(
        f"{name} states {label(stated)}, but crs={label(wanted)} is given{why}; leave crs out to use what the file "
        "states, or correct the file (pdal translate IN.laz OUT.laz --writers.las.a_srs=EPSG:CODE)",
        f"{name} の座標参照系は {label(stated)} ですが、{label(wanted)} が指定されました。{why_ja}"
        "ファイルの座標参照系を使うなら crs を指定しないでください。ファイルが誤りなら修正してください "
        "(pdal translate IN.laz OUT.laz --writers.las.a_srs=EPSG:コード)。",
        file=name,
        value=label(wanted),
        candidates=[label(stated)],
    )


def _swapped(name: str, place: str, place_ja: str, point: tuple[float, float]) -> UnitsError:
    """The error for a file whose x is northing."""
    x, y = point
    return UnitsError(
        f"{name}: easting and northing are swapped: x {x:.10g}, y {y:.10g} lies in {place} only with the axes "
        "exchanged; a LAS file's x is easting; exchange them, for example: pdal translate IN.laz OUT.laz "
        'transformation --filters.transformation.matrix="0 1 0 0 1 0 0 0 0 0 1 0 0 0 0 1"',
        f"{name}: 東座標と北座標が入れ替わっています。x {x:.10g}, y {y:.10g} は軸を入れ替えたときだけ {place_ja} に"
        "入ります。LAS の x は東座標です。入れ替えてください (例: pdal translate IN.laz OUT.laz transformation "
        '--filters.transformation.matrix="0 1 0 0 1 0 0 0 0 0 1 0 0 0 0 1")。',
        file=name,
        value=[x, y],
    )


def _missing(name: str, bounds: Bounds) -> CrsError:
    """The error that proposes the zones that fit."""
    zones = candidates(bounds)
    codes = [f"EPSG:{sheets.zone_epsg(zone)}" for zone in zones]
    if not zones:
        return CrsError(
            f"no CRS in {name}, and its coordinates ({_span(bounds)}) fit no Japanese plane rectangular zone: send "
            "crs=EPSG:CODE (command line: --crs EPSG:CODE)",
            f"{name} に座標参照系がなく、座標 ({_span(bounds)}) は平面直角座標系のどの系にも合いません。"
            "crs=EPSG:コード (コマンドでは --crs EPSG:コード) を指定してください。",
            file=name,
            candidates=codes,
        )
    rest = list(zip(zones[1:], codes[1:], strict=True))
    others = ", ".join(f"zone {ROMAN[zone - 1]} {code}" for zone, code in rest)
    others_ja = "、".join(f"{ROMAN[zone - 1]} 系 {code}" for zone, code in rest)
    return CrsError(
        f"no CRS in {name}; the coordinates fit plane rectangular zone {ROMAN[zones[0] - 1]}: send crs={codes[0]} "
        f"(command line: --crs {codes[0]})" + (f"; also possible: {others}" if others else ""),
        f"{name} に座標参照系がありません。座標は平面直角座標系 {ROMAN[zones[0] - 1]} 系に合います。"
        f"crs={codes[0]} (コマンドでは --crs {codes[0]}) を指定してください。"
        + (f"ほかの候補: {others_ja}。" if others else ""),
        file=name,
        candidates=codes,
    )


def _local_note(crs: CRS, name: str) -> Note:
    return Note(
        "local-crs",
        f"{name}: the header's CRS '{crs.name}' is a local one and was not used",
        f"{name}: ヘッダの座標参照系「{crs.name}」は局地座標系のため使いませんでした。",
    )


def _outside_note(crs: CRS, name: str, bounds: Bounds) -> Note:
    return Note(
        "outside-area-of-use",
        f"{name}: the points ({_span(bounds)}) lie outside the area of use of the header's CRS {label(crs)}",
        f"{name}: 点の範囲 ({_span(bounds)}) はヘッダの座標参照系 {label(crs)} の適用範囲外です。",
    )
