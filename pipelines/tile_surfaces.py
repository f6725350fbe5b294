"""What a stage makes of one tile: arrays that the stage cache keeps, by a job or by a process of a cluster."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines import stages
from pipelines.cluster_order import Order
from pipelines.stage_cache import Arrays
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.grid import Grid
from pointcloud.ground import surface
from pointcloud.ground.parameters import GroundParameters, occupied

if TYPE_CHECKING:
    from pointcloud.io.survey import Survey


def make_ordered(order: Order) -> None:
    """Put the arrays of an order for `surfaces` or `spacing` into the cache."""
    survey, given = order.survey(), dict(order.arguments)
    column, south_row, n_columns, n_rows, cell = given.pop("core")
    core, reach = Grid(column, south_row, n_columns, n_rows, cell, survey.crs), Bounds(*given.pop("reach"))
    if order.stage == "spacing":
        made = spacing(survey, core)
    else:
        cloud = survey.read(bounds=reach, dimensions=stages.LOOKED_AT)
        made = surfaces(core, cloud, GroundParameters(**given.pop("parameters")), **given)
    order.cache.keep_arrays(Path(order.entries[0]), made)


def spacing(survey: Survey, core: Grid) -> Arrays:
    """What the points of a tile alone add to the spacing of the survey: one on a border belongs to one side."""
    cloud = survey.read(bounds=core.bounds, dimensions=stages.LOOKED_AT)
    found = occupied(stages.without_noise(cloud.take(core.bounds.contains(cloud.x, cloud.y))))
    return {"n_points": np.asarray(found.n_points), "cells": found.cells}


def surfaces(
    core: Grid, cloud: PointCloud, parameters: GroundParameters, max_gap: float, *, with_terrain: bool
) -> Arrays:
    """What a tile adds: rasters on its core, the points of it that are ground, its points by class."""
    result = stages.labelled(cloud, parameters=parameters)
    made: dict[str, NDArray[Any]] = {}
    if with_terrain:
        key = result.key_points
        made["terrain"] = surface.terrain(cloud.x[key], cloud.y[key], cloud.z[key], core, max_gap).height.values
    kept = ~stages.is_noise(result.labels)
    confidence = cell_confidence(cloud.x[kept], cloud.y[kept], result.confidence[kept], core, max_gap)
    is_wanted = np.isfinite(made["terrain"]) if with_terrain else True
    made["confidence"] = np.where(is_wanted, confidence, np.float32(np.nan))
    labelled = cloud.with_attributes(Classification=result.labels)
    made["top"] = surface.highest_return(labelled, core).values
    made["is_surveyed"] = surface.distance_to_points(cloud.x, cloud.y, core, max_gap) <= max_gap
    inside = core.bounds.contains(cloud.x, cloud.y)
    ground = result.labels == ClassCode.GROUND
    for name, chosen in (("key_points", result.key_points & inside), ("ground_points", ground & inside)):
        made[name] = np.stack([values[chosen] for values in (cloud.x, cloud.y, cloud.z)])
    made["classes"], made["numbers"] = np.unique(result.labels[inside], return_counts=True)
    return made


def cell_confidence(
    x: NDArray[np.float64], y: NDArray[np.float64], confidence: NDArray[np.float32], grid: Grid, reach: float
) -> NDArray[np.float32]:
    """Mean confidence of the points in each cell; where none fell, of those up to ``reach`` metres to each side.

    Parameters
    ----------
    x, y
        Points of the grid and, for the same values whatever the tiles, of ``reach`` beyond it.
    confidence
        0-1 of each point.

    Returns
    -------
    ndarray
        float32 of ``grid.shape``, NaN where there is no point.
    """
    margin = math.ceil(reach / grid.cell)
    wide = Grid(
        grid.column - margin, grid.south_row - margin, grid.n_columns + 2 * margin, grid.n_rows + 2 * margin, grid.cell
    )
    rows, columns = wide.cells_of(x, y)
    inside = (rows >= 0) & (rows < wide.n_rows) & (columns >= 0) & (columns < wide.n_columns)
    flat = rows[inside] * wide.n_columns + columns[inside]
    size = wide.n_rows * wide.n_columns
    # whole numbers, so that a sum is exact and does not hang on the order in which a tile brings its points
    total = np.bincount(flat, np.rint(confidence[inside] * _PARTS), size).reshape(wide.shape)
    number = np.bincount(flat, minlength=size).reshape(wide.shape)
    window = grid.window_in(wide)
    own = number[window] > 0
    total = np.where(own, total[window], _square_sums(total, margin))
    number = np.where(own, number[window], _square_sums(number, margin))
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float32] = (total / number / _PARTS).astype(np.float32)
    return mean


_PARTS = float(1 << 20)


def _square_sums(values: NDArray[Any], margin: int) -> NDArray[Any]:
    """Sums over the square of ``margin`` cells to each side; the outer ``margin`` cells are left away."""
    n = 2 * margin + 1
    for _ in range(2):
        sums = np.cumsum(values, axis=0)
        values = sums[n - 1 :].T.copy()
        values[:, 1:] -= sums[:-n].T
    return values
