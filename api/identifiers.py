"""Ids of jobs and datasets: random, so that nobody can guess another's."""

from __future__ import annotations

import re
import uuid
from typing import Final

ID_PATTERN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id() -> str:
    """A fresh id."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """True where ``text`` may be an id at all; only such text reaches the database or a path."""
    return ID_PATTERN.fullmatch(text) is not None
