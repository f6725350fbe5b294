"""Every method that an auditor knows, side by side, and why they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from shapely import LineString, MultiPolygon, Polygon

from pointcloud.change.end_area import INTERVAL, end_area
from pointcloud.change.mesh import corner_volume
from pointcloud.change.prism import prism_volume
from pointcloud.change.volume import Volume, zone_volume
from pointcloud.grid import Raster
from pointcloud.ground.surface import Tin


@dataclass(frozen=True, slots=True)
class Method:
    """Name and reason of a method in both languages."""

    title_en: str
    title_ja: str
    why_en: str
    why_ja: str


METHODS: Final[dict[str, Method]] = {
    "one_point": Method(
        "Point method, one node a cell",
        "点高法 (1点法)",
        "The height at a cell's centre stands for the whole cell, and each cell is cut or fill as a whole; cells on "
        "the outline count with their exact share.",
        "格子中心の標高差をセル全体の値とし、セルごとに切土・盛土を判定します。境界セルは面積比で按分します。",
    ),
    "four_point_columns": Method(
        "Point method, four columns a cell",
        "点高法 (4点柱状法)",
        "Each corner owns a quarter of the cell and is cut or fill on its own; both come out nearly as in the "
        "one-point method, since both keep every height apart.",
        "4 隅の節点がそれぞれセルの 1/4 を受け持ち、節点ごとに切土・盛土を判定します。1点法とほぼ同じ値になります。",
    ),
    "four_point_mean": Method(
        "Point method, mean of four corners",
        "点高法 (4点平均標高法)",
        "The mean of the four corners is the cell's depth: cut and fill inside one cell cancel, and noise is averaged, "
        "so both come out smaller than in the other two; the net is the same.",
        "4 隅の平均をセルの標高差とするため、セル内の切土と盛土が相殺され、雑音も平均化されます。切土・盛土とも"
        "他の点高法より小さくなり、差引は同じです。",
    ),
    "tin_prism": Method(
        "Prisms between both TINs, exact",
        "TIN 三角柱法 (厳密解)",
        "Both triangulations are cut with each other and with the outline; no grid, so every break of the ground "
        "counts, and cut and fill are split where the surfaces cross. It spans voids that the other methods leave out.",
        "前後の TIN と区域境界を互いに切断して積分します。格子を使わないため地形の折れ点がすべて反映され、切盛境は"
        "面の交線で分けます。他の方法が除外する欠測域も補間して含みます。",
    ),
    "average_end_area": Method(
        "Average end areas",
        "平均断面法",
        "Sections across a line, averaged between stations: what happens between two stations is not seen, and "
        "ends that run out to nothing come out too large (a pyramid by half).",
        "測点ごとの断面積を平均して区間長を乗じます。測点間の変化は反映されず、断面が 0 に向かう端部では過大"
        "(角錐で 1.5 倍) になります。",
    ),
}


def side_by_side(
    change: Raster,
    polygon: Polygon | MultiPolygon,
    tins: tuple[Tin, Tin] | None = None,
    line: LineString | None = None,
    interval: float = INTERVAL,
) -> dict[str, Any]:
    """Plain volumes of one zone by every method, JSON-ready: name -> title, reason, and the fields of `Volume`.

    Parameters
    ----------
    change
        After minus before in metres, NaN where void.
    polygon
        The zone.
    tins
        Before and after, aligned; None leaves the prism method out.
    line, interval
        For the average end areas, see `end_area`.
    """
    sections = end_area(change, polygon, line, interval)
    volumes: dict[str, Volume] = {
        "one_point": zone_volume(change, polygon),
        "four_point_columns": corner_volume(change, polygon, "columns"),
        "four_point_mean": corner_volume(change, polygon, "mean"),
    }
    if tins is not None:
        volumes["tin_prism"] = prism_volume(tins[0], tins[1], polygon)
    volumes["average_end_area"] = sections.volume
    extra = {"average_end_area": {"interval_m": interval, **sections.as_dict()}}
    return {
        name: {
            "title": {"en": METHODS[name].title_en, "ja": METHODS[name].title_ja},
            "why": {"en": METHODS[name].why_en, "ja": METHODS[name].why_ja},
            **extra.get(name, v.as_dict()),
        }
        for name, v in volumes.items()
    }
