"""Which reference system a survey is in: stated by its header, its map sheet code or the user; never guessed.

Coordinates are always easting first: a LAS file's x is easting although EPSG's plane rectangular zones name
northing as their first axis. Every transformer here is made with ``always_xy=True``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

_VERTICAL: Final = {6694: VerticalDatum.JGD2000, 6695: VerticalDatum.JGD2011, 11317: VerticalDatum.JGD2024}
"""EPSG code of a vertical CRS -> datum. Codes only: names were changed in EPSG v12.055."""


@dataclass(frozen=True, slots=True)
class ResolvedCrs:
    """The horizontal CRS of a file, what its heights refer to, and where that knowledge comes from."""

    crs: CRS
    source: Source
    vertical_datum: VerticalDatum = VerticalDatum.UNKNOWN
    notes: tuple[Note, ...] = field(default=())


def parse(text: str | CRS) -> CRS:
    """The CRS that a code or WKT names.

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
            value=text,
        ) from error


def split(crs: CRS) -> tuple[CRS, VerticalDatum]:
    """The horizontal part of a CRS, under its EPSG code where it has one, and the datum of its heights."""
    parts = crs.sub_crs_list if crs.is_compound else [crs]
    horizontal = parts[0]
    code = horizontal.to_epsg()
    if code is not None and not horizontal.is_bound:
        horizontal = CRS.from_epsg(code)
    if len(parts) < 2:
        return horizontal, VerticalDatum.UNKNOWN
    identity = parts[1].to_json_dict().get("id", {})
    is_epsg = identity.get("authority") == "EPSG"
    return horizontal, _VERTICAL.get(int(identity["code"]), VerticalDatum.UNKNOWN) if is_epsg else VerticalDatum.UNKNOWN


def resolve(
    header_crs: CRS | None, file_name: str | Path, bounds: Bounds, given: str | CRS | None = None
) -> ResolvedCrs:
    """The CRS of a file: its header's, else that of the map sheet in its name, else the given one.

    Raises
    ------
    CrsError
        When nothing states a CRS (the message proposes those that fit), or statements disagree.
    UnitsError
        When coordinates are in degrees or feet, or easting and northing are swapped.
    """
    name = Path(file_name).name
    wanted = None if given is None else split(parse(given))
    if header_crs is not None:
        return ResolvedCrs(*_ordered(split(header_crs), "header"))
    if wanted is not None:
        return ResolvedCrs(*_ordered(wanted, "parameter"))
    for sheet in sheets.find(name):
        if sheet.bounds.buffered(200).intersection(bounds):
            return ResolvedCrs(CRS.from_epsg(sheet.epsg), "tile-code")
    raise _missing(name, bounds)


def _ordered(parts: tuple[CRS, VerticalDatum], source: Source) -> tuple[CRS, Source, VerticalDatum]:
    for axis in parts[0].axis_info:
        if axis.unit_conversion_factor != 1.0:
            raise UnitsError(
                f"CRS {parts[0].name}: unit {axis.unit_name}; expected metres; reproject to plane rectangular coordinates first",
                f"座標参照系 {parts[0].name} の単位が {axis.unit_name} です。メートル単位の平面直角座標に変換してください。",
            )  # noqa: E501
    return parts[0], source, parts[1]


def candidates(bounds: Bounds) -> tuple[int, ...]:
    """Plane rectangular zones whose area of use holds the centre of the rectangle, the home zone first."""
    x, y = (bounds.x_min + bounds.x_max) / 2, (bounds.y_min + bounds.y_max) / 2
    zones = [HOME_ZONE, *(zone for zone in range(1, sheets.N_ZONES + 1) if zone != HOME_ZONE)]
    return tuple(zone for zone in zones if _fits(CRS.from_epsg(sheets.zone_epsg(zone)), x, y))


def _fits(crs: CRS, x: float, y: float) -> bool:
    """Whether the point lies in the area of use of a projected CRS."""
    area = crs.area_of_use
    if area is None or crs.geodetic_crs is None:
        return True
    longitude, latitude = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    return bool(area.west <= longitude <= area.east and area.south <= latitude <= area.north)


def _missing(name: str, bounds: Bounds) -> CrsError:
    """The error that proposes the zones that fit."""
    zones = candidates(bounds)
    proposals = [f"EPSG:{sheets.zone_epsg(zone)}" for zone in zones]
    if not zones:
        return CrsError(
            f"no CRS in {name}, and its coordinates fit no plane rectangular zone: send crs=EPSG:CODE (command line: "
            "--crs EPSG:CODE)",
            f"{name} に座標参照系がなく、座標は平面直角座標系のどの系にも合いません。crs=EPSG:コード (コマンドでは "
            "--crs EPSG:コード) を指定してください。",
            file=name,
            candidates=[],
        )
    others = ", ".join(f"zone {ROMAN[z - 1]} {c}" for z, c in zip(zones[1:], proposals[1:], strict=True))
    return CrsError(
        f"no CRS in {name}; the coordinates fit plane rectangular zone {ROMAN[zones[0] - 1]}: send crs={proposals[0]} "
        f"(command line: --crs {proposals[0]})" + (f"; also possible: {others}" if others else ""),
        f"{name} に座標参照系がありません。座標は平面直角座標系 {ROMAN[zones[0] - 1]} 系に合います。"
        f"crs={proposals[0]} (コマンドでは --crs {proposals[0]}) を指定してください。"
        + (f"他の候補: {others}" if others else ""),
        file=name,
        candidates=proposals,
    )
