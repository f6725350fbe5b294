"""What the database holds: datasets, jobs and their parts; users, projects and keys; the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Dialect, ForeignKey, Index, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from api.datasets.names import Kind

ID_LENGTH = 36
PROJECT_LENGTH = 40
DEFAULT_PROJECT = "default"
"""The project that is there from the start; it holds everything as long as nobody makes another."""
USER_LENGTH = 100
MAX_MESSAGE = 2000


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def _later(moment: datetime, days: float) -> datetime | None:
    return moment + timedelta(days=days) if days > 0 else None


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC on every database; SQLite itself keeps no time zone."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC without its zone, as it is stored."""
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC with its zone."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


class Record(DeclarativeBase):
    """Base of the records."""

    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, int: BigInteger, bool: Boolean}  # noqa: RUF012


class ProjectRecord(Record):
    """The border of what users see: every dataset and job is in one project."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(PROJECT_LENGTH), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime]
    quota_bytes: Mapped[int | None]
    """Most bytes that it may hold; 0 for any number, None for what the settings say."""


class DatasetRecord(Record):
    """An uploaded file; it lies in ``datasets/<id>/<name>``."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[Kind] = mapped_column(String(16))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    info: Mapped[dict[str, Any]]
    created: Mapped[datetime]
    used: Mapped[datetime]
    keep_days: Mapped[float] = mapped_column(default=0.0, server_default="0")
    project_id: Mapped[str] = mapped_column(
        ForeignKey("projects.id"), default=DEFAULT_PROJECT, server_default=DEFAULT_PROJECT
    )
    sheet: Mapped[str | None] = mapped_column(String(12))
    method: Mapped[str | None] = mapped_column(String(8))
    epoch: Mapped[str | None] = mapped_column(String(10))

    __table_args__ = (
        Index("ix_datasets_project_created", "project_id", "created"),
        Index("ix_datasets_sheet", "sheet"),
    )

    @property
    def expires(self) -> datetime | None:
        """When it may be removed, counted from the last job that was given it; None for never."""
        return _later(self.used, self.keep_days)


class UploadRecord(Record):
    """A file on its way in, in ``uploads/<id>/<name>``; ``offset`` bytes of it are safe on the disk."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    owner: Mapped[str] = mapped_column(String(USER_LENGTH))
    name: Mapped[str] = mapped_column(String(255))
    length: Mapped[int]
    offset: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64))
    method: Mapped[str | None] = mapped_column(String(8))
    epoch: Mapped[str | None] = mapped_column(String(10))
    created: Mapped[datetime]
    updated: Mapped[datetime]


class JobRecord(Record):
    """A job from its acceptance to its end."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    process_id: Mapped[str] = mapped_column(String(100))
    process_version: Mapped[str] = mapped_column(String(50))
    software_version: Mapped[str] = mapped_column(String(50))
    status: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]]
    created: Mapped[datetime]
    updated: Mapped[datetime]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    stage: Mapped[str | None] = mapped_column(String(100))
    stage_fraction: Mapped[float] = mapped_column(default=0.0)
    message_en: Mapped[str] = mapped_column(String(MAX_MESSAGE), default="")
    message_ja: Mapped[str] = mapped_column(String(MAX_MESSAGE), default="")
    attempt: Mapped[int] = mapped_column(default=0)
    interruptions: Mapped[int] = mapped_column(default=0)
    worker_pid: Mapped[int | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    response: Mapped[str] = mapped_column(String(16), default="document", server_default="document")
    wanted: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    subscriber: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    base_url: Mapped[str] = mapped_column(String(500), default="/", server_default="/")
    attempt_percent: Mapped[float] = mapped_column(default=0.0, server_default="0")
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    keep_days: Mapped[float] = mapped_column(default=0.0, server_default="0")
    cleaned: Mapped[datetime | None]
    project_id: Mapped[str] = mapped_column(
        ForeignKey("projects.id"), default=DEFAULT_PROJECT, server_default=DEFAULT_PROJECT
    )
    owner: Mapped[str] = mapped_column(String(USER_LENGTH), default="local", server_default="local")

    inputs: Mapped[list[JobInputRecord]] = relationship(
        order_by="JobInputRecord.position", cascade="all, delete-orphan", passive_deletes=True
    )
    results: Mapped[list[ResultRecord]] = relationship(
        order_by="ResultRecord.position", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        Index("ix_jobs_status_created", "status", "created"),
        Index("ix_jobs_created", "created"),
        Index("ix_jobs_project_created", "project_id", "created"),
        Index("ix_jobs_owner_idempotency_key", "owner", "idempotency_key", unique=True),
    )

    @property
    def expires(self) -> datetime | None:
        """When the files of an ended job may be removed; None for never, or while it has not ended."""
        return None if self.finished is None else _later(self.finished, self.keep_days)


class JobInputRecord(Record):
    """A file that a job was given; name and sha256 stay when the dataset itself is removed later."""

    __tablename__ = "job_inputs"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    input_name: Mapped[str] = mapped_column(String(100))
    dataset_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))


class JobMessageRecord(Record):
    """A line of a job's history."""

    __tablename__ = "job_messages"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    en: Mapped[str] = mapped_column(String(MAX_MESSAGE))
    ja: Mapped[str] = mapped_column(String(MAX_MESSAGE))


class ResultRecord(Record):
    """A file that a job made; it lies in ``jobs/<job id>/results/<path>``."""

    __tablename__ = "results"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(500), primary_key=True)
    position: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(100))
    title_en: Mapped[str] = mapped_column(String(200))
    title_ja: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))


class CallbackRecord(Record):
    """A message to a subscriber, written together with the change of state that it tells; ``due`` is None once over."""

    __tablename__ = "callbacks"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(String(2000))
    created: Mapped[datetime]
    due: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str] = mapped_column(String(500), default="")


class UserRecord(Record):
    """Somebody who may log in or holds keys; a failed log-in counts, and too many lock the account for a while."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(USER_LENGTH), unique=True)
    password: Mapped[str | None] = mapped_column(String(200))
    is_admin: Mapped[bool]
    is_active: Mapped[bool]
    created: Mapped[datetime]
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]


class MembershipRecord(Record):
    """A user's role in a project."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))


class KeyRecord(Record):
    """An API key by its digest; the key itself is nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    created: Mapped[datetime]
    expires: Mapped[datetime | None]


class SessionRecord(Record):
    """A browser session by the digest of its cookie."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    expires: Mapped[datetime]


class AuditRecord(Record):
    """A line of the audit log; ``digest`` is an HMAC over the line and the digest before it."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(USER_LENGTH))
    via: Mapped[str] = mapped_column(String(50))
    address: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(100))
    target: Mapped[str] = mapped_column(String(500))
    outcome: Mapped[str] = mapped_column(String(50))
    times: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
