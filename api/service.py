"""What the routes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Query, Request

from api.database import Database
from api.datasets.store import DatasetStore
from api.datasets.tiles import Epoch, Method, SheetCode, Tile, wanted_tile
from api.jobs.dispatcher import Dispatcher
from api.settings import Settings
from pipelines.process import Catalog

if TYPE_CHECKING:
    from api.access.audit import AuditLog
    from api.access.gate import Gate
    from api.datasets.resumable import Resumable
    from api.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    database: Database
    catalog: Catalog
    datasets: DatasetStore
    uploads: Resumable
    dispatcher: Dispatcher
    gate: Gate
    audit: AuditLog
    metrics: Metrics
    secret: bytes


async def _service_of(request: Request) -> Service:  # not in a thread: every request asks
    return cast(Service, request.app.state.service)


TheService = Annotated[Service, Depends(_service_of)]
Project = Annotated[
    str | None, Query(max_length=40, description="The project, where you are in more than one. プロジェクト ID")
]
TheSheet = Annotated[
    SheetCode | None, Query(description="Map sheet (図郭) such as 08ME3552; larger ones stand for those in them.")
]
TheMethod = Annotated[Method | None, Query(description="How it was surveyed: LP, ALB, MMS, UAV, TLS. 計測手法")]
TheEpoch = Annotated[Epoch | None, Query(description="Year, month or day of the survey, such as 2021. 計測時期")]


async def _wanted(sheet: TheSheet = None, method: TheMethod = None, epoch: TheEpoch = None) -> Tile:
    return wanted_tile(sheet, method, epoch)


WantedTile = Annotated[Tile, Depends(_wanted)]
"""What a list is narrowed to: files of one map sheet, method or epoch."""

Limit = Annotated[int, Query(ge=1, le=1000, description="Most entries in an answer.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="Entries to pass over.")]
