"""Jobs from their acceptance to their end, over HTTP, with real worker processes."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from tests.api.office import ZONE, Office, Thread, is_alive, wait_for


def test_upload_execute_poll_results_download(client: Office, tile: Path) -> None:
    dataset = client.upload(tile, "08ND7700_前.laz")
    answer = client.post(
        "/processes/rehearsal/execution",
        json={"inputs": {"survey": [dataset["id"]], "zones": {"value": ZONE}, "label": "土量"}},
        headers={"Prefer": "respond-async"},
    )
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "respond-async"
    job = answer.json()["jobID"]
    assert answer.headers["location"].endswith(f"/jobs/{job}")
    assert answer.json()["status"] == "accepted"

    status = client.wait_until(job, "successful")
    assert status["type"] == "process"
    assert status["processID"] == "rehearsal"
    assert status["progress"] == 100
    assert status["created"] <= status["started"] <= status["finished"] <= status["updated"]
    assert [(s["id"], s["title"]["ja"], s["state"]) for s in status["stages"]] == [
        ("prepare", "準備", "done"),
        ("act", "実行", "done"),
    ]
    assert [m["ja"] for m in status["messages"]] == [
        "受け付けました。",
        "開始しました。",
        "準備",
        "実行",
        "完了しました。",
    ]
    assert {(i["input"], i["name"]) for i in status["inputs"]} == {
        ("survey", "08ND7700_前.laz"),
        ("zones", "zones.geojson"),
    }
    assert status["parameters"]["label"] == "土量"

    (link,) = [one["href"] for one in status["links"] if one["rel"].endswith("/results")]
    results = client.get(link).json()
    summary = results["summary"]["value"]
    assert summary["files"] == {"survey": ["08ND7700_前.laz"], "zones": ["zones.geojson"]}
    assert summary["nothing"] is None
    numbers, text = results["outputs"]
    content = bytes(range(256)) * 4
    assert numbers["type"] == "application/octet-stream"
    assert (numbers["title"], numbers["title_ja"]) == ("Numbers", "数値")
    assert (numbers["size"], numbers["sha256"]) == (1024, hashlib.sha256(content).hexdigest())
    assert client.get(numbers["href"]).content == content
    assert client.get(text["href"]).text == "土量"


def test_download_by_ranges_and_head(client: Office) -> None:
    job = client.start()
    client.wait_until(job, "successful")
    url = f"/jobs/{job}/results/numbers.bin"
    whole = client.head(url)
    assert whole.headers["content-length"] == "1024"
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(url, headers={"Range": "bytes=10-19", "If-Range": whole.headers["etag"]})
    assert part.status_code == 206
    assert part.content == bytes(range(10, 20))
    assert part.headers["content-range"] == "bytes 10-19/1024"
    assert client.get(url, headers={"Range": "bytes=5000-"}).status_code == 416


def test_only_recorded_files_are_served(client: Office, service: Thread) -> None:
    job = client.start()
    client.wait_until(job, "successful")
    assert (service.settings.jobs_dir / job / "worker.log").exists()
    for path in ("../worker.log", "..%2fworker.log", "%2e%2e/worker.log", "maps", "", "numbers.bin/../../worker.log"):
        answer = client.get(f"/jobs/{job}/results/{path}")
        assert answer.status_code == 404, path


def test_dismiss_ends_the_whole_process_group(client: Office, service: Thread) -> None:
    job = client.start(action="sleep", seconds=300)
    pids = client.pids_of(job)
    assert len(pids) == 2
    assert all(is_alive(pid) for pid in pids)
    started = time.monotonic()
    answer = client.delete(f"/jobs/{job}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "dismissed"
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    assert time.monotonic() - started < 5.0
    folder = service.settings.jobs_dir / job
    wait_for(lambda: {item.name for item in folder.iterdir()} <= {"worker.log", "lock"})
    assert client.status(job)["status"] == "dismissed"
    answer = client.get(f"/jobs/{job}/results")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/result-not-ready")


def test_deleting_an_ended_job_removes_it(client: Office, service: Thread) -> None:
    job = client.start()
    client.wait_until(job, "successful")
    assert (service.settings.jobs_dir / job / "results" / "numbers.bin").exists()
    assert client.delete(f"/jobs/{job}").json()["status"] == "dismissed"
    assert client.get(f"/jobs/{job}").status_code == 404
    assert client.delete(f"/jobs/{job}").json()["type"].endswith("/no-such-job")
    assert not (service.settings.jobs_dir / job).exists()


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_crash_is_a_failed_job_that_names_the_signal(client: Office, service: Thread, signal: str) -> None:
    job = client.start(action="signal", signal=signal)
    status = client.wait_until(job, "failed")
    assert status["exception"]["code"] == "crashed"
    assert status["exception"]["signal"] == signal
    assert signal in status["message"]
    assert signal in status["message_ja"]
    folder = service.settings.jobs_dir / job
    wait_for(lambda: {item.name for item in folder.iterdir()} <= {"worker.log", "lock"})
    if signal == "SIGSEGV":
        assert "Fatal Python error: Segmentation fault" in (folder / "worker.log").read_text()
    assert client.get("/health").json()["status"] == "ok"


def test_an_exit_without_a_word_is_a_failed_job(client: Office) -> None:
    status = client.wait_until(client.start(action="exit"), "failed")
    assert status["exception"]["exit_code"] == 3


def test_a_refusal_is_told_in_both_languages_without_server_paths(client: Office, service: Thread, tile: Path) -> None:
    dataset = client.upload(tile, "08ND7701.laz")
    job = client.start(survey=dataset["id"], action="refuse")
    status = client.wait_until(job, "failed")
    assert status["message"] == "reading 08ND7701.laz: not to my taste"
    assert status["message_ja"] == "08ND7701.laz は好みに合いません。"
    assert status["exception"]["file"] == "08ND7701.laz"
    assert str(service.settings.data_dir) not in json.dumps(status)
    answer = client.get(f"/jobs/{job}/results")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "file"


def test_a_bug_tells_an_id_and_nothing_else(client: Office, service: Thread) -> None:
    job = client.start(action="bug")
    status = client.wait_until(job, "failed")
    incident = status["exception"]["id"]
    assert "secret" not in json.dumps(status)
    log = (service.settings.jobs_dir / job / "worker.log").read_text()
    assert incident in log
    assert "ZeroDivisionError: secret detail" in log
    assert client.get(f"/jobs/{job}/results").status_code == 500


def test_memory_over_the_limit_is_a_reason(client: Office) -> None:
    status = client.wait_until(client.start(action="hoard"), "failed")
    assert status["exception"]["code"] == "resource"
    assert "memory" in status["message"]
    assert "メモリ" in status["message_ja"]


@pytest.mark.slow(10)
def test_time_over_the_limit_is_a_reason(client: Office) -> None:
    job = client.start(action="sleep", seconds=300)
    pids = client.pids_of(job)
    status = client.wait_until(job, "failed")
    assert "10 s" in status["message"]
    assert status["exception"]["limit_s"] == 10.0
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_progress_never_goes_back(client: Office) -> None:
    job = client.start(action="sleep", seconds=2)
    seen = [0]
    while (status := client.status(job))["status"] in ("accepted", "running"):
        seen.append(status["progress"])
        time.sleep(0.05)
    assert seen == sorted(seen)
    assert any(25 < percent < 100 for percent in seen), seen
    assert status["status"] == "successful"


def test_a_step_back_to_an_earlier_stage_keeps_the_percentage(client: Office) -> None:
    job = client.start(action="late", seconds=300)
    status = wait_for(lambda: (s := client.status(job))["message"] == "a step back" and s)
    assert status["progress"] >= 92  # (1 + 0.9 * 3) / 4 of the whole
    client.delete(f"/jobs/{job}")


def test_a_waiting_job_can_be_dismissed(client: Office) -> None:
    running = [client.start(action="sleep", seconds=300) for _ in range(2)]
    waiting = client.start()
    for job in running:
        client.pids_of(job)
    assert client.status(waiting)["status"] == "accepted"
    assert client.delete(f"/jobs/{waiting}").json()["status"] == "dismissed"
    for job in running:
        client.delete(f"/jobs/{job}")
    later = client.start()
    client.wait_until(later, "successful")
    assert "started" not in client.status(waiting)


def test_a_dataset_in_use_cannot_be_removed(client: Office, service: Thread, tile: Path) -> None:
    dataset = client.upload(tile)["id"]
    job = client.start(survey=dataset, action="sleep", seconds=300)
    answer = client.delete(f"/datasets/{dataset}")
    assert answer.status_code == 409
    assert "ジョブ" in answer.json()["detail_ja"]
    client.pids_of(job)
    client.delete(f"/jobs/{job}")
    assert client.delete(f"/datasets/{dataset}").status_code == 204
    assert not (service.settings.datasets_dir / dataset).exists()
    assert client.get(f"/datasets/{dataset}").status_code == 404


def test_jobs_are_listed_filtered_and_paged(client: Office) -> None:
    jobs = [client.start(label=str(number)) for number in range(3)]
    for job in jobs:
        client.wait_until(job, "successful")
    listed = client.get("/jobs", params={"status": "successful", "processID": "rehearsal"}).json()["jobs"]
    assert [job["jobID"] for job in listed[:3]] == jobs[::-1]
    assert client.get("/jobs", params={"processID": "other"}).json()["jobs"] == []
    first = client.get("/jobs", params={"limit": 2, "status": "successful"}).json()
    assert len(first["jobs"]) == 2
    (following,) = [link["href"] for link in first["links"] if link["rel"] == "next"]
    second = client.get(following).json()
    assert second["jobs"][0]["jobID"] == jobs[0]
    assert "prev" in {link["rel"] for link in second["links"]}
