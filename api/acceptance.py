"""From a checked order to an accepted job: the same request sent twice makes one, and limits are kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.access.users import require_project
from api.access.visitor import Visitor
from api.execution import Order, look_up, project_of
from api.jobs import store
from api.jobs.delivery import Delivery
from api.records import DatasetRecord, JobRecord
from api.refusals import RateError
from api.service import Service
from api.version import software_version
from pipelines.process import Process
from pointcloud.errors import CrsError, ParameterError

logger = logging.getLogger("tengun.jobs")


def accept(
    service: Service, visitor: Visitor, process: Process[Any], order: Order, delivery: Delivery, project: str | None
) -> JobRecord:
    """The job of this request: a new one, or that of the same request sent before.

    Parameters
    ----------
    service, visitor
        Who is asked, and who asks.
    process, order, delivery
        What to do, and how the results are wanted.
    project
        Where the job belongs, if the request says it; else where its datasets do.

    Raises
    ------
    TengunError
        When something that the order names is not there or not allowed.
    """
    with service.database.reading() as session:
        repeated = _repeated(session, delivery, visitor)
        if repeated is not None:
            return repeated
        given = look_up(session, order, visitor)  # before polygons of a request that can't be accepted are kept
        delivery = replace(delivery, project_id=_project(session, visitor, project, given))
        _refuse_unplaced(given, order)
        _refuse_too_many(session, service, visitor)
    inline = {
        name: [service.datasets.keep(f"{name}.geojson", value, delivery.project_id)]
        for name, value in order.inline.items()
    }
    try:
        with service.database.writing() as session:
            inputs = look_up(session, order, visitor) | inline
            parameters = order.parameters.model_dump(mode="json")
            job = store.create_job(session, process, inputs, parameters, software_version(), delivery)
    except IntegrityError:  # the same request came twice at once; the other one made the job
        for dataset in (one for datasets in inline.values() for one in datasets):
            service.datasets.remove(dataset.id)
        with service.database.reading() as session:
            repeated = _repeated(session, delivery, visitor)
        if repeated is None:
            raise
        return repeated
    service.dispatcher.wake()
    logger.info("job %s: accepted, %s", job.id, process.id)
    return job


def _project(
    session: Session, visitor: Visitor, wanted: str | None, given: Mapping[str, Sequence[DatasetRecord]]
) -> str:
    known = project_of(given)
    if wanted is not None and known is not None and wanted != known:
        raise ParameterError(
            f"project: the datasets are of project '{known}', the job of '{wanted}'; upload them to '{wanted}'",
            f"project: データセットは '{known}' に属しています。'{wanted}' に登録し直してください。",
            field="project",
        )
    project_id = visitor.target_project(wanted, known)
    require_project(session, project_id)
    return project_id


def _refuse_unplaced(given: Mapping[str, Sequence[DatasetRecord]], order: Order) -> None:
    """Refuse a survey whose CRS neither it nor the order states: the job would, as soon as it looked at the files."""
    if getattr(order.parameters, "crs", "") is not None:
        return
    for survey in (one for some in given.values() for one in some if one.kind == "pointcloud"):
        for problem in survey.info.get("problems", []):
            if problem["code"] == CrsError.code:
                candidates = survey.info.get("crs_candidates", [])
                raise CrsError(problem["en"], problem["ja"], file=survey.name, candidates=candidates)


def _refuse_too_many(session: Session, service: Service, visitor: Visitor) -> None:
    most = service.settings.max_waiting_per_user
    if most and store.count_waiting(session, visitor.name) >= most:
        raise RateError(
            f"{most} of your jobs wait already, which is the limit; try again when some have ended",
            f"待機中のジョブが上限 {most} 件に達しています。終了を待ってから再度実行してください。",
            limit_jobs=most,
        )


def _repeated(session: Session, delivery: Delivery, visitor: Visitor) -> JobRecord | None:
    key = delivery.idempotency_key
    job = None if key is None else store.find_repeated(session, delivery.owner, key)
    if job is None:
        return None
    if job.request_sha256 != delivery.request_sha256:
        raise ParameterError(
            f"Idempotency-Key '{key}' was sent before with another request; use a new key",
            f"Idempotency-Key '{key}' は別の要求で使用済みです。新しいキーを指定してください。",
            field="Idempotency-Key",
        )
    if not visitor.sees(job.project_id):
        raise store.no_job(job.id)
    return job
