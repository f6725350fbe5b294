"""One tile's work as plain data: what a job sends to a cluster, and what a process there reads it from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import stage_cache
from pipelines.stage_cache import StageCache
from pointcloud.bounds import Bounds

if TYPE_CHECKING:
    from pointcloud.io.las import LasInfo
    from pointcloud.io.survey import Survey


@dataclass(frozen=True, slots=True)
class Order:
    """Entries of the stage cache that another process is to make.

    Parameters
    ----------
    stage
        Which stage, as `pipelines.cluster_child` knows it.
    name
        The tile as a user reads it: ``3/12 (08ME3552.las)``.
    entries
        Files of the cache that are to be there in the end.
    max_bytes
        Size that the cache keeps to.
    code
        `stage_cache.code_version` of the job: another version gives other results.
    files
        Path, bytes and time of last change in whole seconds of the survey's files that the tile needs.
    crs, vertical_datum
        Those of the survey, as WKT and by name.
    arguments
        What the stage takes besides, JSON-ready.
    """

    stage: str
    name: str
    entries: tuple[str, ...]
    max_bytes: int
    code: str
    files: tuple[tuple[str, int, int], ...]
    crs: str
    vertical_datum: str
    arguments: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        stage: str,
        name: str,
        entries: Sequence[Path],
        cache: StageCache,
        survey: Survey,
        files: Sequence[LasInfo],
        arguments: Mapping[str, Any],
    ) -> Order:
        """An order for the tile of a survey that needs these of its files."""
        found = tuple(_state(info.path) for info in files)
        return cls(
            stage, name, tuple(map(str, entries)), cache.max_bytes, stage_cache.code_version(), found,
            survey.crs.to_wkt(), str(survey.vertical_datum), arguments,
        )  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> Order:
        """The order that `as_json` wrote."""
        read = json.loads(text)
        files = tuple((path, size, changed) for path, size, changed in read.pop("files"))
        return cls(entries=tuple(read.pop("entries")), files=files, **read)

    def as_json(self) -> str:
        """One line of text; numbers come back as they are, to the last bit."""
        return json.dumps(asdict(self), allow_nan=False)

    @property
    def cache(self) -> StageCache:
        """Where the entries belong."""
        return StageCache(Path(self.entries[0]).parent, self.max_bytes)

    def is_done(self, kept: Collection[str]) -> bool:
        """Whether all entries are among the files of the cache (`StageCache.names`)."""
        return all(Path(entry).name in kept for entry in self.entries)

    def unlike_file(self) -> str | None:
        """The first file that is not here as the job sees it; None where all are."""
        for path, size, changed in self.files:
            try:
                found = _state(Path(path))
            except OSError:
                return path
            if found != (path, size, changed):
                return path
        return None

    def survey(self) -> Survey:
        """The part of the survey that the tile needs."""
        from pyproj import CRS

        from pointcloud.cloud import VerticalDatum
        from pointcloud.io.las import inspect
        from pointcloud.io.survey import Survey

        files = tuple(inspect(Path(path)) for path, _, _ in self.files)
        bounds = reduce(Bounds.union, [info.bounds for info in files] or [Bounds(0.0, 0.0, 0.0, 0.0)])
        n_points = sum(info.n_points for info in files)
        return Survey(
            files, CRS.from_wkt(self.crs), "parameter", VerticalDatum(self.vertical_datum), bounds, n_points, ()
        )


def _state(path: Path) -> tuple[str, int, int]:
    """Whole seconds, as not every file system that machines share keeps more."""
    found = path.stat()
    return str(path), found.st_size, int(found.st_mtime)
