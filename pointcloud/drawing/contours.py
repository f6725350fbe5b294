"""Lines of equal value of a raster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from pointcloud.grid import Raster

MAX_NODES = 1_000
"""Longest side of the lattice that is contoured; larger rasters are averaged in blocks."""

LEAST_CELL = 1.0
"""Metres: finer rasters are averaged, too, since their noise would only make the lines tremble."""

LEAST_LENGTH = 8
"""Lines shorter than this many cells of the lattice are left out."""

INTERVALS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
MAX_LEVELS = 60

Line = NDArray[np.float64]


def contour_lines(raster: Raster, levels: Sequence[float]) -> list[tuple[float, Line]]:
    """Level, and easting and northing of shape (n, 2), of each line; closed ones end where they begin.

    Parameters
    ----------
    raster
        NaN where void: lines end there.
    levels
        In the raster's unit.
    """
    from contourpy import contour_generator

    x, y, values = lattice(raster)
    if min(values.shape) < 2:
        return []
    pitch = float(x[1] - x[0])
    generator = contour_generator(x, y, np.ma.masked_invalid(values), name="serial", line_type="Separate")
    found = []
    for level in levels:
        for points in generator.lines(level):
            line = shapely.linestrings(points)
            if line.length >= LEAST_LENGTH * pitch:
                found.append((float(level), shapely.get_coordinates(line.simplify(0.1 * pitch))))
    return found


def lattice(raster: Raster) -> tuple[Line, Line, NDArray[np.float64]]:
    """Eastings, northings and means of blocks of cells; NaN where more than half of a block is void."""
    grid = raster.grid
    step = max(1, -(-max(grid.shape) // MAX_NODES), round(LEAST_CELL / grid.cell))
    n_rows, n_columns = grid.n_rows // step, grid.n_columns // step
    blocks = raster.values[: n_rows * step, : n_columns * step].astype(np.float64)
    blocks = blocks.reshape(n_rows, step, n_columns, step)
    known = np.isfinite(blocks)
    number = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
    mean = np.where(2 * number >= step * step, total / np.maximum(number, 1), np.nan)
    x, y = grid.centres()
    return (
        x[: n_columns * step].reshape(n_columns, step).mean(axis=1),
        y[: n_rows * step].reshape(n_rows, step).mean(axis=1),
        mean,
    )


def levels_of(values: NDArray[np.floating], least: float) -> tuple[float, NDArray[np.float64]]:
    """A round interval of at least ``least``, and its multiples between the lowest and the highest value; metres.

    NaN counts as void; without any value there are no multiples.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return least, np.empty(0)
    low, high = float(known.min()), float(known.max())
    fitting = (i for i in INTERVALS if i >= least and (high - low) / i <= MAX_LEVELS)
    interval = next(fitting, INTERVALS[-1])
    return interval, np.arange(np.ceil(low / interval), np.floor(high / interval) + 1.0) * interval
