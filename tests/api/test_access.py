"""Who may what, over real HTTP; the matrix of other people's things is made from the route table. About 8 s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import update

from api.access.gate import PUBLIC
from api.access.rates import RateLimit
from api.app import create_app
from api.database import Database
from api.records import KeyRecord, SessionRecord, UserRecord, now
from api.refusals import RateError
from api.serve import serve
from api.settings import Settings
from pointcloud.errors import ParameterError
from tests.api.crowd import PASSWORD, Crowd, gather, settings_with_users
from tests.api.office import ZONE, Office, Thread

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, _rehearsal_path: None) -> Iterator[Crowd]:
    with Thread(settings_with_users(tmp_path_factory.mktemp("crowd"), failures_per_minute=1000)) as running:
        yield gather(running)


@pytest.fixture(scope="module")
def records(crowd: Crowd) -> Iterator[Database]:
    database = Database(crowd.service.settings.url)
    yield database
    database.close()


@pytest.fixture(scope="module")
def theirs(crowd: Crowd, tile: Path) -> dict[str, str]:
    """What ``kawa`` of project river has: the value of each parameter of a path."""
    kawa = crowd["kawa"]
    dataset = kawa.upload(tile)["id"]
    job = kawa.start(survey=dataset)
    kawa.wait_until(job, "successful")
    key = kawa.post("/me/keys", json={"title": "spare"}).json()["id"]
    upload = kawa.post(
        "/uploads",
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": "filename YS5sYXo="},
    ).headers["location"]
    return {
        "dataset_id": dataset,
        "job_id": job,
        "key_id": key,
        "path": "numbers.bin",
        "upload_id": upload.rpartition("/")[2],
        "user_name": "kawa",
        "project_id": "river",
    }


def operations() -> list[tuple[str, str, str]]:
    """Method, path and name of every operation of the service."""
    app = create_app(Settings())
    return sorted(
        (method, context.path, context.name)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
    )


OPERATIONS = operations()
OF_EVERYBODY = {"process_id": "rehearsal", "code": "crs", "name": "ground"}
OF_EVERYBODY |= {"z": "3", "x": "7", "y": "3", "lon": "138", "lat": "35"}
"""Parameters of paths that name nothing of anybody's."""


def parameters(path: str) -> set[str]:
    return {name.partition(":")[0] for name in re.findall(r"\{(.*?)\}", path)}


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values[match[1]], path)


def is_for_admins(path: str) -> bool:
    return path.startswith("/admin/")


def is_personal(path: str) -> bool:
    return bool(parameters(path) - set(OF_EVERYBODY)) and not is_for_admins(path)


def ask(client: Office, method: str, path: str) -> int:
    content = {"inputs": {}} if path.endswith(("/execution", "/estimate")) else {}
    with client.stream(method, path, json=content if method in ("POST", "PUT") else None) as answer:
        return answer.status_code


def test_the_table_is_whole_and_what_anybody_may_see_is_known() -> None:
    assert len(OPERATIONS) >= 40
    assert len([path for _, path, _ in OPERATIONS if is_for_admins(path)]) >= 15
    assert {name for _, _, name in OPERATIONS} >= {"log_in", "send_piece", "execute_process"}
    assert {name for _, path, name in OPERATIONS if is_personal(path)} >= {"show_job", "show_dataset", "end_key"}


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, name in OPERATIONS if is_personal(p)])
def test_what_is_anothers_is_not_there(crowd: Crowd, theirs: dict[str, str], method: str, path: str) -> None:
    """A route with a parameter that this test does not know fails here: say what it names."""
    url = filled(path, theirs | OF_EVERYBODY)
    assert ask(crowd["michi"], method, url) == 404
    nothing = filled(path, dict.fromkeys(theirs, NOWHERE) | OF_EVERYBODY)
    assert ask(crowd["michi"], method, nothing) == 404
    if method == "GET":
        other, none = crowd["michi"].get(url).json(), crowd["michi"].get(nothing).json()
        assert other["detail"].replace(url.split("/")[2], "X") == none["detail"].replace(NOWHERE, "X")


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, name in OPERATIONS if name not in PUBLIC])
def test_nobody_gets_in_without_a_key(crowd: Crowd, theirs: dict[str, str], method: str, path: str) -> None:
    url = filled(path, theirs | OF_EVERYBODY)
    with crowd.client() as stranger:
        assert ask(stranger, method, url) == 401
        stranger.headers["Authorization"] = "Bearer tgn_" + "A" * 43
        assert ask(stranger, method, url) == 401
        stranger.headers["Authorization"] = "Basic YTpi"
        assert ask(stranger, method, url) == 401


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in OPERATIONS if m in ("POST", "PATCH", "DELETE")])
def test_who_may_only_look_changes_nothing(crowd: Crowd, theirs: dict[str, str], method: str, path: str) -> None:
    """Their own keys and session are theirs all the same, and an estimate changes nothing."""
    if path.startswith(("/me", "/session")) or path.endswith("/estimate"):
        return
    assert ask(crowd["miru"], method, filled(path, theirs | OF_EVERYBODY)) == 403


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in OPERATIONS if is_for_admins(p)])
def test_the_administration_is_for_administrators(crowd: Crowd, theirs: dict[str, str], method: str, path: str) -> None:
    """Also what is not there is only said to them, and a key for one project is no administrator's."""
    narrow = crowd["admin"].post("/me/keys", json={"project": "road"}).json()["key"]
    with crowd.client(Authorization=f"Bearer {narrow}") as one_project:
        for client in (crowd["kawa"], crowd["miru"], one_project):
            assert ask(client, method, filled(path, theirs)) == 403
            assert ask(client, method, filled(path, dict.fromkeys(theirs, "nothing"))) == 403


def test_lists_show_ones_own(crowd: Crowd, theirs: dict[str, str]) -> None:
    def listed(name: str, **query: str) -> tuple[set[str], set[str]]:
        jobs = crowd[name].get("/jobs", params=query).json()["jobs"]
        datasets = crowd[name].get("/datasets", params=query).json()["datasets"]
        return {job["jobID"] for job in jobs}, {dataset["id"] for dataset in datasets}

    mine = ({theirs["job_id"]}, {theirs["dataset_id"]})
    assert listed("kawa") == listed("miru") == listed("kawa", project="river") == mine
    assert listed("michi") == listed("michi", project="river") == listed("kawa", project="road") == (set(), set())
    assert theirs["job_id"] in listed("admin")[0]
    assert listed("admin", project="road") == (set(), set())
    assert crowd["miru"].get(f"/jobs/{theirs['job_id']}/results/numbers.bin").status_code == 200
    job = crowd["kawa"].status(theirs["job_id"])
    assert (job["project"], job["owner"]) == ("river", "kawa")


def test_anothers_dataset_can_be_no_input(crowd: Crowd, theirs: dict[str, str]) -> None:
    execute = "/processes/rehearsal/execution"
    other = crowd["michi"].post(execute, json={"inputs": {"survey": theirs["dataset_id"]}})
    none = crowd["michi"].post(execute, json={"inputs": {"survey": NOWHERE}})
    assert (other.status_code, none.status_code) == (422, 422)
    assert other.json()["detail"].replace(theirs["dataset_id"], NOWHERE) == none.json()["detail"]
    mixed = crowd["admin"].post(execute, params={"project": "road"}, json={"inputs": {"survey": theirs["dataset_id"]}})
    assert mixed.status_code == 422
    assert mixed.json()["field"] == "project"


def test_an_idempotency_key_is_ones_own(crowd: Crowd) -> None:
    execute = "/processes/rehearsal/execution"
    made = {
        name: crowd[name].post(execute, json={"inputs": {}}, headers={"Idempotency-Key": "one"}).json()["jobID"]
        for name in ("kawa", "michi")
    }
    assert made["kawa"] != made["michi"]
    again = crowd["kawa"].post(execute, json={"inputs": {}}, headers={"Idempotency-Key": "one"})
    assert again.json()["jobID"] == made["kawa"]


def test_new_things_go_into_ones_project(crowd: Crowd, tile: Path) -> None:
    answer = crowd["michi"].post("/datasets", params={"name": "a.laz", "project": "river"}, content=tile.read_bytes())
    assert answer.status_code == 422
    assert answer.json()["allowed"] == ["road"]
    assert crowd["michi"].upload(tile)["project"] == "road"
    assert crowd["admin"].upload(tile)["project"] == "default"
    gone = crowd["admin"].post("/datasets", params={"name": "a.laz", "project": "none"}, content=tile.read_bytes())
    assert gone.status_code == 422
    zones = crowd["kawa"].post("/processes/rehearsal/execution", json={"inputs": {"zones": {"value": ZONE}}})
    used = crowd["kawa"].status(zones.json()["jobID"])["inputs"][0]["dataset"]
    assert crowd["kawa"].get(f"/datasets/{used}").json()["project"] == "river"


def test_a_key_may_open_one_project_alone(crowd: Crowd, theirs: dict[str, str]) -> None:
    key = crowd["admin"].post("/me/keys", json={"title": "QGIS", "project": "road", "days": 1}).json()
    assert key["project"] == "road"
    with crowd.client(Authorization=f"Bearer {key['key']}") as narrow:
        assert narrow.get("/me").json() == {"name": "admin", "is_admin": False, "projects": {"road": "operator"}}
        assert narrow.get(f"/jobs/{theirs['job_id']}").status_code == 404
        assert narrow.post("/me/keys", json={}).json()["project"] == "road"
        assert narrow.post("/me/keys", json={"project": "river"}).status_code == 422
    assert crowd["kawa"].post("/me/keys", json={"project": "road"}).status_code == 422


def test_a_key_is_told_once_and_ends_at_once(crowd: Crowd, records: Database) -> None:
    made = crowd["kawa"].post("/me/keys", json={"title": "field laptop"}).json()
    with crowd.client(Authorization=f"Bearer {made['key']}") as laptop:
        assert laptop.get("/me").status_code == 200
        listed = crowd["kawa"].get("/me/keys").json()["keys"]
        assert made["id"] in {key["id"] for key in listed}
        assert made["key"] not in str(listed)
        with records.reading() as session:
            stored = session.get_one(KeyRecord, made["id"])
            assert made["key"] not in str(vars(stored))
        with records.writing() as session:
            session.execute(update(KeyRecord).where(KeyRecord.id == made["id"]).values(expires=now()))
        assert laptop.get("/me").status_code == 401
        with records.writing() as session:
            session.execute(update(KeyRecord).where(KeyRecord.id == made["id"]).values(expires=None))
        assert laptop.get("/me").status_code == 200
        assert crowd["kawa"].delete(f"/me/keys/{made['id']}").status_code == 204
        assert laptop.get("/me").status_code == 401


def test_a_browser_session_wants_its_token_for_changes(crowd: Crowd, records: Database) -> None:
    with crowd.client() as browser:
        answer = browser.post("/session", json={"name": "kawa", "password": PASSWORD})
        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/me").json()["projects"] == {"river": "operator"}
        forged = browser.post("/processes/rehearsal/execution", json={"inputs": {}})
        assert forged.status_code == 403
        token = {"X-CSRF-Token": answer.json()["csrf_token"]}
        assert browser.post("/processes/rehearsal/execution", json={"inputs": {}}, headers=token).status_code == 201
        with records.writing() as session:
            session.execute(update(SessionRecord).values(expires=now() - timedelta(seconds=1)))
        assert browser.get("/me").status_code == 401
        token = {
            "X-CSRF-Token": browser.post("/session", json={"name": "kawa", "password": PASSWORD}).json()["csrf_token"]
        }
        assert browser.delete("/session", headers=token).status_code == 204
        assert browser.get("/me").status_code == 401


def test_another_sites_page_changes_nothing(client: Office) -> None:
    """Also where the service is open to its machine: a page in the browser there is not its user."""
    answer = client.post(
        "/processes/rehearsal/execution", json={"inputs": {}}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert client.post("/session", json={}, headers={"Origin": "http://["}).status_code == 403
    own = str(client.base_url).rstrip("/")
    assert client.get("/jobs", headers={"Origin": "https://evil.example"}).status_code == 200
    job = client.post("/processes/rehearsal/execution", json={"inputs": {}}, headers={"Origin": own})
    assert job.status_code == 201


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(crowd: Crowd, records: Database) -> None:
    def log_in(password: str) -> int:
        with crowd.client() as browser:
            return browser.post("/session", json={"name": "miru", "password": password}).status_code

    assert [log_in("wrong") for _ in range(5)] == [401] * 5
    assert log_in(PASSWORD) == 401
    with records.writing() as session:
        late = now() - timedelta(seconds=1)
        session.execute(update(UserRecord).where(UserRecord.name == "miru").values(locked_until=late))
    assert log_in(PASSWORD) == 201
    assert log_in("wrong") == 401
    assert log_in(PASSWORD) == 201  # one failure after a success does not lock
    with crowd.client() as browser:
        assert browser.post("/session", json={"name": "nobody", "password": "x"}).status_code == 401


def test_a_password_is_changed_by_who_knows_it(crowd: Crowd) -> None:
    change = {"present": "not it at all", "new": "another good one"}
    assert crowd["michi"].put("/me/password", json=change).status_code == 401
    assert crowd["michi"].put("/me/password", json={"present": PASSWORD, "new": "short"}).status_code == 422
    assert crowd["michi"].put("/me/password", json={**change, "present": PASSWORD}).status_code == 204
    with crowd.client() as browser:
        assert browser.post("/session", json={"name": "michi", "password": PASSWORD}).status_code == 401
        assert browser.post("/session", json={"name": "michi", "password": change["new"]}).status_code == 201


def test_requests_and_failures_are_limited() -> None:
    limit = RateLimit(60, "requests", "要求")
    for _ in range(60):
        limit.take("a", 0.0)
    with pytest.raises(RateError) as refused:
        limit.take("a", 0.0)
    assert refused.value.details["retry_after_s"] == 2
    limit.take("b", 0.0)
    limit.take("a", 1.01)  # a second later there is one more
    with pytest.raises(RateError):
        limit.check("a", 1.02)
    unlimited = RateLimit(0, "requests", "要求")
    for _ in range(1000):
        unlimited.take("a", 0.0)


@pytest.mark.usefixtures("_rehearsal_path")
def test_too_many_answer_when_to_come_again(tmp_path: Path) -> None:
    settings = settings_with_users(tmp_path, requests_per_minute=5, failures_per_minute=3, workers=0)
    settings = settings.model_copy(update={"max_waiting_per_user": 1})
    with Thread(settings) as running:
        crowd = gather(running)
        assert crowd["kawa"].post("/processes/rehearsal/execution", json={"inputs": {}}).status_code == 201
        many = crowd["kawa"].post("/processes/rehearsal/execution", json={"inputs": {}})
        assert (many.status_code, many.json()["limit_jobs"]) == (429, 1)
        answers = [crowd["kawa"].get("/me") for _ in range(6)]
        assert (answers[0].status_code, answers[-1].status_code) == (200, 429)
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert crowd["michi"].get("/me").status_code == 200  # one's haste is not another's
        with crowd.client(Authorization="Bearer wrong") as guesser:
            assert [guesser.get("/me").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
        login = Path(settings.data_dir / "first-login.txt")
        assert login.stat().st_mode & 0o077 == 0
        assert (settings.data_dir / "secret").stat().st_mode & 0o077 == 0
        key = re.search(r"tgn_\S+", login.read_text())
        assert key is not None


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, "TENGUN_ACCESS=users; TENGUN_SECRET; TENGUN_TLS_CERT"),
        ({"access": "users", "secret": "s" * 32}, "TENGUN_TLS_CERT and TENGUN_TLS_KEY, or TENGUN_TRUSTED_PROXIES"),
        ({"access": "users", "trusted_proxies": "10.0.0.1"}, "TENGUN_SECRET"),
    ],
)
def test_the_network_is_refused_without_users_secret_and_encryption(
    tmp_path: Path, values: dict[str, str], missing: str
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "host": "0.0.0.0", **values})
    with pytest.raises(ParameterError) as refused:
        serve(settings)
    assert missing in refused.value.en
    assert not (tmp_path / "service.lock").exists()


def test_strangers_learn_no_numbers(crowd: Crowd, theirs: dict[str, str]) -> None:
    with crowd.client() as stranger:
        assert stranger.get("/health").json()["jobs"] == {}
        assert stranger.get("/ready").status_code in (200, 503)
    assert crowd["kawa"].get("/metrics").status_code == 403
    assert "tengun_jobs" in crowd["admin"].get("/metrics").text
    assert crowd["admin"].get("/health").json()["jobs"]["successful"] >= 1
