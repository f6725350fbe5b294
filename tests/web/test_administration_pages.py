"""Administration and account in a real browser, over a service with users. Costs about 8 s on a quiet machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.api.crowd import PASSWORD, Crowd, gather, settings_with_users
from tests.api.office import serving, wait_for
from tests.api.provider import CLIENT, SECRET, Provider
from tests.web.conftest import AXE
from tests.web.reader import Reader

pytestmark = pytest.mark.slow(20)

PLACES = ("users", "users/kawa", "projects", "projects/river", "storage", "audit")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """A service with users in two projects."""
    with serving(settings_with_users(tmp_path_factory.mktemp("crowd"), workers=0)) as service:
        yield gather(service)


@pytest.fixture(scope="module")
def chief(crowd: Crowd) -> str:
    """Password of the administrator ``chief``."""
    made = crowd["admin"].post("/admin/users", json={"name": "chief", "is_admin": True})
    return str(made.json()["password"])


def enter(reader: Reader, place: str, name: str, password: str) -> None:
    page = reader.open(place)
    page.locator("input[autocomplete=username]").fill(name)
    page.locator("input[type=password]").fill(password)
    page.locator("button.main").click()
    page.wait_for_selector("main[data-ready] h1")
    expect(page.locator(".login button.main")).to_have_count(0)


def test_a_user_is_made_gets_a_role_and_is_shut_out(browser: Browser, crowd: Crowd, chief: str) -> None:
    with Reader(browser, str(crowd.service.client.base_url), "ja") as reader:
        enter(reader, "#/admin/users", "chief", chief)
        page = reader.page
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_label("利用者名").fill("tanaka")
        page.get_by_role("button", name="追加").click()
        password = page.locator(".secret code").inner_text()
        page.get_by_role("link", name="tanaka").click()
        page.get_by_label("river での権限").select_option("operator")
        page.get_by_label("用途").fill("QGIS")
        page.get_by_role("button", name="API キーを発行").click()
        key = page.locator(".secret code").inner_text()
        with crowd.client(Authorization=f"Bearer {key}") as qgis:
            wait_for(lambda: qgis.get("/me").json()["projects"] == {"river": "operator"})
            page.get_by_role("button", name="利用停止").click()
            expect(page.get_by_role("button", name="利用を再開")).to_be_visible()
            assert qgis.get("/me").status_code == 401
        with crowd.client() as other:
            assert other.post("/session", json={"name": "tanaka", "password": password}).status_code == 401


def test_a_project_gets_members_and_a_quota(browser: Browser, crowd: Crowd, chief: str) -> None:
    with Reader(browser, str(crowd.service.client.base_url), "en") as reader:
        enter(reader, "#/admin/projects", "chief", chief)
        page = reader.page
        page.get_by_label("Project id").fill("coast")
        page.get_by_label("Title").fill("Coast")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("link", name="coast").click()
        page.get_by_label("Quota GB").fill("2.5")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("0 B of 2.5 GB")).to_be_visible()
        page.get_by_label("User name").select_option("miru")
        page.get_by_label("Role", exact=True).select_option("viewer")
        page.get_by_role("button", name="Add a member").click()
        expect(page.get_by_label("Role of miru")).to_have_value("viewer")
        coast = crowd["admin"].get("/admin/projects").json()["projects"][0]
        assert (coast["quota_bytes"], coast["members"]) == (2_500_000_000, [{"user": "miru", "role": "viewer"}])


def test_the_audit_log_is_filtered_saved_and_checked(browser: Browser, crowd: Crowd, chief: str) -> None:
    with Reader(browser, str(crowd.service.client.base_url), "en") as reader:
        enter(reader, "#/admin/audit", "chief", chief)
        page = reader.page
        page.get_by_label("About (a part)").fill("chief")
        page.get_by_role("button", name="Filter").click()
        lines = page.get_by_role("region", name="Audit log").locator("tbody tr")
        expect(lines).to_have_count(1)
        expect(lines).to_contain_text("chief admin=True")
        page.get_by_role("button", name="Check for tampering").click()
        expect(page.get_by_text("nothing was changed")).to_be_visible()
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save as CSV").click()
        assert Path(saved.value.path()).read_text("utf-8-sig").count("chief admin=True") == 1


def test_who_is_no_administrator_has_an_account_all_the_same(browser: Browser, crowd: Crowd) -> None:
    with Reader(browser, str(crowd.service.client.base_url), "en") as reader:
        enter(reader, "#/admin/users", "michi", PASSWORD)
        page = reader.page
        expect(page.locator("main .problem")).to_contain_text("for administrators")
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
        page.get_by_role("link", name="Account").click()
        fields = ("Present password", "New password (12", "New password again")
        for field, value in zip(fields, (PASSWORD, "a longer one by far", "something else here"), strict=True):
            page.get_by_label(field).fill(value)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_text("The new passwords differ.")).to_be_visible()
        page.get_by_label("New password again").fill("a longer one by far")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_label("User name")).to_be_visible()
        enter(reader, "#/account", "michi", "a longer one by far")


def test_whoever_the_provider_knows_enters_without_a_password(browser: Browser, tmp_path: Path) -> None:
    with Provider() as provider:
        settings = settings_with_users(
            tmp_path, workers=0, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
            oidc_title="県庁", oidc_user_claim="preferred_username",
        )  # fmt: skip
        provider.person = {"preferred_username": "kawa", "sub": "s-kawa"}
        with serving(settings) as service, Reader(browser, str(service.client.base_url), "ja") as reader:
            gather(service)
            page = reader.open("#/account")
            page.get_by_role("link", name="県庁でログイン").click()
            page.get_by_role("link", name="アカウント").click()
            assert {address.partition("?")[0] for address in reader.outside} == {f"{provider.issuer}/auth"}
            reader.outside.clear()  # the rest of the test asks the service alone
            expect(page.locator("main p").first).to_have_text("kawa")
            page.get_by_label("用途").fill("QGIS")
            page.get_by_role("button", name="API キーを発行").click()  # with the token of the session
            expect(page.locator(".secret code")).to_be_visible()


@pytest.mark.parametrize(("width", "height", "theme"), [(1366, 768, "light"), (390, 844, "dark")])
def test_the_pages_are_accessible_and_fit(
    browser: Browser, crowd: Crowd, chief: str, width: int, height: int, theme: str
) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core (make web fetches it from the lock file)")
    axe = AXE.read_text()
    with Reader(browser, str(crowd.service.client.base_url), "ja", width, height) as reader:
        reader.open("#/account")
        assert reader.violations(axe) == []  # of the log-in
        enter(reader, "#/account", "chief", chief)
        for place in ("account", *(f"admin/{one}" for one in PLACES)):
            page = reader.open(f"#/{place}")
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
            assert reader.violations(axe) == [], place
            reader.picture(place.replace("/", "-"))
