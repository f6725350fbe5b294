"""Records as the answers that clients read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from api.catalog import Catalog
from api.descriptions import bilingual
from api.errors import problem_body
from api.jobs.states import JobStatus
from api.links import JOBS_REL, RESULTS_REL, href, link
from api.problems import Problem
from api.records import DatasetRecord, JobMessageRecord, JobRecord
from api.schemas import Dataset, JobInput, JobSummary, Link, Message, OutputLink, StageStatus, StatusInfo
from pipelines.progress import Stage


def job_summary(job: JobRecord, request: Request) -> JobSummary:
    """A job in a list."""
    return JobSummary(**_job_members(job, request))


def status_info(job: JobRecord, messages: Sequence[JobMessageRecord], catalog: Catalog, request: Request) -> StatusInfo:
    """A job with all that is known of it."""
    process = catalog.get(job.process_id)
    return StatusInfo(
        **_job_members(job, request),
        stages=[] if process is None else _stages(job, process.stages),
        messages=[Message(at=message.at, en=message.en, ja=message.ja) for message in messages],
        inputs=[
            JobInput(input=one.input_name, dataset=one.dataset_id, name=one.file_name, sha256=one.sha256)
            for one in job.inputs
        ],
        parameters=job.parameters,
        software_version=job.software_version,
        process_version=job.process_version,
        exception=None if job.error is None else problem_body(Problem.from_dict(job.error)),
    )


def output_links(job: JobRecord, request: Request) -> list[OutputLink]:
    """The files of a successful job."""
    return [
        OutputLink(
            href=href(request, "download_result", job_id=job.id, path=file.path),
            rel="item",
            type=file.media_type,
            title=file.title_en,
            title_ja=file.title_ja,
            path=file.path,
            size=file.size,
            sha256=file.sha256,
        )
        for file in job.results
    ]


def dataset_answer(dataset: DatasetRecord, request: Request) -> Dataset:
    """A dataset with what its file says."""
    return Dataset(
        id=dataset.id,
        name=dataset.name,
        kind=dataset.kind,
        size=dataset.size,
        sha256=dataset.sha256,
        created=dataset.created,
        info=dataset.info,
        links=[link(request, "self", "show_dataset", "Dataset", "データセット", dataset_id=dataset.id)],
    )


def _job_members(job: JobRecord, request: Request) -> dict[str, Any]:
    return {
        "jobID": job.id,
        "processID": job.process_id,
        "status": JobStatus(job.status),
        "progress": int(job.progress),
        "message": job.message_en,
        "message_ja": job.message_ja,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "updated": job.updated,
        "links": _job_links(job, request),
    }


def _job_links(job: JobRecord, request: Request) -> list[Link]:
    links = [
        link(request, "self", "show_job", "Status", "状態", job_id=job.id),
        link(request, JOBS_REL, "show_jobs", "All jobs", "ジョブ一覧"),
    ]
    if job.status == JobStatus.SUCCESSFUL:
        links.append(link(request, RESULTS_REL, "show_results", "Results", "結果", job_id=job.id))
    return links


def _stages(job: JobRecord, stages: Sequence[Stage]) -> list[StageStatus]:
    """Stages before the present one are done, those after it wait."""
    ids = [stage.id for stage in stages]
    if job.status == JobStatus.SUCCESSFUL:
        present, fraction = len(ids), 0.0
    else:
        present, fraction = (ids.index(job.stage), job.stage_fraction) if job.stage in ids else (-1, 0.0)
    return [
        StageStatus(
            id=stage.id,
            title=bilingual(stage.title),
            state="done" if place < present else "running" if place == present else "waiting",
            fraction=1.0 if place < present else fraction if place == present else 0.0,
        )
        for place, stage in enumerate(stages)
    ]
