"""Requests that nobody thought of, made by schemathesis from the OpenAPI description, and some that somebody did.

None may end in a 5xx, none may make the service open what it was not given.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from api.settings import Settings
from pointcloud.errors import FileError
from pointcloud.sections.landxml import read_alignments
from tests.api.office import CATALOG, Thread, free_port

N_EXAMPLES = 12
"""For each operation; about 10 s in all."""


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    """A service that accepts jobs and runs none."""
    folder = tmp_path_factory.mktemp("hostile") / "data"
    chosen = Settings(data_dir=folder, port=free_port(), catalog=CATALOG, workers=0, max_wait_s=0.2)
    with Thread(chosen) as running:
        yield running


@pytest.mark.slow(30)
def test_no_request_ends_in_an_unforeseen_error(idle: Thread) -> None:
    import schemathesis  # 3 s, which the processes that run other tests need not wait

    @schemathesis.serializer("application/offset+octet-stream")
    def as_bytes(_: object, value: object) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")

    schema = schemathesis.openapi.from_url(f"{idle.client.base_url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:

        @settings(
            max_examples=N_EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            answer = case.call(timeout=10)
            assert answer.status_code < 500, f"{case.method} {case.formatted_path}: {answer.text}"

        send()
    assert idle.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "header",
    [lambda: b"X-Long: " + b"a" * 3_000_000, lambda: b"\r\n".join(b"X-%d: a" % i for i in range(200_000))],
    ids=["long", "many"],
)
def test_huge_headers_end_their_connection_and_nothing_else(idle: Thread, header: Callable[[], bytes]) -> None:
    with socket.create_connection(("127.0.0.1", idle.settings.port), 10) as line:
        try:
            line.sendall(b"GET /jobs HTTP/1.1\r\nHost: localhost\r\n" + header() + b"\r\n\r\n")
            answer = line.recv(1000)
        except (BrokenPipeError, ConnectionResetError):  # closed while they were still being sent
            answer = b""
    assert answer == b"" or answer.split()[1] in (b"400", b"431"), answer
    assert idle.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        (lambda: b"[" * 9_900_000, {400}),
        (lambda: b'{"inputs": ' + b'{"a":' * 1_900_000, {400}),
        (lambda: json.dumps({"inputs": {"label": [0.5] * 1_900_000}}).encode(), {422}),
        (lambda: json.dumps({"inputs": {f"name{i}": 0 for i in range(500_000)}}).encode(), {422}),
        (lambda: b'{"inputs": {"seconds": ' + b"9" * 9_900_000 + b"}}", {400}),
        (lambda: b" " * 11_000_000, {413}),
    ],
    ids=["brackets", "nested", "numbers", "names", "one number", "too large"],
)
def test_ten_megabytes_of_json_are_refused_in_time(
    idle: Thread, content: Callable[[], bytes], statuses: set[int]
) -> None:
    body = content()
    started = time.monotonic()
    headers = {"Content-Type": "application/json"}
    answer = idle.client.post("/processes/rehearsal/execution", content=body, headers=headers)
    assert answer.status_code in statuses, answer.text[:500]
    assert len(answer.content) < 1_000_000
    assert time.monotonic() - started < 10  # under a second each on a quiet machine


def with_header(tile: Path, place: int, form: str, number: int) -> bytes:
    content = bytearray(tile.read_bytes())
    struct.pack_into(form, content, place, number)
    return bytes(content)


@pytest.mark.parametrize(
    ("place", "form", "number"),
    [(107, "<I", 2**32 - 1), (100, "<I", 2**32 - 1), (96, "<I", 2**32 - 1), (94, "<H", 65535), (105, "<H", 65535)],
    ids=["points", "records", "offset", "header size", "point size"],
)
def test_a_header_that_lies_about_counts_is_refused_by_the_files_size(
    idle: Thread, tile: Path, place: int, form: str, number: int
) -> None:
    started = time.monotonic()
    content = with_header(tile, place, form, number)
    answer = idle.client.post("/datasets", params={"name": "a.laz"}, content=content)
    assert answer.status_code in (400, 422), answer.text
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["a.geojson", "a.json", "a.gpkg"])
def test_a_format_in_disguise_makes_nobody_open_other_files_or_addresses(idle: Thread, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bait:
        port = bait.getsockname()[1]
        document = (
            '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/http://127.0.0.1:'
            f"{port}/a.geojson</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
        )
        for start in ("", " \n", "\ufeff"):
            answer = idle.client.post("/datasets", params={"name": name}, content=(start + document).encode())
            assert answer.status_code == 422, answer.text
        bait.settimeout(0.2)
        with pytest.raises(TimeoutError):
            bait.accept()


LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(12)) + "]>"


@pytest.mark.parametrize(
    "document",
    [
        f"{LAUGHS}<LandXML>&a12;</LandXML>",
        '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><LandXML>&f;</LandXML>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><LandXML/>',
        '<?xml version="1.0" encoding="UTF-16"?>' + f"{LAUGHS}<LandXML>&a12;</LandXML>",
    ],
    ids=["laughs", "file", "address", "UTF-16"],
)
def test_entities_are_refused_unread(tmp_path: Path, document: str) -> None:
    path = tmp_path / "line.xml"
    path.write_text(document, encoding="utf-16" if "UTF-16" in document else "utf-8")
    with pytest.raises(FileError, match=r"DOCTYPE|amplification"):  # expat itself ends the laughs
        read_alignments(path)
