"""Whose turn it is: owners of waiting jobs take turns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.jobs.states import JobStatus
from api.records import JobRecord


def waiting_line() -> Select[tuple[str, datetime, int]]:
    """Waiting jobs with the turn in which each comes: 1 is an owner's first that runs or waits, 2 the second.

    Sorted by turn and age, owners take turns: a job does not wait behind another owner's five hundred.
    """
    running = (
        select(JobRecord.owner, func.count().label("n"))
        .where(JobRecord.status == JobStatus.RUNNING)
        .group_by(JobRecord.owner)
        .subquery()
    )
    place = func.row_number().over(partition_by=JobRecord.owner, order_by=(JobRecord.created, JobRecord.id))
    return (
        select(JobRecord.id, JobRecord.created, (place + func.coalesce(running.c.n, 0)).label("turn"))
        .outerjoin(running, running.c.owner == JobRecord.owner)
        .where(JobRecord.status == JobStatus.ACCEPTED)
    )


def place_in_line(session: Session, job_id: str) -> int | None:
    """Place of a waiting job, 1 being next; None where it does not wait.

    Sorting a thousand jobs for each of the clients that ask for one costs more than all else of a status call. A long
    line is therefore sorted at most twice a second, and its places are as old as that.
    """
    bind = session.get_bind()
    known = _lines.get(bind)
    if known is None or job_id not in known.places or time.monotonic() > known.good_until:
        if known is not None and len(known.places) >= _LONG:  # others who ask meanwhile need not sort it, too
            _lines[bind] = _Known(known.places, time.monotonic() + _FRESH_S)
        places = {row.id: place for place, row in enumerate(session.execute(_LINE), start=1)}
        is_long = len(places) >= _LONG
        known = _lines[bind] = _Known(places, time.monotonic() + (_FRESH_S if is_long else 0.0))
    return known.places.get(job_id)


@dataclass(frozen=True, slots=True)
class _Known:
    """Places by job, and the moment (`time.monotonic`) until which they are good enough."""

    places: dict[str, int]
    good_until: float


def _line() -> Select[str]:
    line = waiting_line().subquery()
    return select(line.c.id).order_by(line.c.turn, line.c.created, line.c.id)


_LINE: Final = _line()
_LONG: Final = 100
_FRESH_S: Final = 0.5
_lines: WeakKeyDictionary[object, _Known] = WeakKeyDictionary()
