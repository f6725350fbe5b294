"""Keys, passwords, and the one secret that their hashes and the audit log hang on."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from api.settings import Settings

KEY_PREFIX: Final = "tgn_"
"""Begins every API key, so that scanners of code and logs can find one that got lost."""

_HASHER: Final = PasswordHasher()
_NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5bm9ib2R5$5mL0vTO1wT2rmKcDLKTvsXYK9ETjo3Cyz2+jQdkKAuM"
"""A hash to compare with where there is no user, so that the answer takes as long."""


def service_secret(settings: Settings) -> bytes:
    """The secret of the settings, or the one in the data folder, made at the first start for its owner only."""
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    try:
        return _read(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _made(path)


def new_key() -> str:
    """A fresh API key of 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_password() -> str:
    """A fresh password of 120 random bits that can be typed."""
    return "-".join(secrets.token_hex(3) for _ in range(5))


def digest_of(secret: bytes, token: str) -> str:
    """What is stored of a key or session: its HMAC-SHA256, of no use to who reads the database alone.

    A token is random in full, so that a slow hash such as a password needs would add nothing.
    """
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()


def hash_password(password: str) -> str:
    """The argon2id hash of a password."""
    return _HASHER.hash(password)


def is_password(hashed: str | None, password: str) -> bool:
    """True where the password is the one; takes its 0.2 s where there is no such user, too."""
    try:
        return _HASHER.verify(hashed or _NOBODYS, password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    return path.read_bytes().strip()


def _made(path: Path) -> bytes:
    # whole or not there: a cut-off start must not leave an empty secret
    fresh = path.with_name(f"secret.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    write_private(fresh, secrets.token_hex(32))
    try:
        os.link(fresh, path)
    except FileExistsError:  # another command was quicker
        pass
    finally:
        fresh.unlink()
    return _read(path)
