"""How far a ground height can be trusted: one value from 0 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.distance import distance_within
from pointcloud.ground.scales import REACH, ROUGHNESS_REACH
from pointcloud.ground.windows import square_sums

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def confidence_cells(keys: Mask, rough: Floats, slope: Floats) -> NDArray[np.float32]:
    """Confidence of the ground height in each cell, float32 from 0 to 1, shape of ``keys``.

    The product of four shares: density of key points, n / (n + 4) of the n within 4 cells each way, scaled to 1 at
    one a cell; roughness, 1 / (1 + (r / 0.2 m)^2); slope, 1 / (1 + s^2); distance to the nearest key point, falling
    evenly from 1 at a key point's cell to 0 at ten cells. All four reach a few cells only, so a tile gives the
    survey's values.

    Parameters
    ----------
    keys
        Cells that have a key point.
    rough
        Mean distance (m) of the lowest points from a smooth surface; NaN where unknown, taken as 0.2 m.
    slope
        Slope (m/m) of the ground; NaN where unknown: confidence 0.
    """
    width = 2 * ROUGHNESS_REACH + 1
    n = square_sums(keys.astype(np.int64), ROUGHNESS_REACH).astype(np.float64)
    full = width * width / (width * width + 4.0)
    density = n / (n + 4.0) / full
    near = np.clip(1.0 - distance_within(keys, REACH) / REACH, 0.0, 1.0)
    r = np.where(np.isnan(rough), 0.2, rough)
    out = density * near / (1.0 + (r / 0.2) ** 2) / (1.0 + slope * slope)
    known: NDArray[np.float32] = np.nan_to_num(out).astype(np.float32)
    return known
