"""What is kept, until when, and what becomes of it afterwards; about 4 s."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from api.database import Database
from api.housekeeping import remove_expired
from api.records import DatasetRecord, JobRecord, now
from api.settings import Settings
from tests.api.office import CATALOG, Thread, free_port, wait_for


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, _rehearsal_path: None) -> Iterator[Thread]:
    """A service that keeps results for a day and datasets for two, and looks twice a second."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("short") / "data",
        port=free_port(),
        catalog=CATALOG,
        keep_results_days=1,
        keep_datasets_days=2,
        clean_interval_s=0.2,
    )
    with Thread(settings) as running:
        yield running


@pytest.fixture
def records(short: Thread) -> Iterator[Database]:
    """The service's database, to let time pass."""
    database = Database(short.settings.url)
    yield database
    database.close()


def age_job(records: Database, job: str, days: float) -> None:
    with records.writing() as session:
        session.execute(update(JobRecord).where(JobRecord.id == job).values(finished=now() - timedelta(days=days)))


def age_dataset(records: Database, dataset: str, days: float) -> None:
    with records.writing() as session:
        aged = now() - timedelta(days=days)
        session.execute(update(DatasetRecord).where(DatasetRecord.id == dataset).values(used=aged))


def test_expiry_is_told_and_kept(short: Thread, records: Database) -> None:
    client = short.client
    job = client.start(label="保存")
    assert "expires" not in client.status(job)
    status = client.wait_until(job, "successful")
    kept = datetime.fromisoformat(status["expires"]) - datetime.fromisoformat(status["finished"])
    assert kept == timedelta(days=1)
    results = client.get(f"/jobs/{job}/results").json()
    assert {output["expires"] for output in results["outputs"]} == {status["expires"]}

    age_job(records, job, 0.99)
    remove_expired(short.settings, records)
    url = f"/jobs/{job}/results/numbers.bin"
    assert client.get(url).status_code == 200
    age_job(records, job, 1.01)
    wait_for(lambda: not (short.settings.jobs_dir / job).exists())
    answer = client.get(url)
    assert answer.status_code == 410
    assert answer.json()["code"] == "gone"
    assert "再実行" in answer.json()["detail_ja"]
    assert client.get(f"/jobs/{job}/results.zip").status_code == 410
    assert client.get(f"/jobs/{job}/log").text == ""
    # what was computed stays on record
    after = client.get(f"/jobs/{job}/results").json()
    assert after["summary"]["value"]["label"] == "保存"
    assert [output["sha256"] for output in after["outputs"]] == [output["sha256"] for output in results["outputs"]]
    assert "enclosure" not in {link["rel"] for link in client.status(job)["links"]}
    assert client.delete(f"/jobs/{job}").status_code == 200


def test_a_dataset_lives_from_its_last_use(short: Thread, records: Database, tile: Path) -> None:
    client = short.client
    dataset = client.upload(tile)
    kept = datetime.fromisoformat(dataset["expires"]) - datetime.fromisoformat(dataset["created"])
    assert kept == timedelta(days=2)
    age_dataset(records, dataset["id"], 1.9)
    job = client.start(survey=dataset["id"])
    client.wait_until(job, "successful")
    assert client.get(f"/datasets/{dataset['id']}").json()["expires"] >= dataset["expires"]
    age_dataset(records, dataset["id"], 2.1)
    wait_for(lambda: client.get(f"/datasets/{dataset['id']}").status_code == 404)
    wait_for(lambda: not (short.settings.datasets_dir / dataset["id"]).exists())
    assert client.status(job)["inputs"][0]["sha256"] == dataset["sha256"]


def test_what_a_job_needs_stays(short: Thread, records: Database, tile: Path) -> None:
    client = short.client
    dataset = client.upload(tile)["id"]
    job = client.start(survey=dataset, action="sleep", seconds=300)
    client.pids_of(job)
    age_dataset(records, dataset, 99)
    remove_expired(short.settings, records)
    assert client.get(f"/datasets/{dataset}").status_code == 200
    client.delete(f"/jobs/{job}")
    wait_for(lambda: client.get(f"/datasets/{dataset}").status_code == 404)


def test_old_folders_without_a_record_go_and_young_ones_stay(short: Thread, records: Database) -> None:
    young, old = (short.settings.jobs_dir / name for name in ("young", "old"))
    for folder in (young, old):
        folder.mkdir(parents=True)
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    remove_expired(short.settings, records)
    assert young.exists()
    assert not old.exists()


def test_nothing_goes_where_everything_is_kept(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, keep_datasets_days=0)
    database = Database(settings.url)
    database.migrate()
    ancient = now() - timedelta(days=9_999)
    with database.writing() as session:
        session.add(
            DatasetRecord(
                id="a", name="a.las", kind="pointcloud", size=1, sha256="x", info={}, created=ancient, used=ancient
            )
        )
    remove_expired(settings, database)
    with database.reading() as session:
        assert session.get(DatasetRecord, "a") is not None
    database.close()
