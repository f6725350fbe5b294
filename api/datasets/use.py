"""What every project holds, counted in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.records import DatasetRecord, JobRecord, ResultRecord, UploadRecord


@dataclass(frozen=True, slots=True)
class Use:
    """What a project holds.

    Parameters
    ----------
    datasets_bytes, results_bytes, uploads_bytes
        Sizes of its files; of an upload what was announced.
    n_datasets, n_jobs
        How many there are on record.
    """

    datasets_bytes: int
    results_bytes: int
    uploads_bytes: int
    n_datasets: int
    n_jobs: int


NOTHING: Final = Use(0, 0, 0, 0, 0)


def use_by_project(session: Session) -> dict[str, Use]:
    """Project -> what it holds; the sums are those that a quota is held against."""

    def counted(query: Select[str, int]) -> dict[str, int]:
        return {project: int(value or 0) for project, value in session.execute(query)}

    of_dataset, of_job, of_upload = DatasetRecord.project_id, JobRecord.project_id, UploadRecord.project_id
    datasets = counted(select(of_dataset, func.sum(DatasetRecord.size)).group_by(of_dataset))
    results = counted(
        select(of_job, func.sum(ResultRecord.size))
        .join(ResultRecord, ResultRecord.job_id == JobRecord.id)
        .where(JobRecord.cleaned.is_(None))
        .group_by(of_job)
    )
    uploads = counted(select(of_upload, func.sum(UploadRecord.length)).group_by(of_upload))
    n_datasets = counted(select(of_dataset, func.count()).group_by(of_dataset))
    n_jobs = counted(select(of_job, func.count()).group_by(of_job))
    parts = (datasets, results, uploads, n_datasets, n_jobs)
    return {project: Use(*(part.get(project, 0) for part in parts)) for project in set().union(*parts)}
