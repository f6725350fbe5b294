"""Small plantations whose every tree is known, and the register that goes with them."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import CRS

from pointcloud.forest.inventory import Trees, tree_ids
from pointcloud.forest.stands import Stand, Treatment, Work

CRS_8 = CRS.from_epsg(6676)
WEST, SOUTH = 20_000.0, -100_000.0


def square(column: int, side: float = 100.0) -> shapely.Polygon:
    """The column-th of a row of squares, a hectare each."""
    return shapely.box(WEST + column * side, SOUTH, WEST + (column + 1) * side, SOUTH + side)


def stand(column: int, species: str = "スギ", planted: int = 1981, **fields: object) -> Stand:
    """A stand of one hectare, thinned in 2015."""
    given = {"treatments": (Treatment(2015, Work.THINNING, 0.3),), **fields}
    return Stand(f"{column}", square(column), species, planted, **given)


def trees_at(x: np.ndarray, y: np.ndarray, height: np.ndarray, crown_area: np.ndarray | float = 9.0) -> Trees:
    """Trees at these places, by id."""
    ids = tree_ids(x, y)
    order = np.argsort(ids)
    n = x.size
    area = np.broadcast_to(np.asarray(crown_area, float), n)
    columns = (x, y, height, np.zeros(n), np.full(n, 300.0), area, 2 * np.sqrt(area / np.pi), 0.5 * height)
    made = [c[order] for c in columns]
    return Trees(ids[order], *made, np.full(n, 100, np.int64), np.ones(n), CRS_8)


def rows_of(column: int, height: float, spacing: float = 4.0, spread: float = 0.0, seed: int = 1) -> Trees:
    """A hectare in rows; heights spread about ``height`` by a standard deviation."""
    steps = np.arange(spacing / 2, 100.0, spacing)
    x, y = (a.ravel() for a in np.meshgrid(WEST + 100.0 * column + steps, SOUTH + steps))
    noise = np.random.default_rng(seed).standard_normal(x.size)
    return trees_at(x, y, height + spread * (noise - noise.mean()))
