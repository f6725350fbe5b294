"""How a job is answered, how far its attempt is, its idempotency key, and the callbacks that wait to be sent.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("response", sa.String(16), nullable=False, server_default="document"))
        jobs.add_column(sa.Column("wanted", sa.JSON))
        jobs.add_column(sa.Column("subscriber", sa.JSON))
        jobs.add_column(sa.Column("base_url", sa.String(500), nullable=False, server_default="/"))
        jobs.add_column(sa.Column("attempt_percent", sa.Double, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("idempotency_key", sa.String(255)))
        jobs.add_column(sa.Column("request_sha256", sa.String(64)))
        jobs.create_index("ix_jobs_idempotency_key", ["idempotency_key"], unique=True)
    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("due", sa.DateTime),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(500), nullable=False),
    )
    op.create_index("ix_callbacks_due", "callbacks", ["due"])
    op.create_index("ix_callbacks_job_id", "callbacks", ["job_id"])


def downgrade() -> None:
    op.drop_table("callbacks")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("ix_jobs_idempotency_key")
        for column in (
            "response",
            "wanted",
            "subscriber",
            "base_url",
            "attempt_percent",
            "idempotency_key",
            "request_sha256",
        ):
            jobs.drop_column(column)
