"""The JSON of the administration: users and their keys, projects and what they hold, the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.access.visitor import Role
from api.schemas import Answer


class UserAnswer(Answer):
    """A user; never anything of the password."""

    name: str
    is_admin: bool
    is_active: bool
    has_password: bool
    locked_until: datetime | None = None
    created: datetime
    projects: dict[str, str]
    n_keys: int


class UserList(Answer):
    """All users by name."""

    users: list[UserAnswer]


class NewUser(BaseModel):
    """A wish for a user."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    is_admin: bool = False


class NewUserAnswer(UserAnswer):
    """A new user with the password, which is told now and never again."""

    password: str


class UserChange(BaseModel):
    """What is to change of a user; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    is_admin: bool | None = None
    is_active: bool | None = Field(None, description="false shuts out at once: password, keys and sessions end.")


class PasswordAnswer(Answer):
    """A fresh password, which is told now and never again."""

    password: str


class Member(Answer):
    """A user in a project."""

    user: str
    role: str


class ProjectAnswer(Answer):
    """A project, who is in it, and what it holds."""

    id: str
    title: str
    created: datetime
    quota_bytes: int | None = Field(description="Its own quota; 0 for any size, null where the settings' counts.")
    limit_bytes: int = Field(description="The quota that counts; 0 for any size.")
    used_bytes: int
    datasets_bytes: int
    results_bytes: int
    uploads_bytes: int
    n_datasets: int
    n_jobs: int
    members: list[Member]


class ProjectList(Answer):
    """All projects by id."""

    projects: list[ProjectAnswer]


class NewProject(BaseModel):
    """A wish for a project."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=40)
    title: str = Field("", max_length=200)


class ProjectChange(BaseModel):
    """What is to change of a project; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, min_length=1, max_length=200)
    quota_bytes: int | None = Field(
        None, ge=0, le=2**62, description="Most bytes; 0 for any size, null for what the settings say."
    )


class RoleChange(BaseModel):
    """The role of a user in a project."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class Storage(Answer):
    """The disk under the data folder, and for how long things are kept."""

    total_bytes: int
    free_bytes: int
    min_free_bytes: int
    keep_results_days: float
    keep_datasets_days: float
    project_quota_bytes: int


class AuditLine(Answer):
    """A line of the audit log."""

    id: int
    at: datetime
    actor: str
    via: str
    address: str
    action: str
    target: str
    outcome: str
    times: int


class AuditPage(Answer):
    """Lines of the audit log, the newest first."""

    lines: list[AuditLine]
    n_matched: int


class AuditVerdict(Answer):
    """What the check of the chain found."""

    state: Literal["unbroken", "broken"]
    n_lines: int
    last_digest: str
    broken_at: int | None
