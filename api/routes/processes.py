"""Processes: list, description, execution."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Final

from anyio import sleep
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Request, Response
from starlette.responses import JSONResponse

from api.acceptance import accept
from api.access.gate import TheVisitor
from api.descriptions import description_of, summary_of
from api.estimation import Estimate, estimate
from api.execution import look_up, read_order
from api.jobs import store
from api.jobs.states import JobStatus
from api.links import href, page_links
from api.preferences import applied_preferences, read_delivery, wait_seconds
from api.records import JobRecord
from api.results import results_response
from api.schemas import ExecuteRequest, ProcessDescription, ProcessList, Results, StatusInfo
from api.service import Limit, Offset, Project, Service, TheService
from api.statements import read_state, status_info
from pipelines.process import process_in

router = APIRouter(tags=["processes"])

_WAIT_POLL_S: Final = 0.2
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Your own name for this request: sent again, it answers the same job.",
    ),
]


@router.get("/processes", response_model_exclude_none=True)
def list_processes(request: Request, service: TheService, limit: Limit = 100, offset: Offset = 0) -> ProcessList:
    """All processes."""
    found = list(service.catalog.values())[offset : offset + limit + 1]
    return ProcessList(
        processes=[summary_of(process, request) for process in found[:limit]],
        links=page_links(request, limit, offset, len(found)),
    )


@router.get("/processes/{process_id}", response_model_exclude_none=True)
def describe_process(process_id: str, request: Request, service: TheService) -> ProcessDescription:
    """Inputs, outputs and stages of a process."""
    return description_of(process_in(service.catalog, process_id), request)


@router.post(
    "/processes/{process_id}/execution",
    status_code=201,
    response_model=StatusInfo,
    responses={200: {"model": Results, "description": "The results, where the job ended within `Prefer: wait=N`."}},
)
async def execute_process(
    process_id: str,
    order: ExecuteRequest,
    request: Request,
    service: TheService,
    visitor: TheVisitor,
    project: Project = None,
    idempotency_key: IdempotencyKey = None,
    prefer: Annotated[str, Header(max_length=200, description="`respond-async`, `wait=SECONDS` (RFC 7240)")] = "",
) -> Response:
    """Accept a job; everything that can be known to be wrong beforehand is refused here.

    Polygons inside the request are kept as a dataset, so that the job can be repeated. With ``Prefer: wait=30`` a job
    that ends within 30 s is answered with its results; one that takes longer with its status, like any other.
    """
    process = process_in(service.catalog, process_id)
    wanted = read_order(process, order.inputs)
    delivery = read_delivery(process_id, order, idempotency_key, str(request.base_url), service.settings)
    delivery = replace(delivery, owner=visitor.name)
    job = await run_sync(accept, service, visitor, process, wanted, delivery, project)
    wait_s = wait_seconds(prefer, service.settings.max_wait_s)
    answer = await _ended(service, job.id, wait_s, request) if wait_s else None
    if answer is None:
        answer = await run_sync(_status_answer, service, job.id, request)
    applied = applied_preferences(prefer, wait_s)
    if applied:
        answer.headers["Preference-Applied"] = applied
    return answer


@router.post("/processes/{process_id}/estimate", response_model_exclude_none=True)
def estimate_process(process_id: str, order: ExecuteRequest, service: TheService, visitor: TheVisitor) -> Estimate:
    """What that request would take, and what would go wrong, from headers and earlier jobs; nothing is queued."""
    process = process_in(service.catalog, process_id)
    wanted = read_order(process, order.inputs)
    with service.database.reading() as session:
        return estimate(session, process, wanted, look_up(session, wanted, visitor))


async def _ended(service: Service, job_id: str, wait_s: float, request: Request) -> Response | None:
    """The results once the job ended, None where it takes longer."""

    def look() -> JobRecord:
        with service.database.reading() as session:
            return store.find_job(session, job_id)

    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline and not await request.is_disconnected():
        job = await run_sync(look)
        if JobStatus(job.status) == JobStatus.DISMISSED:
            return None
        if JobStatus(job.status).is_ended:
            answer = results_response(job, request)
            answer.headers["Link"] = f'<{href(request, "show_job", job_id=job_id)}>; rel="monitor"'
            return answer
        await sleep(_WAIT_POLL_S)
    return None


def _status_answer(service: Service, job_id: str, request: Request) -> Response:
    with service.database.reading() as session:
        state = read_state(session, job_id)
    status = status_info(state, service.catalog, request)
    content = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return JSONResponse(content, 201, {"Location": href(request, "show_job", job_id=job_id)})
