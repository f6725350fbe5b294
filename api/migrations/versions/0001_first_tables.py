"""Datasets, jobs, their inputs, messages and results.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("info", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_index("ix_datasets_created", "datasets", ["created"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("process_id", sa.String(100), nullable=False),
        sa.Column("process_version", sa.String(50), nullable=False),
        sa.Column("software_version", sa.String(50), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("started", sa.DateTime),
        sa.Column("finished", sa.DateTime),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("stage", sa.String(100)),
        sa.Column("stage_fraction", sa.Double, nullable=False),
        sa.Column("message_en", sa.String(2000), nullable=False),
        sa.Column("message_ja", sa.String(2000), nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("interruptions", sa.BigInteger, nullable=False),
        sa.Column("worker_pid", sa.BigInteger),
        sa.Column("error", sa.JSON),
        sa.Column("summary", sa.JSON),
    )
    op.create_index("ix_jobs_status_created", "jobs", ["status", "created"])
    op.create_index("ix_jobs_created", "jobs", ["created"])
    _create_parts_of_jobs()


def _create_parts_of_jobs() -> None:
    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("input_name", sa.String(100), nullable=False),
        sa.Column("dataset_id", sa.String(36), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_index("ix_job_inputs_dataset_id", "job_inputs", ["dataset_id"])
    op.create_table(
        "job_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("en", sa.String(2000), nullable=False),
        sa.Column("ja", sa.String(2000), nullable=False),
    )
    op.create_index("ix_job_messages_job_id", "job_messages", ["job_id"])
    op.create_table(
        "results",
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("path", sa.String(500), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("title_en", sa.String(200), nullable=False),
        sa.Column("title_ja", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    for table in ("results", "job_messages", "job_inputs", "jobs", "datasets"):
        op.drop_table(table)
