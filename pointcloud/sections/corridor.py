"""The strip of land that the sections of a line need, and its points: only tiles and COPC nodes that it touches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.io.survey import Survey
from pointcloud.sections.line import CentreLine
from pointcloud.sections.stations import Station

_CELL = 8.0
"""Metres of a cell of the corridor's mask: small beside a corridor, large beside the distance of points."""

_MAX_CELLS = 1_000_000
"""Cells of a mask; those of very long lines are larger."""

_BAND = 64.0
"""Metres of a band of cells that a COPC file is read by: smaller ones would read its coarse nodes too often."""


@dataclass(frozen=True, slots=True)
class Corridor:
    """The cells that a strip touches.

    Parameters
    ----------
    grid
        Cells of the mask.
    touched
        Mask of ``grid.shape``.
    """

    grid: Grid
    touched: NDArray[np.bool_]

    def contains(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the points in touched cells."""
        rows, columns = self.grid.cells_of(x, y)
        inside = (rows >= 0) & (rows < self.grid.n_rows) & (columns >= 0) & (columns < self.grid.n_columns)
        inside[inside] = self.touched[rows[inside], columns[inside]]
        return inside

    def boxes(self) -> Iterator[Bounds]:
        """Half-open rectangles that hold each touched cell once: runs of cells in bands of rows."""
        cell, n_rows = self.grid.cell, max(1, round(_BAND / self.grid.cell))
        for row in range(0, self.grid.n_rows, n_rows):
            band = self.touched[row : row + n_rows]
            steps = np.diff(np.concatenate(([0], band.any(axis=0).astype(np.int8), [0])))
            north = self.grid.north - row * cell
            for first, last in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
                west = self.grid.west
                yield Bounds(west + first * cell, north - len(band) * cell, west + last * cell, north)

    def read(self, survey: Survey, dimensions: Sequence[str]) -> PointCloud:
        """The survey's points in the touched cells, file after file.

        Files beyond the corridor are not opened. A COPC file is read box by box, so that only its nodes near the
        corridor are; another file is read once.
        """
        clouds: list[PointCloud] = []
        hull = self.grid.bounds
        for file in survey.files:
            near = None if file.bounds is None else hull.intersection(file.bounds.buffered(1e-3))
            if near is None:
                continue
            one = replace(survey, files=(file,))
            boxes = [b for b in (box.intersection(near) for box in self.boxes()) if b is not None]
            if not boxes:
                continue
            for box in boxes if file.is_copc else [hull]:
                cloud = one.read(bounds=box, dimensions=dimensions)
                clouds.append(cloud.take(self.contains(cloud.x, cloud.y)))
        if not clouds:
            return replace(survey, files=()).read(dimensions=dimensions)
        return PointCloud.concatenate(clouds)


def reach(line: CentreLine, stations: Sequence[Station]) -> shapely.Geometry:
    """The line, its sections, and the land between neighbouring ones."""
    x, y, _ = line.at(line.dense(0.0, line.length, 0.5))
    shapes = [shapely.linestrings(np.column_stack((x, y)))]
    shapes += [shapely.linestrings(np.array(s.segment).reshape(2, 2)) for s in stations]
    for a, b in pairwise(stations):
        ends = np.array([*a.segment, *b.segment]).reshape(4, 2)
        shapes.append(shapely.multipoints(ends).convex_hull)
    return shapely.union_all(np.array(shapes, dtype=object))


def corridor(shape: shapely.Geometry, margin: float) -> Corridor:
    """Cells that a shape touches when it is grown by ``margin`` metres."""
    strip = shapely.buffer(shape, margin, quad_segs=4)
    bounds = Bounds(*strip.bounds)
    grid = Grid.covering(bounds, max(_CELL, math.ceil(math.sqrt(bounds.area / _MAX_CELLS))))
    east, north = np.meshgrid(*grid.centres())
    half = grid.cell / 2.0
    shapely.prepare(strip)
    cells = shapely.box(east - half, north - half, east + half, north + half)
    return Corridor(grid, shapely.intersects(strip, cells))


def footprint(line: CentreLine, stations: Sequence[Station]) -> Polygon | MultiPolygon:
    """The area that the sections sweep from the first station to the last: what their volume stands for."""
    quads = []
    for a, b in pairwise(stations):
        s = line.dense(a.distance, b.distance, 0.005)
        share = ((s - a.distance) / (b.distance - a.distance))[:, None]
        x, y, direction = line.at(s)
        turn = a.direction - line.at(np.array([a.distance]))[2][0]
        direction = direction + turn
        direction[0], direction[-1] = a.direction, b.direction
        across = np.column_stack((np.sin(direction), -np.cos(direction)))
        centre = np.column_stack((x, y))
        left = centre - across * (a.left + share * (b.left - a.left))
        right = centre + across * (a.right + share * (b.right - a.right))
        rings = np.stack((left[:-1], right[:-1], right[1:], left[1:], left[:-1]), axis=1)
        quads += [q if q.is_valid else q.convex_hull for q in shapely.polygons(rings)]
    whole = shapely.union_all(np.array(quads, dtype=object))
    return whole if isinstance(whole, Polygon | MultiPolygon) else MultiPolygon()
