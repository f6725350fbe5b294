"""Terrain (DTM) and top (DSM) surfaces on a grid.

The terrain is the triangulated irregular network (TIN) of the ground points given, read at the cell centres.
Nothing is invented: outside the TIN, and farther than ``max_gap`` from any ground point, a cell is void (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pythoncdt
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.ground import tin_kernels
from pointcloud.ground.distance import distance_within

MAX_GAP = 5.0
"""Metres from a cell's centre to the nearest ground point beyond which the terrain is void. Chosen so that a
house of 10 m is bridged and a hall of 20 m is not; `docs/processes/terrain-model.md` gives the reasons."""


_AROUND = 3


@dataclass(frozen=True, slots=True)
class Tin:
    """A triangulation.

    Parameters
    ----------
    x, y, z
        Vertices, float64 of shape (n,); no two share a position.
    triangles
        Vertex numbers, uint32 of shape (m, 3), counter-clockwise; empty where all vertices lie on a line.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    triangles: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Terrain:
    """A terrain surface and how far each cell lies from what was measured.

    Parameters
    ----------
    height
        Heights in metres; NaN where void.
    distance
        Metres from the cell to the nearest cell with a ground point, inf where there is none.
    n_points
        Ground points that carry the surface.
    tin
        The triangulation that was sampled.
    """

    height: Raster
    distance: Raster
    n_points: int
    tin: Tin


def triangulate(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> Tin:
    """Delaunay triangulation of the points in the plane.

    Of points that share a position the lowest is kept, as the ground is the lowest surface. Positions are taken
    relative to the south-west corner: projected coordinates cost digits that the predicates need.

    Parameters
    ----------
    x, y, z
        float64 of shape (n,), finite, metres.

    Returns
    -------
    Tin
        In the coordinates given.

    References
    ----------
    Amirkhanov, A. "CDT: Constrained Delaunay Triangulation" (C++ library, exact predicates after Shewchuk 1997).
    """
    order = np.lexsort((z, y, x))
    is_first = np.ones(order.size, dtype=np.bool_)
    is_first[1:] = (np.diff(x[order]) != 0.0) | (np.diff(y[order]) != 0.0)
    keep = np.sort(order[is_first])
    x, y, z = x[keep], y[keep], z[keep]
    if x.size < 3:
        return Tin(x, y, z, np.empty((0, 3), dtype=np.uint32))
    local = np.column_stack((x - x.min(), y - y.min()))
    network = pythoncdt.Triangulation(
        pythoncdt.VertexInsertionOrder.AUTO, pythoncdt.IntersectingConstraintEdges.NOT_ALLOWED, 0.0
    )
    network.insert_vertices(np.ascontiguousarray(local))
    # the library's first three vertices are those of the triangle around everything; leaving them out here is
    # several times faster than having the library do it
    corners = network.triangles_array()["vertices"]
    inner = corners[(corners >= _AROUND).all(axis=1)] - np.uint32(_AROUND)
    return Tin(x, y, z, np.ascontiguousarray(inner))


def terrain(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    grid: Grid,
    max_gap: float = MAX_GAP,
) -> Terrain:
    """Terrain heights of a TIN at the cell centres of a grid.

    Parameters
    ----------
    x, y, z
        Ground points, float64 of shape (n,), metres; they may reach beyond the grid, and should by at least
        ``max_gap`` where neighbouring tiles exist.
    grid
        Where the surface is wanted.
    max_gap
        Cells farther than this from the nearest ground point (metres) are void.

    Returns
    -------
    Terrain
        Float64 rasters on ``grid``; all void for fewer than three points.

    Raises
    ------
    ParameterError
        When ``max_gap`` is not positive.
    """
    refuse_no_gap("terrain", max_gap)
    tin = triangulate(x, y, z)
    height = heights(tin, grid)
    distance = distance_to_points(tin.x, tin.y, grid, max_gap)
    height[distance > max_gap] = np.nan
    return Terrain(Raster(height, grid), Raster(distance, grid), int(tin.x.size), tin)


def refuse_no_gap(operation: str, max_gap: float) -> None:
    """Refuse a distance beyond which the terrain is void that is none.

    Raises
    ------
    ParameterError
        When ``max_gap`` is not positive.
    """
    if not max_gap > 0:
        raise ParameterError(
            f"{operation}: max_gap {max_gap} m; expected a positive number of metres",
            f"最大補間距離 max_gap = {max_gap} m が不正です。正の値 (m) を指定してください。",
            value=max_gap,
        )


def heights(tin: Tin, grid: Grid) -> NDArray[np.float64]:
    """Heights of a TIN at the cell centres of a grid, metres, float64 of ``grid.shape``; NaN outside the TIN."""
    found = np.full(grid.shape, np.nan)
    tin_kernels.rasterise(
        (tin.x - grid.west) / grid.cell - 0.5,
        (grid.north - tin.y) / grid.cell - 0.5,
        np.ascontiguousarray(tin.z),
        tin.triangles,
        found,
    )
    return found


def distance_to_points(x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid, reach: float) -> NDArray[np.float64]:
    """Metres from each cell to the nearest cell that holds a point, float64 of ``grid.shape``; inf beyond ``reach``.

    Points up to ``reach`` beyond the grid count. Cell to cell, so exact to less than one cell diagonal.
    """
    margin = int(np.ceil(reach / grid.cell)) + 1
    wide = Grid(
        grid.column - margin,
        grid.south_row - margin,
        grid.n_columns + 2 * margin,
        grid.n_rows + 2 * margin,
        grid.cell,
        grid.crs,
    )
    rows, columns = wide.cells_of(x, y)
    inside = (rows >= 0) & (rows < wide.n_rows) & (columns >= 0) & (columns < wide.n_columns)
    if not inside.any():
        return np.full(grid.shape, np.inf)
    is_hit = np.zeros(wide.shape, dtype=np.bool_)
    is_hit[rows[inside], columns[inside]] = True
    return np.ascontiguousarray(distance_within(is_hit, reach, grid.cell)[grid.window_in(wide)])


def highest_return(cloud: PointCloud, grid: Grid) -> Raster:
    """Digital surface model: the highest return of each cell, noise classes 7 and 18 left out.

    Returns
    -------
    Raster
        Float64 metres; NaN where no return fell. Nothing is filled.
    """
    x, y, z = cloud.x, cloud.y, cloud.z
    classes = cloud.attributes.get("Classification")
    if classes is not None:
        is_valid = (classes != ClassCode.LOW_NOISE) & (classes != ClassCode.HIGH_NOISE)
        x, y, z = x[is_valid], y[is_valid], z[is_valid]
    values = np.full(grid.shape, np.nan)
    rows, columns = grid.cells_of(x, y)
    tin_kernels.cell_maximum(rows, columns, z, values)
    return Raster(values, grid)
