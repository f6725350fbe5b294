"""Projects, users, keys, sessions, and the audit log.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_POSTGRESQL_TRIGGER = """
CREATE FUNCTION tengun_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
"""


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.execute("INSERT INTO projects (id, title, created) VALUES ('default', 'default', CURRENT_TIMESTAMP)")
    _create_users()
    _create_audit()
    with op.batch_alter_table("datasets") as datasets:
        datasets.add_column(_project())
        datasets.create_foreign_key("fk_datasets_project", "projects", ["project_id"], ["id"])
        datasets.drop_index("ix_datasets_created")
        datasets.create_index("ix_datasets_project_created", ["project_id", "created"])
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(_project())
        jobs.add_column(sa.Column("owner", sa.String(100), nullable=False, server_default="local"))
        jobs.create_foreign_key("fk_jobs_project", "projects", ["project_id"], ["id"])
        jobs.drop_index("ix_jobs_idempotency_key")
        jobs.create_index("ix_jobs_project_created", ["project_id", "created"])
        jobs.create_index("ix_jobs_owner_idempotency_key", ["owner", "idempotency_key"], unique=True)


def _project() -> sa.Column[str]:
    return sa.Column("project_id", sa.String(40), nullable=False, server_default="default")


def _user() -> sa.Column[str]:
    return sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("password", sa.String(200)),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("locked_until", sa.DateTime),
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("project_id", sa.String(40), sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(36), primary_key=True),
        _user(),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("project_id", sa.String(40), sa.ForeignKey("projects.id", ondelete="CASCADE")),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("expires", sa.DateTime),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        _user(),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("expires", sa.DateTime, nullable=False),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("via", sa.String(50), nullable=False),
        sa.Column("address", sa.String(60), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("outcome", sa.String(50), nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL_TRIGGER)
        op.execute(
            "CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "EXECUTE FUNCTION tengun_audit_is_append_only()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("ix_jobs_owner_idempotency_key")
        jobs.drop_index("ix_jobs_project_created")
        jobs.create_index("ix_jobs_idempotency_key", ["idempotency_key"], unique=True)
        jobs.drop_constraint("fk_jobs_project", type_="foreignkey")
        jobs.drop_column("owner")
        jobs.drop_column("project_id")
    with op.batch_alter_table("datasets") as datasets:
        datasets.drop_index("ix_datasets_project_created")
        datasets.create_index("ix_datasets_created", ["created"])
        datasets.drop_constraint("fk_datasets_project", type_="foreignkey")
        datasets.drop_column("project_id")
    for table in ("audit", "sessions", "api_keys", "memberships", "users", "projects"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION tengun_audit_is_append_only()")
