"""How long datasets and results are kept.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets") as datasets:
        datasets.add_column(sa.Column("used", sa.DateTime))
        datasets.add_column(sa.Column("keep_days", sa.Double, nullable=False, server_default="0"))
    op.execute("UPDATE datasets SET used = created")
    with op.batch_alter_table("datasets") as datasets:
        datasets.alter_column("used", nullable=False)
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("keep_days", sa.Double, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("cleaned", sa.DateTime))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("cleaned")
        jobs.drop_column("keep_days")
    with op.batch_alter_table("datasets") as datasets:
        datasets.drop_column("keep_days")
        datasets.drop_column("used")
