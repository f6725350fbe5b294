"""Cut (切土), fill (盛土) and net volume from a difference raster, for the whole and for polygons.

Volumes are grid volumes in the CRS given: the scale factor of a plane rectangular zone changes them by
0.01-0.02 %, which is not corrected.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from pointcloud.bounds import Bounds
from pointcloud.change import kernels
from pointcloud.grid import Grid, Raster

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume and how far it can be trusted.

    Parameters
    ----------
    cut_m3, fill_m3
        Both positive: material gone, material added.
    net_m3
        Fill minus cut.
    cut_ci95_m3, fill_ci95_m3, net_ci95_m3
        95 % intervals, None where they were not estimated.
    area_m2
        Area with a terrain in both surveys.
    void_area_m2
        Area asked for, but without a terrain in at least one survey; nothing is assumed there.
    level_of_detection_m
        Smallest change that is significant at 95 %, None where it was not estimated.
    """

    cut_m3: float
    fill_m3: float
    net_m3: float
    area_m2: float
    void_area_m2: float
    cut_ci95_m3: Interval | None = None
    fill_ci95_m3: Interval | None = None
    net_ci95_m3: Interval | None = None
    level_of_detection_m: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def coverage(polygon: Polygon | MultiPolygon, grid: Grid) -> tuple[Grid, NDArray[np.float64]] | None:
    """Exact share of each cell that lies inside a polygon.

    Parameters
    ----------
    polygon
        Valid, in the grid's CRS; holes count as outside.
    grid
        The grid to cover.

    Returns
    -------
    tuple of Grid and ndarray, or None
        The window of ``grid`` that the polygon touches and the shares (0-1) on it, whose sum times the cell's
        area is the polygon's area inside the grid to rounding. None where the two do not meet.

    References
    ----------
    Signed-area accumulation as in anti-aliased font rasters (Levien, R. 2016, "Inside the fastest font renderer").
    """
    window = Grid.covering(Bounds(*polygon.bounds), grid.cell, grid.crs).intersection(grid)
    if window is None:
        return None
    cover = np.zeros((window.n_rows, window.n_columns + 1))
    for part in getattr(polygon, "geoms", [polygon]):
        turned = orient(part)  # outer ring counter-clockwise, holes clockwise
        for ring in (turned.exterior, *turned.interiors):
            xy = np.asarray(ring.coords, dtype=np.float64)
            x = np.ascontiguousarray((xy[:, 0] - window.west) / window.cell)
            y = np.ascontiguousarray((window.north - xy[:, 1]) / window.cell)
            kernels.add_ring(x, y, cover)
    share = np.cumsum(cover[:, :-1], axis=1)
    return window, np.clip(share, 0.0, 1.0)


def zone_volume(change: Raster, polygon: Polygon | MultiPolygon) -> Volume:
    """Volume inside a polygon; its boundary cells count with their exact share (1点法 with a cut boundary).

    Parameters
    ----------
    change
        After minus before in metres, NaN where void.
    polygon
        In the raster's CRS; the part outside the raster is void area.
    """
    covered = coverage(polygon, change.grid)
    if covered is None:
        return Volume(0.0, 0.0, 0.0, 0.0, float(polygon.area))
    window, share = covered
    return _volume(change.window(window), share, float(polygon.area))


def total_volume(change: Raster, is_surveyed: NDArray[np.bool_]) -> Volume:
    """Volume of everything that both surveys cover.

    Parameters
    ----------
    change
        After minus before in metres, NaN where void.
    is_surveyed
        Mask of the raster's shape: cells that lie inside both surveys, with or without a terrain.
    """
    area = float(np.count_nonzero(is_surveyed)) * change.grid.cell_area
    return _volume(change, is_surveyed.astype(np.float64), area)


def _volume(change: Raster, share: NDArray[np.float64], area: float) -> Volume:
    is_known = np.isfinite(change.values)
    depth = np.where(is_known, change.values, 0.0)
    weight = share * change.grid.cell_area
    fill = float(np.sum(weight * np.maximum(depth, 0.0)))
    cut = float(np.sum(weight * np.maximum(-depth, 0.0)))
    known_area = float(np.sum(weight[is_known]))
    return Volume(cut, fill, fill - cut, known_area, max(0.0, area - known_area))
