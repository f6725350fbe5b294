"""An upload that breaks and goes on, and people who log in. Costs about 8 s on a quiet machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import laspy
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.api.crowd import PASSWORD, Crowd, gather, settings_with_users
from tests.api.office import Thread, serving
from tests.web.reader import Reader

pytestmark = pytest.mark.slow(15)

PIECE_BYTES = 8 * 1024 * 1024
ONE_PIECE_ONLY = """() => {
  let sent = 0;
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    sent += 1;
    if (sent === 1) send.call(this, body);
    else setTimeout(() => this.onerror(), 0);
  };
}"""
"""The line is dead after the first piece, until the page is loaded again."""


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A LAS file of 17 MB: two pieces and a bit."""
    path = tmp_path / "谷_2024.las"
    survey = laspy.LasData(laspy.LasHeader(version="1.2", point_format=3))
    survey.x, survey.y, survey.z = np.random.default_rng(9).uniform(0.0, 100.0, (3, 500_000))
    survey.write(path)
    assert path.stat().st_size > 2 * PIECE_BYTES
    return path


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """A service with users in two projects."""
    with serving(settings_with_users(tmp_path_factory.mktemp("crowd"))) as service:
        yield gather(service)


def test_an_upload_goes_on_where_it_broke_off(reader: Reader, running: Thread, survey: Path) -> None:
    """After the first piece the line is dead; the reader opens the page again and chooses the same file."""
    page = reader.open("#/data")
    page.evaluate(ONE_PIECE_ONLY)
    page.locator("input[type=file]").first.set_input_files(survey)
    expect(page.locator(".uploads .state")).to_contain_text("49 %")  # 8 of 17 MB
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.headers["upload-offset"]) if "upload-offset" in r.headers else None)
    page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
    reader.open("#/data")
    page.locator("input[type=file]").first.set_input_files(survey)
    expect(page.locator(".uploads li", has_text="登録済み")).to_have_count(1)
    assert sent == [str(PIECE_BYTES), str(2 * PIECE_BYTES)]
    dataset = next(one for one in running.client.get("/datasets").json()["datasets"] if one["name"] == survey.name)
    assert dataset["sha256"] == hashlib.sha256(survey.read_bytes()).hexdigest()


def test_who_logs_in_sees_their_own_and_no_other_project(browser: Browser, crowd: Crowd) -> None:
    theirs = crowd["michi"].start(action="write", label="road")
    own = crowd["kawa"].start(action="write", label="river")
    with Reader(browser, str(crowd.service.client.base_url), "ja") as reader:
        page = reader.open("#/jobs")
        reader.picture("login")
        page.get_by_label("利用者名").fill("kawa")
        page.get_by_label("パスワード").fill("wrong")
        page.get_by_role("button", name="ログイン").click()
        expect(page.locator(".login .problem")).to_contain_text("パスワードが違う")
        page.get_by_label("パスワード").fill(PASSWORD)
        page.get_by_role("button", name="ログイン").click()
        expect(page.locator(f"a[href='#/job/{own}']")).to_be_visible()
        expect(page.locator(f"a[href='#/job/{theirs}']")).to_have_count(0)
        page = reader.open(f"#/job/{theirs}")
        expect(page.locator("main .problem")).to_contain_text("はありません")
        reader.open(f"#/job/{own}")
        page.route("**/session/ways", lambda route: route.abort())
        page.get_by_role("button", name="ログアウト (kawa)").click()
        expect(page.get_by_label("利用者名")).to_be_visible()
        expect(page.locator(".login .problem")).to_contain_text("接続できません")


def test_who_may_only_look_is_told_so(browser: Browser, crowd: Crowd) -> None:
    with Reader(browser, str(crowd.service.client.base_url), "en") as reader:
        page = reader.open("#/order/rehearsal")
        page.get_by_label("User name").fill("miru")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".order > .actions .problem")).to_contain_text("you may look")
