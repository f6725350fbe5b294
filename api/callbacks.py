"""What callbacks tell: the same JSON that a client would get by asking."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.errors import problem_body
from api.links import Root
from api.problems import Problem
from api.records import CallbackRecord
from api.results import results_document
from api.service import Service
from api.statements import read_state, status_info
from pointcloud.errors import NotFoundError


def callback_body(callback: CallbackRecord, app: FastAPI) -> Any:
    """Results of a successful job, the exception of a failed one, else the status; None where the job is gone."""
    service: Service = app.state.service
    try:
        with service.database.reading() as session:
            state = read_state(session, callback.job_id, with_results=callback.event == "success")
    except NotFoundError:
        return None
    root = Root(app, state.job.base_url)
    if callback.event == "success":
        return results_document(state.job, root)
    if callback.event == "failed" and state.job.error is not None:
        return problem_body(Problem.from_dict(state.job.error))
    status = status_info(state, service.catalog, root)
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)
