"""What the service says about itself."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.catalog import load_catalog
from api.settings import Settings
from tests.api.office import Office, Thread


def test_landing_links_lead_somewhere(client: Office) -> None:
    links = client.get("/").json()["links"]
    assert {"self", "service-desc", "service-doc"} <= {link["rel"] for link in links}
    for link in links:
        assert client.get(link["href"]).status_code == 200, link


def test_conformance_names_the_standard(client: Office) -> None:
    classes = client.get("/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in classes


def test_processes_are_described(client: Office) -> None:
    (summary,) = client.get("/processes").json()["processes"]
    assert summary["id"] == "rehearsal"
    assert summary["version"] == "7"
    assert summary["jobControlOptions"] == ["async-execute", "dismiss"]
    process = client.get("/processes/rehearsal").json()
    inputs = process["inputs"]
    assert inputs["survey"]["maxOccurs"] == "unbounded"
    assert (inputs["zones"]["minOccurs"], inputs["zones"]["maxOccurs"]) == (0, 1)
    assert inputs["seconds"]["schema"]["minimum"] == 0
    assert inputs["action"]["schema"]["enum"][:2] == ["write", "sleep"]
    assert process["stages"][0]["title"]["ja"] == "準備"
    assert set(process["outputs"]) == {"summary", "outputs"}


def test_the_shipped_catalogue_can_be_described_and_told_apart(client: Office) -> None:
    """Dataset inputs and parameters share one object in a request, so their names must differ."""
    for process in load_catalog(Settings.model_fields["catalog"].default).values():
        names = [one.name for one in process.inputs]
        assert not set(names) & set(process.parameters_type.model_fields)


def references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [found for value in schema.values() for found in references(value)]
    if isinstance(schema, list):
        return [found for value in schema for found in references(value)]
    return []


def test_openapi_is_whole(client: Office) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    names = set(schema["components"]["schemas"])
    assert {reference.rpartition("/")[2] for reference in references(schema)} <= names
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert operation["responses"]["4XX"]["content"], operation["operationId"]
    assert {"multipart/form-data", "application/octet-stream"} == set(
        schema["paths"]["/datasets"]["post"]["requestBody"]["content"]
    )


def test_the_api_page_needs_no_other_server(client: Office) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
    assert '"validatorUrl": null' in page.text
    assets = re.findall(r"""(?:src|href)=["'](/[^"']+)["']""", page.text)
    assert len(assets) >= 2
    for asset in assets:
        assert client.get(asset).status_code == 200, asset
    assert client.get("/redoc").status_code == 404


@pytest.mark.parametrize("path", ["/", "/processes", "/jobs", "/datasets"])
def test_answers_hold_no_nulls_outside_data(client: Office, path: str) -> None:
    assert "null" not in client.get(path).text.replace('"crs":null', "").replace('"crs_source":null', "").replace(
        '"density_per_m2":null', ""
    )


def test_health(client: Office) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["workers"] == 2
    assert health["free_bytes"] > 0
    assert health["executors"]["native"]["available"] is True
    assert set(health["executors"]) == {"native", "pdal"}


def test_pipelines_are_listed_with_their_options(client: Office) -> None:
    pipelines = {p["id"]: p for p in client.get("/pipelines").json()["pipelines"]}
    assert {"ground", "normalize", "terrain", "change"} <= set(pipelines)
    assert any(option["name"] == "crop.bounds" for option in pipelines["ground"]["options"])
    assert client.get("/pipelines/ground").json() == pipelines["ground"]
    assert client.get("/pipelines/none").status_code == 404


def test_readiness_looks_at_database_and_disk(client: Office, service: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/ready").json() == {"status": "ready"}
    disk = shutil.disk_usage(service.settings.data_dir)
    monkeypatch.setattr("api.routes.landing.shutil.disk_usage", lambda _: disk._replace(free=1000))
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["free_bytes"] == 1000


def test_metrics_are_prometheus_text(client: Office) -> None:
    client.wait_until(client.start(), "successful")
    text = client.get("/metrics").text
    found = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["tengun_disk_free_bytes"].value > 0
    assert found["tengun_workers"].value == 2
    states = re.findall(r'tengun_jobs{status="(\w+)"} (\d+)', text)
    assert {state for state, _ in states} == {"accepted", "running", "successful", "failed", "dismissed"}
    assert int(dict(states)["successful"]) >= 1
    counted = re.search(r'request_seconds_count{method="POST",route="execute_process",status="201"} (\d+)', text)
    assert counted is not None
    assert int(counted[1]) >= 1
