"""Users and their keys, for administrators. A role in a project is given in ``projects``."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.access import users
from api.access.answers import NewUser, NewUserAnswer, PasswordAnswer, UserAnswer, UserChange, UserList
from api.access.credentials import add_key, key_answer, list_keys, remove_key
from api.access.gate import TheVisitor, refuse_when_open, require_admin
from api.access.secrets import new_password
from api.access.visitor import Visitor
from api.records import KeyRecord, UserRecord, now
from api.schemas import ApiKey, ApiKeyList, NewKey
from api.service import TheService
from pointcloud.errors import ConflictError

router = APIRouter(
    prefix="/admin/users", tags=["administration"], dependencies=[Depends(require_admin), Depends(refuse_when_open)]
)


@router.get("")
def list_users(service: TheService) -> UserList:
    """All users, their role in each project, the state of their account."""
    with service.database.reading() as session:
        return UserList(users=[_answer(session, user) for user in users.list_users(session)])


@router.post("", status_code=201)
def add_user(body: NewUser, request: Request, service: TheService) -> NewUserAnswer:
    """Make a user; this is the only answer that holds the password."""
    password = new_password()
    request.state.subject = f"{body.name} admin={body.is_admin}"
    with service.database.writing() as session:
        user = users.add_user(session, body.name, is_admin=body.is_admin)
        users.set_password(session, user, password)
        session.refresh(user)
        return NewUserAnswer(**_answer(session, user).model_dump(), password=password)


@router.patch("/{user_name}")
def change_user(
    user_name: str, body: UserChange, request: Request, service: TheService, visitor: TheVisitor
) -> UserAnswer:
    """Make a user an administrator or take that away; shut a user out or let them in again."""
    changes = body.model_dump(exclude_none=True)
    request.state.subject = " ".join(f"{name}={value}" for name, value in changes.items())
    with service.database.writing() as session:
        user = users.find_user(session, user_name)
        if body.is_admin is False or body.is_active is False:
            _refuse_oneself(visitor, user)
        if body.is_admin is not None:
            users.set_admin(session, user, body.is_admin)
        if body.is_active is not None:
            (users.enable_user if body.is_active else users.disable_user)(session, user)
        session.refresh(user)
        return _answer(session, user)


@router.post("/{user_name}/password", status_code=201)
def reset_password(user_name: str, service: TheService) -> PasswordAnswer:
    """Give a user a fresh password, told once; it lifts a lock and ends their sessions."""
    password = new_password()
    with service.database.writing() as session:
        user = _active(session, user_name)
        users.set_password(session, user, password)
    return PasswordAnswer(password=password)


@router.get("/{user_name}/keys", response_model_exclude_none=True)
def list_keys_of(user_name: str, service: TheService) -> ApiKeyList:
    """A user's API keys without the keys themselves."""
    with service.database.reading() as session:
        records = list_keys(session, users.find_user(session, user_name).id)
    return ApiKeyList(keys=[key_answer(record) for record in records])


@router.post("/{user_name}/keys", status_code=201, response_model_exclude_none=True)
def add_key_of(user_name: str, body: NewKey, request: Request, service: TheService) -> ApiKey:
    """Make an API key of a user, such as another program; this is the only answer that holds it."""
    request.state.subject = f"{body.project or ''} {body.title}".strip()
    expires = None if body.days is None else now() + timedelta(days=body.days)
    with service.database.writing() as session:
        user = _active(session, user_name)
        if body.project is not None:
            users.require_project(session, body.project)
        record, key = add_key(session, service.secret, user, body.title, body.project, expires)
    return key_answer(record, key)


@router.delete("/{user_name}/keys/{key_id}", status_code=204)
def end_key_of(user_name: str, key_id: str, service: TheService) -> None:
    """End a user's key at once."""
    with service.database.writing() as session:
        remove_key(session, users.find_user(session, user_name).id, key_id)


def _refuse_oneself(visitor: Visitor, user: UserRecord) -> None:
    """Who shuts themselves out might be the last one who could let anybody in."""
    if user.name == visitor.name:
        raise ConflictError(
            "you cannot shut out or demote yourself; another administrator can",
            "自分自身の利用停止や管理者権限の解除はできません。ほかの管理者が行ってください。",
            value=user.name,
        )


def _active(session: Session, name: str) -> UserRecord:
    """The user, who must not be shut out."""
    user = users.find_user(session, name)
    if not user.is_active:
        raise ConflictError(
            f"user '{name}' is shut out; let them in first (PATCH with is_active true)",
            f"利用者 '{name}' は利用停止中です。先に利用を再開してください。",
            value=name,
        )
    return user


def _answer(session: Session, user: UserRecord) -> UserAnswer:
    n_keys = session.scalar(select(func.count()).select_from(KeyRecord).where(KeyRecord.user_id == user.id))
    is_locked = user.locked_until is not None and user.locked_until > now()
    return UserAnswer(
        name=user.name,
        is_admin=user.is_admin,
        is_active=user.is_active,
        has_password=user.password is not None,
        locked_until=user.locked_until if is_locked else None,
        created=user.created,
        projects={project: str(role) for project, role in users.roles_of(session, user.id).items()},
        n_keys=n_keys or 0,
    )
