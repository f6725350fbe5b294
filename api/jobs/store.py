"""Everything that is read from and written to the job records.

A change of state is one UPDATE guarded by the table of moves, so of two who want to end a job, one wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from sqlalchemy import Update, case, delete, exists, func, select, true, update
from sqlalchemy.orm import Session, selectinload

from api.database import one_at_a_time
from api.identifiers import is_id, new_id
from api.jobs.delivery import Delivery, Event
from api.jobs.outbox import note_event
from api.jobs.states import JobStatus, sources_of
from api.jobs.turns import waiting_line
from api.problems import Problem
from api.records import MAX_MESSAGE, DatasetRecord, JobInputRecord, JobMessageRecord, JobRecord, ResultRecord, now
from pipelines.process import Process
from pipelines.progress import Text
from pointcloud.errors import NotFoundError

_PLAIN: Final = Delivery()
_TOLD: Final[Mapping[JobStatus, Event]] = {JobStatus.SUCCESSFUL: "success", JobStatus.FAILED: "failed"}
"""Ends of a job that its subscriber is told; who dismisses a job knows it already."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this service has taken to run; ``attempt`` tells an old worker from the present one."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A finished file of a job; ``path`` is relative to the job's results folder."""

    path: PurePosixPath
    media_type: str
    title: Text
    size: int
    sha256: str


def create_job(
    session: Session,
    process: Process[Any],
    inputs: Mapping[str, Sequence[DatasetRecord]],
    parameters: dict[str, Any],
    software_version: str,
    delivery: Delivery = _PLAIN,
) -> JobRecord:
    """A new accepted job, which belongs to the project and owner that ``delivery`` names."""
    moment = now()
    given = [(name, dataset) for name, datasets in inputs.items() for dataset in datasets]
    job = JobRecord(
        id=new_id(),
        process_id=process.id,
        process_version=process.version,
        software_version=software_version,
        status=JobStatus.ACCEPTED,
        parameters=parameters,
        created=moment,
        updated=moment,
        inputs=[
            JobInputRecord(position=i, input_name=name, dataset_id=d.id, file_name=d.name, sha256=d.sha256)
            for i, (name, d) in enumerate(given)
        ],
        results=[],
        response=delivery.response,
        wanted=None if delivery.wanted is None else list(delivery.wanted),
        subscriber=None if delivery.subscriber is None else dict(delivery.subscriber),
        base_url=delivery.base_url,
        idempotency_key=delivery.idempotency_key,
        request_sha256=delivery.request_sha256,
        keep_days=delivery.keep_days,
        project_id=delivery.project_id,
        owner=delivery.owner,
    )
    session.add(job)
    session.execute(update(DatasetRecord).where(DatasetRecord.id.in_([d.id for _, d in given])).values(used=moment))
    session.flush()
    add_message(session, job.id, Text("accepted", "受け付けました。"))
    session.refresh(job)
    return job


def find_job(session: Session, job_id: str, *, with_results: bool = True) -> JobRecord:
    """The job of that id, with its inputs and, where they are wanted, its results.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    parts = [selectinload(JobRecord.inputs), *([selectinload(JobRecord.results)] if with_results else ())]
    job = session.get(JobRecord, job_id, options=parts) if is_id(job_id) else None
    if job is None:
        raise no_job(job_id)
    return job


def no_job(job_id: str) -> NotFoundError:
    """What is said of a job that does not exist, and of one that is somebody else's."""
    return NotFoundError(
        f"no job '{job_id}'; GET /jobs lists those that exist",
        f"ジョブ '{job_id}' はありません。GET /jobs で一覧を確認してください。",
        resource="job",
        value=job_id,
    )


def count_waiting(session: Session, owner: str) -> int:
    """Number of the owner's jobs that wait."""
    mine = (JobRecord.owner == owner, JobRecord.status == JobStatus.ACCEPTED)
    return session.scalar(select(func.count()).select_from(JobRecord).where(*mine)) or 0


def find_repeated(session: Session, owner: str, idempotency_key: str) -> JobRecord | None:
    """The job that an earlier request of the same owner with that key made."""
    return session.scalar(
        select(JobRecord)
        .where(JobRecord.owner == owner, JobRecord.idempotency_key == idempotency_key)
        .options(selectinload(JobRecord.inputs), selectinload(JobRecord.results))
    )


def last_messages(session: Session, job_id: str, limit: int) -> list[JobMessageRecord]:
    """The end of the job's history, the oldest line first."""
    newest = select(JobMessageRecord).where(JobMessageRecord.job_id == job_id)
    return list(session.scalars(newest.order_by(JobMessageRecord.id.desc()).limit(limit)))[::-1]


def count_by_status(session: Session) -> dict[str, int]:
    """Number of jobs in each state that has any."""
    rows = session.execute(select(JobRecord.status, func.count()).group_by(JobRecord.status))
    return {status: count for status, count in rows}  # noqa: C416 (rows are not pairs to the type checker)


def touch_database(session: Session) -> None:
    """Write something that changes nothing, to see whether the database can be written."""
    session.execute(update(JobRecord).where(JobRecord.id == "").values(progress=0.0))


def running_jobs(session: Session) -> list[JobRecord]:
    """Jobs that are marked as running."""
    return list(session.scalars(select(JobRecord).where(JobRecord.status == JobStatus.RUNNING)))


def no_longer_running(session: Session, job_ids: Sequence[str]) -> set[str]:
    """Those of the jobs that somebody dismissed, ended or removed."""
    running = select(JobRecord.id).where(JobRecord.id.in_(job_ids), JobRecord.status == JobStatus.RUNNING)
    return set(job_ids) - set(session.scalars(running))


def is_dataset_needed(session: Session, dataset_id: str) -> bool:
    """True where a job that has not ended uses the dataset."""
    alive = [status for status in JobStatus if not status.is_ended]
    query = (
        select(JobRecord.id)
        .join(JobInputRecord, JobInputRecord.job_id == JobRecord.id)
        .where(JobInputRecord.dataset_id == dataset_id, JobRecord.status.in_(alive))
    )
    return bool(session.scalar(select(exists(query))))


def claim_next(session: Session, most_per_owner: int = 0) -> Claim | None:
    """Take the job whose turn it is, atomically: no two dispatchers get the same one.

    Owners take turns; none has more than ``most_per_owner`` jobs running, where that is not 0.
    """
    one_at_a_time(session, "claim")
    line = waiting_line().subquery()
    within = line.c.turn <= most_per_owner if most_per_owner else true()
    oldest = select(line.c.id).where(within).order_by(line.c.turn, line.c.created, line.c.id).limit(1).scalar_subquery()
    moment = now()
    claimed = session.execute(
        update(JobRecord)
        .where(JobRecord.id == oldest, JobRecord.status == JobStatus.ACCEPTED)
        .values(
            status=JobStatus.RUNNING,
            attempt=JobRecord.attempt + 1,
            attempt_percent=0.0,
            started=moment,
            updated=moment,
        )
        .returning(JobRecord.id, JobRecord.attempt, JobRecord.subscriber)
    ).one_or_none()
    if claimed is None:
        return None
    add_message(session, claimed.id, Text("started", "開始しました。"))
    note_event(session, claimed.id, claimed.subscriber, "inProgress")
    return Claim(claimed.id, claimed.attempt)


def note_worker(session: Session, claim: Claim, pid: int) -> None:
    """Remember the process that runs the job."""
    session.execute(update(JobRecord).where(JobRecord.id == claim.job_id).values(worker_pid=pid))


def record_progress(
    session: Session, claim: Claim, stage: str, fraction: float, percent: float, message: Text | None = None
) -> None:
    """Write how far the job is; the percentage never goes back, not even when a job starts again."""
    moved = session.execute(
        _running(claim)
        .values(
            stage=stage,
            stage_fraction=fraction,
            updated=now(),
            attempt_percent=percent,
            progress=case((JobRecord.progress > percent, JobRecord.progress), else_=percent),
        )
        .returning(JobRecord.id)
    )
    if moved.first() is not None and message is not None:
        add_message(session, claim.job_id, message)


def succeed(session: Session, claim: Claim, summary: dict[str, Any], files: Sequence[ResultFile]) -> bool:
    """End the job with its results; False where it is not this attempt's to end."""
    moved = _move(
        session,
        claim.job_id,
        JobStatus.SUCCESSFUL,
        claim.attempt,
        summary=summary,
        progress=100.0,
        finished=now(),
        error=None,
    )
    if moved:
        session.add_all(
            ResultRecord(
                job_id=claim.job_id,
                path=file.path.as_posix(),
                position=position,
                media_type=file.media_type,
                title_en=file.title.en,
                title_ja=file.title.ja,
                size=file.size,
                sha256=file.sha256,
            )
            for position, file in enumerate(files)
        )
        add_message(session, claim.job_id, Text("successful", "完了しました。"))
    return moved


def fail(session: Session, claim: Claim, problem: Problem) -> bool:
    """End the job with a reason; False where it is not this attempt's to end."""
    moved = _move(session, claim.job_id, JobStatus.FAILED, claim.attempt, error=problem.as_dict(), finished=now())
    if moved:
        add_message(session, claim.job_id, Text(problem.en, problem.ja))
    return moved


def requeue(session: Session, claim: Claim, reason: Text, *, is_interruption: bool) -> bool:
    """Put a running job back into the queue; False where it is not this attempt's to put back."""
    more = 1 if is_interruption else 0
    moved = _move(
        session,
        claim.job_id,
        JobStatus.ACCEPTED,
        claim.attempt,
        started=None,
        interruptions=JobRecord.interruptions + more,
        worker_pid=None,
    )
    if moved:
        add_message(session, claim.job_id, reason)
    return moved


def dismiss(session: Session, job_id: str) -> bool:
    """Mark a waiting or running job as dismissed; False where it has ended already."""
    moved = _move(session, job_id, JobStatus.DISMISSED, None, finished=now())
    if moved:
        add_message(session, job_id, Text("dismissed at the user's wish", "利用者の指示により中止しました。"))
    return moved


def expired_jobs(session: Session) -> list[str]:
    """Ended jobs whose files need not be kept any longer."""
    query = select(JobRecord).where(
        JobRecord.finished.is_not(None), JobRecord.cleaned.is_(None), JobRecord.keep_days > 0.0
    )
    moment = now()
    return [job.id for job in session.scalars(query) if job.expires is not None and job.expires <= moment]


def note_cleaned(session: Session, job_id: str) -> None:
    """Remember that the job's files are gone; what was computed from what stays on record."""
    session.execute(update(JobRecord).where(JobRecord.id == job_id).values(cleaned=now()))


def remove_job(session: Session, job_id: str) -> None:
    """Forget a job with everything that belongs to it."""
    session.execute(delete(JobRecord).where(JobRecord.id == job_id))


def add_message(session: Session, job_id: str, text: Text) -> None:
    """Add a line to the job's history and show it as the job's present message."""
    en, ja = text.en[:MAX_MESSAGE], text.ja[:MAX_MESSAGE]
    session.add(JobMessageRecord(job_id=job_id, at=now(), en=en, ja=ja))
    session.execute(update(JobRecord).where(JobRecord.id == job_id).values(message_en=en, message_ja=ja))


def _running(claim: Claim) -> Update:
    """An UPDATE of the job as long as this attempt runs."""
    return update(JobRecord).where(
        JobRecord.id == claim.job_id, JobRecord.attempt == claim.attempt, JobRecord.status == JobStatus.RUNNING
    )


def _move(session: Session, job_id: str, target: JobStatus, attempt: int | None, **values: Any) -> bool:
    """The guarded change of state; without an attempt it moves whichever runs."""
    query = update(JobRecord).where(JobRecord.id == job_id, JobRecord.status.in_(sources_of(target)))
    if attempt is not None:
        query = query.where(JobRecord.attempt == attempt)
    moved = session.execute(query.values(status=target, updated=now(), **values).returning(JobRecord.subscriber))
    row = moved.one_or_none()
    if row is not None and target in _TOLD:
        note_event(session, job_id, row.subscriber, _TOLD[target])
    return row is not None
