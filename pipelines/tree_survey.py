"""Trees of a survey, tile by tile: points are read twice, all else lies on the survey's grid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines import tiling
from pipelines.engine import SurveySurfaces, survey_grid, survey_surfaces
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.forest import canopy, detection
from pointcloud.forest.canopy import HighestPoints
from pointcloud.forest.crowns import Method
from pointcloud.forest.detection import Found
from pointcloud.forest.inventory import Trees
from pointcloud.forest.trees import LOWEST_TREE
from pointcloud.grid import Grid, Raster
from pointcloud.io.las_rewrite import rewrite
from pointcloud.io.survey import Survey, open_survey

DIMENSIONS = ("Classification", "ReturnNumber")
"""Attributes that tree detection looks at."""

TREE_ID = "TreeID"
"""Name of the dimension that holds a point's tree: 0 where it belongs to none."""

GROUND_CELL = 5.0
"""Metres of a cell of the map of ground returns: about what a crown or two cover."""

SURFACES_SHARE = 0.6
"""About the share of the time that ground and surfaces take."""

Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Inventory:
    """A survey's trees, and all that they were found by.

    Parameters
    ----------
    survey, surfaces
        The points' files, and terrain and ground on the survey's grid.
    points
        The highest point of each cell.
    found
        Canopy model and crowns.
    trees
        The trees.
    density
        Ground returns a square metre in cells of `GROUND_CELL`, NaN outside the survey.
    """

    survey: Survey
    surfaces: SurveySurfaces
    points: HighestPoints
    found: Found
    trees: Trees
    density: Raster


def take_inventory(
    paths: Sequence[Path], crs: str | None, cell: float, max_gap: float, method: Method, report: Report
) -> Inventory:
    """The trees of a survey, from its files.

    Parameters
    ----------
    paths
        LAS, LAZ or COPC files, or folders of tiles, of one epoch.
    crs
        CRS of files that state none, or None.
    cell
        Metres of a cell of the canopy model.
    max_gap
        Metres from any ground point beyond which there is no height.
    method
        How crowns are drawn.
    report
        Called with the share done (0-1).

    Raises
    ------
    TengunError
        When a file cannot be read or the run is cancelled.
    """
    survey = open_survey(paths, crs)
    grid = survey_grid(survey, cell)
    surfaces = survey_surfaces(survey, grid, max_gap, lambda done: report(SURFACES_SHARE * done))
    rest = 1.0 - SURFACES_SHARE
    trees, points, found = survey_trees(
        survey, surfaces.terrain, method, lambda done: report(SURFACES_SHARE + rest * done)
    )
    density = ground_density(surfaces.ground_points, surfaces.top, GROUND_CELL)
    return Inventory(survey, surfaces, points, found, trees, density)


def survey_trees(survey: Survey, terrain: Raster, method: Method, report: Report) -> tuple[Trees, HighestPoints, Found]:
    """Trees of a survey, the highest points they were found by, canopy model and crowns.

    Parameters
    ----------
    survey
        Tiles of one epoch; a small one is read once, others twice.
    terrain
        Ground heights on the survey's grid; NaN where void.
    method
        How crowns are drawn.
    report
        Called with the share done (0-1) after each tile.

    Raises
    ------
    TengunError
        When a file cannot be read or the run is cancelled.
    """
    points = HighestPoints.empty(terrain.grid)
    tiles = _tiles(survey, terrain.grid)
    for i, (core, read) in enumerate(tiles):
        cloud = read()
        detection.add_tile(points, cloud, canopy.heights(cloud, terrain), core)
        report(0.5 * (i + 1) / len(tiles))
    found = detection.find_trees(points, method)
    for i, (core, read) in enumerate(tiles):
        cloud = read()
        found.measurement.add(cloud, canopy.heights(cloud, terrain), core)
        report(0.5 + 0.5 * (i + 1) / len(tiles))
    return found.measurement.trees(terrain), points, found


def _tiles(survey: Survey, grid: Grid) -> list[tuple[Grid, Callable[[], PointCloud]]]:
    """Each tile's core and what reads its points; a survey of one tile stays in memory."""
    tiles = tiling.plan(grid, survey.n_points, detection.REACH)
    if len(tiles) == 1:
        whole = survey.read(dimensions=DIMENSIONS)
        return [(grid, lambda: whole)]
    return [(tile.core, partial(survey.read, bounds=tile.reach, dimensions=DIMENSIONS)) for tile in tiles]


def write_points(inventory: Inventory, folder: Path) -> Iterator[str]:
    """Write each file of the survey anew with the dimension `TREE_ID` (uint64), and give its name when it is there.

    A return belongs to a tree when it lies in its crown's cells, at or above the lowest height of a tree, and no
    higher than the canopy; every point, attribute and record of the file stays.
    """
    files = inventory.survey.files
    stems = [re.sub(r"(\.copc)?\.la[sz]$", "", info.path.name, flags=re.IGNORECASE) for info in files]
    for i, (info, stem) in enumerate(zip(files, stems, strict=True)):
        name = f"{stem}-{i + 1}.laz" if stems.count(stem) > 1 else f"{stem}.laz"
        with_ids = partial(_with_ids, inventory.surfaces.terrain, inventory.points, inventory.found)
        rewrite(info.path, folder / name, with_ids, dimensions=())
        yield name


def _with_ids(
    terrain: Raster, points: HighestPoints, found: Found, _: int, cloud: PointCloud
) -> dict[str, NDArray[np.generic]]:
    height, cells = canopy.heights(cloud, terrain), canopy.cells(cloud, terrain.grid)
    inside = cells >= 0
    cells = np.where(inside, cells, 0)
    belongs = inside & (height >= LOWEST_TREE) & (height <= points.height.ravel()[cells])
    ids = found.ids[found.crowns.labels.ravel()[cells]]
    return {TREE_ID: np.where(belongs, ids, np.uint64(0))}


def ground_density(ground: PointCloud, survey_area: Raster, cell: float) -> Raster:
    """Ground returns a square metre in cells of ``cell`` metres, float32; NaN where nothing was surveyed.

    Parameters
    ----------
    ground
        Ground points of the survey.
    survey_area
        Any raster of the survey, finite where it was surveyed.
    cell
        Metres.
    """
    fine = survey_area.grid
    x, y = fine.centres()
    grid = Grid.covering(Bounds(float(x[0]), float(y[-1]), float(x[-1]), float(y[0])), cell, fine.crs)
    counts = np.bincount(canopy.cells(ground, grid), minlength=grid.n_rows * grid.n_columns).reshape(grid.shape)
    rows, columns = np.nonzero(np.isfinite(survey_area.values))
    known_rows, known_columns = grid.cells_of(x[columns], y[rows])
    known = np.zeros(grid.shape)
    np.add.at(known, (known_rows, known_columns), fine.cell_area)
    values = np.divide(counts, known, out=np.full(grid.shape, np.nan), where=known > 0)
    return Raster(values.astype(np.float32), grid)
