"""Connections, transactions and migrations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, select
from sqlalchemy.orm import Session

_WRITES = "tengun_writes"
_BUSY_TIMEOUT_MS = 30_000
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """The database that is the truth about datasets and jobs.

    Parameters
    ----------
    url
        SQLAlchemy URL: SQLite or PostgreSQL.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, json_serializer=_to_json, pool_size=20, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writing_engine = self._engine.execution_options(**{_WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed when the block ends and rolled back when it raises.

        On SQLite it holds the write lock from its start, so that what it read is still true when it writes.
        """
        with Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to ``revision``; ``base`` removes them all."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                # SQLite changes a table by making it anew; what hangs on the old one must not go with it
                connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
            config.attributes["connection"] = connection
            with connection.begin():
                if revision == "base":
                    command.downgrade(config, revision)
                else:
                    command.upgrade(config, revision)
            connection.invalidate()  # or the pool would hand on a connection without foreign keys

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def one_at_a_time(session: Session, what: str) -> None:
    """Let nobody else pass here for ``what`` until this writing session ends; SQLite's write lock does so already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(what))))


def _to_json(value: Any) -> str:
    """Strict JSON: a NaN would make every later answer unreadable, so it is an error here."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver shall not open transactions by itself; _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")  # an accepted job survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
