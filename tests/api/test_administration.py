"""Users, keys, projects, quotas, storage and audit log, over real HTTP by an administrator. About 3 s."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.records import now
from tests.api.crowd import PASSWORD, Crowd, gather, settings_with_users
from tests.api.office import Office, Thread


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, _rehearsal_path: None) -> Iterator[Crowd]:
    with Thread(settings_with_users(tmp_path_factory.mktemp("crowd"), workers=0)) as running:
        yield gather(running)


def log_in(crowd: Crowd, name: str, password: str) -> int:
    with crowd.client() as browser:
        return browser.post("/session", json={"name": name, "password": password}).status_code


def user(crowd: Crowd, name: str) -> dict[str, object]:
    listed = crowd["admin"].get("/admin/users").json()["users"]
    return next(one for one in listed if one["name"] == name)


def test_a_user_comes_works_and_is_shut_out(crowd: Crowd) -> None:
    admin = crowd["admin"]
    made = admin.post("/admin/users", json={"name": "mori"})
    assert made.status_code == 201
    assert "password" not in user(crowd, "mori")
    assert admin.post("/admin/users", json={"name": "mori"}).status_code == 409
    assert admin.post("/admin/users", json={"name": "森"}).status_code == 422
    assert log_in(crowd, "mori", made.json()["password"]) == 201
    fresh = admin.post("/admin/users/mori/password").json()["password"]
    assert log_in(crowd, "mori", made.json()["password"]) == 401
    assert log_in(crowd, "mori", fresh) == 201
    key = admin.post("/admin/users/mori/keys", json={"title": "QGIS"}).json()
    with crowd.client(Authorization=f"Bearer {key['key']}") as qgis:
        assert qgis.get("/me").json()["name"] == "mori"
        (listed,) = admin.get("/admin/users/mori/keys").json()["keys"]
        assert (listed["title"], "key" in listed) == ("QGIS", False)
        assert admin.patch("/admin/users/mori", json={"is_active": False}).json()["is_active"] is False
        assert qgis.get("/me").status_code == 401
    assert log_in(crowd, "mori", fresh) == 401
    assert admin.post("/admin/users/mori/password").status_code == 409
    assert admin.post("/admin/users/mori/keys", json={}).status_code == 409
    assert admin.patch("/admin/users/mori", json={"is_active": True}).json()["has_password"] is False
    assert log_in(crowd, "mori", admin.post("/admin/users/mori/password").json()["password"]) == 201


def test_an_administrator_is_made_and_unmade_but_not_by_themselves(crowd: Crowd) -> None:
    admin = crowd["admin"]
    assert crowd["kawa"].get("/admin/users").status_code == 403
    assert admin.patch("/admin/users/kawa", json={"is_admin": True}).json()["is_admin"] is True
    assert crowd["kawa"].get("/admin/users").status_code == 200
    assert crowd["kawa"].patch("/admin/users/kawa", json={"is_active": False}).status_code == 409
    assert admin.patch("/admin/users/kawa", json={"is_admin": False}).json()["is_admin"] is False
    assert crowd["kawa"].get("/admin/users").status_code == 403
    for change in ({"is_admin": False}, {"is_active": False}):
        assert admin.patch("/admin/users/admin", json=change).status_code == 409
    assert admin.patch("/admin/users/nobody", json={}).status_code == 404
    assert admin.delete("/admin/users/kawa/keys/nothing").status_code == 404


def test_who_is_in_a_project_is_changed_at_once(crowd: Crowd) -> None:
    admin, michi = crowd["admin"], crowd["michi"]
    assert admin.post("/admin/projects", json={"id": "coast", "title": "海岸"}).status_code == 201
    assert admin.post("/admin/projects", json={"id": "coast"}).status_code == 409
    assert admin.put("/admin/projects/coast/members/michi", json={"role": "viewer"}).status_code == 204
    assert michi.get("/me").json()["projects"] == {"coast": "viewer", "road": "operator"}
    listed = {one["id"]: one for one in admin.get("/admin/projects").json()["projects"]}
    assert (listed["coast"]["title"], listed["coast"]["members"]) == ("海岸", [{"user": "michi", "role": "viewer"}])
    assert admin.put("/admin/projects/coast/members/michi", json={"role": "king"}).status_code == 422
    assert admin.put("/admin/projects/none/members/michi", json={"role": "viewer"}).status_code == 404
    assert admin.put("/admin/projects/coast/members/nobody", json={"role": "viewer"}).status_code == 404
    assert admin.delete("/admin/projects/coast/members/michi").status_code == 204
    assert michi.get("/me").json()["projects"] == {"road": "operator"}


def test_a_projects_quota_counts_for_it_alone(crowd: Crowd, tile: Path) -> None:
    admin, kawa = crowd["admin"], crowd["kawa"]
    size = tile.stat().st_size
    kawa.upload(tile)
    changed = admin.patch("/admin/projects/river", json={"quota_bytes": size + 1}).json()
    assert (changed["used_bytes"], changed["datasets_bytes"], changed["n_datasets"]) == (size, size, 1)
    assert changed["limit_bytes"] == size + 1
    refused = kawa.post("/datasets", params={"name": "a.laz"}, content=tile.read_bytes())
    assert (refused.status_code, refused.json()["limit_bytes"]) == (413, size + 1)
    crowd["michi"].upload(tile)  # the road's is another
    assert admin.patch("/admin/projects/river", json={"title": "川"}).json()["quota_bytes"] == size + 1
    assert admin.patch("/admin/projects/river", json={"quota_bytes": None}).json()["limit_bytes"] == 0
    kawa.upload(tile)
    disk = admin.get("/admin/storage").json()
    assert 0 < disk["free_bytes"] < disk["total_bytes"]


def test_the_audit_log_is_searched_exported_and_verified(crowd: Crowd) -> None:
    admin = crowd["admin"]
    admin.post("/admin/users", json={"name": "kaigan", "is_admin": True})
    crowd["kawa"].get("/admin/users")
    found = admin.get("/admin/audit", params={"target": "kaigan", "actor": "admin", "limit": 1}).json()
    assert found["lines"][0]["target"] == "POST /admin/users kaigan admin=True"
    assert found["n_matched"] == 1
    refused = admin.get("/admin/audit", params={"outcome": "403", "actor": "kawa"}).json()["lines"]
    assert {line["action"] for line in refused} == {"list_users"}
    assert admin.get("/admin/audit", params={"target": "%"}).json()["lines"] == []
    today = (now() + timedelta(hours=9)).date()
    assert admin.get("/admin/audit", params={"since": f"{today + timedelta(days=1)}"}).json()["n_matched"] == 0
    days = {"since": f"{today - timedelta(days=1)}", "until": f"{today + timedelta(days=1)}"}
    assert admin.get("/admin/audit", params=days).json()["n_matched"] > 5
    exported = admin.get("/admin/audit/export.csv", params={"action": "add_user"})
    rows = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert "POST /admin/users kaigan admin=True" in {row["target"] for row in rows}
    assert {row["action"] for row in rows} == {"add_user"}
    assert admin.get("/admin/audit", params={"action": "export_audit"}).json()["n_matched"] == 1
    verdict = admin.get("/admin/audit/verification").json()
    assert (verdict["state"], verdict["broken_at"]) == ("unbroken", None)
    assert verdict["n_lines"] > len(rows)
    assert PASSWORD not in exported.text


def test_a_browser_needs_its_token(crowd: Crowd) -> None:
    password = crowd["admin"].post("/admin/users", json={"name": "chief", "is_admin": True}).json()["password"]
    with crowd.client() as browser:
        token = browser.post("/session", json={"name": "chief", "password": password}).json()["csrf_token"]
        assert browser.get("/admin/users").status_code == 200
        assert browser.post("/admin/projects", json={"id": "forged"}).status_code == 403
        made = browser.post("/admin/projects", json={"id": "true"}, headers={"X-CSRF-Token": token})
        assert made.status_code == 201


def test_an_open_service_has_projects_but_no_users(client: Office) -> None:
    assert client.get("/admin/users").status_code == 409
    assert client.post("/admin/users", json={"name": "a"}).status_code == 409
    assert client.put("/admin/projects/default/members/a", json={"role": "viewer"}).status_code == 409
    assert client.get("/admin/projects").json()["projects"][0]["id"] == "default"
    assert client.get("/admin/storage").status_code == 200
    assert client.get("/admin/audit").status_code == 200
