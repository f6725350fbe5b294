"""Services to test against, in a thread or as processes of their own, and a client with the usual steps."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CLOSED = f"{ROOT / 'tests' / 'api' / 'closed'}:{ROOT}"
"""PYTHONPATH of workers that die at the first Internet socket, they and whatever they start."""
CATALOG = "tests.api.life_processes:PROCESSES"
PATIENCE_S = 60.0
"""Longest wait for anything; a worker starts in about 1 s, on a busy machine in several."""

ZONE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "崩壊地"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[52000, -98500], [52100, -98500], [52100, -98400], [52000, -98500]]],
            },
        }
    ],
}


def wait_for(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What ``condition`` gives once it is true."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience_s} s in vain")


def is_alive(pid: int) -> bool:
    """True where a process of that id exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Office(httpx.Client):
    """A client with the few steps that every test takes."""

    def upload(self, path: Path, name: str | None = None) -> dict[str, Any]:
        answer = self.post("/datasets", params={"name": name or path.name}, content=path.read_bytes())
        assert answer.status_code == 201, answer.text
        return answer.json()

    def start(self, process: str = "rehearsal", **inputs: Any) -> str:
        answer = self.post(f"/processes/{process}/execution", json={"inputs": inputs})
        assert answer.status_code == 201, answer.text
        return answer.json()["jobID"]

    def status(self, job: str) -> dict[str, Any]:
        answer = self.get(f"/jobs/{job}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_until(self, job: str, *states: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            status = self.status(job)
            if status["status"] not in states and status["status"] in ("successful", "failed", "dismissed"):
                raise AssertionError(json.dumps(status, ensure_ascii=False, indent=1))
            return status if status["status"] in states else None

        return wait_for(reached, patience_s)

    def pids_of(self, job: str) -> list[int]:
        """Process ids of the worker and its child, once the sleeping rehearsal has told them."""

        def told() -> list[int]:
            message = self.status(job)["message"]
            return [int(pid) for pid in message.split()[1:]] if message.startswith("pids") else []

        return wait_for(told)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Thread:
    """A service inside the test process, over real HTTP; its workers are processes all the same."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        config = uvicorn.Config(create_app(settings), port=settings.port, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self.client = Office(base_url=f"http://127.0.0.1:{settings.port}", timeout=PATIENCE_S)

    def __enter__(self) -> Thread:
        self._thread.start()
        wait_for(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def serving(settings: Settings, path: str = str(ROOT)) -> Iterator[Thread]:
    """A service whose workers have ``path`` as PYTHONPATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        with Thread(settings) as service:
            yield service


class Separate:
    """A service as operators run it: a process of its own that can be stopped, killed and started again."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        values = {"data_dir": data_dir, "port": self.port, "catalog": CATALOG, **settings}
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{f"TENGUN_{name.upper()}": str(value) for name, value in values.items()},
        }
        self.client = Office(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE_S)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Separate:
        with (self.data_dir.parent / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api.serve"], env=self.environment, stdout=log, stderr=log
            )
        wait_for(self._answers)
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def log(self) -> str:
        return (self.data_dir.parent / "service.log").read_text()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return self.client.get("/health").status_code == 200
        except httpx.ConnectError:
            return False
