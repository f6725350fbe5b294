"""Results: numbers and links, one file, all files as a zip."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, StreamingResponse

from api.access.gate import TheVisitor
from api.access.visible import visible_job
from api.access.visitor import Visitor
from api.jobs.folder import JobFolder
from api.links import ZIP
from api.records import JobRecord
from api.refusals import GoneError
from api.results import results_document, results_response
from api.results_archive import archive_of
from api.schemas import Results
from api.service import Service, TheService
from pointcloud.errors import NotFoundError

router = APIRouter(tags=["results"])


@router.get("/jobs/{job_id}/results", response_model=Results)
def show_results(job_id: str, request: Request, service: TheService, visitor: TheVisitor) -> Response:
    """Numbers and files of a successful job, in the form that its request wanted; the reason of a failed one."""
    return results_response(_found(service, job_id, visitor), request)


@router.get("/jobs/{job_id}/results.zip", response_class=StreamingResponse)
def download_archive(job_id: str, request: Request, service: TheService, visitor: TheVisitor) -> StreamingResponse:
    """All files of a successful job, its numbers and a list of sha256 sums, as one zip."""
    job = _with_files(service, job_id, visitor)
    document = results_document(job, request)
    chunks = archive_of(job, document, JobFolder(service.settings.jobs_dir, job_id).results)
    headers = {"Content-Disposition": f'attachment; filename="{job.process_id}-{job_id[:8]}.zip"'}
    return StreamingResponse(chunks, media_type=ZIP, headers=headers)


@router.head("/jobs/{job_id}/results/{path:path}", include_in_schema=False)
@router.get("/jobs/{job_id}/results/{path:path}", response_class=FileResponse)
def download_result(job_id: str, path: str, service: TheService, visitor: TheVisitor) -> FileResponse:
    """A file of a successful job, whole or by byte ranges."""
    job = _with_files(service, job_id, visitor)
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


def _with_files(service: Service, job_id: str, visitor: Visitor) -> JobRecord:
    job = _found(service, job_id, visitor)
    if job.cleaned is not None:
        raise GoneError(
            f"the files of job {job_id} were removed on {job.cleaned:%Y-%m-%d}, when their time was over; "
            "its numbers, parameters and inputs are still on record; start it again to get the files",
            f"ジョブ {job_id} のファイルは保存期間が終了したため {job.cleaned:%Y-%m-%d} に削除されました。"
            "数値・パラメータ・入力の記録は残っています。ファイルが必要な場合は再実行してください。",
            resource="files",
            value=job_id,
        )
    return job


def _found(service: Service, job_id: str, visitor: Visitor) -> JobRecord:
    with service.database.reading() as session:
        return visible_job(session, job_id, visitor)
