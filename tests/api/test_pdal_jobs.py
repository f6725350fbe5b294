"""A running PDAL inside a job, over HTTP: cancelled, crashed, refused. About 12 s, most of it workers starting."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.settings import Settings
from pointcloud.cloud import PointCloud
from pointcloud.io import las
from tests.api.office import CLOSED, Office, free_port, serving, wait_for
from tests.oracles.real_pdal import program

SLOW: list[dict[str, Any]] = [
    {"type": "readers.las", "filename": "datasets"},
    *[{"type": "filters.lof", "minpts": 100}] * 4,
    {"type": "writers.las", "filename": "out.laz"},
]
"""Minutes of work."""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pdal-jobs") / "data"


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[Office]:
    program()
    with serving(Settings(data_dir=data_dir, port=free_port(), workers=1), CLOSED) as service:
        yield service.client


@pytest.fixture(scope="module")
def survey(client: Office, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Dataset id of 200,000 points at random."""
    path = tmp_path_factory.mktemp("survey") / "survey.laz"
    x, y, z = np.random.default_rng(3).uniform(0, 300, (3, 200_000))
    las.write(path, PointCloud(x, y, z))
    return str(client.upload(path)["id"])


def pdals(folder: Path) -> list[int]:
    """Processes of PDAL's program that work below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            is_pdal = entry.name.isdigit() and (entry / "exe").readlink().name == "pdal"
            if is_pdal and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_dismissing_a_job_leaves_no_pdal_within_five_seconds(client: Office, survey: str, data_dir: Path) -> None:
    job = client.start("pdal-pipeline", datasets=[survey], document=SLOW, executor="pdal")
    wait_for(lambda: pdals(data_dir))
    asked = time.monotonic()
    assert client.delete(f"/jobs/{job}").status_code == 200
    wait_for(lambda: not pdals(data_dir), patience_s=5.0)
    assert time.monotonic() - asked < 5.0
    assert client.wait_until(job, "dismissed")["status"] == "dismissed"


def test_a_crash_of_pdal_is_a_failed_job_that_names_the_signal(client: Office, survey: str, data_dir: Path) -> None:
    job = client.start("pdal-pipeline", datasets=[survey], document=SLOW, executor="pdal")
    for pid in wait_for(lambda: pdals(data_dir)):
        os.kill(pid, signal.SIGSEGV)
    status = client.wait_until(job, "failed")
    assert "SIGSEGV" in status["message"]
    assert "SIGSEGV" in status["message_ja"]
    assert status["exception"]["signal"] == "SIGSEGV"
    assert pdals(data_dir) == []


def test_a_refused_stage_is_named_with_its_rule(client: Office, survey: str) -> None:
    document = [SLOW[0], {"type": "filters.shell", "command": "id"}, SLOW[-1]]
    status = client.wait_until(client.start("pdal-pipeline", datasets=[survey], document=document), "failed")
    assert status["exception"]["rule"] == "stage-allow-list"
    assert "filters.shell" in status["message"]


def test_pipelines_are_listed_and_shown(client: Office) -> None:
    listed = {entry["id"]: entry for entry in client.get("/pipelines").json()["pipelines"]}
    assert {"ground", "normalize", "terrain", "change"} <= set(listed)
    assert all(entry["title"]["ja"] and entry["stages"] and entry["options"] for entry in listed.values())
    options = {option["name"]: option["value"] for option in listed["ground"]["options"]}
    assert options["noise.multiplier"] == 6.0
    assert not any(name.endswith(".filename") for name in options)
    assert client.get("/pipelines/ground").json() == listed["ground"]
    stages = listed["ground"]["document"]["pipeline"]
    assert (stages[0]["type"], stages[0]["filename"]) == ("readers.las", "input.laz")
    missing = client.get("/pipelines/nonsense")
    assert missing.status_code == 404
    assert "ground" in missing.json()["candidates"]
    executors = client.get("/health").json()["executors"]
    assert executors["pdal"] == {"available": True, "version": program().version_text}
    assert executors["native"]["available"] is True
