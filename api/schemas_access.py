"""The JSON of the ways to log in."""

from __future__ import annotations

from pydantic import Field

from api.schemas import Answer


class OidcWay(Answer):
    """A provider at which a browser may log in."""

    title: str
    href: str = Field(description="Where to send the browser.")


class LogInWays(Answer):
    """What there is beside name and password."""

    oidc: OidcWay | None = None
