"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) with creation, termination and expiration."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import TypeAdapter, ValidationError

from api.access.gate import TheVisitor
from api.access.users import require_project
from api.datasets.resumable import Arrival
from api.datasets.tiles import Epoch, Method, Tile
from api.links import href
from api.refusals import MediaTypeError, QueryError, TusVersionError
from api.schemas import Upload
from api.service import Project, TheService
from api.statements import dataset_answer
from pointcloud.errors import ParameterError

VERSION: Final = "1.0.0"
_OFFSETS: Final = "application/offset+octet-stream"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_METHOD: Final[TypeAdapter[Method | None]] = TypeAdapter(Method | None)
_EPOCH: Final[TypeAdapter[Epoch | None]] = TypeAdapter(Epoch | None)
_PIECE = {
    "requestBody": {
        "required": True,
        "content": {_OFFSETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(tags=["datasets"])
Number = Annotated[str | None, Header(pattern=r"^\d{1,15}$")]


def _found(upload_id: str, service: TheService, visitor: TheVisitor) -> Arrival:
    return service.uploads.find(upload_id, visitor)


def _changeable(arrival: Annotated[Arrival, Depends(_found)], visitor: TheVisitor) -> Arrival:
    visitor.require_change(arrival.project_id)
    return arrival


Mine = Annotated[Arrival, Depends(_found)]
Changeable = Annotated[Arrival, Depends(_changeable)]


@router.options("/uploads", status_code=204, include_in_schema=False)
def tus_options(service: TheService) -> Response:
    """What this server speaks."""
    return _tus(
        204,
        **{
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,termination,expiration",
            "Tus-Max-Size": str(service.settings.max_upload_bytes),
        },
    )


@router.post("/uploads", status_code=201, response_class=Response)
def begin_upload(
    request: Request,
    service: TheService,
    visitor: TheVisitor,
    project: Project = None,
    upload_length: Number = None,
    upload_metadata: Annotated[
        str,
        Header(
            max_length=4000,
            description="`filename BASE64`; where known `sha256 BASE64` (hexadecimal digits), `method` and `epoch`",
        ),
    ] = "",
    tus_resumable: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """Begin an upload: every limit is told before a byte is sent. The answer's Location takes the pieces."""
    project_id = visitor.target_project(project)
    with service.database.reading() as session:
        require_project(session, project_id)
    _require_version(tus_resumable)
    if upload_length is None:
        raise QueryError(
            "upload: the header Upload-Length is missing; send the size of the file in bytes",
            "Upload-Length ヘッダがありません。ファイルのバイト数を指定してください。",
            field="Upload-Length",
        )
    given = _metadata(upload_metadata)
    sha256 = given.get("sha256")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise _bad_metadata("sha256 is not 64 hexadecimal digits in small letters")
    name = given.get("filename") or given.get("name")
    if not name:
        raise _bad_metadata("filename is missing")
    stated = _stated(given)
    arrival = service.uploads.begin(name, int(upload_length), sha256, project_id, visitor.name, stated)
    location = href(request, "show_upload", upload_id=arrival.id)
    return _tus(201, Location=location, **_expiry(arrival))


@router.head("/uploads/{upload_id}", response_class=Response, include_in_schema=False)
async def ask_offset(arrival: Mine, service: TheService) -> Response:
    """How many bytes are safe."""
    arrival = await _completed(arrival, service)
    lengths = {"Upload-Offset": str(arrival.offset), "Upload-Length": str(arrival.length)}
    return _tus(200, **lengths, **_expiry(arrival), **{"Cache-Control": "no-store"})


@router.get("/uploads/{upload_id}", response_model_exclude_none=True)
async def show_upload(arrival: Mine, request: Request, service: TheService) -> Upload:
    """How far an upload is, and the dataset that it became."""
    arrival = await _completed(arrival, service)
    return Upload(
        id=arrival.id,
        project=arrival.project_id,
        name=arrival.name,
        length=arrival.length,
        offset=arrival.offset,
        expires=arrival.expires,
        dataset=None if arrival.dataset is None else dataset_answer(arrival.dataset, request),
    )


@router.patch("/uploads/{upload_id}", status_code=204, response_class=Response, openapi_extra=_PIECE)
async def send_piece(
    arrival: Changeable,
    request: Request,
    service: TheService,
    upload_offset: Number = None,
    content_type: Annotated[str, Header(max_length=100)] = "",
    tus_resumable: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """Send the next piece, from ``Upload-Offset`` on. With the last one the file is checked and becomes a dataset.

    The dataset has the id of the upload; the header ``Upload-Dataset`` tells it.
    """
    _require_version(tus_resumable)
    if content_type != _OFFSETS:
        raise MediaTypeError(
            f"upload: Content-Type is '{content_type}'; expected {_OFFSETS}",
            f"Content-Type '{content_type}' は使えません。{_OFFSETS} を指定してください。",
            field="Content-Type",
        )
    text = request.headers.get("content-length", "")
    announced = int(text) if text.isdecimal() else None
    offset = await service.uploads.receive(arrival, int(upload_offset or "0"), announced, request.stream())
    headers = {"Upload-Offset": str(offset), **_expiry(arrival)}
    if offset == arrival.length:
        dataset = await run_sync(service.uploads.finish, arrival)
        headers |= {
            "Upload-Dataset": dataset.id,
            "Content-Location": href(request, "show_dataset", dataset_id=dataset.id),
        }
    return _tus(204, **headers)


@router.post("/uploads/{upload_id}", status_code=204, response_class=Response, include_in_schema=False)
async def send_piece_by_post(
    arrival: Changeable,
    request: Request,
    service: TheService,
    upload_offset: Number = None,
    content_type: Annotated[str, Header(max_length=100)] = "",
    tus_resumable: Annotated[str, Header(max_length=20)] = "",
    x_http_method_override: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """The same for networks whose proxies let no PATCH pass: ``X-HTTP-Method-Override: PATCH``."""
    if x_http_method_override.upper() != "PATCH":
        raise ParameterError(
            "upload: send pieces with PATCH, or with POST and X-HTTP-Method-Override: PATCH",
            "PATCH で送信するか、POST に X-HTTP-Method-Override: PATCH を付けてください。",
            field="X-HTTP-Method-Override",
        )
    return await send_piece(arrival, request, service, upload_offset, content_type, tus_resumable)


@router.delete("/uploads/{upload_id}", status_code=204, response_class=Response)
def drop_upload(arrival: Changeable, service: TheService) -> Response:
    """Give an upload up; a dataset that it became already is removed with DELETE /datasets/{id}."""
    if arrival.dataset is None:
        service.uploads.drop(arrival.id)
    return _tus(204)


async def _completed(arrival: Arrival, service: TheService) -> Arrival:
    """An upload whose last piece came just before the service ended becomes its dataset when it is asked for."""
    if arrival.dataset is not None or arrival.offset < arrival.length:
        return arrival
    dataset = await run_sync(service.uploads.finish, arrival)
    return Arrival(arrival.id, arrival.project_id, arrival.name, arrival.length, arrival.offset, dataset=dataset)


def _tus(status: int, **headers: str) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, **headers})


def _expiry(arrival: Arrival) -> dict[str, str]:
    expires: datetime | None = arrival.expires
    return {} if expires is None else {"Upload-Expires": format_datetime(expires, usegmt=True)}


def _require_version(sent: str) -> None:
    if sent != VERSION:
        raise TusVersionError(
            f"Tus-Resumable is '{sent}'; this server speaks {VERSION}",
            f"Tus-Resumable '{sent}' には対応していません ({VERSION} のみ)。",
            field="Tus-Resumable",
        )


def _metadata(text: str) -> dict[str, str]:
    """Key -> value of ``key base64,key base64``."""
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise _bad_metadata(f"{key[:40]} is not base64 of UTF-8") from error
    return found


def _stated(given: dict[str, str]) -> Tile:
    """How and when the file was surveyed, where the client says it."""
    try:
        return Tile(None, _METHOD.validate_python(given.get("method")), _EPOCH.validate_python(given.get("epoch")))
    except ValidationError as error:
        raise _bad_metadata("method is LP, ALB, MMS, UAV or TLS, epoch 2021, 2021-07 or 2021-07-03") from error


def _bad_metadata(reason: str) -> QueryError:
    return QueryError(
        f"Upload-Metadata: {reason}; send filename and its name in base64, and sha256 likewise where you know it",
        f"Upload-Metadata が不正です ({reason})。filename と、分かる場合は sha256 を base64 で送ってください。",
        field="Upload-Metadata",
    )
