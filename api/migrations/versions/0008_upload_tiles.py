"""How and when the file of an upload was surveyed, as its client says it.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, length in (("method", 8), ("epoch", 10)):
        op.add_column("uploads", sa.Column(name, sa.String(length)))


def downgrade() -> None:
    with op.batch_alter_table("uploads") as uploads:
        for name in ("method", "epoch"):
            uploads.drop_column(name)
