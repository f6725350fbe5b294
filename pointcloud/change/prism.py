"""Exact volume between two TINs inside a polygon: no grid, no sampling."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pointcloud.change import prism_kernels
from pointcloud.change.volume import Volume
from pointcloud.ground.surface import Tin

Floats = NDArray[np.float64]


def prism_volume(before: Tin, after: Tin, polygon: Polygon | MultiPolygon) -> Volume:
    """Volume between two TINs inside a polygon, cut and fill split exactly where the surfaces cross.

    Every triangle of the polygon, of the earlier and of the later TIN meet in a convex piece over which both surfaces
    are planes; their difference is integrated in closed form. TINs span voids without a limit, so this method knows
    none: the area of a void is counted.

    Parameters
    ----------
    before, after
        Triangulations in one CRS, metres.
    polygon
        Valid; holes count as outside.

    Returns
    -------
    Volume
        ``void_area_m2`` is the polygon's area outside at least one TIN.
    """
    area = float(polygon.area)
    box = np.array(polygon.bounds)
    west, south = box[:2]
    region = _polygon_triangles(polygon, west, south)
    one, other = (_corners(tin, box) for tin in (before, after))
    out = np.zeros(3)
    if region.size and one.size and other.size:
        width, depth = box[2] - west, box[3] - south
        n_triangles = max(one.shape[0], other.shape[0], 1)
        cell = max(float(np.sqrt(width * depth / n_triangles)), 1e-3 * max(width, depth))
        n_columns, n_rows = int(width / cell) + 1, int(depth / cell) + 1
        lists = [_index(triangles, cell, n_columns, n_rows) for triangles in (one, other)]
        prism_kernels.overlay(region, one, other, cell, n_columns, n_rows, *lists[0], *lists[1], out)
    cut, fill, known = (float(v) for v in out)
    return Volume(cut, fill, fill - cut, known, max(0.0, area - known))


def _polygon_triangles(polygon: Polygon | MultiPolygon, west: float, south: float) -> Floats:
    """Triangles that fill the polygon, shape (n, 3, 3), counter-clockwise, from its lower left corner."""
    moved = shapely.transform(polygon, lambda xy: xy - (west, south))
    parts = shapely.get_parts(shapely.constrained_delaunay_triangles(moved))
    if len(parts) == 0:
        return np.empty((0, 3, 3))
    corners = shapely.get_coordinates(parts).reshape(-1, 4, 2)[:, :3]
    return _turned(np.concatenate((corners, np.zeros((*corners.shape[:2], 1))), axis=2))


def _corners(tin: Tin, box: Floats) -> Floats:
    """The triangles that touch a box, shape (n, 3, 3), counter-clockwise, from the box's lower left corner."""
    x, y = tin.x - box[0], tin.y - box[1]
    # the sides of the box that a vertex lies beyond, a bit each: triangles beyond one side with all corners are far
    beyond = (x < 0.0) | (x > box[2] - box[0]) * np.uint8(2)
    beyond |= (y < 0.0) * np.uint8(4) | (y > box[3] - box[1]) * np.uint8(8)
    one, other, third = (beyond[tin.triangles[:, corner]] for corner in range(3))
    near = tin.triangles[(one & other & third) == 0]
    return _turned(np.stack((x[near], y[near], tin.z[near]), axis=2))


def _turned(triangles: Floats) -> Floats:
    """Triangles counter-clockwise; those without area are left out."""
    u, v = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    turned = np.where((area < 0.0)[:, None, None], triangles[:, ::-1], triangles)
    return np.ascontiguousarray(turned[area != 0.0])


def _index(triangles: Floats, cell: float, n_columns: int, n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the list of each cell starts, and the lists."""
    numbers = np.zeros(n_columns * n_rows + 1, dtype=np.int64)
    prism_kernels.bin_triangles(triangles, cell, n_columns, n_rows, numbers, np.empty(0, dtype=np.int64))
    starts = np.concatenate(([0], np.cumsum(numbers[:-1]))).astype(np.int64)
    items = np.zeros(int(starts[-1]), dtype=np.int64)
    if items.size:
        prism_kernels.bin_triangles(triangles, cell, n_columns, n_rows, starts, items)
    return starts, items
