"""Users, projects and who is in which: what the database holds of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from api.access.secrets import hash_password, is_password
from api.access.visitor import Role
from api.database import Database
from api.identifiers import new_id
from api.records import DEFAULT_PROJECT, KeyRecord, MembershipRecord, ProjectRecord, SessionRecord, UserRecord, now
from pointcloud.errors import ConflictError, NotFoundError, ParameterError

_MAX_FAILURES: Final = 5
_LOCKED_FOR: Final = timedelta(minutes=15)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LEAST_PASSWORD: Final = 12


def add_user(session: Session, name: str, *, is_admin: bool = False) -> UserRecord:
    """A new user without a password or key yet.

    Raises
    ------
    ParameterError
        When the name can't be one.
    ConflictError
        When it is taken.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"user '{name}': the name may hold letters, digits and . _ @ -, 100 at most",
            f"利用者名 '{name}' は使えません。英数字と . _ @ - (100 文字以内) で指定してください。",
            field="name",
        )
    if session.scalar(select(UserRecord.id).where(UserRecord.name == name)):
        raise ConflictError(f"user '{name}' exists already", f"利用者 '{name}' は既に存在します。", value=name)
    user = UserRecord(id=new_id(), name=name, is_admin=is_admin, is_active=True, created=now(), failures=0)
    session.add(user)
    session.flush()
    return user


def find_user(session: Session, name: str) -> UserRecord:
    """The user of that name.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    user = session.scalar(select(UserRecord).where(UserRecord.name == name))
    if user is None:
        raise NotFoundError(f"no user '{name}'", f"利用者 '{name}' は存在しません。", value=name)
    return user


def list_users(session: Session) -> Sequence[UserRecord]:
    """All users by name."""
    return session.scalars(select(UserRecord).order_by(UserRecord.name)).all()


def set_password(session: Session, user: UserRecord, password: str) -> None:
    """Give the user a password, lift a lock, end their sessions.

    Raises
    ------
    ParameterError
        When it is shorter than 12 characters.
    """
    if len(password) < _LEAST_PASSWORD:
        raise ParameterError(
            f"password: it has {len(password)} characters; at least {_LEAST_PASSWORD} are needed",
            f"パスワードは {_LEAST_PASSWORD} 文字以上にしてください。",
            field="password",
        )
    session.execute(
        update(UserRecord)
        .where(UserRecord.id == user.id)
        .values(password=hash_password(password), failures=0, locked_until=None)
    )
    session.execute(delete(SessionRecord).where(SessionRecord.user_id == user.id))


def disable_user(session: Session, user: UserRecord) -> None:
    """Shut the user out at once: no key, no session, no log-in; the name stays taken for the log's sake."""
    session.execute(update(UserRecord).where(UserRecord.id == user.id).values(is_active=False, password=None))
    for record in (KeyRecord, SessionRecord):
        session.execute(delete(record).where(record.user_id == user.id))


def enable_user(session: Session, user: UserRecord) -> None:
    """Let the user in again; without a password or key until they get one."""
    session.execute(update(UserRecord).where(UserRecord.id == user.id).values(is_active=True))


def set_admin(session: Session, user: UserRecord, is_admin: bool) -> None:
    """Make the user an administrator or take that away; their sessions end."""
    session.execute(update(UserRecord).where(UserRecord.id == user.id).values(is_admin=is_admin))
    session.execute(delete(SessionRecord).where(SessionRecord.user_id == user.id))


def log_in(database: Database, name: str, password: str) -> UserRecord | None:
    """The user whose password it is; five failures in a row lock the account for 15 minutes."""
    with database.reading() as session:
        user = session.scalar(select(UserRecord).where(UserRecord.name == name, UserRecord.is_active))
    moment = now()
    is_right = is_password(None if user is None else user.password, password)  # takes long: no transaction meanwhile
    if user is None or (user.locked_until is not None and user.locked_until > moment):
        return None
    failures = 0 if is_right else UserRecord.failures + 1
    locks = UserRecord.failures + 1 >= _MAX_FAILURES
    until = None if is_right else case((locks, moment + _LOCKED_FOR), else_=UserRecord.locked_until)
    with database.writing() as session:
        session.execute(
            update(UserRecord).where(UserRecord.id == user.id).values(failures=failures, locked_until=until)
        )
    return user if is_right else None


def add_project(session: Session, project_id: str, title: str) -> ProjectRecord:
    """A new project.

    Raises
    ------
    ParameterError
        When the id can't be one.
    ConflictError
        When it is taken.
    """
    if not _PROJECT.fullmatch(project_id):
        raise ParameterError(
            f"project '{project_id}': the id may hold small letters, digits and -, 40 at most",
            f"プロジェクト ID '{project_id}' は使えません。英小文字・数字・- (40 文字以内) で指定してください。",
            field="project",
        )
    if session.get(ProjectRecord, project_id) is not None:
        raise ConflictError(
            f"project '{project_id}' exists already",
            f"プロジェクト '{project_id}' は既に存在します。",
            value=project_id,
        )
    project = ProjectRecord(id=project_id, title=title or project_id, created=now())
    session.add(project)
    session.flush()
    return project


def list_projects(session: Session) -> Sequence[ProjectRecord]:
    """All projects by id."""
    return session.scalars(select(ProjectRecord).order_by(ProjectRecord.id)).all()


def require_project(session: Session, project_id: str) -> None:
    """Refuse a project that does not exist.

    Raises
    ------
    ParameterError
        When there is none of that id.
    """
    if project_id != DEFAULT_PROJECT and session.get(ProjectRecord, project_id) is None:
        raise ParameterError(
            f"project: there is no '{project_id[:60]}'",
            f"project: '{project_id[:60]}' は存在しません。",
            field="project",
        )


def grant(session: Session, user: UserRecord, project_id: str, role: Role | None) -> None:
    """Give the user a role in the project; None takes it away, with the keys that were made for that project."""
    require_project(session, project_id)
    mine = (MembershipRecord.user_id == user.id, MembershipRecord.project_id == project_id)
    session.execute(delete(MembershipRecord).where(*mine))
    if role is not None:
        session.add(MembershipRecord(user_id=user.id, project_id=project_id, role=role))
        return
    session.execute(delete(KeyRecord).where(KeyRecord.user_id == user.id, KeyRecord.project_id == project_id))


def roles_of(session: Session, user_id: str) -> dict[str, Role]:
    """Project -> role of the user."""
    rows = session.scalars(
        select(MembershipRecord).where(MembershipRecord.user_id == user_id).order_by(MembershipRecord.project_id)
    )
    return {row.project_id: Role(row.role) for row in rows}
