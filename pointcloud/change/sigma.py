"""Standard deviation of the elevation change of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pointcloud.change.stable import STEEPEST, odd_cells, uniform, window_mean
from pointcloud.cloud import PointCloud
from pointcloud.grid import Raster
from pointcloud.ground.relief import gradient
from pointcloud.ground.surface import distance_to_points

SCATTER_WINDOW = 10.0
"""Edge (m) of the window in which points scatter."""

SMOOTHING = 5.0
"""Edge (m) of the window whose mean is the ground that points scatter about."""

SAMPLE = 30_000
"""Stable cells from which the coefficients are learnt."""

LEAST_SIGMA = 0.001
"""Metres; heights are stored in millimetres."""

TERMS = ("constant", "scatter", "distance", "slope", "doubt")

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SurveyQuality:
    """What one survey says about its own terrain, cell by cell on the terrain's grid.

    Parameters
    ----------
    scatter
        Standard deviation of ground points about the smoothed terrain around the cell, metres; NaN where none is.
    distance
        Metres from the cell to the nearest cell with a ground point.
    slope
        Steepest slope of the terrain, m/m.
    doubt
        1 - confidence of the ground filter, 0-1; 0 where it is not known.
    """

    scatter: Floats
    distance: Floats
    slope: Floats
    doubt: Floats


@dataclass(frozen=True, slots=True)
class CellSigma:
    """Standard deviation of the difference of each cell.

    Parameters
    ----------
    raster
        Metres, NaN where void.
    coefficients
        Variance (m2) a unit of each term that the stable ground taught.
    """

    raster: Raster
    coefficients: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready summary."""
        values = self.raster.values[np.isfinite(self.raster.values)]
        return {"median_m": float(np.median(values)) if values.size else None, "variance_terms": self.coefficients}


def survey_quality(points: PointCloud, terrain: Raster, confidence: Raster | None = None) -> SurveyQuality:
    """Scatter, distance, slope and doubt of one survey.

    Parameters
    ----------
    points
        Ground points that carry the terrain (key points), metres.
    terrain
        Their terrain, NaN where void.
    confidence
        0-1 on the same grid, NaN where not known; None: not known anywhere.
    """
    grid = terrain.grid
    smooth = window_mean(terrain.values, odd_cells(SMOOTHING, grid.cell))
    east, north = gradient(Raster(smooth, grid))
    rows, columns = grid.cells_of(points.x, points.y)
    inside = (rows >= 0) & (rows < grid.n_rows) & (columns >= 0) & (columns < grid.n_columns)
    rows, columns = rows[inside], columns[inside]
    x, y = grid.centres()
    level = smooth[rows, columns]
    level = level + east[rows, columns] * (points.x[inside] - x[columns])
    level = level + north[rows, columns] * (points.y[inside] - y[rows])
    squared = (points.z[inside] - level) ** 2
    use = np.isfinite(squared)
    cells = rows[use] * grid.n_columns + columns[use]
    total = np.bincount(cells, squared[use], grid.n_rows * grid.n_columns).reshape(grid.shape)
    number = np.bincount(cells, minlength=grid.n_rows * grid.n_columns).reshape(grid.shape)
    size = odd_cells(SCATTER_WINDOW, grid.cell)
    sums, share = uniform(total, size), uniform(number, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        scatter = np.sqrt(np.where(share > 0.5 / size**2, np.maximum(sums, 0.0) / share, np.nan))
    east, north = gradient(terrain)
    doubt = np.zeros(grid.shape) if confidence is None else 1.0 - np.nan_to_num(confidence.values, nan=1.0)
    distance = distance_to_points(points.x, points.y, grid, SCATTER_WINDOW)
    return SurveyQuality(scatter, distance, np.hypot(east, north), np.asarray(doubt, dtype=np.float64))


def cell_sigma(change: Raster, terms: Floats, stable: Mask) -> CellSigma:
    """Standard deviation of each cell's change, learnt on stable ground.

    The variance is a sum of non-negative parts: a constant; the squared scatter of both surveys; that times the
    squared distance to the nearest point; the squared slope; the squared scatter times the filter's doubt. The
    coefficients are fitted to the squared differences of stable cells, weighted by the variance itself.

    Parameters
    ----------
    change
        After minus before in metres, aligned.
    terms
        From ``variance_terms``.
    stable
        Cells that did not move.

    References
    ----------
    Hugonnet, R. et al. 2022, "Uncertainty analysis of digital elevation models by spatial inference from stable
    terrain", IEEE JSTARS 15, DOI 10.1109/JSTARS.2022.3188922 (error as a function of terrain, from stable terrain);
    a linear model takes the place of their bins.
    """
    known = np.isfinite(change.values)
    cells = np.flatnonzero(stable & known)
    cells = cells[:: max(1, cells.size // SAMPLE)]
    design = terms.reshape(len(TERMS), -1)[:, cells].T
    squared = np.asarray(change.values, dtype=np.float64).ravel()[cells] ** 2
    level = float(np.mean(squared)) if squared.size else 0.0
    found = np.array([level, 0.0, 0.0, 0.0, 0.0])
    variance = np.full(cells.size, level)
    for _ in range(5 if level > 0.0 else 0):
        # the triangle of a QR decomposition has the same least squares, in six rows instead of all cells
        triangle = np.asarray(np.linalg.qr(np.column_stack((design, squared)) / variance[:, None], mode="r"))
        found = optimize.nnls(triangle[:, :-1], triangle[:, -1])[0]
        variance = np.maximum(design @ found, 0.05 * level)
    total = np.maximum(np.tensordot(found, terms, axes=1), max(0.05 * level, LEAST_SIGMA**2))
    total[~known] = np.nan
    coefficients = {name: float(v) for name, v in zip(TERMS, found, strict=True)}
    return CellSigma(Raster(np.sqrt(total), change.grid), coefficients)


def variance_terms(before: SurveyQuality, after: SurveyQuality) -> Floats:
    """What a cell's variance is a sum of, by ``TERMS``: shape (terms, rows, columns), of two surveys on one grid.

    A cell without points around takes the worst scatter.
    """
    scatter = np.zeros(before.slope.shape)
    for quality in (before, after):
        worst = float(np.nanmax(quality.scatter)) if np.isfinite(quality.scatter).any() else 0.0
        scatter += np.where(np.isfinite(quality.scatter), quality.scatter, worst) ** 2
    distance = np.minimum(np.maximum(before.distance, after.distance), SCATTER_WINDOW)
    slope = np.nan_to_num(0.5 * (before.slope + after.slope))
    doubt = np.maximum(before.doubt, after.doubt)
    steep = np.minimum(slope, STEEPEST) ** 2
    return np.stack((np.ones_like(scatter), scatter, scatter * distance**2, steep, scatter * doubt))
