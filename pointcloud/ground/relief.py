"""Pictures of the terrain's shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.grid import Raster
from pointcloud.ground import relief_kernels
from pointcloud.ground.bands import run_bands


def gradient(surface: Raster) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope towards east and towards north (m/m) by Horn's 3 x 3 weights; NaN beside voids and borders.

    References
    ----------
    Horn, B.K.P. 1981, "Hill shading and the reflectance map", Proc. IEEE 69(1), DOI 10.1109/PROC.1981.11918.
    """
    z = np.ascontiguousarray(surface.values, dtype=np.float64)
    to_east, to_north = np.empty(z.shape), np.empty(z.shape)
    run_bands(relief_kernels.slopes, z.shape[0], z, 8.0 * surface.grid.cell, after=(to_east, to_north), size=z.size)
    return to_east, to_north


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
