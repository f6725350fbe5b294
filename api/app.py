"""The application: settings in, a FastAPI application with its routes, errors and dispatcher out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from api import errors
from api.access.audit import AuditLog
from api.access.first_start import ensure_admin
from api.access.gate import Gate, identify
from api.access.secrets import service_secret
from api.access.witness import Witness
from api.callbacks import callback_body
from api.catalog import load_catalog
from api.database import Database
from api.datasets.resumable import Resumable
from api.datasets.store import DatasetStore
from api.housekeeping import remove_expired, remove_leftovers
from api.jobs.dispatcher import Dispatcher
from api.jobs.folder import exclusive
from api.jobs.sender import Sender
from api.metrics import Metrics
from api.periodic import Periodic
from api.requests import BodyLimit, RequestLog
from api.routes import (
    access,
    audit,
    datasets,
    folders,
    jobs,
    landing,
    maps,
    oidc,
    pipelines,
    processes,
    projects,
    results,
    uploads,
    users,
    web,
)
from api.schemas import ProblemDocument
from api.service import Service
from api.settings import Settings
from api.version import software_version

logger = logging.getLogger("tengun.service")

_DESCRIPTION = """
Upload surveys with `POST /datasets`, start a job with `POST /processes/{id}/execution`, follow it with
`GET /jobs/{id}`, fetch its results with `GET /jobs/{id}/results`. Errors are `application/problem+json`
in English and Japanese.

点群を `POST /datasets` で登録し、`POST /processes/{id}/execution` でジョブを開始、`GET /jobs/{id}` で
進捗を、`GET /jobs/{id}/results` で結果を取得します。エラーは日英併記の `application/problem+json` です。
"""


def create_app(settings: Settings) -> FastAPI:
    """The service with those settings; it starts working when the ASGI server starts it."""
    app: FastAPI = FastAPIOffline(
        title="tengun 点群",
        version=software_version(),
        description=_DESCRIPTION,
        redoc_url=None,  # its script loads a logo from the Internet
        swagger_ui_parameters={"validatorUrl": None},  # or the page sends the schema to a validator outside
        responses={"4XX": {"model": ProblemDocument, "description": "Problem (RFC 9457, en/ja)"}},
        lifespan=_lifespan,
        dependencies=[Depends(identify)],  # every route, also one that does not ask who is there
    )
    app.state.settings = settings
    app.state.is_stopping = False
    errors.install(app)
    rooms = (
        landing, processes, jobs, results, datasets, folders, uploads, pipelines, maps, access, oidc, users, projects,
        audit, web,
    )  # fmt: skip
    for room in rooms:
        app.include_router(room.router)
    app.add_middleware(Witness)
    app.add_middleware(BodyLimit, max_bytes=settings.max_request_bytes, is_exempt=_takes_files)
    app.add_middleware(RequestLog)
    return app


def _takes_files(path: str) -> bool:
    """Where bodies are files, which have limits of their own."""
    return path == "/datasets" or path.startswith("/uploads/")


def hold_data_folder(settings: Settings) -> AbstractContextManager[None]:
    """A block during which no other service works in the data folder.

    Raises
    ------
    ConflictError
        On entry, when another one does.
    """
    return exclusive(
        settings.data_dir / "service.lock",
        f"another service works in {settings.data_dir}; stop it or set TENGUN_DATA_DIR",
        f"{settings.data_dir} は別のサービスが使用中です。停止するか TENGUN_DATA_DIR を変更してください。",
    )


def _service(settings: Settings, database: Database) -> Service:
    secret = service_secret(settings)
    files = DatasetStore(settings, database)
    return Service(
        settings=settings,
        database=database,
        catalog=load_catalog(settings.catalog),
        datasets=files,
        uploads=Resumable(settings, database, files),
        dispatcher=Dispatcher(settings, database),
        gate=Gate(settings.requests_per_minute, settings.failures_per_minute),
        audit=AuditLog(database, secret),
        metrics=Metrics(),
        secret=secret,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the data folder, bring the database up to date, run jobs; end them all at the end."""
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        stack.enter_context(hold_data_folder(settings))
        database = Database(settings.url)
        stack.callback(database.close)
        database.migrate()
        app.state.service = service = _service(settings, database)
        dispatcher = service.dispatcher
        if settings.access == "users":
            ensure_admin(settings, database, service.secret)
        service.audit.start()
        stack.push_async_callback(run_sync, service.audit.stop)
        remove_leftovers(settings, database)
        dispatcher.start()
        housekeeping = Periodic("housekeeping", lambda: remove_expired(settings, database), settings.clean_interval_s)
        housekeeping.start()
        stack.push_async_callback(run_sync, housekeeping.stop)
        if settings.callback_hosts:
            sender = Sender(settings, database, lambda callback: callback_body(callback, app))
            sender.start()
            stack.push_async_callback(run_sync, sender.stop)
        logger.info("tengun %s works in %s, %d workers", software_version(), settings.data_dir, settings.workers)
        yield
        await run_sync(dispatcher.stop)
        logger.info("stopped")
