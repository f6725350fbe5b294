"""The audit log: what is written, and that tampering shows; about 2 s."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from api.access.audit import AuditLog, Deed, export_csv, lines, verify
from api.access.secrets import service_secret
from api.database import Database
from api.records import AuditRecord
from tests.api.crowd import gather, settings_with_users
from tests.api.office import Thread

SECRET = b"s" * 32


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    one = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    one.migrate()
    yield one
    one.close()


def deed(target: str, actor: str = "kawa") -> Deed:
    return Deed(actor, "session", "10.0.0.7", "show_job", target, "200")


def test_lines_follow_from_one_another_and_looks_are_counted(database: Database) -> None:
    log = AuditLog(database, SECRET)
    for _ in range(3):
        log.count(deed("GET /jobs/a"))
    log.count(deed("GET /jobs/b"))
    log.record(deed("DELETE /jobs/a"))
    log.flush()
    AuditLog(database, SECRET).record(deed("x" * 900))
    with database.reading() as session:
        found = [(line.id, line.target[:20], line.times) for line in lines(session)]
        assert found == [(1, "DELETE /jobs/a", 1), (2, "GET /jobs/a", 3), (3, "GET /jobs/b", 1), (4, "x" * 20, 1)]
        verdict = verify(session, SECRET)
    assert (verdict.n_lines, verdict.broken_at) == (4, None)


def test_pieces_of_a_file_are_written_once_and_then_counted(database: Database) -> None:
    log = AuditLog(database, SECRET)
    for _ in range(4):
        log.record_first(deed("GET /jobs/a/results/a.copc.laz"))
    log.record_first(deed("GET /jobs/a/results/b.copc.laz"))
    with database.reading() as session:
        assert [(line.target[-10:], line.times) for line in lines(session)] == [("a.copc.laz", 1), ("b.copc.laz", 1)]
    log.flush()
    log.record_first(deed("GET /jobs/a/results/a.copc.laz"))
    with database.reading() as session:
        found = [(line.target[-10:], line.times) for line in lines(session)]
        assert found[2:] == [("a.copc.laz", 3), ("a.copc.laz", 1)]
        assert verify(session, SECRET).broken_at is None


def test_the_database_refuses_to_change_a_line(database: Database) -> None:
    AuditLog(database, SECRET).record(deed("GET /jobs/a"))
    for change in (update(AuditRecord).values(actor="nobody"), delete(AuditRecord)):
        with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
            session.execute(change)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit SET actor = 'innocent' WHERE id = 3", 3),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE id = 1", 1),
        ("UPDATE audit SET times = 2 WHERE id = 5", 5),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("DELETE FROM audit WHERE id = 1", 2),
    ],
)
def test_whoever_goes_round_the_database_is_found_out(database: Database, change: str, broken_at: int) -> None:
    log = AuditLog(database, SECRET)
    for number in range(5):
        log.record(deed(f"GET /jobs/{number}"))
    with database.writing() as session:
        for trigger in ("audit_no_update", "audit_no_delete"):
            session.execute(text(f"DROP TRIGGER {trigger}"))
        session.execute(text(change))
    with database.reading() as session:
        assert verify(session, SECRET).broken_at == broken_at
        assert verify(session, b"another secret").broken_at in (1, 2)


def test_export_is_a_table_that_a_spreadsheet_takes_as_text(database: Database) -> None:
    log = AuditLog(database, SECRET)
    log.record(deed("=HYPERLINK(1)", actor="監査"))
    file = io.StringIO()
    with database.reading() as session:
        assert export_csv(session, file) == 1
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert (row["actor"], row["target"], row["outcome"]) == ("監査", "'=HYPERLINK(1)", "200")
    assert row["at"].endswith("+09:00")


@pytest.mark.usefixtures("_rehearsal_path")
def test_requests_leave_their_lines(tmp_path: Path) -> None:
    with Thread(settings_with_users(tmp_path)) as running:
        crowd = gather(running)
        job = crowd["kawa"].start()
        crowd["kawa"].wait_until(job, "successful")
        crowd["kawa"].get(f"/jobs/{job}/results/numbers.bin")
        crowd["michi"].delete(f"/jobs/{job}")
        with crowd.client() as stranger:
            stranger.get("/jobs")
            stranger.post("/session", json={"name": "kawa", "password": "wrong"})
        crowd["kawa"].get("/health")
    database = Database(running.settings.url)
    with database.reading() as session:
        found = {(line.actor, line.action, line.target, line.outcome): line for line in lines(session)}
        assert verify(session, service_secret(running.settings)).broken_at is None
    database.close()
    assert ("kawa", "execute_process", "POST /processes/rehearsal/execution", "201") in found
    polled = found["kawa", "show_job", f"GET /jobs/{job}", "200"]
    assert polled.times > 1
    assert polled.via.startswith("key ")
    assert polled.address == "127.0.0.1"
    assert ("kawa", "download_result", f"GET /jobs/{job}/results/numbers.bin", "200") in found
    assert ("michi", "end_job", f"DELETE /jobs/{job}", "404") in found
    assert ("-", "show_jobs", "GET /jobs", "401") in found
    assert ("-", "log_in", "POST /session", "401") in found
    assert not any(action == "health" for _, action, _, _ in found)
