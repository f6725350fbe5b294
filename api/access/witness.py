"""Writes every request into the audit log: before its answer begins where it changed or hands out something."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.audit import AuditLog, Deed
from api.access.gate import PUBLIC
from api.access.visitor import NOBODY, Visitor

_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
_HANDED_OUT: Final = frozenset({"show_results", "download_archive", "download_result", "show_log", "export_audit"})
"""Reading these takes data out of the service."""

_LETS_IN: Final = "finish_oidc"
"""A look by its method, as a browser comes back from elsewhere, but it opens a session."""


class Witness:
    """Around the application.

    Parameters
    ----------
    app
        The application behind; its state holds the service once it has started.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and write down what it was."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        log: AuditLog = scope["app"].state.service.audit

        async def remember(message: Message) -> None:
            if message["type"] == "http.response.start" and _counts(scope):
                deed = _deed(scope, message["status"])
                if _is_written_at_once(scope, message["status"]):
                    is_piece = message["status"] == HTTPStatus.PARTIAL_CONTENT  # a 3-D view asks for hundreds
                    await run_sync(log.record_first if is_piece else log.record, deed)
                else:
                    log.count(deed)
            await send(message)

        await self._app(scope, receive, remember)


def _counts(scope: Scope) -> bool:
    """Pages for everybody are nobody's deed, unless somebody tries to log in."""
    name = _route(scope)
    return name is not None and (name not in PUBLIC or name == _LETS_IN or scope["method"] not in _LOOKS)


def _is_written_at_once(scope: Scope, status: int) -> bool:
    is_done = status < 400
    return is_done and (scope["method"] not in _LOOKS or _route(scope) in {*_HANDED_OUT, _LETS_IN})


def _route(scope: Scope) -> str | None:
    route: Any = scope.get("route")
    return None if route is None else route.name


def _deed(scope: Scope, status: int) -> Deed:
    visitor: Visitor = scope.get("state", {}).get("visitor", NOBODY)
    address = (scope.get("client") or ("-",))[0]
    path = scope["path"].encode("unicode_escape").decode("ascii")
    target = f"{scope['method']} {path} {scope.get('state', {}).get('subject', '')}".rstrip()
    return Deed(visitor.name, visitor.via, address, _route(scope) or "-", target, str(status))
