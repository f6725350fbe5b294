"""Problems as plain records: what an error leaves behind when it crosses a process or the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointcloud.errors import TengunError

CRASHED = "crashed"
"""Code of a job whose worker process ended without a word."""

INTERNAL = "internal"
"""Code of an error that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in both languages; ``code`` is for programs."""

    code: str
    en: str
    ja: str
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_error(cls, error: TengunError, hidden: Iterable[Path] = ()) -> Problem:
        """The problem that an error tells; the ``hidden`` folders are taken out of its paths.

        A user knows a file by its name; where the server keeps it is not the user's business.
        """
        folders = [f"{folder}/" for folder in hidden]
        return cls(
            error.code,
            _without(error.en, folders),
            _without(error.ja, folders),
            {name: _without(value, folders) for name, value in error.details.items()},
        )

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Problem:
        """The problem that `as_dict` wrote."""
        return cls(content["code"], content["en"], content["ja"], content["details"])

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"code": self.code, "en": self.en, "ja": self.ja, "details": plain(self.details)}


def _without(value: Any, folders: list[str]) -> Any:
    if isinstance(value, str):
        for folder in folders:
            value = value.replace(folder, "")
        return value
    if isinstance(value, list | tuple):
        return [_without(item, folders) for item in value]
    return value


def plain(value: Any, depth: int = 50) -> Any:
    """``value`` as strict JSON can hold it.

    A number that is not finite, a path or a date becomes text; what is nested deeper than ``depth`` an ellipsis.
    """
    if isinstance(value, dict | list | tuple | set | frozenset):
        if depth == 0:
            return "..."
        if isinstance(value, dict):
            return {str(name): plain(item, depth - 1) for name, item in value.items()}
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value if value is None or isinstance(value, int) else str(value)
