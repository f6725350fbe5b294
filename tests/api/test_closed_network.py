"""Nothing leaves the machine: workers that reach for a network die, and the service does. About 3 s.

The jobs of `test_volume_over_http`, `test_forest_over_http` and `test_pdal_jobs` run in such workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.office import CLOSED, Separate

INSIDE = {**os.environ, "PYTHONPATH": CLOSED}


CONNECTS = "import socket; socket.socket().connect((str(), 9))"  # an empty host is this one: even that is too far
SENDS = "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'', ('::1', 9))"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (CONNECTS, -signal.SIGSYS),
        (SENDS, -signal.SIGSYS),
        ("import socket; socket.getaddrinfo('tengun.invalid', 80)", -signal.SIGSYS),
        (f"import subprocess, sys; print(subprocess.run([sys.executable, '-S', '-c', '{CONNECTS}']).returncode)", 0),
    ],
    ids=["connect", "datagram", "look-up", "child"],
)
def test_the_trap_catches(code: str, expected: int) -> None:
    done = subprocess.run([sys.executable, "-c", code], env=INSIDE, check=False, capture_output=True, text=True)
    assert done.returncode == expected
    assert done.stdout == ("" if expected else f"{-signal.SIGSYS}\n")


def test_the_trap_lets_files_and_pipes_pass() -> None:
    subprocess.run(
        [sys.executable, "-c", "import socket; a, b = socket.socketpair(); a.sendall(b'1'); socket.socket()"],
        env=INSIDE,
        check=True,
    )


def test_a_service_starts_runs_a_job_and_answers_its_pages_without_a_network(
    separate: Callable[..., Separate], tile: Path
) -> None:
    service = separate()
    service.environment["PYTHONPATH"] = CLOSED
    client = service.start().client
    job = client.start(survey=client.upload(tile)["id"])
    client.wait_until(job, "successful")
    for path in ("/", "/docs", "/openapi.json", "/app", "/metrics", "/conformance", "/processes"):
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        assert "https://cdn" not in answer.text
    other = client.start("rehearsal")
    host = {"inputs": {}, "subscriber": {"successUri": "http://192.0.2.1/told"}}
    refused = client.post("/processes/rehearsal/execution", json=host)
    assert refused.status_code == 422, json.dumps(refused.json())
    client.wait_until(other, "successful")
    assert "CLOSED NETWORK" not in service.log()
    assert service.end() == -signal.SIGTERM
