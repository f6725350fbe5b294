"""One row a stand: stems, heights, canopy, ground returns and volume from the trees that the laser shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pointcloud.errors import CrsError
from pointcloud.forest.inventory import Trees
from pointcloud.forest.stands import Stand
from pointcloud.forest.stem import VolumeTable, stem_volume
from pointcloud.forest.stem_diameter import DiameterModel
from pointcloud.forest.stem_plots import Omission
from pointcloud.forest.uncertainty import Z95, HeightError
from pointcloud.grid import Raster
from pointcloud.notes import Note

Floats = NDArray[np.float64]

CANOPY_M: Final = 2.0
"""Canopy cover is the share of the area whose canopy is at least this high (metres)."""

TALLEST_M: Final = 65.0
"""No tree in Japan is taller; a stand whose upper layer is has heights in feet or is not forest."""

UPPER_SHARE: Final = 0.8
TOP_PER_HA: Final = 100


class UpperLayer(StrEnum):
    """Which trees make the upper layer (上層木) whose mean height gives the site class."""

    DOMINANT = "dominant"
    TOP_100 = "top-100"
    ALL = "all"


RULES: Final = {
    UpperLayer.DOMINANT: (
        "trees at least 0.8 times as high as the mean of the 100 tallest a hectare",
        "1 ha 当たり上位 100 本の平均樹高の 0.8 倍以上の木 (被圧木を除く)",
    ),
    UpperLayer.TOP_100: ("the 100 tallest trees a hectare", "1 ha 当たり樹高上位 100 本の木"),
    UpperLayer.ALL: ("all detected trees", "検出したすべての木"),
}
"""The rules in words, English and Japanese."""


@dataclass(frozen=True, slots=True)
class StandMeasure:
    """What the survey shows of one stand; NaN where it shows nothing. Heights and intervals in metres, 95 %.

    ``stems_estimated`` is NaN without calibration plots. ``heights`` are those of its trees, in the trees' order.
    ``covered`` is the share of the stand inside the survey, ``ground_density`` ground returns a square metre.
    """

    id: str
    area_ha: float
    covered: float
    n_detected: int
    stems_estimated: float
    stems_ci95: tuple[float, float]
    height_mean: float
    height_lorey: float
    height_upper: float
    height_upper_ci95: tuple[float, float]
    n_upper: int
    height_max: float
    canopy_cover: float
    ground_density: float
    dbh_mean: float
    volume_m3: float
    volume_ci95: tuple[float, float]
    is_dbh_for_credit: bool
    heights: Floats = field(repr=False)
    notes: tuple[Note, ...] = ()
    problems: tuple[Note, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded; None where the survey shows nothing."""
        names = [n for n in self.__slots__ if n not in ("heights", "notes", "problems")]
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return None if any(math.isnan(v) for v in value) else list(value)
    return None if isinstance(value, float) and math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of the survey besides its trees.

    Parameters
    ----------
    canopy
        Canopy height in m, NaN where the survey has nothing; None where it is not at hand.
    ground_density
        Ground returns a square metre, in cells of a few metres, NaN outside the survey; or None.
    error
        Of heights.
    """

    canopy: Raster | None
    ground_density: Raster | None
    error: HeightError


@dataclass(frozen=True, slots=True)
class SpeciesModels:
    """How a stand's trees become stems and volume: regression, volume table (None unknown) and omission (or None)."""

    diameter: DiameterModel
    volume: VolumeTable | None
    omission: Omission | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "diameter": self.diameter.as_dict(),
            "volume_table": None if self.volume is None else self.volume.name,
            "omission": None if self.omission is None else self.omission.as_dict(),
        }


def assign(trees: Trees, stands: Sequence[Stand]) -> NDArray[np.int64]:
    """Place in ``stands`` of the stand that each tree stands in, -1 for none; where stands overlap, the first."""
    owner = np.full(len(trees), -1, np.int64)
    usable = [i for i, s in enumerate(stands) if s.polygon is not None]
    if not usable or not len(trees):
        return owner
    index = shapely.STRtree([stands[i].polygon for i in usable])
    points, found = index.query(shapely.points(trees.x, trees.y), predicate="intersects")
    order = np.lexsort((-found, points))  # the lowest stand of a tree is written last
    owner[points[order]] = np.asarray(usable)[found[order]]
    return owner


def stand_table(
    trees: Trees,
    stands: Sequence[Stand],
    survey: Survey,
    models: Mapping[str, SpeciesModels],
    rule: UpperLayer = UpperLayer.DOMINANT,
) -> tuple[StandMeasure, ...]:
    """A measure for each stand, in the stands' order; one that cannot be measured says why in ``problems``.

    Heights are those of the trees with the estimated loss at the apex added (``height + apex_loss``).

    Parameters
    ----------
    trees
        Detected trees.
    stands
        In the trees' CRS.
    survey
        Canopy, ground returns and errors.
    models
        By species as the stands write it.
    rule
        What the upper layer is.

    Raises
    ------
    CrsError
        When a raster is in another CRS than the trees.
    """
    for raster in (survey.canopy, survey.ground_density):
        if raster is not None and None not in (raster.grid.crs, trees.crs) and raster.grid.crs != trees.crs:
            raise CrsError(
                "stand table: trees and rasters are in different reference systems",
                "樹木とラスタの座標参照系が異なります。同じ座標系のものを使ってください。",
            )
    owner = assign(trees, stands)
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(stands) + 1))
    return tuple(
        _measure(trees, order[starts[i] : starts[i + 1]], stand, survey, models.get(stand.species), rule)
        for i, stand in enumerate(stands)
    )


def _measure(
    trees: Trees,
    mine: NDArray[np.int64],
    stand: Stand,
    survey: Survey,
    models: SpeciesModels | None,
    rule: UpperLayer,
) -> StandMeasure:
    heights = trees.height[mine] + trees.apex_loss[mine]
    area, n = stand.area_ha, int(mine.size)
    covered, canopy_cover = _canopy(survey, stand)
    density = _mean_inside(survey.ground_density, stand)
    seen = area if math.isnan(covered) else area * covered
    upper = upper_layer(heights, seen, rule)
    top = float(upper.mean()) if upper.size else math.nan
    spread = Z95 * survey.error.total(upper.size, density)
    dbh = models.diameter.predict(heights, trees.crown_area[mine]) if models else np.zeros(n)
    volume, volume_ci = _volume(heights, dbh, models)
    stems, stems_ci = _stems(n, models)
    weights = dbh**2 if dbh.any() else np.ones(n)
    notes, problems = _findings(stand, n, covered, density, top, survey.error)
    return StandMeasure(
        stand.id, area, covered, n, stems, stems_ci, _mean(heights), _mean(heights, weights), top,
        (top - spread, top + spread), int(upper.size), float(heights.max()) if n else math.nan, canopy_cover, density,
        _mean(dbh) if dbh.any() else math.nan, volume, volume_ci, bool(models and models.diameter.is_for_credit),
        heights, notes, problems,
    )  # fmt: skip


def upper_layer(heights: Floats, area_ha: float, rule: UpperLayer) -> Floats:
    """Heights of the trees of the upper layer of a stand of ``area_ha``; empty for none."""
    if rule is UpperLayer.ALL or heights.size == 0:
        return heights
    n_top = min(max(round(TOP_PER_HA * area_ha), 1), heights.size)
    tallest = np.sort(heights)[-n_top:]
    return tallest if rule is UpperLayer.TOP_100 else heights[heights >= UPPER_SHARE * tallest.mean()]


def _mean(values: Floats, weights: Floats | None = None) -> float:
    return float(np.average(values, weights=weights)) if values.size else math.nan


def _stems(n: int, models: SpeciesModels | None) -> tuple[float, tuple[float, float]]:
    """Estimated stems and their 95 % interval, never fewer than the detected."""
    omission = models.omission if models else None
    if omission is None:
        return math.nan, (math.nan, math.nan)
    stems, spread = n * omission.ratio, Z95 * n * omission.ratio_sd
    return stems, (max(stems - spread, 0.0), stems + spread)


def _volume(heights: Floats, dbh: Floats, models: SpeciesModels | None) -> tuple[float, tuple[float, float]]:
    """Stem volume of the detected trees in m3, and its 95 % interval from the error of the diameters.

    Volume goes nearly with the square of the diameter. The error of single trees averages out over the stand's trees,
    that of the regression over its calibration trees.
    """
    if models is None or models.volume is None:
        return math.nan, (math.nan, math.nan)
    volumes = stem_volume(models.volume, dbh, heights)
    total, n, model = float(volumes.sum()), heights.size, models.diameter
    if not n or not model.n_trees:
        return total, (math.nan, math.nan)
    relative = 2.0 * model.rmse_tree / model.mean_dbh * math.sqrt(1.0 / n + 1.0 / model.n_trees)
    return total, (total * max(1.0 - Z95 * relative, 0.0), total * (1.0 + Z95 * relative))


def _cells(raster: Raster, stand: Stand) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the cells whose centres lie in the stand; none outside the raster."""
    from rasterio import Affine
    from rasterio.features import rasterize

    grid, polygon = raster.grid, stand.polygon
    none = np.empty(0, np.int64)
    if polygon is None:
        return none, none
    west, south, east, north = polygon.bounds
    c0, c1 = (min(max(math.floor((v - grid.west) / grid.cell), 0), grid.n_columns) for v in (west, east + grid.cell))
    r0, r1 = (min(max(math.floor((grid.north - v) / grid.cell), 0), grid.n_rows) for v in (north, south - grid.cell))
    if c0 >= c1 or r0 >= r1:
        return none, none
    corner = Affine(grid.cell, 0.0, grid.west + c0 * grid.cell, 0.0, -grid.cell, grid.north - r0 * grid.cell)
    inside = rasterize([(polygon, 1)], out_shape=(r1 - r0, c1 - c0), transform=corner, dtype="uint8") == 1
    rows, columns = np.nonzero(inside)
    return rows + r0, columns + c0


def _canopy(survey: Survey, stand: Stand) -> tuple[float, float]:
    """Share of the stand that the survey covers, and of what has a canopy height the share under canopy; or NaN.

    A cell without a height lies in the survey where ground returns around it are known, be they none.
    """
    if survey.canopy is None or stand.polygon is None:
        return math.nan, math.nan
    rows, columns = _cells(survey.canopy, stand)
    values = survey.canopy.values[rows, columns]
    known = np.isfinite(values)
    is_covered = known if survey.ground_density is None else known | _is_known(survey, rows, columns)
    covered = min(np.count_nonzero(is_covered) * survey.canopy.grid.cell_area / stand.polygon.area, 1.0)
    return covered, float((values[known] >= CANOPY_M).mean()) if known.any() else math.nan


def _is_known(survey: Survey, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the canopy's cells lie where the density of ground returns is known."""
    if survey.canopy is None or survey.ground_density is None:
        return np.zeros(rows.size, np.bool_)
    x, y = survey.canopy.grid.centres()
    grid = survey.ground_density.grid
    at_rows, at_columns = grid.cells_of(x[columns], y[rows])
    inside = (at_rows >= 0) & (at_rows < grid.n_rows) & (at_columns >= 0) & (at_columns < grid.n_columns)
    density = survey.ground_density.values[np.where(inside, at_rows, 0), np.where(inside, at_columns, 0)]
    known: NDArray[np.bool_] = inside & np.isfinite(density)
    return known


def _mean_inside(raster: Raster | None, stand: Stand) -> float:
    values = np.empty(0) if raster is None else raster.values[_cells(raster, stand)]
    known = values[np.isfinite(values)].astype(np.float64)
    return float(known.mean()) if known.size else math.nan


def _findings(
    stand: Stand, n: int, covered: float, density: float, top: float, error: HeightError
) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """Notes and problems of a stand's measurement."""
    id_, notes, problems = stand.id, [], []
    if covered == 0.0:
        problems.append(Note("outside-survey", f"stand {id_}: lies outside the survey", f"{id_}: 測量の範囲外です。"))
    elif n == 0 and stand.polygon is not None:
        problems.append(Note("empty-stand", f"stand {id_}: no tree detected in it", f"{id_}: 検出した木がありません。"))
    elif covered < 0.95:
        notes.append(Note("partly-outside", f"stand {id_}: only {covered:.0%} of it lies inside the survey",
                          f"{id_}: 測量の範囲に入るのは面積の {covered:.0%} です。"))  # fmt: skip
    if density < error.ground_density_warning:
        notes.append(Note("few-ground-returns", f"stand {id_}: {density:.2f} ground returns a m2; the laser hardly "
                          "reaches the ground, heights are doubtful",
                          f"{id_}: 地表点が {density:.2f} 点/m2 しかなく、樹高の信頼性が低くなります。"))  # fmt: skip
    if top > TALLEST_M:
        problems.append(Note("too-tall", f"stand {id_}: upper layer of {top:.1f} m; at most {TALLEST_M:g} m are "
                             "believed; are heights in feet?",
                             f"{id_}: 上層平均樹高が {top:.1f} m です ({TALLEST_M:g} m 以下のはず)。単位がフィートで"
                             "ないか確認してください。"))  # fmt: skip
    return tuple(notes), tuple(problems)
