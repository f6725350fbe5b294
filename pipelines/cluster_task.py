"""What a worker of Dask runs for one tile: it starts the process that does the work, and stops it when told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final, cast

from pipelines.cluster_child import Ending
from pipelines.cluster_order import Order
from pointcloud.errors import ConflictError, FileError, ResourceError, TengunError

if TYPE_CHECKING:
    from distributed import Worker

_POLL_S: Final = 0.2
_LAST_WORDS: Final = 2000
_OFTEN_MEMORY: Final = (-9, -6)
"""SIGKILL and SIGABRT: how the kernel ends a process, and how libraries give up, where memory ran out."""
_THREADS: Final = ("NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


class TileError(Exception):
    """A tile was not made for a reason that the job finds, too, when it makes the tile itself."""


def make(text: str) -> None:
    """Make the entries of the order ``text``; returns when they are there, or when nobody wants them any more.

    Raises
    ------
    ConflictError
        When the program here is another one than the job's.
    FileError
        When a file of the survey is not here.
    ResourceError
        When memory ran out, or the process was ended.
    TileError
        When the work failed.
    """
    from distributed import get_worker

    order = Order.from_json(text)
    if order.is_done(order.cache.names()):
        return
    with tempfile.TemporaryFile() as words:
        code = _run(text, get_worker(), words)
        words.seek(max(0, words.tell() - _LAST_WORDS))
        said = words.read().decode(errors="replace").strip()
    if code is None:
        return
    if code != Ending.MADE:
        raise _problem(order, code, said)
    if not order.is_done(order.cache.names()):
        raise TileError(f"tile {order.name} could not be kept in the cache by {socket.gethostname()}: {said}")


def _run(text: str, worker: Worker, words: IO[bytes]) -> int | None:
    """Exit code of the tile's process; None where it was stopped because the task was cancelled."""
    key = worker.get_current_task()
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module, no shell)
        [sys.executable, "-m", "pipelines.cluster_child", str(_memory(worker))],
        stdin=subprocess.PIPE,  # held open as long as the worker lives, see the child
        stdout=subprocess.DEVNULL,
        stderr=words,
        env=_environment(worker),
    )
    pipe = cast("IO[bytes]", process.stdin)
    try:
        with suppress(BrokenPipeError):
            pipe.write(text.encode() + b"\n")
            pipe.flush()
        while _is_wanted(worker, key):
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_S)
        return None
    finally:
        process.kill()
        process.wait()
        with suppress(BrokenPipeError):
            pipe.close()


def _is_wanted(worker: Worker, key: object) -> bool:
    """False once the task is cancelled or its job gone, of which the scheduler tells the worker, or the worker ends."""
    task = worker.state.tasks.get(key)
    if task is None or worker.status.name in {"closing", "closed", "failed"}:
        return False
    return str(task.state) in {"executing", "long-running"}


def _memory(worker: Worker) -> int:
    """Bytes that a tile may use: the tiles that run at the same time share the worker's limit; 0 without one."""
    return int((worker.memory_manager.memory_limit or 0) // worker.state.nthreads)


def _environment(worker: Worker) -> dict[str, str]:
    """The worker's environment, with threads for a share of the machine unless it says how many."""
    threads = max(1, (os.cpu_count() or 1) // worker.state.nthreads)
    return {**dict.fromkeys(_THREADS, str(threads)), **os.environ}


def _problem(order: Order, code: int, said: str) -> TengunError | TileError:
    host, name = socket.gethostname(), order.name
    if code == Ending.OTHER_CODE:
        return ConflictError(
            f"tile {name}: the cluster's machine {host} runs another version of tengun or its libraries than this "
            "job, so its results would differ; install the same versions on all machines and start its worker again",
            f"タイル {name}: クラスタの {host} の tengun またはライブラリの版がこのジョブと異なります。"
            "全マシンに同じ版を導入し、ワーカーを再起動してください。",
            host=host,
        )
    if code == Ending.OTHER_FILES:
        file = said.rpartition("\n")[2]
        return FileError(
            f"tile {name}: the cluster's machine {host} does not see {file} as this job does; uploads and cache must "
            "be on storage that all machines mount under the same path",
            f"タイル {name}: クラスタの {host} から {file} が同じ内容で見えません。"
            "データとキャッシュは全マシンから同じパスで見える共有ストレージに置いてください。",
            host=host,
        )
    if code == Ending.NO_MEMORY or code in _OFTEN_MEMORY:
        sure = code == Ending.NO_MEMORY
        return ResourceError(
            f"tile {name}: memory {'ran' if sure else 'most likely ran'} out on the cluster's machine {host}; process "
            "a smaller area, or ask the administrator for more memory (dask worker --memory-limit, --nthreads)",
            f"タイル {name}: クラスタの {host} でメモリが不足した{'' if sure else '可能性が高い'}ため中止しました。"
            "範囲を小さくするか、ワーカーのメモリの増量 (dask worker --memory-limit、--nthreads) を管理者に"
            "依頼してください。",
            host=host,
        )
    return TileError(f"tile {name} failed on {host} with exit code {code}: {said}")
