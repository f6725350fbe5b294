"""Which reference system a survey is in: stated by its header, its map sheet code or the user; never guessed.

Coordinates are always easting first: a LAS file's x is easting although EPSG's plane rectangular zones name
northing as their first axis. Every transformer here is made with ``always_xy=True``.

What comes out of `resolve` is a projected CRS in metres, horizontal only; what heights refer to stands beside it
as a `VerticalDatum`, because EPSG codes of JGD2024 heights are unknown to most PROJ versions in use.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as ProjError

from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import VerticalDatum
from pointcloud.errors import CrsError, UnitsError
from pointcloud.notes import Note

Source = Literal["header", "tile-code", "parameter"]

HOME_ZONE: Final = 8
"""Plane rectangular zone of the home prefecture (Shizuoka), proposed first where it fits."""

ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X",
                "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX")  # fmt: skip

_ZONE_I: Final = {"Tokyo": 30161, "JGD2000": 2443, "JGD2011": 6669}
"""Reference frame -> EPSG code of plane rectangular zone I; the other zones follow."""

_VERTICAL: Final = {6694: VerticalDatum.JGD2000, 6695: VerticalDatum.JGD2011, 11317: VerticalDatum.JGD2024}
"""EPSG code of a vertical CRS -> datum. Codes only: EPSG v12.055 changed names."""

_JAPAN: Final = Bounds(122.0, 20.0, 154.0, 46.0)
"""Longitudes and latitudes of Japan in degrees."""

_REPROJECT = "reproject it first, for example: pdal translate IN.laz OUT.laz reprojection --filters.reprojection.out_srs=EPSG:6676"  # noqa: E501
_REPROJECT_JA = "先に平面直角座標系へ変換してください (例: pdal translate IN.laz OUT.laz reprojection --filters.reprojection.out_srs=EPSG:6676)。"  # noqa: E501


@dataclass(frozen=True, slots=True)
class ResolvedCrs:
    """The horizontal CRS of a file in metres, where it is known from, and what the heights refer to."""

    crs: CRS
    source: Source
    vertical_datum: VerticalDatum = VerticalDatum.UNKNOWN
    notes: tuple[Note, ...] = ()


def parse(text: str | CRS) -> CRS:
    """The CRS that an EPSG code, a compound like ``EPSG:6676+6695``, or WKT names.

    Raises
    ------
    CrsError
        When PROJ does not know it.
    """
    if isinstance(text, CRS):
        return text
    try:
        return CRS.from_user_input(text)
    except ProjError as error:
        raise CrsError(
            f"CRS '{text}': not known; expected an EPSG code like EPSG:6676 (JGD2011 plane rectangular zone VIII) or "
            "WKT",
            f"座標参照系 '{text}' を解釈できません。EPSG:6676 (JGD2011 平面直角座標系 VIII 系) のような EPSG コードか "
            "WKT を指定してください。",
            value=str(text),
        ) from error


def split(crs: CRS) -> tuple[CRS, VerticalDatum]:
    """The horizontal part of a CRS, under its EPSG code where it has one, and the datum of its heights."""
    parts = crs.sub_crs_list if crs.is_compound else [crs]
    horizontal = parts[0].source_crs if parts[0].is_bound and parts[0].source_crs else parts[0]
    datum = VerticalDatum.UNKNOWN
    if len(parts) > 1:
        identity = parts[1].to_json_dict().get("id", {})
        if identity.get("authority") == "EPSG":
            datum = _VERTICAL.get(int(identity["code"]), VerticalDatum.UNKNOWN)
    elif horizontal.is_projected and len(horizontal.axis_info) == 3:
        horizontal, datum = horizontal.to_2d(), VerticalDatum.ELLIPSOIDAL
    return _official(horizontal), datum


def check_metres(crs: CRS, name: str) -> None:
    """Refuse a CRS whose coordinates or heights are not metres in a plane.

    Raises
    ------
    UnitsError
        For degrees, geocentric coordinates, feet; the message names ``name`` and says what to do.
    """
    parts = crs.sub_crs_list if crs.is_compound else [crs]
    for axis in (axis for part in parts for axis in part.axis_info):
        if axis.unit_conversion_factor == 1.0 and parts[0].is_projected:
            continue
        unit = (
            axis.unit_name if parts[0].is_projected or parts[0].is_geographic else f"{axis.unit_name} ({crs.type_name})"
        )
        raise UnitsError(
            f"{name}: CRS '{crs.name}' has its {axis.name} in {unit}; tengun computes in metres of a plane; "
            f"{_REPROJECT}",
            f"{name}: 座標参照系「{crs.name}」の {axis.name} の単位は {unit} です。tengun は平面上のメートルで"
            f"計算します。{_REPROJECT_JA}",
            file=name,
            field=axis.name,
            value=unit,
        )


def is_same(one: CRS, other: CRS) -> bool:
    """Whether two horizontal systems are one, whatever the order in which they name their axes."""
    return one == other or one.equals(other, ignore_axis_order=True)


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


def candidates(bounds: Bounds) -> tuple[int, ...]:
    """Plane rectangular zones whose area of use holds the centre of the rectangle, the home zone first."""
    zones = [HOME_ZONE, *(zone for zone in range(1, sheets.N_ZONES + 1) if zone != HOME_ZONE)]
    return tuple(zone for zone in zones if _fits(CRS.from_epsg(sheets.zone_epsg(zone)), *_centre(bounds)))


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
    notes = () if _fits(horizontal, *_centre(bounds)) else (_outside_note(horizontal, name, bounds),)
    return ResolvedCrs(horizontal, "header", datum, notes)


def _from_sheet(name: str, bounds: Bounds, wanted: CRS | None) -> ResolvedCrs | None:
    """The CRS of the map sheet in the file name, or None where there is none or the points lie elsewhere."""
    readings = sheets.find(name)
    x, y = _centre(bounds)
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
    frame_and_zone = _plane_rectangular(horizontal)
    if frame_and_zone is None or frame_and_zone[1] != sheet.zone:
        raise _disagree(name, of_sheet, wanted)
    return ResolvedCrs(horizontal, "parameter", datum)


def _from_parameter(wanted: CRS, name: str, bounds: Bounds) -> ResolvedCrs:
    horizontal, datum = split(wanted)
    _refuse_swapped(horizontal, name, bounds)
    if not _fits(horizontal, *_centre(bounds)):
        proposals = [f"EPSG:{sheets.zone_epsg(zone)}" for zone in candidates(bounds)]
        raise CrsError(
            f"{name}: its points ({_span(bounds)}) lie outside the area of use of the given CRS {_label(horizontal)}; "
            f"{'fitting are ' + ', '.join(proposals) if proposals else 'check the code'}",
            f"{name}: 点の範囲 ({_span(bounds)}) が指定された座標参照系 {_label(horizontal)} の適用範囲外です。"
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
                f"plane; {_REPROJECT}",
                f"{name}: 座標 ({_span(bounds)}) は度 ({order}) です。tengun は平面上のメートルで計算します。"
                f"{_REPROJECT_JA}",
                file=name,
                value=list(bounds.as_tuple()),
            )


def _refuse_swapped(crs: CRS, name: str, bounds: Bounds) -> None:
    x, y = _centre(bounds)
    if not _fits(crs, x, y) and _fits(crs, y, x):
        raise _swapped(name, f"the area of {_label(crs)}", f"{_label(crs)} の適用範囲", (x, y))


@lru_cache(maxsize=64)
def _official(crs: CRS) -> CRS:
    """EPSG's own definition of a horizontal CRS where it is one of EPSG's, else the CRS itself.

    WKT 1 as LAS has it does not say that EPSG's plane rectangular zones name northing first, so PROJ does not take
    it for the same system at its usual confidence; projection and datum decide then.
    """
    code = crs.to_epsg() or crs.to_epsg(min_confidence=20)
    if code is None:
        return crs
    official = CRS.from_epsg(code)
    return official if crs.to_epsg() == code or _essence(crs) == _essence(official) else crs


def _essence(crs: CRS) -> tuple[str, str]:
    """Projection with its numbers, and the letters and digits of the datum's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pyproj warns that PROJ strings lose the datum
        projection = crs.to_proj4()
    datum = "" if crs.datum is None else "".join(c for c in crs.datum.name.lower() if c.isalnum())
    return projection, datum


def _is_local(crs: CRS) -> bool:
    """Whether a CRS says nothing about the place on Earth."""
    return (crs.sub_crs_list[0] if crs.is_compound else crs).type_name == "Engineering CRS"


def _plane_rectangular(crs: CRS) -> tuple[str, int] | None:
    """Reference frame and zone of a plane rectangular CRS, or None."""
    code = crs.to_epsg()
    for frame, first in _ZONE_I.items():
        if code is not None and first <= code < first + sheets.N_ZONES:
            return frame, code - first + 1
    return None


@lru_cache(maxsize=64)
def _to_degrees(crs: CRS) -> Transformer | None:
    """From a projected CRS to its own longitude and latitude, or None where its area of use is not known."""
    if crs.area_of_use is None or crs.geodetic_crs is None:
        return None
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)


def _fits(crs: CRS, x: float, y: float) -> bool:
    """Whether the point lies in the area of use of a projected CRS; True where that is not known."""
    transformer, area = _to_degrees(crs), crs.area_of_use
    if transformer is None or area is None:
        return True
    longitude, latitude = transformer.transform(x, y)
    return bool(area.west <= longitude <= area.east and area.south <= latitude <= area.north)


def _centre(bounds: Bounds) -> tuple[float, float]:
    return (bounds.x_min + bounds.x_max) / 2, (bounds.y_min + bounds.y_max) / 2


def _span(bounds: Bounds) -> str:
    return f"E {bounds.x_min:.10g} to {bounds.x_max:.10g}, N {bounds.y_min:.10g} to {bounds.y_max:.10g}"


def _label(crs: CRS) -> str:
    code = crs.to_epsg()
    return f"'{crs.name}'" if code is None else f"EPSG:{code} ({crs.name})"


def _disagree(name: str, stated: CRS, wanted: CRS) -> CrsError:
    """The error for a file that states one CRS and a user who states another."""
    first, second = _plane_rectangular(split(stated)[0]), _plane_rectangular(split(wanted)[0])
    frames = bool(first and second and first[1] == second[1] and first[0] != second[0])
    why = (
        f"; {first[0]} and {second[0]} are different reference frames of one zone"
        if frames and first and second
        else ""
    )
    why_ja = f"{first[0]} と {second[0]} は同じ系でも測地系が異なります。" if frames and first and second else ""
    return CrsError(
        f"{name} states {_label(stated)}, but crs={_label(wanted)} is given{why}; leave crs out to use what the file "
        "states, or correct the file (pdal translate IN.laz OUT.laz --writers.las.a_srs=EPSG:CODE)",
        f"{name} の座標参照系は {_label(stated)} ですが、{_label(wanted)} が指定されました。{why_ja}"
        "ファイルの座標参照系を使うなら crs を指定しないでください。ファイルが誤りなら修正してください "
        "(pdal translate IN.laz OUT.laz --writers.las.a_srs=EPSG:コード)。",
        file=name,
        value=_label(wanted),
        candidates=[_label(stated)],
    )


def _swapped(name: str, place: str, place_ja: str, centre: tuple[float, float]) -> UnitsError:
    """The error for a file whose x is northing."""
    x, y = centre
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
        f"{name}: the points ({_span(bounds)}) lie outside the area of use of the header's CRS {_label(crs)}",
        f"{name}: 点の範囲 ({_span(bounds)}) はヘッダの座標参照系 {_label(crs)} の適用範囲外です。",
    )
