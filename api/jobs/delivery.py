"""How the results of a job are wanted: in which form, which of them, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ResponseForm = Literal["raw", "document"]
Event = Literal["inProgress", "success", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a client said about the answer, beside what it wants done.

    Parameters
    ----------
    response
        Form of the results.
    wanted
        Names of the outputs that were asked for; None for all.
    subscriber
        Event -> address to tell.
    base_url
        Root of the service as the client reached it; links in callbacks begin with it.
    idempotency_key, request_sha256
        The client's name for this request, and what the request said.
    keep_days
        Days for which the files are kept after the job's end; 0 for ever.
    project_id, owner
        Where the job belongs, and who started it.
    """

    response: ResponseForm = "document"
    wanted: Sequence[str] | None = None
    subscriber: dict[Event, str] | None = None
    base_url: str = "/"
    idempotency_key: str | None = None
    request_sha256: str | None = None
    keep_days: float = 0.0
    project_id: str = "default"
    owner: str = "local"
