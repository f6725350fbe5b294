"""Callbacks that wait to be sent: written in the transaction that changes the job, so that none is lost or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.identifiers import new_id
from api.jobs.delivery import Event
from api.records import CallbackRecord, now

WAITS_S: Final = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Time before each further attempt; after the last one a callback is given up."""
_MAX_OUTCOME: Final = 500


def note_event(session: Session, job_id: str, subscriber: Mapping[str, Any] | None, event: Event) -> None:
    """Put a callback into the outbox where the job's subscriber asked for that event."""
    url = (subscriber or {}).get(event)
    if url is not None:
        moment = now()
        session.add(
            CallbackRecord(id=new_id(), job_id=job_id, event=event, url=url, created=moment, due=moment, attempts=0)
        )


def due_callbacks(session: Session, limit: int) -> Sequence[CallbackRecord]:
    """Callbacks whose time has come, the oldest first."""
    query = select(CallbackRecord).where(CallbackRecord.due <= now())
    return session.scalars(query.order_by(CallbackRecord.created, CallbackRecord.id).limit(limit)).all()


def note_outcome(session: Session, callback: CallbackRecord, outcome: str, *, is_delivered: bool) -> None:
    """Write how an attempt went, and when the next one is due."""
    attempts = callback.attempts + 1
    due: datetime | None = None
    if not is_delivered and attempts <= len(WAITS_S):
        due = now() + timedelta(seconds=WAITS_S[attempts - 1])
    session.execute(
        update(CallbackRecord)
        .where(CallbackRecord.id == callback.id)
        .values(attempts=attempts, due=due, outcome=outcome[:_MAX_OUTCOME])
    )
