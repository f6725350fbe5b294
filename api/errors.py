"""From errors to answers: the only place with HTTP status codes.

Every answer that is not a success is ``application/problem+json`` (RFC 9457), in English and Japanese.
Where OGC API - Processes 1.0 names an exception, its ``type`` is used. An error that nobody foresaw says
nothing but an id, under which the log holds the traceback.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.identifiers import new_id
from api.problems import CRASHED, INTERNAL, Problem, plain
from api.refusals import (
    BusyError,
    ForbiddenError,
    GoneError,
    MediaTypeError,
    QueryError,
    RateError,
    TooLargeError,
    TusVersionError,
    UnauthorizedError,
    UnavailableError,
)
from api.validation import explain
from pipelines.progress import Text
from pointcloud.errors import (
    CancelledError,
    ConflictError,
    InputError,
    NotFoundError,
    ResourceError,
    TengunError,
)

logger = logging.getLogger("tengun.errors")

_TRY_AGAIN_S: Final = 30
PROBLEM_JSON: Final = "application/problem+json"

STATUS: Final[Mapping[type[TengunError], HTTPStatus]] = {
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    QueryError: HTTPStatus.BAD_REQUEST,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    RateError: HTTPStatus.TOO_MANY_REQUESTS,
    GoneError: HTTPStatus.GONE,
    BusyError: HTTPStatus.LOCKED,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TusVersionError: HTTPStatus.PRECONDITION_FAILED,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    CancelledError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    ResourceError: HTTPStatus.INSUFFICIENT_STORAGE,
    TengunError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Error class -> status. The nearest base class counts."""

TITLES: Final[Mapping[str, Text]] = {
    "input": Text("The input cannot be used", "入力を処理できません"),
    "file": Text("The file cannot be used", "ファイルを処理できません"),
    "crs": Text("The reference system is missing or does not match", "座標参照系が未指定または不一致です"),
    "units": Text("Coordinates are not in metres of a plane", "座標の単位または軸が不正です"),
    "geometry": Text("The geometry cannot be used", "図形を処理できません"),
    "overlap": Text("The inputs do not meet", "入力の範囲が重なりません"),
    "parameter": Text("A parameter is not allowed", "パラメータが不正です"),
    "query": Text("A query parameter is not allowed", "クエリパラメータが不正です"),
    "too-large": Text("Too large", "大きさが上限を超えています"),
    "not-found": Text("Not found", "見つかりません"),
    "unauthorized": Text("Who are you?", "認証が必要です"),
    "forbidden": Text("Not allowed", "権限がありません"),
    "rate": Text("Too many", "回数または件数が上限を超えています"),
    "offset": Text("The piece belongs elsewhere", "送信位置が一致しません"),
    "busy": Text("In use", "使用中です"),
    "media-type": Text("Another media type is needed", "メディアタイプが不正です"),
    "tus-version": Text("Another version of the protocol is needed", "プロトコルの版が異なります"),
    "gone": Text("No longer kept", "保存期間が終了しました"),
    "conflict": Text("Not possible in the present state", "現在の状態では実行できません"),
    "resource": Text("Disk, memory or time ran out", "ディスク・メモリ・時間が不足しました"),
    "unavailable": Text("The service cannot work", "サービスを利用できません"),
    "cancelled": Text("Cancelled", "中止されました"),
    CRASHED: Text("The job's process crashed", "処理プロセスが異常終了しました"),
    INTERNAL: Text("Internal error", "内部エラー"),
}
"""Code -> title of the problem."""

_OGC: Final = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
_OGC_TYPES: Final = {
    "process": f"{_OGC}no-such-process",
    "job": f"{_OGC}no-such-job",
    "results": f"{_OGC}result-not-ready",
}
_HTTP_JA: Final = {404: "このURLはありません。", 405: "このURLではその操作はできません。"}


class ProblemResponse(Response):
    """An answer in ``application/problem+json``, whatever odd value a client sent into it."""

    media_type = PROBLEM_JSON

    def render(self, content: Any) -> bytes:
        """Strict JSON in UTF-8."""
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False).encode()


def status_of(kind: type[TengunError]) -> HTTPStatus:
    """The status that answers an error of that class."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def status_of_code(code: str) -> HTTPStatus:
    """The status that answers a problem of that code."""
    return _BY_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_body(problem: Problem) -> dict[str, Any]:
    """The members of RFC 9457, the Japanese texts, the code, and the error's own details."""
    title = TITLES.get(problem.code, TITLES[INTERNAL])
    resource = problem.details.get("resource")
    members = {
        "type": _OGC_TYPES.get(str(resource), f"/problems/{problem.code}"),
        "title": title.en,
        "title_ja": title.ja,
        "status": int(status_of_code(problem.code)),
        "detail": problem.en,
        "detail_ja": problem.ja,
        "code": problem.code,
    }
    return members | {name: value for name, value in problem.details.items() if name not in members}


def unforeseen_response(method: str, path: str) -> ProblemResponse:
    """The answer to the exception that is being handled; its id leads to the traceback in the log."""
    incident = new_id()
    logger.exception("incident %s: %s %s", incident, method, path)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "id": incident}
    return ProblemResponse(body, status_code=int(status))


def install(app: FastAPI) -> None:
    """Let every error of the application end here; each handler gets errors of the class it is added for."""
    app.add_exception_handler(TengunError, _answer_tengun)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(OperationalError, _answer_database)


def _answer_tengun(request: Request, error: Any) -> Response:
    return problem_response(Problem.from_error(error, [request.app.state.settings.data_dir]))


def problem_response(problem: Problem) -> ProblemResponse:
    """The answer to a problem."""
    body = problem_body(problem)
    headers = {"WWW-Authenticate": "Bearer"} if problem.code == UnauthorizedError.code else {}
    if "retry_after_s" in problem.details:
        headers["Retry-After"] = str(problem.details["retry_after_s"])
    return ProblemResponse(body, status_code=body["status"], headers=headers)


def _answer_validation(_: Request, error: Any) -> Response:
    problem = explain(error.errors(), "request")
    if all(finding["loc"][0] == "query" for finding in error.errors()):
        problem = replace(problem, code=QueryError.code)
    return problem_response(problem)


def _answer_http(_: Request, error: Any) -> Response:
    status = HTTPStatus(error.status_code)
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": str(error.detail),
        "detail_ja": _HTTP_JA.get(int(status), f"要求を処理できません ({int(status)})。"),
        "code": status.phrase.lower().replace(" ", "-"),
    }
    return ProblemResponse(body, status_code=int(status), headers=error.headers)


def _answer_database(request: Request, error: Any) -> Response:
    """The database can't be written just now: its disk is full, it is locked, or its server is away."""
    logger.error("%s %s: database: %s", request.method, request.url.path, error.orig)
    return database_response()


def database_response() -> ProblemResponse:
    """The answer while the database can't be used."""
    return problem_response(
        Problem(
            UnavailableError.code,
            "the database cannot be used just now, mostly because its disk is full; nothing was lost; try again later "
            "or tell the administrator",
            "データベースを使用できません (多くはディスクの空き容量不足)。"
            "時間をおいて再試行するか、管理者に連絡してください。",
            {"retry_after_s": _TRY_AGAIN_S},
        )
    )


def _answer_nobody(_: Request, __: Exception) -> Response:
    """Nobody hears this any more; the request log shows it."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _all_kinds(kind: type[TengunError]) -> list[type[TengunError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all_kinds(child))]


_BY_CODE: Final = {kind.code: status_of(kind) for kind in _all_kinds(TengunError)}
