"""Log-in at an OpenID Connect provider: authorization code with PKCE, and an ID token that is checked in every part.

Nothing here asks anybody unless the administrator has named a provider.

References
----------
OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; OpenID Connect Discovery 1.0; RFC 7636 (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from api.access.secrets import digest_of
from api.refusals import UnauthorizedError, UnavailableError
from api.settings import Settings, is_encrypted_or_local

_TIMEOUT_S: Final = 10.0
ATTEMPT_S: Final = 600
"""Time that somebody has at the provider."""

_CLOCKS_DIFFER_S: Final = 60
_KNOWN_S: Final = 600
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures with the provider's own key: neither ``none`` nor a shared secret."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in that has begun; the browser that began it keeps it, sealed, until it comes back from the provider.

    Parameters
    ----------
    state, nonce, verifier
        What shows that the browser, the ID token and the code belong to this very attempt.
    until
        Moment (Unix time) after which it is too late.
    """

    state: str
    nonce: str
    verifier: str
    until: int


def begin(settings: Settings, return_url: str) -> tuple[Attempt, str]:
    """A new attempt, and the provider's address that the browser is sent to; ``return_url`` is where it comes back.

    Raises
    ------
    UnavailableError
        When the provider does not answer as one.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = Attempt(state, nonce, verifier, int(time.time()) + ATTEMPT_S)
    query = {
        "response_type": "code",
        "scope": settings.oidc_scope,
        "client_id": settings.oidc_client_id,
        "redirect_uri": return_url,
        "state": state,
        "nonce": nonce,
        "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    address = _endpoint(_discovered(settings), "authorization_endpoint")
    return attempt, f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def sealed(attempt: Attempt, secret: bytes) -> str:
    """The attempt as a text for a cookie, which its holder cannot change."""
    text = _unpadded(json.dumps(asdict(attempt)).encode())
    return f"{text}.{digest_of(secret, f'oidc {text}')}"


def unsealed(text: str, secret: bytes, state: str) -> Attempt:
    """The attempt that the browser kept.

    Raises
    ------
    UnauthorizedError
        When it is not ours, not the one that ``state`` names, or too old.
    """
    content, _, seal = text.partition(".")
    if hmac.compare_digest(seal.encode(), digest_of(secret, f"oidc {content}").encode()):
        attempt = Attempt(**json.loads(base64.urlsafe_b64decode(content + "==")))
        if hmac.compare_digest(attempt.state.encode(), state.encode()) and time.time() <= attempt.until:
            return attempt
    raise _refused(
        "it did not begin in this browser, or took over 10 minutes", "この端末で開始していないか、10 分を超えました"
    )


def claims_of(settings: Settings, attempt: Attempt, code: str, return_url: str) -> Mapping[str, Any]:
    """What the provider says of whoever came back with ``code``.

    Raises
    ------
    UnauthorizedError
        When the provider does not take the code, or its ID token is not for this service and attempt.
    UnavailableError
        When the provider does not answer as one.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": return_url}
    form["code_verifier"] = attempt.verifier
    key = settings.oidc_client_secret
    login = None
    if key is None:
        form["client_id"] = settings.oidc_client_id
    else:  # RFC 6749, section 2.3.1: both are form-encoded before they are joined
        login = (quote(settings.oidc_client_id, safe=""), quote(key.get_secret_value(), safe=""))
    document = _discovered(settings)
    with _client() as client:
        answer = _asked(client, "POST", _endpoint(document, "token_endpoint"), data=form, auth=login)
        keys = _asked(client, "GET", _endpoint(document, "jwks_uri"))
    return _verified(answer.get("id_token"), keys, settings, attempt.nonce)


def _verified(token: Any, keys: dict[str, Any], settings: Settings, nonce: str) -> Mapping[str, Any]:
    """The claims of an ID token, once signature, issuer, audience, times and nonce are right."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    wanted = {"iss": settings.oidc_issuer, "aud": settings.oidc_client_id, "nonce": nonce}
    rules = jwt.JWTClaimsRegistry(
        leeway=_CLOCKS_DIFFER_S,
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        **{name: {"essential": True, "value": value} for name, value in wanted.items()},  # type: ignore[arg-type]
    )
    try:
        known = KeySet.import_key_set(keys)  # type: ignore[arg-type]
        claims = jwt.decode(str(token), known, algorithms=_ALGORITHMS).claims
        rules.validate(claims)
    except (JoseError, ValueError) as error:
        raise _refused(f"its ID token is not good ({error})", f"ID トークンが不正です ({error})") from error
    if claims.get("azp", settings.oidc_client_id) != settings.oidc_client_id:
        raise _refused("its ID token is for another service", "ID トークンが別のサービス向けです")
    return claims


def _discovered(settings: Settings) -> Mapping[str, Any]:
    """What the provider says of itself; whoever calls the log-in page again and again does not ask it each time."""
    return _asked_for(settings.oidc_issuer, int(time.time()) // _KNOWN_S)


@lru_cache(maxsize=1)
def _asked_for(issuer: str, _period: int) -> Mapping[str, Any]:
    with _client() as client:
        document = _asked(client, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise _no_provider(f"it calls itself {str(document.get('issuer'))[:200]!r}")
    return document


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    address = str(document.get(name, ""))
    if not is_encrypted_or_local(address):
        raise _no_provider(f"its {name} is {address[:200]!r}, not an https address")
    return address


def _asked(client: httpx.Client, method: str, address: str, **options: Any) -> dict[str, Any]:
    """The JSON object that the provider answers."""
    try:
        response = client.request(method, address, **options)
        content = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _no_provider(f"{type(error).__name__} at {address}") from error
    if not isinstance(content, dict):
        raise _no_provider(f"no JSON object at {address}")
    if response.status_code != httpx.codes.OK:
        reason = str(content.get("error", response.status_code))[:100]
        raise _refused(f"the provider refused it ({reason})", f"認証サーバーに拒否されました ({reason})")
    return content


def _client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT_S, verify=_certificates(), trust_env=False, follow_redirects=False)


@cache
def _certificates() -> ssl.SSLContext:
    """Those of the system: a prefecture's provider mostly has one of an authority of its own."""
    return ssl.create_default_context()


def _unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _refused(en: str, ja: str) -> UnauthorizedError:
    return UnauthorizedError(
        f"log-in at the provider: {en}; begin again from the log-in page",
        f"外部ログイン: {ja}。ログイン画面からやり直してください。",
    )


def _no_provider(reason: str) -> UnavailableError:
    return UnavailableError(
        f"the log-in provider does not answer as one: {reason}; log in with a password or tell the administrator",
        f"認証サーバーが正しく応答しません ({reason})。パスワードでログインするか、管理者に連絡してください。",
    )
