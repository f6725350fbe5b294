"""States of a job and the moves between them: the one table.

::

    accepted ──> running ──> successful
        │ ^         │ ├────> failed
        │ └─────────┘ │        (back to accepted: the service stopped or died under the job)
        └─────────────┴────> dismissed
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """The states of OGC API - Processes 1.0 (18-062r2, statusCode.yaml), and nothing else."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def is_ended(self) -> bool:
        """True where no move leads on."""
        return not MOVES[self]


MOVES: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.ACCEPTED: frozenset({JobStatus.RUNNING, JobStatus.DISMISSED}),
    JobStatus.RUNNING: frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED, JobStatus.ACCEPTED}),
    JobStatus.SUCCESSFUL: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.DISMISSED: frozenset(),
}
"""Allowed moves. Every change of state in ``api/jobs/store.py`` is an UPDATE guarded by this table."""


def sources_of(target: JobStatus) -> frozenset[JobStatus]:
    """The states from which a job may move to ``target``."""
    return frozenset(status for status, targets in MOVES.items() if target in targets)
