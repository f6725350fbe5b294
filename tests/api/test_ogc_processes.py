"""OGC API - Processes 1.0 over real HTTP: the standard's JSON, its filters and forms, and a client that is not ours."""

from __future__ import annotations

import email
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from owslib.ogcapi.processes import Processes

from tests.api import ogc_schemas as ogc
from tests.api.office import Office, Thread

pytestmark = pytest.mark.slow(20)

EXECUTE = "/processes/rehearsal/execution"
SPECIFICATION = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"


def rels(content: dict[str, Any]) -> set[str]:
    return {link["rel"] for link in content["links"]}


def test_the_answers_are_those_of_the_standard(client: Office) -> None:
    landing = client.get("/").json()
    ogc.check(landing, ogc.LANDING_PAGE)
    assert {"service-desc", "service-doc"} <= rels(landing)
    assert {f"http://www.opengis.net/def/rel/ogc/1.0/{name}" for name in ("conformance", "processes", "job-list")} <= (
        rels(landing)
    )
    conformance = client.get("/conformance").json()
    ogc.check(conformance, ogc.CONFORMANCE)
    met = {one.removeprefix(SPECIFICATION) for one in conformance["conformsTo"]}
    assert met == {"core", "ogc-process-description", "json", "job-list", "dismiss"}

    ogc.check(client.get("/processes").json(), ogc.PROCESS_LIST)
    process = client.get("/processes/rehearsal").json()
    ogc.check(process, ogc.PROCESS)
    assert process["jobControlOptions"] == ["async-execute", "dismiss"]

    accepted = client.post(EXECUTE, json={"inputs": {}})
    assert accepted.status_code == 201
    ogc.check(accepted.json(), ogc.STATUS_INFO)
    job = accepted.json()["jobID"]
    assert accepted.headers["location"] == str(client.base_url.join(f"/jobs/{job}"))
    ogc.check(client.wait_until(job, "successful"), ogc.STATUS_INFO)
    ogc.check(client.get("/jobs").json(), ogc.JOB_LIST)
    results = client.get(f"/jobs/{job}/results")
    assert results.headers["content-type"] == "application/json"
    ogc.check(results.json(), ogc.RESULTS)
    ogc.check(results.json()["outputs"][0], ogc.LINK)
    ended = client.delete(f"/jobs/{job}")
    ogc.check(ended.json(), ogc.STATUS_INFO)
    assert ended.json()["status"] == "dismissed"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/processes/none", "no-such-process"),
        ("POST", "/processes/none/execution", "no-such-process"),
        ("GET", "/jobs/none", "no-such-job"),
        ("GET", "/jobs/none/results", "no-such-job"),
        ("GET", "/jobs/none/results.zip", "no-such-job"),
        ("GET", "/jobs/none/log", "no-such-job"),
        ("GET", "/jobs/none/events", "no-such-job"),
        ("DELETE", "/jobs/none", "no-such-job"),
    ],
)
def test_the_exceptions_are_those_of_the_standard(client: Office, method: str, path: str, name: str) -> None:
    answer = client.request(method, path, json={} if method == "POST" else None)
    ogc.check(answer.json(), ogc.EXCEPTION)
    assert answer.status_code == answer.json()["status"] == 404
    assert answer.json()["type"] == f"http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/{name}"


def test_results_before_the_end_and_of_a_failed_job_are_exceptions(client: Office) -> None:
    job = client.start(action="sleep", seconds=300)
    waiting = client.get(f"/jobs/{job}/results")
    assert waiting.status_code == 404
    assert waiting.json()["type"].endswith("/1.0/result-not-ready")
    client.delete(f"/jobs/{job}")
    failed = client.start(action="refuse")
    client.wait_until(failed, "failed")
    answer = client.get(f"/jobs/{failed}/results")
    ogc.check(answer.json(), ogc.EXCEPTION)
    assert answer.status_code == 422


def test_a_client_that_is_not_ours_lists_executes_and_fetches(client: Office, service: Thread) -> None:
    """OWSLib knows processes and execution; status and results have no method there, its links lead on."""
    theirs = Processes(str(client.base_url))
    assert [one["id"] for one in theirs.processes()] == ["rehearsal"]
    assert theirs.process("rehearsal")["inputs"]["label"]["schema"]["maxLength"] == 50
    answer = theirs.execute("rehearsal", inputs={"label": "他社"}, async_=True)
    job = answer["jobID"]
    assert theirs.headers["Prefer"] == "respond-async"
    client.wait_until(job, "successful")
    assert theirs._request(path=f"jobs/{job}/results")["summary"]["value"]["label"] == "他社"
    assert job in [one["jobID"] for one in theirs._request(path="jobs")["jobs"]]


def test_prefer_wait_answers_small_work_at_once(client: Office) -> None:
    answer = client.post(EXECUTE, json={"inputs": {"label": "即時"}}, headers={"Prefer": "wait=25"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=25"
    assert answer.json()["summary"]["value"]["label"] == "即時"
    assert 'rel="monitor"' in answer.headers["link"]


def test_prefer_wait_answers_longer_work_with_its_job(client: Office) -> None:
    started = time.monotonic()
    answer = client.post(
        EXECUTE, json={"inputs": {"action": "sleep", "seconds": 300}}, headers={"Prefer": "respond-async, wait=1"}
    )
    assert answer.status_code == 201
    assert time.monotonic() - started < 5.0
    assert answer.headers["preference-applied"] == "respond-async, wait=1"
    client.delete(f"/jobs/{answer.json()['jobID']}")


def test_prefer_wait_tells_why_work_failed(client: Office) -> None:
    answer = client.post(EXECUTE, json={"inputs": {"action": "refuse"}}, headers={"Prefer": "wait=25"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def executed(client: Office, **request: Any) -> Any:
    answer = client.post(EXECUTE, json={"inputs": {}, **request}, headers={"Prefer": "wait=25"})
    assert answer.status_code == 200, answer.text
    return answer


def test_results_raw_and_as_a_document(client: Office) -> None:
    document = executed(client, response="document", outputs={"summary": {}}).json()
    assert set(document) == {"summary"}
    assert document["summary"]["mediaType"] == "application/json"
    assert executed(client, outputs={"outputs": {"transmissionMode": "value"}}).json()[0]["path"] == "numbers.bin"

    answer = executed(client, response="raw")
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n"
    message = email.message_from_bytes(head.encode() + answer.content)
    assert message.get_content_type() == "multipart/related"
    parts = {part["Content-ID"]: json.loads(part.get_payload(decode=True)) for part in message.get_payload()}
    assert set(parts) == {"<summary>", "<outputs>"}
    assert parts["<summary>"]["label"] == "ラベル"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"outputs": {"volume": {}}}, "outputs"),
        ({"outputs": {"summary": {"transmissionMode": "reference"}}}, None),
        ({"outputs": {"summary": {"format": {"mediaType": "text/csv"}}}}, None),
        ({"subscriber": {"successUri": "http://169.254.169.254/"}}, "subscriber"),
        ({"subscriber": {"failedUri": "http://127.0.0.1/"}}, None),
        ({"response": "cooked"}, None),
    ],
)
def test_what_cannot_be_delivered_is_refused_before(client: Office, request_: dict[str, Any], field: str) -> None:
    answer = client.post(EXECUTE, json={"inputs": {}, **request_})
    assert answer.status_code == 422
    assert answer.json().get("field") == field


def listed(client: Office, **query: Any) -> list[str]:
    answer = client.get("/jobs", params={"limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    return [job["jobID"] for job in answer.json()["jobs"]]


def test_the_filters_of_the_job_list(client: Office) -> None:
    start = datetime.now(UTC)
    good, bad = client.start(action="sleep", seconds=1.2), client.start(action="refuse")
    client.wait_until(good, "successful")
    client.wait_until(bad, "failed")
    assert {good, bad} <= set(listed(client, type="process", processID="rehearsal"))
    assert bad not in listed(client, status="successful")
    assert {good, bad} <= set(listed(client, status=["successful", "failed"]))
    assert listed(client, processID="other") == []

    since = start.isoformat().replace("+00:00", "Z")
    assert set(listed(client, datetime=f"{since}/..")) == {good, bad}
    assert good not in listed(client, datetime=f"../{since}")
    assert good in listed(client, datetime=start.strftime("%Y-%m-%d") + "/")
    tomorrow = (start + timedelta(days=1)).strftime("%Y-%m-%d")
    assert listed(client, datetime=f"{tomorrow}/..") == []
    japan = (start + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S+09:00")
    assert set(listed(client, datetime=f"{japan}/..")) >= {good, bad}

    assert good in listed(client, minDuration=1)
    assert good not in listed(client, maxDuration=0)
    assert good in listed(client, minDuration=1, maxDuration=60, status="successful")
    assert bad not in listed(client, minDuration=60)


def test_jobs_that_never_ran_have_no_duration(client: Office) -> None:
    blockers = [client.start(action="sleep", seconds=300) for _ in range(2)]
    for job in blockers:
        client.pids_of(job)
    waiting = client.start()
    assert waiting not in listed(client, minDuration=0)
    assert waiting not in listed(client, minDuration=0, status="accepted")
    assert blockers[0] in listed(client, minDuration=0, status="running")
    for job in [waiting, *blockers]:
        client.delete(f"/jobs/{job}")


@pytest.mark.parametrize(
    "query",
    [
        "datetime=yesterday",
        "datetime=../..",
        "datetime=2026-02-30",
        "datetime=2026-04-01T00:00:00",
        "datetime=2026-04-02/2026-04-01",
        "datetime=a/b/c",
        "minDuration=-1",
        "maxDuration=soon",
        "type=cat",
        "status=lost",
        "limit=0",
        "limit=1001",
    ],
)
def test_a_filter_that_is_none_is_refused(client: Office, query: str) -> None:
    answer = client.get(f"/jobs?{query}")
    assert answer.status_code == 400, answer.text
    ogc.check(answer.json(), ogc.EXCEPTION)
    assert answer.json()["detail_ja"]


def test_lists_are_paged_by_links(client: Office) -> None:
    for _ in range(2):
        client.wait_until(client.start(), "successful")
    whole = listed(client, status="successful")
    page = client.get("/jobs", params={"status": "successful", "limit": 1}).json()
    seen = []
    while True:
        seen += [job["jobID"] for job in page["jobs"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        page = client.get(following[0]).json()
    assert seen == whole
    assert client.get("/processes?limit=1&offset=1").json()["processes"] == []
