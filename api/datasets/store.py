"""Dataset files and their records.

A file arrives in ``incoming/<id>/<name>``, is checked there, and moves to ``datasets/<id>/<name>`` whole.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from anyio.to_thread import run_sync
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.database import Database
from api.datasets.folders import check_source
from api.datasets.inspection import inspect_file
from api.datasets.names import Kind, checked_name, kind_of
from api.datasets.tiles import Tile, only_tiles, tile_of
from api.identifiers import is_id, new_id
from api.jobs.store import is_dataset_needed
from api.problems import Problem, plain
from api.records import (
    DEFAULT_PROJECT,
    DatasetRecord,
    JobRecord,
    ProjectRecord,
    ResultRecord,
    UploadRecord,
    now,
)
from api.refusals import TooLargeError
from api.settings import Settings
from pointcloud.errors import ConflictError, NotFoundError, ResourceError, TengunError

logger = logging.getLogger("tengun.datasets")

_WRITE_BYTES: Final = 1024**2


class DatasetStore:
    """Takes files in, finds and removes them.

    Parameters
    ----------
    settings, database
        Of the service.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def receive(
        self,
        name: str,
        chunks: AsyncIterator[bytes],
        announced: int | None,
        project_id: str = DEFAULT_PROJECT,
        tile: Tile | None = None,
    ) -> DatasetRecord:
        """The record of a file whose bytes arrive in ``chunks``; ``announced`` is its size, if known before.

        Raises
        ------
        FileError
            When the name cannot be used or the file is broken.
        TooLargeError
            When it is larger than the settings allow.
        ResourceError
            When the disk is full.
        """
        name = checked_name(name)
        kind = kind_of(name)
        with self.arriving(name, announced or 0, project_id) as path:
            size, digest = await self._write(path, chunks)
            return await run_sync(self.take_in, path, kind, size, digest, project_id, tile)

    def keep(self, name: str, content: bytes, project_id: str = DEFAULT_PROJECT) -> DatasetRecord:
        """The record of a file that is in memory already, such as polygons inside a request.

        Raises
        ------
        TengunError
            As `receive`.
        """
        kind = kind_of(checked_name(name))
        with self.arriving(name, len(content), project_id) as path:
            path.write_bytes(content)
            return self.take_in(path, kind, len(content), hashlib.sha256(content).hexdigest(), project_id)

    @contextmanager
    def arriving(self, name: str, size: int, project_id: str) -> Iterator[Path]:
        """A place for a file of about ``size`` bytes in a folder named by a fresh id; nothing stays there."""
        self.check_room(name, size, project_id)
        folder = self._settings.incoming_dir / new_id()
        try:
            with self.explained(name):
                folder.mkdir()
                yield folder / name
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def explained(self, name: str) -> Iterator[None]:
        """A block in which a full disk is an error that says so.

        Raises
        ------
        ResourceError
            When the disk is full.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _disk_full(name) from error

    def check_room(self, name: str, size: int, project_id: str) -> None:
        """Refuse what is too large, more than the project's quota, or more than the disk has room for.

        Raises
        ------
        TooLargeError
            When a limit would be passed; it says which.
        ResourceError
            When the disk has no room.
        """
        limit = self._settings.max_upload_bytes
        if size > limit:
            raise _too_large(name, limit)
        self.check_space(name, size, project_id)

    def check_space(self, name: str, size: int, project_id: str) -> None:
        """Refuse more than the project's quota, or more than the disk has room for.

        Raises
        ------
        TooLargeError, ResourceError
            As `check_room`.
        """
        with self._database.reading() as session:
            quota = quota_of(session, project_id, self._settings)
            used = used_bytes(session, project_id) if quota else 0
            promised = session.scalar(select(func.sum(UploadRecord.length - UploadRecord.offset))) or 0
        if quota and used + size > quota:
            raise _over_quota(name, project_id, used, quota)
        self._settings.incoming_dir.mkdir(parents=True, exist_ok=True)
        if size + promised > shutil.disk_usage(self._settings.incoming_dir).free:
            raise _disk_full(name)

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> tuple[int, str]:
        """Size and sha256 of what was written; at most a few megabytes are in memory at a time."""
        digest = hashlib.sha256()
        size = 0
        with path.open("xb") as file:
            pending = bytearray()

            def flush() -> None:
                digest.update(pending)
                file.write(pending)
                pending.clear()

            async for chunk in chunks:
                size += len(chunk)
                if size > self._settings.max_upload_bytes:
                    raise _too_large(path.name, self._settings.max_upload_bytes)
                pending += chunk
                if len(pending) >= _WRITE_BYTES:
                    await run_sync(flush)
            await run_sync(flush)
            await run_sync(_sync, file.fileno())
        return size, digest.hexdigest()

    def take_in(
        self, path: Path, kind: Kind, size: int, digest: str, project_id: str, tile: Tile | None = None
    ) -> DatasetRecord:
        """The record of a file that has arrived whole; its folder's name becomes the dataset's id.

        Raises
        ------
        TengunError
            When the file is not what its name says.
        """
        kind, info = _inspected(path, kind)
        path.chmod(0o440)
        return self._recorded(path, kind, size, digest, project_id, tile_of(path.name, tile), info)

    def refer(self, source: Path, said: Mapping[str, object], project_id: str, tile: Tile) -> DatasetRecord:
        """The record of a file that stays where it is, in a folder of the server; ``said`` tells where.

        Raises
        ------
        TengunError
            When the file is not what its name says, or it changes while it is read.
        """
        name = checked_name(source.name)
        before = source.stat()
        with self.arriving(name, before.st_size, project_id) as path:
            path.symlink_to(source)
            kind, info = _inspected(path, kind_of(name))
            with source.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            info["source"] = {**said, "size": before.st_size, "modified_ns": before.st_mtime_ns}
            check_source(path, info)
            return self._recorded(path, kind, before.st_size, digest, project_id, tile, info)

    def _recorded(
        self, path: Path, kind: Kind, size: int, digest: str, project_id: str, tile: Tile, info: Mapping[str, object]
    ) -> DatasetRecord:
        """Move a file's folder among the datasets and write its record."""
        dataset_id = path.parent.name
        self._settings.datasets_dir.mkdir(parents=True, exist_ok=True)
        kept = self._settings.datasets_dir / dataset_id
        path.parent.replace(kept)
        moment = now()
        record = DatasetRecord(
            id=dataset_id,
            name=path.name,
            kind=kind,
            size=size,
            sha256=digest,
            info=plain(info),
            created=moment,
            used=moment,
            keep_days=self._settings.keep_datasets_days,
            project_id=project_id,
            sheet=tile.sheet,
            method=tile.method,
            epoch=tile.epoch,
        )
        try:
            with self._database.writing() as session:
                session.add(record)
        except SQLAlchemyError:
            shutil.rmtree(kept, ignore_errors=True)
            raise
        logger.info("dataset %s: %s, %d bytes, %s", dataset_id, kind, size, digest)
        return record

    def describe(self, dataset_id: str, changes: Mapping[str, str | None]) -> DatasetRecord:
        """The dataset with method or epoch as stated.

        Raises
        ------
        NotFoundError
            When there is none.
        """
        with self._database.writing() as session:
            dataset = find_dataset(session, dataset_id)
            for name, value in changes.items():
                setattr(dataset, name, value)
        return dataset

    def remove(self, dataset_id: str) -> None:
        """Remove a dataset that no waiting or running job needs.

        Raises
        ------
        NotFoundError
            When there is none.
        ConflictError
            When a job needs it.
        """
        with self._database.writing() as session:
            find_dataset(session, dataset_id)
            if is_dataset_needed(session, dataset_id):
                raise ConflictError(
                    f"dataset {dataset_id} is used by a job that has not ended; wait for it or dismiss it first",
                    f"データセット {dataset_id} は実行中または待機中のジョブが使用しています。"
                    "終了を待つか、ジョブを中止してから削除してください。",
                    value=dataset_id,
                )
            session.execute(delete(DatasetRecord).where(DatasetRecord.id == dataset_id))
        shutil.rmtree(self._settings.datasets_dir / dataset_id, ignore_errors=True)
        logger.info("dataset %s: removed", dataset_id)


def _inspected(path: Path, kind: Kind) -> tuple[Kind, dict[str, Any]]:
    """What a file says of itself; where it is broken, without the server's folders in the message."""
    try:
        return inspect_file(path, kind)
    except TengunError as error:
        problem = Problem.from_error(error, [path.parent])
        raise type(error)(problem.en, problem.ja, **problem.details) from error


def find_dataset(session: Session, dataset_id: str) -> DatasetRecord:
    """The dataset of that id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    dataset = session.get(DatasetRecord, dataset_id) if is_id(dataset_id) else None
    if dataset is None:
        raise no_dataset(dataset_id)
    return dataset


def no_dataset(dataset_id: str) -> NotFoundError:
    """What is said of a dataset that does not exist, and of one that is somebody else's."""
    return NotFoundError(
        f"no dataset '{dataset_id}'; GET /datasets lists those that exist",
        f"データセット '{dataset_id}' はありません。GET /datasets で一覧を確認してください。",
        resource="dataset",
        value=dataset_id,
    )


def list_datasets(
    session: Session, limit: int, offset: int, projects: Collection[str] | None, wanted: Tile | None = None
) -> Sequence[DatasetRecord]:
    """Datasets of the projects (None: of all), the newest first; where a tile is ``wanted`` only those of it."""
    query = only_tiles(select(DatasetRecord), wanted or Tile()).order_by(DatasetRecord.created.desc(), DatasetRecord.id)
    if projects is not None:
        query = query.where(DatasetRecord.project_id.in_(projects))
    return session.scalars(query.limit(limit).offset(offset)).all()


def used_bytes(session: Session, project_id: str) -> int:
    """Size of the project's datasets, results and announced uploads together."""
    datasets = select(func.sum(DatasetRecord.size)).where(DatasetRecord.project_id == project_id)
    results = (
        select(func.sum(ResultRecord.size))
        .join(JobRecord, JobRecord.id == ResultRecord.job_id)
        .where(JobRecord.project_id == project_id, JobRecord.cleaned.is_(None))
    )
    uploads = select(func.sum(UploadRecord.length)).where(UploadRecord.project_id == project_id)
    return sum(int(session.scalar(part) or 0) for part in (datasets, results, uploads))


def quota_of(session: Session, project_id: str, settings: Settings) -> int:
    """Most bytes that the project may hold: its own quota, else that of the settings; 0 for any number."""
    project = session.get(ProjectRecord, project_id)
    if project is None or project.quota_bytes is None:
        return settings.project_quota_bytes
    return project.quota_bytes


def expired_datasets(session: Session) -> list[str]:
    """Datasets that no job has been given for as long as they are kept."""
    moment = now()
    found = session.scalars(select(DatasetRecord).where(DatasetRecord.keep_days > 0.0))
    return [dataset.id for dataset in found if dataset.expires is not None and dataset.expires <= moment]


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _disk_full(name: str) -> ResourceError:
    return ResourceError(
        f"upload of '{name}': the server's disk has no room for it; remove datasets or ask the administrator",
        f"'{name}' を保存する空き容量がサーバにありません。不要なデータを削除するか、管理者に連絡してください。",
        file=name,
    )


def _over_quota(name: str, project_id: str, used: int, quota: int) -> TooLargeError:
    return TooLargeError(
        f"upload of '{name}': project '{project_id}' uses {used} of {quota} bytes; remove datasets or old jobs, or ask "
        "the administrator",
        f"'{name}': プロジェクト '{project_id}' の使用量は {used} / {quota} バイトです。"
        "不要なデータやジョブを削除するか、管理者に連絡してください。",
        file=name,
        used_bytes=used,
        limit_bytes=quota,
    )


def _too_large(name: str, limit: int) -> TooLargeError:
    return TooLargeError(
        f"upload of '{name}': it is larger than the {limit} bytes that are allowed; "
        "split it into tiles or ask the administrator",
        f"'{name}' は上限 {limit} バイトを超えています。タイルに分割するか、管理者に連絡してください。",
        file=name,
        limit_bytes=limit,
    )
