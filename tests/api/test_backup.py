"""``tengun backup`` while the service works, ``tengun restore`` into an empty place, ``tengun cache``; about 6 s."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api import backup
from api.command import app
from api.database import Database
from api.records import JobMessageRecord, Record
from api.settings import Settings
from pipelines.stage_cache import StageCache
from pointcloud.errors import ConflictError, FileError
from tests.api.office import Office, Separate, Thread
from tests.api.test_postgresql import url as postgresql  # noqa: F401 (a fixture: a server of its own)


def tengun(data_dir: Path, *words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"TENGUN_DATA_DIR": str(data_dir)})


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of what a backup keeps but the audit log, which goes on being written."""
    database = Database(url)
    tables = [table for table in Record.metadata.sorted_tables if table.name not in ("uploads", "sessions", "audit")]
    with database.reading() as session:
        found = {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}
    database.close()
    return found


def fetched(client: Office, job: str) -> dict[str, str]:
    outputs = client.get(f"/jobs/{job}/results").json()["outputs"]
    return {output["path"]: hashlib.sha256(client.get(output["href"]).content).hexdigest() for output in outputs}


@pytest.mark.slow(25)
def test_a_backup_of_a_working_service_comes_back_whole(
    separate: Callable[..., Separate], tile: Path, tmp_path: Path
) -> None:
    service = separate(workers=1)
    client = service.start().client
    datasets = [client.upload(tile, f"{i}.laz")["id"] for i in range(3)]
    done = client.start(survey=datasets[0], label="残る")
    client.wait_until(done, "successful")
    before = fetched(client, done)
    running, waiting = client.start(action="sleep", seconds=60), client.start(label="待つ", survey=datasets[1])
    client.wait_until(running, "running")

    kept = tmp_path / "backup"
    first = tengun(service.data_dir, "backup", kept)
    assert first.exit_code == 0, first.output
    assert json.loads((kept / "backup.json").read_text())["n_files"] == 5
    client.delete(f"/datasets/{datasets[2]}")
    client.upload(tile, "neu.laz")
    assert tengun(service.data_dir, "backup", kept).exit_code == 0  # into the same folder: what is there stays
    assert not (kept / "datasets" / datasets[2]).exists()
    client.delete(f"/jobs/{running}")
    service.end()

    elsewhere = separate("restored", workers=1)
    back = tengun(elsewhere.data_dir, "restore", kept)
    assert back.exit_code == 0, back.output
    assert rows(f"sqlite:///{kept / 'tengun.sqlite'}") == rows(f"sqlite:///{elsewhere.data_dir / 'tengun.sqlite'}")
    assert (elsewhere.data_dir / "secret").stat().st_mode & 0o777 == 0o600
    client = elsewhere.start().client
    assert fetched(client, done) == before
    assert client.get(f"/jobs/{done}/log").status_code == 200
    client.delete(f"/jobs/{running}")
    client.wait_until(waiting, "successful")  # what waited then waits no longer
    elsewhere.end()
    assert tengun(elsewhere.data_dir, "audit", "verify").exit_code == 0
    again = tengun(elsewhere.data_dir, "restore", kept)
    assert again.exit_code == 1
    assert "holds data already" in " ".join(again.output.split())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, tile: Path, service: Thread) -> Path:
    """A backup of a service with a dataset and a successful job."""
    client = service.client
    client.wait_until(client.start(survey=client.upload(tile)["id"]), "successful")
    folder = tmp_path_factory.mktemp("backup") / "source"
    backup.back_up(service.settings, folder, lambda _: None)
    return folder


@pytest.fixture
def settings(tmp_path: Path, source: Path) -> Settings:
    """A data folder with what the backup holds."""
    chosen = Settings(data_dir=tmp_path / "data")
    backup.restore(chosen, source, lambda _: None)
    return chosen


def test_damage_is_told_and_left_out(settings: Settings, tmp_path: Path) -> None:
    victim = next(settings.datasets_dir.glob("*/*.laz"))
    victim.chmod(0o640)
    victim.write_bytes(bytes(victim.stat().st_size))
    made = tengun(settings.data_dir, "backup", tmp_path / "kept")
    assert made.exit_code == 1
    assert str(victim.relative_to(settings.data_dir)) in made.output
    manifest = backup.restore(Settings(data_dir=tmp_path / "again"), tmp_path / "kept", lambda _: None)
    assert len(manifest.damaged) == 1

    backup.back_up(settings, tmp_path / "kept", lambda _: None)
    copied = next((tmp_path / "kept" / "jobs").glob("*/results/numbers.bin"))
    copied.chmod(0o640)
    copied.write_bytes(b"x")
    with pytest.raises(FileError, match="damaged"):
        backup.restore(Settings(data_dir=tmp_path / "third"), tmp_path / "kept", lambda _: None)
    (tmp_path / "kept" / "backup.json").unlink()
    with pytest.raises(FileError, match="no whole backup"):
        backup.restore(Settings(data_dir=tmp_path / "fourth"), tmp_path / "kept", lambda _: None)


def test_what_is_removed_meanwhile_is_gone_from_the_next_snapshot(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = backup._files, []

    def files(records: Path) -> list[backup.Kept]:
        found = real(records)
        if not seen:  # a dataset is removed between snapshot and copy
            found.append(backup.Kept(Path("datasets/gone/a.laz"), 1, "0"))
        seen.append(len(found))
        return found

    monkeypatch.setattr(backup, "_files", files)
    assert backup.back_up(settings, tmp_path / "kept", lambda _: None).n_files == seen[0] - 1
    shutil.rmtree(next(settings.datasets_dir.iterdir()))
    monkeypatch.undo()
    with pytest.raises(ConflictError, match="which is not there"):
        backup.back_up(settings, tmp_path / "other", lambda _: None)


def test_a_folder_with_other_things_is_no_place_for_a_backup(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    for folder in (tmp_path / "full", settings.data_dir / "backup"):
        with pytest.raises(ConflictError, match="something else"):
            backup.back_up(settings, folder, lambda _: None)


def test_records_move_to_postgresql_and_back(settings: Settings, tmp_path: Path, postgresql: str) -> None:  # noqa: F811
    backup.back_up(settings, tmp_path / "kept", lambda _: None)
    moved = Settings.model_validate({"data_dir": tmp_path / "moved", "database_url": postgresql})
    backup.restore(moved, tmp_path / "kept", lambda _: None)
    backup.back_up(moved, tmp_path / "back", lambda _: None)
    assert rows(f"sqlite:///{tmp_path / 'back' / 'tengun.sqlite'}") == rows(settings.url)
    database = Database(moved.url)
    with database.writing() as session:
        last = session.scalars(select(JobMessageRecord)).all()[-1]
        fresh = JobMessageRecord(job_id=last.job_id, at=last.at, en="x", ja="x")
        session.add(fresh)
        session.flush()
        assert fresh.id > last.id
    database.close()


def test_the_cache_is_shown_and_cleared(tmp_path: Path) -> None:
    import numpy as np

    cache = StageCache(tmp_path / "cache")
    for i in range(2):
        cache.arrays("surfaces", {"i": i}, lambda: {"values": np.zeros(100_000)})
    shown = tengun(tmp_path, "cache")
    assert shown.stdout.split("\n")[0] == "surfaces\t2\t1.5 MiB"
    assert str(tmp_path / "cache") in shown.stdout
    assert tengun(tmp_path, "cache", "--clear").stdout.startswith("1.5 MiB removed")
    assert "0.0 MiB of at most" in tengun(tmp_path, "cache").stdout
