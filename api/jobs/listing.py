"""The list of jobs with the filters of OGC API - Processes 1.0 (18-062r2, conformance class job-list)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, extract, func, literal, select, true
from sqlalchemy.orm import Session

from api.jobs.states import JobStatus
from api.jobs.turns import place_in_line
from api.records import JobRecord, UtcDateTime, now
from api.refusals import QueryError

_OPEN: Final = ("", "..")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_BEGUN: Final[list[JobStatus]] = [status for status in JobStatus if status != JobStatus.ACCEPTED]
LONGEST_S: Final = 10**9


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; an empty member lets everything pass.

    Parameters
    ----------
    statuses, process_ids
        Any of these.
    projects
        Any of these; None for all.
    created
        First and last moment of acceptance, None for an open end.
    min_duration_s, max_duration_s
        Bounds of the run time; jobs that never ran pass neither.
    """

    statuses: Sequence[JobStatus] = ()
    process_ids: Sequence[str] = ()
    projects: Collection[str] | None = None
    created: tuple[datetime | None, datetime | None] = (None, None)
    min_duration_s: int | None = None
    max_duration_s: int | None = None


def list_jobs(session: Session, wanted: JobFilter, limit: int, offset: int) -> Sequence[JobRecord]:
    """Jobs, the newest first."""
    query = select(JobRecord).where(*_conditions(session, wanted))
    query = query.order_by(JobRecord.created.desc(), JobRecord.id).limit(limit).offset(offset)
    return session.scalars(query).all()


def queue_position(session: Session, job: JobRecord) -> int | None:
    """Place in the queue, 1 being next; None where the job does not wait."""
    if job.status != JobStatus.ACCEPTED:
        return None
    return place_in_line(session, job.id)


def read_interval(text: str) -> tuple[datetime | None, datetime | None]:
    """First and last moment that ``text`` (an instant, a date, or two with ``/`` between; ``..`` is open) names.

    Raises
    ------
    QueryError
        When it is neither.
    """
    ends = text.split("/")
    try:
        if len(ends) == 1:
            return _moment(text, is_end=False), _moment(text, is_end=True)
        first, last = ends
        interval = (
            None if first in _OPEN else _moment(first, is_end=False),
            None if last in _OPEN else _moment(last, is_end=True),
        )
    except (ValueError, OverflowError) as error:
        raise _bad_interval(text) from error
    if interval == (None, None) or (interval[0] and interval[1] and interval[0] > interval[1]):
        raise _bad_interval(text)
    return interval


def _moment(text: str, *, is_end: bool) -> datetime:
    """A moment in UTC; a whole day begins or ends at midnight there."""
    if _DATE.fullmatch(text):
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return day + timedelta(days=1, microseconds=-1) if is_end else day
    moment = datetime.fromisoformat(text.upper())
    if "T" not in text.upper() or moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _bad_interval(text: str) -> QueryError:
    return QueryError(
        f"datetime: '{text[:80]}' is no time; expected 2026-04-01T00:00:00+09:00, 2026-04-01, or two of these with "
        "/ between (.. for an open end)",
        f"datetime: '{text[:80]}' は日時として読み取れません。2026-04-01T00:00:00+09:00、2026-04-01、"
        "または / で区切った期間 (開いた端は ..) を指定してください。",
        field="datetime",
        value=text[:80],
    )


def _conditions(session: Session, wanted: JobFilter) -> list[ColumnElement[bool]]:
    statuses = list(wanted.statuses)
    conditions: list[ColumnElement[bool]] = []
    if wanted.min_duration_s is not None or wanted.max_duration_s is not None:
        statuses = statuses or _BEGUN
        conditions.append(_duration_between(session, wanted.min_duration_s, wanted.max_duration_s))
    if statuses:
        conditions.append(JobRecord.status.in_(statuses))
    if wanted.process_ids:
        conditions.append(JobRecord.process_id.in_(wanted.process_ids))
    if wanted.projects is not None:
        conditions.append(JobRecord.project_id.in_(wanted.projects))
    first, last = wanted.created
    if first is not None:
        conditions.append(JobRecord.created >= first)
    if last is not None:
        conditions.append(JobRecord.created <= last)
    return conditions


def _duration_between(session: Session, least_s: int | None, most_s: int | None) -> ColumnElement[bool]:
    """Condition on the run time, which databases count differently."""
    end = func.coalesce(JobRecord.finished, literal(now(), UtcDateTime()))
    seconds: ColumnElement[Any]
    if session.get_bind().dialect.name == "sqlite":
        seconds = (func.julianday(end) - func.julianday(JobRecord.started)) * 86400.0
    else:
        seconds = extract("epoch", end - JobRecord.started)
    return and_(
        JobRecord.started.is_not(None),
        true() if least_s is None else seconds >= least_s,
        true() if most_s is None else seconds <= most_s,
    )
