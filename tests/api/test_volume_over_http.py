"""The volume job on a real survey with planted change, over HTTP. Costs about 15 s on a quiet machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import Settings
from tests.api.office import CLOSED, Office, free_port, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A client of a service with the shipped catalogue."""
    folder = tmp_path_factory.mktemp("service") / "data"
    with serving(Settings(data_dir=folder, port=free_port(), workers=1), CLOSED) as service:
        yield service.client


@pytest.fixture(scope="module")
def pair(client: Office, shared_data: Path) -> dict[str, str]:
    """Dataset ids of the surveys before and after and of the zones."""
    names = {"before": "slide_before.laz", "after": "slide_after.laz", "zones": "slide_zones.geojson"}
    return {name: client.upload(shared_data / "pairs" / file)["id"] for name, file in names.items()}


@pytest.mark.data
@pytest.mark.slow(50)
def test_volumes_of_the_slide_pair(client: Office, pair: dict[str, str], shared_data: Path) -> None:
    job = client.start("volume-change", **pair, crs="EPSG:6676")
    status = client.wait_until(job, "successful", patience_s=240)
    assert {stage["state"] for stage in status["stages"]} == {"done"}

    results = client.get(f"/jobs/{job}/results").json()
    volumes = results["summary"]["value"]
    truth = json.loads((shared_data / "pairs" / "slide_truth.json").read_text())
    zones = {zone["name"]: zone for zone in volumes["zones"]}
    for name, true in (("scar", -truth["cut_m3"]), ("deposit", truth["fill_m3"])):
        # PDAL 2.2's smrf gives 16 % and 21 %
        assert zones[name]["net_m3"] == pytest.approx(true, rel=0.03)
        low, high = zones[name]["net_ci95_m3"]
        assert low <= true <= high
    for key in ("cut", "fill"):
        low, high = volumes["total"][f"{key}_ci95_m3"]
        assert low <= truth[f"{key}_m3"] <= high
        # plain sums over the whole give 9,398 and 6,358 m3
        assert volumes["total"][f"{key}_m3"] == pytest.approx(truth[f"{key}_m3"], rel=0.08)

    files = {output["path"]: output for output in results["outputs"]}
    content = client.get(files["volume.json"]["href"]).content
    assert hashlib.sha256(content).hexdigest() == files["volume.json"]["sha256"]
    assert json.loads(content) == volumes
    assert {"difference.tif", "difference.png"} <= set(files)


@pytest.mark.data
def test_a_missing_crs_is_refused_with_the_proposal(client: Office, pair: dict[str, str]) -> None:
    n_jobs = len(client.get("/jobs").json()["jobs"])
    order = {"inputs": {"before": pair["before"], "after": pair["after"]}}
    answer = client.post("/processes/volume-change/execution", json=order)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["code"] == "crs"
    assert "crs=EPSG:6676" in problem["detail"]
    assert "crs=EPSG:6676" in problem["detail_ja"]
    assert problem["candidates"][0] == "EPSG:6676"
    assert len(client.get("/jobs").json()["jobs"]) == n_jobs
