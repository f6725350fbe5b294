"""Lines of the audit log that somebody looks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.access.audit import JST
from api.records import AuditRecord

_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What lines are looked for; what is empty does not count.

    Parameters
    ----------
    actor, action
        The user and the route or command, whole.
    target
        A part of what it was about.
    outcome
        Its beginning: ``4`` for everything that was refused.
    since, until
        First and last day in Japan's zone.
    """

    actor: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""
    since: date | None = None
    until: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        found: list[ColumnElement[bool]] = []
        if self.actor:
            found.append(AuditRecord.actor == self.actor)
        if self.action:
            found.append(AuditRecord.action == self.action)
        if self.target:
            found.append(AuditRecord.target.contains(self.target, autoescape=True))
        if self.outcome:
            found.append(AuditRecord.outcome.startswith(self.outcome, autoescape=True))
        if self.since:
            found.append(AuditRecord.at >= _midnight(self.since))
        if self.until:
            found.append(AuditRecord.at < _midnight(self.until + timedelta(days=1)))
        return found


def find_lines(session: Session, wanted: Wanted, limit: int, offset: int) -> tuple[Sequence[AuditRecord], int]:
    """The lines, the newest first, and how many there are in all."""
    conditions = wanted.conditions()
    query = select(AuditRecord).where(*conditions).order_by(AuditRecord.id.desc()).limit(limit).offset(offset)
    n_all = session.scalar(select(func.count()).select_from(AuditRecord).where(*conditions))
    return session.scalars(query).all(), n_all or 0


def each_line(session: Session, wanted: Wanted) -> Iterator[AuditRecord]:
    """The lines, the oldest first; a part of them is in memory at a time."""
    query: Any = select(AuditRecord).where(*wanted.conditions()).order_by(AuditRecord.id)
    yield from session.scalars(query.execution_options(yield_per=_ROWS_AT_ONCE))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), JST)
