"""Work that is done again and again beside the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger("tengun.service")


class Periodic:
    """A thread that calls ``turn``, waits, and calls it again until it is stopped.

    Parameters
    ----------
    name
        Of the thread, for the log.
    turn
        Called at once and then every ``interval_s``; what it raises is logged, and the next turn tries again.
    interval_s
        Time between the end of a turn and the start of the next.
    """

    def __init__(self, name: str, turn: Callable[[], object], interval_s: float) -> None:
        self._turn = turn
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """True once the turn that is being made is the last one."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the turn that is being made; no other follows."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:  # a locked database or a full disk must not end the thread
                logger.exception("%s: turn failed, trying again", self._thread.name)
            self._stopping.wait(self._interval_s)
