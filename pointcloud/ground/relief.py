"""Pictures of the terrain's shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.grid import Raster


def gradient(surface: Raster) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope towards east and towards north (m/m) by Horn's 3 x 3 weights; NaN beside voids and borders.

    References
    ----------
    Horn, B.K.P. 1981, "Hill shading and the reflectance map", Proc. IEEE 69(1), DOI 10.1109/PROC.1981.11918.
    """
    z = np.pad(surface.values.astype(np.float64), 1, constant_values=np.nan)
    north, middle, south = z[:-2], z[1:-1], z[2:]
    scale = 8.0 * surface.grid.cell
    east_minus_west = (
        (north[:, 2:] - north[:, :-2]) + 2.0 * (middle[:, 2:] - middle[:, :-2]) + (south[:, 2:] - south[:, :-2])
    )
    north_minus_south = (
        (north[:, :-2] - south[:, :-2]) + 2.0 * (north[:, 1:-1] - south[:, 1:-1]) + (north[:, 2:] - south[:, 2:])
    )
    return east_minus_west / scale, north_minus_south / scale


def hillshade(surface: Raster, azimuth: float = 315.0, altitude: float = 45.0) -> Raster:
    """Share of light (0-1) that each cell reflects from a sun at ``azimuth`` (clockwise from north) and ``altitude``.

    Degrees. A level cell has sin(altitude); faces turned away from the sun have 0. NaN where the gradient is.
    """
    east, north = gradient(surface)
    azimuth_rad, altitude_rad = np.radians(azimuth), np.radians(altitude)
    towards_sun = np.sin(azimuth_rad) * east + np.cos(azimuth_rad) * north
    steepness = np.sqrt(1.0 + east**2 + north**2)
    light = (np.sin(altitude_rad) - np.cos(altitude_rad) * towards_sun) / steepness
    return Raster(np.clip(light, 0.0, 1.0), surface.grid)
