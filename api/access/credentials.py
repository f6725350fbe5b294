"""Keys and sessions: made, listed, ended, and turned into a visitor."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.access.secrets import digest_of, new_key
from api.access.users import roles_of
from api.access.visitor import Role, Visitor
from api.identifiers import new_id
from api.records import KeyRecord, SessionRecord, UserRecord, now
from api.schemas import ApiKey
from pointcloud.errors import NotFoundError, ParameterError


def add_key(
    session: Session, secret: bytes, user: UserRecord, title: str, project_id: str | None, expires: datetime | None
) -> tuple[KeyRecord, str]:
    """A new key of the user and the key itself, which is told now and never again.

    Raises
    ------
    ParameterError
        When it is to count for a project that the user is not in.
    """
    if project_id is not None and not user.is_admin and project_id not in roles_of(session, user.id):
        raise ParameterError(
            f"key: user '{user.name}' is not in project '{project_id}'",
            f"利用者 '{user.name}' はプロジェクト '{project_id}' に参加していません。",
            field="project",
        )
    key = new_key()
    record = KeyRecord(
        id=new_id(),
        user_id=user.id,
        title=title,
        digest=digest_of(secret, key),
        project_id=project_id,
        created=now(),
        expires=expires,
    )
    session.add(record)
    session.flush()
    return record, key


def key_answer(record: KeyRecord, key: str | None = None) -> ApiKey:
    """A key as the service tells it; the key itself where it was just made."""
    return ApiKey(
        id=record.id,
        title=record.title,
        project=record.project_id,
        created=record.created,
        expires=record.expires,
        key=key,
    )


def list_keys(session: Session, user_id: str) -> Sequence[KeyRecord]:
    """The user's keys, the newest first; what they are is not known any more."""
    return session.scalars(
        select(KeyRecord).where(KeyRecord.user_id == user_id).order_by(KeyRecord.created.desc())
    ).all()


def remove_key(session: Session, user_id: str, key_id: str) -> None:
    """End a key of the user.

    Raises
    ------
    NotFoundError
        When the user has none of that id.
    """
    mine = (KeyRecord.id == key_id, KeyRecord.user_id == user_id)
    if session.scalar(delete(KeyRecord).where(*mine).returning(KeyRecord.id)) is None:
        raise NotFoundError(f"no key '{key_id}' of yours", f"キー '{key_id}' はありません。", value=key_id)


def open_session(session: Session, secret: bytes, user: UserRecord, hours: float) -> tuple[str, SessionRecord]:
    """A new browser session: the token for its cookie, and the record with the token against forged requests."""
    token = secrets.token_urlsafe(32)
    moment = now()
    session.execute(delete(SessionRecord).where(SessionRecord.expires <= moment))
    record = SessionRecord(
        digest=digest_of(secret, token),
        user_id=user.id,
        csrf=secrets.token_urlsafe(32),
        created=moment,
        expires=moment + timedelta(hours=hours),
    )
    session.add(record)
    return token, record


def find_session(session: Session, secret: bytes, token: str) -> SessionRecord:
    """The browser session of that token.

    Raises
    ------
    NotFoundError
        When there is none, as for those who come with a key.
    """
    record = session.get(SessionRecord, digest_of(secret, token))
    if record is None:
        raise NotFoundError("you came with a key, not with a session", "セッションではなくキーで認証されています。")
    return record


def close_session(session: Session, secret: bytes, token: str) -> None:
    """End a browser session."""
    session.execute(delete(SessionRecord).where(SessionRecord.digest == digest_of(secret, token)))


def visitor_of_key(session: Session, secret: bytes, key: str) -> Visitor | None:
    """Whose key it is; a key for one project opens that one alone, an admin's, too."""
    query = select(KeyRecord, UserRecord).join(UserRecord, UserRecord.id == KeyRecord.user_id)
    found = session.execute(query.where(KeyRecord.digest == digest_of(secret, key), UserRecord.is_active)).one_or_none()
    if found is None or (found[0].expires is not None and found[0].expires <= now()):
        return None
    record, user = found
    via = f"key {record.id}"
    if record.project_id is None:
        return Visitor(user.name, via, user.is_admin, roles_of(session, user.id))
    role = Role.OPERATOR if user.is_admin else roles_of(session, user.id).get(record.project_id)
    return Visitor(user.name, via, roles={} if role is None else {record.project_id: role})


def visitor_of_session(session: Session, secret: bytes, token: str) -> tuple[Visitor, str] | None:
    """Whose session it is, and its token against forged requests."""
    query = select(SessionRecord, UserRecord).join(UserRecord, UserRecord.id == SessionRecord.user_id)
    found = session.execute(
        query.where(
            SessionRecord.digest == digest_of(secret, token), SessionRecord.expires > now(), UserRecord.is_active
        )
    ).one_or_none()
    if found is None:
        return None
    record, user = found
    return Visitor(user.name, "session", user.is_admin, roles_of(session, user.id)), record.csrf
