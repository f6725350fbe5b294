"""Around every request: one log line, a limit on the size of bodies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import database_response, problem_response, unforeseen_response
from api.problems import Problem
from api.refusals import TooLargeError

logger = logging.getLogger("tengun.requests")


class RequestLog:
    """Logs method, path, status, duration and client. No query and no headers: they may hold secrets.

    An error that nobody foresaw ends here, too: it is logged, and the client gets its id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope["path"].encode("unicode_escape").decode("ascii")  # a line break in a path stays in its line
        status = 0

        async def remember(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, remember)
        except OperationalError as error:  # the audit log's own; that of a route is answered by its handler
            if status != 0:
                raise
            logger.error("%s %s: database: %s", scope["method"], path, error.orig)  # noqa: TRY400 (no bug of ours)
            await database_response()(scope, receive, remember)
        except Exception:  # the last one to hear of it; what it is stands in the log
            answer = unforeseen_response(scope["method"], path)
            if status != 0:  # too late for another answer: the broken connection tells the client
                raise
            await answer(scope, receive, remember)
        finally:
            client = (scope.get("client") or ("-",))[0]
            seconds = time.perf_counter() - started
            fields = {"method": scope["method"], "path": path, "status": status, "ms": round(1000 * seconds, 1)}
            logger.info(
                "%s %s %d %.0f ms %s", *fields.values(), client, extra={"request": {**fields, "client": client}}
            )
            route = scope.get("route")
            name = None if route is None else route.name
            scope["app"].state.service.metrics.note_request(scope["method"], name, status, seconds)


class BodyLimit:
    """Takes small bodies in before the application runs and refuses larger ones; uploads have a limit of their own.

    Parameters
    ----------
    app
        The application behind.
    max_bytes
        The limit.
    is_exempt
        True for paths whose bodies are files.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, is_exempt: Callable[[str], bool]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._is_exempt = is_exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on once its whole body is here, or refuse it."""
        if scope["type"] != "http" or self._is_exempt(scope["path"]):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        is_more = True
        while is_more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
            if len(body) > self._max_bytes:
                await problem_response(self._too_large())(scope, receive, send)
                return
        await self._app(scope, _replayed(bytes(body), receive), send)

    def _too_large(self) -> Problem:
        return Problem(
            TooLargeError.code,
            f"the request is larger than {self._max_bytes} bytes; upload large data with POST /datasets",
            f"要求が上限 {self._max_bytes} バイトを超えています。大きなデータは POST /datasets で登録してください。",
            {"limit_bytes": self._max_bytes},
        )


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A channel that gives the body first, then whatever comes next, such as the client's leaving."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
