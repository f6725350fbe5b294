"""Output folders get whole results or nothing; `pointcloud.io.staging` does the same for one file."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointcloud.errors import ParameterError, ResourceError


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A fresh folder whose files move into ``target`` when the block succeeds and vanish when it fails.

    Files of the same name in ``target`` are replaced; other files there stay.

    Raises
    ------
    ParameterError
        When ``target`` exists and is not a folder.
    ResourceError
        When the disk is full or not writable.
    """
    if target.exists() and not target.is_dir():
        raise ParameterError(
            f"output folder {target}: a file of that name exists; give another name with -o",
            f"出力先 {target} は既存のファイルです。-o で別の名前を指定してください。",
            value=str(target),
        )
    with _explained(target, *_DENIED):
        parent = target.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=parent))
    try:
        with _explained(target):
            yield stage
        with _explained(target, *_DENIED):
            target.mkdir(parents=True, exist_ok=True)
            for item in sorted(stage.iterdir()):
                item.replace(target / item.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EROFS, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY)


@contextmanager
def _explained(target: Path, *denied: int) -> Iterator[None]:
    """Turn the operating system's refusals into errors that say what to do: a full disk, and those in ``denied``.

    A refusal inside a run may be about an input; it is not explained here as one of the output.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (*_FULL, *denied):
            raise
        raise ResourceError(
            f"writing {target}: {error.strerror}; free space or choose another place with -o",
            f"{target} に書き込めません ({error.strerror})。空き容量を確保するか -o で別の場所を指定してください。",
            file=str(target),
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON as UTF-8 with two spaces, numbers unrounded; the same content gives the same bytes."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
