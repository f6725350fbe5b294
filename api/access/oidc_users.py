"""From what a provider says of somebody to a user of this service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api.access.users import add_user, find_user, grant, roles_of
from api.access.visitor import Role
from api.records import UserRecord
from api.refusals import UnauthorizedError
from api.settings import Settings
from pointcloud.errors import NotFoundError


def user_of(session: Session, settings: Settings, claims: Mapping[str, Any]) -> UserRecord:
    """The user whose name the chosen claim holds.

    Where groups are set, these decide: whoever is in one becomes a user, and has the roles that they give, no others.
    An administrator is made by administrators alone.

    Raises
    ------
    UnauthorizedError
        When there is no such user, they are shut out, or are in none of the groups.
    """
    name = _name(settings, claims)
    roles = _roles(settings, claims)
    try:
        user = find_user(session, name)
    except NotFoundError as error:
        if not roles:
            raise _unknown(name) from error
        user = add_user(session, name)
    if not user.is_active or (settings.oidc_groups and not roles and not user.is_admin):
        raise _unknown(name)
    if settings.oidc_groups:
        for project in {*roles_of(session, user.id), *roles}:
            grant(session, user, project, roles.get(project))
    return user


def _name(settings: Settings, claims: Mapping[str, Any]) -> str:
    claim = settings.oidc_user_claim
    name = claims.get(claim)
    if not isinstance(name, str) or not name:
        raise UnauthorizedError(
            f"the provider does not say '{claim}' of you; the administrator chooses with TENGUN_OIDC_USER_CLAIM what "
            "names a user",
            f"認証サーバーの応答に '{claim}' がありません。管理者は TENGUN_OIDC_USER_CLAIM を確認してください。",
        )
    if claim == "email" and claims.get("email_verified") is not True:
        raise UnauthorizedError(
            f"the provider does not say that the address {name} has been verified (email_verified)",
            f"メールアドレス {name} は認証サーバーで確認済み (email_verified) になっていません。",
        )
    return name


def _roles(settings: Settings, claims: Mapping[str, Any]) -> dict[str, Role]:
    """Project -> role that the groups give; of two roles in a project the one that may change."""
    said = claims.get(settings.oidc_groups_claim)
    groups = said if isinstance(said, list) else [said]
    roles: dict[str, Role] = {}
    for group in groups:
        for project, role in settings.oidc_groups.get(str(group), {}).items():
            roles[project] = Role.OPERATOR if Role.OPERATOR in (role, roles.get(project)) else Role.VIEWER
    return roles


def _unknown(name: str) -> UnauthorizedError:
    return UnauthorizedError(
        f"the provider knows you as '{name}', but this service has no such user that may log in; ask an administrator",
        f"認証サーバーの利用者 '{name}' は、このサービスでは利用できません。管理者に連絡してください。",
    )
