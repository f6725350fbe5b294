"""The first start with users: an admin, and how to log in."""

from __future__ import annotations

import logging

from sqlalchemy import select

from api.access.credentials import add_key
from api.access.secrets import new_password, write_private
from api.access.users import add_user, set_password
from api.database import Database
from api.records import UserRecord
from api.settings import Settings

logger = logging.getLogger("tengun.service")


def ensure_admin(settings: Settings, database: Database, secret: bytes) -> None:
    """Make the user ``admin`` where there is no user yet, and write how to log in to a file that only its owner reads.

    Not into the log: logs are copied to where nobody's password belongs.
    """
    with database.reading() as session:
        if session.scalar(select(UserRecord.id).limit(1)) is not None:
            return
    path = settings.data_dir / "first-login.txt"
    path.unlink(missing_ok=True)
    with database.writing() as session:
        user = add_user(session, "admin", is_admin=True)
        password = new_password()
        set_password(session, user, password)
        _, key = add_key(session, secret, user, "first start", None, None)
        write_private(
            path,
            f"name: {user.name}\npassword: {password}\nAPI key: {key}\n\n"
            f'curl -H "Authorization: Bearer {key}" http{"s" if settings.tls_cert else ""}://HOST:{settings.port}/me\n'
            "Change the password with PUT /me/password, keep the key in a safe place, delete this file.\n"
            "パスワードを変更し、キーを安全な場所に保管した後、このファイルを削除してください。\n",
        )
    logger.warning("first start: user 'admin' was made; how to log in stands in %s; delete it when read", path)
