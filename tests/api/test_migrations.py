"""Migrations lead to the tables that the code expects, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from api.database import Database
from api.jobs import store
from api.records import Record
from tests.api.life_processes import Rehearsal


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / '百分率 %20.sqlite'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    one = Database(url)
    yield one
    one.close()


def tables(url: str) -> set[str]:
    return set(inspect(create_engine(url)).get_table_names())


def test_the_head_is_what_the_records_say(database: Database, url: str) -> None:
    database.migrate()
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Record.metadata) == []


def test_up_down_and_up_again(database: Database, url: str) -> None:
    database.migrate()
    assert tables(url) == {"alembic_version", *Record.metadata.tables}
    database.migrate("base")
    assert tables(url) == {"alembic_version"}
    database.migrate()
    assert tables(url) == {"alembic_version", *Record.metadata.tables}


def test_a_second_start_keeps_what_is_there(database: Database) -> None:
    database.migrate()
    with database.writing() as session:
        job = store.create_job(session, Rehearsal(), {}, {"label": "残る"}, "test")
    database.migrate()
    with database.reading() as session:
        assert store.find_job(session, job.id).parameters == {"label": "残る"}


def test_what_hangs_on_a_job_outlives_a_change_of_its_table(database: Database) -> None:
    """SQLite makes a changed table anew and drops the old one; that must not take messages and results along."""
    database.migrate("0002")
    with database.writing() as session:
        session.execute(
            text(
                "insert into jobs (id, process_id, process_version, software_version, status, parameters, created,"
                " updated, progress, stage_fraction, message_en, message_ja, attempt, interruptions)"
                " values ('a', 'p', '1', '1', 'successful', '{}', '2026-01-01', '2026-01-01', 100, 0, '', '', 1, 0)"
            )
        )
        session.execute(
            text("insert into job_messages (job_id, at, en, ja) values ('a', '2026-01-01', 'kept', '残る')")
        )
    database.migrate()
    with database.reading() as session:
        assert session.scalar(text("select en from job_messages")) == "kept"
        assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_sqlite_is_set_up_for_many_readers_and_power_cuts(database: Database) -> None:
    with database.reading() as session:
        pragmas = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_block_that_raises_changes_nothing(database: Database) -> None:
    database.migrate()

    def break_off() -> None:
        with database.writing() as session:
            store.create_job(session, Rehearsal(), {}, {}, "test")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with database.reading() as session:
        assert store.count_by_status(session) == {}
