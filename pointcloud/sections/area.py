"""Cut and fill between two section lines, and volumes from the areas of neighbouring sections.

Fill (盛土) is where the second line lies higher. 平均断面法 takes the mean of the two end areas times the distance
along the centre line; with curve correction the distance is that of the areas' centroids, and a skewed section counts
with its projection; the prismoidal rule adds the section half-way.

References
----------
Pappus' second theorem for the curve correction: the volume between two section planes that turn by ``a`` about the
centre line is the distance times the area plus ``a`` times the area's first moment about the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from pointcloud.sections import kernels
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.line import CentreLine
from pointcloud.sections.stations import Station

ZERO_AREA = 0.05
"""Square metres below which a section is a zero section (零断面): areas are printed with one decimal."""


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas between two lines in square metres.

    Parameters
    ----------
    cut, fill
        Both positive.
    cut_moment, fill_moment
        Area times offset of its centroid from the centre in m3, right positive.
    width
        Metres of offset where both lines are known.
    """

    cut: float
    fill: float
    cut_moment: float
    fill_moment: float
    width: float


@dataclass(frozen=True, slots=True)
class Volumes:
    """Cut and fill of a part of the line in cubic metres, by three rules; all positive.

    Parameters
    ----------
    cut, fill
        平均断面法: mean of the end areas times the distance along the centre line.
    cut_curve, fill_curve
        The same along the path of the centroids, skewed sections by their projection.
    cut_prismoidal, fill_prismoidal
        Prismoidal rule with the section half-way, along the path of the centroids.
    """

    cut: float = 0.0
    fill: float = 0.0
    cut_curve: float = 0.0
    fill_curve: float = 0.0
    cut_prismoidal: float = 0.0
    fill_prismoidal: float = 0.0

    def __add__(self, other: Volumes) -> Volumes:
        return Volumes(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def between(before: SectionLine, after: SectionLine) -> Areas:
    """Areas between two lines where both are known; exact for broken lines."""
    out = np.zeros(5)
    for a in before.pieces:
        for b in after.pieces:
            kernels.area_between(np.ascontiguousarray(a), np.ascontiguousarray(b), out)
    return Areas(*(float(v) for v in out))


def volume(line: CentreLine, ends: tuple[Station, Station], areas: tuple[Areas, Areas], middle: Areas) -> Volumes:
    """Volumes between two neighbouring sections.

    Parameters
    ----------
    line
        The centre line.
    ends
        The two stations, in its order.
    areas
        Of the two sections.
    middle
        Of the section half-way.
    """
    length = ends[1].distance - ends[0].distance
    turn = math.remainder(ends[1].direction - ends[0].direction, 2.0 * math.pi)
    factors = _projections(line, ends)
    results = []
    for kind in ("cut", "fill"):
        a, b, m = (getattr(v, kind) for v in (*areas, middle))
        ma, mb, mm = (getattr(v, f"{kind}_moment") for v in (*areas, middle))
        pa, pb = a * factors[0], b * factors[1]
        pm = m * (factors[0] + factors[1]) / 2.0
        # where the line turns left, angles grow and paths on the right (positive offsets) are longer
        curve = length * (pa + pb) / 2.0 + turn * (ma + mb) / 2.0
        prismoidal = length * (pa + 4.0 * pm + pb) / 6.0 + turn * (ma + 4.0 * mm + mb) / 6.0
        results.append((length * (a + b) / 2.0, curve, prismoidal))
    (cut, cut_curve, cut_prismoidal), (fill, fill_curve, fill_prismoidal) = results
    return Volumes(cut, fill, cut_curve, fill_curve, cut_prismoidal, fill_prismoidal)


def _projections(line: CentreLine, ends: tuple[Station, Station]) -> tuple[float, float]:
    """Cosine of the angle between each section's normal and the line, on the side of the interval."""
    _, after = line.directions(np.array([ends[0].distance]))
    before, _ = line.directions(np.array([ends[1].distance]))
    return math.cos(ends[0].direction - after[0]), math.cos(ends[1].direction - before[0])


def zero_sections(
    distances: Sequence[float], areas: Sequence[Areas], area_at: Callable[[float], Areas], resolution: float = 0.05
) -> list[tuple[float, str]]:
    """Places between stations where cut or fill begins or ends (端部), with what begins or ends there.

    Looked for wherever one of two neighbours has less than `ZERO_AREA` and the other more; without a section there the
    average-end-area rule takes half of the neighbour's area over the whole distance. Where the area rises to nine
    tenths of the neighbour's within a quarter of the way, as at a wall, a second section stands at the top of the rise.

    Parameters
    ----------
    distances, areas
        Of the stations, in order.
    area_at
        Areas of the section at an internal distance.
    resolution
        Metres to which the place is found.

    Returns
    -------
    list of tuple
        (internal distance, "cut" or "fill"), sorted; none closer than ``resolution`` to a station.
    """
    found = []
    for i in range(len(distances) - 1):
        for kind in ("cut", "fill"):
            sizes = [getattr(a, kind) for a in areas[i : i + 2]]
            if (sizes[0] < ZERO_AREA) == (sizes[1] < ZERO_AREA):
                continue
            empty, full = (distances[i], distances[i + 1]) if sizes[0] < sizes[1] else (distances[i + 1], distances[i])
            size_at = partial(_size_at, area_at, kind)
            end = _rises(size_at, ZERO_AREA, empty, full, resolution)
            top = _rises(size_at, 0.9 * max(sizes), end, full, resolution)
            places = [end, top] if abs(top - end) < 0.25 * abs(full - end) else [end]
            found += [(p, kind) for p in places if min(abs(p - empty), abs(p - full)) > resolution]
    return sorted(found)


def _size_at(area_at: Callable[[float], Areas], kind: str, distance: float) -> float:
    return float(getattr(area_at(distance), kind))


def _rises(size_at: Callable[[float], float], limit: float, low: float, high: float, resolution: float) -> float:
    """The place nearest to ``low`` where the size is found to reach ``limit``; ``high`` reaches it."""
    while abs(high - low) > resolution:
        middle = (low + high) / 2.0
        if size_at(middle) < limit:
            low = middle
        else:
            high = middle
    return low
