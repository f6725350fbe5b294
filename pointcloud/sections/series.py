"""All sections of a line: each surface cut at each station, areas between two of them, volumes along the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

from pointcloud.errors import OverlapError, ParameterError
from pointcloud.sections.area import Areas, Volumes, between, volume, zero_sections
from pointcloud.sections.cut import SectionLine, Surface
from pointcloud.sections.line import CentreLine
from pointcloud.sections.slice import Slice
from pointcloud.sections.stations import Extra, Station, lay_out

ZERO_NAMES = {"cut": "切土端", "fill": "盛土端"}

TOP: Final = "_surface"
"""What the name of a survey's surface line (表層線, of its highest points) adds to that of its ground."""


@dataclass(frozen=True, slots=True)
class Section:
    """One station's section.

    Parameters
    ----------
    station
        Where.
    lines
        Surface name -> line, offsets in metres, right positive.
    simple
        The same lines simplified, and the greatest vertical deviation of any of them in metres.
    deviation
        See ``simple``.
    slices
        Survey name -> points near the plane.
    areas
        Between the series' pair of surfaces; None where there is no pair.
    """

    station: Station
    lines: Mapping[str, SectionLine]
    simple: Mapping[str, SectionLine]
    deviation: float
    slices: Mapping[str, Slice] = field(default_factory=dict)
    areas: Areas | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The sections of a line in order, and what lies between them.

    Parameters
    ----------
    line
        The centre line.
    pitch
        Metres between numbered stations.
    names
        Grounds and design in drawing order: ``epoch_1`` ..., ``before``, ``after``, ``design``, as far as given.
    sections
        By growing distance.
    profiles
        Surface name -> line along the centre line, by internal distance.
    pair
        The two surfaces that areas lie between: fill where the second is higher.
    volumes
        Between neighbouring sections, one fewer than sections; empty without a pair.
    tops
        Names of the surface lines that sections and profiles hold besides ``names``: those plus `TOP`.
    """

    line: CentreLine
    pitch: float
    names: tuple[str, ...]
    sections: tuple[Section, ...]
    profiles: Mapping[str, SectionLine]
    pair: tuple[str, str] | None = None
    volumes: tuple[Volumes, ...] = ()
    tops: tuple[str, ...] = ()

    def role(self, name: str) -> str:
        """What draws a surface: its name, or ``surface`` and ``surface_before`` for surface lines."""
        if name not in self.tops:
            return name
        return "surface" if name == self.tops[-1] else "surface_before"

    @property
    def plan(self) -> SectionLine:
        """計画縦断: the design profile that came with the line, by internal distance; empty where none came."""
        if not self.line.is_planned or self.line.heights is None or len(self.line.heights) < 2:
            return SectionLine(())
        return SectionLine((self.line.heights,)).between(0.0, self.line.length)

    @property
    def total(self) -> Volumes:
        """Sum over the line."""
        return sum(self.volumes, Volumes())


Report = Callable[[float], None]
TakeSlice = Callable[[str, Station, SectionLine], Slice]


def cut_series(
    line: CentreLine,
    stations: Sequence[Station],
    surfaces: Mapping[str, Surface],
    *,
    tops: Mapping[str, Surface] | None = None,
    pair: tuple[str, str] | None = None,
    pitch: float = 20.0,
    tolerance: float = 0.03,
    take_slice: TakeSlice | None = None,
    report: Report = lambda _: None,
) -> Series:
    """Cut every surface at every station; with two surfaces or more also areas and volumes.

    Areas lie between the pair. Sections where cut or fill begins or ends are added between stations
    (端部), and volumes use a further section half-way between neighbours.

    Parameters
    ----------
    line, stations
        The centre line and where to cut.
    surfaces
        Grounds and design by name, in drawing order.
    tops
        Surfaces of the highest points, by the name of their ground plus `TOP`.
    pair
        Names of the two surfaces that areas lie between; the last two grounds where None.
    pitch
        For the names of added stations, metres.
    tolerance
        Greatest vertical deviation of the simplified lines in metres.
    take_slice
        Gives the points of a survey near a station; called for surfaces that stem from surveys, each in a thread of
        its own.
    report
        Told the share done (0-1).

    Raises
    ------
    OverlapError
        When no section meets any surface.
    ParameterError
        When the pair names a surface that is not there, or one twice.
    """
    names, top_names = tuple(surfaces), tuple(tops or ())
    pair = checked_pair(pair, names, top_names)
    surfaces = {**surfaces, **(tops or {})}
    surveys = () if take_slice is None else tuple(n for n in names if surfaces[n].max_gap is not None)
    cutter = _Cutter(line, surfaces, pair or (), tolerance, take_slice, surveys)
    sections, profiles = _cut(cutter, stations, report)
    if not any(not cut.is_empty for s in sections for cut in s.lines.values()):
        raise _outside(line, names)
    volumes: list[Volumes] = []
    if pair is not None:
        sections = _with_ends(cutter, sections, pitch)
        volumes = _volumes(cutter, sections)
    report(1.0)
    return Series(line, pitch, names, tuple(sections), profiles, pair, tuple(volumes), top_names)


def checked_pair(pair: tuple[str, str] | None, names: Sequence[str], tops: Sequence[str]) -> tuple[str, str] | None:
    """The surfaces that areas lie between, the last two of ``names`` where none are asked for and there are two.

    Raises
    ------
    ParameterError
        When one is not among the surfaces, or named twice.
    """
    if pair is None:
        return (names[-2], names[-1]) if len(names) > 1 else None
    known = (*names, *tops)
    if pair[0] == pair[1] or not set(pair) <= set(known):
        raise ParameterError(
            f"sections: areas between '{pair[0]}' and '{pair[1]}'; expected two different ones of {', '.join(known)}",
            f"断面積を求める面 '{pair[0]}' と '{pair[1]}' が不正です。{', '.join(known)} から異なる 2 つを"
            "指定してください。",
            field="between",
            candidates=list(known),
        )
    return pair


@dataclass(frozen=True, slots=True)
class _Part:
    """What a section shows of one surface: see `Section`."""

    line: SectionLine
    simple: SectionLine
    deviation: float
    points: Slice | None


@dataclass(frozen=True, slots=True)
class _Cutter:
    """What is cut, and how.

    Parameters
    ----------
    line
        The centre line.
    surfaces
        By name, those of the highest points too.
    pair
        Names of the two that areas lie between, or none.
    tolerance
        Metres.
    take_slice, surveys
        Gives the points of a survey near a station; for which surveys.
    """

    line: CentreLine
    surfaces: Mapping[str, Surface]
    pair: tuple[str, ...]
    tolerance: float
    take_slice: TakeSlice | None
    surveys: tuple[str, ...]

    def section(self, station: Station) -> Section:
        """The section of a station."""
        return self.assembled(station, [self.part(name, station) for name in self.surfaces])

    def part(self, name: str, station: Station) -> _Part:
        """What a section shows of one surface; what looks at one place of it follows each other, for its strips."""
        line = self.surfaces[name].cut(station)
        points = self.take_slice(name, station, line) if self.take_slice and name in self.surveys else None
        return _Part(line, *line.simplified(self.tolerance), points)

    def assembled(self, station: Station, parts: Sequence[_Part]) -> Section:
        """The section of a station from its parts, one a surface."""
        named = dict(zip(self.surfaces, parts, strict=True))
        lines = {name: part.line for name, part in named.items()}
        simple = {name: part.simple for name, part in named.items()}
        slices = {name: part.points for name, part in named.items() if part.points is not None}
        areas = between(lines[self.pair[0]], lines[self.pair[1]]) if self.pair else None
        return Section(station, lines, simple, max((p.deviation for p in parts), default=0.0), slices, areas)

    def areas(self, like: Station, distance: float) -> Areas:
        """Areas of the section at a distance, with the widths and skew of a station nearby."""
        extra = Extra(distance, "", like.skew, like.left, like.right)
        (station,) = lay_out(self.line, 1e9, like.left, like.right, extra=[extra], regular=False).items
        before, after = (self.surfaces[name].cut(station) for name in self.pair)
        return between(before, after)


def _cut(cutter: _Cutter, stations: Sequence[Station], report: Report) -> tuple[list[Section], dict[str, SectionLine]]:
    """The sections of the stations and the profiles; each surface is cut in a thread of its own, in order."""
    sections = []
    with ExitStack() as stack:
        threads = {name: stack.enter_context(ThreadPoolExecutor(1)) for name in cutter.surfaces}
        parts = [[threads[name].submit(cutter.part, name, station) for name in threads] for station in stations]
        along = {name: threads[name].submit(cutter.surfaces[name].profile, cutter.line) for name in threads}
        try:
            for i, (station, own) in enumerate(zip(stations, parts, strict=True)):
                sections.append(cutter.assembled(station, [part.result() for part in own]))
                report(0.7 * (i + 1) / len(stations))
            return sections, {name: profile.result() for name, profile in along.items()}
        except BaseException:
            for thread in threads.values():
                thread.shutdown(cancel_futures=True)
            raise


def _with_ends(cutter: _Cutter, sections: Sequence[Section], pitch: float) -> list[Section]:
    """The sections and those where cut or fill begins or ends."""
    added = []
    for a, b in pairwise(sections):
        if a.areas is None or b.areas is None:
            continue
        like, between_them = a.station, [a.station.distance, b.station.distance]
        places = zero_sections(between_them, [a.areas, b.areas], partial(cutter.areas, like))
        names: dict[float, dict[str, None]] = {}
        for distance, kind in places:  # cut may end where fill does: that is one section
            names.setdefault(distance, {})[ZERO_NAMES[kind]] = None
        for distance, ends in names.items():
            extra = Extra(distance, "・".join(ends), like.skew, like.left, like.right)
            (station,) = lay_out(cutter.line, pitch, like.left, like.right, extra=[extra], regular=False).items
            added.append(cutter.section(station))
    return sorted([*sections, *added], key=lambda s: s.station.distance)


def _volumes(cutter: _Cutter, sections: Sequence[Section]) -> list[Volumes]:
    found = []
    for a, b in pairwise(sections):
        if a.areas is None or b.areas is None:
            continue
        middle = cutter.areas(a.station, (a.station.distance + b.station.distance) / 2.0)
        found.append(volume(cutter.line, (a.station, b.station), (a.areas, b.areas), middle))
    return found


def _outside(line: CentreLine, names: Sequence[str]) -> OverlapError:
    x, y, _ = line.at(line.starts[[0, -1]])
    return OverlapError(
        f"sections: line '{line.name}' (E {x[0]:.0f}, N {y[0]:.0f} to E {x[1]:.0f}, N {y[1]:.0f}) meets no ground of "
        f"{', '.join(names)}; check its CRS (zone) and that northing and easting are not swapped",
        f"線「{line.name}」(東 {x[0]:.0f}, 北 {y[0]:.0f} ~ 東 {x[1]:.0f}, 北 {y[1]:.0f}) が {', '.join(names)} の地盤と"
        "重なりません。座標系 (系番号) と、X (北) と Y (東) の入れ替わりを確認してください。",
        line=line.name,
    )
