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
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las import LasInfo
from pointcloud.io.las_source import Source, open_source
from pointcloud.io.survey import Survey
from pointcloud.sections import place_kernels
from pointcloud.sections.line import CentreLine
from pointcloud.sections.stations import Station

_CELL = 8.0
"""Metres of a cell of the corridor's mask: small beside a corridor, large beside the distance of points."""

_MAX_CELLS = 1_000_000
"""Cells of a mask; those of very long lines are larger."""


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

    def meets(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the rectangles that hold a part of a touched cell.

        Parameters
        ----------
        boxes
            West, south, east and north edges in metres, shape (n, 4), closed.
        """
        grid = self.grid
        sums = np.zeros((grid.n_rows + 1, grid.n_columns + 1), dtype=np.int64)
        sums[1:, 1:] = self.touched.cumsum(axis=0).cumsum(axis=1)
        west, east = (np.floor((boxes[:, k] - grid.west) / grid.cell) for k in (0, 2))
        north, south = (np.floor((grid.north - boxes[:, k]) / grid.cell) for k in (3, 1))
        first_column, end_column = (np.clip(v, 0, grid.n_columns).astype(np.int64) for v in (west, east + 1.0))
        first_row, end_row = (np.clip(v, 0, grid.n_rows).astype(np.int64) for v in (north, south + 1.0))
        found = (
            sums[end_row, end_column] - sums[first_row, end_column]
            - sums[end_row, first_column] + sums[first_row, first_column]
        )  # fmt: skip
        return (found > 0) & (end_row > first_row) & (end_column > first_column)

    def read(self, survey: Survey, dimensions: Sequence[str]) -> PointCloud:
        """The survey's points in the touched cells, cell after cell.

        Neighbours follow each other, whatever the order in the files, so that triangulating and searching them, which
        goes by place, finds them in the processor's cache: several times as fast.

        Files beyond the corridor are not opened, and of a COPC file only the nodes that the corridor touches are
        decoded. What is decoded is thrown away batch by batch, but for the corridor's points.
        """
        clouds: list[PointCloud] = []
        decoded = one_ahead(one_ahead(self._decoded(survey, dimensions)))  # loading the kernels takes as long as two
        for source, points in decoded:
            own = points.take(np.flatnonzero(self._own(source, points)))  # of records five times as fast as a mask
            clouds.append(source.cloud(own, source.names(dimensions)))
        if not clouds:
            return replace(survey, files=()).read(dimensions=dimensions)
        stated = [replace(c, crs=survey.crs, vertical_datum=survey.vertical_datum) for c in clouds]
        return self._by_cell(PointCloud.concatenate(stated))

    def of(self, cloud: PointCloud) -> PointCloud:
        """The points of a cloud in the touched cells, in the order of `read`."""
        return self._by_cell(cloud.take(self.contains(cloud.x, cloud.y)))

    def _by_cell(self, cloud: PointCloud) -> PointCloud:
        order, grid = np.empty(len(cloud), dtype=np.int64), self.grid
        frame = np.array([grid.west, grid.south, grid.cell])
        starts = np.zeros(grid.n_rows * grid.n_columns + 1, dtype=np.int64)
        place_kernels.sort_by_cell(cloud.x, cloud.y, frame, np.array(grid.shape), starts, order)
        return cloud.take(order)

    def files(self, survey: Survey) -> tuple[LasInfo, ...]:
        """The survey's files that reach into a touched cell."""
        boxes = np.array([file.bounds.as_tuple() for file in survey.files]).reshape(-1, 4)
        return tuple(survey.files[i] for i in np.flatnonzero(self.meets(boxes)))

    def _own(self, source: Source, points: NDArray[np.void]) -> NDArray[np.bool_]:
        """Mask of the records in touched cells."""
        inside, grid = np.empty(len(points), dtype=np.bool_), self.grid
        place_kernels.mark_touched(
            points["X"], points["Y"], np.array(source.header.scales), np.array(source.header.offsets), grid.cell,
            np.array([grid.column, grid.south_row + grid.n_rows - 1]), self.touched, inside,
        )  # fmt: skip
        return inside

    def _decoded(self, survey: Survey, dimensions: Sequence[str]) -> Iterator[tuple[Source, NDArray[np.void]]]:
        """Records of the blocks near the corridor, some from beyond it, and the files that they are from."""
        for file in self.files(survey):
            source = open_source(file.path)
            blocks = None if source.boxes is None else np.flatnonzero(self.meets(source.boxes))
            for points in source.batches(names=source.names(dimensions), bounds=self.grid.bounds, blocks=blocks):
                yield source, points


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
        if b.distance <= a.distance:  # two given in one place
            continue
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
