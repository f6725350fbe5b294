"""The process that makes one tile for a cluster: ``python -m pipelines.cluster_child MEMORY_BYTES``, order on stdin.

It is a process of its own, because a task of Dask cannot be stopped, and because memory is limited by process. It
ends itself as soon as the other end of standard input is closed: with the worker that started it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from enum import IntEnum

from pipelines import stage_cache
from pipelines.cluster_order import Order
from pipelines.restraint import stand_back


class Ending(IntEnum):
    """What the exit code says; other codes are errors of the work itself."""

    MADE = 0
    OTHER_CODE = 10
    OTHER_FILES = 11
    NO_MEMORY = 12


def main(arguments: list[str]) -> int:
    """Make the ordered entries; an `Ending`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    order = Order.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_worker, name="lifeline", daemon=True).start()
    _protect_the_machine(int(arguments[0]))
    try:
        return _made(order)
    except MemoryError:
        return Ending.NO_MEMORY


def _made(order: Order) -> Ending:
    if order.code != stage_cache.code_version():
        return Ending.OTHER_CODE
    other = order.unlike_file()
    if other is not None:
        sys.stderr.write(f"{other}\n")  # the last line tells which
        return Ending.OTHER_FILES
    if order.stage == "ground":
        from pipelines.processes.ground import make_ordered_files

        make_ordered_files(order)
    else:
        from pipelines.tile_surfaces import make_ordered

        make_ordered(order)
    return Ending.MADE


def _end_with_the_worker() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def _protect_the_machine(memory: int) -> None:
    """A tile that needs too much gets a MemoryError, or is the kernel's first choice, before the machine dies."""
    import resource  # here, as the command line imports this module also where there is none

    if memory:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    stand_back()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
