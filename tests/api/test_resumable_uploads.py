"""Uploads that break off and go on (tus 1.0), over real HTTP; about 8 s, most of it a service killed in the middle."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import signal
import sqlite3
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import laspy
import numpy as np
import pytest

from api.settings import Settings
from tests.api.office import CATALOG, Office, Separate, Thread, free_port, wait_for

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def begin(client: httpx.Client, length: int, name: str = "08ND77_前.laz", **more: str) -> str:
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata(filename=name, **more)}
    answer = client.post("/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert "GMT" in answer.headers["upload-expires"]
    return answer.headers["location"]


def send(client: httpx.Client, url: str, offset: int, content: bytes) -> httpx.Response:
    return client.patch(url, content=content, headers={**PIECE, "Upload-Offset": str(offset)})


def safe(client: httpx.Client, url: str) -> int:
    answer = client.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def id_of(url: str) -> str:
    return url.rpartition("/")[2]


def is_busy(client: httpx.Client, url: str) -> bool:
    """A piece that belongs nowhere is refused in either case, but with another reason."""
    return send(client, url, 99_999, b"").status_code == 423


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    """A service whose projects may hold 300 kB, and files 200 kB."""
    chosen = Settings(
        data_dir=tmp_path_factory.mktemp("small") / "data",
        port=free_port(),
        catalog=CATALOG,
        workers=0,
        max_upload_bytes=200_000,
        project_quota_bytes=300_000,
    )
    with Thread(chosen) as running:
        yield running


def test_pieces_become_a_dataset(client: Office, service: Thread, tile: Path) -> None:
    content = tile.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    url = begin(client, len(content), sha256=digest)
    upload = id_of(url)
    for start in range(0, len(content), 700):
        assert safe(client, url) == start
        answer = send(client, url, start, content[start : start + 700])
        assert answer.status_code == 204, answer.text
    assert answer.headers["upload-dataset"] == upload
    assert safe(client, url) == len(content)
    dataset = client.get(f"/datasets/{upload}").json()
    assert (dataset["name"], dataset["sha256"], dataset["kind"]) == ("08ND77_前.laz", digest, "pointcloud")
    assert client.get(url).json()["dataset"]["id"] == upload
    assert not (service.settings.uploads_dir / upload).exists()
    client.wait_until(client.start(survey=upload), "successful")
    assert client.delete(url, headers=TUS).status_code == 204
    assert client.get(f"/datasets/{upload}").status_code == 200  # a dataset is not removed by its upload's address


def test_the_protocol_is_told(client: Office) -> None:
    answer = client.options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,termination,expiration"
    assert answer.headers["tus-max-size"] == "1000000"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": ""}, 422),
        ({"Upload-Length": "-1"}, 422),
        ({"Upload-Length": "1000001"}, 413),
        ({"Upload-Metadata": metadata(filename="../evil.laz")}, 422),
        ({"Upload-Metadata": metadata(filename="a.exe")}, 422),
        ({"Upload-Metadata": "filename !!!"}, 400),
        ({"Upload-Metadata": ""}, 400),
        ({"Upload-Metadata": metadata(filename="a.laz", sha256="abc")}, 400),
    ],
)
def test_what_cannot_be_taken_is_refused_before_a_byte(client: Office, headers: dict[str, str], status: int) -> None:
    good = {**TUS, "Upload-Length": "10", "Upload-Metadata": metadata(filename="a.laz")}
    answer = client.post("/uploads", headers=good | headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail_ja"]


def test_a_quota_counts_what_is_announced(small: Thread) -> None:
    first = begin(small.client, 200_000)
    headers = {**TUS, "Upload-Length": "150000", "Upload-Metadata": metadata(filename="b.laz")}
    refused = small.client.post("/uploads", headers=headers)
    assert refused.status_code == 413
    assert (refused.json()["used_bytes"], refused.json()["limit_bytes"]) == (200_000, 300_000)
    assert small.client.delete(first, headers=TUS).status_code == 204
    assert small.client.head(first, headers=TUS).status_code == 404
    assert small.client.post("/uploads", headers=headers).status_code == 201


def test_a_piece_elsewhere_or_too_long_changes_nothing(client: Office) -> None:
    url = begin(client, 1000)
    assert send(client, url, 0, bytes(400)).status_code == 204
    for offset in (0, 399, 401, 1000):
        refused = send(client, url, offset, bytes(10))
        assert refused.status_code == 409
        assert refused.json()["offset"] == 400
    assert send(client, url, 400, bytes(601)).status_code == 413
    unannounced = client.patch(url, content=iter([bytes(300), bytes(301)]), headers={**PIECE, "Upload-Offset": "400"})
    assert unannounced.status_code == 413
    assert safe(client, url) == 400
    assert client.patch(url, content=b"x", headers={**TUS, "Upload-Offset": "400"}).status_code == 415
    assert client.patch(url, content=b"x", headers={"Upload-Offset": "400"}).status_code == 412
    by_post = {**PIECE, "Upload-Offset": "400"}
    assert client.post(url, content=bytes(100), headers=by_post).status_code == 422
    assert (
        client.post(url, content=bytes(100), headers={**by_post, "X-HTTP-Method-Override": "PATCH"}).status_code == 204
    )
    assert safe(client, url) == 500


def test_damage_and_junk_are_found_at_the_end(client: Office, service: Thread, tile: Path) -> None:
    content = tile.read_bytes()
    damaged = begin(client, len(content), sha256=hashlib.sha256(b"other").hexdigest())
    answer = send(client, damaged, 0, content)
    assert answer.status_code == 422
    assert "sha256" in answer.json()["detail_ja"]
    junk = begin(client, 500)
    assert send(client, junk, 0, bytes(500)).status_code == 422
    for url in (damaged, junk):
        assert client.head(url, headers=TUS).status_code == 404
        assert not (service.settings.uploads_dir / id_of(url)).exists()


def test_two_at_once_do_not_mix(client: Office, service: Thread) -> None:
    url = begin(client, 100_000)
    released = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"a" * 50_000
        released.wait(10)
        yield b"a" * 10_000

    def send_slowly() -> None:
        with Office(base_url=client.base_url, timeout=30) as other:
            other.patch(url, content=slow(), headers={**PIECE, "Upload-Offset": "0"})

    sending = threading.Thread(target=send_slowly)
    sending.start()
    wait_for(lambda: is_busy(client, url))
    started = time.monotonic()
    assert client.get("/health").status_code == 200
    assert time.monotonic() - started < 2.0  # nobody else waits
    assert client.delete(url, headers=TUS).status_code == 423
    released.set()
    sending.join()
    assert safe(client, url) == 60_000
    (path,) = (service.settings.uploads_dir / id_of(url)).iterdir()
    assert path.read_bytes() == b"a" * 60_000


def test_a_broken_line_keeps_what_arrived(client: Office, service: Thread) -> None:
    url = begin(client, 100_000)
    connection = http.client.HTTPConnection("127.0.0.1", service.settings.port)
    connection.putrequest("PATCH", httpx.URL(url).path)
    for name, value in {**PIECE, "Upload-Offset": "0", "Content-Length": "100000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"c" * 40_000)
    wait_for(lambda: is_busy(client, url))
    connection.close()
    wait_for(lambda: client.patch(url, headers={**PIECE, "Upload-Offset": "40000"}).status_code == 204)
    assert safe(client, url) == 40_000


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LAS file of 44 MB."""
    path = tmp_path_factory.mktemp("survey") / "survey.las"
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = np.array([0.01, 0.01, 0.01])
    points = laspy.LasData(header)
    n = np.arange(1_480_000, dtype=np.float64)
    points.x, points.y, points.z = 52_000.0 + n % 1000, -98_400.0 + n // 1000, 300.0 + n % 7
    points.write(path)
    return path


def test_a_killed_service_goes_on_where_it_was(separate: Callable[..., Separate], survey: Path, tile: Path) -> None:
    """Killed in the middle of a piece; after a last byte was safe; and with a file moved but its record not written."""
    content = survey.read_bytes()
    service = separate(workers=0).start()
    whole = [begin(service.client, tile.stat().st_size + 1, "a.laz") for _ in range(2)]
    for url in whole:
        assert send(service.client, url, 0, tile.read_bytes()).status_code == 204
    url = begin(service.client, len(content), "survey.las", sha256=hashlib.sha256(content).hexdigest())

    def dripping() -> Iterator[bytes]:
        for start in range(0, len(content), 500_000):
            yield content[start : start + 500_000]
            time.sleep(0.02)

    def send_until_killed() -> None:
        with pytest.raises(httpx.TransportError):
            service.client.patch(url, content=dripping(), headers={**PIECE, "Upload-Offset": "0"})

    sending = threading.Thread(target=send_until_killed)
    sending.start()
    path = service.data_dir / "uploads" / id_of(url) / "survey.las"
    wait_for(lambda: path.stat().st_size > 24_000_000)
    service.end(signal.SIGKILL)
    sending.join()
    on_disk = path.stat().st_size
    with path.open("ab") as file:
        file.write(os.urandom(1000))  # whatever a dying service left behind the safe bytes
    with closing(sqlite3.connect(service.data_dir / "tengun.sqlite")) as database, database:
        database.execute("UPDATE uploads SET length = ? WHERE name = 'a.laz'", (tile.stat().st_size,))
    (service.data_dir / "datasets").mkdir()
    (service.data_dir / "uploads" / id_of(whole[1])).rename(service.data_dir / "datasets" / id_of(whole[1]))

    service.start()
    offset = safe(service.client, url)
    assert 0 < offset <= on_disk < len(content)
    half = (offset + len(content)) // 2
    assert send(service.client, url, offset, content[offset:half]).status_code == 204
    answer = send(service.client, url, half, content[half:])
    assert answer.status_code == 204, answer.text
    dataset = service.client.get(f"/datasets/{answer.headers['upload-dataset']}").json()
    assert dataset["sha256"] == hashlib.sha256(content).hexdigest()
    for url in whole:
        assert safe(service.client, url) == tile.stat().st_size
        assert service.client.get(f"/datasets/{id_of(url)}").json()["size"] == tile.stat().st_size


def test_a_zip_of_tiles_beside_their_index_is_a_survey_as_it_was_said_to_be(client: Office, tile: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(tile, "tiles/08ME3552.laz")
        for suffix in ("shp", "shx", "dbf", "prj"):
            archive.writestr(f"index.{suffix}", b"of the sheets")
    url = begin(client, len(packed.getvalue()), "tiles.zip", method="ALB", epoch="2021-07")
    assert send(client, url, 0, packed.getvalue()).status_code == 204
    dataset = client.get(f"/datasets/{id_of(url)}").json()
    assert (dataset["kind"], dataset["method"], dataset["epoch"]) == ("archive", "ALB", "2021-07")
    index = ["index.shp", "index.shx", "index.dbf", "index.prj"]
    assert (dataset["info"]["names"], dataset["info"]["left_out"]) == (["tiles/08ME3552.laz"], index)
    unpacked = client.post(f"/datasets/{id_of(url)}/unpack").json()
    (found,) = unpacked["datasets"]
    assert (found["sheet"], found["method"], found["epoch"]) == ("08ME3552", "ALB", "2021-07")
    assert unpacked["skipped"] == index


@pytest.mark.parametrize("said", [{"method": "by eye"}, {"epoch": "last year"}])
def test_how_and_when_are_said_in_known_words(client: Office, said: dict[str, str]) -> None:
    headers = {**TUS, "Upload-Length": "9", "Upload-Metadata": metadata(filename="a.laz", **said)}
    answer = client.post("/uploads", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "Upload-Metadata")
