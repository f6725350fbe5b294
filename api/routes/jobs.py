"""Jobs: list, status, results, files, end."""

from __future__ import annotations

import logging
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import FileResponse

from api.errors import problem_response
from api.jobs import store
from api.jobs.folder import JobFolder
from api.jobs.states import JobStatus
from api.links import page_links
from api.problems import Problem
from api.records import JobRecord
from api.schemas import JobList, Results, StatusInfo, Summary
from api.service import Limit, Offset, Service, TheService
from api.statements import job_summary, output_links, status_info
from pointcloud.errors import NotFoundError

router = APIRouter(tags=["jobs"])
logger = logging.getLogger("tengun.jobs")

_MESSAGES_SHOWN: Final = 50


@router.get("/jobs", response_model_exclude_none=True)
def show_jobs(
    request: Request,
    service: TheService,
    status: Annotated[list[JobStatus], Query()] = [],  # noqa: B006 (FastAPI copies it)
    process_id: Annotated[list[str], Query(alias="processID")] = [],  # noqa: B006
    limit: Limit = 100,
    offset: Offset = 0,
) -> JobList:
    """Jobs, the newest first."""
    with service.database.reading() as session:
        found = store.list_jobs(session, status, process_id, limit + 1, offset)
    return JobList(
        jobs=[job_summary(job, request) for job in found[:limit]],
        links=page_links(request, limit, offset, len(found)),
    )


@router.get("/jobs/{job_id}", response_model_exclude_none=True)
def show_job(job_id: str, request: Request, service: TheService) -> StatusInfo:
    """Status, progress by stage, history, and the reason where it failed."""
    with service.database.reading() as session:
        job = store.find_job(session, job_id)
        messages = store.last_messages(session, job_id, _MESSAGES_SHOWN)
    return status_info(job, messages, service.catalog, request)


@router.delete("/jobs/{job_id}", response_model_exclude_none=True)
def end_job(job_id: str, request: Request, service: TheService) -> StatusInfo:
    """Stop a waiting or running job; remove an ended one with its results."""
    with service.database.writing() as session:
        is_stopped = store.dismiss(session, job_id)
        job = store.find_job(session, job_id)
        messages = store.last_messages(session, job_id, _MESSAGES_SHOWN)
        answer = status_info(job, messages, service.catalog, request)
        if not is_stopped:
            store.remove_job(session, job_id)
    if is_stopped:
        service.dispatcher.wake()
    else:
        JobFolder(service.settings.jobs_dir, job_id).remove()
    logger.info("job %s: %s", job_id, "dismissed" if is_stopped else "removed")
    answer.status = JobStatus.DISMISSED
    return answer


@router.get("/jobs/{job_id}/results", response_model=Results, response_model_exclude_none=True)
def show_results(job_id: str, request: Request, service: TheService) -> Results | Response:
    """Numbers and files of a successful job; the reason of a failed one."""
    job = _found(service, job_id)
    if job.error is not None:
        return problem_response(Problem.from_dict(job.error))
    return Results(summary=Summary(value=_summary(job)), outputs=output_links(job, request))


@router.head("/jobs/{job_id}/results/{path:path}", include_in_schema=False)
@router.get("/jobs/{job_id}/results/{path:path}", response_class=FileResponse)
def download_result(job_id: str, path: str, service: TheService) -> FileResponse:
    """A file of a successful job, whole or by byte ranges."""
    job = _found(service, job_id)
    file = next((one for one in job.results if one.path == path), None)
    if file is None:
        raise NotFoundError(
            f"job {job_id} has no file '{path}'; GET /jobs/{job_id}/results lists those that exist",
            f"ジョブ {job_id} に '{path}' はありません。GET /jobs/{job_id}/results で一覧を確認してください。",
            value=path,
        )
    return FileResponse(
        JobFolder(service.settings.jobs_dir, job_id).results / file.path,
        media_type=file.media_type,
        filename=file.path.rpartition("/")[2],
        content_disposition_type="inline",
        headers={"ETag": f'"{file.sha256}"', "X-Content-Type-Options": "nosniff"},
    )


def _found(service: Service, job_id: str) -> JobRecord:
    with service.database.reading() as session:
        return store.find_job(session, job_id)


def _summary(job: JobRecord) -> dict[str, object]:
    if job.summary is None:
        raise NotFoundError(
            f"job {job.id} is {job.status}: it has no results (yet); follow GET /jobs/{job.id}",
            f"ジョブ {job.id} の結果はまだありません (状態: {job.status})。GET /jobs/{job.id} で確認してください。",
            resource="results",
            value=job.status,
        )
    return job.summary
