"""Tiles of a survey: half-open cores that no point belongs to twice, and a halo that the stages ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pointcloud.bounds import Bounds
from pointcloud.grid import Grid

MAX_POINTS = 20_000_000
"""Points of a tile at even density: about 1.5 GB while it is worked on. Smaller surveys are one tile."""

MAX_CELLS = 40_000_000
"""Cells of a tile: 3 km x 3 km at 0.5 m. Bounds the memory of surveys whose files lie far apart."""

MAX_TOGETHER = 10_000_000
"""Points of files that are worked on together: about 1 GB."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A window of the survey's grid and the wider rectangle whose points it needs."""

    core: Grid
    reach: Bounds


def plan(grid: Grid, n_points: int, halo: float, max_points: int = MAX_POINTS) -> tuple[Tile, ...]:
    """Cut a grid into equal windows so that each holds at most ``max_points`` at even density, and `MAX_CELLS` cells.

    Parameters
    ----------
    grid
        The whole; the cores partition it.
    n_points
        Points of the survey on the grid.
    halo
        Metres that a tile needs beyond its core: the sum of what its stages ask for.

    Returns
    -------
    tuple of Tile
        From the north-west, row by row.
    """
    n_tiles = max(1, math.ceil(n_points / max_points), math.ceil(grid.n_rows * grid.n_columns / MAX_CELLS))
    n_down = min(grid.n_rows, max(1, round(math.sqrt(n_tiles * grid.n_rows / grid.n_columns))))
    n_across = min(grid.n_columns, math.ceil(n_tiles / n_down))
    tiles = []
    for i in range(n_down):
        south, north = grid.n_rows * (n_down - 1 - i) // n_down, grid.n_rows * (n_down - i) // n_down
        for j in range(n_across):
            west, east = grid.n_columns * j // n_across, grid.n_columns * (j + 1) // n_across
            core = Grid(grid.column + west, grid.south_row + south, east - west, north - south, grid.cell, grid.crs)
            tiles.append(Tile(core, core.bounds.buffered(halo)))
    return tuple(tiles)


def groups(
    extents: Sequence[Bounds], n_points: Sequence[int], halo: float, max_points: int = MAX_TOGETHER
) -> tuple[range, ...]:
    """Runs of files, in their order, that share one halo: fewer points and cells than with one for each.

    Parameters
    ----------
    extents, n_points
        Of each file.
    halo
        Metres that the work on a file needs beyond it.

    Returns
    -------
    tuple of range
        Places of the files. A run has at most ``max_points``, or one file; a file joins it where the land within
        reach of all is less than that of the run and that of the file.
    """
    runs: list[range] = []
    extent, total = Bounds(0.0, 0.0, 0.0, 0.0), 0
    for i, (own, number) in enumerate(zip(extents, n_points, strict=True)):
        wider = extent.union(own)
        apart = extent.buffered(halo).area + own.buffered(halo).area
        if runs and total + number <= max_points and wider.buffered(halo).area < apart:
            runs[-1], extent, total = range(runs[-1].start, i + 1), wider, total + number
        else:
            runs, extent, total = [*runs, range(i, i + 1)], own, number
    return tuple(runs)
