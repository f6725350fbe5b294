"""Progressive morphological opening of the surface of lowest points."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.windows import minima

Floats = NDArray[np.float64]


def erode(surface: Floats, radius: int) -> Floats:
    """Minimum over the disk of ``radius`` cells around each cell; +inf marks unknown cells."""
    half_widths = np.array([math.isqrt(radius * radius - offset * offset) for offset in range(radius + 1)])
    return minima(surface, half_widths)


def opened(surface: Floats, radius: int) -> Floats:
    """Opening by a disk of ``radius`` cells; NaN marks unknown cells and stays."""
    unknown = np.isnan(surface)
    low = erode(np.where(unknown, np.inf, surface), radius)
    np.negative(low, out=low)
    low[low == -np.inf] = np.inf
    high = erode(low, radius)
    np.negative(high, out=high)
    high[unknown] = np.nan
    return high


def object_mask(surface: Floats, cell: float, radii: list[int], slope: float, offset: float) -> NDArray[np.bool_]:
    """Cells that stand above an opening of the surface by more than ``slope`` x radius + ``offset``.

    Each opening is taken of the surface itself, not of the previous opening as in Pingel et al. (2013): the
    result is the same where the disks are nested openings of each other, needs no memory of earlier windows and
    bounds the halo by twice the largest window.
    """
    mask = np.zeros(surface.shape, dtype=bool)
    for radius in radii:
        drop = surface - opened(surface, radius)
        mask |= drop > slope * radius * cell + offset
    return mask
