"""What a job would take, from headers and earlier jobs alone: no point is read and nothing is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from api.execution import Order
from api.jobs.states import JobStatus
from api.jobs.store import count_by_status
from api.records import DatasetRecord, JobRecord
from api.schemas import Answer
from pipelines.process import Process
from pipelines.tiling import MAX_TOGETHER
from pointcloud.bounds import Bounds

_JOBS_LOOKED_AT: Final = 20
_FEWEST_POINTS: Final = 100_000
"""Smaller jobs tell how long a process takes to start, not how long points take."""
_START_S: Final = 5.0
_S_PER_POINT: Final = 1.5e-6
"""Read, ground and terrain of ``tengun bench speed`` on two cores, a half added."""
_BYTES_PER_POINT: Final = 140
"""Peak of ``tengun bench speed`` over its points: 2.4 GiB for 18.4 million."""

Datasets = Mapping[str, Sequence[DatasetRecord]]


class EstimateProblem(Answer):
    """What would fail, or give a figure that means something else."""

    code: str
    en: str
    ja: str
    file: str | None = None


class Overlap(Answer):
    """Share of the smaller of two inputs' bounding boxes that lies in the other's."""

    inputs: tuple[str, str]
    share: float


class Estimate(Answer):
    """What a job would take. ``basis`` tells where the minutes come from, and ``basis_jobs`` from how many jobs."""

    n_files: int
    n_points: int
    input_bytes: int
    minutes: float
    basis: Literal["earlier jobs", "benchmark"]
    basis_jobs: int
    memory_bytes: int
    output_bytes: int | None = None
    jobs_waiting: int
    overlaps: list[Overlap]
    problems: list[EstimateProblem]


def estimate(session: Session, process: Process[Any], order: Order, datasets: Datasets) -> Estimate:
    """The estimate for an order whose datasets were looked up."""
    clouds = {name: [one for one in some if one.kind == "pointcloud"] for name, some in datasets.items()}
    clouds = {name: some for name, some in clouds.items() if some}
    n_points = sum(_points(one) for some in clouds.values() for one in some)
    given = [one for some in datasets.values() for one in some]
    input_bytes = sum(one.size for one in given)
    seconds_per_point, output_share, n_jobs = _experience(session, process.id)
    overlaps = _overlaps(clouds)
    return Estimate(
        n_files=len(given),
        n_points=n_points,
        input_bytes=input_bytes,
        minutes=round((_START_S + n_points * (seconds_per_point or _S_PER_POINT)) / 60.0, 2),
        basis="benchmark" if seconds_per_point is None else "earlier jobs",
        basis_jobs=n_jobs,
        memory_bytes=_points_at_once(process, clouds) * _BYTES_PER_POINT,
        output_bytes=None if output_share is None else int(output_share * input_bytes),
        jobs_waiting=count_by_status(session).get(JobStatus.ACCEPTED, 0),
        overlaps=overlaps,
        problems=[
            *_file_problems(given, getattr(order.parameters, "crs", None)),
            *_differences(clouds, getattr(order.parameters, "crs", None)),
            *_apart(overlaps),
        ],
    )


def _points_at_once(process: Process[Any], clouds: Datasets) -> int:
    """Points in memory at the most: those of each input's largest file, or of as many as are filtered together."""
    together = MAX_TOGETHER if process.id == "ground-classification" else 0
    return sum(
        max(*numbers, min(sum(numbers), together))
        for numbers in ([_points(one) for one in some] for some in clouds.values())
    )


def _points(dataset: DatasetRecord) -> int:
    return int(dataset.info.get("n_points") or 0)


def _experience(session: Session, process_id: str) -> tuple[float | None, float | None, int]:
    """Seconds a point and output bytes an input byte of the last jobs here, large ones counting most."""
    query = select(JobRecord).where(JobRecord.process_id == process_id, JobRecord.status == JobStatus.SUCCESSFUL)
    query = query.order_by(JobRecord.finished.desc()).limit(_JOBS_LOOKED_AT)
    jobs = session.scalars(query.options(selectinload(JobRecord.inputs), selectinload(JobRecord.results))).all()
    ids = {one.dataset_id for job in jobs for one in job.inputs}
    known = {one.id: one for one in session.scalars(select(DatasetRecord).where(DatasetRecord.id.in_(ids)))}
    seconds = points = taken = made = 0.0
    n_jobs = 0
    for job in jobs:
        inputs = [known[one.dataset_id] for one in job.inputs if one.dataset_id in known]
        n = sum(map(_points, inputs))
        if n < _FEWEST_POINTS or len(inputs) < len(job.inputs) or job.started is None or job.finished is None:
            continue
        seconds += max((job.finished - job.started).total_seconds() - _START_S, 0.0)
        points += n
        taken += sum(one.size for one in inputs)
        made += sum(one.size for one in job.results)
        n_jobs += 1
    return (seconds / points, made / taken, n_jobs) if n_jobs else (None, None, 0)


def _file_problems(datasets: Sequence[DatasetRecord], crs: str | None) -> list[EstimateProblem]:
    """What each file's own header says; a CRS that the request gives answers the question for it."""
    return [
        EstimateProblem(code=note["code"], en=note["en"], ja=note["ja"], file=one.name)
        for one in datasets
        for note in one.info.get("problems", [])
        if not (crs is not None and note["code"] == "crs")
    ]


def _differences(clouds: Datasets, crs: str | None) -> list[EstimateProblem]:
    """Reference systems and height datums that differ between the surveys."""
    found = []
    for member, en, ja in (
        ("crs", "reference systems", "座標参照系"),
        ("vertical_datum", "height datums", "高さの基準"),
    ):
        stated = {name: sorted({str(one.info.get(member)) for one in some}) for name, some in clouds.items()}
        values = {value for some in stated.values() for value in some} - {"None", "unknown"}
        if len(values) > 1 and not (member == "crs" and crs is not None):
            shown = "; ".join(f"{name}: {', '.join(some)}" for name, some in stated.items())
            found.append(
                EstimateProblem(
                    code="crs",
                    en=f"the surveys have different {en} ({shown}); a difference of heights would hold theirs too",
                    ja=f"点群の{ja}が異なります ({shown})。標高差に影響します。",
                )
            )
    return found


def _overlaps(clouds: Datasets) -> list[Overlap]:
    boxes = {name: box for name, some in clouds.items() if (box := _box(some)) is not None}
    found = []
    for (first, a), (second, b) in combinations(boxes.items(), 2):
        width = min(a.x_max, b.x_max) - max(a.x_min, b.x_min)
        height = min(a.y_max, b.y_max) - max(a.y_min, b.y_min)
        smaller = min((box.x_max - box.x_min) * (box.y_max - box.y_min) for box in (a, b))
        share = max(width, 0.0) * max(height, 0.0) / smaller if smaller > 0 else 0.0
        found.append(Overlap(inputs=(first, second), share=round(min(share, 1.0), 4)))
    return found


def _box(datasets: Sequence[DatasetRecord]) -> Bounds | None:
    corners = [one.info["bounds"] for one in datasets if one.info.get("bounds")]
    if not corners:
        return None
    west, south, east, north = zip(*corners, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def _apart(overlaps: Sequence[Overlap]) -> list[EstimateProblem]:
    return [
        EstimateProblem(
            code="overlap",
            en=f"{one.inputs[0]} and {one.inputs[1]} do not meet: their bounding boxes have no area in common",
            ja=f"{one.inputs[0]} と {one.inputs[1]} の範囲が重なっていません。",
        )
        for one in overlaps
        if one.share == 0.0
    ]
