"""Files on their way in: what is kept, and the many that are refused without leaving anything behind."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointcloud.sheets import parse
from tests.api.office import ZONE, Office, Thread, wait_for


@pytest.fixture(autouse=True)
def nothing_left_behind(service: Thread) -> Iterator[None]:
    """After each test the folder of incoming files is empty, and each dataset folder has a record."""
    yield
    assert list(service.settings.incoming_dir.glob("*")) == []
    known = {dataset["id"] for dataset in service.client.get("/datasets?limit=1000").json()["datasets"]}
    folders = service.settings.datasets_dir
    assert {item.name for item in folders.iterdir()} == known if folders.exists() else not known


def refused(client: Office, name: str, content: bytes) -> dict[str, object]:
    answer = client.post("/datasets", params={"name": name}, content=content)
    problem = answer.json()
    assert answer.status_code == problem["status"], problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["detail_ja"] != problem["detail"]
    return problem


def test_a_raw_body_is_kept_under_its_name(client: Office, service: Thread, tile: Path) -> None:
    dataset = client.upload(tile, "08ND77_前.laz")
    assert dataset["kind"] == "pointcloud"
    assert dataset["size"] == tile.stat().st_size
    assert dataset["sha256"] == hashlib.sha256(tile.read_bytes()).hexdigest()
    assert dataset["info"]["n_points"] == 100
    kept = service.settings.datasets_dir / dataset["id"] / "08ND77_前.laz"
    assert kept.read_bytes() == tile.read_bytes()
    assert client.get(f"/datasets/{dataset['id']}").json() == dataset
    assert dataset in client.get("/datasets").json()["datasets"]


def test_a_form_is_kept_under_its_file_name(client: Office, tile: Path) -> None:
    fields = {"note": "前の測量"}
    answer = client.post("/datasets", data=fields, files={"file": ("08ND77_後.laz", tile.read_bytes())})
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "08ND77_後.laz"
    assert answer.json()["sha256"] == hashlib.sha256(tile.read_bytes()).hexdigest()
    assert answer.headers["location"].endswith(f"/datasets/{answer.json()['id']}")


def test_crs_comes_from_the_sheet_in_the_name_or_candidates_are_proposed(client: Office, tile: Path) -> None:
    unnamed = client.upload(tile, "survey.laz")["info"]
    assert unnamed["crs"] is None
    assert unnamed["crs_candidates"][0] == "EPSG:6676"
    assert "send crs=EPSG:6676" in unnamed["problems"][0]["en"]
    sheet = next(
        f"08{row}{column}"
        for row in "ABCDEFGHIJKLMNOPQRST"
        for column in "ABCDEFGH"
        if parse(f"08{row}{column}").contains(52_050.0, -98_350.0)
    )
    code = next(f"{sheet}{n:02d}" for n in range(100) if parse(f"{sheet}{n:02d}").contains(52_050.0, -98_350.0))
    named = client.upload(tile, f"{code}.laz")["info"]
    assert (named["crs"], named["crs_source"]) == ("EPSG:6676", "tile-code")


def test_polygons_are_checked(client: Office) -> None:
    content = json.dumps(ZONE).encode()
    dataset = client.post("/datasets", params={"name": "zones.geojson"}, content=content).json()
    assert dataset["kind"] == "polygons"
    assert dataset["info"]["names"] == ["崩壊地"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.laz", b""),
        ("text.las", "これは点群ではありません".encode()),
        ("zip.laz", b"PK\x03\x04" + bytes(500)),
        ("signature.las", b"LASF"),
        ("zeros.las", bytes(5000)),
        ("empty.geojson", b""),
        ("broken.geojson", b'{"type": "FeatureCollection", "features": ['),
        ("list.json", b"[1, 2]"),
        ("nothing.geojson", b'{"type": "FeatureCollection", "features": []}'),
        ("fake.gpkg", b"SQLite format 4\0" + bytes(200)),
        ("half.gpkg", b"SQLite format 3\0" + bytes(200)),
    ],
)
@pytest.mark.filterwarnings("ignore:GPKG")
def test_junk_is_refused_by_name(client: Office, name: str, content: bytes) -> None:
    problem = refused(client, name, content)
    assert problem["status"] == 422
    assert problem["code"] in ("file", "geometry")
    assert name in str(problem["detail"])
    assert "incoming" not in json.dumps(problem)


def test_a_file_that_is_cut_short_is_refused(client: Office, tile: Path) -> None:
    problem = refused(client, "cut.laz", tile.read_bytes()[:200])
    assert problem["code"] == "file"


def test_a_line_is_taken_as_a_line(client: Office) -> None:
    line = {"type": "LineString", "coordinates": [[138.0, 35.0], [138.1, 35.0]]}
    dataset = client.post("/datasets", params={"name": "line.geojson"}, content=json.dumps(line).encode()).json()
    assert dataset["kind"] == "lines"
    assert dataset["info"]["n_lines"] == 1


@pytest.mark.parametrize("name", ["alignment.xml", "路線.dxf", "points.sim", "stations.csv"])
def test_drawings_wait_for_the_job_to_read_them(client: Office, name: str) -> None:
    assert client.post("/datasets", params={"name": name}, content=b"any").json()["kind"] == "drawing"


def test_points_are_neither_lines_nor_polygons(client: Office) -> None:
    point = {"type": "Point", "coordinates": [138.0, 35.0]}
    problem = refused(client, "point.geojson", json.dumps(point).encode())
    assert problem["code"] == "geometry"
    assert "expected lines or polygons" in problem["detail"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.laz",
        "..\\evil.laz",
        "/etc/passwd.las",
        "C:\\data\\a.laz",
        ".hidden.laz",
        "..",
        "",
        " ",
        "a\x00.laz",
        "a\r\nb.laz",
        "a\u202egpj.laz",
        "点" * 80 + ".laz",
    ],
)
def test_names_that_could_be_paths_are_refused(client: Office, tile: Path, name: str) -> None:
    problem = refused(client, name, tile.read_bytes())
    assert problem["status"] == 422
    assert problem["code"] == "file"


@pytest.mark.parametrize("name", ["points.e57", "points", "points.laz.exe", "図面.pdf"])
def test_unknown_kinds_are_refused_with_those_that_are_known(client: Office, name: str) -> None:
    problem = refused(client, name, b"x")
    assert ".laz" in str(problem["detail_ja"])
    assert ".gpkg" in problem["allowed"]  # type: ignore[operator]


def test_a_missing_name_is_explained(client: Office) -> None:
    answer = client.post("/datasets", content=b"LASF")
    assert answer.status_code == 422
    assert "?name=" in answer.json()["detail"]


def test_a_form_without_a_file_is_explained(client: Office) -> None:
    boundary = "xxxxxxxx"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{boundary}--\r\n'.encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = client.post("/datasets", content=body, headers=kind)
    assert answer.status_code == 422
    assert answer.json()["field"] == "file"


def test_a_form_that_is_cut_short_is_refused(client: Office, tile: Path) -> None:
    head = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.laz"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=xx"}
    answer = client.post("/datasets", content=head + tile.read_bytes(), headers=kind)
    assert answer.status_code == 422
    assert "middle of the file" in answer.json()["detail"]
    no_boundary = client.post("/datasets", content=head, headers={"Content-Type": "multipart/form-data"})
    assert no_boundary.status_code == 422
    garbage = client.post("/datasets", content=b"garbage", headers=kind)
    assert garbage.status_code == 422
    long = client.post(
        "/datasets", content=head, headers={"Content-Type": f"multipart/form-data; boundary={'x' * 300}"}
    )
    assert long.status_code == 422
    many = client.post("/datasets", content=b"--xx\r\n" + b"A: b\r\n" * 5_000, headers=kind)
    assert many.status_code == 422


def test_more_than_the_limit_is_refused_before_and_while_it_arrives(client: Office) -> None:
    announced = refused(client, "large.laz", bytes(1_000_001))
    assert announced["status"] == 413
    assert announced["limit_bytes"] == 1_000_000

    def unannounced() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(100_000)

    answer = client.post("/datasets", params={"name": "large.laz"}, content=unannounced())
    assert answer.status_code == 413
    assert "1000000" in answer.json()["detail_ja"]


def test_a_client_that_goes_away_leaves_nothing(client: Office, service: Thread) -> None:
    with socket.create_connection(("127.0.0.1", service.settings.port)) as connection:
        connection.sendall(
            b"POST /datasets?name=gone.laz HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(300_000)
        )
        wait_for(lambda: list(service.settings.incoming_dir.glob("*/*")))
    wait_for(lambda: not list(service.settings.incoming_dir.glob("*")))
    assert client.get("/health").status_code == 200
