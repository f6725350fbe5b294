"""Log-in at an OpenID Connect provider of our own on loopback, through the whole flow. About 4 s."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey
from pydantic import ValidationError

from api.access.oidc_users import user_of
from api.access.users import disable_user, find_user, roles_of
from api.database import Database
from api.refusals import UnauthorizedError
from api.settings import Settings
from tests.api.crowd import Crowd, gather, settings_with_users
from tests.api.office import Office, Thread
from tests.api.provider import CLIENT, SECRET, Provider

KAWA = {"preferred_username": "kawa", "sub": "s-kawa"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Crowd]:
    settings = settings_with_users(
        tmp_path_factory.mktemp("oidc"), workers=0, failures_per_minute=1000, oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT, oidc_client_secret=SECRET, oidc_title="県庁", oidc_user_claim="preferred_username",
    )  # fmt: skip
    with Thread(settings) as running:
        yield gather(running)


@pytest.fixture
def browser(crowd: Crowd, provider: Provider) -> Office:
    provider.person, provider.lies, provider.algorithm, provider.signs_with = KAWA, {}, "ES256", provider.key
    return crowd.client()


def begin(browser: Office) -> str:
    """Where the provider sends the browser back to."""
    to_provider = browser.get("/session/oidc")
    assert to_provider.status_code == 303, to_provider.text
    return httpx.get(to_provider.headers["location"]).headers["location"]


def test_a_browser_is_let_in_as_the_user_that_the_provider_names(crowd: Crowd, browser: Office) -> None:
    way = browser.get("/session/ways").json()["oidc"]
    assert way["title"] == "県庁"
    to_provider = browser.get(way["href"])
    asked = parse_qs(urlsplit(to_provider.headers["location"]).query)
    assert (asked["code_challenge_method"], asked["client_id"]) == (["S256"], [CLIENT])
    back = httpx.get(to_provider.headers["location"]).headers["location"]
    entered = browser.get(back)
    assert (entered.status_code, entered.headers["location"]) == (303, "../../app/?entered")
    session = browser.get("/session").json()
    assert (session["name"], session["projects"]) == ("kawa", {"river": "operator"})
    assert browser.post("/me/keys", json={}).status_code == 403
    token = {"X-CSRF-Token": session["csrf_token"]}
    assert browser.post("/me/keys", json={}, headers=token).status_code == 201
    lines = crowd["admin"].get("/admin/audit", params={"action": "finish_oidc"}).json()["lines"]
    assert (lines[0]["actor"], lines[0]["via"], lines[0]["outcome"]) == ("kawa", "oidc", "303")
    assert lines[0]["target"] == "GET /session/oidc/return kawa sub s-kawa"
    assert browser.get(back).status_code == 401  # neither attempt nor code is good twice


def _hours_ago(hours: float) -> int:
    return int(time.time() - 3600 * hours)


@pytest.mark.parametrize(
    "lies",
    [
        {"aud": "another"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example"},
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"exp": _hours_ago(0.1)},
        {"exp": None},
        {"iat": _hours_ago(-2)},
        {"preferred_username": "nobody"},
        {"preferred_username": None},
        {"preferred_username": ["kawa"]},
    ],
)
def test_an_id_token_that_is_not_for_this_attempt_opens_nothing(
    browser: Office, provider: Provider, lies: dict[str, Any]
) -> None:
    provider.lies = lies
    refused = browser.get(begin(browser))
    assert (refused.status_code, "tengun_session" in browser.cookies) == (401, False)
    assert refused.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_an_id_token_that_another_signed_opens_nothing(browser: Office, provider: Provider, algorithm: str) -> None:
    provider.algorithm = algorithm
    foreign = {"ES256": ECKey.generate_key("P-256", {"kid": "1"}), "HS256": OctKey.import_key(SECRET, {"kid": "1"})}
    provider.signs_with = foreign[algorithm]
    assert browser.get(begin(browser)).status_code == 401


def test_only_the_browser_that_began_comes_back(crowd: Crowd, browser: Office) -> None:
    back, other = begin(browser), crowd.client()
    assert other.get(back).status_code == 401  # somebody else's return is slipped to them
    begin(other)
    assert other.get(back).status_code == 401
    kept = browser.cookies["tengun_login"]
    browser.cookies.set("tengun_login", "x" + kept[1:])
    assert browser.get(back).status_code == 401
    assert browser.get("/session/oidc/return", params={"error": "access_denied<b>"}).status_code == 401


def test_whoever_is_shut_out_here_stays_out(crowd: Crowd, browser: Office, provider: Provider) -> None:
    database = Database(crowd.service.settings.url)
    with database.writing() as session:
        disable_user(session, find_user(session, "miru"))
    database.close()
    provider.person = {"preferred_username": "miru"}
    refused = browser.get(begin(browser))
    assert refused.status_code == 401
    assert "miru" in refused.text


def test_groups_make_users_and_their_roles(crowd: Crowd) -> None:
    groups = {"rivers": {"river": "operator"}, "all": {"river": "viewer", "road": "viewer"}}
    settings = crowd.service.settings.model_copy(update={"oidc_groups": groups})
    database = Database(settings.url)

    def roles(name: str, *said: str) -> dict[str, str]:
        with database.writing() as session:
            user = user_of(session, settings, {"preferred_username": name, "groups": list(said)})
            session.flush()
            return dict(roles_of(session, user.id))

    assert roles("new", "all", "rivers", "unknown") == {"river": "operator", "road": "viewer"}
    assert roles("new", "rivers") == {"river": "operator"}
    with pytest.raises(UnauthorizedError, match="'new'"):
        roles("new", "unknown")
    with pytest.raises(UnauthorizedError, match="'stranger'"):
        roles("stranger")
    database.close()


def test_an_address_counts_once_the_provider_has_verified_it(crowd: Crowd) -> None:
    settings = crowd.service.settings.model_copy(update={"oidc_user_claim": "email"})
    database = Database(settings.url)
    with database.writing() as session, pytest.raises(UnauthorizedError, match="email_verified"):
        user_of(session, settings, {"email": "kawa"})
    with database.writing() as session:
        assert user_of(session, settings, {"email": "kawa", "email_verified": True}).name == "kawa"
    database.close()


def test_without_a_provider_nothing_is_offered_or_asked(client: Office) -> None:
    assert client.get("/session/ways").json() == {}
    assert client.get("/session/oidc").status_code == 409
    assert client.get("/session/oidc/return").status_code == 409


def test_a_provider_that_is_away_is_told(crowd: Crowd, browser: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with Provider() as gone:
        pass
    monkeypatch.setattr(
        crowd.service.settings, "__dict__", {**crowd.service.settings.__dict__, "oidc_issuer": gone.issuer}
    )
    refused = browser.get("/session/oidc")
    assert refused.status_code == 503
    assert "ConnectError" in refused.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": "http://login.example", "oidc_client_id": "tengun", "access": "users"},
        {"oidc_issuer": "https://login.example", "access": "users"},
        {"oidc_issuer": "https://login.example", "oidc_client_id": "tengun"},
    ],
)
def test_a_provider_is_set_whole_and_over_tls(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"oidc|https"):
        Settings.model_validate({"data_dir": tmp_path, **wrong})
