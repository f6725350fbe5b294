"""Uploads that go on where the line broke: the bytes of a file, a piece at a time, safe from ``kill -9``.

The record says how many bytes are safe on the disk; it is written after they are. Whatever lies beyond in the file,
written by a service that was cut off, is cut away before the next piece. A file that is whole is checked and becomes
the dataset of the same id.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from anyio.to_thread import run_sync
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.access.visitor import Visitor
from api.database import Database
from api.datasets.names import checked_name, kind_of
from api.datasets.store import DatasetStore
from api.datasets.tiles import Tile
from api.identifiers import is_id, new_id
from api.records import DatasetRecord, UploadRecord, now
from api.refusals import BusyError, OffsetError, TooLargeError
from api.settings import Settings
from pointcloud.errors import FileError, NotFoundError, TengunError

logger = logging.getLogger("tengun.datasets")

_WRITE_BYTES: Final = 1024**2
_SAFE_EVERY_BYTES: Final = 16 * 1024**2
"""So much is sent again at most when the service is killed."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How far an upload is; ``dataset`` is there once it has become one."""

    id: str
    project_id: str
    name: str
    length: int
    offset: int
    expires: datetime | None = None
    dataset: DatasetRecord | None = None


class Resumable:
    """Begins, continues, finishes and drops uploads.

    Parameters
    ----------
    settings, database, datasets
        Of the service.
    """

    def __init__(self, settings: Settings, database: Database, datasets: DatasetStore) -> None:
        self._settings = settings
        self._database = database
        self._datasets = datasets
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def begin(self, name: str, length: int, sha256: str | None, project_id: str, owner: str, stated: Tile) -> Arrival:
        """A new upload; every limit that its size would pass is told now, before a byte is sent.

        Raises
        ------
        FileError
            When the name can't be used.
        TooLargeError
            When a limit would be passed; it says which.
        ResourceError
            When the disk has no room.
        """
        name = checked_name(name)
        kind_of(name)
        self._datasets.check_room(name, length, project_id)
        moment = now()
        record = UploadRecord(
            id=new_id(),
            project_id=project_id,
            owner=owner,
            name=name,
            length=length,
            offset=0,
            sha256=sha256,
            method=stated.method,
            epoch=stated.epoch,
            created=moment,
            updated=moment,
        )
        with self._datasets.explained(name):
            folder = self._settings.uploads_dir / record.id
            folder.mkdir(parents=True)
            (folder / name).touch()
        with self._database.writing() as session:
            session.add(record)
        logger.info("upload %s: %d bytes announced", record.id, length)
        return self._arrival(record)

    def find(self, upload_id: str, visitor: Visitor) -> Arrival:
        """How far an upload of the visitor's projects is, or the dataset that it became.

        Raises
        ------
        NotFoundError
            When there is none for this visitor.
        """
        with self._database.reading() as session:
            dataset = session.get(DatasetRecord, upload_id) if is_id(upload_id) else None
            upload = session.get(UploadRecord, upload_id) if is_id(upload_id) else None
        if dataset is not None and visitor.sees(dataset.project_id):
            return Arrival(dataset.id, dataset.project_id, dataset.name, dataset.size, dataset.size, dataset=dataset)
        if upload is None or not visitor.sees(upload.project_id):
            raise NotFoundError(
                f"no upload '{upload_id}'; begin one with POST /uploads",
                f"アップロード '{upload_id}' はありません。POST /uploads で開始してください。",
                resource="upload",
                value=upload_id,
            )
        return self._arrival(upload)

    async def receive(self, arrival: Arrival, offset: int, announced: int | None, chunks: AsyncIterator[bytes]) -> int:
        """Append a piece; the number of bytes that are safe now comes back.

        Parameters
        ----------
        arrival
            The upload as `find` gave it.
        offset
            Where the client believes the piece belongs.
        announced
            Size of the piece where it is known before.
        chunks
            Its bytes.

        Raises
        ------
        OffsetError
            When the piece belongs elsewhere.
        BusyError
            When another piece of the same file is arriving.
        TooLargeError
            When it goes beyond the length that was announced; nothing of it is kept then.
        ResourceError
            When the disk is full; what arrived before stays.
        """
        with self._held(arrival.id):
            with self._database.reading() as session:  # it may have grown since the client and we looked
                safe = session.scalar(select(UploadRecord.offset).where(UploadRecord.id == arrival.id))
            if safe != offset:
                raise _wrong_offset(arrival.id, offset, safe)
            if offset + (announced or 0) > arrival.length:
                raise _too_long(arrival)
            with self._datasets.explained(arrival.name), self._path(arrival).open("r+b") as file:
                piece = _Piece(self._database, arrival, file, offset)
                return await piece.take(chunks)

    def finish(self, arrival: Arrival) -> DatasetRecord:
        """The dataset that a whole file becomes; one that can't be used is dropped.

        Raises
        ------
        FileError
            When the file is broken, or its sha256 is another than the one announced.
        """
        with self._held(arrival.id):
            with self._database.reading() as session:
                dataset = session.get(DatasetRecord, arrival.id)
                said = session.get(UploadRecord, arrival.id)
            if dataset is None:
                try:
                    dataset = self._checked(arrival, said)
                except TengunError:
                    self._remove(arrival.id)
                    raise
            self._forget(arrival.id)
            return dataset

    def drop(self, upload_id: str) -> None:
        """Forget an upload with what has arrived of it.

        Raises
        ------
        BusyError
            While a piece of it is arriving.
        """
        with self._held(upload_id):
            self._remove(upload_id)

    @contextmanager
    def _held(self, upload_id: str) -> Iterator[None]:
        """A block in which nobody else touches the upload's file."""
        with self._lock:
            if upload_id in self._busy:
                raise BusyError(
                    f"upload {upload_id}: another request is at it; ask with HEAD and go on then",
                    f"アップロード {upload_id} は別の接続が処理中です。HEAD で位置を確認してから続けてください。",
                    value=upload_id,
                )
            self._busy.add(upload_id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(upload_id)

    def _checked(self, arrival: Arrival, said: UploadRecord | None) -> DatasetRecord:
        path = self._path(arrival)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if said is not None and said.sha256 is not None and said.sha256 != digest:
            raise _wrong_digest(arrival.name, said.sha256, digest)
        stated = Tile() if said is None else Tile(None, said.method, said.epoch)
        return self._datasets.take_in(path, kind_of(arrival.name), arrival.length, digest, arrival.project_id, stated)

    def _remove(self, upload_id: str) -> None:
        self._forget(upload_id)
        shutil.rmtree(self._settings.uploads_dir / upload_id, ignore_errors=True)
        logger.info("upload %s: dropped", upload_id)

    def _forget(self, upload_id: str) -> None:
        with self._database.writing() as session:
            session.execute(delete(UploadRecord).where(UploadRecord.id == upload_id))

    def _path(self, arrival: Arrival) -> Path:
        return self._settings.uploads_dir / arrival.id / arrival.name

    def _arrival(self, record: UploadRecord) -> Arrival:
        expires = record.updated + timedelta(hours=self._settings.keep_uploads_hours)
        return Arrival(record.id, record.project_id, record.name, record.length, record.offset, expires)


class _Piece:
    """A piece on its way to the disk; what is safe is written down every few megabytes and at its end."""

    def __init__(self, database: Database, arrival: Arrival, file: BinaryIO, offset: int) -> None:
        self._database = database
        self._arrival = arrival
        self._file = file
        self._offset = offset
        self._safe = offset
        self._pending = bytearray()

    async def take(self, chunks: AsyncIterator[bytes]) -> int:
        """Write the chunks as they come, also those before a broken line; the safe offset comes back."""
        await run_sync(self._cut)
        try:
            async for chunk in chunks:
                self._add(chunk)
                if len(self._pending) >= _WRITE_BYTES:
                    await run_sync(self._write)
        except TooLargeError:
            raise
        except BaseException:
            # not in a thread: a task that is being cancelled can't wait for one
            self._write()
            self._make_safe()
            raise
        await run_sync(self._write)
        await run_sync(self._make_safe)
        return self._safe

    def _add(self, chunk: bytes) -> None:
        if self._offset + len(self._pending) + len(chunk) > self._arrival.length:
            raise _too_long(self._arrival)
        self._pending += chunk

    def _cut(self) -> None:
        """Bytes beyond the safe ones came from a service that was cut off; nobody knows whether they are whole."""
        self._file.seek(self._offset)
        self._file.truncate()

    def _write(self) -> None:
        self._file.write(self._pending)
        self._offset += len(self._pending)
        self._pending.clear()
        if self._offset - self._safe >= _SAFE_EVERY_BYTES:
            self._make_safe()

    def _make_safe(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        with self._database.writing() as session:
            session.execute(
                update(UploadRecord)
                .where(UploadRecord.id == self._arrival.id)
                .values(offset=self._offset, updated=now())
            )
        self._safe = self._offset


def stale_uploads(session: Session, hours: float) -> list[str]:
    """Uploads to which nothing has been added for that long."""
    return list(session.scalars(select(UploadRecord.id).where(UploadRecord.updated < now() - timedelta(hours=hours))))


def _wrong_offset(upload_id: str, sent: int, safe: int | None) -> OffsetError:
    return OffsetError(
        f"upload {upload_id}: the piece begins at {sent}, but {safe} bytes are here; ask with HEAD and go on there",
        f"アップロード {upload_id}: 送信位置 {sent} は受信済み {safe} バイトと一致しません。"
        "HEAD で位置を確認してください。",
        value=sent,
        offset=safe,
    )


def _too_long(arrival: Arrival) -> TooLargeError:
    return TooLargeError(
        f"upload of '{arrival.name}': more than the {arrival.length} bytes that were announced; begin it anew",
        f"'{arrival.name}' は宣言された {arrival.length} バイトを超えています。最初からやり直してください。",
        file=arrival.name,
        limit_bytes=arrival.length,
    )


def _wrong_digest(name: str, wanted: str, found: str) -> FileError:
    return FileError(
        f"upload of '{name}': its sha256 is {found}, not {wanted} as announced; send it again",
        f"'{name}' の sha256 が一致しません (受信 {found}、宣言 {wanted})。再送してください。",
        file=name,
        sha256=found,
    )
