"""Ground classification without a required parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.grid import Grid
from pointcloud.ground import label_kernels
from pointcloud.ground.bands import run_bands
from pointcloud.ground.confidence import confidence_cells
from pointcloud.ground.detail import detail
from pointcloud.ground.keypoints import key_cells
from pointcloud.ground.lattice import Lattice, cells_of_points, frame, lattice, of_cells, working_grid
from pointcloud.ground.mask import Terrain, find_terrain
from pointcloud.ground.noise import high_outliers, low_outliers
from pointcloud.ground.parameters import GroundParameters, Method, survey_parameters
from pointcloud.ground.trend import residuals, slopes

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOISE_DEPTH = 0.5
"""Metres below the key points' surface from which a lowest point that lies alone is labelled noise, on level ground;
more by the height that a slope gains between neighbouring points."""


BELOW = (1.5, 1.5)
"""Metres below the ground's surface, and more by its slope, from which what is not ground is low noise."""
CODES = np.array((ClassCode.GROUND, ClassCode.LOW_NOISE, ClassCode.UNCLASSIFIED), dtype=np.uint8)


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
        Trust in the ground height at each point, 0-1, float32; see `pointcloud.ground.confidence`.
    parameters
        Name -> value used.
    counts
        Points by outcome; the sum is the number of points.
    """

    labels: NDArray[np.uint8]
    key_points: Mask
    confidence: NDArray[np.float32]
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
    n_near: int | None = None,
) -> GroundResult:
    """Class of every point: ground, noise, water kept, or other.

    Parameters
    ----------
    cloud
        Points in metres.
    method
        "auto", or "smrf": the filter of Pingel et al. as published (see `pointcloud.ground.smrf`), for comparison.
    cell, window, slope, threshold, scalar
        Overrides with PDAL's names; None: from the data.
    parameters
        Parameters of the whole survey (``survey_parameters``), when ``cloud`` is a tile of it; the overrides are
        then not looked at.
    n_near
        Only so many points at the beginning are labelled. Those behind them are what a tile needs of its surroundings
        beyond `near_halo`: `thinning.far_points` or more. None: all are labelled.

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
    n_near = len(cloud) if n_near is None else n_near
    if n_near == 0:
        return _result(np.zeros(0, np.uint8), np.zeros(0, bool), np.zeros(0, np.float32), parameters)
    grid = working_grid(cloud.bounds, parameters.cell)
    cells = cells_of_points(cloud, grid)
    if parameters.method == "smrf":
        return _as_published(cloud, n_near, cells, grid, parameters)
    water, high = _water(cloud), high_outliers(cloud, cells, grid)
    low, lowest = low_outliers(cloud, cells, water | high, grid)
    terrain = find_terrain(lowest, parameters)
    skip, near = water | high | low, slice(n_near)
    labels, key_points, confidence = _labels(cloud, n_near, cells, skip, lowest, terrain, parameters)
    if terrain.decks.any():
        labels[(labels == ClassCode.GROUND) & of_cells(terrain.decks, cells[near])] = ClassCode.UNCLASSIFIED
    labels[low[near]] = ClassCode.LOW_NOISE
    labels[high[near]] = ClassCode.HIGH_NOISE
    labels[water[near]] = ClassCode.WATER
    return _result(labels, key_points & (labels == ClassCode.GROUND), confidence, parameters)


def _as_published(
    cloud: PointCloud, n_near: int, cells: NDArray[np.int32], grid: Grid, parameters: GroundParameters
) -> GroundResult:
    """Classes 2 and 1 of the published filter; key points are the lowest ground points of the cells."""
    from pointcloud.ground.smrf import smrf  # SciPy's solvers: not for who takes the usual method

    water, near = _water(cloud), slice(n_near)
    if water.all():
        labels = np.full(n_near, ClassCode.WATER, np.uint8)
        return _result(labels, water[near] & False, water[near] * np.float32(0), parameters)
    ground, steepness = smrf(cloud, water, parameters)
    labels = np.where(ground, ClassCode.GROUND, ClassCode.UNCLASSIFIED).astype(np.uint8)
    labels[water] = ClassCode.WATER
    lowest = lattice(cloud, cells, ~ground, grid)
    key_points = np.zeros(len(cloud), dtype=bool)
    key_points[lowest.index[lowest.known]] = True
    slope = np.zeros(grid.shape)
    slope.ravel()[cells] = steepness
    confidence = of_cells(confidence_cells(lowest.known, np.full(grid.shape, np.nan), slope), cells[near])
    return _result(labels[near], key_points[near], confidence, parameters)


def _water(cloud: PointCloud) -> Mask:
    classes = cloud.attributes.get("Classification")
    if classes is None:
        return np.zeros(len(cloud), dtype=bool)
    water: Mask = classes == ClassCode.WATER
    return water


def _labels(
    cloud: PointCloud,
    n_near: int,
    cells: NDArray[np.int32],
    skip: Mask,
    lowest: Lattice,
    terrain: Terrain,
    parameters: GroundParameters,
) -> tuple[NDArray[np.uint8], Mask, NDArray[np.float32]]:
    """Class, key points and confidence; ``skip`` is the caller's no more: further noise comes into it."""
    keys, noise, key_corners, rough = key_cells(lowest, terrain, parameters.spacing)
    slope = slopes(terrain.corners, parameters.cell)
    with np.errstate(invalid="ignore"):
        noise &= residuals(lowest, key_corners) < -NOISE_DEPTH * (1.0 + 2.0 * parameters.spacing * slope)
    is_ground = parameters.threshold, parameters.scalar
    alone, found = lowest.index[noise], None
    skip[alone] = True
    cloud, cells, skip, alone = cloud.take(slice(n_near)), cells[:n_near], skip[:n_near], alone[alone < n_near]
    if parameters.is_dense:
        found = detail(cloud, cells, skip, key_corners, lowest.grid, parameters)
        is_ground = -1.0, 0.0  # the fine surface has told what is ground; no distance from this one does
    labels = np.empty(n_near, dtype=np.uint8)
    run_bands(
        label_kernels.label_points, n_near, cloud.x, cloud.y, cloud.z, terrain.corners, frame(lowest.grid), slope,
        np.array((*is_ground, *BELOW)), CODES, after=(labels,),
    )  # fmt: skip
    if found is None:
        index = lowest.index[keys]
        key_points = np.zeros(n_near, dtype=bool)
        key_points[index[index < n_near]] = True
    else:
        ground, key_points = found
        labels[ground] = ClassCode.GROUND
        keys = np.zeros(slope.shape, dtype=bool)
        keys.ravel()[cells[key_points]] = True
    labels[alone] = ClassCode.LOW_NOISE
    confidence = of_cells(confidence_cells(keys & ~noise, rough, slope), cells)
    return labels, key_points, confidence


def _result(
    labels: NDArray[np.uint8], key_points: Mask, confidence: NDArray[np.float32], parameters: GroundParameters
) -> GroundResult:
    names = {1: "other", 2: "ground", 7: "low_noise", 9: "water", 18: "high_noise"}
    counts = {name: int(np.count_nonzero(labels == code)) for code, name in names.items()}
    return GroundResult(labels, key_points, confidence, parameters.as_dict(), counts)
