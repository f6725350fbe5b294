"""Shift and tilt between two sets of ground points, point to plane, with their uncertainty."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from scipy.spatial import cKDTree

from pointcloud.change.stable import least_squares, tukey
from pointcloud.cloud import PointCloud

NEIGHBOURS = 40
"""Points in a plane: enough that grass and stones average out, few enough to follow the relief."""

REACH = 6.0
"""Largest distance (m) of those neighbours."""

SAMPLE, SQUARE = 80_000, 25.0
"""Points of each survey used, about, and edge (m) of the squares of ground that are taken or left whole."""

CONFIDENCE = 0.99
"""A shift is real when chance gives a larger one in less than one survey pair in a hundred."""

NOISE_BLOCK = 10.0
"""Edge (m) of the blocks in which the noise of pairs is measured."""

LEAST_RELIABILITY = 0.3
"""Share of the variation of slopes on which both surveys must agree before a horizontal shift is estimated."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Motion:
    """How far the later points lie from the earlier ones.

    Parameters
    ----------
    shift, shift_sigma
        (east, north, up) and standard errors, metres; zero east and north with NaN where the relief does not tell.
    correction
        The part of the shift that is real: zero east and north where these do not differ from zero at
        ``CONFIDENCE`` (flat ground does not tell them), then zero up where that does not.
    tilt, tilt_sigma
        Metres of height a metre towards east and north, zero where not real, and standard errors.
    n_pairs, n_blocks
        Point pairs, and blocks of ground that were left out in turn.
    """

    shift: Floats
    shift_sigma: Floats
    correction: Floats
    tilt: Floats
    tilt_sigma: Floats
    n_pairs: int
    n_blocks: int


def register(before: PointCloud, after: PointCloud, start: Floats, pivot: tuple[float, float], block: float) -> Motion:
    """Motion of ``after`` relative to ``before``, from stable ground points.

    Open3D's point-to-plane ICP finds the pose. The shift is then solved from the pairs of closest points in that
    pose, each point of either survey paired with the closest of the other. Both directions are needed: points that
    stand alone, often too high, are more often a closest point than a closest point's partner, which lifts a
    one-way result by centimetres.

    Parameters
    ----------
    before, after
        Ground points of stable ground, metres; at least ten each.
    start
        (east, north, up) of a first estimate.
    pivot
        Easting and northing where a tilt adds nothing.
    block
        Edge (m) of the blocks of the jackknife: longer than the reach of correlated errors.

    References
    ----------
    Chen, Y. & Medioni, G. 1992, "Object modelling by registration of multiple range images", Image and Vision
    Computing 10, DOI 10.1016/0262-8856(92)90066-C (point to plane).
    Künsch, H.R. 1989, "The jackknife and the bootstrap for general stationary observations", Annals of Statistics
    17, DOI 10.1214/aos/1176347265 (leaving out blocks). Hotelling, H. 1931, DOI 10.1214/aoms/1177732979 (test).
    """
    origin = np.array([*pivot, float(np.mean(before.z))])
    one, other = (np.column_stack((c.x, c.y, c.z)) - origin for c in _thinned(before, after))
    points = (one, other)
    normals = (_normals(points[0]), _normals(points[1]))
    pose = np.concatenate((start, np.zeros(2)))
    horizontal = [0, 1] if _has_relief(_pairs(points, normals, pose)) else []
    if horizontal:
        pose = _icp(points, normals, start)
    pairs = _pairs(points, normals, pose)
    free = _jackknife(pairs, _blocks(pairs.place, block), [*horizontal, 2, 3, 4])
    tilt = [3, 4] if _is_real(free, [3, 4]) else []
    columns = [*horizontal, 2, *tilt]
    for _ in range(2):
        pairs = _pairs(points, normals, _solve(pairs, columns))
    blocks = _blocks(pairs.place, block)
    full = _jackknife(pairs, blocks, columns)
    upright = full if _is_real(full, [0, 1]) else _jackknife(pairs, blocks, [2, *tilt])
    return Motion(
        shift=full.found[:3],
        shift_sigma=_sigma(full)[:3],
        correction=upright.found[:3] * [1.0, 1.0, float(np.any(upright.found[:2]) or _is_real(upright, [2]))],
        tilt=upright.found[3:],
        tilt_sigma=_sigma(free)[3:],
        n_pairs=int(pairs.place.shape[0]),
        n_blocks=full.n_blocks,
    )


def level(values: Floats, place: Floats, block: float) -> tuple[float, float, bool]:
    """Height difference of two surfaces, its standard error from leaving out blocks, and whether it is real.

    Parameters
    ----------
    values
        Differences of stable cells, metres, shape (n,).
    place
        Their easting and northing, shape (n, 2).
    block
        Edge (m) of the blocks of the jackknife.
    """
    found = float(np.median(values))
    weight = np.ones(values.size)
    for _ in range(30):
        residual = values - found
        is_spread = 2 * np.count_nonzero(residual) >= values.size  # the median of their sizes is not zero
        weight = tukey(residual) if is_spread else np.ones(values.size)
        last, found = found, float(np.sum(weight * values) / np.sum(weight))
        if abs(found - last) < 1e-6:
            break
    blocks = _blocks(place, block)
    n = int(blocks.max()) + 1
    weights, sums = np.bincount(blocks, weight, n), np.bincount(blocks, weight * values, n)
    rest = weights.sum() - weights
    left_out = (sums.sum() - sums)[rest > 0.0] / rest[rest > 0.0]
    sigma = float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))) if n > 1 else float("nan")
    limit = special.stdtrit(max(n - 1, 1), 0.5 + 0.5 * CONFIDENCE)
    return found, sigma, n > 2 and abs(found) > limit * sigma


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Partners of both surveys.

    ``normals`` of each survey and ``offsets`` (after minus before), shape (n, 3); ``place`` is the partner's east
    and north from the pivot, shape (n, 2).
    """

    normals: tuple[Floats, Floats]
    offsets: Floats
    place: Floats

    def take(self, selection: NDArray[np.intp]) -> _Pairs:
        """Some of the pairs."""
        one, other = self.normals
        return _Pairs((one[selection], other[selection]), self.offsets[selection], self.place[selection])

    def equations(self, survey: int) -> tuple[Floats, Floats]:
        """Coefficients (n, 5) of shift and tilt, and the metres (n,) that they explain, along one survey's normals."""
        normal = self.normals[survey]
        return np.column_stack((normal, normal[:, 2:] * self.place)), np.einsum("ij,ij->i", normal, self.offsets)


@dataclass(frozen=True, slots=True)
class _Estimate:
    """Shift and tilt, of which only ``columns`` were free, and their covariance, shape (5, 5)."""

    found: Floats
    covariance: Floats
    columns: list[int]
    n_blocks: int


def _thinned(before: PointCloud, after: PointCloud) -> tuple[PointCloud, PointCloud]:
    """Both surveys in the same part of squares of ground, spread over the area, where these hold too many points.

    Whole squares, because neighbours tell slopes only where points stay as close as they are.
    """
    keep_one_in = -(-max(len(before), len(after)) // SAMPLE)
    if keep_one_in == 1:
        return before, after
    chosen = []
    for cloud in (before, after):
        column, row = (np.floor(v / SQUARE).astype(np.int64) for v in (cloud.x, cloud.y))
        # large odd factors scatter the squares without a pattern
        chosen.append(cloud.take((column * 73_856_093 + row * 19_349_663) % 1_000_003 % keep_one_in == 0))
    return chosen[0], chosen[1]


def _normals(points: Floats) -> Floats:
    """Upward unit normals of the planes through each point's neighbours."""
    import open3d

    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    cloud.estimate_normals(open3d.geometry.KDTreeSearchParamHybrid(REACH, NEIGHBOURS))
    cloud.orient_normals_to_align_with_direction(np.array([0.0, 0.0, 1.0]))
    return np.array(cloud.normals, dtype=np.float64)


def _icp(points: tuple[Floats, Floats], normals: tuple[Floats, Floats], start: Floats) -> Floats:
    """(shift, tilt) of Open3D's point-to-plane ICP, rounded to where its parallel sums no longer differ."""
    import open3d

    clouds = [open3d.geometry.PointCloud(open3d.utility.Vector3dVector(p)) for p in points]
    clouds[0].normals = open3d.utility.Vector3dVector(normals[0])
    first = np.eye(4)
    first[:3, 3] = -start
    registration = open3d.pipelines.registration
    result = registration.registration_icp(
        clouds[1],
        clouds[0],
        _pair_limit(points[0]),
        first,
        registration.TransformationEstimationPointToPlane(registration.TukeyLoss(1.0)),
        registration.ICPConvergenceCriteria(relative_fitness=1e-7, relative_rmse=1e-7, max_iteration=40),
    )
    matrix = np.asarray(result.transformation)
    return np.round(np.array([*-matrix[:3, 3], -matrix[2, 0], -matrix[2, 1]]), 5)


def _pair_limit(points: Floats) -> float:
    """Farthest (m) that partners may lie apart: a few times the usual distance between points."""
    extent = np.ptp(points[:, :2], axis=0)
    return float(np.clip(3.0 * np.sqrt(extent[0] * extent[1] / points.shape[0]), 1.5, 10.0))


def _pairs(points: tuple[Floats, Floats], normals: tuple[Floats, Floats], pose: Floats) -> _Pairs:
    """All pairs of closest points, from either survey to the other, with ``after`` moved back by ``pose``."""
    before, after = points
    moved = after - pose[:3]
    moved[:, 2] -= after[:, :2] @ pose[3:]
    limit = _pair_limit(before)
    to_before = cKDTree(before).query(moved, distance_upper_bound=limit)
    to_after = cKDTree(moved).query(before, distance_upper_bound=limit)
    close_after, close_before = np.isfinite(to_before[0]), np.isfinite(to_after[0])
    i = np.concatenate((to_before[1][close_after], np.flatnonzero(close_before)))
    j = np.concatenate((np.flatnonzero(close_after), to_after[1][close_before]))
    return _Pairs((normals[0][i], normals[1][j]), after[j] - before[i], after[j, :2])


def _has_relief(pairs: _Pairs) -> bool:
    """Whether both surveys agree on slopes of different directions, without which nothing fixes a horizontal shift."""
    one, other = (n[:, :2] - n[:, :2].mean(0) for n in pairs.normals)
    common = one.T @ other
    common = 0.5 * (common + common.T)
    whole = 0.5 * (one.T @ one + other.T @ other)
    reliability = np.linalg.eigvals(np.linalg.pinv(whole) @ common)
    return bool(np.min(reliability.real) > LEAST_RELIABILITY)


def _weights(pairs: _Pairs, found: Floats) -> Floats:
    """Tukey's weights of the pairs by the distance along the mean of both normals, over the variance around them.

    Open ground is known several times better than ground under trees.
    """
    left = np.zeros(pairs.place.shape[0])
    for survey in (0, 1):
        design, distance = pairs.equations(survey)
        left += 0.5 * (distance - design @ found)
    usual = float(np.median(np.abs(left)))
    if usual == 0.0:
        return np.ones(left.size)
    around = _blocks(pairs.place, NOISE_BLOCK)
    local = ndimage.median(np.abs(left), around, np.arange(int(around.max()) + 1))
    scale = np.maximum(local, 0.25 * usual)[around]
    weight: Floats = tukey(left / scale) * (usual / scale) ** 2
    return weight


def _products(pairs: _Pairs, weight: Floats) -> tuple[Floats, Floats]:
    """Matrix (5, 5) and right side (5,) of the weighted equations.

    The normals of each survey multiply the equations of the other (instrumental variables): the noise of a normal
    stands in its own survey's equation, and would confirm whatever pose the pairs were found in.
    """
    (design_0, distance_0), (design_1, distance_1) = pairs.equations(0), pairs.equations(1)
    weighted_0, weighted_1 = design_0 * weight[:, None], design_1 * weight[:, None]
    matrix = weighted_1.T @ design_0
    return 0.5 * (matrix + matrix.T), 0.5 * (weighted_1.T @ distance_0 + weighted_0.T @ distance_1)


def _solve(pairs: _Pairs, columns: list[int]) -> Floats:
    """Shift and tilt of weighted least squares with only ``columns`` free, shape (5,)."""
    found: Floats = np.zeros(5)
    for _ in range(30):
        matrix, right = _products(pairs, _weights(pairs, found))
        last = found
        found = np.zeros(5)
        found[columns] = least_squares(matrix[np.ix_(columns, columns)], right[columns])
        if np.max(np.abs(found - last)) < 1e-5:
            break
    return found


def _blocks(place: Floats, size: float) -> NDArray[np.intp]:
    """Number of the square block of each pair, from 0 without gaps."""
    cells = np.floor(place / size).astype(np.int64)
    cells -= cells.min(axis=0)
    flat = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    number = np.cumsum(np.bincount(flat) > 0) - 1
    return np.asarray(number[flat], dtype=np.intp)


def _jackknife(pairs: _Pairs, blocks: NDArray[np.intp], columns: list[int]) -> _Estimate:
    """Solution and its covariance from leaving out each block of ground in turn."""
    found = _solve(pairs, columns)
    weight = _weights(pairs, found)
    order = np.argsort(blocks, kind="stable")
    bounds = np.searchsorted(blocks[order], np.arange(int(blocks.max()) + 2))
    sums = [_products(pairs.take(order[i:j]), weight[order[i:j]]) for i, j in itertools.pairwise(bounds)]
    matrix = np.array([m[np.ix_(columns, columns)] for m, _ in sums])
    right = np.array([r[columns] for _, r in sums])
    n_blocks = right.shape[0]
    left_out = np.array(
        [least_squares(matrix.sum(0) - m, right.sum(0) - r) for m, r in zip(matrix, right, strict=True)]
    )
    centred = left_out - left_out.mean(0)
    covariance = np.full((5, 5), np.nan)
    covariance[np.ix_(columns, columns)] = (n_blocks - 1) / n_blocks * centred.T @ centred
    return _Estimate(found, covariance, columns, n_blocks)


def _sigma(estimate: _Estimate) -> Floats:
    """Standard errors, shape (5,); NaN for what was not free."""
    return np.asarray(np.sqrt(np.diag(estimate.covariance)))


def _is_real(estimate: _Estimate, which: list[int]) -> bool:
    """Hotelling's test of some of the parameters against zero; what was not free is not real."""
    n, p = estimate.n_blocks, len(which)
    if n <= 2 * p or not set(which) <= set(estimate.columns):
        return False
    values, covariance = estimate.found[which], estimate.covariance[np.ix_(which, which)]
    statistic = float(values @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ values)
    limit = special.fdtri(p, n - p, CONFIDENCE) * p * (n - 1) / (n - p)
    return bool(statistic > limit)
