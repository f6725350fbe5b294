"""The same records on a real PostgreSQL server that the test starts itself; about 6 s. Skipped where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import IntegrityError

from api.database import Database
from api.jobs import store
from api.jobs.delivery import Delivery
from api.jobs.listing import JobFilter, list_jobs
from api.records import Record
from tests.api.life_processes import Rehearsal
from tests.api.office import free_port


def program(name: str) -> str | None:
    """Path of one of the server's programs; Debian keeps them out of PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """URL of an empty database of a server that listens on loopback only.

    Its folder is not one of pytest's: those are closed to other users again whenever another run begins.
    """
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed (Debian's package: postgresql)")
    with tempfile.TemporaryDirectory(prefix="tengun-postgresql-") as folder:
        yield from _served(Path(folder), initdb, pg_ctl)


def _served(folder: Path, initdb: str, pg_ctl: str) -> Iterator[str]:
    user: dict[str, str] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            shutil.chown(folder, "postgres")
        except LookupError:
            pytest.skip("there is no user 'postgres' to run the server as")
        user = {"user": "postgres"}
    port = free_port()
    data = str(folder / "data")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c timezone=Asia/Tokyo"

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, timeout=60, stdout=subprocess.DEVNULL, **user)  # type: ignore[call-overload]

    run(initdb, "-D", data, "-A", "trust", "-U", "tengun", "-E", "UTF8", "--no-sync")
    run(pg_ctl, "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://tengun@127.0.0.1:{port}/postgres"
    finally:
        run(pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    one = Database(url)
    one.migrate()
    yield one
    one.migrate("base")
    one.close()


def test_migrations_lead_up_and_down(database: Database, url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Record.metadata) == []
    database.migrate("base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    database.migrate()
    assert set(inspect(engine).get_table_names()) == {"alembic_version", *Record.metadata.tables}
    engine.dispose()


def test_no_job_is_claimed_twice_by_many_at_once(database: Database) -> None:
    with database.writing() as session:
        jobs = {store.create_job(session, Rehearsal(), {}, {}, "test").id for _ in range(10)}

    def claim(_: int) -> store.Claim | None:
        with database.writing() as session:
            return store.claim_next(session)

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(claim, range(40)) if claim is not None]
    assert sorted(claim.job_id for claim in claims) == sorted(jobs)
    assert {claim.attempt for claim in claims} == {1}


def test_times_and_durations_do_not_depend_on_the_servers_zone(database: Database) -> None:
    before = datetime.now(UTC)
    with database.writing() as session:
        job = store.create_job(session, Rehearsal(), {}, {}, "test")
        claim = store.claim_next(session)
        assert claim is not None
    with database.reading() as session:
        assert before <= store.find_job(session, job.id).created <= datetime.now(UTC)
        assert len(list_jobs(session, JobFilter(max_duration_s=60), 10, 0)) == 1
        assert list_jobs(session, JobFilter(min_duration_s=60), 10, 0) == []
        since = (before - timedelta(seconds=1), None)
        assert len(list_jobs(session, JobFilter(created=since), 10, 0)) == 1
    with database.writing() as session:
        assert store.succeed(session, claim, {"体積": 1.5}, [])
    with database.reading() as session:
        assert store.find_job(session, job.id).summary == {"体積": 1.5}


def test_an_idempotency_key_makes_one_job(database: Database) -> None:
    delivery = Delivery(idempotency_key="once", request_sha256="x")
    with database.writing() as session:
        store.create_job(session, Rehearsal(), {}, {}, "test", delivery)
    with pytest.raises(IntegrityError), database.writing() as session:
        store.create_job(session, Rehearsal(), {}, {}, "test", delivery)
