"""Tiles by map sheet, method and epoch: from zips, from folders of the server, as inputs. About 3 s."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import laspy
import pytest

from api.datasets.tiles import Tile, tile_of
from api.settings import Settings
from tests.api.office import CATALOG, Office, Thread, free_port


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the server with a way out of it."""
    folder = tmp_path_factory.mktemp("opened")
    (folder.parent / "secret.las").write_bytes(b"LASF")
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, opened: Path, _rehearsal_path: None) -> Iterator[Thread]:
    chosen = Settings(
        data_dir=tmp_path_factory.mktemp("tiles") / "data",
        port=free_port(),
        catalog=CATALOG,
        folders={"izu": opened},
        max_upload_bytes=3_000_000,
    )
    with Thread(chosen) as running:
        yield running


@pytest.fixture
def client(service: Thread) -> Iterator[Office]:
    """A client of the service, which holds no datasets and leaves none."""
    yield service.client
    assert list(service.settings.incoming_dir.glob("*")) == []
    for dataset in service.client.get("/datasets?limit=1000").json()["datasets"]:
        service.client.delete(f"/datasets/{dataset['id']}")
    assert list(service.settings.datasets_dir.glob("*")) == []


@pytest.fixture(scope="module")
def tiles(tile: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Three surveys that differ in a point."""
    found = []
    for i in range(3):
        survey = laspy.read(tile)
        survey.z[0] += i
        target = tmp_path_factory.mktemp("variants") / "tile.laz"
        survey.write(target)
        found.append(target.read_bytes())
    return found


def zipped(files: dict[str, bytes], **options: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def unpack(client: Office, content: bytes, **query: Any) -> Any:
    answer = client.post("/datasets", params={"name": "tiles.zip"}, content=content)
    assert answer.status_code == 201, answer.text
    assert answer.json()["kind"] == "archive"
    return client.post(f"/datasets/{answer.json()['id']}/unpack", params=query)


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("2021/LP/Ground/08/ME/35/08ME3552.las", Tile("08ME3552", "LP", "2021")),
        ("08nd77_mms_2020.laz", Tile("08ND77", "MMS", "2020")),
        ("LP/ALB/survey.las", Tile()),
        ("2019-2021/08ME3552-alb.copc.laz", Tile("08ME3552", "ALB")),
        ("ALPS/20211/x.las", Tile()),
    ],
)
def test_what_names_and_folders_say(path: str, tile: Tile) -> None:
    assert tile_of(path) == tile


def test_files_of_one_name_in_a_zip_are_told_apart_and_found_again(client: Office, tiles: list[bytes]) -> None:
    content = zipped(
        {
            "2021/LP/08ME3552.laz": tiles[0],
            "2021/MMS/08ME3552.laz": tiles[1],
            "2021/LP/08ME3553.laz": tiles[2],
            "readme.txt": b"x",
            "__MACOSX/2021/LP/08ME3552.laz": b"x",
        }
    )
    answer = unpack(client, content)
    assert answer.status_code == 201, answer.text
    unpacked = answer.json()
    assert [(d["sheet"], d["method"], d["epoch"]) for d in unpacked["datasets"]] == [
        ("08ME3552", "LP", "2021"), ("08ME3552", "MMS", "2021"), ("08ME3553", "LP", "2021"),
    ]  # fmt: skip
    assert unpacked["skipped"] == ["readme.txt", "__MACOSX/2021/LP/08ME3552.laz"]
    ids = [dataset["id"] for dataset in unpacked["datasets"]]

    def found(**query: str) -> list[str]:
        return [dataset["id"] for dataset in reversed(client.get("/datasets", params=query).json()["datasets"])]

    assert found() == ids  # the archive is gone
    assert found(sheet="08me3552") == ids[:2]
    assert found(sheet="08ME35", method="LP") == [ids[0], ids[2]]
    assert found(sheet="08ME", epoch="2021") == ids
    assert found(epoch="2022") == found(sheet="08MF") == []
    assert client.get("/datasets", params={"sheet": "08%"}).status_code in (400, 422)

    job = client.start(survey={"sheet": "08ME35", "method": "LP"})
    client.wait_until(job, "successful")
    summary = client.get(f"/jobs/{job}/results").json()["summary"]["value"]
    assert summary["files"]["survey"] == ["08ME3552.laz", "08ME3553.laz"]

    for given, reason in (({"sheet": "08ME3552"}, "MMS"), ({"sheet": "08ND77"}, "0 datasets")):
        refused = client.post("/processes/rehearsal/execution", json={"inputs": {"survey": given}})
        assert refused.status_code == 422
        assert reason in refused.json()["detail"]
        assert "図郭" in refused.json()["detail_ja"]
    odd = client.post("/processes/rehearsal/execution", json={"inputs": {"survey": {"sheet": "x", "z": 1}}})
    assert odd.status_code == 422


def test_what_the_client_says_counts_for_more(client: Office, tiles: list[bytes]) -> None:
    [dataset] = unpack(client, zipped({"08ME3552.laz": tiles[0]}), method="ALB", epoch="2022-10", keep=True).json()[
        "datasets"
    ]
    assert (dataset["sheet"], dataset["method"], dataset["epoch"]) == ("08ME3552", "ALB", "2022-10")
    assert len(client.get("/datasets").json()["datasets"]) == 2
    query = {"name": "08ME3552.laz", "method": "LP", "epoch": "2019"}
    assert client.post("/datasets", params=query, content=tiles[0]).json()["method"] == "LP"
    assert client.post("/datasets", params={**query, "method": "GPS"}, content=tiles[0]).status_code in (400, 422)


def test_method_and_epoch_can_be_said_later(client: Office, tile: Path) -> None:
    path = f"/datasets/{client.upload(tile)['id']}"
    stated = client.patch(path, json={"method": "UAV", "epoch": "2021-07-05"}).json()
    assert (stated["method"], stated["epoch"]) == ("UAV", "2021-07-05")
    assert "method" not in client.patch(path, json={"method": None}).json()
    assert client.get(path).json()["epoch"] == "2021-07-05"
    for wrong in ({"method": "GPS"}, {"epoch": "July"}, {"name": "x.laz"}):
        assert client.patch(path, json=wrong).json()["code"] == "parameter", wrong


def test_names_from_japanese_windows_are_read(client: Office, tiles: list[bytes]) -> None:
    content = zipped({"__name____.laz": tiles[0]}).replace(b"__name____", "葵区測量".encode("cp932") + b"_1")
    assert unpack(client, content).json()["datasets"][0]["name"] == "葵区測量_1.laz"


def test_one_broken_file_leaves_none(client: Office, tiles: list[bytes]) -> None:
    answer = unpack(client, zipped({"a.laz": tiles[0], "b.laz": tiles[1][:300], "c.laz": tiles[2]}))
    assert answer.status_code == 422
    assert "b.laz" in answer.json()["detail"]
    assert [dataset["kind"] for dataset in client.get("/datasets").json()["datasets"]] == ["archive"]


def bomb() -> bytes:
    return zipped({f"{i}.csv": b"0" * 10_000_000 for i in range(3)})


def overlapping(tile: bytes) -> bytes:
    """A directory that names the same bytes twenty times, as small bombs do."""
    whole = bytearray(zipped({"a.laz": tile}))
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entry = bytes(whole[start:end])
    directory = b"".join(entry.replace(b"a.laz", b"%c.laz" % (98 + i)) for i in range(20))
    tail = bytearray(whole[end:])
    tail[8:12] = b"\x14\0\x14\0"
    tail[12:16] = len(directory).to_bytes(4, "little")
    return bytes(whole[:start]) + directory + bytes(tail)


def linked(tile: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("b.laz")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.laz", tile)
    return packed.getvalue()


def encrypted(tile: bytes) -> bytes:
    content = bytearray(zipped({"a.laz": tile}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/cron.d/a.laz", "leads out"),
        ("/etc/a.laz", "leads out"),
        ("..\\..\\a.laz", "leads out"),
        ("C:\\a.laz", "leads out"),
        ("a/../../a.laz", "leads out"),
    ],
)
def test_paths_out_of_a_zip_are_refused(client: Office, tiles: list[bytes], name: str, reason: str) -> None:
    content = zipped({"b.laz": tiles[0], name: tiles[1]})
    assert reason in refusal(client, content)


def refusal(client: Office, content: bytes) -> str:
    """Why a zip was refused, as the answer tells it."""
    answer = client.post("/datasets", params={"name": "tiles.zip"}, content=content)
    assert answer.status_code == 422, answer.text
    assert "zip ファイル" in answer.json()["detail_ja"]
    return str(answer.json()["detail"])


def test_bombs_links_and_secrets_are_refused_before_a_byte_is_unpacked(
    client: Office, service: Thread, tiles: list[bytes]
) -> None:
    assert "zip bomb" in refusal(client, bomb())
    assert "zip bomb" in refusal(client, overlapping(tiles[0]))
    assert "link" in refusal(client, linked(tiles[0]))
    assert "encrypted" in refusal(client, encrypted(tiles[0]))
    assert "10001 files" in refusal(client, zipped({f"{i}.csv": b"" for i in range(10_001)}))
    assert "no file" in refusal(client, zipped({"inner.zip": zipped({"a.laz": tiles[0]})}))
    assert "cannot be read" in refusal(client, tiles[0])
    assert "cannot be read" in refusal(client, zipped({"a.laz": tiles[0]})[:-40])
    for folder in (service.settings.incoming_dir, service.settings.datasets_dir):
        assert list(folder.glob("*")) == []


def test_a_zip_that_lies_about_a_size_is_refused(client: Office, tiles: list[bytes]) -> None:
    content = bytearray(zipped({"a.laz": tiles[0]}))
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (20).to_bytes(4, "little")
    answer = unpack(client, bytes(content))
    assert answer.status_code == 422
    assert len(client.get("/datasets").json()["datasets"]) == 1


def test_a_tile_larger_than_allowed_is_refused_by_its_directory(client: Office, tiles: list[bytes]) -> None:
    answer = unpack(client, zipped({"a.laz": tiles[0], "b.csv": os.urandom(30_000) * 110}))
    assert answer.status_code == 413
    assert "b.csv" in answer.json()["detail"]


def test_only_an_archive_is_unpacked(client: Office, tile: Path) -> None:
    assert client.post(f"/datasets/{client.upload(tile)['id']}/unpack").status_code == 422


@pytest.fixture
def files(opened: Path, tiles: list[bytes]) -> Iterator[dict[str, Path]]:
    """Tiles in the server's folder, a link out of it, and what is no data."""
    made = {}
    for i, path in enumerate(("2021/LP/08ME3552.laz", "2021/MMS/08ME3552.laz", "2022/LP/08ME3552.laz")):
        made[path] = opened / path
        made[path].parent.mkdir(parents=True, exist_ok=True)
        made[path].write_bytes(tiles[i])
    (opened / "notes.txt").touch()
    (opened / "out.las").symlink_to(opened.parent / "secret.las")
    yield made
    for path in (*made.values(), opened / "notes.txt", opened / "out.las"):
        path.unlink(missing_ok=True)


def test_files_of_a_folder_are_found_and_used_where_they_are(
    client: Office, service: Thread, files: dict[str, Path]
) -> None:
    assert [folder["name"] for folder in client.get("/folders").json()["folders"]] == ["izu"]
    listed = client.get("/folders/izu/files").json()["files"]
    assert [file["path"] for file in listed] == list(files)
    assert listed[1] == {
        "path": "2021/MMS/08ME3552.laz", "size": files["2021/MMS/08ME3552.laz"].stat().st_size,
        "sheet": "08ME3552", "method": "MMS", "epoch": "2021",
    }  # fmt: skip
    lp = client.get("/folders/izu/files", params={"sheet": "08ME", "method": "LP", "limit": 1}).json()
    assert [file["epoch"] for file in lp["files"]] == ["2021"]
    assert "next" in {link["rel"] for link in lp["links"]}

    answer = client.post("/folders/izu/datasets", json={"paths": [file["path"] for file in listed]})
    assert answer.status_code == 201, answer.text
    made = answer.json()["datasets"]
    kept = service.settings.datasets_dir / made[0]["id"] / "08ME3552.laz"
    assert kept.is_symlink()
    assert stat.S_IMODE(files["2021/LP/08ME3552.laz"].stat().st_mode) & 0o200  # the administrator's file is untouched
    job = client.start(survey={"sheet": "08ME3552", "method": "LP", "epoch": "2022"})
    client.wait_until(job, "successful")

    files["2022/LP/08ME3552.laz"].write_bytes(b"another")
    job = client.start(survey=made[2]["id"])
    assert "register it again" in client.wait_until(job, "failed")["message"]
    assert client.delete(f"/datasets/{made[0]['id']}").status_code == 204
    assert files["2021/LP/08ME3552.laz"].exists()


@pytest.mark.parametrize(
    "path", ["../secret.las", "out.las", "2021/../../secret.las", "/etc/passwd", "2021", "gone.las", "a\0b", "a" * 900]
)
def test_no_path_leads_out_of_a_folder(client: Office, files: dict[str, Path], path: str) -> None:
    answer = client.post("/folders/izu/datasets", json={"paths": [next(iter(files)), path]})
    assert answer.status_code == 404, answer.text
    assert str(next(iter(files.values())).parent) not in answer.text


def test_a_folder_that_is_not_open_is_not_there(client: Office) -> None:
    assert client.get("/folders/other/files").status_code == 404
    assert client.post("/folders/other/datasets", json={"paths": ["a.las"]}).status_code == 404


@pytest.mark.parametrize("folders", [{"Izu": "/srv"}, {"izu": "srv"}, {"a/b": "/srv"}])
def test_folders_have_plain_names_and_whole_paths(folders: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        Settings.model_validate({"folders": folders})
