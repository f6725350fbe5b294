"""A copy of all that the service keeps, made while it runs, and the way back.

Datasets and results never change once they have a record, and a record is written after its files. So a snapshot of
the database names files that are whole; only a removal may come in between, and then a new snapshot is taken. The
records are copied row by row into an SQLite file, whatever the service's own database is.

::

    <folder>/tengun.sqlite       the records
    <folder>/datasets/, jobs/    their files
    <folder>/secret              where the service made its own
    <folder>/backup.json         written last: without it the backup is not whole
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Table, delete, func, insert, select, text
from sqlalchemy.orm import Session

from api.access.secrets import write_private
from api.app import hold_data_folder
from api.database import Database
from api.jobs.folder import JobFolder
from api.records import DatasetRecord, JobRecord, ProjectRecord, Record, ResultRecord, now
from api.settings import Settings
from api.version import software_version
from pointcloud.errors import ConflictError, FileError

MANIFEST: Final = "backup.json"
_RECORDS: Final = "tengun.sqlite"
_LEFT_OUT: Final = ("uploads", "sessions")
"""Tables of what has no meaning elsewhere: files half on their way, and browsers that are logged in."""
_ROWS: Final = 1000
_BLOCK: Final = 1024**2
_ATTEMPTS: Final = 5

Report = Callable[[int], None]
"""Told the bytes of each file that is done."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a record names: where it lies under the data folder, its size and sha256."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, and files that it has not, as they were no longer what their record says."""

    made: str
    software: str
    n_files: int
    n_bytes: int
    damaged: tuple[str, ...]


def back_up(settings: Settings, folder: Path, report: Report) -> Manifest:
    """Copy records and files into a folder, which may hold an earlier backup; what is there already stays.

    Raises
    ------
    ConflictError
        When the folder holds something else, lies in the data folder, or files that records name are not there.
    """
    _check_target(settings, folder)
    (folder / MANIFEST).unlink(missing_ok=True)
    database = Database(settings.url)
    try:
        for _ in range(_ATTEMPTS):
            _snapshot(database, folder / _RECORDS)
            files = _files(folder / _RECORDS)
            try:
                damaged = _copy_all(settings.data_dir, folder, files, report)
                break
            except FileNotFoundError as error:  # removed since, most probably, and so gone from the next snapshot
                missing = str(error.filename)
        else:
            raise ConflictError(
                f"backup: a record names {missing}, which is not there; remove its dataset or job first",
                f"記録にあるファイル {missing} がありません。該当するデータセットまたはジョブを削除してください。",
            )
    finally:
        database.close()
    _prune(folder, {kept.path for kept in files})
    _copy_extras(settings.data_dir, folder, files)
    size = sum(kept.size for kept in files)
    manifest = Manifest(now().isoformat(), software_version(), len(files), size, tuple(damaged))
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return manifest


def restore(settings: Settings, folder: Path, report: Report) -> Manifest:
    """Bring a backup back into a data folder and a database that hold nothing yet.

    Raises
    ------
    FileError
        When the folder holds no whole backup, or a file of it is damaged.
    ConflictError
        When a service works in the data folder, or there is something in it already.
    """
    manifest = _read_manifest(folder)
    with hold_data_folder(settings):
        target = Database(settings.url)
        work = settings.data_dir / f".{_RECORDS}.restored"
        try:
            target.migrate()
            _refuse_full(settings, target)
            files = [kept for kept in _files(folder / _RECORDS) if str(kept.path) not in manifest.damaged]
            try:
                damaged = _copy_all(folder, settings.data_dir, files, report)
            except FileNotFoundError as error:
                damaged = [str(error.filename)]
            if damaged:
                raise FileError(
                    f"restore: files of {folder} are missing or damaged: {', '.join(damaged[:5])}",
                    f"{folder} のファイルが欠けているか壊れています: {', '.join(damaged[:5])}",
                )
            _copy_extras(folder, settings.data_dir, files)
            shutil.copyfile(folder / _RECORDS, work)
            _take_rows(work, target)
        finally:
            target.close()
            for path in settings.data_dir.glob(f"{work.name}*"):
                path.unlink()
    return manifest


def _check_target(settings: Settings, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    is_inside = folder.resolve().is_relative_to(settings.data_dir.resolve())
    if is_inside or (any(folder.iterdir()) and not (folder / _RECORDS).is_file()):
        raise ConflictError(
            f"backup: {folder} lies in the data folder or holds something else; name a new folder or an earlier backup",
            f"{folder} はデータフォルダ内にあるか、他のファイルがあります。新しいフォルダか以前のバックアップを"
            "指定してください。",
        )


def _read_manifest(folder: Path) -> Manifest:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Manifest(**{**content, "damaged": tuple(content["damaged"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileError(
            f"restore: {folder} holds no whole backup ({MANIFEST} cannot be read); it is written last",
            f"{folder} に完全なバックアップがありません ({MANIFEST} を読み取れません)。",
        ) from error


def _refuse_full(settings: Settings, target: Database) -> None:
    with target.reading() as session:
        n_records = sum(
            session.scalar(select(func.count()).select_from(one)) or 0 for one in (DatasetRecord, JobRecord)
        )
    if n_records or any(any(path.iterdir()) for path in _rooms(settings.data_dir) if path.is_dir()):
        raise ConflictError(
            f"restore: {settings.data_dir} or its database holds data already; set TENGUN_DATA_DIR to a new folder",
            f"{settings.data_dir} またはデータベースに既にデータがあります。TENGUN_DATA_DIR に新しいフォルダを"
            "指定してください。",
        )


def _rooms(folder: Path) -> tuple[Path, Path]:
    return folder / "datasets", folder / "jobs"


def _snapshot(database: Database, path: Path) -> None:
    """The records of one moment in an SQLite file of their own."""
    fresh = path.with_name(f".{path.name}.partial")
    fresh.unlink(missing_ok=True)
    copy = Database(f"sqlite:///{fresh}")
    try:
        copy.migrate()
        with database.reading() as source, copy.writing() as target:
            _copy_rows(source, target)
    finally:
        copy.close()
    fresh.replace(path)


def _take_rows(path: Path, target: Database) -> None:
    """All rows of a backup's records, brought to today's tables first."""
    backup = Database(f"sqlite:///{path}")
    try:
        backup.migrate()
        with backup.reading() as source, target.writing() as session:
            _copy_rows(source, session)
            if session.get_bind().dialect.name == "postgresql":  # rows came with their numbers; later ones go on there
                session.execute(
                    text("select setval(pg_get_serial_sequence('job_messages', 'id'), max(id)) from job_messages")
                )
    finally:
        backup.close()


def _copy_rows(source: Session, target: Session) -> None:
    target.execute(delete(ProjectRecord))  # the one that a migration made
    for table in Record.metadata.sorted_tables:
        if table.name not in _LEFT_OUT:
            for rows in _rows(source, table):
                target.execute(insert(table), rows)


def _rows(source: Session, table: Table) -> Iterator[list[dict[str, object]]]:
    found = source.execute(select(table).execution_options(yield_per=_ROWS))
    for part in found.mappings().partitions(_ROWS):
        yield [dict(row) for row in part]


def _files(records: Path) -> list[Kept]:
    """The files that the records name."""
    database = Database(f"sqlite:///{records}")
    try:
        with database.reading() as session:
            datasets = session.execute(
                select(DatasetRecord.id, DatasetRecord.name, DatasetRecord.size, DatasetRecord.sha256)
            ).all()
            results = session.execute(
                select(ResultRecord.job_id, ResultRecord.path, ResultRecord.size, ResultRecord.sha256)
                .join(JobRecord, JobRecord.id == ResultRecord.job_id)
                .where(JobRecord.cleaned.is_(None))
            ).all()
    finally:
        database.close()
    return [
        *(Kept(Path("datasets", id_, name), size, digest) for id_, name, size, digest in datasets),
        *(Kept(_results_of(id_) / path, size, digest) for id_, path, size, digest in results),
    ]


def _results_of(job_id: str) -> Path:
    return JobFolder(Path("jobs"), job_id).results


def _copy_all(source: Path, target: Path, files: list[Kept], report: Report) -> list[str]:
    """Copy what is not there yet; paths of those that are not what their record says and were left out."""
    damaged = []
    for kept in files:
        if not _copy(source / kept.path, target / kept.path, kept):
            damaged.append(str(kept.path))
        report(kept.size)
    return damaged


def _copy(source: Path, target: Path, kept: Kept) -> bool:
    """Copy a file, whole or not at all; False where it is not what its record says."""
    if target.is_symlink() or (target.is_file() and target.stat().st_size == kept.size):
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():  # a file of a server's folder, which is not ours to keep
        target.symlink_to(source.readlink())
        return True
    partial = target.with_name(f".{target.name}.partial")
    digest = hashlib.sha256()
    with source.open("rb") as read, partial.open("wb") as written:
        while block := read.read(_BLOCK):
            digest.update(block)
            written.write(block)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != kept.sha256:
        partial.unlink()
        return False
    shutil.copystat(source, partial)
    partial.replace(target)
    return True


def _copy_extras(source: Path, target: Path, files: list[Kept]) -> None:
    """Logs of the jobs, and the secret where the service made its own."""
    for job in {kept.path.parts[1] for kept in files if kept.path.parts[0] == "jobs"}:
        log = JobFolder(source / "jobs", job).log
        if log.is_file():
            shutil.copyfile(log, JobFolder(target / "jobs", job).log)
    secret = source / "secret"
    if secret.is_file():
        (target / "secret").unlink(missing_ok=True)
        write_private(target / "secret", secret.read_text(encoding="utf-8"))


def _prune(folder: Path, wanted: set[Path]) -> None:
    """Remove what an earlier backup in the folder had and this one has not."""
    for room in _rooms(folder):
        for path in sorted(room.rglob("*"), reverse=True) if room.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(folder) not in wanted:
                path.unlink()
