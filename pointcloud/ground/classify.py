"""Ground classification without a required parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.ground.bands import run_bands
from pointcloud.ground.lattice import Lattice, cells_of_points, filled, lattice, working_grid
from pointcloud.ground.noise import low_outlier_cells
from pointcloud.ground.opening import object_mask
from pointcloud.ground.parameters import GroundParameters, Method, survey_parameters
from pointcloud.ground.surface_kernels import heights_at
from pointcloud.ground.trend import fit_corners, slopes

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroundResult:
    """What the ground filter found, point by point.

    Parameters
    ----------
    labels
        ASPRS class of each point, uint8: 2 ground, 1 other, 7 low noise, 18 high noise, 9 water where it came in so.
    key_points
        Ground points that carry the terrain surface without bias: build terrain from these, not from class 2.
    confidence
        0-1 for each point, float32, or None.
    parameters
        Name -> value used.
    counts
        Points by outcome; the sum is the number of points.
    """

    labels: NDArray[np.uint8]
    key_points: Mask
    confidence: NDArray[np.float32] | None
    parameters: dict[str, float | str]
    counts: dict[str, int]


def classify(
    cloud: PointCloud,
    *,
    method: Method = "auto",
    cell: float | None = None,
    window: float | None = None,
    slope: float | None = None,
    threshold: float | None = None,
    scalar: float | None = None,
    parameters: GroundParameters | None = None,
) -> GroundResult:
    """Class of every point: ground, noise, water kept, or other.

    Parameters
    ----------
    cloud
        Points in metres.
    method
        "auto", or "smrf".
    cell, window, slope, threshold, scalar
        Overrides with PDAL's names; None: from the data.
    parameters
        Parameters of the whole survey (``survey_parameters``), when ``cloud`` is a tile of it; the overrides are
        then not looked at.

    Raises
    ------
    ParameterError
        When an override is not positive, or the extent is too wide for one piece.
    UnitsError
        When the cloud is in degrees or feet.

    References
    ----------
    Pingel, Clarke & McBride (2013), doi:10.1016/j.isprsjprs.2012.12.002.
    """
    if parameters is None:
        parameters = survey_parameters(
            cloud, method=method, cell=cell, window=window, slope=slope, threshold=threshold, scalar=scalar
        )
    if len(cloud) == 0:
        return _result(np.zeros(0, np.uint8), np.zeros(0, bool), parameters)
    grid = working_grid(cloud.bounds, parameters.cell)
    cells = cells_of_points(cloud, grid)
    water = _water(cloud)
    low = np.zeros(len(cloud), dtype=bool)
    for _ in range(2):
        lowest = lattice(cloud, cells, low | water, grid)
        low[lowest.index[low_outlier_cells(lowest)]] = True
    lowest = lattice(cloud, cells, low | water, grid)
    corners = _terrain(lowest, parameters)
    labels, key_points = _labels(cloud, cells, lowest, corners, low, water, parameters)
    return _result(labels, key_points, parameters)


def _water(cloud: PointCloud) -> Mask:
    classes = cloud.attributes.get("Classification")
    if classes is None:
        return np.zeros(len(cloud), dtype=bool)
    water: Mask = classes == ClassCode.WATER
    return water


def _terrain(lowest: Lattice, parameters: GroundParameters) -> Floats:
    """Corner heights of the smooth terrain."""
    cell = parameters.cell
    largest = max(1, math.ceil(parameters.window / cell))
    radii = [r for r in (1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 22, 27, 33) if r < largest] + [largest]
    surface = filled(lowest.pz)
    accepted = lowest.known & ~object_mask(surface, cell, radii, parameters.slope, 0.2)
    corners = fit_corners(lowest.px, lowest.py, lowest.pz, accepted.astype(np.float64), lowest.grid)
    for _ in range(4):
        residual = _lowest_residuals(lowest, corners)
        s = slopes(corners, cell)
        with np.errstate(invalid="ignore"):
            accepted = lowest.known & (residual > -(1.0 + 0.6 * s)) & (residual < 0.3 + 0.6 * s)
        corners = fit_corners(lowest.px, lowest.py, lowest.pz, accepted.astype(np.float64), lowest.grid)
    return corners


def _lowest_residuals(lowest: Lattice, corners: Floats) -> Floats:
    out = np.full(lowest.grid.shape, np.nan)
    known = lowest.known
    cells = np.flatnonzero(known).astype(np.int32)
    heights = _heights(lowest.px[known], lowest.py[known], cells, corners, lowest)
    out[known] = lowest.pz[known] - heights
    return out


def _heights(x: Floats, y: Floats, cells: NDArray[np.int32], corners: Floats, lowest: Lattice) -> Floats:
    grid = lowest.grid
    out = np.empty(x.size)
    run_bands(
        heights_at, x.size, x, y, cells, corners, grid.cell, grid.column, grid.south_row + grid.n_rows, after=(out,)
    )
    return out


def _labels(
    cloud: PointCloud,
    cells: NDArray[np.int32],
    lowest: Lattice,
    corners: Floats,
    low: Mask,
    water: Mask,
    parameters: GroundParameters,
) -> tuple[NDArray[np.uint8], Mask]:
    residual = cloud.z - _heights(cloud.x, cloud.y, cells, corners, lowest)
    slope = slopes(corners, parameters.cell)
    tolerance = parameters.threshold + parameters.scalar * slope.ravel()[cells]
    with np.errstate(invalid="ignore"):
        ground = (np.abs(residual) <= tolerance) & ~low & ~water
    labels = np.where(ground, np.uint8(ClassCode.GROUND), np.uint8(ClassCode.UNCLASSIFIED))
    labels[low] = ClassCode.LOW_NOISE
    labels[water] = ClassCode.WATER
    key_points = np.zeros(len(cloud), dtype=bool)
    key_points[lowest.index[lowest.known]] = True
    return labels, key_points & ground


def _result(labels: NDArray[np.uint8], key_points: Mask, parameters: GroundParameters) -> GroundResult:
    names = {1: "other", 2: "ground", 7: "low_noise", 9: "water", 18: "high_noise"}
    n = np.bincount(labels, minlength=19)
    counts = {name: int(n[code]) for code, name in names.items()}
    return GroundResult(labels, key_points, None, parameters.as_dict(), counts)
