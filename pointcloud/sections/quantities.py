"""土量計算: the table of areas, mean areas and volumes as it is printed, rounded half up at each step.

Areas have one decimal, distances two, mean areas two, volumes one (土木工事数量算出要領: 四捨五入, 乗除は記載の順序).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pointcloud.sections.rounding import half_up
from pointcloud.sections.series import Series
from pointcloud.sections.stations import Station

AREA_DIGITS, DISTANCE_DIGITS, MEAN_DIGITS, VOLUME_DIGITS = 1, 2, 2, 1


@dataclass(frozen=True, slots=True)
class Row:
    """One station of the table; the first has areas only.

    ``net`` is fill minus cut, ``total`` its running sum, ``missing`` metres of the section with no ground in one of the
    two surfaces.
    """

    station: str
    distance: Decimal | None
    cut_area: Decimal
    cut_mean: Decimal | None
    cut_volume: Decimal | None
    fill_area: Decimal
    fill_mean: Decimal | None
    fill_volume: Decimal | None
    net: Decimal | None
    total: Decimal | None
    missing: Decimal


def printed_step(before: Station, after: Station) -> Decimal:
    """Metres between two stations as printed: the difference of their printed chainages, so that distances add up.

    Across a station equation it is the rounded distance itself.
    """
    distance = after.distance - before.distance
    step = half_up(after.chainage, DISTANCE_DIGITS) - half_up(before.chainage, DISTANCE_DIGITS)
    unit = 10.0**-DISTANCE_DIGITS  # two roundings together are at most this far off
    return step if abs(float(step) - distance) <= 1.001 * unit else half_up(distance, DISTANCE_DIGITS)


def rows(series: Series) -> tuple[Row, ...]:
    """The table of 平均断面法 for a series with a pair of surfaces; empty without one."""
    found: list[Row] = []
    total = Decimal(0)
    for i, section in enumerate(series.sections):
        if section.areas is None:
            return ()
        station = section.station
        cut, fill = (half_up(a, AREA_DIGITS) for a in (section.areas.cut, section.areas.fill))
        missing = half_up(station.left + station.right - section.areas.width, 1)
        if i == 0:
            found.append(Row(station.name, None, cut, None, None, fill, None, None, None, None, missing))
            continue
        before = found[-1]
        distance = printed_step(series.sections[i - 1].station, station)
        means = [half_up((a + b) / 2, MEAN_DIGITS) for a, b in ((before.cut_area, cut), (before.fill_area, fill))]
        volumes = [half_up(mean * distance, VOLUME_DIGITS) for mean in means]
        net = volumes[1] - volumes[0]
        total += net
        found.append(
            Row(station.name, distance, cut, means[0], volumes[0], fill, means[1], volumes[1], net, total, missing)
        )
    return tuple(found)


def totals(table: tuple[Row, ...]) -> tuple[Decimal, Decimal]:
    """Sum of the printed cut and fill volumes."""
    zero = Decimal(0)
    return sum((r.cut_volume or zero for r in table), zero), sum((r.fill_volume or zero for r in table), zero)
