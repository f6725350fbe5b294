"""How far apart trees stand, read off the canopy itself: the window that detection needs, with nothing to set.

Along a canopy heights resemble one another as far as a crown reaches and no farther. The distance at which their
correlation has fallen by a factor e is somewhat less than half the distance of neighbouring trees, in a dense planted
stand as in an open natural one; it is the radius within which a top must be the highest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointcloud.forest import spacing_kernels
from pointcloud.forest.canopy import HighestPoints
from pointcloud.grid import Raster
from pointcloud.ground.bands import run_bands

Floats = NDArray[np.float64]

BLOCK: Final = 50.0
"""Edge in metres of the blocks by which sums are kept; an estimate uses 3 x 3 of them."""

TREND: Final = 12.0
"""Metres over which the mean is taken that heights depart from: terraces, clearings and stands are no crowns."""

NEAR: Final = 0.5
"""Metres at which two places surely belong to one crown; what differs there is roughness, and no more of the crown."""

FALL: Final = math.exp(-1.0)
"""Share of the correlation at `NEAR` at which two places no longer belong to one crown."""

SHORTEST, LONGEST = 0.75, 6.0
"""Metres between which the radius lies."""

CANOPY: Final = 3.0
"""Height in metres from which a cell is canopy."""

LEAST_CELLS: Final = 1000
"""Canopy cells from which a block and its neighbours are judged by themselves, else by the whole survey."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How the canopy is built around any cell of a grid: the window for its tops, and how densely it was surveyed.

    The radius within which a top of height h must be the highest is ``radius * (0.5 + 0.5 h / height)``: neighbours of
    a tall tree stand farther off than those of a low one, though less so than in proportion.

    Parameters
    ----------
    radius, height
        Correlation length and height of the upper canopy, metres, at the centres of square blocks; finite, shape
        (block rows, block columns), row 0 in the north.
    density
        Pulses a square metre, of the same shape.
    edge
        Edge of a block in cells of the grid.
    row, column
        Cells of the first block that lie north and west of the grid.
    """

    radius: Floats
    height: Floats
    density: Floats
    edge: int
    row: int
    column: int

    def density_at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
        """Pulses a square metre in the blocks of these cells."""
        return self.density[(rows + self.row) // self.edge, (columns + self.column) // self.edge]


def windows(canopy: Raster, points: HighestPoints) -> Windows:
    """Windows for a canopy model, from the correlation of its heights.

    Parameters
    ----------
    canopy
        Height above the ground in metres, from `canopy.without_pits`; NaN where unknown.
    points
        What the model was made of.

    References
    ----------
    Deviates from variable windows by allometry (Popescu & Wynne 2004), whose coefficients hold for one species and
    region, in taking the scale from the canopy's autocorrelation.
    """
    grid = canopy.grid
    edge = max(1, round(BLOCK / grid.cell))
    row, column = -(grid.south_row + grid.n_rows) % edge, grid.column % edge
    shape = -(-(grid.n_rows + row) // edge), -(-(grid.n_columns + column) // edge)
    departure, heights = _departure(canopy)
    n_lags = round(LONGEST / grid.cell) + 2
    sums, counts = np.zeros((*shape, n_lags)), np.zeros((*shape, n_lags))
    run_bands(
        spacing_kernels.products, shape[0], departure, edge, row, column, n_lags, after=(sums, counts),
        size=departure.size,
    )  # fmt: skip
    moments = [_by_block(heights**power, edge, row, column, shape) for power in (2, 3)]
    few = _around(counts[..., 0]) < LEAST_CELLS
    radius = _lengths(_around(sums), _around(counts), grid.cell)
    radius[few] = _lengths(sums.sum((0, 1)), counts.sum((0, 1)), grid.cell)
    height = _ratio(_around(moments[1]), _around(moments[0]))
    height[few] = _ratio(moments[1].sum(), moments[0].sum())
    pulses, known = (_around(_by_block(part, edge, row, column, shape)) for part in (points.pulses, _known(canopy)))
    return Windows(radius, height, _ratio(pulses, known * grid.cell_area), edge, row, column)


def _known(canopy: Raster) -> NDArray[np.float32]:
    known: NDArray[np.float32] = np.isfinite(canopy.values).astype(np.float32)
    return known


def _departure(canopy: Raster) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Departure of canopy cells from the mean around them (NaN elsewhere), and their heights (0 elsewhere)."""
    is_canopy = canopy.values >= CANOPY
    heights = np.where(is_canopy, canopy.values, np.float32(0)).astype(np.float32)
    size = round(TREND / canopy.grid.cell) | 1
    share = ndimage.uniform_filter(is_canopy.astype(np.float32), size, mode="constant")
    mean = ndimage.uniform_filter(heights, size, mode="constant") / np.maximum(share, np.float32(0.5 / size**2))
    return np.where(is_canopy, heights - mean, np.float32(np.nan)), heights


def _by_block(values: NDArray[np.float32], edge: int, row: int, column: int, shape: tuple[int, int]) -> Floats:
    """Sums of a grid's values by block."""
    rows = np.add.reduceat(values, _starts(values.shape[0], edge, row), axis=0, dtype=np.float64)
    sums = np.add.reduceat(rows, _starts(values.shape[1], edge, column), axis=1)
    return np.asarray(sums, np.float64).reshape(shape)


def _starts(n: int, edge: int, offset: int) -> NDArray[np.int64]:
    starts = np.arange(-offset, n, edge)
    starts[0] = 0
    return starts


def _around(values: Floats) -> Floats:
    """Sums over 3 x 3 blocks of the first two axes, blocks beyond the edge counting nothing."""
    padded = np.pad(values, ((1, 1), (1, 1), *((0, 0),) * (values.ndim - 2)))
    n_rows, n_columns = values.shape[:2]
    parts = [padded[i : i + n_rows, j : j + n_columns] for i in range(3) for j in range(3)]
    total: Floats = np.sum(parts, axis=0)
    return total


def _lengths(sums: Floats, counts: Floats, cell: float) -> Floats:
    """Metres at which the correlation has fallen to `FALL` of that at `NEAR`, along the last axis."""
    covariance = _ratio(sums, counts)
    near = max(1, round(NEAR / cell))
    correlation = _ratio(covariance[..., near:], covariance[..., near : near + 1])
    is_below = correlation < FALL
    after = np.where(is_below.any(-1), is_below.argmax(-1), correlation.shape[-1] - 1)[..., np.newaxis]
    after = np.maximum(after, 1)
    high, low = (np.take_along_axis(correlation, k, -1)[..., 0] for k in (after - 1, after))
    share = np.clip(_ratio(high - FALL, high - low), 0.0, 1.0)
    lengths: Floats = np.clip((near + after[..., 0] - 1 + share) * cell, SHORTEST, LONGEST)
    return lengths


def _ratio(a: Floats, b: Floats) -> Floats:
    """Quotient, 0 where the divisor is."""
    out = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))
    np.divide(a, b, out=out, where=np.asarray(b) != 0)
    return out
