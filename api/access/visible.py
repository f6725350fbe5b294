"""Jobs and datasets as a visitor finds them: what is not theirs does not exist."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.access.visitor import Visitor
from api.datasets.store import find_dataset, no_dataset
from api.jobs.store import find_job, no_job
from api.records import DatasetRecord, JobRecord


def visible_job(session: Session, job_id: str, visitor: Visitor) -> JobRecord:
    """The job of that id, where the visitor may see it.

    Raises
    ------
    NotFoundError
        When there is none for this visitor.
    """
    job = find_job(session, job_id)
    if not visitor.sees(job.project_id):
        raise no_job(job_id)
    return job


def visible_dataset(session: Session, dataset_id: str, visitor: Visitor) -> DatasetRecord:
    """The dataset of that id, where the visitor may see it.

    Raises
    ------
    NotFoundError
        When there is none for this visitor.
    """
    dataset = find_dataset(session, dataset_id)
    if not visitor.sees(dataset.project_id):
        raise no_dataset(dataset_id)
    return dataset
