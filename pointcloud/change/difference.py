"""Signed difference of two terrains on one grid: after minus before, so that fill (盛土) is positive."""

from __future__ import annotations

import numpy as np

from pointcloud.bounds import Bounds
from pointcloud.errors import OverlapError, ParameterError
from pointcloud.grid import Grid, Raster


def common_grid(before: Grid, after: Grid, names: tuple[str, str] = ("before", "after")) -> Grid:
    """The part of the plane that both surveys' grids cover.

    Parameters
    ----------
    before, after
        Of one cell size, on whole multiples of it.
    names
        What the message calls the two.

    Raises
    ------
    OverlapError
        When they share no cell.
    """
    grid = before.intersection(after)
    if grid is None:
        raise OverlapError(
            f"volume: the surveys do not overlap; {names[0]} covers {_text(before.bounds)}, {names[1]} "
            f"{_text(after.bounds)}; "
            "check that both are of the same place and in the same zone (系)",
            f"測量範囲が重なりません。{names[0]}: {_text(before.bounds)}、{names[1]}: {_text(after.bounds)}。"
            "同じ場所・同じ系の座標か確認してください。",
            before=before.bounds.as_tuple(),
            after=after.bounds.as_tuple(),
        )
    return grid


def difference(before: Raster, after: Raster) -> Raster:
    """Height of ``after`` over ``before`` in metres, float64; NaN where either is void.

    Raises
    ------
    ParameterError
        When the two lie on different grids.
    """
    a, b = before.grid, after.grid
    if (a.column, a.south_row, a.shape, a.cell) != (b.column, b.south_row, b.shape, b.cell):
        raise ParameterError(
            f"difference: the rasters lie on different grids ({a.bounds} / {b.bounds})",
            "差分する二つのラスタの格子が一致しません。",
        )
    return Raster(np.asarray(after.values, dtype=np.float64) - before.values, a)


def _text(bounds: Bounds) -> str:
    return f"E {bounds.x_min:.0f}-{bounds.x_max:.0f}, N {bounds.y_min:.0f}-{bounds.y_max:.0f}"
