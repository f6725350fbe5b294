"""What a user sees of a job while it waits, runs and when it has ended; and the same request sent twice. About 20 s."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tests.api.office import ZONE, Office, Thread

EXECUTE = "/processes/rehearsal/execution"


def test_waiting_and_running_are_told_apart(client: Office) -> None:
    blockers = [client.start(action="sleep", seconds=300) for _ in range(2)]
    for job in blockers:
        client.pids_of(job)
    waiting = [client.start() for _ in range(2)]
    first, second = (client.status(job) for job in waiting)
    assert second["queue_position"] - first["queue_position"] == 1
    assert first["queue_position"] >= 1
    assert "running_s" not in first["timing"]
    running = client.status(blockers[0])
    assert "queue_position" not in running
    assert running["timing"]["running_s"] > 0
    finish = datetime.fromisoformat(running["timing"]["estimated_finish"])
    assert finish >= datetime.fromisoformat(running["started"])

    released = datetime.now(UTC)
    for job in blockers:
        client.delete(f"/jobs/{job}")
    ended = client.wait_until(waiting[0], "successful")
    assert "estimated_finish" not in ended["timing"]
    whole = datetime.fromisoformat(ended["finished"]) - datetime.fromisoformat(ended["created"])
    # both are written with microseconds and summed as floats
    assert abs(ended["timing"]["queued_s"] + ended["timing"]["running_s"] - whole.total_seconds()) < 1e-3
    # the two that slept had to end first
    assert ended["timing"]["queued_s"] > (released - datetime.fromisoformat(ended["created"])).total_seconds() > 0.0
    client.wait_until(waiting[1], "successful")


def events_of(client: Office, job: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data:")]
    return [json.loads(line.removeprefix("data:")) for line in lines]


def test_events_follow_a_job_to_its_end(client: Office) -> None:
    job = client.start(action="sleep", seconds=2)
    events = events_of(client, job)
    assert len(events) >= 3
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)
    assert events[-1] == client.status(job)
    assert events[-1]["status"] == "successful"
    assert events_of(client, job) == events[-1:]


def test_the_log_shows_its_end_without_server_folders(client: Office, service: Thread) -> None:
    job = client.start(action="bug")
    client.wait_until(job, "failed")
    log = client.get(f"/jobs/{job}/log")
    assert log.headers["content-type"].startswith("text/plain")
    assert "ZeroDivisionError" in log.text
    assert str(service.settings.data_dir) not in log.text
    assert client.get(f"/jobs/{job}/log?lines=1").text == log.text.splitlines(keepends=True)[-1]
    assert client.get(f"/jobs/{job}/log?lines=0").status_code == 400


def test_one_zip_holds_everything_and_its_sums(client: Office) -> None:
    job = client.start(label="一括")
    client.wait_until(job, "successful")
    answer = client.get(f"/jobs/{job}/results.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"numbers.bin", "maps/差分 図.txt", "SHA256SUMS", "results.json"}
        sums = dict(reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS").decode().splitlines())
        assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in sums.items())
        assert json.loads(archive.read("results.json")) == client.get(f"/jobs/{job}/results").json()


def test_a_zip_of_an_unfinished_job_is_not_ready(client: Office) -> None:
    job = client.start(action="sleep", seconds=300)
    answer = client.get(f"/jobs/{job}/results.zip")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/result-not-ready")
    client.delete(f"/jobs/{job}")


def test_the_same_request_sent_again_is_the_same_job(client: Office) -> None:
    n_datasets = len(client.get("/datasets?limit=1000").json()["datasets"])
    request = {"inputs": {"label": "一度だけ", "zones": {"value": ZONE}}}
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}

    def send(_: int) -> Any:
        return client.post(EXECUTE, json=request, headers=key)

    with ThreadPoolExecutor(4) as pool:  # at once, as a client that lost patience would
        answers = list(pool.map(send, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    (job,) = {answer.json()["jobID"] for answer in answers}
    assert len(client.get("/datasets?limit=1000").json()["datasets"]) == n_datasets + 1
    client.wait_until(job, "successful")
    assert send(0).json()["jobID"] == job
    other = client.post(EXECUTE, json={"inputs": {"label": "別"}}, headers=key)
    assert other.status_code == 422
    assert other.json()["field"] == "Idempotency-Key"
    assert client.post(EXECUTE, json=request, headers={"Idempotency-Key": "a b"}).status_code == 422
