"""Alembic's entry: migrates through the connection that ``Database.migrate`` gives it."""

from __future__ import annotations

from alembic import context

from api.records import Record

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Record.metadata,
    render_as_batch=True,  # SQLite alters a table only by copying it
    transactional_ddl=True,  # a migration that is cut off leaves the old tables
)
with context.begin_transaction():
    context.run_migrations()
