"""Who asks, and what they may see and change. The project is the border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from api.records import DEFAULT_PROJECT
from api.refusals import ForbiddenError
from pointcloud.errors import ParameterError


class Role(StrEnum):
    """What a user may do in a project; an admin may do everything in all of them."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever sent a request.

    Parameters
    ----------
    name
        The user's name.
    via
        How they proved it: ``key <id>``, ``session``, ``open`` where nobody has to.
    is_admin
        True where no border counts.
    roles
        Project -> role.
    """

    name: str
    via: str
    is_admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def projects(self) -> frozenset[str] | None:
        """The projects that may be seen; None for all."""
        return None if self.is_admin else frozenset(self.roles)

    def seen_projects(self, wanted: str | None) -> frozenset[str] | None:
        """The projects that a list may show, narrowed to the wanted one; None for all."""
        if wanted is None:
            return self.projects
        return frozenset({wanted}) if self.sees(wanted) else frozenset()

    def sees(self, project_id: str) -> bool:
        """True where the project's jobs and datasets exist for this visitor."""
        return self.is_admin or project_id in self.roles

    def changes(self, project_id: str) -> bool:
        """True where this visitor may bring in, start, stop and remove."""
        return self.is_admin or self.roles.get(project_id) == Role.OPERATOR

    def require_change(self, project_id: str) -> None:
        """Refuse where this visitor may only look.

        Raises
        ------
        ForbiddenError
            When the role in that project is not operator.
        """
        if not self.changes(project_id):
            raise ForbiddenError(
                f"in project '{project_id}' you may look, but not change anything; ask an administrator for the role "
                "operator",
                f"プロジェクト '{project_id}' では閲覧のみ可能です。変更には operator 権限が必要です。",
                value=project_id,
            )

    def target_project(self, wanted: str | None, known: str | None = None) -> str:
        """The project that something new belongs to.

        Parameters
        ----------
        wanted
            As the request names it.
        known
            The project of what it is made from, where the request names none.

        Raises
        ------
        ParameterError
            When the project is not this visitor's, or none is named and there are several.
        ForbiddenError
            When the role in it is not operator.
        """
        usual = DEFAULT_PROJECT if self.is_admin else next(iter(self.roles)) if len(self.roles) == 1 else None
        project_id = wanted or known or usual
        if project_id is None or not self.sees(project_id):
            yours = ", ".join(sorted(self.roles)) or "none"
            raise ParameterError(
                f"project: {'none is named' if project_id is None else repr(project_id)}; "
                f"name one of yours with ?project= (yours: {yours})",
                f"project: {'指定がありません' if project_id is None else repr(project_id)}。"
                f"?project= で参加中のプロジェクトを指定してください ({yours})。",
                field="project",
                allowed=sorted(self.roles),
            )
        self.require_change(project_id)
        return project_id


LOCAL: Final = Visitor("local", "open", is_admin=True)
"""Everybody, where the service is open to whoever reaches it on its own machine."""

NOBODY: Final = Visitor("-", "none")
"""Somebody who has not said who they are."""
