"""Stations (測点): where sections are cut, what they are called, and whether they cross each other."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from pointcloud.errors import ParameterError
from pointcloud.notes import Note
from pointcloud.sections.line import CentreLine

Floats = NDArray[np.float64]

MAX_STATIONS = 5000
"""Sections of one run: 100 km at 20 m. More would be a drawing of hundreds of sheets; the line is cut up instead."""

SAME_STATION = 0.005
"""Stations closer than this (metres) are one: printed distances have two decimals."""


@dataclass(frozen=True, slots=True)
class Station:
    """A place on the line where a section is cut.

    Parameters
    ----------
    name
        As drawings show it: ``No.3+12.345``, ``BP (No.0)``, ``KA1-1 (No.2+5.000)``.
    distance
        Internal distance from the line's start in metres.
    chainage
        追加距離 in metres, as station equations make it.
    x, y
        Easting and northing of the centre.
    direction
        Of view, radians from east: the section's right hand is ``direction - 90 degrees``.
    left, right
        Widths in metres.
    skew
        Degrees by which the section is turned from the perpendicular, counter-clockwise seen from above.
    """

    name: str
    distance: float
    chainage: float
    x: float
    y: float
    direction: float
    left: float
    right: float
    skew: float = 0.0

    @property
    def across(self) -> tuple[float, float]:
        """Unit vector (east, north) from left to right along the section."""
        return math.sin(self.direction), -math.cos(self.direction)

    def place(self, offset: float) -> tuple[float, float]:
        """Easting and northing at an offset in metres, right positive."""
        ux, uy = self.across
        return self.x + offset * ux, self.y + offset * uy

    def moved(self, step: float) -> Station:
        """The same section ``step`` metres further in the direction of view."""
        return replace(self, x=self.x + step * math.cos(self.direction), y=self.y + step * math.sin(self.direction))

    @property
    def segment(self) -> tuple[float, float, float, float]:
        """Eastings and northings of the left and the right end: (x_left, y_left, x_right, y_right)."""
        return *self.place(-self.left), *self.place(self.right)


@dataclass(frozen=True, slots=True)
class Extra:
    """A station asked for by itself: at an internal ``distance``, with a name, skew or widths of its own."""

    distance: float
    name: str = ""
    skew: float | None = None
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True)
class Stations:
    """Stations in the order of the line, and what a user should know about them."""

    items: tuple[Station, ...]
    notes: tuple[Note, ...] = ()
    crossing: frozenset[int] = field(default_factory=frozenset)
    """Numbers of stations whose section crosses another one."""


def station_name(chainage: float, pitch: float, decimals: int = 3) -> str:
    """``No.3``, ``No.3+12.345``; before the origin ``No.0-5.000``, ``No.-4-10.000`` (10 m before No.-4).

    Parameters
    ----------
    chainage
        追加距離 in metres.
    pitch
        Metres between numbered stations.
    decimals
        Of the distance after the station.
    """
    size = round(abs(chainage), decimals)
    number = math.floor(size / pitch + 1e-12)
    rest = round(size - number * pitch, decimals)
    if rest >= pitch:
        number, rest = number + 1, 0.0
    sign = "-" if chainage < 0.0 and size > 0.0 else ""
    tail = f"{'-' if sign else '+'}{rest:.{decimals}f}" if rest > 0.0 else ""
    return f"No.{sign if number else ''}{number}{tail}"


_PEG = re.compile(r"(?:no\.?\s*)?(?P<number>-?\d+)(?P<rest>[+-]\d+(?:\.\d+)?)?", re.IGNORECASE)


def distances_of(line: CentreLine, peg: float | str, pitch: float) -> tuple[float, ...]:
    """Internal distances of a chainage or peg: none, one, or several where a station equation repeats it.

    Parameters
    ----------
    line
        The centre line.
    peg
        Chainage in metres; ``BP``, ``EP``, a name that the source gives; or ``No.3+12.345``, ``No.3-5``, ``No.-4-10``.
    pitch
        Metres between numbered stations.
    """
    if not isinstance(peg, str):
        return line.distances_of(peg)
    text = unicodedata.normalize("NFKC", peg).strip()
    named = [d for d, name in ((0.0, "BP"), (line.length, "EP"), *line.labels) if name.casefold() == text.casefold()]
    if named:
        return tuple(named)
    try:
        return line.distances_of(float(text))
    except ValueError:
        found = _PEG.fullmatch(text)
    if found is None:
        return ()
    return line.distances_of(float(found["number"]) * pitch + float(found["rest"] or 0.0))


def lay_out(
    line: CentreLine,
    pitch: float = 20.0,
    left: float = 25.0,
    right: float = 25.0,
    *,
    skew: float = 0.0,
    extra: Sequence[Extra] = (),
    corners: bool = True,
    regular: bool = True,
) -> Stations:
    """Stations at whole multiples of the pitch, both ends, corners, points that the source names, and given ones.

    Parameters
    ----------
    line
        The centre line.
    pitch
        Metres between numbered stations; multiples count along the chainage, from each station equation anew.
    left, right
        Widths in metres; one of them may be 0.
    skew
        Degrees from the perpendicular, -80 to 80, counter-clockwise.
    extra
        Further stations.
    corners
        Whether corners of a polyline and ends of arcs get one (変化点).
    regular
        Without it only ``extra`` stations are cut: sections given one by one. At both ends and at points that the
        source names they have that name.

    Returns
    -------
    Stations
        Sorted; of stations closer than `SAME_STATION` the one with a name of its own is kept. Where a station
        equation repeats a chainage the later stations of a name are primed: ``No.2``, ``No.2'``.

    Raises
    ------
    ParameterError
        For a pitch, width, skew or station outside what is allowed, or more than `MAX_STATIONS`.
    """
    _check(line, pitch, left, right, skew, extra)
    named = [Extra(d, name) for d, name in ((0.0, "BP"), (line.length, "EP"), *line.labels)]
    named = [n for n in named if -SAME_STATION <= n.distance <= line.length + SAME_STATION]
    if regular:
        wanted = [*extra, *named, *(Extra(float(d)) for d in _multiples(line, pitch))]
        wanted += [Extra(float(d)) for d in line.corners()] if corners else []
    else:
        wanted = [*extra, *(n for n in named if any(abs(n.distance - e.distance) <= SAME_STATION for e in extra))]
    items = _told_apart([_station(line, e, pitch, left, right, skew) for e in _merged(wanted)])
    notes, crossing = _crossings(items, line)
    return Stations(items, notes, crossing)


def _check(line: CentreLine, pitch: float, left: float, right: float, skew: float, extra: Sequence[Extra]) -> None:
    if not (math.isfinite(pitch) and pitch > 0):
        raise ParameterError(
            f"stations: pitch {pitch} m; expected a positive number of metres, usually 20",
            f"測点間隔 {pitch} m が不正です。正の値 (通常 20 m) を指定してください。",
            value=pitch,
        )
    if line.length / pitch + len(extra) > MAX_STATIONS:
        raise ParameterError(
            f"stations: {line.length:.0f} m at a pitch of {pitch:g} m with {len(extra)} given ones make "
            f"{line.length / pitch + len(extra):.0f} sections; allowed are {MAX_STATIONS}; choose a larger pitch "
            "or cut the line",
            f"延長 {line.length:.0f} m、間隔 {pitch:g} m では {line.length / pitch + len(extra):.0f} 断面になります。"
            f"上限は {MAX_STATIONS} 断面です。間隔を大きくするか線を分割してください。",
            value=pitch,
        )
    widths = [
        (left, right),
        *((left if e.left is None else e.left, right if e.right is None else e.right) for e in extra),
    ]
    for a, b in widths:
        if not (math.isfinite(a) and math.isfinite(b) and a >= 0 and b >= 0 and a + b > 0 and max(a, b) <= 5000):
            raise ParameterError(
                f"stations: widths left {a} m, right {b} m; expected 0 to 5000 m each, not both 0",
                f"断面の幅 (左 {a} m、右 {b} m) が不正です。各 0~5000 m、両方 0 は不可です。",
                value=[a, b],
            )
    for angle in (skew, *(e.skew for e in extra if e.skew is not None)):
        if not -80 <= angle <= 80:
            raise ParameterError(
                f"stations: skew {angle} degrees; expected -80 to 80 from the perpendicular",
                f"斜角 {angle} 度が不正です。直角方向から -80~80 度で指定してください。",
                value=angle,
            )
    for e in extra:
        if not -SAME_STATION <= e.distance <= line.length + SAME_STATION:
            raise ParameterError(
                f"stations: '{e.name}' at {e.distance:g} m; line '{line.name}' runs from 0 to {line.length:.3f} m",
                f"測点「{e.name}」({e.distance:g} m) が線「{line.name}」の範囲 0~{line.length:.3f} m の外です。",
                value=e.distance,
            )


def _multiples(line: CentreLine, pitch: float) -> list[float]:
    """Internal distances of whole multiples of the pitch, part by part between station equations."""
    edges = [0.0, *(e.distance for e in line.equations), line.length]
    bases = [line.start, *(e.ahead for e in line.equations)]
    found: list[float] = []
    for i, base in enumerate(bases):
        reach = edges[i + 1] - edges[i]
        first, last = math.ceil((base - 1e-6) / pitch), math.floor((base + reach + 1e-6) / pitch)
        found += [min(max(edges[i] + k * pitch - base, 0.0), line.length) for k in range(first, last + 1)]
    return found


def _merged(wanted: Sequence[Extra]) -> list[Extra]:
    """By distance; one of each place, those that name or turn the section first, names joined."""
    merged: list[Extra] = []
    for item in sorted(wanted, key=lambda e: e.distance):
        if not merged or item.distance - merged[-1].distance > SAME_STATION:
            merged.append(item)
            continue
        last = merged[-1]
        names = [n for n in dict.fromkeys((last.name, item.name)) if n]
        merged[-1] = Extra(
            last.distance if last.name or not item.name else item.distance,
            "・".join(names),
            item.skew if last.skew is None else last.skew,
            item.left if last.left is None else last.left,
            item.right if last.right is None else last.right,
        )
    return merged


def _told_apart(items: Sequence[Station]) -> tuple[Station, ...]:
    seen: Counter[str] = Counter()
    apart = []
    for item in items:
        apart.append(replace(item, name=item.name + "'" * seen[item.name]))
        seen[item.name] += 1
    return tuple(apart)


def _station(line: CentreLine, e: Extra, pitch: float, left: float, right: float, skew: float) -> Station:
    distance = min(max(e.distance, 0.0), line.length)
    x, y, direction = (float(v[0]) for v in line.at(np.array([distance])))
    angle = skew if e.skew is None else e.skew
    chainage = line.chainage(distance)
    number = station_name(chainage, pitch)
    is_plain = not e.name or e.name == number
    return Station(
        number if is_plain else f"{e.name} ({number})",
        distance, chainage, x, y, direction + math.radians(angle),
        left if e.left is None else e.left, right if e.right is None else e.right, angle,
    )  # fmt: skip


def _crossings(items: Sequence[Station], line: CentreLine) -> tuple[tuple[Note, ...], frozenset[int]]:
    """Notes on sections that cross, or reach beyond the centre of their curve; and their numbers."""
    if not items:
        return (), frozenset()
    segments = np.array([s.segment for s in items]).reshape(-1, 2, 2)
    lines = shapely.linestrings(segments)
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    pairs = [(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b]
    notes = []
    if pairs:
        shown = ", ".join(f"{items[a].name} × {items[b].name}" for a, b in pairs[:5]) + (
            " ..." if len(pairs) > 5 else ""
        )
        notes.append(
            Note(
                "sections-cross",
                f"sections cross within their widths ({len(pairs)}: {shown}); ground beyond the crossing is in both, "
                "so average-end-area volumes count it twice: use narrower widths on the inner side of the bend",
                f"{len(pairs)} 組の断面が幅の内側で交差します: {shown}。交差より先の地盤は両方の断面に入り、平均断面法"
                "では二重計上になります。曲線の内側の幅を狭めてください。",
            )
        )
    beyond = [i for i, s in enumerate(items) if max(s.left, s.right) * line.curvature(s.distance) > 1.0]
    beyond = [i for i in beyond if _inner_width(items[i], line) * line.curvature(items[i].distance) > 1.0]
    if beyond:
        shown = ", ".join(items[i].name for i in beyond[:5]) + (" ..." if len(beyond) > 5 else "")
        notes.append(
            Note(
                "section-beyond-curve-centre",
                f"{len(beyond)} sections are wider than the radius of their curve on its inner side: {shown}",
                f"{len(beyond)} 断面の曲線内側の幅が曲線半径を超えています: {shown}。",
            )
        )
    return tuple(notes), frozenset(i for pair in pairs for i in pair) | frozenset(beyond)


def _inner_width(station: Station, line: CentreLine) -> float:
    """Width on the side to which the line turns at a station."""
    step = 0.01
    near = np.array([max(station.distance - step, 0.0), min(station.distance + step, line.length)])
    _, _, direction = line.at(near)
    turn = math.remainder(direction[1] - direction[0], 2.0 * math.pi)
    return station.left if turn > 0.0 else station.right
