"""Sends the callbacks that wait in the outbox, signed, and tries again those that fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from typing import Any, Final

import httpx

from api.database import Database
from api.jobs.outbox import due_callbacks, note_outcome
from api.periodic import Periodic
from api.records import CallbackRecord, now
from api.settings import Settings

logger = logging.getLogger("tengun.callbacks")

_POLL_S: Final = 1.0
_TIMEOUT_S: Final = 10.0
_AT_ONCE: Final = 10


class Sender:
    """One thread that posts callbacks; without allowed hosts it is never started.

    Parameters
    ----------
    settings, database
        Of the service.
    body_of
        The JSON that a callback tells, or None where its job is gone.
    """

    def __init__(self, settings: Settings, database: Database, body_of: Callable[[CallbackRecord], Any]) -> None:
        self._key = b"" if settings.callback_secret is None else settings.callback_secret.get_secret_value().encode()
        self._database = database
        self._body_of = body_of
        # neither proxies nor redirects: a callback goes where the administrator allowed it to go, or nowhere
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._periodic = Periodic("callbacks", self._turn, _POLL_S)

    def start(self) -> None:
        """Begin to send."""
        self._periodic.start()

    def stop(self) -> None:
        """Finish the callback that is being sent; the others wait for the next start."""
        self._periodic.stop()
        self._client.close()

    def _turn(self) -> None:
        with self._database.reading() as session:
            callbacks = due_callbacks(session, _AT_ONCE)
        for callback in callbacks:
            if self._periodic.is_stopping:
                return
            outcome, is_delivered = self._send(callback)
            with self._database.writing() as session:
                note_outcome(session, callback, outcome, is_delivered=is_delivered)
            logger.info("job %s: callback %s: %s", callback.job_id, callback.event, outcome)

    def _send(self, callback: CallbackRecord) -> tuple[str, bool]:
        """What became of one attempt, and whether that was the last one needed."""
        content = self._body_of(callback)
        if content is None:
            return "the job is gone", True
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **signature_headers(self._key, callback.id, body)}
        try:
            answer = self._client.post(callback.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__, False
        return f"status {answer.status_code}", answer.is_success


def signature_headers(key: bytes, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of the Standard Webhooks specification: id, time and HMAC-SHA256 over both and the body.

    The receiver computes the same with the shared key, compares, and refuses what is older than five minutes.
    """
    timestamp = str(int(now().timestamp()))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
