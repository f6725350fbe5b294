"""A job's results in the forms of OGC API - Processes 1.0: document, or raw."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from api.errors import problem_response
from api.links import JSON, Addresses
from api.preferences import OUTPUTS
from api.problems import Problem
from api.records import JobRecord
from api.schemas import Results, Summary
from api.statements import output_links
from pointcloud.errors import NotFoundError

_LINE: Final = b"\r\n"


def results_response(job: JobRecord, addresses: Addresses) -> Response:
    """The answer that holds the results of a successful job, or the reason of a failed one.

    Raises
    ------
    NotFoundError
        When the job has no results, or none yet.
    """
    if job.error is not None:
        return problem_response(Problem.from_dict(job.error))
    document = results_document(job, addresses)
    if job.response == "document":
        return JSONResponse(document)
    values = {name: value["value"] if name == "summary" else value for name, value in document.items()}
    if len(values) == 1:
        (value,) = values.values()
        return JSONResponse(value)
    return _multipart(values)


def results_document(job: JobRecord, addresses: Addresses) -> dict[str, Any]:
    """The wanted outputs by name: the numbers as a qualified value, the files as links.

    Raises
    ------
    NotFoundError
        When the job has no results, or none yet.
    """
    if job.summary is None:
        raise NotFoundError(
            f"job {job.id} is {job.status}: it has no results (yet); follow GET /jobs/{job.id}",
            f"ジョブ {job.id} の結果はまだありません (状態: {job.status})。GET /jobs/{job.id} で確認してください。",
            resource="results",
            value=job.status,
        )
    wanted = OUTPUTS if job.wanted is None else job.wanted
    results = Results(
        summary=Summary(value=job.summary) if "summary" in wanted else None,
        outputs=output_links(job, addresses) if "outputs" in wanted else None,
    )
    return results.model_dump(mode="json", by_alias=True, exclude_none=True)


def _multipart(values: Mapping[str, Any]) -> Response:
    """One part an output (RFC 2387), each named by its Content-ID."""
    boundary = secrets.token_hex(16)
    body = b""
    for name, value in values.items():
        head = f"--{boundary}\r\nContent-Type: {JSON}\r\nContent-ID: <{name}>\r\n\r\n"
        body += head.encode() + json.dumps(value, ensure_ascii=False).encode() + _LINE
    body += f"--{boundary}--\r\n".encode()
    return Response(body, headers={"Content-Type": f'multipart/related; type="{JSON}"; boundary={boundary}'})
