"""Records as the answers that clients read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from api.descriptions import bilingual
from api.errors import problem_body
from api.jobs import store
from api.jobs.listing import queue_position
from api.jobs.states import JobStatus
from api.links import JOBS_REL, RESULTS_REL, ZIP, Addresses, href, link
from api.problems import Problem
from api.records import DatasetRecord, JobMessageRecord, JobRecord, now
from api.schemas import Dataset, JobInput, JobSummary, Link, Message, OutputLink, StageStatus, StatusInfo, Timing
from pipelines.process import Catalog
from pipelines.progress import Stage

_MESSAGES_SHOWN: Final = 50
_SEEN_ENOUGH_PERCENT: Final = 3.0
"""An estimate from less than this would jump about."""


@dataclass(frozen=True, slots=True)
class JobState:
    """What is read of a job for its status: the record, its last messages, its place in the queue."""

    job: JobRecord
    messages: Sequence[JobMessageRecord]
    queue_position: int | None


def read_state(session: Session, job_id: str, *, with_results: bool = False) -> JobState:
    """The state of a job; its results are read where they are wanted, as a status does without them.

    Raises
    ------
    NotFoundError
        When there is no such job.
    """
    job = store.find_job(session, job_id, with_results=with_results)
    return JobState(job, store.last_messages(session, job_id, _MESSAGES_SHOWN), queue_position(session, job))


def job_summary(job: JobRecord, addresses: Addresses) -> JobSummary:
    """A job in a list."""
    return JobSummary(**_job_members(job, addresses))


def status_info(state: JobState, catalog: Catalog, addresses: Addresses) -> StatusInfo:
    """A job with all that is known of it."""
    job = state.job
    process = catalog.get(job.process_id)
    return StatusInfo(
        **_job_members(job, addresses),
        queue_position=state.queue_position,
        timing=_timing(job),
        stages=[] if process is None else _stages(job, process.stages),
        messages=[Message(at=message.at, en=message.en, ja=message.ja) for message in state.messages],
        inputs=[
            JobInput(input=one.input_name, dataset=one.dataset_id, name=one.file_name, sha256=one.sha256)
            for one in job.inputs
        ],
        parameters=job.parameters,
        software_version=job.software_version,
        process_version=job.process_version,
        exception=None if job.error is None else problem_body(Problem.from_dict(job.error)),
    )


def output_links(job: JobRecord, addresses: Addresses) -> list[OutputLink]:
    """The files of a successful job."""
    return [
        OutputLink(
            href=href(addresses, "download_result", job_id=job.id, path=file.path),
            rel="item",
            type=file.media_type,
            title=file.title_en,
            title_ja=file.title_ja,
            path=file.path,
            size=file.size,
            sha256=file.sha256,
            expires=job.expires,
        )
        for file in job.results
    ]


def dataset_answer(dataset: DatasetRecord, addresses: Addresses) -> Dataset:
    """A dataset with what its file says."""
    return Dataset(
        id=dataset.id,
        name=dataset.name,
        kind=dataset.kind,
        project=dataset.project_id,
        size=dataset.size,
        sha256=dataset.sha256,
        created=dataset.created,
        expires=dataset.expires,
        sheet=dataset.sheet,
        method=dataset.method,
        epoch=dataset.epoch,
        info=dataset.info,
        links=[link(addresses, "self", "show_dataset", "Dataset", "データセット", dataset_id=dataset.id)],
    )


def _timing(job: JobRecord) -> Timing:
    """Waiting and running time of the present run; the end is guessed from what this run has done itself."""
    moment = now()
    queued = ((job.started or job.finished or moment) - job.created).total_seconds()
    if job.started is None:
        return Timing(queued_s=queued)
    running = ((job.finished or moment) - job.started).total_seconds()
    finish = None
    if job.finished is None and job.attempt_percent >= _SEEN_ENOUGH_PERCENT:
        so_far = (job.updated - job.started).total_seconds()
        finish = job.started + timedelta(seconds=100.0 * so_far / job.attempt_percent)
        finish = max(finish, moment)
    return Timing(queued_s=queued, running_s=running, estimated_finish=finish)


def _job_members(job: JobRecord, addresses: Addresses) -> dict[str, Any]:
    return {
        "jobID": job.id,
        "project": job.project_id,
        "owner": job.owner,
        "processID": job.process_id,
        "status": JobStatus(job.status),
        "progress": int(job.progress),
        "message": job.message_en,
        "message_ja": job.message_ja,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "updated": job.updated,
        "expires": job.expires,
        "links": _job_links(job, addresses),
    }


def _job_links(job: JobRecord, addresses: Addresses) -> list[Link]:
    links = [
        link(addresses, "self", "show_job", "Status", "状態", job_id=job.id),
        link(addresses, JOBS_REL, "show_jobs", "All jobs", "ジョブ一覧"),
        Link(
            href=href(addresses, "show_log", job_id=job.id), rel="log", type="text/plain", title="Log", title_ja="ログ"
        ),
        Link(href=href(addresses, "follow_job", job_id=job.id), rel="monitor", type="text/event-stream"),
    ]
    if job.status == JobStatus.SUCCESSFUL:
        links.append(link(addresses, RESULTS_REL, "show_results", "Results", "結果", job_id=job.id))
    if job.status == JobStatus.SUCCESSFUL and job.cleaned is None:
        archive = href(addresses, "download_archive", job_id=job.id)
        links.append(Link(href=archive, rel="enclosure", type=ZIP, title="All files", title_ja="全ファイル"))
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
