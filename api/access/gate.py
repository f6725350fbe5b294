"""The gate that every route stands behind: who asks, how often, and whether the request is their own."""

from __future__ import annotations

import hmac
from typing import Annotated, Final
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from api.access.credentials import visitor_of_key, visitor_of_session
from api.access.rates import RateLimit
from api.access.visitor import LOCAL, NOBODY, Visitor
from api.refusals import ForbiddenError, UnauthorizedError
from api.service import Service, TheService
from pointcloud.errors import ConflictError

COOKIE: Final = "tengun_session"
CSRF_HEADER: Final = "X-CSRF-Token"

_PAGES: Final = ("custom_swagger_ui_html", "swagger_ui_redirect")
_LOG_IN: Final = ("log_in", "show_ways", "begin_oidc", "finish_oidc")
PUBLIC: Final = frozenset(
    {"landing", "conformance", "health", "readiness", "describe_problem", *_LOG_IN, "open_app", "show_asset", *_PAGES}
)
"""Routes that answer anybody, by name; every other one wants a key or a session."""

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_BEARER: Final = HTTPBearer(auto_error=False, description="API key: `Authorization: Bearer tgn_...`")


class Gate:
    """Counts requests and failures.

    Parameters
    ----------
    requests_per_minute
        For each user.
    failures_per_minute
        Wrong keys and passwords from each address.
    """

    def __init__(self, requests_per_minute: float, failures_per_minute: float) -> None:
        self.requests = RateLimit(requests_per_minute, "requests", "要求")
        self.failures = RateLimit(failures_per_minute, "failed log-ins", "認証の失敗")


def address_of(request: Request) -> str:
    """Where the request comes from: the client's address, or what a trusted proxy says of it."""
    return request.client.host if request.client else "-"


async def identify(
    request: Request,
    service: TheService,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)] = None,
) -> Visitor:
    """Whoever sent the request.

    Raises
    ------
    UnauthorizedError
        When the route is not public and neither key nor session is good.
    ForbiddenError
        When another web page sent the request through the visitor's browser.
    RateError
        When they ask too often.
    """
    _refuse_foreign_page(request)
    is_open = service.settings.access == "open"
    visitor = LOCAL if is_open else await run_sync(_proven, request, service, bearer)
    request.state.visitor = visitor
    if visitor.via not in (LOCAL.via, NOBODY.via):
        service.gate.requests.take(visitor.name)
    return visitor


TheVisitor = Annotated[Visitor, Depends(identify)]


def identify_again(request: Request, service: Service) -> Visitor:
    """Whoever sent a request whose answer goes on and on, as their key or session stands now; it is not counted.

    Raises
    ------
    UnauthorizedError
        When neither is good any more.
    """
    if service.settings.access == "open":
        return LOCAL
    scheme, credentials = get_authorization_scheme_param(request.headers.get("authorization"))
    is_key = scheme.lower() == "bearer" and credentials
    return _proven(
        request, service, HTTPAuthorizationCredentials(scheme=scheme, credentials=credentials) if is_key else None
    )


def require_admin(visitor: TheVisitor) -> None:
    """Refuse whoever is no administrator; they learn nothing of what there is.

    Raises
    ------
    ForbiddenError
        When the visitor is none, also an administrator with a key for one project.
    """
    if not visitor.is_admin:
        raise ForbiddenError(
            "this is for administrators; log in as one or use an administrator's key",
            "管理者専用です。管理者としてログインするか、管理者のキーを使ってください。",
        )


def refuse_when_open(service: TheService) -> None:
    """Refuse what is about users where there are none.

    Raises
    ------
    ConflictError
        When the service is open to its own machine.
    """
    if service.settings.access == "open":
        raise ConflictError(
            "this service is open to its own machine and has no users; set TENGUN_ACCESS=users",
            "このサービスは利用者管理なしで動作しています。TENGUN_ACCESS=users で起動してください。",
        )


def _proven(request: Request, service: Service, bearer: HTTPAuthorizationCredentials | None) -> Visitor:
    token = request.cookies.get(COOKIE)
    visitor = None
    if bearer is not None or token:
        service.gate.failures.check(address_of(request))
        with service.database.reading() as session:
            if bearer is not None:
                visitor = visitor_of_key(session, service.secret, bearer.credentials)
            elif found := visitor_of_session(session, service.secret, token or ""):
                visitor, csrf = found
                _refuse_forged(request, csrf)
        if visitor is None and bearer is not None:
            service.gate.failures.take(address_of(request))
    if visitor is None:
        if request.scope["route"].name in PUBLIC:
            return NOBODY
        raise UnauthorizedError(
            "who are you? send an API key (Authorization: Bearer tgn_...) or log in with POST /session",
            "認証が必要です。API キー (Authorization: Bearer tgn_...) を送るか、POST /session でログインしてください。",
        )
    return visitor


def _refuse_forged(request: Request, csrf: str) -> None:
    """A browser sends a cookie along with any page's request; only our own page knows the token."""
    sent = request.headers.get(CSRF_HEADER, "")
    if request.method not in _SAFE and not hmac.compare_digest(sent.encode(), csrf.encode()):
        raise ForbiddenError(
            f"the header {CSRF_HEADER} is missing or wrong; send the csrf_token that POST /session answered",
            f"{CSRF_HEADER} ヘッダが不正です。POST /session の応答にある csrf_token を送ってください。",
        )


def _refuse_foreign_page(request: Request) -> None:
    """A page of another site may send simple requests to this service through a visitor's browser."""
    origin = request.headers.get("origin")
    if request.method in _SAFE or origin is None:
        return
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        host = ""
    if host != request.headers.get("host", "").lower():
        raise ForbiddenError(
            f"a page of {origin[:100]} may not change anything here; open the service's own address",
            f"{origin[:100]} のページからは操作できません。このサービスのアドレスから操作してください。",
        )
