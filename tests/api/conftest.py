"""Fixtures of the service's tests."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import laspy
import numpy as np
import pytest
from argon2 import PasswordHasher

from api.settings import Settings
from tests.api.office import CATALOG, ROOT, Office, Separate, Thread, free_port


@pytest.fixture(scope="session")
def _rehearsal_path() -> Iterator[None]:
    """Workers find the test's catalogue, too."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(ROOT))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hashes that take a thousandth of the time: what they are worth is the library's to test."""
    patch = pytest.MonkeyPatch()
    patch.setattr("api.access.secrets._HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, _rehearsal_path: None) -> Iterator[Thread]:
    """A service that the tests of one session share."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("service") / "data",
        port=free_port(),
        catalog=CATALOG,
        max_upload_bytes=1_000_000,
        max_request_bytes=100_000,
        job_time_limit_s=10.0,
        job_memory_limit_bytes=2 * 1024**3,
        stop_grace_s=1.0,
    )
    with Thread(settings) as running:
        yield running


@pytest.fixture(scope="session")
def client(service: Thread) -> Office:
    """A client of the shared service."""
    return service.client


@pytest.fixture
def separate(tmp_path: Path) -> Iterator[Callable[..., Separate]]:
    """Makes services that are processes of their own, ended with the test."""
    made: list[Separate] = []

    def make(folder: str = "data", **settings: object) -> Separate:
        made.append(Separate(tmp_path / folder, **settings))
        return made[-1]

    yield make
    for one in made:
        one.client.close()
        if one.process is not None and one.process.poll() is None:
            one.end(signal.SIGKILL)


@pytest.fixture(scope="session")
def tile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LAZ tile of 100 points without a CRS, in plane rectangular zone VIII."""
    path = tmp_path_factory.mktemp("tiles") / "survey.laz"
    header = laspy.LasHeader(version="1.2", point_format=3)
    header.scales = np.array([0.01, 0.01, 0.01])
    survey = laspy.LasData(header)
    n = np.arange(100, dtype=np.float64)
    survey.x, survey.y, survey.z = 52_000.0 + n, -98_400.0 + n, 300.0 + n
    survey.write(path)
    return path
