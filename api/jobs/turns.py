"""Whose turn it is: owners of waiting jobs take turns."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Select, bindparam, func, select

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


def _place() -> Select[tuple[int]]:
    line = waiting_line().subquery()
    order = (line.c.turn, line.c.created, line.c.id)
    places = select(line.c.id, func.row_number().over(order_by=order).label("place")).subquery()
    return select(places.c.place).where(places.c.id == bindparam("job_id"))


PLACE: Final = _place()
"""Place of ``job_id`` in the line, 1 being next; made once, since every look at a waiting job asks it."""
