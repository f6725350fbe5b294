"""The version of the software, as it is written into every job."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """The installed version; a source tree that is not installed says so."""
    try:
        return version("tengun")
    except PackageNotFoundError:
        return "not-installed"
