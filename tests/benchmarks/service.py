"""``python -m tests.benchmarks.service load|upload``: the service under many clients, and a large upload cut off.

Figures depend on what else the machine does; the load average stands beside them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import httpx
import laspy
import numpy as np
import typer

from api.access.credentials import add_key
from api.access.secrets import service_secret
from api.access.users import add_project, add_user, grant
from api.access.visitor import Role
from api.database import Database
from api.settings import Settings
from tests.api.office import Separate, wait_for
from tests.benchmarks.poller import Polling

app = typer.Typer(no_args_is_help=True)
TUS = {"Tus-Resumable": "1.0.0"}


@app.command()
def load(
    jobs: Annotated[int, typer.Option(help="Jobs that wait")] = 1000,
    clients: Annotated[int, typer.Option(help="Clients that poll at the same time, each a user with a key")] = 50,
    pause: Annotated[float, typer.Option(help="Seconds between two polls of a client")] = 1.0,
    seconds: Annotated[float, typer.Option(help="Length of each of the two measurements")] = 20.0,
) -> None:
    """Time of a status call while jobs wait, one computes, and many poll: at a client's pace, then without a pause."""
    with tempfile.TemporaryDirectory() as folder:
        service = Separate(Path(folder) / "data", workers=1, access="users", requests_per_minute=0).start()
        try:
            keys = _keys(service, clients)
            service.client.headers["Authorization"] = f"Bearer {keys[0]}"
            service.client.start(action="spin", seconds=600)
            waiting, accepted = [], []
            for number in range(jobs):
                service.client.headers["Authorization"] = f"Bearer {keys[number % clients]}"
                started = time.perf_counter()
                waiting.append(service.client.start())
                accepted.append(1000.0 * (time.perf_counter() - started))
            wait_for(lambda: service.client.get("/health").json()["jobs"].get("running") == 1)
            typer.echo(f"{jobs} jobs accepted: {_spread(accepted)}; load {os.getloadavg()[0]:.1f}")
            for rest in (pause, 0.0):
                _measure(service, Polling(service.port, keys, waiting, rest, seconds))
            assert service.client.get("/health").json()["jobs"]["running"] == 1
        finally:
            service.end(signal.SIGKILL)
            service.client.close()


def _keys(service: Separate, n: int) -> list[str]:
    """Keys of as many users, all in one project."""
    settings = Settings(access="users", data_dir=service.data_dir)
    database, secret = Database(settings.url), service_secret(settings)
    keys = []
    with database.writing() as session:
        add_project(session, "river", "river")
        for number in range(n):
            user = add_user(session, f"user{number}")
            grant(session, user, "river", Role.OPERATOR)
            keys.append(add_key(session, secret, user, "bench", None, None)[1])
    database.close()
    return keys


def _measure(service: Separate, polling: Polling) -> None:
    before = _cpu_s(service)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.poller"],
        input=json.dumps(asdict(polling)), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    used = _cpu_s(service) - before
    clients = json.loads(done.stdout)
    times = clients["times"]
    pace = f"one call in {polling.pause:g} s each" if polling.pause else "each as fast as it is answered"
    typer.echo(
        f"{len(polling.keys)} clients, {pace}: {len(times) / polling.seconds:.0f} status calls/s, {_spread(times)}; "
        f"processor per call {1000 * used / len(times):.2f} ms of the service, "
        f"{1000 * clients['cpu_s'] / len(times):.2f} ms of the clients; memory {_peak_mb(service)} MB; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _spread(times: list[float]) -> str:
    median, p95, p99 = np.percentile(times, [50, 95, 99])
    return f"median {median:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, worst {max(times):.1f} ms"


def _cpu_s(service: Separate) -> float:
    """Seconds of processor that the service's process has taken; jobs are processes of their own."""
    assert service.process is not None
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@app.command()
def upload(gigabytes: Annotated[float, typer.Option(help="Size of the file")] = 2.0) -> None:
    """A large file, the service killed in the middle, resumed: is it the same, how much memory, how fast."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.las"
        digest = _large_las(path, int(gigabytes * 1e9))
        service = Separate(Path(folder) / "data", workers=0).start()
        try:
            size = path.stat().st_size
            metadata = f"filename {_base64('large.las')},sha256 {_base64(digest)}"
            begun = service.client.post(
                "/uploads", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
            )
            url = begun.headers["location"]
            arrived = service.data_dir / "uploads" / url.rpartition("/")[2] / "large.las"
            sending = threading.Thread(target=_send_until_it_breaks, args=(service, url, path))
            sending.start()
            wait_for(lambda: arrived.stat().st_size > size // 2, 120)
            first_peak = _peak_mb(service)
            service.end(signal.SIGKILL)
            sending.join()
            service.start()
            offset = int(service.client.head(url, headers=TUS).headers["upload-offset"])
            started = time.perf_counter()
            answer = _send(service, url, path, offset)
            took = time.perf_counter() - started
            dataset = service.client.get(f"/datasets/{answer.headers['upload-dataset']}").json()
            typer.echo(
                f"{size / 1e9:.2f} GB, killed with {offset // 1_000_000} MB safe, resumed: "
                f"sha256 {'the same' if dataset['sha256'] == digest else 'ANOTHER'}; "
                f"{(size - offset) / took / 1e6:.0f} MB/s with the sum of the whole at the end; peak memory "
                f"{max(first_peak, _peak_mb(service))} MB; load {os.getloadavg()[0]:.1f}"
            )
        finally:
            service.end(signal.SIGKILL)
            service.client.close()


def _large_las(path: Path, size: int) -> str:
    """Write a LAS file of about that size; its sha256 comes back."""
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = np.array([0.01, 0.01, 0.01])
    random = np.random.default_rng(1)
    with laspy.open(path, mode="w", header=header) as writer:
        for _ in range(size // 30_000_000):
            points = laspy.ScaleAwarePointRecord.zeros(1_000_000, header=header)
            points.x = 52_000.0 + random.random(1_000_000) * 500
            points.y = -98_400.0 + random.random(1_000_000) * 500
            points.z = random.random(1_000_000) * 100
            writer.write_points(points)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _send(service: Separate, url: str, path: Path, offset: int) -> httpx.Response:
    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            while block := file.read(1 << 20):
                yield block

    headers = {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Content-Length": str(path.stat().st_size - offset),
    }
    return service.client.patch(url, content=pieces(), headers=headers, timeout=600.0)


def _send_until_it_breaks(service: Separate, url: str, path: Path) -> None:
    try:
        _send(service, url, path, 0)
    except httpx.TransportError:
        return


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _peak_mb(service: Separate) -> int:
    """Largest resident memory of the service's process so far."""
    assert service.process is not None
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1000


if __name__ == "__main__":
    app()
