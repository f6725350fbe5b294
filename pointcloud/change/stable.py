"""Ground that did not move between two surveys, found from their difference alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointcloud.change import window_kernels
from pointcloud.grid import Raster
from pointcloud.ground.bands import run_bands
from pointcloud.ground.distance import distance_within
from pointcloud.ground.relief import gradient

WINDOWS = (5.0, 20.0)
"""Edges (m) of the windows in which the mean difference is tested: the small one finds slumps, the large one
finds wide shallow change that no small window could tell from noise."""

PEAK, FLANK = 4.5, 2.0
"""A change begins where a window's mean exceeds ``PEAK`` times its usual spread, and reaches as far as means of the
same sign exceed ``FLANK`` times the spread."""

NOISE_WINDOW = 20.0
"""Edge (m) of the window in which the noise is measured: stands of trees differ, single trees do not matter."""

STEEPEST = 1.5
"""Slope (m/m) above which a cell tells nothing about shifts: one height a cell does not describe a wall."""

SAMPLE = 50_000
"""Cells used to fit a trend; more do not change it."""

USUAL_SHIFT, INDEPENDENT_SHARE = 0.5, 100.0
"""Horizontal shift (m) expected before looking, and cells that tell as much as one independent cell."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trend:
    """Shift and tilt that explain a difference raster: ``dz - dx * slope_east - dy * slope_north + tilt``.

    Parameters
    ----------
    shift
        (dx, dy, dz): the later survey lies this far east, north and up of the earlier one, metres.
    tilt
        Metres of height a metre towards east and towards north.
    pivot
        Easting and northing where the tilt adds nothing.
    """

    shift: Floats
    tilt: Floats
    pivot: tuple[float, float]


def spread(values: Floats) -> float:
    """Robust standard deviation about the median: 1.4826 x the median absolute deviation; NaN when empty."""
    if values.size == 0:
        return float("nan")
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def mean_slope(before: Raster, after: Raster) -> tuple[Floats, Floats]:
    """Slope towards east and north (m/m, shape of the grid) of the mean of two surfaces; NaN beside voids, borders.

    The mean of both is used because the noise of one surface alone stands in its slope and in the difference,
    which would pull the shift.
    """
    return gradient(Raster(0.5 * (before.values + after.values), before.grid))


def fit_trend(change: Raster, slope: tuple[Floats, Floats], usable: Mask, *, with_tilt: bool) -> Trend:
    """Shift (and tilt) of least squares with Tukey's weights, started from the shortest half of the differences.

    Parameters
    ----------
    change
        After minus before, metres.
    slope
        Towards east and north, from ``mean_slope``.
    usable
        Cells to use; cells without a value are left out.
    with_tilt
        Whether a tilt is estimated too.

    References
    ----------
    Nuth, C. & Kääb, A. 2011, "Co-registration and bias corrections of satellite elevation data sets", The
    Cryosphere 5, DOI 10.5194/tc-5-271-2011. Their equation 2, dh / tan(slope) = a cos(b - aspect) + c, is solved
    multiplied by tan(slope), where it is linear in the shift and does not magnify the noise of flat ground.
    Beaton, A.E. & Tukey, J.W. 1974, Technometrics 16, DOI 10.1080/00401706.1974.10489171 (weights).
    """
    east, north = slope
    with np.errstate(invalid="ignore"):
        usable = usable & np.isfinite(change.values) & (np.hypot(east, north) <= STEEPEST)
    x, y = change.grid.centres()
    pivot = (float(x.mean()), float(y.mean()))
    cells = np.flatnonzero(usable)
    cells = cells[:: max(1, cells.size // SAMPLE)]
    if cells.size < 10:
        return Trend(np.zeros(3), np.zeros(2), pivot)
    rows, columns = np.unravel_index(cells, change.grid.shape)
    design = np.column_stack((-east.ravel()[cells], -north.ravel()[cells], np.ones(cells.size)))
    if with_tilt:
        design = np.column_stack((design, x[columns] - pivot[0], y[rows] - pivot[1]))
    values = change.values.ravel()[cells].astype(np.float64)
    ridge = np.zeros(design.shape[1])
    ridge[:2] = INDEPENDENT_SHARE / USUAL_SHIFT**2
    found = robust_fit(design, values, ridge)
    return Trend(found[:3], found[3:] if with_tilt else np.zeros(2), pivot)


def robust_fit(design: Floats, values: Floats, ridge: Floats) -> Floats:
    """Coefficients, shape (k,), of a linear model with Tukey's weights; less than half of the values may be outliers.

    Parameters
    ----------
    design
        Shape (n, k), finite.
    values
        What the model explains, shape (n,), finite.
    ridge
        Shape (k,): times the residual variance it is added to the normal equations, so that a direction which the data
        do not fix (a horizontal shift of flat ground) stays near zero.

    References
    ----------
    Beaton, A.E. & Tukey, J.W. 1974, Technometrics 16, DOI 10.1080/00401706.1974.10489171 (weights).
    """
    centre = _shortest_half(values)
    residual = values - centre
    found: Floats = np.zeros(design.shape[1])
    for _ in range(30):
        weight = tukey(residual)
        weighted = design * weight[:, None]
        prior = np.diag(ridge * spread(residual) ** 2)
        step = least_squares(weighted.T @ design + prior, weighted.T @ values)
        is_settled = bool(np.max(np.abs(step - found)) < 1e-5)
        found = step
        residual = values - design @ step
        if is_settled:
            break
    return found


def least_squares(matrix: Floats, right: Floats) -> Floats:
    """Solution of normal equations; of minimum norm, so that what the data say nothing about stays at zero.

    ``matrix`` has shape (k, k), ``right`` and the solution (k,).
    """
    return np.asarray(np.linalg.lstsq(matrix, right, rcond=1e-10)[0], dtype=np.float64)


def tukey(residual: Floats) -> Floats:
    """Tukey's biweight of each residual, 0 to 1, with its usual tuning: 4.685 robust standard deviations about zero."""
    scale = 1.4826 * float(np.median(np.abs(residual)))
    if scale == 0.0:
        return np.asarray(residual == 0.0, dtype=np.float64)
    weight: Floats = np.clip(1.0 - (residual / (4.685 * scale)) ** 2, 0.0, None) ** 2
    return weight


def _shortest_half(values: Floats) -> float:
    """Median of the shortest interval that holds half of the values: near the mode, which change pulls least."""
    ordered = np.sort(values)
    half = ordered.size // 2
    start = int(np.argmin(ordered[half:] - ordered[: ordered.size - half]))
    return float(np.median(ordered[start : start + half + 1]))


def roughness(residual: Raster) -> Floats:
    """Local noise of a difference in metres: how much cells differ from the mean of their surroundings.

    Change that is smooth over ``WINDOWS[0]`` does not raise it, noise under trees does. NaN where void; at least a
    quarter of its median, so that a few quiet cells do not look certain.
    """
    values = np.asarray(residual.values, dtype=np.float64)
    known = np.isfinite(values)
    rough = np.abs(values - window_mean(values, odd_cells(WINDOWS[0], residual.grid.cell)))
    local = 1.2533 * window_mean(rough, odd_cells(NOISE_WINDOW, residual.grid.cell))
    if known.any():
        local = np.maximum(local, 0.25 * float(np.median(local[known])))
    local[~known] = np.nan
    return local


def stable_ground(residual: Raster, noise: Floats | None = None) -> Mask:
    """Cells with a value that show no change beyond noise, in small or in wide windows.

    Parameters
    ----------
    residual
        After minus before in metres with shift and tilt taken out, NaN where void.
    noise
        Standard deviation of each cell in metres; None: from ``roughness``.

    Returns
    -------
    ndarray
        Mask of the raster's shape. All false where nothing was measured.
    """
    known: Mask = np.isfinite(residual.values)
    if not known.any():
        return known
    noise = roughness(residual) if noise is None else noise
    with np.errstate(invalid="ignore", divide="ignore"):
        standardised = residual.values / noise
    if not np.nanmax(noise) > 0.0:
        is_usual: Mask = residual.values == np.median(residual.values[known])
        return is_usual
    moved = np.zeros(known.shape, dtype=np.bool_)
    for window in WINDOWS:
        size = odd_cells(window, residual.grid.cell)
        if size <= min(known.shape):
            moved |= _moved(standardised, known & ~moved, known, size)
    stable: Mask = known & ~moved
    return stable


def odd_cells(length: float, cell: float) -> int:
    """Cells in a window of ``length`` metres with a cell in its middle."""
    return 2 * int(length / cell / 2) + 1


def window_mean(values: NDArray[np.floating], size: int) -> Floats:
    """Mean of the known cells in a square window of ``size`` cells; NaN where there are none."""
    known = np.isfinite(values)
    total = uniform(np.where(known, values, 0.0), size)
    share = uniform(known, size)
    # the filter's running sums leave rounding where no cell is known
    mean: Floats = np.divide(total, share, out=np.full(values.shape, np.nan), where=share > 0.5 / size**2)
    return mean


def uniform(values: NDArray[Any], size: int) -> Floats:
    """Mean of the square window of ``size`` (odd) cells around each cell, those beyond the border counted as zero.

    The running sums of ``scipy.ndimage.uniform_filter`` to the last bit, on all cores and without its copies of
    columns.
    """
    field = np.ascontiguousarray(values, dtype=np.float64)
    if size == 1:
        return field.copy()
    down, out = np.empty(field.shape), np.empty(field.shape)
    run_bands(window_kernels.down_columns, field.shape[1], field, size, after=(down,), size=field.size)
    run_bands(window_kernels.along_rows, field.shape[0], down, size, after=(out,), size=field.size)
    return out


def _moved(values: Floats, quiet: Mask, known: Mask, size: int) -> Mask:
    """Cells in and around windows whose mean is far from the usual; the usual is learnt from ``quiet`` cells."""
    mean = np.where(known, window_mean(values, size), 0.0)
    scale = spread(mean[quiet])
    moved: Mask = np.zeros(values.shape, dtype=np.bool_)
    for signed in (mean, -mean):
        labels, n_labels = ndimage.label(signed > FLANK * scale, structure=np.ones((3, 3)))
        has_peak = np.zeros(n_labels + 1, dtype=np.bool_)
        has_peak[labels[signed > PEAK * scale]] = True
        has_peak[0] = False
        moved |= has_peak[labels]
    if moved.any():
        moved = np.logical_and(known, distance_within(moved, size / 2) <= size / 2)
    return moved
