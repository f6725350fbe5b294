"""The audit log over HTTP: looked through, exported, verified; for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from api.access.answers import AuditLine, AuditPage, AuditVerdict
from api.access.audit import csv_rows, verify
from api.access.audit_search import Wanted, each_line, find_lines
from api.access.gate import require_admin
from api.service import Limit, Offset, TheService

router = APIRouter(prefix="/admin/audit", tags=["administration"], dependencies=[Depends(require_admin)])

_BYTES_AT_ONCE: Final = 65_536


def _wanted(
    actor: Annotated[str, Query(max_length=100, description="The user.")] = "",
    action: Annotated[str, Query(max_length=100, description="The route or command.")] = "",
    target: Annotated[str, Query(max_length=200, description="A part of what it was about.")] = "",
    outcome: Annotated[str, Query(max_length=50, description="Its beginning; 4 for what was refused.")] = "",
    since: Annotated[date | None, Query(description="First day, Japan's time.")] = None,
    until: Annotated[date | None, Query(description="Last day, Japan's time.")] = None,
) -> Wanted:
    return Wanted(actor, action, target, outcome, since, until)


TheWanted = Annotated[Wanted, Depends(_wanted)]


@router.get("")
def list_audit(service: TheService, wanted: TheWanted, limit: Limit = 100, offset: Offset = 0) -> AuditPage:
    """Lines of the audit log, the newest first."""
    service.audit.flush()
    with service.database.reading() as session:
        found, n_all = find_lines(session, wanted, limit, offset)
        lines = [AuditLine(**{name: getattr(line, name) for name in AuditLine.model_fields}) for line in found]
    return AuditPage(lines=lines, n_matched=n_all)


@router.get("/export.csv", response_class=StreamingResponse)
def export_audit(service: TheService, wanted: TheWanted) -> StreamingResponse:
    """The lines as CSV (UTF-8 with a mark, for Excel), the oldest first, times in Japan's zone."""

    def content() -> Iterator[bytes]:
        pending = "\ufeff"
        with service.database.reading() as session:
            for row in csv_rows(each_line(session, wanted)):
                pending += row
                if len(pending) >= _BYTES_AT_ONCE:
                    yield pending.encode()
                    pending = ""
        yield pending.encode()

    service.audit.flush()
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(content(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/verification")
def verify_audit(service: TheService) -> AuditVerdict:
    """Whether every line follows from the one before it."""
    with service.database.reading() as session:
        verdict = verify(session, service.secret)
    return AuditVerdict(
        state="unbroken" if verdict.broken_at is None else "broken",
        n_lines=verdict.n_lines,
        last_digest=verdict.last_digest,
        broken_at=verdict.broken_at,
    )
