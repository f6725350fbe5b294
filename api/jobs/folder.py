"""A job's folder: where its results, log, lock and temporary files lie, and who cleans them.

::

    jobs/<job id>/results/            finished files, there once the job is successful
    jobs/<job id>/.results.partial-*  what a running job writes
    jobs/<job id>/tmp/                TMPDIR of the job's processes
    jobs/<job id>/worker.log          what they print
    jobs/<job id>/lock                held by the worker as long as it lives, with its process id in it
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pointcloud.errors import ConflictError

_WAIT_FOR_LEFTOVER_S = 5.0
_TEMPORARY = "tmp"


class JobFolder:
    """The folder of one job.

    Parameters
    ----------
    jobs_dir, job_id
        The folder is ``jobs_dir / job_id``; it is made when something is put in.
    """

    def __init__(self, jobs_dir: Path, job_id: str) -> None:
        self.path = jobs_dir / job_id
        self.results = self.path / "results"
        self.temporary = self.path / _TEMPORARY
        self.log = self.path / "worker.log"
        self.lock = self.path / "lock"

    def make(self) -> None:
        """Make the folder with an empty place for temporary files."""
        self.temporary.mkdir(parents=True, exist_ok=True)

    def remove_unfinished(self, *, keep_results: bool) -> None:
        """Remove what only a running job needs, and all results unless the job was successful."""
        shutil.rmtree(self.temporary, ignore_errors=True)
        for partial in self.path.glob(f".{self.results.name}.partial-*"):
            shutil.rmtree(partial, ignore_errors=True)
        if not keep_results:
            shutil.rmtree(self.results, ignore_errors=True)

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)

    def end_leftover_worker(self) -> None:
        """End the worker of an earlier service if it still lives.

        The lock tells, not the process id: the system gives ids to others again, but a lock it drops itself.

        Raises
        ------
        ConflictError
            When the worker does not end.
        """
        if not self.lock.exists():
            return
        deadline = time.monotonic() + _WAIT_FOR_LEFTOVER_S
        while time.monotonic() < deadline:
            with self.lock.open("r+") as file:
                if _try_lock(file):
                    return
                pid = file.read().strip()
            if pid.isdecimal():
                with suppress(ProcessLookupError):
                    os.killpg(int(pid), signal.SIGKILL)
            time.sleep(0.05)
        raise ConflictError(
            f"job {self.path.name}: a worker of an earlier service still runs and does not end",
            f"ジョブ {self.path.name}: 以前のサービスの処理プロセスが終了しません。",
        )


def with_leftovers(jobs_dir: Path) -> list[str]:
    """Ids of the jobs whose folders still hold what only a running job needs."""
    return [temporary.parent.name for temporary in jobs_dir.glob(f"*/{_TEMPORARY}")]


@contextmanager
def exclusive(path: Path, en: str, ja: str) -> Iterator[None]:
    """Hold the lock of ``path`` during the block, this process's id in it.

    Raises
    ------
    ConflictError
        With the given texts, when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _try_lock(file):
            raise ConflictError(en, ja)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
