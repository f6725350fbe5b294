"""What a file of a survey needs of the others: all near points, and of those far away a few of each cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pipelines import stages
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.ground.parameters import NEAR_CELLS, GroundParameters, Occupied, near_halo, occupied, required_halo
from pointcloud.ground.thinning import far_points
from pointcloud.io import las
from pointcloud.io.ahead import one_ahead
from pointcloud.io.las_source import BATCH, open_source

if TYPE_CHECKING:
    from pointcloud.io.survey import Survey

EDGE: Final = NEAR_CELLS
"""Cells from the edge of a file within which all of its points are kept."""

MOST_BYTES: Final = 8 * 1024**3
"""Room that kept files take on the disk; what does not fit is decoded anew for each neighbour."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Part:
    """Points of a file that others may need, and which of them count far away (`far_points`)."""

    cloud: PointCloud
    is_far: Mask


class Neighbours:
    """The parts of a survey's files that others need, kept from when a file is first read until none needs it any more.

    Without it a file is decoded as often as it has neighbours within reach of the filter: where files are smaller than
    that reach, more than twenty times. Kept are about 80 bytes for each square metre, and 25 for each point within
    `EDGE` cells of the file's edge. Memory holds one file's part at a time, and what `around` takes of it.

    Parameters
    ----------
    survey
        Its files are asked for by their place in it, in ascending order.
    cell
        Of the filter's working grid in metres, or that divided by a power of two.
    folder
        Exists, and is the caller's to remove; None keeps nothing.
    """

    def __init__(self, survey: Survey, cell: float, folder: Path | None) -> None:
        self._survey, self._cell, self._folder = survey, cell, folder
        self._boxes = np.array([info.bounds.as_tuple() for info in survey.files])
        self._kept: dict[int, Path] = {}
        self._n_bytes = 0

    def occupied(self, index: int, extent: Bounds) -> Occupied:
        """What a file's points in ``extent`` add to the survey's spacing; its part is kept on the way."""
        n_points, cells, parts = 0, [np.empty(0, dtype=np.int64)], []
        for cloud in self._batches(index, None):
            inside = extent.contains(cloud.x, cloud.y)
            own = occupied(stages.without_noise(cloud if inside.all() else cloud.take(inside)))
            n_points += own.n_points
            cells.append(own.cells)
            if self._has_room:
                parts.append(self._part(index, cloud))
        if self._has_room:
            self._keep(index, self._joined(index, parts))
        return Occupied(n_points, np.unique(np.concatenate(cells)))

    def around(
        self, group: range, own: Bounds, parameters: GroundParameters
    ) -> tuple[list[PointCloud], list[PointCloud]]:
        """The points of other files near those of a group, and those far away, that the labels of the group hang on.

        Raises
        ------
        FileError
            When a file is damaged.
        """
        halo = required_halo(parameters)
        reach, near = own.buffered(halo), own.buffered(near_halo(parameters))
        has_far = near != reach
        beside, beyond = [], []
        for i in self._touching(reach):
            if i in group:
                continue
            part = self._found(i, reach) if has_far else None
            if part is not None and self._has_all(i, near):
                beside.append(part.cloud.take(near.contains(part.cloud.x, part.cloud.y)))
            else:
                beside.append(
                    self._stated(las.read(self._survey.files[i].path, dimensions=stages.LOOKED_AT, bounds=near))
                )
            if part is not None:
                x, y = part.cloud.x, part.cloud.y
                beyond.append(part.cloud.take(part.is_far & reach.contains(x, y) & ~near.contains(x, y)))
        self._forget(group[-1], halo)
        return beside, beyond

    def _touching(self, bounds: Bounds) -> list[int]:
        """Places of the files that share a point with a rectangle, ascending."""
        west, south, east, north = self._boxes.T
        x, y = (west <= bounds.x_max) & (east >= bounds.x_min), (south <= bounds.y_max) & (north >= bounds.y_min)
        found: list[int] = np.flatnonzero(x & y).tolist()
        return found

    def _found(self, index: int, reach: Bounds) -> _Part:
        """A file's part, or of one that is not kept at least what lies within reach."""
        if index in self._kept:
            with np.load(self._kept[index]) as kept:
                x, y, z = kept["xyz"]
                cloud = PointCloud(x, y, z, {"Classification": kept["classes"]})
                return _Part(self._stated(cloud), kept["is_far"])
        bounds = None if self._has_room else reach
        part = self._joined(index, [self._part(index, cloud) for cloud in self._batches(index, bounds)])
        if self._has_room:
            self._keep(index, part)
        return part

    def _part(self, index: int, cloud: PointCloud) -> _Part:
        is_far = far_points(cloud, self._cell)
        wanted = is_far | self._is_edge(index, cloud)
        return _Part(cloud.take(wanted), is_far[wanted])

    def _joined(self, index: int, parts: list[_Part]) -> _Part:
        """The part of a file from those of its batches, which together have more points than count."""
        if not parts:
            x, y, z = np.empty((3, 0))
            none = PointCloud(x, y, z, {"Classification": np.empty(0, dtype=np.uint8)})
            return _Part(self._stated(none), np.empty(0, dtype=np.bool_))
        if len(parts) == 1:
            return parts[0]
        cloud = PointCloud.concatenate([part.cloud for part in parts])
        is_far = np.concatenate([part.is_far for part in parts])
        is_far[is_far] = far_points(cloud.take(is_far), self._cell)
        wanted = is_far | self._is_edge(index, cloud)
        return _Part(cloud.take(wanted), is_far[wanted])

    def _is_edge(self, index: int, cloud: PointCloud) -> Mask:
        west, south, east, north = self._inner(index)
        inner: Mask = (cloud.x >= west) & (cloud.x <= east) & (cloud.y >= south) & (cloud.y <= north)
        return ~inner

    def _inner(self, index: int) -> tuple[float, float, float, float]:
        """West, south, east and north edge of a file without its edge; of a narrow file east lies before west."""
        west, south, east, north = self._boxes[index].tolist()
        margin = EDGE * self._cell
        return west + margin, south + margin, east - margin, north - margin

    def _has_all(self, index: int, near: Bounds) -> bool:
        """Whether the points of a file in a rectangle are all in its part."""
        west, south, east, north = self._inner(index)
        is_within = west <= near.x_max and east >= near.x_min and south <= near.y_max and north >= near.y_min
        return not (is_within and west <= east and south <= north)

    @property
    def _has_room(self) -> bool:
        return self._folder is not None and self._n_bytes <= MOST_BYTES

    def _keep(self, index: int, part: _Part) -> None:
        path, cloud = Path(self._folder or "", f"{index}.npz"), part.cloud
        xyz = np.stack((cloud.x, cloud.y, cloud.z))
        np.savez(path, xyz=xyz, classes=cloud.attributes["Classification"], is_far=part.is_far)
        self._kept[index] = path
        self._n_bytes += path.stat().st_size

    def _forget(self, index: int, halo: float) -> None:
        """Remove what no file after this one reaches."""
        for i in [i for i in self._kept if self._touching(self._survey.files[i].bounds.buffered(halo))[-1] <= index]:
            path = self._kept.pop(i)
            self._n_bytes -= path.stat().st_size
            path.unlink()

    def _batches(self, index: int, bounds: Bounds | None) -> Iterator[PointCloud]:
        source = open_source(self._survey.files[index].path)
        names = source.names(stages.LOOKED_AT)
        for points in one_ahead(source.batches(BATCH, names, bounds, is_located=True)):
            yield self._stated(source.cloud(points, names, bounds))

    def _stated(self, cloud: PointCloud) -> PointCloud:
        return replace(cloud, crs=self._survey.crs, vertical_datum=self._survey.vertical_datum)
