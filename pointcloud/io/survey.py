"""A survey: one or many LAS/LAZ/COPC tiles in one reference system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyproj import CRS

from pointcloud import crs as reference
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, InputError
from pointcloud.io import las
from pointcloud.notes import Note


@dataclass(frozen=True, slots=True)
class Survey:
    """The files of one survey, their common CRS and their extent; coordinates are metres, easting first."""

    files: tuple[las.LasInfo, ...]
    crs: CRS
    crs_source: reference.Source
    vertical_datum: VerticalDatum
    bounds: Bounds
    n_points: int
    notes: tuple[Note, ...] = ()

    def read(self, bounds: Bounds | None = None, dimensions: Sequence[str] | None = None) -> PointCloud:
        """The points in ``bounds`` (half-open; all where None) of every file, in the order of ``files``."""
        return PointCloud.concatenate(
            [self._in_crs(las.read(f.path, dimensions=dimensions, bounds=bounds)) for f in self.files]
        )

    def iter_chunks(self, size: int = 1_000_000, dimensions: Sequence[str] | None = None) -> Iterator[PointCloud]:
        """All points in pieces of at most ``size``, file after file."""
        for file in self.files:
            for cloud in las.iter_chunks(file.path, size, dimensions):
                yield self._in_crs(cloud)

    def _in_crs(self, cloud: PointCloud) -> PointCloud:
        return replace(cloud, crs=self.crs, vertical_datum=self.vertical_datum)


def open_survey(paths: Sequence[Path], crs: str | CRS | None = None) -> Survey:
    """The survey of the given files and folders of tiles (not recursive).

    Raises
    ------
    InputError
        When there is no file, or one is given twice.
    FileError
        When a file cannot be used.
    CrsError
        When no CRS is stated or files disagree.
    UnitsError
        For degrees, feet or swapped axes.
    """
    files = tuple(las.inspect(path) for path in _tiles(paths))
    if not files:
        raise InputError("survey: no LAS or LAZ file given", "LAS/LAZ ファイルが指定されていません。")
    resolved = [reference.resolve(f.crs, f.path.name, f.bounds or Bounds(0, 0, 0, 0), crs) for f in files]
    for file, other in zip(files, resolved, strict=True):
        if other.crs != resolved[0].crs:
            raise CrsError(
                f"survey: {files[0].path.name} is in {resolved[0].crs}, {file.path.name} in {other.crs}; give tiles of "
                "one CRS",
                f"{files[0].path.name} と {file.path.name} の座標参照系が異なります。",
            )
    extent = files[0].bounds
    for file in files[1:]:
        extent = extent.union(file.bounds) if extent and file.bounds else extent or file.bounds
    first = resolved[0]
    return Survey(
        files, first.crs, first.source, files[0].vertical_datum, extent or Bounds(0, 0, 0, 0),
        sum(f.n_points for f in files),
    )  # fmt: skip


def _tiles(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix.lower() in (".las", ".laz"))
        else:
            found.append(path)
    return found
