"""Where change is certain: patches that noise of the known size and reach does not explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointcloud.change.stable import FLANK, PEAK, odd_cells, spread, window_mean
from pointcloud.change.variogram import Correlation, variance_of_sum
from pointcloud.grid import Grid, Raster
from pointcloud.ground.distance import distance_within

WINDOWS = (3.0, 5.0, 20.0)
"""Edges (m) of the windows in which the mean change is compared with its noise."""

PROOF = 8.0
"""Volume of a patch over its standard error from which it counts as change. There are thousands of places to choose
from and the errors of ground filters in forest have long tails: between two halves of one survey of a steep forest,
where nothing moved, single patches reached 7.5."""

LEAST_SPREAD = 0.02
"""Smallest usual spread of a window's mean, in standard deviations of a cell; data without noise have none."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of ground that rose or sank, with the margin in which it may fade out.

    Parameters
    ----------
    grid
        Window of the raster's grid that holds the patch.
    mask
        Its cells, of ``grid.shape``.
    core
        Those of its cells whose surroundings differ from zero by more than their noise.
    sign
        +1 risen, -1 sunk.
    volume_m3, sigma_m3
        Sum over ``mask`` of change times area, and its standard error from independent and correlated noise.
    """

    grid: Grid
    mask: Mask
    core: Mask
    sign: int
    volume_m3: float
    sigma_m3: float

    @property
    def is_certain(self) -> bool:
        """Whether noise is excluded."""
        return self.sign * self.volume_m3 > PROOF * self.sigma_m3


def find_patches(change: Raster, sigma: Raster, correlation: Correlation, quiet: Mask) -> list[Patch]:
    """Candidates for change, certain or not, in the order of windows and signs.

    Parameters
    ----------
    change, sigma
        Change and its standard deviation in metres, NaN where void.
    correlation
        Of change over sigma.
    quiet
        Ground that did not move, from which the usual spread of window means is learnt.
    """
    known = np.isfinite(change.values) & np.isfinite(sigma.values)
    standardised = np.divide(change.values, sigma.values, out=np.full(known.shape, np.nan), where=known)
    patches = []
    for window in WINDOWS:
        size = odd_cells(window, change.grid.cell)
        if size > min(known.shape):
            continue
        mean = np.where(known, window_mean(standardised, size), 0.0)
        usual = spread(mean[quiet & known]) if np.any(quiet & known) else 1.0
        scale = max(usual, LEAST_SPREAD)
        for sign in (1, -1):
            for core, rows, columns in _clusters(sign * mean / scale, size // 2):
                patches.append(_measure(change, sigma, correlation, core, (rows, columns), size // 2, sign))
    return patches


def certain_ground(change: Raster, patches: list[Patch]) -> Mask:
    """Cells of all patches that are certain, of the raster's shape."""
    region = np.zeros(change.grid.shape, dtype=np.bool_)
    for patch in patches:
        if patch.is_certain:
            region[patch.grid.window_in(change.grid)] |= patch.mask
    return region


def _clusters(score: Floats, margin: int) -> Iterator[tuple[Mask, slice, slice]]:
    """Each connected area above the flank that holds a peak, in a window with ``margin`` cells around it."""
    labels, _ = ndimage.label(score > FLANK, structure=np.ones((3, 3)))
    with_peak = set(np.unique(labels[score > PEAK]).tolist()) - {0}
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if number in with_peak:
            rows, columns = (
                slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(box, score.shape, strict=True)
            )
            yield labels[rows, columns] == number, rows, columns


def _measure(
    change: Raster,
    sigma: Raster,
    correlation: Correlation,
    core: Mask,
    window: tuple[slice, slice],
    margin: int,
    sign: int,
) -> Patch:
    rows, columns = window
    outer = change.grid
    grid = Grid(
        outer.column + columns.start,
        outer.south_row + outer.n_rows - rows.stop,
        columns.stop - columns.start,
        rows.stop - rows.start,
        outer.cell,
        outer.crs,
    )
    values = change.values[window]
    mask = np.isfinite(values) & (distance_within(core, margin) <= margin)
    volume = float(np.sum(values[mask])) * grid.cell_area
    weights = Raster(np.where(mask, sigma.values[window] * grid.cell_area, 0.0), grid)
    return Patch(grid, mask, core, sign, volume, float(np.sqrt(sum(variance_of_sum(weights, correlation)))))
