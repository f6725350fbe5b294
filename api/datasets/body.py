"""The bytes of an upload, whichever way they are sent, as a stream that never lies in memory whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from pointcloud.errors import FileError, ParameterError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(slots=True)
class Upload:
    """A file on its way in: the name that its owner gave it, and its bytes."""

    name: str
    chunks: AsyncIterator[bytes]


async def open_upload(request: Request, name: str | None) -> Upload:
    """The uploaded file: the body itself under ``name``, or the first file of a form.

    Raises
    ------
    ParameterError
        When a raw body comes without a name, or a form without a file.
    FileError
        When the form is broken.
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        if name is None:
            raise ParameterError(
                "upload: the file's name is missing; send the bytes to /datasets?name=08ND77.laz, "
                "or a form (multipart/form-data) with a file",
                "ファイル名がありません。/datasets?name=08ND77.laz に本文を送るか、"
                "multipart/form-data でファイルを送ってください。",
                field="name",
            )
        return Upload(name, request.stream())
    if not options.get(b"boundary"):
        raise _broken_form("no boundary in Content-Type")
    form = _FormFile(options[b"boundary"])
    chunks = form.read(request.stream())
    first = await anext(chunks, None)
    if first is None:
        raise ParameterError(
            "upload: the form holds no file; send the file in a field of type file",
            "フォームにファイルがありません。type=file の項目で送ってください。",
            field="file",
        )
    return Upload(name or form.name, _prepended(first, chunks))


async def _prepended(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


@dataclass(slots=True)
class _FormFile:
    """Takes the first file out of a form while the form is still arriving; other fields are passed over.

    The parser limits the headers of a part (4 kB each, eight of them).
    """

    boundary: bytes
    name: str = ""
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _is_ours: bool = False
    _is_found: bool = False
    _is_complete: bool = False
    _pending: list[bytes] = field(default_factory=list)

    async def read(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes; an empty file yields one empty chunk, a form without a file none."""
        try:
            parser = MultipartParser(self.boundary, self._callbacks())
            async for chunk in stream:
                parser.write(chunk)
                while self._pending:
                    yield self._pending.pop(0)
        except FormParserError as error:
            raise _broken_form(str(error)) from error
        if self._is_found and not self._is_complete:  # the parser itself takes a form that was cut short for whole
            raise _broken_form("it ends in the middle of the file")

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._is_ours = False

    def _begin_header(self) -> None:
        self._header.clear()
        self._value.clear()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() != b"content-disposition" or self._is_found:
            return
        _, options = parse_options_header(bytes(self._value))
        if b"filename" in options:
            self.name = options[b"filename"].decode("utf-8", "replace")
            self._is_ours = self._is_found = True
            self._pending.append(b"")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_ours:
            self._pending.append(data[start:end])

    def _end(self) -> None:
        self._is_complete = self._is_complete or self._is_ours
        self._is_ours = False


def _broken_form(reason: str) -> FileError:
    return FileError(
        f"upload: the form cannot be read ({reason}); send multipart/form-data with one file",
        f"フォームを読み取れません ({reason})。multipart/form-data でファイルを 1 つ送ってください。",
    )
