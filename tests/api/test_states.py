"""The table of moves, and that the store keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.database import Database
from api.jobs import store
from api.jobs.delivery import Delivery
from api.jobs.listing import queue_position
from api.jobs.states import MOVES, JobStatus, sources_of
from api.jobs.turns import place_in_line
from api.problems import Problem
from api.records import JobRecord, now
from pipelines.progress import Text
from pointcloud.errors import NotFoundError
from tests.api.life_processes import Rehearsal

ENDED = {JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED}
PROBLEM = Problem("file", "broken", "壊れています。")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    one = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    one.migrate()
    yield one
    one.close()


def in_state(database: Database, status: JobStatus) -> store.Claim:
    with database.writing() as session:
        job = store.create_job(session, Rehearsal(), {}, {}, "test")
        session.get_one(JobRecord, job.id).status = status
    return store.Claim(job.id, 0)


def state_of(database: Database, claim: store.Claim) -> JobStatus:
    with database.reading() as session:
        return JobStatus(store.find_job(session, claim.job_id).status)


def test_ended_states_lead_nowhere_and_every_state_can_be_reached() -> None:
    assert {status for status in JobStatus if status.is_ended} == ENDED
    assert all(sources_of(status) for status in JobStatus)
    assert {target for targets in MOVES.values() for target in targets} == set(JobStatus)


@pytest.mark.parametrize("source", list(JobStatus))
@pytest.mark.parametrize("target", [JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED, JobStatus.ACCEPTED])
def test_the_store_moves_only_as_the_table_allows(database: Database, source: JobStatus, target: JobStatus) -> None:
    claim = in_state(database, source)
    with database.writing() as session:
        moved = {
            JobStatus.SUCCESSFUL: lambda: store.succeed(session, claim, {}, []),
            JobStatus.FAILED: lambda: store.fail(session, claim, PROBLEM),
            JobStatus.DISMISSED: lambda: store.dismiss(session, claim.job_id),
            JobStatus.ACCEPTED: lambda: store.requeue(session, claim, Text("again", "再実行"), is_interruption=True),
        }[target]()
    assert moved == (target in MOVES[source])
    assert state_of(database, claim) == (target if moved else source)


def test_the_oldest_waiting_job_is_claimed_once(database: Database) -> None:
    with database.writing() as session:
        jobs = [store.create_job(session, Rehearsal(), {}, {}, "test").id for _ in range(3)]
    claims = []
    for _ in range(4):
        with database.writing() as session:
            claims.append(store.claim_next(session))
    assert [claim and claim.job_id for claim in claims] == [*jobs, None]
    assert {claim.attempt for claim in claims if claim} == {1}


def test_owners_take_turns_and_none_has_more_than_its_share(database: Database) -> None:
    def place(job: str) -> int | None:
        with database.reading() as session:
            return queue_position(session, store.find_job(session, job))

    with database.writing() as session:
        many = [store.create_job(session, Rehearsal(), {}, {}, "test", Delivery(owner="many")).id for _ in range(4)]
        small = store.create_job(session, Rehearsal(), {}, {}, "test", Delivery(owner="small")).id
    assert [place(job) for job in (*many, small)] == [1, 3, 4, 5, 2]
    claimed = []
    for _ in range(4):
        with database.writing() as session:
            claimed.append(store.claim_next(session, most_per_owner=2))
    assert [claim and claim.job_id for claim in claimed] == [many[0], small, many[1], None]
    assert place(many[0]) is None
    with database.writing() as session:
        other = store.create_job(session, Rehearsal(), {}, {}, "test", Delivery(owner="other")).id
    assert [place(other), place(many[2])] == [1, 2]
    with database.writing() as session:
        claim = store.claim_next(session)
        assert claim is not None
    assert claim.job_id == other


def test_an_old_attempt_can_no_longer_end_the_job(database: Database) -> None:
    with database.writing() as session:
        store.create_job(session, Rehearsal(), {}, {}, "test")
        first = store.claim_next(session)
        assert first is not None
        store.requeue(session, first, Text("again", "再実行"), is_interruption=True)
        second = store.claim_next(session)
        assert second is not None
    assert second.attempt == first.attempt + 1
    with database.writing() as session:
        assert not store.succeed(session, first, {"from": "the past"}, [])
        assert not store.fail(session, first, PROBLEM)
        store.record_progress(session, first, "act", 1.0, 99.0)
        assert store.find_job(session, second.job_id).progress == 0.0
        assert store.succeed(session, second, {"from": "now"}, [])
    with database.reading() as session:
        assert store.find_job(session, second.job_id).summary == {"from": "now"}


def test_progress_is_kept_when_a_job_starts_again(database: Database) -> None:
    with database.writing() as session:
        store.create_job(session, Rehearsal(), {}, {}, "test")
        first = store.claim_next(session)
        assert first is not None
        store.record_progress(session, first, "act", 0.5, 60.0)
        store.requeue(session, first, Text("again", "再実行"), is_interruption=False)
        second = store.claim_next(session)
        assert second is not None
        store.record_progress(session, second, "prepare", 0.5, 10.0, Text("anew", "再び"))
    with database.reading() as session:
        job = store.find_job(session, second.job_id)
    assert (job.progress, job.stage, job.message_ja, job.interruptions) == (60.0, "prepare", "再び", 0)


def test_a_removed_job_takes_its_parts_along(database: Database) -> None:
    claim = in_state(database, JobStatus.RUNNING)
    with database.writing() as session:
        store.fail(session, claim, PROBLEM)
        assert len(store.last_messages(session, claim.job_id, 10)) == 2
        store.remove_job(session, claim.job_id)
    with database.reading() as session:
        assert store.last_messages(session, claim.job_id, 10) == []
        with pytest.raises(NotFoundError):
            store.find_job(session, claim.job_id)


def test_times_come_back_in_utc(database: Database) -> None:
    before = now()
    claim = in_state(database, JobStatus.ACCEPTED)
    with database.reading() as session:
        created = store.find_job(session, claim.job_id).created
    assert created.tzinfo is not None
    assert before <= created <= now()


def test_a_long_line_is_sorted_twice_a_second_and_a_short_one_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        jobs = [store.create_job(session, Rehearsal(), {}, {}, "test").id for _ in range(4)]

    def places(*asked: int) -> list[int | None]:
        with database.reading() as session:
            return [place_in_line(session, jobs[i]) for i in asked]

    def claim() -> None:
        with database.writing() as session:
            store.claim_next(session, 0)

    assert places(0, 1, 2, 3) == [1, 2, 3, 4]
    claim()
    assert places(0, 1, 2, 3) == [None, 1, 2, 3]
    monkeypatch.setattr("api.jobs.turns._LONG", 3)
    monkeypatch.setattr("api.jobs.turns._FRESH_S", 3600.0)
    assert places(2, 3) == [2, 3]
    claim()
    assert places(2, 3) == [2, 3]  # as old as the line's sorting
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    assert places(2, 3) == [1, 2]
