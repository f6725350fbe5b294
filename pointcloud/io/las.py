"""LAS, LAZ and COPC files in and out: versions 1.0 to 1.4, point formats 0 to 10.

Attributes have PDAL's names (`pointcloud.dimensions`); extra bytes have the names that the file gives them.
Attributes keep their type in the file, scaled extra bytes become float64. Waveform fields and extra bytes that
nothing describes are no attributes, but `rewrite` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud import sheets
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.io.ahead import ahead
from pointcloud.io.las_rewrite import Edit, relabel, rewrite
from pointcloud.io.las_source import BATCH, Source, open_source
from pointcloud.io.las_write import write
from pointcloud.notes import Note

__all__ = ["Edit", "LasInfo", "inspect", "iter_chunks", "read", "relabel", "rewrite", "write"]


AHEAD = 2
"""Batches that are decoded ahead of those that become columns: loading the kernels for that takes as long as two."""


@dataclass(frozen=True, slots=True)
class LasInfo:
    """What a file says about itself, and what is odd about it.

    Parameters
    ----------
    bounds, z_min, z_max
        Extent of the points in the file's units: the header's, or the true one where the header's does not hold
        the points (then ``problems`` says so).
    stated_crs
        What the header states, compound where it states heights; None where nothing readable.
    crs, vertical_datum
        Its horizontal part, and what heights refer to.
    dimensions, extra_dimensions
        PDAL names of all attributes, and of those in extra bytes.
    sheets
        Readings of the 国土基本図 code in the file name.
    problems
        What a user should know although the file can be read.
    """

    path: Path
    version: str
    point_format: int
    n_points: int
    bounds: Bounds
    z_min: float
    z_max: float
    scales: tuple[float, float, float]
    offsets: tuple[float, float, float]
    stated_crs: CRS | None
    crs: CRS | None
    vertical_datum: VerticalDatum
    is_compressed: bool
    is_copc: bool
    dimensions: tuple[str, ...]
    extra_dimensions: tuple[str, ...]
    creation_date: date | None
    software: str
    sheets: tuple[sheets.Sheet, ...]
    problems: tuple[Note, ...]

    @property
    def density(self) -> float | None:
        """Points per square unit of the extent, or None where that has no area."""
        return self.n_points / self.bounds.area if self.bounds.area > 0 else None


def inspect(path: Path) -> LasInfo:
    """What a file says about itself; reads its header and tables and a few thousand points.

    All points are read only where those few lie outside the header's bounds.

    Raises
    ------
    FileError
        When the file is missing, is not LAS or LAZ, is cut short, or a field cannot be right; the message names
        the file, the field and its byte.
    """
    source = open_source(path)
    header = source.header
    low, high, problems = _extent(source)
    return LasInfo(
        path, f"1.{header.minor}", header.point_format, header.n_points, Bounds(low[0], low[1], high[0], high[1]),
        low[2], high[2], header.scales, header.offsets, source.stated_crs, source.crs, source.vertical_datum,
        header.is_compressed, source.is_copc, tuple(source.layout.fields), source.layout.extras,
        header.created, header.software, sheets.find(path.name), source.notes + problems,
    )  # fmt: skip


def read(path: Path, *, dimensions: Sequence[str] | None = None, bounds: Bounds | None = None) -> PointCloud:
    """All points of a file, or those in ``bounds`` (half-open), in the file's order and CRS.

    Parameters
    ----------
    path
        LAS, LAZ or COPC; of a COPC only the nodes that touch ``bounds`` are decoded.
    dimensions
        Attributes to load, all where None; standard ones that the file lacks are left out.
    bounds
        In the file's coordinates.

    Raises
    ------
    FileError
        When the file cannot be used.
    ParameterError
        When a dimension is neither standard nor in the file.
    """
    source = open_source(path)
    names = source.names(dimensions)
    if bounds is None:
        return source.whole(ahead(source.batches(BATCH, names), AHEAD), source.header.n_points, names)
    clouds = [source.cloud(points, names, bounds) for points in source.batches(BATCH, names, bounds)]
    clouds = clouds or [source.cloud(np.empty(0, dtype=source.layout.dtype), names)]
    if len(clouds) == 1:
        return clouds[0]
    columns = {name: [cloud.attributes[name] for cloud in clouds] for name in names}
    x, y, z = ([getattr(cloud, axis) for cloud in clouds] for axis in "xyz")
    clouds.clear()
    return PointCloud(
        _joined(x), _joined(y), _joined(z), {name: _joined(columns.pop(name)) for name in names},
        source.crs, source.vertical_datum,
    )  # fmt: skip


def iter_chunks(path: Path, size: int = BATCH, dimensions: Sequence[str] | None = None) -> Iterator[PointCloud]:
    """The points of a file in its order, at most ``size`` at a time; memory does not grow with the file.

    Raises
    ------
    FileError
        When the file cannot be used.
    ParameterError
        When a dimension is neither standard nor in the file.
    """
    source = open_source(path)
    names = source.names(dimensions)
    for points in source.batches(size, names):
        yield source.cloud(points, names)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """The parts as one array; they are let go, so that memory holds one column twice, not the cloud."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _extent(source: Source) -> tuple[list[float], list[float], tuple[Note, ...]]:
    """Lowest and highest x, y, z: the header's where sampled points lie inside, else the true ones with a note."""
    header = source.header
    stated = np.array([header.minima, header.maxima])
    slack = 1.5 * np.array(header.scales)
    low, high = _range(source, source.sample())
    if np.isfinite(stated).all() and (low >= stated[0] - slack).all() and (high <= stated[1] + slack).all():
        return stated[0].tolist(), stated[1].tolist(), ()
    for points in source.batches(BATCH, ()):
        piece_low, piece_high = _range(source, points)
        low, high = np.minimum(low, piece_low), np.maximum(high, piece_high)
    note = Note(
        "bounds-too-small",
        f"{header.path.name}: the header's bounds {stated.tolist()} do not hold the points ({low.tolist()} to "
        f"{high.tolist()}); the true ones are used",
        f"{header.path.name}: ヘッダの範囲 {stated.tolist()} に点 ({low.tolist()}~{high.tolist()}) が収まりません。"
        "実際の範囲を使います。",
    )
    return low.tolist(), high.tolist(), (note,)


def _range(source: Source, points: NDArray[np.void]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y, z = source.coordinates(points)
    return np.array([x.min(), y.min(), z.min()]), np.array([x.max(), y.max(), z.max()])
