"""Low and high outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.ground.lattice import Lattice, filled
from pointcloud.ground.opening import opened

LOW_DROP = 5.0
"""Drop below the surroundings, in cells over one cell, from which a lowest point is an outlier."""


def low_outlier_cells(lowest: Lattice) -> NDArray[np.bool_]:
    """Cells whose lowest point lies below all of its surroundings by more than a slope of 500 %.

    The test of Pingel et al. (2013): an opening of the inverted surface with a radius of one cell.
    """
    surface = filled(lowest.pz)
    closing_drop = -opened(-surface, 1) - surface
    found: NDArray[np.bool_] = (closing_drop > LOW_DROP * lowest.grid.cell) & lowest.known
    return found
