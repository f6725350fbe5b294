"""Jobs: list, status, log, events, end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal

from anyio import sleep
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import PlainTextResponse

from api.access.gate import TheVisitor, identify_again
from api.access.visible import visible_job
from api.access.visitor import Visitor
from api.jobs import store
from api.jobs.folder import JobFolder
from api.jobs.listing import LONGEST_S, JobFilter, list_jobs, read_interval
from api.jobs.log_tail import log_tail
from api.jobs.states import JobStatus
from api.links import JSON, page_links
from api.refusals import UnauthorizedError
from api.schemas import JobList, StatusInfo
from api.service import Limit, Offset, Project, Service, TheService
from api.statements import job_summary, read_state, status_info
from pointcloud.errors import NotFoundError

router = APIRouter(tags=["jobs"])
logger = logging.getLogger("tengun.jobs")

_EVENT_POLL_S: Final = 0.5
Seconds = Annotated[int, Query(ge=0, le=LONGEST_S)]


def _job_filter(
    visitor: TheVisitor,
    type_: Annotated[list[Literal["process"]], Query(alias="type", description="Every job runs a process.")] = [],  # noqa: B006
    process_id: Annotated[list[str], Query(alias="processID", description="Jobs of these processes.")] = [],  # noqa: B006
    status: Annotated[list[JobStatus], Query(description="Jobs in these states.")] = [],  # noqa: B006
    created: Annotated[
        str | None,
        Query(alias="datetime", max_length=100, description="When accepted: a moment, a day, or an interval a/b."),
    ] = None,
    min_duration: Annotated[Seconds | None, Query(alias="minDuration", description="Least run time, s.")] = None,
    max_duration: Annotated[Seconds | None, Query(alias="maxDuration", description="Longest run time, s.")] = None,
    project: Project = None,
) -> JobFilter:
    del type_
    interval = (None, None) if created is None else read_interval(created)
    return JobFilter(status, process_id, visitor.seen_projects(project), interval, min_duration, max_duration)


@router.get("/jobs", response_model_exclude_none=True)
def show_jobs(
    request: Request,
    service: TheService,
    wanted: Annotated[JobFilter, Depends(_job_filter)],
    limit: Limit = 100,
    offset: Offset = 0,
) -> JobList:
    """Jobs, the newest first."""
    with service.database.reading() as session:
        found = list_jobs(session, wanted, limit + 1, offset)
    return JobList(
        jobs=[job_summary(job, request) for job in found[:limit]],
        links=page_links(request, limit, offset, len(found)),
    )


def _visible_status(job_id: str, request: Request, service: TheService, visitor: TheVisitor) -> StatusInfo:
    return _status(service, job_id, request, visitor)


VisibleStatus = Annotated[StatusInfo, Depends(_visible_status)]


@router.get("/jobs/{job_id}", response_model=StatusInfo, response_model_exclude_none=True)
async def show_job(status: VisibleStatus) -> Response:
    """Status, progress by stage, history, and the reason where it failed."""
    # as it is: this is what clients poll, and its model has been checked when it was made
    return Response(status.model_dump_json(by_alias=True, exclude_none=True), media_type=JSON)


@router.delete("/jobs/{job_id}", response_model_exclude_none=True)
def end_job(job_id: str, request: Request, service: TheService, visitor: TheVisitor) -> StatusInfo:
    """Stop a waiting or running job; remove an ended one with its results."""
    with service.database.reading() as session:
        visitor.require_change(visible_job(session, job_id, visitor).project_id)
    with service.database.writing() as session:
        is_stopped = store.dismiss(session, job_id)
        answer = status_info(read_state(session, job_id), service.catalog, request)
        if not is_stopped:
            store.remove_job(session, job_id)
    if is_stopped:
        service.dispatcher.wake()
    else:
        JobFolder(service.settings.jobs_dir, job_id).remove()
    logger.info("job %s: %s", job_id, "dismissed" if is_stopped else "removed")
    answer.status = JobStatus.DISMISSED
    return answer


@router.get("/jobs/{job_id}/log", response_class=PlainTextResponse)
def show_log(
    job_id: str,
    service: TheService,
    visitor: TheVisitor,
    lines: Annotated[int, Query(ge=1, le=10_000, description="From the end.")] = 200,
) -> str:
    """The end of what the job's processes printed."""
    with service.database.reading() as session:
        visible_job(session, job_id, visitor)
    return log_tail(JobFolder(service.settings.jobs_dir, job_id).log, lines, service.settings.data_dir)


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def follow_job(
    status: VisibleStatus, request: Request, service: TheService, visitor: TheVisitor
) -> AsyncIterator[ServerSentEvent]:
    """The job's status as server-sent events: now, at each change, and for the last time when it has ended.

    They end, too, when the job is removed or the visitor may see it no longer.
    """
    seen = ""
    while True:
        content = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        state = f"{content['updated']} {content['status']} {content.get('queuePosition')}"
        if state != seen:
            yield ServerSentEvent(data=content, event="status", id=content["updated"])
            seen = state
        if status.status.is_ended or request.app.state.is_stopping:
            return
        await sleep(_EVENT_POLL_S)
        try:
            visitor = await run_sync(identify_again, request, service)
            status = await run_sync(_status, service, status.job_id, request, visitor)
        except (UnauthorizedError, NotFoundError):
            return


def _status(service: Service, job_id: str, request: Request, visitor: Visitor) -> StatusInfo:
    with service.database.reading() as session:
        state = read_state(session, job_id)
    if not visitor.sees(state.job.project_id):
        raise store.no_job(job_id)
    return status_info(state, service.catalog, request)
