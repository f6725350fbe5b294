"""Which tile a dataset is: map sheet, method, epoch.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, length in (("sheet", 12), ("method", 8), ("epoch", 10)):
        op.add_column("datasets", sa.Column(name, sa.String(length)))
    op.create_index("ix_datasets_sheet", "datasets", ["sheet"])


def downgrade() -> None:
    op.drop_index("ix_datasets_sheet", "datasets")
    with op.batch_alter_table("datasets") as datasets:
        for name in ("sheet", "method", "epoch"):
            datasets.drop_column(name)
