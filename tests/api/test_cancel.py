"""Real work that is stopped: our ground filter and a PDAL child are gone within 5 s; about 10 s."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import laspy
import numpy as np
import pytest

from pipelines.executors import executors
from tests.api.office import Separate, is_alive, wait_for

ALLOWED_S = 5.0


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two million points of a rough slope, some on plants: more than a few seconds of work for either filter."""
    path = tmp_path_factory.mktemp("survey") / "slope.las"
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = np.array([0.001, 0.001, 0.001])
    random = np.random.default_rng(8)
    points = laspy.LasData(header)
    x, y = random.random(2_000_000) * 600, random.random(2_000_000) * 600
    points.x, points.y = 52_000.0 + x, -98_400.0 + y
    plants = np.where(random.random(x.size) < 0.4, random.random(x.size) * 12, 0.0)
    points.z = 300.0 + x / 4 + np.sin(y / 15) * 6 + plants
    points.return_number[:] = points.number_of_returns[:] = 1
    points.write(path)
    return path


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Separate]:
    service = Separate(tmp_path_factory.mktemp("office") / "data", catalog="pipelines.catalog:PROCESSES", workers=1)
    service.start()
    yield service
    service.end(signal.SIGKILL)
    service.client.close()


def family_of(worker: int) -> dict[int, str]:
    """Id -> command line of the worker and all its descendants, whatever their process group."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    family = {worker}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    found = {}
    for pid in family:
        with suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def stopped_after(office: Separate, job: str, is_at_work: Callable[[dict[int, str]], bool]) -> float:
    """Seconds from the request to the end of the last process, once the work is under way."""

    def working() -> dict[int, str] | None:
        status = office.client.status(job)
        assert status["status"] in ("accepted", "running"), status
        lock = office.data_dir / "jobs" / job / "lock"
        worker = lock.read_text() if lock.exists() else ""
        group = family_of(int(worker)) if worker.isdecimal() else {}
        return group if group and is_at_work(group) else None

    group = wait_for(working)
    started = time.monotonic()
    assert office.client.delete(f"/jobs/{job}").json()["status"] == "dismissed"
    wait_for(lambda: not any(is_alive(pid) for pid in group))
    return time.monotonic() - started


def test_a_running_ground_filter_stops(office: Separate, survey: Path) -> None:
    dataset = office.client.upload(survey)["id"]
    job = office.client.start("ground-classification", survey=dataset, crs="EPSG:6676")

    def filters(_: dict[int, str]) -> bool:
        stages = {stage["id"]: stage["state"] for stage in office.client.status(job)["stages"]}
        return "running" in stages.values() and office.client.status(job)["progress"] > 5

    took = stopped_after(office, job, filters)
    assert took < ALLOWED_S
    print(f"ground filter stopped after {took:.2f} s")


@pytest.mark.skipif(not executors()["pdal"]["available"], reason="PDAL is not here: make pdal")
def test_a_running_pdal_stops(office: Separate, survey: Path) -> None:
    dataset = office.client.upload(survey)["id"]

    def is_pdal_at_work(family: dict[int, str]) -> bool:
        return any("pdal pipeline" in command and "pdal_child" not in command for command in family.values())

    document = [
        {"type": "readers.las", "filename": "datasets"},
        {"type": "filters.outlier", "mean_k": 60},
        {"type": "writers.las", "filename": "out.las"},
    ]
    job = office.client.start("pdal-pipeline", datasets=dataset, document=document, executor="pdal")

    took = stopped_after(office, job, is_pdal_at_work)
    assert took < ALLOWED_S
    print(f"PDAL stopped after {took:.2f} s")
