"""Sessions, who one is, one's own keys and password."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from api.access import users
from api.access.credentials import add_key, close_session, find_session, key_answer, list_keys, remove_key
from api.access.gate import COOKIE, TheVisitor, address_of, refuse_when_open
from api.access.sessions import begin_session
from api.access.users import find_user, set_password
from api.access.visitor import LOCAL, Visitor
from api.records import UserRecord, now
from api.refusals import UnauthorizedError
from api.schemas import ApiKey, ApiKeyList, LogIn, Me, NewKey, NewPassword, SessionAnswer
from api.service import TheService

router = APIRouter(tags=["access"])


@router.post("/session", status_code=201)
def log_in(body: LogIn, request: Request, response: Response, service: TheService) -> SessionAnswer:
    """Log in with name and password: a cookie, and the token that changes must send in ``X-CSRF-Token``."""
    refuse_when_open(service)
    service.gate.failures.check(address_of(request))
    user = users.log_in(service.database, body.name, body.password)
    if user is None:
        service.gate.failures.take(address_of(request))
        raise _wrong()
    answer = begin_session(service, user, response)
    request.state.visitor = Visitor(user.name, "session", user.is_admin)
    return answer


@router.get("/session")
def show_session(request: Request, service: TheService, visitor: TheVisitor) -> SessionAnswer:
    """The session of this browser, with the token that its page needs for changes."""
    refuse_when_open(service)
    with service.database.reading() as session:
        record = find_session(session, service.secret, request.cookies.get(COOKIE, ""))
    return SessionAnswer(
        name=visitor.name,
        is_admin=visitor.is_admin,
        projects=visitor.roles,
        csrf_token=record.csrf,
        expires=record.expires,
    )


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response, service: TheService, visitor: TheVisitor) -> None:
    """Log out."""
    del visitor
    token = request.cookies.get(COOKIE)
    if token:
        with service.database.writing() as session:
            close_session(session, service.secret, token)
    response.delete_cookie(COOKIE, path="/")


@router.get("/me")
def show_me(visitor: TheVisitor) -> Me:
    """Who the service takes you for, and your role in each of your projects."""
    return Me(name=visitor.name, is_admin=visitor.is_admin, projects=dict(visitor.roles))


@router.put("/me/password", status_code=204)
def change_password(body: NewPassword, request: Request, service: TheService, visitor: TheVisitor) -> None:
    """Change your password; all your sessions end."""
    refuse_when_open(service)
    service.gate.failures.check(address_of(request))
    if users.log_in(service.database, visitor.name, body.present) is None:
        service.gate.failures.take(address_of(request))
        raise _wrong()
    with service.database.writing() as session:
        set_password(session, find_user(session, visitor.name), body.new)


@router.get("/me/keys", response_model_exclude_none=True)
def show_keys(service: TheService, visitor: TheVisitor) -> ApiKeyList:
    """Your API keys without the keys themselves."""
    with service.database.reading() as session:
        records = [] if visitor == LOCAL else list_keys(session, find_user(session, visitor.name).id)
    return ApiKeyList(keys=[key_answer(record) for record in records])


@router.post("/me/keys", status_code=201, response_model_exclude_none=True)
def make_key(body: NewKey, service: TheService, visitor: TheVisitor) -> ApiKey:
    """Make an API key; this is the only answer that holds it. A key for one project makes keys for that one alone."""
    refuse_when_open(service)
    expires = None if body.days is None else now() + timedelta(days=body.days)
    with service.database.writing() as session:
        user: UserRecord = find_user(session, visitor.name)
        project = body.project or _only_project(visitor, user)
        if project is not None and not visitor.sees(project):
            project = visitor.target_project(project)  # refuses, and says which there are
        record, key = add_key(session, service.secret, user, body.title, project, expires)
    return key_answer(record, key)


@router.delete("/me/keys/{key_id}", status_code=204)
def end_key(key_id: str, service: TheService, visitor: TheVisitor) -> None:
    """End one of your keys at once."""
    refuse_when_open(service)
    with service.database.writing() as session:
        remove_key(session, find_user(session, visitor.name).id, key_id)


def _only_project(visitor: Visitor, user: UserRecord) -> str | None:
    """A key that opens one project must not make one that opens more."""
    is_narrow = visitor.via.startswith("key ") and (user.is_admin != visitor.is_admin or len(visitor.roles) == 1)
    return next(iter(visitor.roles), None) if is_narrow else None


def _wrong() -> UnauthorizedError:
    return UnauthorizedError(
        "name or password is wrong, or the account is locked for 15 minutes after five failures",
        "名前またはパスワードが違うか、5 回の失敗により 15 分間ロックされています。",
    )
