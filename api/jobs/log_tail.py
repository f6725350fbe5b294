"""The end of a job's log."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 1024**2


def log_tail(path: Path, n_lines: int, data_dir: Path) -> str:
    """The last ``n_lines`` lines of the log, at most 1 MiB of it, without the folder where the service keeps its data.

    A job that has not printed anything has an empty log.
    """
    if not path.exists():
        return ""
    with path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(size - _MAX_BYTES, 0))
        text = log.read().decode("utf-8", "replace")
    lines = text.replace(f"{data_dir}/", "").splitlines(keepends=True)
    return "".join(lines[-n_lines:])
