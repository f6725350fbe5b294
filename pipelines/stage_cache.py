"""Results of stages that are kept, so that the same stage of the same files is not computed again.

An entry is a file that is named by what it was made from: the hashes of the input files, the parameters, and the
code. It appears whole or not at all, so that any number of processes may share a folder, and a run that was cut
off finds the tiles that it had finished. Entries that were not used for longest go first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evidence import sha256, software
from pointcloud.errors import ParameterError

if TYPE_CHECKING:
    from pointcloud.io.survey import Survey

logger = logging.getLogger("tengun.cache")

DEFAULT_BYTES: Final = 20 * 1024**3
MIN_FREE_BYTES: Final = 1024**3
"""Room on the disk that no entry takes: results need it more."""

Arrays = Mapping[str, NDArray[Any]]
MadeFrom = Callable[[], Mapping[str, Any]]
"""What an entry is made from, JSON-ready; asked for only where there is a cache, as it costs reading the files."""

_ENTRY: Final = re.compile(r"[a-z-]+-[0-9a-f]{64}\.[a-z]+")
_PARTIAL: Final = ".partial-"
_ABANDONED_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept result: its file, its size in bytes, and when it was last used (seconds since 1970)."""

    path: Path
    size: int
    used: float

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return self.path.name.rpartition("-")[0]


class StageCache:
    """Results of stages in a folder.

    Parameters
    ----------
    folder
        Made when something is put in. Several processes may use it at the same time.
    max_bytes
        Size that all entries together keep to.
    """

    def __init__(self, folder: Path, max_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def entries(self) -> list[Entry]:
        """All entries, the one that was used last at the end."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):  # another process was quicker
                if _ENTRY.fullmatch(path.name):
                    status = path.stat()
                    found.append(Entry(path, status.st_size, status.st_mtime))
        return sorted(found, key=lambda entry: entry.used)

    def names(self) -> set[str]:
        """Names of all files in the folder.

        To be asked before a file that another machine may make is opened: NFS remembers for half a minute that a name
        was not there, but not what it listed.
        """
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def clear(self) -> int:
        """Remove all entries and what was left half-made; how many bytes that freed."""
        entries = self.entries()
        for entry in entries:
            entry.path.unlink(missing_ok=True)
        self.remove_partial()
        return sum(entry.size for entry in entries)

    def remove_partial(self, age_s: float = 0.0) -> None:
        """Remove files that a process began longer than ``age_s`` ago and never finished."""
        for path in self.folder.glob(f"{_PARTIAL}*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= age_s:
                    path.unlink()

    def arrays(self, stage: str, made_from: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """What ``make`` gives, from the folder where it is there already."""
        path = self.arrays_path(stage, made_from)
        try:
            with np.load(path, allow_pickle=False) as kept:
                found = {name: kept[name] for name in kept.files}  # each member's checksum is compared here
        except FileNotFoundError:
            found = None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            logger.warning("%s is damaged and is made again", path.name)
            found = None
        if found is not None:
            _note_use(path)
            return found
        made = make()
        self.keep_arrays(path, made)
        return made

    def file(self, stage: str, made_from: Mapping[str, Any], target: Path, make: Callable[[Path], None]) -> None:
        """Let ``make`` write ``target``, or copy it from the folder where it is there already."""
        path = self.file_path(stage, made_from, target.suffix)
        try:
            shutil.copyfile(path, target)
        except FileNotFoundError:
            make(target)
            self.keep_file(path, target.stat().st_size, lambda partial: shutil.copyfile(target, partial))
        else:
            _note_use(path)

    def arrays_path(self, stage: str, made_from: Mapping[str, Any]) -> Path:
        """Where `arrays` keeps what is made from this."""
        return self._path(stage, made_from, ".npz")

    def file_path(self, stage: str, made_from: Mapping[str, Any], suffix: str) -> Path:
        """Where `file` keeps what is made from this, for targets with this suffix."""
        return self._path(stage, {**made_from, "suffix": suffix}, suffix.lower())

    def keep_arrays(self, path: Path, made: Arrays) -> None:
        """Keep what was made at its `arrays_path`."""
        self.keep_file(path, sum(values.nbytes for values in made.values()), lambda partial: _save(partial, made))

    def _path(self, stage: str, made_from: Mapping[str, Any], suffix: str) -> Path:
        named = json.dumps({"code": code_version(), **made_from}, sort_keys=True, allow_nan=False)
        return self.folder / f"{stage}-{hashlib.sha256(named.encode()).hexdigest()}{suffix}"

    def keep_file(self, path: Path, size: int, write: Callable[[Path], object]) -> None:
        """Keep what ``write`` writes, about ``size`` bytes. A full disk costs the entry, never the run."""
        # process ids of two machines may be the same
        partial = self.folder / f"{_PARTIAL}{os.getpid()}-{token_hex(4)}-{path.name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._has_room(size):
                return
            write(partial)
            with partial.open("rb") as written:
                os.fsync(written.fileno())  # after a power cut an entry is whole or not there
            partial.replace(path)
        except OSError as error:
            logger.warning("%s is not kept: %s", path.name, error)
        finally:
            partial.unlink(missing_ok=True)

    def _has_room(self, size: int) -> bool:
        """Make room for ``size`` bytes; False where the folder or the disk has none."""
        self.remove_partial(_ABANDONED_S)
        if size > self.max_bytes:
            return False
        entries = self.entries()
        used = sum(entry.size for entry in entries)
        free = shutil.disk_usage(self.folder).free
        for entry in entries:
            if used + size <= self.max_bytes and free - size >= MIN_FREE_BYTES:
                break
            entry.path.unlink(missing_ok=True)
            used, free = used - entry.size, free + entry.size
        return used + size <= self.max_bytes and free - size >= MIN_FREE_BYTES


_active: StageCache | None = None


@contextmanager
def used(cache: StageCache | None) -> Iterator[None]:
    """A block in which the stages of this process keep their results in ``cache``, or nowhere where it is None.

    For the whole process and not for a thread: a process runs one job, and stages may run in its threads.
    """
    global _active  # noqa: PLW0603 (see above)
    before, _active = _active, cache
    try:
        yield
    finally:
        _active = before


def active() -> StageCache | None:
    """The cache of the block `used` that runs."""
    return _active


def from_environment() -> StageCache | None:
    """The cache of the command line: in the folder ``TENGUN_CACHE_DIR``; None where that is not set."""
    folder = os.environ.get("TENGUN_CACHE_DIR")
    size = os.environ.get("TENGUN_CACHE_BYTES", str(DEFAULT_BYTES))
    if not size.isdecimal():
        raise ParameterError(
            f"TENGUN_CACHE_BYTES = '{size}': expected a whole number of bytes, 0 for no cache",
            f"TENGUN_CACHE_BYTES = '{size}' が不正です。バイト数を整数で指定してください (0 はキャッシュなし)。",
            field="TENGUN_CACHE_BYTES",
            value=size,
        )
    return StageCache(Path(folder).expanduser().absolute(), int(size)) if folder and int(size) else None


def arrays(stage: str, made_from: MadeFrom, make: Callable[[], Arrays]) -> Arrays:
    """What ``make`` gives, kept where a cache is used."""
    return make() if _active is None else _active.arrays(stage, made_from(), make)


def file(stage: str, made_from: MadeFrom, target: Path, make: Callable[[Path], None]) -> None:
    """Let ``make`` write ``target``, kept where a cache is used."""
    if _active is None:
        make(target)
    else:
        _active.file(stage, made_from(), target, make)


def survey_identity(survey: Survey) -> dict[str, Any]:
    """What the points of a survey hang on: the hash of each file, and the reference system."""
    return {
        "files": [sha256(info.path) for info in survey.files],
        "crs": survey.crs.to_wkt(),
        "vertical_datum": str(survey.vertical_datum),
    }


@lru_cache(maxsize=1)
def code_version() -> str:
    """Hash of the code that results hang on: every module of tengun's two packages, and the libraries' versions."""
    digest = hashlib.sha256(json.dumps(software(), sort_keys=True).encode())
    for package in ("pointcloud", "pipelines"):
        root = Path(__file__).resolve().parents[1] / package
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root.parent)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _save(path: Path, made: Arrays) -> None:
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **made)


def _note_use(path: Path) -> None:
    """The time of a file's last change is that of its last use here."""
    with suppress(FileNotFoundError):
        os.utime(path)
    logger.info("%s: used again", path.name)
