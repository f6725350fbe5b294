"""Whose turn it is: owners of waiting jobs take turns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, select

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
