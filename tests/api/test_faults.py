"""Thirty jobs while everything is killed at random moments, and a full disk.

About 35 s, most of it the start of some forty processes.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import connect

import httpx
import pytest

from tests.api.office import Separate, is_alive, wait_for

N_JOBS = 30
N_KILLS = 6
CONTENT = hashlib.sha256(bytes(range(256)) * 4).hexdigest()


def submit(service: Separate, number: int) -> str:
    """The job, asked for again until an answer comes; the key makes sure that it is one."""
    order = {"inputs": {"label": f"仕事{number}", "seconds": 0.2}}

    def answered() -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return service.client.post(
                "/processes/rehearsal/execution", json=order, headers={"Idempotency-Key": f"fault-{number}"}
            )
        return None

    answer = wait_for(answered)
    assert answer.status_code == 201, answer.text
    return answer.json()["jobID"]


def running_workers(service: Separate) -> list[int]:
    with closing(connect(service.data_dir / "tengun.sqlite")) as database:
        rows = database.execute("SELECT worker_pid FROM jobs WHERE status = 'running' AND worker_pid IS NOT NULL")
        return [pid for (pid,) in rows if is_worker(pid)]


def is_worker(pid: int) -> bool:
    """True where the process is one of ours still; its id may have gone to somebody else."""
    try:
        return b"api.jobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.slow(70)
def test_every_job_ends_once_whatever_is_killed(separate: Callable[..., Separate]) -> None:
    chance = random.Random(20261121)
    service = separate(workers=2, job_max_interruptions=50).start()
    jobs: list[str] = []
    touched: set[int] = set()
    for turn in range(N_KILLS):
        jobs += [submit(service, number) for number in range(len(jobs), min(len(jobs) + 5, N_JOBS))]
        time.sleep(chance.uniform(0.1, 1.2))
        workers = running_workers(service)
        touched |= set(workers)
        if turn % 3 == 1 or not workers:
            service.end(signal.SIGKILL)
            service.start()
        else:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
    assert len(jobs) == len(set(jobs)) == N_JOBS
    assert submit(service, 0) == jobs[0]

    wait_for(lambda: service.client.get("/health").json()["jobs"] == {"successful": N_JOBS}, 180)
    interruptions = 0
    for number, job in enumerate(jobs):
        status = service.client.status(job)
        said = [message["en"] for message in status["messages"]]
        assert said.count("successful") == 1
        interruptions += sum("starts again" in text for text in said)
        results = service.client.get(f"/jobs/{job}/results").json()
        assert results["summary"]["value"]["label"] == f"仕事{number}"
        assert results["outputs"][0]["sha256"] == CONTENT
        folder = service.data_dir / "jobs" / job  # cleaned once the worker has ended, a moment after the job has
        wait_for(lambda folder=folder: {item.name for item in folder.iterdir()} == {"results", "worker.log", "lock"})
        content = (service.data_dir / "jobs" / job / "results" / "numbers.bin").read_bytes()
        assert hashlib.sha256(content).hexdigest() == CONTENT
    assert interruptions >= 2  # or the kills hit nothing
    wait_for(lambda: not any(is_worker(pid) and is_alive(pid) for pid in touched))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_passes(small_disk: Path, tile: Path) -> None:
    service = Separate(small_disk / "data", workers=1)
    service.start()
    try:
        url = service.client.post(
            "/uploads",
            headers={"Tus-Resumable": "1.0.0", "Upload-Length": "20000000", "Upload-Metadata": "filename YS5sYXM="},
        ).headers["location"]
        filling = small_disk / "filling"
        filling.write_bytes(b"")
        with suppress(OSError), filling.open("wb", buffering=0) as file:
            while file.write(bytes(100_000)):
                pass
        piece = {
            "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": "0",
        }
        full = service.client.patch(url, content=bytes(5_000_000), headers=piece)
        assert full.status_code == 507, full.text
        assert "空き容量" in full.json()["detail_ja"]
        refused = service.client.post("/datasets", params={"name": "a.laz"}, content=bytes(500_000))
        assert refused.status_code == 507
        job = service.client.post("/processes/rehearsal/execution", json={"inputs": {}})
        assert job.status_code in (201, 503), job.text
        assert service.client.get("/health").status_code == 200

        filling.unlink()
        offset = int(service.client.head(url, headers={"Tus-Resumable": "1.0.0"}).headers["upload-offset"])
        more = service.client.patch(url, content=bytes(1000), headers={**piece, "Upload-Offset": str(offset)})
        assert more.status_code == 204
        service.client.upload(tile)
        service.client.wait_until(service.client.start(label="後"), "successful")
        if job.status_code == 201:
            service.client.wait_until(job.json()["jobID"], "successful", "failed")
        assert not list((small_disk / "data" / "incoming").iterdir())
    finally:
        service.end(signal.SIGKILL)
        service.client.close()
