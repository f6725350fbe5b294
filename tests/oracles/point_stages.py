"""Slow, obvious twins of the kernels in `pipelines.native.kernels`."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

Floats = NDArray[np.float64]


def delaunay_height(x: float, y: float, gx: Floats, gy: Floats, gz: Floats) -> float:
    """Height at (x, y) of SciPy's triangulation of the ground points; the first point's outside of it."""
    points = np.column_stack((gx - x, gy - y))
    mesh = Delaunay(points)
    found = int(mesh.find_simplex(np.zeros(2)))
    if found < 0:
        return float(gz[0])
    corners = mesh.simplices[found]
    system = np.vstack((points[corners].T, np.ones(3)))
    return float(np.linalg.solve(system, np.array([0.0, 0.0, 1.0])) @ gz[corners])


def keep_apart(points: Floats, radius: float) -> NDArray[np.bool_]:
    """Each point in turn is kept unless one kept before lies closer than the radius."""
    kept: list[int] = []
    for i, point in enumerate(points):
        if all(np.sum((point - points[j]) ** 2) >= radius * radius for j in kept):
            kept.append(i)
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[kept] = True
    return mask


def cell_statistics(
    columns: Floats, rows: Floats, values: Floats, radius: float, power: float, shape: tuple[int, int]
) -> dict[str, Floats]:
    """min, max, mean, idw, count and stdev of the values closer than the radius to each cell's centre."""
    out = {name: np.full(shape, np.nan) for name in ("min", "max", "mean", "idw", "count", "stdev")}
    for row, column in itertools.product(range(shape[0]), range(shape[1])):
        distance = np.hypot(columns - (column + 0.5), rows - (row + 0.5))
        near = distance < radius
        v, d = values[near], distance[near]
        out["count"][row, column] = v.size
        if v.size:
            out["min"][row, column], out["max"][row, column] = v.min(), v.max()
            out["mean"][row, column], out["stdev"][row, column] = v.mean(), v.std()
            on = d == 0
            out["idw"][row, column] = v[on][0] if on.any() else np.average(v, weights=d**-power)
    return out


def below_gap(cells: NDArray[np.int64], z: Floats, threshold: float) -> NDArray[np.bool_]:
    """PDAL's extended local minimum, cell by cell."""
    mask = np.zeros(z.size, dtype=np.bool_)
    for cell in np.unique(cells):
        order = sorted(np.flatnonzero(cells == cell), key=lambda i: z[i])
        for a, b in itertools.pairwise(order):
            if abs(z[a] - z[b]) < threshold:
                break
            mask[a] = True
    return mask


def diamond_minima(values: Floats, radius: int) -> Floats:
    """Minimum over the cells no more than ``radius`` steps away along rows and columns."""
    out = np.empty_like(values)
    rows, columns = np.indices(values.shape)
    for row, column in np.ndindex(values.shape):
        out[row, column] = values[np.abs(rows - row) + np.abs(columns - column) <= radius].min()
    return out


def eight_nearest(values: Floats) -> Floats:
    """NaN replaced by the mean of the eight nearest known cells; equally near ones in the order of rows and columns."""
    out = values.copy()
    known = np.argwhere(~np.isnan(values))
    for cell in np.argwhere(np.isnan(values)):
        distance = ((known - cell) ** 2).sum(axis=1)
        nearest = known[np.argsort(distance, kind="stable")[:8]]
        out[tuple(cell)] = values[tuple(nearest.T)].mean()
    return out


def smrf(
    x: Floats, y: Floats, z: Floats, cell: float, slope: float, window: float, threshold: float, scalar: float
) -> NDArray[np.bool_]:
    """Ground by the simple morphological filter as PDAL has it, without its net (Pingel et al. 2013)."""
    rows, columns = ((v - v.min()) // cell for v in (y, x))
    rows, columns = rows.astype(int), columns.astype(int)
    lowest = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    for r, c, height in zip(rows, columns, z, strict=True):
        lowest[r, c] = np.fmin(lowest[r, c], height)
    lowest = eight_nearest(lowest)

    def standing(surface: Floats, steepness: float, widest: float) -> NDArray[np.bool_]:
        mask, before = np.zeros(surface.shape, dtype=np.bool_), surface
        for radius in range(1, int(np.ceil(widest / cell)) + 1):
            opened = -diamond_minima(-diamond_minima(surface, radius), radius)
            mask |= np.abs(before - opened) > steepness * cell * radius
            before = opened
        return mask

    surface = eight_nearest(np.where(standing(-lowest, 5.0, 1.0) | standing(lowest, slope, window), np.nan, lowest))
    east, north = (np.gradient(surface, axis=axis) / cell for axis in (1, 0))
    tolerance = threshold + scalar * np.hypot(east, north)
    return np.abs(surface[rows, columns] - z) <= tolerance[rows, columns]
