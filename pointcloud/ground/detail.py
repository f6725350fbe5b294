"""The fine surface of dense surveys: sharp at edges, in the middle of bare ground, low under vegetation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground import detail_kernels, label_kernels
from pointcloud.ground.bands import run_bands, run_parts
from pointcloud.ground.lattice import frame
from pointcloud.ground.parameters import GroundParameters
from pointcloud.ground.scales import CLEAN_REACH, DETAIL_ROUNDS, NOISE_REACH, THIN, THIN_FITS
from pointcloud.ground.trend import heights, slopes
from pointcloud.ground.windows import square_sums

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

RANGE = (1.0, 0.6, 1.0, 0.8)
"""Points from 1.0 m + 0.6 x slope below the key surface to 1.0 m + 0.8 x slope above it are looked at."""
SOFT = (0.06, 0.03, 3.0)
"""Height above the surface at which a point has half its weight: 0.06 m + 0.03 x slope; below it three times that.

The ranging noise of airborne surveys is 0.02-0.05 m: wider, and the planes climb into grass and shrubs."""
FACE = (0.075, 0.045, 8.0)
"""A bare face: the points of a window, eight and all of them, spread by up to 0.075 m + 0.045 x its slope."""
LEAST = 5.0
"""Least sum of weights of a plane."""
TIGHT = (0.06, 1.5)
"""A plane is tight up to a spread of 0.06 m, or 1.5 times the least spread around."""
CLEAN = (0.9, 0.15, 0.05, 0.05, 0.03)
"""Bare: 90 % of a window's points within 0.15 m + 0.05 x slope of the surface, spread below 0.05 + 0.03 x slope."""
EXPLAINED = (0.8, 0.12, 0.06)
"""An edge between bare faces: 80 % of the points around lie within 0.12 m + 0.06 x slope of a clean plane."""
EDGE = (0.3, 0.2, 2.0)
"""Planes that differ by 0.3 m between bare faces, or elsewhere by 0.2 m + 2 x noise, make an edge."""
CLIMB = (0.3, 0.3)
"""Where less than 30 % is explained there is vegetation, into which planes climb: half way back to the key surface."""
THIN_CLIMB = 0.3
"""Planes climb plants by decimetres: where those of a thin survey lie 0.3 m and more above the key surface, it is that
surface that cuts a crest off, and they stay."""
NOISE_PRIOR = (5.0, 0.04)
"""The noise of the ground is measured from what lies below the surface, with 0.04 m as five further points."""
NOISE_DEPTHS = (0.6, 0.2)
"""Points up to 0.6 m below count for it; it is taken as 0.2 m at most."""
GROUND_NOISE = (0.65, 0.45)
"""Class 2: up to the threshold + 0.65 x noise above the surface (twice that below); 0.45 x in a thin survey, where the
face below a crest is part of what is measured as noise."""
KEY = (0.075, 0.25)
"""Key points: up to 0.075 m + 0.25 x noise from it."""


@dataclass(slots=True)
class Points:
    """Points near the key surface, sorted by cell, in local coordinates.

    Parameters
    ----------
    index
        Their places in the cloud.
    starts
        Place of the first point of each cell, and behind the last.
    u, v
        Cells to the east and to the south of the middle of the cell.
    h, h_key
        Metres of the point and of the key surface above ``base``.
    base, slope
        Height (m) of the middle of each cell and slope (m/m) of the key surface there; NaN where unknown.
    grid
        Working grid.
    """

    index: NDArray[np.signedinteger]
    starts: Index
    u: Small
    v: Small
    h: Small
    h_key: Small
    base: Floats
    slope: Floats
    grid: Grid

    def anchor(self, cloud: PointCloud, corners: Floats) -> None:
        """Take the surface of these corners for the key surface."""
        cells = np.repeat(np.arange(self.base.size, dtype=np.int32), np.diff(self.starts))
        key = heights(cloud.x[self.index], cloud.y[self.index], cells, corners, self.grid)
        self.h_key = (key - self.base[cells]).astype(np.float32)

    def around(self, counts: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
        """Sum of the cells' counts up to ``reach`` cells each way, flat."""
        return square_sums(counts.reshape(self.grid.shape), reach).ravel()

    def share_close(self, surface: Small, beside: Small, limit: Floats) -> Floats:
        """Share of the points within the limit in the 3 x 3 cells around each cell; 0 where there is no point."""
        close = np.empty(self.base.size, dtype=np.int64)
        run_bands(label_kernels.count_close, close.size, self.h, surface, beside, self.starts, limit, after=(close,))
        out: Floats = self.around(close, 1) / np.maximum(self.around(np.diff(self.starts), 1), 1)
        return out


@dataclass(slots=True)
class Surface:
    """The fine surface at each point, float32 metres above the base of its cell.

    Parameters
    ----------
    planes
        Height, rises and spread of each cell's plane.
    height
        Blend of the tight planes around.
    """

    planes: Floats
    height: Small


def detail(
    cloud: PointCloud,
    cells: NDArray[np.int32],
    skip: Mask,
    key_corners: Floats,
    grid: Grid,
    parameters: GroundParameters,
) -> tuple[Mask, Mask]:
    """Ground points and key points of a dense survey.

    A surface through lowest points lies under bare ground by the ranging noise and cuts every edge of a terrace or
    road. Here planes are fitted to all points of 3 x 3 cells, reweighted towards the lower side; each point is held
    against the tight planes around it, so that edges stay sharp, and, between bare faces, against the clean planes
    beyond its own window. The key points are those nearest to that surface in the quarters of a cell.

    In a thin survey the blocks of lowest points are wide, and their surface cuts crests off by more than planes
    climb back. There further fits start from the planes of the one before.

    Parameters
    ----------
    cloud
        Points in metres.
    cells
        Flat cell of each point on ``grid``.
    skip
        Noise.
    key_corners
        Heights of the surface through the key points of lowest points; it anchors the planes.
    grid
        Working grid.
    parameters
        Threshold and scalar of the ground.

    References
    ----------
    Kuwahara et al. (1976), doi:10.1007/978-1-4684-0769-3_13: of the windows around a place the smoothest counts.
    Here the windows hold planes, and several may count.
    """
    points = _near(cloud, cells, skip, key_corners, grid, parameters)
    surface = _fit(points)
    is_thin, corners = parameters.spacing > THIN * parameters.cell, key_corners
    for _ in range(THIN_FITS - 1 if is_thin else 0):
        corners = _fine_corners(corners, surface.planes)
        points = _near(cloud, cells, skip, corners, grid, parameters)
        surface = _fit(points)
    if is_thin:
        points.anchor(cloud, key_corners)
    noise = _noise(points, surface.height)
    ground, away = _labels(points, surface, noise, parameters, is_thin)
    key = np.empty(ground.size, dtype=bool)
    run_bands(
        label_kernels.nearest_of_quarters, points.base.size, cloud.x, cloud.y, points.index, points.u, points.v, away,
        points.starts, KEY[0] + KEY[1] * noise, after=(key,),
    )  # fmt: skip
    out = np.zeros(len(cloud), dtype=bool), np.zeros(len(cloud), dtype=bool)
    for mask, found in zip(out, (ground, key), strict=True):
        run_bands(label_kernels.put, found.size, found, points.index, after=(mask,))
    return out


def _near(
    cloud: PointCloud,
    cells: NDArray[np.int32],
    skip: Mask,
    corners: Floats,
    grid: Grid,
    parameters: GroundParameters,
) -> Points:
    slope = slopes(corners, grid.cell).ravel()
    above = max(RANGE[2], 2.0 * parameters.threshold), max(RANGE[3], 2.0 * parameters.scalar)
    place = cloud.x, cloud.y, cloud.z, corners, frame(grid)
    chosen = np.empty(len(cloud), dtype=bool)
    counts = run_parts(
        detail_kernels.near_points, len(cloud), *place, slope, skip, np.array((*RANGE[:2], *above)), chosen,
        part=lambda: np.zeros(slope.size, dtype=np.int64),
    )  # fmt: skip
    starts = np.zeros(slope.size + 1, dtype=np.int64)
    np.cumsum(np.sum(counts, axis=0), out=starts[1:])
    n = int(starts[-1])
    kind: type[np.signedinteger] = np.int32 if len(cloud) < 2**31 else np.int64
    index = np.empty(n, dtype=kind)
    firsts = itertools.accumulate(counts[:-1], initial=starts[:-1])
    run_parts(detail_kernels.sort_by_cell, len(cloud), chosen, cells, index, part=lambda: next(firsts).copy())
    base = (0.25 * (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:])).ravel()
    u, v, h, h_key = (np.empty(n, dtype=np.float32) for _ in range(4))
    run_bands(detail_kernels.local_coordinates, n, *place, index, base, after=(u, v, h, h_key))
    return Points(index, starts, u, v, h, h_key, base, slope, grid)


def _fine_corners(key_corners: Floats, planes: Floats) -> Floats:
    """Heights at the cells' corners of the tight planes around, of the key surface where there is none."""
    corners = np.empty_like(key_corners)
    before = planes, key_corners, *TIGHT
    run_bands(detail_kernels.corners_of_planes, corners.shape[0], *before, after=(corners,), size=corners.size)
    return corners


def _fit(points: Points) -> Surface:
    """The surface after all rounds.

    The first round takes every point alike and keeps the planes of bare faces only: where nothing grows no point
    needs to be left out, and a crest or bank that the key surface cuts off is found again.
    """
    n_cells = points.base.size
    moments, planes = np.empty((n_cells, 10)), np.zeros((n_cells, 4))
    out = Surface(planes, points.h_key.copy())
    seen = points.u, points.v, points.h_key, points.starts, points.base, planes, points.grid.shape, *TIGHT
    for is_first in [True] + [False] * (DETAIL_ROUNDS - 1):
        soft, least = ((np.inf, 0.0, 1.0), FACE[2]) if is_first else (SOFT, LEAST)
        run_bands(
            detail_kernels.cell_moments, n_cells, points.u, points.v, points.h, out.height, points.starts,
            points.slope, np.array(soft), after=(moments,),
        )  # fmt: skip
        run_bands(detail_kernels.fit_planes, n_cells, moments, points.base, *points.grid.shape, least, after=(planes,))
        if is_first:
            limit = FACE[0] + FACE[1] * np.hypot(planes[:, 1], planes[:, 2]) / points.grid.cell
            planes[planes[:, 3] > limit, 3] = np.inf
        run_bands(detail_kernels.blend_planes, n_cells, *seen, after=(out.height,))
    return out


def _noise(points: Points, surface: Small) -> Floats:
    """Standard deviation (m) of the ground in each cell from the points below the surface around."""
    n, total = (np.empty(points.base.size, dtype=np.int64) for _ in range(2))
    run_bands(label_kernels.depths, n.size, points.h, surface, points.starts, NOISE_DEPTHS[0], after=(n, total))
    squares = points.around(total, NOISE_REACH) / label_kernels.STEPS + NOISE_PRIOR[0] * NOISE_PRIOR[1] ** 2
    noise: Floats = np.minimum(np.sqrt(squares / (points.around(n, NOISE_REACH) + NOISE_PRIOR[0])), NOISE_DEPTHS[1])
    return noise


def _labels(
    points: Points, surface: Surface, noise: Floats, parameters: GroundParameters, is_thin: bool
) -> tuple[Mask, Small]:
    """Ground points and their distance (m) from the surface, which is brought down where it climbs plants."""
    n_cells, slope = points.base.size, points.slope
    beside, clean_low, clean_high = np.full_like(points.h, np.inf), np.empty_like(points.h), np.empty_like(points.h)
    is_bare = points.share_close(surface.height, beside, CLEAN[1] + CLEAN[2] * slope) >= CLEAN[0]
    clean = surface.planes.copy()
    with np.errstate(invalid="ignore"):
        clean[~(is_bare & (clean[:, 3] <= CLEAN[3] + CLEAN[4] * slope)), 3] = np.inf
    run_bands(
        detail_kernels.nearest_plane, n_cells, points.u, points.v, points.h, points.starts, points.base, clean,
        points.grid.shape, CLEAN_REACH, after=(beside, clean_low, clean_high),
    )  # fmt: skip
    del clean
    explained = points.share_close(surface.height, beside, EXPLAINED[1] + EXPLAINED[2] * slope)
    share, most = np.clip((explained - CLIMB[0]) / CLIMB[1], 0.5, 1.0), THIN_CLIMB if is_thin else np.inf
    run_bands(label_kernels.climbed_down, n_cells, points.h_key, points.starts, share, most, after=(surface.height,))
    tolerance = parameters.threshold + parameters.scalar * slope + GROUND_NOISE[is_thin] * noise
    ground, away = np.empty(points.h.size, dtype=bool), points.h_key  # which has served; here memory is at its peak
    run_bands(
        label_kernels.label_ground, n_cells, points.u, points.v, points.h, surface.height, beside, clean_low,
        clean_high, points.starts, points.base, surface.planes, points.grid.shape, explained > EXPLAINED[0], noise,
        tolerance, np.array((*EDGE, *TIGHT)), after=(ground, away),
    )  # fmt: skip
    return ground, away
