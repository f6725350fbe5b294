"""Noise counts as cut where it is negative and as fill where it is positive: how much, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pointcloud.change.stable import odd_cells, window_mean
from pointcloud.grid import Raster

NORMAL_95 = 1.959963984540054

SMOOTHING = 5.0
"""Edge (m) of the window whose mean stands for the true change when the share of noise is reckoned."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Noise:
    """What noise does to cut and fill of each cell.

    Parameters
    ----------
    added
        Metres that noise adds to both; 0 where void or certain.
    is_fill
        Probability that the true change is a rise.
    bend
        Standard deviation times the normal density at the change, metres.
    """

    added: Floats
    is_fill: Floats
    bend: Floats


def noise_of(change: Raster, sigma: Raster, stable: Mask) -> Noise:
    """What normal noise does to cut and fill, cell by cell.

    For a true change d and noise of standard deviation s both sums grow by s phi(d/s) - |d| Phi(-|d|/s). The mean of
    a small window stands for d, and zero where that mean is within its own noise: the noise of the mean would
    otherwise look like change and hide half of what has to be taken out.

    References
    ----------
    Leone, F.C., Nelson, L.S. & Nottingham, R.B. 1961, "The folded normal distribution", Technometrics 3,
    DOI 10.1080/00401706.1961.10489974.
    """
    spread = np.nan_to_num(sigma.values)
    size = odd_cells(SMOOTHING, change.grid.cell)
    own = window_variance(change, sigma, stable, size)
    t = np.divide(
        np.nan_to_num(window_mean(change.values, size)), spread, out=np.zeros(spread.shape), where=spread > 0.0
    )
    t = np.where(np.abs(t) > NORMAL_95 * np.sqrt(own), np.clip(t, -40.0, 40.0), 0.0)
    density = np.exp(-0.5 * t**2) / np.sqrt(2.0 * np.pi)
    added = spread * (density - np.abs(t) * special.ndtr(-np.abs(t)))
    return Noise(added, np.asarray(special.ndtr(t), dtype=np.float64), spread * density)


def window_variance(change: Raster, sigma: Raster, stable: Mask, size: int) -> float:
    """Variance of the mean of change over sigma in windows of ``size`` cells, measured on stable ground."""
    known = np.isfinite(change.values) & np.isfinite(sigma.values)
    standardised = np.divide(change.values, sigma.values, out=np.full(known.shape, np.nan), where=known)
    means = window_mean(standardised, size)[stable & known]
    return float(np.mean(means**2)) if means.size else 1.0
