"""Calibration plots: field trees matched with detected ones, for diameters and for the stems that the laser misses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pointcloud.errors import FileError, ParameterError
from pointcloud.forest.inventory import Trees
from pointcloud.forest.stem_diameter import DiameterModel, calibrate
from pointcloud.forest.tables import reading
from pointcloud.notes import Note

Floats = NDArray[np.float64]

COLUMNS: Final = {
    "plot": ("plot", "プロット", "調査区"),
    "plot_x": ("plot_x", "中心東", "中心Y"),
    "plot_y": ("plot_y", "中心北", "中心X"),
    "radius": ("radius_m", "半径"),
    "species": ("species", "樹種"),
    "dbh": ("dbh_cm", "胸高直径"),
    "x": ("x", "東"),
    "y": ("y", "北"),
}
"""Names of the columns of a plot file; x and y are easting and northing of the stem."""

MATCH_M: Final = 2.0
"""A field tree and a detected top are one tree within this distance in metres, each the other's nearest."""


@dataclass(frozen=True, slots=True)
class PlotTrees:
    """Field trees, arrays of one length: plot, its centre and radius in m, species, DBH in cm, place (NaN unknown)."""

    plot: NDArray[np.str_]
    plot_x: Floats
    plot_y: Floats
    radius: Floats
    species: NDArray[np.str_]
    dbh: Floats
    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class Omission:
    """How many stems stand for each detected one, from plots; ``ratio_sd`` is its standard error, NaN with one plot."""

    species: str
    ratio: float
    ratio_sd: float
    n_plots: int
    n_field: int
    n_detected: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {k: v if not isinstance(v, float) or math.isfinite(v) else None for k, v in asdict(self).items()}


def read_plots(path: Path) -> PlotTrees:
    """The field trees of a CSV with every stem of every plot, a row a stem.

    Raises
    ------
    FileError
        When a column is missing, a cell is not a number, or a diameter or radius is not positive.
    """
    table = reading.read(path)
    texts = {n: reading.column(table, COLUMNS[n]) for n in ("plot", "species")}
    names = {n: reading.column(table, COLUMNS[n], n not in ("x", "y")) for n in COLUMNS if n not in texts}
    columns: dict[str, list[Any]] = {n: [] for n in COLUMNS}
    for row in table.rows:
        for name, column in texts.items():
            columns[name].append(row.cells.get(column or "", ""))
        for name, column in names.items():
            value = reading.number(table, row, column)
            if value is None and name not in ("x", "y"):
                raise _refused(table, row, name, "", "a number")
            if name in ("dbh", "radius") and not (value or 0.0) > 0.0:
                raise _refused(table, row, name, str(value), "a positive number")
            columns[name].append(math.nan if value is None else value)
    made: dict[str, Any] = {n: np.array(v, np.str_ if n in texts else np.float64) for n, v in columns.items()}
    return PlotTrees(**made)


def _refused(table: reading.Table, row: reading.Row, name: str, value: str, wanted: str) -> FileError:
    return FileError(
        f"plots {table.name}, line {row.line}: {name} '{value}'; expected {wanted}",
        f"調査区 {table.name} の {row.line} 行目: {name} の値「{value}」が不正です。正しい数値を入れてください。",
        file=table.name,
        line=row.line,
    )


def omissions(plots: PlotTrees, trees: Trees, species_of: Callable[[str], str]) -> dict[str, Omission]:
    """Omission of stems by species: field stems over tops detected inside the same plots (ratio estimator).

    Parameters
    ----------
    plots
        Every stem of the plots, in the CRS of ``trees``. A plot counts for the species most of its stems are of.
    trees
        Detected trees.
    species_of
        Gives a species one name, whatever the register calls it.

    References
    ----------
    Cochran W.G. (1977). Sampling Techniques, 3rd ed., section 6.4: the ratio estimator and its standard error.
    """
    field: dict[str, list[tuple[int, int]]] = {}
    place = KDTree(np.column_stack((trees.x, trees.y))) if len(trees) else None
    for name in np.unique(plots.plot):
        inside = plots.plot == name
        kinds, counts = np.unique([species_of(s) for s in plots.species[inside]], return_counts=True)
        first = int(np.flatnonzero(inside)[0])
        centre, radius = (plots.plot_x[first], plots.plot_y[first]), plots.radius[first]
        found = 0 if place is None else int(place.query_ball_point(centre, radius, return_length=True))
        field.setdefault(str(kinds[np.argmax(counts)]), []).append((int(inside.sum()), found))
    return {species: _ratio(species, np.array(pairs, np.float64)) for species, pairs in field.items()
            if sum(found for _, found in pairs) > 0}  # fmt: skip


def _ratio(species: str, pairs: Floats) -> Omission:
    stems, found = pairs.T
    ratio, n = float(stems.sum() / found.sum()), stems.size
    sd = math.nan
    if n > 1:
        sd = float(math.sqrt(((stems - ratio * found) ** 2).sum() / (n - 1) / n) / found.mean())
    return Omission(species, ratio, sd, int(n), int(stems.sum()), int(found.sum()))


def diameter_models(
    plots: PlotTrees, trees: Trees, species_of: Callable[[str], str]
) -> tuple[dict[str, DiameterModel], tuple[Note, ...]]:
    """Regressions by species, and a note for each species that has too few matched trees.

    Field trees with a place are matched with detected tops, each the other's nearest within 2 m; heights and crowns are
    the laser's, so that the regression holds for what it is used on.
    """
    field, detected = _matched(plots, trees)
    names = np.array([species_of(s) for s in plots.species], np.str_)
    models: dict[str, DiameterModel] = {}
    refused: list[Note] = []
    for species in np.unique(names):
        mine = names[field] == species
        f, d = field[mine], detected[mine]
        height = trees.height[d] + trees.apex_loss[d]
        try:
            models[str(species)] = calibrate(str(species), plots.dbh[f], height, trees.crown_area[d], plots.plot[f])
        except ParameterError as error:
            refused.append(Note("diameter-not-calibrated", error.en, error.ja))
    return models, tuple(refused)


def _matched(plots: PlotTrees, trees: Trees) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of field trees and of the tops that are theirs."""
    placed = np.flatnonzero(np.isfinite(plots.x) & np.isfinite(plots.y))
    if placed.size == 0 or len(trees) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    field = np.column_stack((plots.x[placed], plots.y[placed]))
    tops = np.column_stack((trees.x, trees.y))
    distance, top = KDTree(tops).query(field, distance_upper_bound=MATCH_M)
    near = np.flatnonzero(np.isfinite(distance))
    _, back = KDTree(field).query(tops[top[near]])
    mutual = near[back == near]
    return placed[mutual], top[mutual].astype(np.int64)
