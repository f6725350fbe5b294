"""What is not to be kept, removed: leftovers of a service that was cut off, and what has reached its time."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Final

from sqlalchemy import select

from api.database import Database
from api.datasets.resumable import Resumable, stale_uploads
from api.datasets.store import DatasetStore, expired_datasets
from api.jobs import store
from api.jobs.folder import JobFolder
from api.records import DatasetRecord, JobRecord, UploadRecord
from api.settings import Settings
from pointcloud.errors import ConflictError, NotFoundError

logger = logging.getLogger("tengun.housekeeping")

_YOUNG_S: Final = 24 * 3600.0
"""A folder without a record may be one that a request is just filling; younger ones stay while the service runs."""


def remove_leftovers(settings: Settings, database: Database) -> None:
    """Remove uploads that never became whole, and folders of datasets and jobs that have no record.

    Only for the one service that holds the data folder, before it takes requests.
    """
    shutil.rmtree(settings.incoming_dir, ignore_errors=True)
    settings.stage_cache.remove_partial()
    _take_back_uploads(settings, database)
    _remove_orphans(settings, database, age_s=0.0)


def remove_expired(settings: Settings, database: Database) -> None:
    """Remove uploads, datasets and files of jobs that have been kept long enough, and folders without a record.

    The record of a job stays: which files, parameters and version its numbers came from can be told for good.
    """
    datasets = DatasetStore(settings, database)
    with database.reading() as session:
        old_datasets = expired_datasets(session)
        old_jobs = store.expired_jobs(session)
        old_uploads = stale_uploads(session, settings.keep_uploads_hours)
    for upload_id in old_uploads:
        Resumable(settings, database, datasets).drop(upload_id)
    for dataset_id in old_datasets:
        try:
            datasets.remove(dataset_id)
        except (ConflictError, NotFoundError):  # a job came, or its owner was quicker
            continue
        logger.info("dataset %s: no longer kept", dataset_id)
    for job_id in old_jobs:
        with database.writing() as session:
            store.note_cleaned(session, job_id)
        JobFolder(settings.jobs_dir, job_id).remove()
        logger.info("job %s: files no longer kept", job_id)
    _remove_orphans(settings, database, age_s=_YOUNG_S)


def _take_back_uploads(settings: Settings, database: Database) -> None:
    """A service that ended while an upload became a dataset may have moved the file and not written the record."""
    with database.reading() as session:
        uploads = set(session.scalars(select(UploadRecord.id))) - set(session.scalars(select(DatasetRecord.id)))
    for upload_id in uploads:
        moved = settings.datasets_dir / upload_id
        if moved.is_dir():
            for file in moved.iterdir():
                file.chmod(0o640)
            moved.replace(settings.uploads_dir / upload_id)


def _remove_orphans(settings: Settings, database: Database, age_s: float) -> None:
    with database.reading() as session:
        uploads = set(session.scalars(select(UploadRecord.id)))
        datasets = set(session.scalars(select(DatasetRecord.id)))
        jobs = set(session.scalars(select(JobRecord.id).where(JobRecord.cleaned.is_(None))))
    _remove_unknown(settings.datasets_dir, datasets, age_s)
    _remove_unknown(settings.jobs_dir, jobs, age_s)
    _remove_unknown(settings.uploads_dir, uploads, age_s)


def _remove_unknown(folder: Path, known: set[str], age_s: float) -> None:
    if not folder.is_dir():
        return
    for item in folder.iterdir():
        if item.name not in known and time.time() - item.stat().st_mtime >= age_s:
            logger.warning("removing %s, which no record knows", item)
            shutil.rmtree(item, ignore_errors=True)
