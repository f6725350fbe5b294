"""How far the errors of a difference reach: variogram, its model, and what that does to a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, optimize

from pointcloud.change import variogram_kernels
from pointcloud.errors import InputError
from pointcloud.grid import Grid, Raster
from pointcloud.ground.bands import N_THREADS

N_PAIRS = 60_000
"""Pairs drawn for each distance."""

MAX_LAG = 300.0
"""Longest distance (m) looked at; what reaches farther is a matter of alignment."""

LEAST_BLOCKS = 100
"""Blocks of stable ground below which nothing is said about errors that reach far."""

LEAST_DEGREES = 4.0
"""Degrees of freedom that are assumed at worst."""

LEAST_PAIRS = 500
"""A distance with fewer pairs is left out."""

FFT_CELLS = 1024
"""Rows or columns above which correlated sums are taken over blocks of cells."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Variogram:
    """Half the mean squared difference between places a distance apart.

    Parameters
    ----------
    lag
        Mean distance of the pairs of each bin, metres.
    gamma
        Semivariance, in the squared unit of the values.
    n_pairs
        Pairs in each bin.
    """

    lag: Floats
    gamma: Floats
    n_pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Covariance of two cells: a nugget for the cell itself and two spherical parts.

    Parameters
    ----------
    nugget
        Variance that no other cell shares.
    sills, ranges
        Variance of each correlated part, and the distance (m) where it ends.
    degrees
        Degrees of freedom with which the variance of a sum over a wide area is known.
    """

    nugget: float
    sills: tuple[float, float]
    ranges: tuple[float, float]
    degrees: float = np.inf

    def covariance(self, distance: Floats) -> Floats:
        """Covariance of the correlated parts at distances in metres; the nugget is not in it."""
        return sum(
            (c * (1.0 - _spherical(distance / r)) for c, r in zip(self.sills, self.ranges, strict=True)),
            start=np.zeros_like(distance),
        )

    def gamma(self, distance: Floats) -> Floats:
        """Semivariance of the model, in the unit of the sills, at distances in metres above zero."""
        return self.nugget + sum(self.sills) - self.covariance(distance)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded."""
        return {
            "model": "spherical",
            "nugget": self.nugget,
            "sills": list(self.sills),
            "ranges_m": list(self.ranges),
            "degrees_of_freedom": self.degrees if np.isfinite(self.degrees) else None,
        }


def empirical(values: Raster, seed: int = 1) -> Variogram:
    """Variogram of a raster from pairs drawn at random with a fixed seed; NaN cells take no part.

    Distances grow geometrically from one cell to a third of the raster's shorter side.

    Raises
    ------
    InputError
        When fewer than three distances have enough pairs.

    References
    ----------
    Matheron, G. 1963, "Principles of geostatistics", Economic Geology 58, DOI 10.2113/gsecongeo.58.8.1246.
    """
    field = np.ascontiguousarray(values.values, dtype=np.float64)
    random = np.random.default_rng(seed)
    known = np.flatnonzero(np.isfinite(field))
    longest = min(MAX_LAG / values.grid.cell, min(field.shape) / 3.0)
    edges = np.unique(np.round(np.geomspace(1.0, max(longest, 2.0), 22), 3))
    n_bins = edges.size - 1
    if known.size < LEAST_BLOCKS // 2:
        raise _too_few(known.size)
    start = random.choice(known, size=min(N_PAIRS, 4 * known.size))
    rows, columns = (np.ascontiguousarray(i, dtype=np.int64) for i in np.unravel_index(start, field.shape))
    # uniform over each ring's area
    radius = np.sqrt(random.uniform(edges[:-1, None] ** 2, edges[1:, None] ** 2, (n_bins, start.size)))
    angle = random.uniform(0.0, 2.0 * np.pi, radius.shape)
    steps = [np.rint(radius * part).astype(np.int64) for part in (np.sin(angle), np.cos(angle))]
    sums, lags, counts = np.zeros(n_bins), np.zeros(n_bins), np.zeros(n_bins, dtype=np.int64)
    variogram_kernels.add_pairs(field, rows, columns, steps[0], steps[1], sums, lags, counts)
    enough = counts >= min(LEAST_PAIRS, known.size)
    if np.count_nonzero(enough) < 3:
        raise _too_few(known.size)
    number = counts[enough]
    return Variogram(lags[enough] / number * values.grid.cell, sums[enough] / number, number)


def estimate(values: Raster) -> tuple[Correlation, Raster | None]:
    """Correlation of a raster's cells: what reaches a few cells from the cells, what reaches far from block means.

    Next to the noise of single cells a part that reaches far is hardly seen, although it decides the error of a
    sum. In means of blocks as wide as the short part reaches, the short part is small, and what is left of it is its
    whole contribution to a sum, whatever its shape.

    Returns
    -------
    tuple of Correlation and Raster, or None
        Without degrees of freedom, which ``degrees_of`` finds from the second: the block means, None where too few.

    Raises
    ------
    InputError
        When there are too few values.

    References
    ----------
    Hugonnet, R. et al. 2022, DOI 10.1109/JSTARS.2022.3188922 (short and long range, and their test by patches).
    """
    fine = fit(empirical(values))
    size = max(2, int(np.ceil(fine.ranges[0] / values.grid.cell)))
    blocks = _block_means(values, size)
    if np.count_nonzero(np.isfinite(blocks.values)) < LEAST_BLOCKS or not fine.sills[0] > 0.0:
        return fine, None
    coarse = _fit_parts(empirical(blocks), far_only=True)
    far_sill, far_range = coarse.sills[1], coarse.ranges[1]
    sill = max(0.0, fine.sills[0] + fine.sills[1] - far_sill)
    # the sum over all distances of a spherical part is pi / 5 times sill times range squared
    reach = coarse.nugget * blocks.grid.cell_area - fine.nugget * values.grid.cell_area
    near_range = float(np.sqrt(max(reach, 0.0) * 5.0 / (np.pi * sill))) if sill > 0.0 else values.grid.cell
    ranges = (max(near_range, 0.5 * values.grid.cell), far_range)
    return Correlation(fine.nugget, (sill, far_sill), ranges), blocks


def fit(variogram: Variogram) -> Correlation:
    """Nugget and two spherical parts, one short and one long, by weighted least squares.

    References
    ----------
    Cressie, N. 1985, "Fitting variogram models by weighted least squares", Mathematical Geology 17,
    DOI 10.1007/BF01032109 (weights: pairs over squared model; here the squared estimate, damped so that the many
    pairs of long distances do not decide alone).
    """
    return _fit_parts(variogram, far_only=False)


def _fit_parts(variogram: Variogram, *, far_only: bool) -> Correlation:
    lag, gamma = variogram.lag, variogram.gamma
    top = float(np.max(gamma))
    if not top > 0.0:
        return Correlation(0.0, (0.0, 0.0), (float(lag[0]), float(lag[-1])))
    weight = 1.0 / np.maximum(gamma, 0.05 * top)

    def residuals(p: Floats) -> Floats:
        return (_model(p, lag) - gamma) * weight

    fits = []
    for share in (0.15, 0.4):
        middle = lag[0] + share * (lag[-1] - lag[0])
        near_sill = 1e-12 * top if far_only else 2.0 * top
        shortest = 1.5 * lag[0] if far_only else middle
        lower = [0.0, 0.0, 0.0, 0.5 * lag[0], shortest]
        upper = [2.0 * top, near_sill, 2.0 * top, middle, max(lag[-1], 2.0 * shortest)]
        start = [0.1 * top, 0.5 * near_sill, 0.2 * top, float(np.sqrt(lag[0] * middle)), 0.5 * (shortest + upper[4])]
        fits.append(optimize.least_squares(residuals, start, bounds=(lower, upper)))
    best = min(fits, key=lambda found: float(found.cost))
    nugget, short, long, near, far = (float(v) for v in best.x)
    return Correlation(nugget, (short, long), (near, far))


def degrees_of(blocks: Raster | None) -> float:
    """Degrees of freedom of the variance of a sum, from leaving out each of 3 x 3 parts of the area in turn.

    ``blocks`` are block means of standardised change, NaN where void; without them the degrees are infinite.

    A variance known to a relative error k is as good as one of 2 / k^2 independent values (Satterthwaite, F.E. 1946,
    Biometrics Bulletin 2, DOI 10.2307/3002019).
    """
    if blocks is None:
        return np.inf
    rows, columns = (np.array_split(np.arange(n), 3) for n in blocks.grid.shape)
    logs = []
    for some_rows in rows:
        for some_columns in columns:
            values = blocks.values.copy()
            values[np.ix_(some_rows, some_columns)] = np.nan
            if np.count_nonzero(np.isfinite(values)) < LEAST_BLOCKS // 2:
                return LEAST_DEGREES
            part = _fit_parts(empirical(Raster(values, blocks.grid)), far_only=True)
            reach = part.nugget * blocks.grid.cell_area + np.pi / 5.0 * part.sills[1] * part.ranges[1] ** 2
            logs.append(np.log(max(reach, 1e-300)))
    variance = (len(logs) - 1) * float(np.var(logs))
    return float(np.clip(2.0 / max(variance, 1e-6), LEAST_DEGREES, 1000.0))


def _block_means(values: Raster, size: int) -> Raster:
    """Means of whole blocks of ``size`` x ``size`` cells; NaN where more than a fifth of a block is void."""
    rows, columns = (n // size for n in values.grid.shape)
    if min(rows, columns) < 1:
        return Raster(np.full((1, 1), np.nan), Grid(0, 0, 1, 1, size * values.grid.cell))
    cells = np.asarray(values.values, dtype=np.float64)[: rows * size, : columns * size]
    cells = cells.reshape(rows, size, columns, size).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    known = np.isfinite(cells)
    number = known.sum(axis=2)
    total = np.where(known, cells, 0.0).sum(axis=2)
    mean = np.divide(total, number, out=np.full(total.shape, np.nan), where=number >= 0.8 * size**2)
    return Raster(mean, Grid(0, 0, columns, rows, size * values.grid.cell))


def variance_of_sum(weights: Raster, correlation: Correlation, power: int = 1) -> tuple[float, float]:
    """Variance of a weighted sum of cells: what independent errors give, and what correlated ones add.

    Parameters
    ----------
    weights
        Weight times standard deviation of each cell, 0 or NaN where a cell takes no part.
    correlation
        Covariance of cells of unit variance.
    power
        The covariance counts to this power, as it does for the power-th Hermite polynomial of normal errors.

    References
    ----------
    Rolstad, C., Haug, T. & Denby, B. 2009, Journal of Glaciology 55, DOI 10.3189/002214309789470950 (variance of a
    spatial mean); here the double sum itself, by fast Fourier transform, so that any shape and any weights are exact.
    """
    values = np.nan_to_num(np.asarray(weights.values, dtype=np.float64))
    shared = sum(correlation.sills)
    own = (correlation.nugget + shared) ** power - shared**power
    independent = own * float(np.sum(values**2))
    if not any(correlation.sills) or not values.any():
        return independent, 0.0
    step = max(1, -(-max(values.shape) // FFT_CELLS))
    blocks = _block_sums(values, step)
    shape = tuple(fft.next_fast_len(2 * n - 1, real=True) for n in blocks.shape)
    spectrum = fft.rfft2(blocks, shape, workers=N_THREADS)
    products = fft.irfft2(np.abs(spectrum) ** 2, shape, workers=N_THREADS)
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in shape)
    reach = max(correlation.ranges) / (step * weights.grid.cell) + 2.0
    near_rows, near_columns = np.flatnonzero(rows <= reach), np.flatnonzero(columns <= reach)
    covariance = _block_covariance(rows[near_rows], columns[near_columns], step, weights.grid.cell, correlation, power)
    return independent, max(0.0, float(np.sum(products[np.ix_(near_rows, near_columns)] * covariance)))


def _block_sums(values: Floats, step: int) -> Floats:
    if step == 1:
        return values
    rows, columns = (-(-n // step) * step for n in values.shape)
    padded = np.zeros((rows, columns))
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(padded.reshape(rows // step, step, columns // step, step).sum(axis=(1, 3)))


def _block_covariance(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    step: int,
    cell: float,
    correlation: Correlation,
    power: int,
) -> Floats:
    """Mean covariance between the cells of two blocks of ``step`` x ``step`` cells, by distance in blocks."""
    total = np.zeros((rows.size, columns.size))
    offsets = np.arange(1 - step, step)
    share = (step - np.abs(offsets)) / step**2
    for i, share_i in zip(offsets, share, strict=True):
        for j, share_j in zip(offsets, share, strict=True):
            distance = cell * np.hypot((rows * step + i)[:, None], (columns * step + j)[None, :])
            total += share_i * share_j * correlation.covariance(distance) ** power
    return total


def _model(p: Floats, lag: Floats) -> Floats:
    nugget, short, long, near, far = p
    return np.asarray(nugget + short * _spherical(lag / near) + long * _spherical(lag / far))


def _spherical(h: Floats) -> Floats:
    h = np.minimum(h, 1.0)
    return 1.5 * h - 0.5 * h**3


def _too_few(n: int) -> InputError:
    return InputError(
        f"variogram: {n} cells of stable ground are too few to tell how errors correlate; survey more ground around "
        "the change",
        f"不動域のセルが {n} 個しかなく誤差の空間相関を推定できません。変化域の周囲を広く測量してください。",
        value=n,
    )
