"""Site class (地位) from the height of the upper layer, and growth from a yield table (収穫表)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pointcloud.errors import NotFoundError
from pointcloud.forest.growth_tables import Curve

BASE_AGE: Final = 40
"""Age in years to which a site index (地位指数) refers."""

ROUNDING_M: Final = 1e-6
"""A height that equals a curve's up to this (metres) reaches it."""


@dataclass(frozen=True, slots=True)
class SiteClass:
    """A stand's place among the curves at its age.

    Parameters
    ----------
    curve
        The class that counts: the highest curve that the stand reaches.
    height
        Upper layer's mean height in m at ``age``.
    lower, upper
        Heights in m of this curve and of the next better one (NaN for the best).
    index
        Site index: the height at 40 years of the curve proportional to this one through ``height``; NaN where the table
        ends before 40 years.
    """

    curve: Curve
    age: int
    height: float
    lower: float
    upper: float
    index: float


def site_class(curves: Sequence[Curve], age: int, height: float) -> SiteClass:
    """The class of a stand: the highest curve not above ``height`` at ``age`` (between two classes the lower one).

    Raises
    ------
    NotFoundError
        When a curve has no row for the age, or the stand is lower than the lowest curve.
    """
    at_age = [curve.height_at(age) for curve in curves]
    for i, lower in enumerate(at_age):
        if height >= lower - ROUNDING_M:
            curve = curves[i]
            known = curve.age[0] <= BASE_AGE <= curve.age[-1]
            index = height * curve.height_at(BASE_AGE) / lower if known else math.nan
            return SiteClass(curve, age, height, lower, at_age[i - 1] if i else math.nan, index)
    raise NotFoundError(
        f"site class: {curves[0].species}, {age} years: {height:.1f} m is under the lowest class of the yield table "
        f"({at_age[-1]:.1f} m); no growth is credited",
        f"地位: {curves[0].species} {age} 年生の樹高 {height:.1f} m は収穫表の最下位の地位 ({at_age[-1]:.1f} m) を"
        "下回ります。成長量を計上しません。",
        value=height,
    )


def annual_growth(curve: Curve, age: int) -> float:
    """Stem growth in m3/ha/yr from ``age`` to the next year: the table's step (V(next) - V(this)) / years between.

    Raises
    ------
    NotFoundError
        When the table has no row on one side of the year, or no volumes.
    """
    before, after = curve.volume_at(age), curve.volume_at(age + 1)
    if math.isnan(before) or math.isnan(after):
        raise NotFoundError(
            f"yield table: {curve.species}, class {curve.name}: no volumes; growth needs them",
            f"収穫表: {curve.species} 地位 {curve.name} に材積がありません。成長量の計算に必要です。",
        )
    return after - before
