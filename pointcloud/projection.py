"""What a CRS is: its horizontal part, units, place and datum of heights; and the plane rectangular zones.

Coordinates are always easting first: a LAS file's x is easting although EPSG's plane rectangular zones name
northing as their first axis. Every transformer here is made with ``always_xy=True``.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Final

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as ProjError

from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import VerticalDatum
from pointcloud.errors import CrsError, UnitsError

HOME_ZONE: Final = 8
"""Plane rectangular zone of the home prefecture (Shizuoka), proposed first where it fits."""

ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X",
                "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX")  # fmt: skip

_ZONE_I: Final = {"Tokyo": 30161, "JGD2000": 2443, "JGD2011": 6669}
"""Reference frame -> EPSG code of plane rectangular zone I; the other zones follow."""

_VERTICAL: Final = {6694: VerticalDatum.JGD2000, 6695: VerticalDatum.JGD2011, 11317: VerticalDatum.JGD2024}
"""EPSG code of a vertical CRS -> datum. Codes only: EPSG v12.055 changed names."""

REPROJECT = "reproject it first, for example: pdal translate IN.laz OUT.laz reprojection --filters.reprojection.out_srs=EPSG:6676"  # noqa: E501
REPROJECT_JA = "先に平面直角座標系へ変換してください (例: pdal translate IN.laz OUT.laz reprojection --filters.reprojection.out_srs=EPSG:6676)。"  # noqa: E501


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
            f"{REPROJECT}",
            f"{name}: 座標参照系「{crs.name}」の {axis.name} の単位は {unit} です。tengun は平面上のメートルで"
            f"計算します。{REPROJECT_JA}",
            file=name,
            field=axis.name,
            value=unit,
        )


def units(crs: CRS) -> tuple[str, str]:
    """The unit of x and y and that of heights: ``metre``, another one's name, or ``unknown``.

    Heights of a projected CRS that says nothing about them have the unit of the plane, as usual in LAS files.
    """
    parts = crs.sub_crs_list if crs.is_compound else [crs]
    names = [
        "metre" if axis.unit_conversion_factor == 1.0 else axis.unit_name for part in parts for axis in part.axis_info
    ] or ["unknown"]
    plane = names[0]
    return plane, names[2] if len(names) > 2 else plane if crs.is_projected else "unknown"


def is_same(one: CRS, other: CRS) -> bool:
    """Whether two horizontal systems are one, whatever the order in which they name their axes."""
    return one == other or one.equals(other, ignore_axis_order=True)


def candidates(bounds: Bounds) -> tuple[int, ...]:
    """Plane rectangular zones whose area of use holds the centre of the rectangle, the home zone first."""
    zones = [HOME_ZONE, *(zone for zone in range(1, sheets.N_ZONES + 1) if zone != HOME_ZONE)]
    return tuple(zone for zone in zones if fits(CRS.from_epsg(sheets.zone_epsg(zone)), *centre(bounds)))


def centre(bounds: Bounds) -> tuple[float, float]:
    """The middle of a rectangle."""
    return (bounds.x_min + bounds.x_max) / 2, (bounds.y_min + bounds.y_max) / 2


def plane_rectangular(crs: CRS) -> tuple[str, int] | None:
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


def fits(crs: CRS, x: float, y: float) -> bool:
    """Whether the point lies in the area of use of a projected CRS; True where that is not known."""
    transformer, area = _to_degrees(crs), crs.area_of_use
    if transformer is None or area is None:
        return True
    longitude, latitude = transformer.transform(x, y)
    return bool(area.west <= longitude <= area.east and area.south <= latitude <= area.north)


def label(crs: CRS) -> str:
    """The CRS for a message: its EPSG code and name."""
    code = crs.to_epsg()
    return f"'{crs.name}'" if code is None else f"EPSG:{code} ({crs.name})"


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
