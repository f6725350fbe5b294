"""What is refused before a job is accepted, and how errors look."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.api.office import ZONE, Office, Thread, wait_for

EXECUTE = "/processes/rehearsal/execution"
JSON = {"Content-Type": "application/json"}


def refused(client: Office, inputs: dict[str, Any]) -> dict[str, Any]:
    n_jobs = len(client.get("/jobs?limit=1000").json()["jobs"])
    answer = client.post(EXECUTE, content=json.dumps({"inputs": inputs}), headers=JSON)
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "/problems/parameter"
    assert problem["title_ja"] == "パラメータが不正です"
    assert len(client.get("/jobs?limit=1000").json()["jobs"]) == n_jobs
    return problem


def test_an_unknown_name_lists_the_known_ones(client: Office) -> None:
    problem = refused(client, {"cel": 1})
    assert problem["allowed"] == ["survey", "zones", "action", "seconds", "signal", "label", "corner"]
    assert "cel" in problem["detail_ja"]


@pytest.mark.parametrize(
    ("inputs", "en", "ja"),
    [
        ({"seconds": -1}, "seconds: Input should be greater than or equal to 0 (got -1)", "0.0 以上にしてください"),
        ({"seconds": 1e9}, "less than or equal to 600", "600.0 以下にしてください (指定値 1000000000.0)"),
        ({"seconds": "many"}, "valid number", '数値として読み取れません (指定値 "many")'),
        ({"action": "dance"}, "'write', 'sleep'", "'spin' のいずれかにしてください"),
        ({"label": ""}, "at least 1 character", "1 文字以上"),
        ({"label": 7}, "valid string", "文字列にしてください"),
        ({"corner": [1]}, "Field required", "corner.1: 必須です"),
        ({"seconds": [1], "label": "x" * 51}, "seconds: ", "label: 50 文字以下にしてください"),
    ],
)
def test_a_bad_value_is_told_in_both_languages(client: Office, inputs: dict[str, Any], en: str, ja: str) -> None:
    problem = refused(client, inputs)
    assert en in problem["detail"]
    assert ja in problem["detail_ja"]
    assert {finding["field"].split(".")[0] for finding in problem["errors"]} == set(inputs)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_no_json_may_hold_is_refused(client: Office, value: object) -> None:
    assert refused(client, {"label": value})["field"] == "inputs"


@pytest.mark.parametrize(
    "reference",
    [
        "no-such-dataset",
        "00000000-0000-4000-8000-000000000000",
        {"href": "/datasets/00000000-0000-4000-8000-000000000000"},
        {"href": "http://169.254.169.254/latest/meta-data"},
        {"href": "file:///etc/passwd"},
        {"href": "../../../etc/passwd"},
        {"href": 7},
        {"value": {"type": "FeatureCollection", "features": []}},
        [],
        [[]],
        7,
        True,
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(client: Office, reference: object) -> None:
    assert refused(client, {"survey": reference})["field"] == "survey"


def test_kinds_counts_and_doubles_of_datasets(client: Office, tile: Path) -> None:
    survey = client.upload(tile)["id"]
    zones = client.post("/datasets", params={"name": "z.geojson"}, content=json.dumps(ZONE)).json()["id"]
    assert "expected pointcloud" in refused(client, {"survey": zones})["detail"]
    assert "twice" in refused(client, {"survey": [survey, {"href": f"/datasets/{survey}"}]})["detail"]
    assert "2 datasets" in refused(client, {"zones": [zones, survey]})["detail"]


def test_inline_polygons_are_checked_like_uploaded_ones(client: Office, service: Thread) -> None:
    before = client.get("/datasets?limit=1000").json()["datasets"]
    empty = {"type": "FeatureCollection", "features": []}
    answer = client.post(EXECUTE, json={"inputs": {"zones": {"value": empty}}})
    assert answer.status_code == 422
    assert answer.json()["code"] == "geometry"
    missing = "00000000-0000-4000-8000-000000000000"
    answer = client.post(EXECUTE, json={"inputs": {"zones": {"value": ZONE}, "survey": missing}})
    assert answer.status_code == 422
    assert client.get("/datasets?limit=1000").json()["datasets"] == before


def test_values_may_be_qualified_as_the_standard_allows(client: Office) -> None:
    job = client.start(label={"value": "包み", "mediaType": "text/plain"})
    assert client.status(job)["parameters"]["label"] == "包み"
    client.wait_until(job, "successful")


@pytest.mark.parametrize(
    ("body", "ja"),
    [
        (b"{", "JSON として読み取れません"),
        (b"[]", "オブジェクト"),
        (b'{"inputs": 3}', "inputs: オブジェクト"),
        (b'{"input": {}}', "input: この名前は使えません"),
        (b'{"inputs": {}, "response": "cooked"}', "'document' のいずれか"),
        (b"", "必須です"),
        (b"\xff\xfe", "JSON として読み取れません"),
    ],
)
def test_a_broken_body_is_told_in_both_languages(client: Office, body: bytes, ja: str) -> None:
    answer = client.post(EXECUTE, content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ja in answer.json()["detail_ja"], answer.json()


def test_a_body_without_its_type_is_told_so(client: Office) -> None:
    answer = client.post(EXECUTE, content=b'{"inputs": {}}')
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]
    assert "Content-Type: application/json" in answer.json()["detail_ja"]


@pytest.mark.parametrize(
    "inputs",
    [
        b"[" * 40_000 + b"]" * 40_000,
        b'{"seconds": ' + b"9" * 5_000 + b"}",
        b'{"corner": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_body_that_python_cannot_take_is_the_clients_error(client: Office, inputs: bytes) -> None:
    answer = client.post(EXECUTE, content=b'{"inputs": ' + inputs + b"}", headers=JSON)
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail_ja"]


def test_a_large_body_is_refused(client: Office) -> None:
    answer = client.post(EXECUTE, content=b" " * 100_001)
    assert answer.status_code == 413
    assert answer.json()["limit_bytes"] == 100_000
    assert answer.json()["code"] == "too-large"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/processes/none", 404, "no-such-process"),
        ("POST", "/processes/none/execution", 404, "no-such-process"),
        ("GET", "/jobs/none", 404, "no-such-job"),
        ("GET", "/jobs/%00", 404, "no-such-job"),
        ("GET", "/jobs/none/results", 404, "no-such-job"),
        ("DELETE", "/jobs/00000000-0000-4000-8000-000000000000", 404, "no-such-job"),
        ("GET", "/datasets/none", 404, "/problems/not-found"),
        ("DELETE", "/datasets/..%2f..", 404, "about:blank"),
        ("GET", "/nowhere", 404, "about:blank"),
        ("PUT", "/jobs", 405, "about:blank"),
        ("GET", "/jobs?limit=0", 400, "/problems/query"),
        ("GET", "/jobs?offset=99999999999999999999", 400, "/problems/query"),
        ("GET", "/jobs?status=lost", 400, "/problems/query"),
    ],
)
def test_every_error_is_a_problem_document(client: Office, method: str, path: str, status: int, kind: str) -> None:
    answer = client.request(method, path, json={"inputs": {}} if method == "POST" else None)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"].endswith(kind)
    assert problem["detail"]
    assert problem["detail_ja"]


def test_problem_types_are_explained(client: Office) -> None:
    assert client.get("/problems/crs").json()["status"] == 422
    assert client.get("/problems/none").status_code == 404


def test_an_unforeseen_error_says_nothing_but_an_id(
    client: Office, service: Thread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("api.routes.jobs.list_jobs", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/jobs")
    assert answer.status_code == 500
    assert set(answer.json()) == {"type", "title", "status", "id"}
    assert "hunter2" not in answer.text
    assert answer.json()["id"] in caplog.text
    assert "RuntimeError: password=hunter2" in caplog.text


def test_one_log_line_a_request_without_query(client: Office, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tengun.requests"):
        client.get("/jobs?limit=3&token=secret")
        client.get("/a%0ab")

        def logged() -> list[str]:
            # the service writes a line once its answer has been sent: one of an earlier test may still come in
            lines = (record.getMessage() for record in caplog.records if record.name == "tengun.requests")
            return [line for line in lines if " 500 " not in line]

        wait_for(lambda: len(logged()) >= 2)
    lines = logged()
    assert len(lines) == 2
    assert lines[0].startswith("GET /jobs 200 ")
    assert lines[1].startswith("GET /a\\nb 404 ")
