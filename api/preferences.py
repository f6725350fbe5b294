"""How a client wants to be answered: the Prefer header, outputs, response form, subscriber, idempotency key."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final
from urllib.parse import urlsplit

from api.jobs.delivery import Delivery, Event, ResponseForm
from api.schemas import ExecuteRequest, Subscriber
from api.settings import Settings
from pointcloud.errors import ParameterError

OUTPUTS: Final = ("summary", "outputs")
"""Names of the outputs that every process has."""

_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)
_ASYNC: Final = re.compile(r"(?:^|[,;])\s*respond-async\b", re.IGNORECASE)
_EVENT_OF: Final[dict[str, Event]] = {
    "success_uri": "success",
    "in_progress_uri": "inProgress",
    "failed_uri": "failed",
}


def wait_seconds(prefer: str, longest_s: float) -> float:
    """How long the answer may wait for the job's end (RFC 7240 ``wait``); 0 where the client does not want to wait."""
    match = _WAIT.search(prefer)
    return min(float(match[1]), longest_s) if match else 0.0


def applied_preferences(prefer: str, waited_s: float) -> str:
    """The preferences that were honoured, for the header Preference-Applied."""
    applied = ["respond-async"] if _ASYNC.search(prefer) else []
    return ", ".join(applied + ([f"wait={waited_s:.0f}"] if waited_s else []))


def read_delivery(
    process_id: str, order: ExecuteRequest, idempotency_key: str | None, base_url: str, settings: Settings
) -> Delivery:
    """The delivery that a request asks for.

    Raises
    ------
    ParameterError
        For an output that does not exist, or an address that may not be called.
    """
    wanted = _wanted(process_id, order)
    form: ResponseForm = "raw" if wanted is not None and len(wanted) == 1 else "document"
    content = json.dumps([process_id, order.inputs, order.model_dump(exclude={"inputs"})], sort_keys=True)
    return Delivery(
        response=order.response or form,
        wanted=wanted,
        subscriber=None if order.subscriber is None else _subscriber(order.subscriber, settings),
        base_url=base_url,
        idempotency_key=idempotency_key,
        request_sha256=hashlib.sha256(content.encode()).hexdigest(),
        keep_days=settings.keep_results_days,
    )


def _wanted(process_id: str, order: ExecuteRequest) -> list[str] | None:
    if not order.outputs:
        return None
    unknown = [name for name in order.outputs if name not in OUTPUTS]
    if unknown:
        raise ParameterError(
            f"{process_id}: no output '{unknown[0]}'; there are {', '.join(OUTPUTS)}",
            f"{process_id}: 出力 '{unknown[0]}' はありません。利用できる出力: {', '.join(OUTPUTS)}",
            field="outputs",
            allowed=list(OUTPUTS),
        )
    return [name for name in OUTPUTS if name in order.outputs]


def _subscriber(subscriber: Subscriber, settings: Settings) -> dict[Event, str]:
    given = {event: getattr(subscriber, member) for member, event in _EVENT_OF.items()}
    return {event: _checked_address(url, settings) for event, url in given.items() if url is not None}


def _checked_address(url: str, settings: Settings) -> str:
    """The address, if the administrator allows its host: the service must not become a way into other machines."""
    allowed = settings.allowed_callback_hosts
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and "@" not in parts.netloc and url.isascii()
        is_allowed = is_plain and url.isprintable() and parts.netloc.lower() in allowed
    except ValueError:
        is_allowed = False
    if is_allowed:
        return url
    hosts = ", ".join(allowed) or "none"
    raise ParameterError(
        f"subscriber: '{url[:100]}' may not be called; allowed hosts are: {hosts} (TENGUN_CALLBACK_HOSTS)",
        f"subscriber: '{url[:100]}' への通知は許可されていません。許可されているホスト: "
        f"{hosts} (管理者が TENGUN_CALLBACK_HOSTS で設定)",
        field="subscriber",
        allowed=list(allowed),
    )
