"""Sums and minima over windows of cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground import kernels
from pointcloud.ground.bands import run_bands

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def square_sums(values: Counts, reach: int) -> Counts:
    """Sum of the cells up to ``reach`` rows and columns away; cells beyond the edge do not count."""
    out = np.empty(values.shape, dtype=np.int64)
    run_bands(kernels.square_sums, values.shape[0], values, reach, after=(out,), size=values.size)
    return out


def minima(surface: Floats, half_widths: Counts) -> Floats:
    """Minimum over a shape that is ``half_widths[k]`` cells wide to each side k rows above and below each cell.

    The widths fall with k; cells beyond the edge do not count. ``surface`` has no NaN.
    """
    out = np.empty(surface.shape)
    run_bands(kernels.window_minima, surface.shape[0], surface, half_widths, after=(out,), size=surface.size)
    return out
