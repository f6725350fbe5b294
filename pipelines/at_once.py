"""Tasks of one run in threads side by side, watched from the run's own thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from threading import Event
from typing import Final, TypeVar

from pointcloud.errors import CancelledError

T = TypeVar("T")
Report = Callable[[float], None]

_PAUSE_S: Final = 0.25


def at_once(tasks: Sequence[Callable[[Report], T]], report: Report) -> list[T]:
    """What the tasks return, in their order.

    Parameters
    ----------
    tasks
        Each is given a function to report the share that it has done; where one fails, that ends the others.
    report
        Called in this thread with the mean share; what it raises, such as a user's wish to stop, ends all tasks.

    Raises
    ------
    Exception
        The first failure in the order of the tasks.
    """
    done = [0.0] * len(tasks)
    is_over = Event()

    def note(index: int, share: float) -> None:
        if is_over.is_set():
            raise CancelledError("stopped beside a task that ended the run", "並行する処理が終了したため中止しました。")
        done[index] = share

    with ThreadPoolExecutor(len(tasks)) as pool:
        jobs = [pool.submit(task, partial(note, index)) for index, task in enumerate(tasks)]
        try:
            while wait(jobs, _PAUSE_S, FIRST_EXCEPTION).not_done:
                report(sum(done) / len(done))
                if any(job.done() and job.exception() for job in jobs):
                    break
        finally:
            is_over.set()
    failures = [failure for job in jobs if (failure := job.exception())]
    if failures:
        raise next((f for f in failures if not isinstance(f, CancelledError)), failures[0])
    return [job.result() for job in jobs]
