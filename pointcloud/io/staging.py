"""A file that is being written appears whole or not at all."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointcloud.errors import ResourceError

_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT,
             errno.ENOTDIR, errno.EISDIR)  # fmt: skip


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A path beside ``target`` that replaces it when the block succeeds and vanishes when it fails.

    Its suffix is that of ``target``. The folder must exist.

    Raises
    ------
    ResourceError
        When the operating system refuses to write: disk full, no permission, no such folder.
    """
    mark = f"partial-{os.getpid()}-{threading.get_ident()}"
    stage = target.with_name(f".{target.stem}.{mark}{target.suffix}")
    try:
        yield stage
        stage.replace(target)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise refusal(target, error.strerror or str(error)) from error
    finally:
        stage.unlink(missing_ok=True)


def refusal(target: Path, reason: str) -> ResourceError:
    """The error for a file that cannot be written."""
    return ResourceError(
        f"writing {target.name}: {reason}; check that the folder exists, may be written to and has space",
        f"{target.name} に書き込めません ({reason})。フォルダの有無、権限、空き容量を確認してください。",
        file=target.name,
    )
