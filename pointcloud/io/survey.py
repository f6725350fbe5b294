"""A survey: one or many LAS, LAZ or COPC tiles in one reference system.

Whatever a `Survey` gives is in metres, easting first: degrees, feet and swapped axes are refused on opening.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Final

import numpy as np
from pyproj import CRS

from pointcloud import crs as reference
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, FileError, InputError
from pointcloud.io import las
from pointcloud.io.las_source import BATCH
from pointcloud.notes import Note

SUFFIXES: Final = (".las", ".laz")
"""What is taken from a folder; .copc.laz is among them. Case does not matter."""

OVERLAP: Final = 0.05
"""Share of the smaller file's extent from which an overlap of two files is reported."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The files of one survey and what holds for all of them; coordinates are metres, easting first.

    Parameters
    ----------
    files
        In the order given, the files of a folder by name.
    crs, crs_source, vertical_datum
        Horizontal CRS, where it is known from, and what heights refer to.
    bounds
        Extent of all files, closed.
    n_points
        Sum of all files.
    notes
        What a user should know: odd headers, overlapping files.
    """

    files: tuple[las.LasInfo, ...]
    crs: CRS
    crs_source: reference.Source
    vertical_datum: VerticalDatum
    bounds: Bounds
    n_points: int
    notes: tuple[Note, ...]

    def read(self, bounds: Bounds | None = None, dimensions: Sequence[str] | None = None) -> PointCloud:
        """The points in ``bounds`` (half-open; all where None), file after file in the order of ``files``.

        Attributes are those that every file touched has; none and no points where no file is touched.

        Raises
        ------
        FileError
            When a file is damaged or was changed.
        ParameterError
            When a dimension is neither standard nor in a file.
        """
        touched = [file for file in self.files if bounds is None or file.bounds.touches(bounds)]
        clouds = [las.read(file.path, dimensions=dimensions, bounds=bounds) for file in touched]
        if not clouds:
            return self._stated(PointCloud(np.empty(0), np.empty(0), np.empty(0)))
        return PointCloud.concatenate([self._stated(cloud) for cloud in clouds])

    def iter_chunks(self, size: int = BATCH, dimensions: Sequence[str] | None = None) -> Iterator[PointCloud]:
        """All points, file after file, at most ``size`` at a time; see `las.iter_chunks`."""
        for file in self.files:
            for cloud in las.iter_chunks(file.path, size, dimensions):
                yield self._stated(cloud)

    def _stated(self, cloud: PointCloud) -> PointCloud:
        """The cloud with the survey's CRS instead of its file's."""
        return replace(cloud, crs=self.crs, vertical_datum=self.vertical_datum)


def open_survey(paths: Sequence[Path], crs: str | CRS | None = None) -> Survey:
    """The survey of some files and folders of tiles (their .las and .laz files, not those of folders in them).

    The CRS is that of the headers, else of the map sheets in the file names, else ``crs``; see `crs.resolve`.

    Raises
    ------
    InputError
        When there is no file, or one is given twice, be it under another name.
    FileError
        When a file cannot be used.
    CrsError
        When no CRS is stated (the message proposes some), or files or statements disagree.
    UnitsError
        When coordinates are in degrees or feet, or easting and northing are swapped.
    """
    found = _tiles(paths)
    _refuse_same_path(found)
    files = tuple(las.inspect(path) for path in found)
    _refuse_same_content(files)
    resolved = tuple(_resolved(file, crs) for file in files)
    for file, own in zip(files[1:], resolved[1:], strict=True):
        _check_same(files[0], resolved[0], file, own)
    datums = {own.vertical_datum for own in resolved} - {VerticalDatum.UNKNOWN}
    sure = len(datums) == 1 and all(own.vertical_datum in datums for own in resolved)
    notes = [note for file in files for note in file.problems]
    notes += [note for own in resolved for note in own.notes]
    if datums and not sure:
        notes.append(_partly_known(datums.pop()))
    return Survey(
        files,
        resolved[0].crs,
        resolved[0].source,
        resolved[0].vertical_datum if sure else VerticalDatum.UNKNOWN,
        reduce(Bounds.union, (file.bounds for file in files)),
        sum(file.n_points for file in files),
        (*notes, *_overlaps(files)),
    )


def _tiles(paths: Sequence[Path]) -> list[Path]:
    """The files, folders replaced by their tiles in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        tiles = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not tiles:
            raise FileError(
                f"survey: folder {path} holds no .las or .laz file",
                f"フォルダ {path} に .las / .laz ファイルがありません。",
                file=path.name,
            )
        found += tiles
    if not found:
        raise InputError(
            "survey: no file given; expected LAS or LAZ files, or folders of them",
            "ファイルが指定されていません。LAS/LAZ ファイルまたはそのフォルダを指定してください。",
        )
    return found


def _refuse_same_path(paths: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path in paths:
        place = path.resolve()
        if place in seen:
            raise _twice(seen[place], path)
        seen[place] = path


def _refuse_same_content(files: Sequence[las.LasInfo]) -> None:
    """Refuse two files of the same bytes; only those with the same size and beginning are read for that."""
    by_start: dict[tuple[int, bytes], list[Path]] = {}
    for file in files:
        with file.path.open("rb") as stream:
            beginning = hashlib.sha256(stream.read(1 << 16)).digest()
        by_start.setdefault((file.path.stat().st_size, beginning), []).append(file.path)
    for paths in by_start.values():
        seen: dict[bytes, Path] = {}
        for path in paths if len(paths) > 1 else ():
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").digest()
            if content in seen:
                raise _twice(seen[content], path)
            seen[content] = path


def _twice(first: Path, second: Path) -> InputError:
    same = first.name if first.name == second.name else f"{first.name} and {second.name}"
    return InputError(
        f"survey: the same file is given twice ({same}); its points would count double; leave one out",
        f"同じファイルが 2 回指定されています ({same})。点が二重になるため、一方を除いてください。",
        file=second.name,
    )


def _resolved(file: las.LasInfo, crs: str | CRS | None) -> reference.ResolvedCrs:
    return reference.resolve(file.stated_crs, file.path.name, file.bounds, crs)


def _check_same(
    first: las.LasInfo, first_crs: reference.ResolvedCrs, other: las.LasInfo, other_crs: reference.ResolvedCrs
) -> None:
    """Refuse files in different systems."""
    known = VerticalDatum.UNKNOWN not in (first_crs.vertical_datum, other_crs.vertical_datum)
    if reference.is_same(first_crs.crs, other_crs.crs):
        if not known or first_crs.vertical_datum is other_crs.vertical_datum:
            return
        what = [f"heights in {own.vertical_datum.value}" for own in (first_crs, other_crs)]
    else:
        what = [reference.label(own.crs) for own in (first_crs, other_crs)]
    raise CrsError(
        f"survey: {first.path.name} is in {what[0]}, {other.path.name} in {what[1]}; all files of a survey must be in "
        "one system; reproject some or correct their headers",
        f"{first.path.name} は {what[0]}、{other.path.name} は {what[1]} です。1 つの測量のファイルは同じ座標参照系で"
        "なければなりません。変換するかヘッダを修正してください。",
        file=other.path.name,
        value=what,
    )


def _partly_known(datum: VerticalDatum) -> Note:
    return Note(
        "vertical-datum-partly-known",
        f"only some files state what their heights refer to ({datum.value}); treated as unknown",
        f"高さの基準 ({datum.value}) を示すファイルと示さないファイルがあるため、不明として扱います。",
    )


def _overlaps(files: Sequence[las.LasInfo]) -> tuple[Note, ...]:
    """A note where the extents of files share more than a margin: points there may count double."""
    west, south, east, north = np.array([file.bounds.as_tuple() for file in files]).T
    areas = (east - west) * (north - south)
    pairs: list[tuple[float, int, int]] = []
    for index in range(1, len(files)):
        width = np.minimum(east[:index], east[index]) - np.maximum(west[:index], west[index])
        height = np.minimum(north[:index], north[index]) - np.maximum(south[:index], south[index])
        smaller = np.maximum(np.minimum(areas[:index], areas[index]), np.finfo(np.float64).tiny)
        shares = width.clip(0) * height.clip(0) / smaller
        pairs += [(float(shares[other]), int(other), index) for other in np.flatnonzero(shares > OVERLAP)]
    if not pairs:
        return ()
    share, one, other = max(pairs)
    names = files[one].path.name, files[other].path.name
    return (
        Note(
            "files-overlap",
            f"the extents of {len(pairs)} pairs of files overlap, most those of {names[0]} and {names[1]} (by "
            f"{100 * share:.0f} % of the smaller); points of both count there",
            f"{len(pairs)} 組のファイルの範囲が重なっています。最大は {names[0]} と {names[1]} (小さい方の "
            f"{100 * share:.0f} %)。重複部では両方の点を使います。",
        ),
    )
