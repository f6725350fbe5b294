"""Browser sessions as the routes begin them."""

from __future__ import annotations

from fastapi import Response

from api.access.credentials import open_session
from api.access.gate import COOKIE
from api.access.users import roles_of
from api.records import UserRecord
from api.schemas import SessionAnswer
from api.service import Service


def begin_session(service: Service, user: UserRecord, response: Response) -> SessionAnswer:
    """A new session of the user; its cookie goes with the response."""
    hours = service.settings.session_hours
    with service.database.writing() as session:
        token, record = open_session(session, service.secret, user, hours)
        roles = roles_of(session, user.id)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(hours * 3600),
        httponly=True,
        samesite="strict",
        secure=is_over_tls(service),
        path="/",
    )
    return SessionAnswer(
        name=user.name, is_admin=user.is_admin, projects=roles, csrf_token=record.csrf, expires=record.expires
    )


def is_over_tls(service: Service) -> bool:
    """True where browsers reach the service over TLS, its own or a proxy's."""
    return service.settings.tls_cert is not None or bool(service.settings.trusted_proxies)
