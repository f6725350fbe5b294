"""Server-sent events end when who follows them may see the job no longer. About 3 s."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from api.access.users import disable_user, find_user, grant
from api.database import Database
from api.records import KeyRecord
from tests.api.crowd import Crowd, gather, settings_with_users
from tests.api.office import Thread, wait_for


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, _rehearsal_path: None) -> Iterator[Crowd]:
    """A service that accepts jobs and runs none, so that their events go on."""
    with Thread(settings_with_users(tmp_path_factory.mktemp("events"), workers=0)) as running:
        yield gather(running)


def without_role(session: Session) -> None:
    grant(session, find_user(session, "kawa"), "river", None)


def without_key(session: Session) -> None:
    session.execute(delete(KeyRecord).where(KeyRecord.user_id == find_user(session, "michi").id))


def disabled(session: Session) -> None:
    disable_user(session, find_user(session, "miru"))


@pytest.mark.parametrize(
    ("name", "deed"), [("miru", disabled), ("kawa", without_role), ("michi", without_key)], ids=["user", "role", "key"]
)
def test_events_end_with_the_right_to_see_them(crowd: Crowd, name: str, deed: Callable[[Session], None]) -> None:
    owner = {"miru": "kawa"}.get(name, name)
    job = crowd[owner].start()
    lines: list[str] = []

    def follow() -> None:
        with crowd[name].stream("GET", f"/jobs/{job}/events") as answer:
            lines.extend(answer.iter_lines())

    thread = threading.Thread(target=follow)
    thread.start()
    thread.join(1.5)
    assert thread.is_alive()
    database = Database(crowd.service.settings.url)
    with database.writing() as session:
        deed(session)
    database.close()
    wait_for(lambda: not thread.is_alive(), 5)
    assert sum(line.startswith("data:") for line in lines) == 1
