"""What a job would take, told before it is queued; about 2 s."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.database import Database
from api.records import DatasetRecord, JobInputRecord, JobRecord, ResultRecord, now
from api.settings import Settings
from tests.api.office import Office, Thread, free_port

VOLUME = "/processes/volume-change/estimate"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    chosen = Settings(data_dir=tmp_path_factory.mktemp("estimate") / "data", port=free_port(), workers=0)
    with Thread(chosen) as running:
        yield running


@pytest.fixture
def client(office: Thread) -> Office:
    return office.client


@pytest.fixture
def database(office: Thread) -> Iterator[Database]:
    one = Database(office.settings.url)
    yield one
    one.close()


def add_survey(database: Database, number: int, west: float, n_points: int, **info: object) -> str:
    dataset = f"00000000-0000-4000-8000-{number:012d}"
    facts = {
        "n_points": n_points,
        "bounds": [west, 0.0, west + 100.0, 100.0],
        "crs": "EPSG:6676",
        "vertical_datum": "JGD2011",
        "problems": [],
    }
    with database.writing() as session:
        session.add(
            DatasetRecord(
                id=dataset,
                name=f"{number}.laz",
                kind="pointcloud",
                size=n_points * 5,
                sha256="x",
                info=facts | info,
                created=now(),
                used=now(),
            )
        )
    return dataset


def test_points_overlap_and_time_come_from_headers(client: Office, database: Database) -> None:
    before = [add_survey(database, 1, 0, 2_000_000), add_survey(database, 2, 100, 1_000_000)]
    after = add_survey(database, 3, 150, 4_000_000)
    answer = client.post(VOLUME, json={"inputs": {"before": before, "after": after}})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["n_files"], found["n_points"], found["input_bytes"]) == (3, 7_000_000, 35_000_000)
    assert found["overlaps"] == [{"inputs": ["before", "after"], "share": 0.5}]
    assert found["basis"] == "benchmark"
    assert 0.1 < found["minutes"] < 1.0
    assert found["memory_bytes"] == 6_000_000 * 140  # the largest tile of each
    assert found["problems"] == []
    assert client.get("/jobs").json()["jobs"] == []


def test_what_would_go_wrong_is_told(client: Office, database: Database) -> None:
    note = {"code": "crs", "en": "no CRS", "ja": "座標系なし"}
    before = add_survey(database, 11, 0, 1000, crs=None, problems=[note])
    after = add_survey(database, 12, 500, 1000, vertical_datum="JGD2024")
    order = {"inputs": {"before": before, "after": after}}
    found = client.post(VOLUME, json=order).json()["problems"]
    assert [(one["code"], one.get("file")) for one in found] == [("crs", "11.laz"), ("crs", None), ("overlap", None)]
    assert "JGD2024" in found[1]["ja"]
    order["inputs"]["crs"] = "EPSG:6676"
    assert [one["code"] for one in client.post(VOLUME, json=order).json()["problems"]] == ["crs", "overlap"]
    assert client.post(VOLUME, json={"inputs": {"before": before}}).status_code == 422


@pytest.mark.parametrize(("millions", "at_once"), [((1, 2), 3), ((6, 6, 6), 10), ((4, 12), 12)])
def test_the_ground_of_small_files_is_weighed_together(
    client: Office, database: Database, millions: tuple[int, ...], at_once: int
) -> None:
    first = 100 * at_once
    files = [add_survey(database, first + i, 100 * i, n * 1_000_000) for i, n in enumerate(millions)]
    found = client.post("/processes/ground-classification/estimate", json={"inputs": {"survey": files}}).json()
    assert found["memory_bytes"] == at_once * 1_000_000 * 140


def test_earlier_jobs_teach(client: Office, database: Database) -> None:
    survey = add_survey(database, 21, 0, 10_000_000)
    moment = now()
    with database.writing() as session:
        session.add(
            JobRecord(
                id="a",
                process_id="ground-classification",
                process_version="1",
                software_version="1",
                status="successful",
                parameters={},
                created=moment,
                updated=moment,
                started=moment - timedelta(seconds=65),
                finished=moment,
                inputs=[JobInputRecord(position=0, input_name="survey", dataset_id=survey, file_name="a", sha256="x")],
                results=[
                    ResultRecord(
                        path="a", position=0, media_type="x", title_en="", title_ja="", size=25_000_000, sha256="x"
                    )
                ],
            )
        )
    found = client.post("/processes/ground-classification/estimate", json={"inputs": {"survey": survey}}).json()
    assert (found["basis"], found["basis_jobs"]) == ("earlier jobs", 1)
    assert found["minutes"] == pytest.approx(65 / 60, abs=0.01)  # rounded to hundredths
    assert found["output_bytes"] == 25_000_000
