"""Browsers that log in at the provider that the administrator has named: there, and back."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from api.access import oidc
from api.access.gate import address_of, refuse_when_open
from api.access.oidc_users import user_of
from api.access.sessions import begin_session, is_over_tls
from api.access.visitor import Visitor
from api.errors import status_of
from api.links import href
from api.refusals import UnauthorizedError
from api.schemas_access import LogInWays, OidcWay
from api.service import Service, TheService
from pointcloud.errors import NotFoundError, TengunError

router = APIRouter(tags=["access"])

_ATTEMPT: Final = "tengun_login"
_PATH: Final = "/session/oidc"
_REFUSAL: Final = """<!doctype html><html lang="ja"><meta charset="utf-8"><title>tengun 点群</title>
<p>{ja}</p><p lang="en">{en}</p><p><a href="{app}">ログイン画面へ Log in</a></p></html>
"""
Given = Annotated[str, Query(max_length=4000)]


@router.get("/session/ways", response_model_exclude_none=True)
def show_ways(request: Request, service: TheService) -> LogInWays:
    """How a browser may log in beside name and password."""
    if not service.settings.oidc_issuer:
        return LogInWays()
    return LogInWays(oidc=OidcWay(title=service.settings.oidc_title, href=href(request, "begin_oidc")))


@router.get(_PATH, include_in_schema=False)
def begin_oidc(request: Request, service: TheService) -> Response:
    """Send the browser to the provider; it keeps what the return is held against."""
    try:
        _require_provider(service)
        attempt, address = oidc.begin(service.settings, href(request, "finish_oidc"))
    except TengunError as error:
        return _refusal(error, request)
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    response.set_cookie(
        _ATTEMPT,
        oidc.sealed(attempt, service.secret),
        max_age=oidc.ATTEMPT_S,
        httponly=True,
        samesite="lax",  # it comes back from the provider's page
        secure=is_over_tls(service),
        path="/",
    )
    return response


@router.get(f"{_PATH}/return", include_in_schema=False)
def finish_oidc(
    request: Request, service: TheService, code: Given = "", state: Given = "", error: Given = ""
) -> Response:
    """Take the browser that comes back from the provider into the app, as the user that it is."""
    try:
        _require_provider(service)
        service.gate.failures.check(address_of(request))
        attempt = oidc.unsealed(request.cookies.get(_ATTEMPT, ""), service.secret, state)
        if error or not code:
            raise UnauthorizedError(
                f"the provider did not log you in ({error[:100] or 'no code'})",
                f"認証サーバーでログインできませんでした ({error[:100] or 'code なし'})。",
            )
        claims = oidc.claims_of(service.settings, attempt, code, href(request, "finish_oidc"))
        with service.database.writing() as session:
            user = user_of(session, service.settings, claims)
    except TengunError as refusal:
        if isinstance(refusal, UnauthorizedError):
            service.gate.failures.take(address_of(request))
        return _refusal(refusal, request)
    response = RedirectResponse("../../app/?entered", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    answer = begin_session(service, user, response)
    response.delete_cookie(_ATTEMPT, path="/")
    request.state.visitor = Visitor(user.name, "oidc", user.is_admin)
    request.state.subject = f"{answer.name} sub {str(claims['sub'])[:100]}"
    return response


def _require_provider(service: Service) -> None:
    refuse_when_open(service)
    if not service.settings.oidc_issuer:
        raise NotFoundError(
            "this service has no log-in provider; set TENGUN_OIDC_ISSUER",
            "外部ログインは設定されていません (TENGUN_OIDC_ISSUER)。",
        )


def _refusal(error: TengunError, request: Request) -> Response:
    """A page for whoever sits before the browser, where a program would get a problem document."""
    page = _REFUSAL.format(en=escape(error.en), ja=escape(error.ja), app=escape(href(request, "open_app")))
    return HTMLResponse(page, int(status_of(type(error))), {"Content-Security-Policy": "default-src 'none'"})
