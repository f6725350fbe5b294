"""The simple morphological filter as its authors published it, for comparison with ``auto``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground.lattice import cells_of_points, lattice
from pointcloud.ground.opening import opened
from pointcloud.ground.parameters import GroundParameters

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LOW_SLOPE = 5.0
"""Rise over run of a low outlier in the surface turned upside down, with an opening of one cell."""


def smrf(cloud: PointCloud, skip: Mask, parameters: GroundParameters) -> tuple[Mask, Floats]:
    """Ground points, and the slope (m/m) of the provisional terrain at each point.

    The lowest points of the cells make a surface, its gaps are inpainted; openings by disks of 1, 2, ... cells, each of
    the one before, tell objects; without them and without low outliers the surface is inpainted again, and points
    within threshold + scalar x slope of it are ground. Inpainting looks as far as a gap reaches, so unlike ``auto``
    the result depends on how a survey is cut into tiles.

    Parameters
    ----------
    cloud
        Points in metres, at least one that is not skipped.
    skip
        Points that are not looked at.
    parameters
        Cell, window, slope, threshold and scalar.

    References
    ----------
    Pingel, Clarke & McBride (2013), doi:10.1016/j.isprsjprs.2012.12.002, section 2. The surface and its slope are read
    at the points by cubic splines. The net cutting of section 2.2, for windows beyond 40 m, is left out.
    """
    cell = parameters.cell
    grid = Grid.covering(cloud.bounds, cell)
    lowest = lattice(cloud, cells_of_points(cloud, grid), skip, grid)
    surface = inpainted(lowest.pz)
    objects = ~lowest.known | _standing(-surface, LOW_SLOPE, 1, cell)
    objects |= _standing(surface, parameters.slope, max(1, math.ceil(parameters.window / cell)), cell)
    terrain = inpainted(np.where(objects, np.nan, surface))
    gradients = [np.gradient(terrain, cell, axis=axis) for axis in (0, 1) if terrain.shape[axis] > 1]
    steepness = np.sqrt(sum((g * g for g in gradients), start=np.zeros_like(terrain)))
    places = np.vstack((grid.north - cloud.y, cloud.x - grid.west)) / cell - 0.5
    height, slope = (ndimage.map_coordinates(v, places, order=3, mode="nearest") for v in (terrain, steepness))
    ground: Mask = np.abs(cloud.z - height) <= parameters.threshold + parameters.scalar * slope
    return ground & ~skip, np.maximum(slope, 0.0)


def _standing(surface: Floats, slope: float, largest: int, cell: float) -> Mask:
    """Cells that an opening by a growing disk lowers by more than the slope allows from the one before."""
    found, before = np.zeros(surface.shape, dtype=bool), surface
    for radius in range(1, largest + 1):
        now = opened(before, radius)
        found |= before - now > slope * radius * cell
        before = now
    return found


def inpainted(values: Floats) -> Floats:
    """The surface with its gaps closed by springs between neighbouring cells; all NaN stays.

    Each unknown cell is the mean of its four neighbours: ``inpaint_nans`` of D'Errico, method 4, that the paper uses.
    """
    unknown = np.isnan(values)
    n = int(np.count_nonzero(unknown))
    out = values.copy()
    if n in (0, values.size):
        return out
    number = np.full(values.shape, -1)
    number[unknown] = np.arange(n)
    right, rows, columns = np.zeros(n), [], []
    degree = np.zeros(n)
    for first, second in (((slice(None, -1),), (slice(1, None),)), ((..., slice(None, -1)), (..., slice(1, None)))):
        for one, other in ((first, second), (second, first)):
            here, there = number[one].ravel(), number[other].ravel()
            height = values[other].ravel()
            mine = here >= 0
            degree += np.bincount(here[mine], minlength=n)
            known = mine & (there < 0)
            right += np.bincount(here[known], weights=height[known], minlength=n)
            both = mine & (there >= 0)
            rows.append(here[both])
            columns.append(there[both])
    i, j = np.concatenate(rows), np.concatenate(columns)
    system = sparse.diags(degree) - sparse.coo_matrix((np.ones(i.size), (i, j)), shape=(n, n))
    out[unknown] = spsolve(sparse.csc_matrix(system), right)
    return out
