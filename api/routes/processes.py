"""Processes: list, description, execution."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response

from api.catalog import process_in
from api.descriptions import description_of, summary_of
from api.execution import look_up, read_order
from api.jobs.store import create_job, last_messages
from api.links import href, link
from api.schemas import ExecuteRequest, ProcessDescription, ProcessList, StatusInfo
from api.service import TheService
from api.statements import status_info
from api.version import software_version

router = APIRouter(tags=["processes"])
logger = logging.getLogger("tengun.jobs")


@router.get("/processes", response_model_exclude_none=True)
def list_processes(request: Request, service: TheService) -> ProcessList:
    """All processes."""
    return ProcessList(
        processes=[summary_of(process, request) for process in service.catalog.values()],
        links=[link(request, "self", "list_processes", "Processes", "処理一覧")],
    )


@router.get("/processes/{process_id}", response_model_exclude_none=True)
def describe_process(process_id: str, request: Request, service: TheService) -> ProcessDescription:
    """Inputs, outputs and stages of a process."""
    return description_of(process_in(service.catalog, process_id), request)


@router.post("/processes/{process_id}/execution", status_code=201, response_model_exclude_none=True)
def execute_process(
    process_id: str, order: ExecuteRequest, request: Request, response: Response, service: TheService
) -> StatusInfo:
    """Accept a job; everything that can be known to be wrong beforehand is refused here.

    Polygons inside the request are kept as a dataset, so that the job can be repeated.
    """
    process = process_in(service.catalog, process_id)
    wanted = read_order(process, order.inputs)
    with service.database.reading() as session:
        look_up(session, wanted)  # before polygons of a request that can't be accepted are kept
    inline = {name: [service.datasets.keep(f"{name}.geojson", value)] for name, value in wanted.inline.items()}
    with service.database.writing() as session:
        inputs = look_up(session, wanted) | inline
        job = create_job(session, process, inputs, wanted.parameters.model_dump(mode="json"), software_version())
        status = status_info(job, last_messages(session, job.id, 1), service.catalog, request)
    service.dispatcher.wake()
    logger.info("job %s: accepted, %s", job.id, process.id)
    response.headers["Location"] = href(request, "show_job", job_id=job.id)
    if "respond-async" in request.headers.get("prefer", ""):
        response.headers["Preference-Applied"] = "respond-async"
    return status
