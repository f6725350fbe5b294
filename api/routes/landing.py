"""Entry page, conformance, health, and what the problem types mean."""

from __future__ import annotations

import shutil
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, RedirectResponse

from api.access.gate import TheVisitor, require_admin
from api.access.visitor import NOBODY
from api.errors import TITLES, status_of_code
from api.jobs.store import count_by_status, touch_database
from api.links import CONFORMANCE_REL, JOBS_REL, PROCESSES_REL, link
from api.refusals import UnavailableError
from api.schemas import Conformance, Health, Link, Links, Ready
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
def health(service: TheService, visitor: TheVisitor) -> Health:
    """Whether the database answers and jobs are taken; how many there are is told to those who say who they are."""
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
        jobs={} if visitor == NOBODY else counts,
        workers=service.settings.workers,
        free_bytes=shutil.disk_usage(service.settings.data_dir).free,
        executors=executors(),
    )


@router.get("/ready")
def readiness(service: TheService) -> Ready:
    """Whether new work should be sent here: the database can be written, jobs are started, the disk has room."""
    with service.database.writing() as session:  # a full disk or a lock refuses here
        touch_database(session)
    if not service.dispatcher.is_alive:
        raise UnavailableError(
            "jobs are accepted but not started: the dispatcher has ended; restart the service",
            "ジョブを開始できません。サービスを再起動してください。",
        )
    free = shutil.disk_usage(service.settings.data_dir).free
    if free < service.settings.min_free_bytes:
        raise UnavailableError(
            f"the disk has {free} bytes left, less than {service.settings.min_free_bytes}; free some space",
            f"空き容量が {free} バイトで、下限 {service.settings.min_free_bytes} を下回っています。",
            free_bytes=free,
        )
    return Ready(status="ready")


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: TheService, visitor: TheVisitor) -> Response:
    """Figures for Prometheus; with users, for an admin's key alone."""
    require_admin(visitor)
    text = service.metrics.text(service.settings, service.database)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/problems/{code}")
def describe_problem(code: str) -> dict[str, Any]:
    """What a problem type means."""
    if code not in TITLES:
        raise NotFoundError(f"no problem type '{code}'", f"問題種別 '{code}' はありません。", value=code)
    return {"code": code, "status": int(status_of_code(code)), "title": TITLES[code].en, "title_ja": TITLES[code].ja}
