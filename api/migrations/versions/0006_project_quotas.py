"""A quota of a project's own.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("quota_bytes", sa.BigInteger))


def downgrade() -> None:
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("quota_bytes")
