"""The one tree of errors that tengun raises on purpose.

::

    TengunError
    ├── InputError            what the caller sent cannot be used
    │   ├── FileError         a file is broken, cut short, or not what its name says
    │   ├── CrsError          the reference system is missing, unknown, or does not match
    │   ├── UnitsError        feet, degrees, or swapped axes
    │   ├── GeometryError     a zone or line cannot be used
    │   ├── OverlapError      surveys or zones do not meet
    │   └── ParameterError    a parameter is outside what is allowed
    ├── NotFoundError         no such process, job, dataset, file
    ├── ConflictError         the thing is not in a state that allows this
    ├── ResourceError         disk, memory or time ran out
    └── CancelledError        the user stopped the work

A message says what was being done, the offending value, what is allowed and what to do, in English
and in Japanese. HTTP status codes are the business of ``api/errors.py`` alone.
"""

from __future__ import annotations

from typing import Any, ClassVar


class TengunError(Exception):
    """Base of every error that tengun raises on purpose.

    Parameters
    ----------
    en, ja
        The message in English and Japanese; neither is empty.
    **details
        JSON-ready values that a program may want: ``file``, ``field``, ``value``, ``candidates``.
    """

    code: ClassVar[str] = "error"

    def __init__(self, en: str, ja: str, **details: Any) -> None:
        super().__init__(en, ja)
        self.en = en
        self.ja = ja
        self.details = details

    def __str__(self) -> str:
        return self.en

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.en, self.ja, self.details)


def _rebuild(kind: type[TengunError], en: str, ja: str, details: dict[str, Any]) -> TengunError:
    return kind(en, ja, **details)


class InputError(TengunError):
    """What the caller sent cannot be used."""

    code = "input"


class FileError(InputError):
    """A file is broken, cut short, or not what its name says."""

    code = "file"


class CrsError(InputError):
    """The coordinate reference system is missing, unknown, or does not match."""

    code = "crs"


class UnitsError(InputError):
    """Coordinates are in feet or degrees, or easting and northing are swapped."""

    code = "units"


class GeometryError(InputError):
    """A zone or line cannot be used."""

    code = "geometry"


class OverlapError(InputError):
    """Surveys or zones do not meet."""

    code = "overlap"


class ParameterError(InputError):
    """A parameter is outside what is allowed."""

    code = "parameter"


class NotFoundError(TengunError):
    """No such process, job, dataset or file."""

    code = "not-found"


class ConflictError(TengunError):
    """The thing is not in a state that allows this."""

    code = "conflict"


class ResourceError(TengunError):
    """Disk, memory or time ran out."""

    code = "resource"


class CancelledError(TengunError):
    """The user stopped the work."""

    code = "cancelled"
