"""What an earlier service left behind when it was cut off, removed before a new one starts."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from sqlalchemy import select

from api.database import Database
from api.records import DatasetRecord, JobRecord
from api.settings import Settings

logger = logging.getLogger("tengun.housekeeping")


def remove_leftovers(settings: Settings, database: Database) -> None:
    """Remove uploads that never became whole, and folders of datasets and jobs that have no record.

    Only for the one service that holds the data folder, before it takes requests.
    """
    shutil.rmtree(settings.incoming_dir, ignore_errors=True)
    with database.reading() as session:
        datasets = set(session.scalars(select(DatasetRecord.id)))
        jobs = set(session.scalars(select(JobRecord.id)))
    _remove_unknown(settings.datasets_dir, datasets)
    _remove_unknown(settings.jobs_dir, jobs)


def _remove_unknown(folder: Path, known: set[str]) -> None:
    if not folder.is_dir():
        return
    for item in folder.iterdir():
        if item.name not in known:
            logger.warning("removing %s, which no record knows", item)
            shutil.rmtree(item, ignore_errors=True)
