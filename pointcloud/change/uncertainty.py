"""How sure a volume is: noise of cells, how far it reaches, what alignment and vegetation leave, and what they do.

Noise is always counted as cut where it is negative and as fill where it is positive, so that plain sums of both grow
with the area even where nothing moved. The headline volumes therefore count ground only where change is certain,
and there without the share that noise adds; the plain sums stand beside them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from shapely import MultiPolygon, Polygon

from pointcloud.change import volume
from pointcloud.change.detection import Patch, certain_ground, find_patches
from pointcloud.change.rectification import NORMAL_95, Noise, noise_of
from pointcloud.change.sigma import CellSigma, SurveyQuality, cell_sigma, variance_terms
from pointcloud.change.stable import odd_cells, stable_ground
from pointcloud.change.variogram import Correlation, degrees_of, estimate, variance_of_sum
from pointcloud.change.volume import Volume, coverage
from pointcloud.grid import Grid, Raster

CROWN = 3.0
"""Edge (m) of the window in which the highest return is the canopy."""

COVER_SIGMA = 0.04
"""Metres by which ground under trees may be seen too high and, once the trees are gone, is not. Klápště, P. et al.
2020 found +0.04 to +0.13 m for six ground filters against 1,414 GNSS points."""

COVER_STEP = 2.0
"""Change of canopy height (m) that counts as trees gone or grown."""

SIGMA_MISFIT = 0.05
"""Share by which sigma may be off in one place, as five terms cannot describe every wood and wall."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Everything that the intervals rest on.

    Parameters
    ----------
    sigma
        Standard deviation of each cell's change.
    correlation
        Covariance of change over sigma.
    shift_sigma
        (east, north, up): what alignment leaves, metres.
    slope
        Towards east and north of the mean terrain, 0 where not known.
    cover
        Metres by which a change of cover may bias a cell, the same way everywhere; NaN-free.
    noise
        What noise does to cut and fill.
    stable, region
        Ground that did not move, and ground where change is certain; cells in neither are open.
    patches
        Candidates for change.
    """

    sigma: CellSigma
    correlation: Correlation
    shift_sigma: Floats
    slope: tuple[Floats, Floats]
    cover: Floats
    noise: Noise
    stable: Mask
    region: Mask
    patches: list[Patch]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready summary, unrounded."""
        area = self.sigma.raster.grid.cell_area
        return {
            "cell_sigma": self.sigma.as_dict(),
            "correlation": self.correlation.as_dict(),
            "shift_sigma_m": [float(v) for v in self.shift_sigma],
            "stable_area_m2": float(np.count_nonzero(self.stable)) * area,
            "certain_area_m2": float(np.count_nonzero(self.region)) * area,
        }


@dataclass(frozen=True, slots=True)
class Parts:
    """Standard errors of a volume, m3, by what they come from."""

    independent: float
    correlated: float
    systematic: float

    @property
    def total(self) -> float:
        """Root of the sum of squares."""
        return float(np.sqrt(self.independent**2 + self.correlated**2 + self.systematic**2))

    def joined(self, other: Parts) -> Parts:
        """Both, when they have nothing to do with each other."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Parts(*(float(np.hypot(a, b)) for a, b in pairs))


@dataclass(frozen=True, slots=True)
class VolumeBudget:
    """A volume with its account.

    Parameters
    ----------
    volume
        Headline: ground where change is certain, without the share of noise, with 95 % intervals.
    raw
        Plain sums over all cells, with the interval of the net.
    thresholded
        Sums over cells whose own change exceeds the level of detection.
    noise_m3
        What noise added to both cut and fill of the raw volume, as far as it was taken out.
    cut, fill, net, raw_net
        Standard errors by source.
    """

    volume: Volume
    raw: Volume
    thresholded: Volume
    noise_m3: float
    cut: Parts
    fill: Parts
    net: Parts
    raw_net: Parts

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded: the headline's fields, and the account under ``account``."""
        return {
            **self.volume.as_dict(),
            "account": {
                "raw": self.raw.as_dict(),
                "thresholded": self.thresholded.as_dict(),
                "noise_removed_m3": self.noise_m3,
                "sigma_m3": {
                    name: {**asdict(parts), "total": parts.total}
                    for name, parts in (
                        ("cut", self.cut),
                        ("fill", self.fill),
                        ("net", self.net),
                        ("raw_net", self.raw_net),
                    )
                },
            },
        }


def error_model(
    change: Raster,
    before: SurveyQuality,
    after: SurveyQuality,
    slope: tuple[Floats, Floats],
    left: Floats | None = None,
    cover: Floats | None = None,
) -> ErrorModel:
    """Errors of a difference, learnt where the ground did not move.

    Parameters
    ----------
    change
        After minus before in metres, aligned, NaN where void.
    before, after
        From ``sigma.survey_quality``.
    slope
        From ``stable.mean_slope`` of both terrains.
    left
        (east, north, up): what alignment may have left, metres, as ``Alignment.left`` gives it; None: the mean of the
        stable ground stands for it.
    cover
        From ``cover_bias``; None: cover did not change.

    Raises
    ------
    InputError
        When there is too little stable ground to learn from.
    """
    terms = variance_terms(before, after)
    stable = stable_ground(change)
    sigma = cell_sigma(change, terms, stable)
    stable = stable_ground(change, np.asarray(sigma.raster.values, dtype=np.float64))
    sigma = cell_sigma(change, terms, stable)
    del terms
    with np.errstate(invalid="ignore", divide="ignore"):
        standardised = np.where(stable, change.values / sigma.raster.values, np.nan)
    correlation, blocks = estimate(Raster(standardised, change.grid))
    with ThreadPoolExecutor(1) as pool:
        known_by = pool.submit(degrees_of, blocks)  # many small fits, which leave a core to the patches
        patches = find_patches(change, sigma.raster, correlation, stable)
        noise = noise_of(change, sigma.raster, stable)
        correlation = replace(correlation, degrees=known_by.result())
    return ErrorModel(
        sigma=sigma,
        correlation=correlation,
        shift_sigma=_mean_of_stable(change, sigma.raster, correlation, stable) if left is None else left,
        slope=(np.nan_to_num(slope[0]), np.nan_to_num(slope[1])),
        cover=np.zeros(change.grid.shape) if cover is None else cover,
        noise=noise,
        stable=stable,
        region=certain_ground(change, patches),
        patches=patches,
    )


def cover_bias(before_top: Raster, before: Raster, after_top: Raster, after: Raster) -> Floats:
    """Metres by which cells may be biased because trees went or came between the surveys; 0 elsewhere.

    Parameters
    ----------
    before_top, before, after_top, after
        Highest returns and terrains of both surveys on one grid, NaN where void.
    """
    size = odd_cells(CROWN, before.grid.cell)
    heights = []
    for top, terrain in ((before_top, before), (after_top, after)):
        canopy = np.nan_to_num(top.values - terrain.values)
        heights.append(ndimage.maximum_filter(canopy, size))
    return np.where(np.abs(heights[1] - heights[0]) > COVER_STEP, COVER_SIGMA, 0.0)


def level_of_detection(error: ErrorModel) -> Raster:
    """Smallest change of each cell that noise exceeds once in twenty cells, metres; NaN where void."""
    return Raster(NORMAL_95 * error.sigma.raster.values, error.sigma.raster.grid)


def significance(change: Raster, error: ErrorModel) -> Raster:
    """Change over its standard deviation; NaN where void."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return Raster(change.values / error.sigma.raster.values, change.grid)


def zone_budget(change: Raster, polygon: Polygon | MultiPolygon, error: ErrorModel) -> VolumeBudget:
    """Volume inside a polygon with its account; boundary cells count with their exact share.

    Whoever draws a zone says that something happened there: all of its cells count, certain or not, so that the net
    is the plain net; only the share of noise is taken out of cut and fill.
    """
    covered = coverage(polygon, change.grid)
    if covered is None:
        nothing = Parts(0.0, 0.0, 0.0)
        none = Volume(0.0, 0.0, 0.0, 0.0, float(polygon.area))
        return VolumeBudget(none, none, none, 0.0, nothing, nothing, nothing, nothing)
    grid, share = covered
    everything = np.ones(share.shape, dtype=np.bool_)
    cells = _cells(change, share, everything, error, grid.window_in(change.grid))
    return _budget(cells, float(polygon.area), error)


def total_budget(change: Raster, is_surveyed: Mask, error: ErrorModel) -> VolumeBudget:
    """Volume of everything that both surveys cover, with its account; only ground where change is certain counts."""
    area = float(np.count_nonzero(is_surveyed)) * change.grid.cell_area
    cells = _cells(change, is_surveyed.astype(np.float64), error.region, error, np.s_[:, :])
    return _budget(cells, area, error)


def mask_parts(change: Raster, error: ErrorModel, mask: Mask, window: Window) -> Parts:
    """Standard errors of the volume of some cells of a window (row and column slices) of the change."""
    cells = _cells(change, mask.astype(np.float64), mask, error, window)
    return _parts(cells, cells.weight, error)


def _mean_of_stable(change: Raster, sigma: Raster, correlation: Correlation, stable: Mask) -> Floats:
    """What a shift that nobody looked for may be: none across, and up the mean of stable ground with its error."""
    if not stable.any():
        return np.zeros(3)
    n = np.count_nonzero(stable)
    error = np.sqrt(sum(variance_of_sum(Raster(np.where(stable, sigma.values / n, 0.0), change.grid), correlation)))
    return np.array([0.0, 0.0, float(np.hypot(np.mean(change.values[stable]), error))])


@dataclass(frozen=True, slots=True)
class _Cells:
    """The part of everything that a budget looks at: change and sigma with zero for void, weights in m2."""

    depth: Floats
    sigma: Floats
    weight: Floats
    counted: Mask
    noise: Noise
    slope: tuple[Floats, Floats]
    cover: Floats
    cell: float


def _cells(change: Raster, share: Floats, counted: Mask, error: ErrorModel, window: Window) -> _Cells:
    values = np.asarray(change.values[window], dtype=np.float64)
    known = np.isfinite(values)
    noise = Noise(error.noise.added[window], error.noise.is_fill[window], error.noise.bend[window])
    return _Cells(
        depth=np.where(known, values, 0.0),
        sigma=np.nan_to_num(error.sigma.raster.values[window]),
        weight=np.where(known, share * change.grid.cell_area, 0.0),
        counted=counted,
        noise=noise,
        slope=(error.slope[0][window], error.slope[1][window]),
        cover=error.cover[window],
        cell=change.grid.cell,
    )


def _budget(cells: _Cells, area: float, error: ErrorModel) -> VolumeBudget:
    weight, inside = cells.weight, cells.weight * cells.counted
    known_area = float(np.sum(weight))
    places = (known_area, max(0.0, area - known_area))
    degrees = error.correlation.degrees
    plain = _sums(cells.depth, inside)
    # cut and fill shrink by the same amount, so that the net stays, and neither falls below nothing
    added = min(float(np.sum(inside * cells.noise.added)), *plain)
    cut, fill = (v - added for v in plain)
    unsure = _unsure_noise(cells, inside, error)
    parts_cut = _parts(cells, inside * (1.0 - cells.noise.is_fill), error).joined(unsure)
    parts_fill = _parts(cells, inside * cells.noise.is_fill, error).joined(unsure)
    parts_net, parts_raw = _parts(cells, inside, error), _parts(cells, weight, error)
    raw_cut, raw_fill = _sums(cells.depth, weight)
    detected = weight * (np.abs(cells.depth) > NORMAL_95 * cells.sigma)
    sigma = cells.sigma[weight > 0.0]
    headline = Volume(
        cut,
        fill,
        fill - cut,
        *places,
        cut_ci95_m3=_interval(cut, parts_cut, degrees, floor=0.0),
        fill_ci95_m3=_interval(fill, parts_fill, degrees, floor=0.0),
        net_ci95_m3=_interval(fill - cut, parts_net, degrees),
        level_of_detection_m=NORMAL_95 * float(np.median(sigma)) if sigma.size else None,
    )
    raw = Volume(
        raw_cut, raw_fill, raw_fill - raw_cut, *places, net_ci95_m3=_interval(raw_fill - raw_cut, parts_raw, degrees)
    )
    over = _sums(cells.depth, detected)
    thresholded = Volume(*over, over[1] - over[0], *places)
    return VolumeBudget(headline, raw, thresholded, added, parts_cut, parts_fill, parts_net, parts_raw)


def _sums(depth: Floats, weight: Floats) -> tuple[float, float]:
    """Cut and fill."""
    return float(np.sum(weight * np.maximum(-depth, 0.0))), float(np.sum(weight * np.maximum(depth, 0.0)))


def _unsure_noise(cells: _Cells, weight: Floats, error: ErrorModel) -> Parts:
    """Standard errors of the share of noise itself: it varies from place to place, and sigma is not known exactly.

    The sum of max(noise, 0) varies with the square of the noise too, whose covariance is the squared covariance:
    the second term of the Hermite series of the positive part, bend (z^2 - 1) / 2.
    """
    grid = Grid(0, 0, weight.shape[1], weight.shape[0], cells.cell)
    squares = variance_of_sum(Raster(weight * cells.noise.bend / np.sqrt(2.0), grid), error.correlation, power=2)
    misfit = SIGMA_MISFIT * float(np.sum(weight * cells.noise.added))
    return Parts(float(np.sqrt(squares[0])), float(np.sqrt(squares[1])), misfit)


def _parts(cells: _Cells, weight: Floats, error: ErrorModel) -> Parts:
    """Standard errors of the sum of ``weight`` (m2) times change."""
    grid = Grid(0, 0, weight.shape[1], weight.shape[0], cells.cell)
    independent, correlated = variance_of_sum(Raster(weight * cells.sigma, grid), error.correlation)
    east, north = (float(np.sum(weight * s)) for s in cells.slope)
    by_shift = error.shift_sigma * np.array([east, north, float(np.sum(weight))])
    by_cover = float(np.sum(weight * cells.cover))
    return Parts(
        float(np.sqrt(independent)), float(np.sqrt(correlated)), float(np.sqrt(np.sum(by_shift**2) + by_cover**2))
    )


def _interval(value: float, parts: Parts, degrees: float, floor: float = -np.inf) -> volume.Interval:
    half = float(special.stdtrit(degrees, 0.975)) * parts.total
    return max(floor, value - half), value + half
