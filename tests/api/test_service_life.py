"""The service stopped, killed and started again: no job is lost, none runs twice, nothing half-made stays.

Each test runs a service as a process of its own; about 5 s each.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.office import Separate, is_alive, wait_for

Make = Callable[..., Separate]


@pytest.mark.slow(20)
def test_a_stop_ends_the_workers_and_a_start_goes_on(separate: Make, tile: Path) -> None:
    service = separate(workers=1, stop_grace_s=0.5).start()
    dataset = service.client.upload(tile)
    ended = service.client.start(survey=dataset["id"])
    ended_status = service.client.wait_until(ended, "successful")
    running = service.client.start(action="sleep", seconds=3)
    waiting = service.client.start(label="次")
    pids = service.client.pids_of(running)
    before = service.client.status(running)["progress"]
    assert service.end() == -signal.SIGTERM  # uvicorn stops in order, then lets the signal have its way
    assert "tengun.service stopped" in service.log()
    assert not any(is_alive(pid) for pid in pids)
    assert {p.name for p in (service.data_dir / "jobs" / running).iterdir()} <= {"worker.log", "lock"}

    service.start()
    assert service.client.status(running)["progress"] >= before
    status = service.client.wait_until(running, "successful")
    assert any("サービスが停止" in message["ja"] for message in status["messages"])
    assert service.client.wait_until(waiting, "successful")["parameters"]["label"] == "次"

    assert service.client.status(ended) == ended_status
    kept = service.client.get(f"/datasets/{dataset['id']}").json()
    assert kept == {**dataset, "expires": kept["expires"]}  # it counts from the job that was given it
    assert service.client.get(f"/jobs/{ended}/results/numbers.bin").status_code == 200


@pytest.mark.slow(20)
def test_a_killed_service_takes_its_workers_along_and_a_new_one_goes_on(separate: Make) -> None:
    service = separate(workers=1).start()
    job = service.client.start(action="sleep", seconds=3)
    pids = service.client.pids_of(job)
    service.end(signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    (service.data_dir / "incoming" / "half").mkdir(parents=True)
    (service.data_dir / "datasets" / "unknown").mkdir(parents=True)

    service.start()
    assert not (service.data_dir / "incoming" / "half").exists()
    assert not (service.data_dir / "datasets" / "unknown").exists()
    status = service.client.wait_until(job, "successful")
    assert any("異常終了" in message["ja"] for message in status["messages"])
    results = service.client.get(f"/jobs/{job}/results").json()
    assert results["summary"]["value"]["pid"] not in pids


def test_a_job_that_was_cut_off_too_often_is_given_up(separate: Make) -> None:
    service = separate(workers=1, job_max_interruptions=1).start()
    job = service.client.start(action="sleep", seconds=300)
    service.client.pids_of(job)
    service.end(signal.SIGKILL)
    service.start()
    status = service.client.wait_until(job, "failed")
    assert status["exception"]["interruptions"] == 1
    assert "1 回" in status["message_ja"]


@pytest.mark.slow(15)
def test_a_worker_that_outlived_its_service_is_ended_first(separate: Make) -> None:
    """The lifeline pipe normally ends it; here the worker is stopped in its tracks, so it cannot."""
    service = separate(workers=1).start()
    job = service.client.start(action="sleep", seconds=3)
    worker, child = service.client.pids_of(job)
    os.kill(worker, signal.SIGSTOP)
    service.end(signal.SIGKILL)
    assert is_alive(worker)
    service.start()
    wait_for(lambda: not is_alive(worker) and not is_alive(child))
    assert service.client.wait_until(job, "successful")["progress"] == 100


def test_what_an_ended_job_left_is_removed_at_the_next_start(separate: Make) -> None:
    """A service may be killed between the end of a job and that of its worker."""
    service = separate(workers=1).start()
    job = service.client.start()
    service.client.wait_until(job, "successful")
    service.end(signal.SIGKILL)
    folder = service.data_dir / "jobs" / job
    for left in ("tmp", ".results.partial-x"):
        (folder / left).mkdir(exist_ok=True)
    service.start()
    wait_for(lambda: {item.name for item in folder.iterdir()} == {"results", "worker.log", "lock"})
    assert service.client.status(job)["status"] == "successful"


def test_two_services_never_share_a_folder(separate: Make) -> None:
    first = separate(workers=0).start()
    second = separate(workers=0)
    outcome = subprocess.run(
        [sys.executable, "-m", "api.serve"], env=second.environment, capture_output=True, timeout=30, check=False
    )
    assert outcome.returncode != 0
    assert b"another service works in" in outcome.stderr
    assert first.client.get("/health").status_code == 200


def test_no_workers_means_jobs_wait(separate: Make) -> None:
    service = separate(workers=0).start()
    jobs = [service.client.start() for _ in range(3)]
    assert {service.client.status(job)["status"] for job in jobs} == {"accepted"}
    assert service.client.get("/health").json()["jobs"] == {"accepted": 3}


def test_a_locked_database_delays_and_loses_nothing(separate: Make) -> None:
    service = separate(workers=1).start()
    job = service.client.start(action="sleep", seconds=2)
    service.client.pids_of(job)
    blocker = sqlite3.connect(service.data_dir / "tengun.sqlite", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    assert service.client.status(job)["status"] == "running"  # readers go on
    time.sleep(1.5)
    blocker.execute("ROLLBACK")
    blocker.close()
    service.client.wait_until(job, "successful")
