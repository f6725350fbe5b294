"""Entry page, conformance, health, and what the problem types mean."""

from __future__ import annotations

import shutil
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse

from api.errors import TITLES, UnavailableError, status_of_code
from api.jobs.store import count_by_status
from api.links import CONFORMANCE_REL, JOBS_REL, PROCESSES_REL, link
from api.schemas import Conformance, Health, Link, Links
from api.service import TheService
from api.version import software_version
from pipelines.executors import executors
from pointcloud.errors import NotFoundError

router = APIRouter(tags=["service"])

_SPECIFICATION: Final = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
_MET: Final = ("core", "ogc-process-description", "json", "job-list", "dismiss")


@router.get("/", response_model=Links, response_model_exclude_none=True)
def landing(request: Request) -> Links | RedirectResponse:
    """Entry to the service; a browser is led to the web app."""
    wanted = request.headers.get("accept", "")
    if "text/html" in wanted and "application/json" not in wanted:
        return RedirectResponse("app/", status_code=303, headers={"Vary": "Accept"})
    base = str(request.base_url)
    return Links(
        title="tengun 点群",
        description="Point-cloud processing: ground, terrain, volumes / 点群処理: 地盤分類・地形・土量",
        links=[
            link(request, "self", "landing", "This page", "この文書"),
            Link(href=f"{base}openapi.json", rel="service-desc", type="application/vnd.oai.openapi+json;version=3.1"),
            Link(href=f"{base}docs", rel="service-doc", type="text/html", title="API page", title_ja="API 文書"),
            Link(href=f"{base}app/", rel="alternate", type="text/html", title="Web app", title_ja="ウェブアプリ"),
            link(request, CONFORMANCE_REL, "conformance", "Conformance", "適合クラス"),
            link(request, PROCESSES_REL, "list_processes", "Processes", "処理一覧"),
            link(request, JOBS_REL, "show_jobs", "Jobs", "ジョブ一覧"),
            link(request, "datasets", "show_datasets", "Datasets", "データセット一覧"),
            link(request, "health", "health", "Health", "稼働状態"),
        ],
    )


@router.get("/conformance")
def conformance(service: TheService) -> Conformance:
    """Conformance classes of OGC API - Processes 1.0 that are met; callbacks where the administrator allows them."""
    met = [*_MET, *(["callback"] if service.settings.callback_hosts else [])]
    return Conformance(conforms_to=[f"{_SPECIFICATION}/{name}" for name in met])


@router.get("/health")
def health(service: TheService) -> Health:
    """Whether the database answers and jobs are taken."""
    with service.database.reading() as session:
        counts = count_by_status(session)
    if not service.dispatcher.is_alive:
        raise UnavailableError(
            "jobs are accepted but not started: the dispatcher has ended; restart the service",
            "ジョブを開始できません。サービスを再起動してください。",
        )
    return Health(
        status="ok",
        version=software_version(),
        jobs=counts,
        workers=service.settings.workers,
        free_bytes=shutil.disk_usage(service.settings.data_dir).free,
        executors=executors(),
    )


@router.get("/problems/{code}")
def describe_problem(code: str) -> dict[str, Any]:
    """What a problem type means."""
    if code not in TITLES:
        raise NotFoundError(f"no problem type '{code}'", f"問題種別 '{code}' はありません。", value=code)
    return {"code": code, "status": int(status_of_code(code)), "title": TITLES[code].en, "title_ja": TITLES[code].ja}
