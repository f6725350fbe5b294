"""Sends the callbacks that wait in the outbox, signed, and tries again those that fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import httpx

from api.database import Database
from api.jobs.outbox import due_callbacks, note_outcome
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
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the callback that is being sent; the others wait for the next start."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        # neither proxies nor redirects: a callback goes where the administrator allowed it to go, or nowhere
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            while not self._stopping.wait(_POLL_S):
                try:
                    self._turn(client)
                except Exception:  # a locked database must not end the thread; the next turn tries again
                    logger.exception("callbacks: turn failed, trying again")

    def _turn(self, client: httpx.Client) -> None:
        with self._database.reading() as session:
            callbacks = due_callbacks(session, _AT_ONCE)
        for callback in callbacks:
            if self._stopping.is_set():
                return
            outcome, is_delivered = self._send(client, callback)
            with self._database.writing() as session:
                note_outcome(session, callback, outcome, is_delivered=is_delivered)
            logger.info("job %s: callback %s: %s", callback.job_id, callback.event, outcome)

    def _send(self, client: httpx.Client, callback: CallbackRecord) -> tuple[str, bool]:
        """What became of one attempt, and whether that was the last one needed."""
        content = self._body_of(callback)
        if content is None:
            return "the job is gone", True
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **signature_headers(self._key, callback.id, body)}
        try:
            answer = client.post(callback.url, content=body, headers=headers)
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
