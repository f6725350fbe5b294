"""An OpenID Connect provider on loopback: what the code flow with PKCE needs, and ways to answer wrongly."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT, SECRET = "tengun", "a secret of / the client"


class Provider:
    """``person`` is whoever sits at the browser; ``lies`` are claims that its next ID tokens tell instead."""

    def __init__(self) -> None:
        self.key = self.signs_with = ECKey.generate_key("P-256", {"kid": "1"})
        self.person: dict[str, Any] = {}
        self.lies: dict[str, Any] = {}
        self.algorithm = "ES256"
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of a request."""
        match path.removeprefix("/realm"):
            case "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
                return 200, {}, {"issuer": self.issuer, **{k: f"{self.issuer}/{v}" for k, v in names.items()}}
            case "/auth":
                code = secrets.token_urlsafe(8)
                self._codes[code] = form
                query = urlencode({"code": code, "state": form["state"]})
                return 303, {"Location": f"{form['redirect_uri']}?{query}"}, {}
            case "/token":
                return self._token(form, authorization)
            case "/keys":
                return 200, {}, KeySet([self.key]).as_dict(private=False)
        return 404, {}, {}

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str], Any]:
        began = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        login = base64.b64encode(f"{CLIENT}:{'a%20secret%20of%20%2F%20the%20client'}".encode()).decode()
        is_good = (
            began is not None
            and began["code_challenge"] == challenge.decode()
            and began["redirect_uri"] == form["redirect_uri"]
            and authorization == f"Basic {login}"
        )
        if not is_good:
            return 400, {}, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "s1", "iat": now, "exp": now + 60, "nonce": began["nonce"]}
        claims = {name: value for name, value in {**claims, **self.person, **self.lies}.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "1"}
        return 200, {}, {"id_token": jwt.encode(header, claims, self.signs_with, algorithms=[self.algorithm])}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _reply(self, sent: str) -> None:
            form = {name: values[0] for name, values in parse_qs(sent).items()}
            status, headers, content = provider.answer(
                urlsplit(self.path).path, form, self.headers.get("Authorization", "")
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler
