"""国土基本図図郭: the map sheets of public surveys, code <-> rectangle.

Each plane rectangular zone is a rectangle of 600 km by 320 km around its origin. The code names, from the
left: the zone, a row letter A-T from the north and a column letter A-H from the west (level 50000, 30 km by
40 km), then row and column digits: 0-9, 0-9 for level 5000 (3 km by 4 km) and again for level 500 (300 m by
400 m). Level 2500 is a quarter of a 5000 sheet (1 NW, 2 NE, 3 SW, 4 SE), level 1000 a 25th (row digit 0-4,
column letter A-E). The old level 1250 is a quarter of a 2500 sheet and looks like some codes of level 500.

The northern and western edges belong to a sheet; the specification is silent on this.

References
----------
国土交通省 公共測量 作業規程の準則 付録7 公共測量標準図式, 国土基本図図郭.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pointcloud.bounds import Bounds
from pointcloud.errors import ParameterError

Level = Literal[50000, 5000, 2500, 1250, 1000, 500]

LEVELS: Final[tuple[Level, ...]] = (50000, 5000, 2500, 1250, 1000, 500)
"""All levels; 1250 is no longer used for new sheets."""

N_ZONES: Final = 19
"""Plane rectangular zones I to XIX."""

SIZES: Final[dict[Level, tuple[float, float]]] = {
    50000: (40_000.0, 30_000.0),
    5000: (4_000.0, 3_000.0),
    2500: (2_000.0, 1_500.0),
    1250: (1_000.0, 750.0),
    1000: (800.0, 600.0),
    500: (400.0, 300.0),
}
"""Level -> width (east-west) and height (north-south) of a sheet in metres."""

_WEST, _NORTH = -160_000.0, 300_000.0
_ZONE = r"(?P<zone>0[1-9]|1[0-9])(?P<row>[A-T])(?P<column>[A-H])"
_TAILS: Final[dict[Level, str]] = {
    50000: r"",
    5000: r"(?P<a>[0-9][0-9])",
    2500: r"(?P<a>[0-9][0-9])(?P<q>[1-4])",
    500: r"(?P<a>[0-9][0-9])(?P<b>[0-9][0-9])",
    1250: r"(?P<a>[0-9][0-9])(?P<q>[1-4])(?P<r>[1-4])",
    1000: r"(?P<a>[0-9][0-9])(?P<b>[0-4][A-E])",
}
_PATTERNS: Final = {level: re.compile(_ZONE + tail) for level, tail in _TAILS.items()}
_IN_NAME: Final = re.compile(
    r"(?<![0-9A-Z])(?:0[1-9]|1[0-9])[A-T][A-H][0-9]{2}(?:[0-9]{2}|[0-4][A-E]|[1-4])?(?![0-9A-Z])"
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One map sheet: its code in capitals, zone (1-19), level and rectangle in metres of the zone."""

    code: str
    zone: int
    level: Level
    bounds: Bounds

    @property
    def epsg(self) -> int:
        """EPSG code of the zone in JGD2011."""
        return zone_epsg(self.zone)

    def contains(self, easting: float, northing: float) -> bool:
        """Whether the point lies in the sheet; the northern and western edges do, the other two do not."""
        b = self.bounds
        return b.x_min <= easting < b.x_max and b.y_min < northing <= b.y_max


def zone_epsg(zone: int) -> int:
    """EPSG code of plane rectangular zone 1-19 in JGD2011: 6669-6687.

    Raises
    ------
    ParameterError
        When there is no such zone.
    """
    _check_zone(zone)
    return 6668 + zone


def parse(code: str, level: Level | None = None) -> Sheet:
    """The sheet that a code names, in either case.

    Eight characters that end in two digits of 1-4 are read as level 500; ``level=1250`` asks for the old
    level. `readings` gives both.

    Raises
    ------
    ParameterError
        When the text is not a code, or not one of ``level``.
    """
    found = [sheet for sheet in readings(code) if level in (None, sheet.level)]
    if not found:
        wanted = "levels 50000 to 500" if level is None else f"level {level}"
        raise ParameterError(
            f"map sheet '{code}': not a 国土基本図 code of {wanted}; expected a zone 01-19, a letter A-T, a letter "
            "A-H and the digits of the level, like 08ND7783",
            f"'{code}' は国土基本図の図郭コードではありません ({wanted})。08ND7783 のように系番号 01~19、英字 A~T、"
            "英字 A~H、数字の順に指定してください。",
            value=code,
        )
    return found[0]


def readings(code: str) -> tuple[Sheet, ...]:
    """Every sheet that a code can mean, the current levels first; empty when it is none."""
    text = code.strip().upper()
    matches = ((level, pattern.fullmatch(text)) for level, pattern in _PATTERNS.items())
    return tuple(_sheet(text, level, match) for level, match in matches if match)


def at(zone: int, easting: float, northing: float, level: Level = 500) -> Sheet:
    """The sheet of a level that holds a point.

    Raises
    ------
    ParameterError
        When the zone or level does not exist or the point lies outside the zone's rectangle.
    """
    _check_zone(zone)
    if level not in SIZES:
        raise ParameterError(
            f"map sheet: level {level}; allowed are {LEVELS}",
            f"地図情報レベル {level} は使えません。{LEVELS} のいずれかを指定してください。",
            value=level,
        )
    width, height = SIZES[level]
    # floor division is exact in floating point, so no point on an edge falls between two sheets
    row, column = int(_NORTH / height + -northing // height), int(-_WEST / width + easting // width)
    if not (0 <= row < 2 * _NORTH / height and 0 <= column < -2 * _WEST / width):
        raise ParameterError(
            f"map sheet: E {easting} m, N {northing} m lies outside zone {zone}'s rectangle "
            "(E -160000 to 160000, N -300000 to 300000); check the zone and that easting comes first",
            f"座標 (東 {easting} m, 北 {northing} m) は {zone} 系の図郭範囲外です。系番号と座標の順序 (東、北) を"
            "確認してください。",
            value=[easting, northing],
        )
    return parse(f"{zone:02d}{_code(row, column, level)}", level)


def find(file_name: str | Path) -> tuple[Sheet, ...]:
    """Every reading of the code in a file name; empty where there is none, or two codes that differ.

    The code stands between characters that are neither letters nor digits and is at least one of level 5000:
    four characters like ``12AB`` are too often something else.
    """
    codes = set(_IN_NAME.findall(Path(file_name).name.upper()))
    return readings(codes.pop()) if len(codes) == 1 else ()


def _check_zone(zone: int) -> None:
    if not 1 <= zone <= N_ZONES:
        raise ParameterError(
            f"plane rectangular zone {zone}: allowed are 1 to {N_ZONES}",
            f"平面直角座標系の系番号 {zone} は不正です。1~{N_ZONES} を指定してください。",
            value=zone,
        )


def _code(row: int, column: int, level: Level) -> str:
    """The code after the zone, from a sheet's row and column counted from the zone's north-western corner."""
    row_50000, row, column_50000, column = *_within(row, 50000, level, 1), *_within(column, 50000, level, 0)
    letters = chr(65 + row_50000) + chr(65 + column_50000)
    if level == 50000:
        return letters
    row_5000, row, column_5000, column = *_within(row, 5000, level, 1), *_within(column, 5000, level, 0)
    code = f"{letters}{row_5000}{column_5000}"
    if level == 500:
        return f"{code}{row}{column}"
    if level == 1000:
        return f"{code}{row}{chr(65 + column)}"
    if level == 2500:
        return f"{code}{1 + 2 * row + column}"
    if level == 1250:
        return f"{code}{1 + 2 * (row // 2) + column // 2}{1 + 2 * (row % 2) + column % 2}"
    return code


def _within(index: int, outer: Level, inner: Level, axis: int) -> tuple[int, int]:
    """Number of the outer sheet along an axis (0 east, 1 south), and of the inner one within it."""
    return divmod(index, round(SIZES[outer][axis] / SIZES[inner][axis]))


def _sheet(code: str, level: Level, match: re.Match[str]) -> Sheet:
    """The sheet of a matched code: the offsets of its parts added up."""
    groups = match.groupdict()
    steps: list[tuple[Level, int, int]] = [(50000, ord(groups["row"]) - 65, ord(groups["column"]) - 65)]
    if "a" in groups:
        steps.append((5000, int(groups["a"][0]), int(groups["a"][1])))
    if "b" in groups:
        row, column = groups["b"][0], groups["b"][1]
        steps.append((level, int(row), int(column) if column.isdigit() else ord(column) - 65))
    quarters: tuple[tuple[str, Level], ...] = (("q", 2500), ("r", 1250))
    for name, quarter in quarters:
        if name in groups:
            index = int(groups[name]) - 1
            steps.append((quarter, index // 2, index % 2))
    west = _WEST + sum(SIZES[step][0] * column for step, _, column in steps)
    north = _NORTH - sum(SIZES[step][1] * row for step, row, _ in steps)
    width, height = SIZES[level]
    return Sheet(code, int(groups["zone"]), level, Bounds(west, north - height, west + width, north))
