"""Callbacks: sent at the job's begin and end, signed, tried again, and only to hosts that the administrator named."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from api.settings import Settings
from tests.api import ogc_schemas as ogc
from tests.api.office import CATALOG, Thread, free_port, wait_for

SECRET = "共有の鍵 sixteen characters"


class Receiver:
    """A server of the office that is to be told; it refuses each address ``n_refusals`` times."""

    def __init__(self, n_refusals: int) -> None:
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.n_calls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.n_calls += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_refused = outer.n_calls <= n_refusals
                if not is_refused:
                    outer.told.append((self.path, dict(self.headers), body))
                self.send_response(503 if is_refused else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    one = Receiver(n_refusals=1)
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, _rehearsal_path: None) -> Iterator[Thread]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("callbacks") / "data",
        port=free_port(),
        catalog=CATALOG,
        callback_hosts=f"gis.example.jp, {receiver.host}",
        callback_secret=SECRET,
    )
    with Thread(settings) as running:
        yield running


def body_of(told: tuple[str, dict[str, str], bytes]) -> Any:
    return json.loads(told[2])


def test_a_subscriber_is_told_once_each_signed_and_tried_again(
    service: Thread, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs.outbox.WAITS_S", (0.1, 0.1))
    subscriber = {f"{name}Uri": f"http://{receiver.host}/{name}" for name in ("success", "inProgress", "failed")}
    client = service.client
    jobs = {}
    for action in ("write", "refuse"):
        request = {"inputs": {"action": action}, "subscriber": subscriber}
        jobs[action] = client.post("/processes/rehearsal/execution", json=request).json()["jobID"]
    wait_for(lambda: len(receiver.told) == 4)
    by_path = {path: (path, headers, body) for path, headers, body in receiver.told}
    assert set(by_path) == {"/success", "/inProgress", "/failed"}

    results = body_of(by_path["/success"])
    ogc.check(results, ogc.RESULTS)
    assert results == client.get(f"/jobs/{jobs['write']}/results").json()
    ogc.check(body_of(by_path["/inProgress"]), ogc.STATUS_INFO)
    ogc.check(body_of(by_path["/failed"]), ogc.EXCEPTION)
    assert body_of(by_path["/failed"])["code"] == "file"

    for _, headers, body in receiver.told:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert len({headers["webhook-id"] for _, headers, _ in receiver.told}) == 4
    assert receiver.n_calls == 5  # one was refused and sent again
    assert "callback" in " ".join(client.get("/conformance").json()["conformsTo"])


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://gis.example.jp:8080/",
        "ftp://gis.example.jp/",
        "http://user@gis.example.jp/",
        "http://gis.example.jp@evil.example/",
        "http://[::1/",
        "//gis.example.jp/",
        "http://gis.example.jp\r\nX: y/",
        "",
    ],
)
def test_other_hosts_are_never_called(service: Thread, url: str) -> None:
    request = {"inputs": {}, "subscriber": {"successUri": url}}
    answer = service.client.post("/processes/rehearsal/execution", json=request)
    assert answer.status_code == 422
    assert answer.json()["allowed"][0] == "gis.example.jp"


def test_hosts_without_a_key_are_refused_at_start() -> None:
    with pytest.raises(ValidationError, match="callback_secret"):
        Settings(callback_hosts="gis.example.jp")


def test_workers_never_learn_the_key(service: Thread) -> None:
    assert SECRET not in str(service.settings.environment())
