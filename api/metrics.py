"""Figures for Prometheus: requests as they come, the rest as it is when asked for."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.database import Database
from api.jobs.states import JobStatus
from api.jobs.store import count_by_status
from api.records import CallbackRecord, JobRecord, UploadRecord, now
from api.settings import Settings
from api.version import software_version

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "tengun_request_seconds",
            "Time until a request was answered, by route.",
            ("method", "route", "status"),
            registry=self._registry,
            buckets=_BUCKETS,
        )
        version = self._gauge("tengun_info", "Version of the software.", "version")
        version.labels(software_version()).set(1)
        self._jobs = self._gauge("tengun_jobs", "Jobs on record.", "status")
        self._oldest = self._gauge("tengun_oldest_waiting_job_seconds", "Age of the job that has waited longest.")
        self._workers = self._gauge("tengun_workers", "Jobs that may run at the same time.")
        self._free = self._gauge("tengun_disk_free_bytes", "Room in the data folder.")
        self._uploads = self._gauge("tengun_open_uploads", "Resumable uploads that are not complete.")
        self._callbacks = self._gauge("tengun_callbacks_waiting", "Callbacks that are not delivered yet.")

    def note_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request; those that no route answers count together."""
        self._requests.labels(method if route else "-", route or "-", status).observe(seconds)

    def text(self, settings: Settings, database: Database) -> bytes:
        """All figures in Prometheus' text format."""
        with database.reading() as session:
            counts = count_by_status(session)
            for status in JobStatus:
                self._jobs.labels(status).set(counts.get(status, 0))
            self._oldest.set(_age_of_oldest(session))
            self._uploads.set(session.scalar(select(func.count()).select_from(UploadRecord)) or 0)
            waiting = select(func.count()).select_from(CallbackRecord).where(CallbackRecord.due.is_not(None))
            self._callbacks.set(session.scalar(waiting) or 0)
        self._workers.set(settings.workers)
        self._free.set(shutil.disk_usage(settings.data_dir).free)
        return generate_latest(self._registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self._registry)


def _age_of_oldest(session: Session) -> float:
    oldest: datetime | None = session.scalar(
        select(JobRecord.created).where(JobRecord.status == JobStatus.ACCEPTED).order_by(JobRecord.created).limit(1)
    )
    return 0.0 if oldest is None else (now() - oldest).total_seconds()
