"""Errors that only a service meets, beside those of ``pointcloud.errors``; without web code, as workers raise some."""

from __future__ import annotations

from typing import ClassVar

from pointcloud.errors import ConflictError, InputError, NotFoundError, ParameterError, ResourceError, TengunError


class TooLargeError(InputError):
    """What was sent is larger than the service takes."""

    code: ClassVar[str] = "too-large"


class QueryError(ParameterError):
    """A query parameter is not allowed; the standard wants another status for it than for a body."""

    code: ClassVar[str] = "query"


class UnauthorizedError(TengunError):
    """The request does not say who sent it, or not in a way that can be believed."""

    code: ClassVar[str] = "unauthorized"


class ForbiddenError(TengunError):
    """Whoever sent the request may not do that."""

    code: ClassVar[str] = "forbidden"


class RateError(TengunError):
    """Too many requests, jobs or failures; ``retry_after_s`` tells when to come again."""

    code: ClassVar[str] = "rate"


class OffsetError(ConflictError):
    """A piece of an upload does not begin where the bytes before it end."""

    code: ClassVar[str] = "offset"


class BusyError(ConflictError):
    """Somebody else is at it right now."""

    code: ClassVar[str] = "busy"


class MediaTypeError(InputError):
    """A body is not of the type that is wanted here."""

    code: ClassVar[str] = "media-type"


class TusVersionError(InputError):
    """A client speaks another version of the upload protocol."""

    code: ClassVar[str] = "tus-version"


class GoneError(NotFoundError):
    """It was there, and was removed when its time was over."""

    code: ClassVar[str] = "gone"


class UnavailableError(ResourceError):
    """The service itself is not able to work."""

    code: ClassVar[str] = "unavailable"
