"""``tengun user``, ``project`` and ``audit`` as an administrator types them; about 2 s."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.access.credentials import visitor_of_key
from api.access.secrets import service_secret
from api.access.users import log_in
from api.command_access import app
from api.database import Database
from api.settings import Settings


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENGUN_DATA_DIR", str(tmp_path / "data"))


def tengun(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_from_a_new_user_to_a_key_and_out_again(tmp_path: Path) -> None:
    password = tengun("user", "add", "tanaka").stdout.split()[-1]
    assert tengun("project", "add", "river", "--title", "河川課").exit_code == 0
    assert tengun("project", "grant", "river", "tanaka", "--role", "viewer").exit_code == 0
    key = tengun("user", "key", "tanaka", "--project", "river", "--days", "7").stdout.strip()
    assert "tanaka\triver:viewer" in tengun("user", "list").stdout
    assert "river\t河川課\t0" in tengun("project", "list").stdout
    settings = Settings()
    database = Database(settings.url)
    assert log_in(database, "tanaka", password) is not None
    assert log_in(database, "tanaka", "wrong") is None
    with database.reading() as session:
        visitor = visitor_of_key(session, service_secret(settings), key)
    assert visitor is not None
    assert visitor.roles == {"river": "viewer"}
    assert tengun("user", "disable", "tanaka").exit_code == 0
    assert log_in(database, "tanaka", password) is None
    with database.reading() as session:
        assert visitor_of_key(session, service_secret(settings), key) is None
    database.close()
    assert "unbroken" in tengun("audit", "verify").stdout
    assert tengun("audit", "export", "-o", str(tmp_path / "audit.csv")).exit_code == 0
    lines = (tmp_path / "audit.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[5] for line in lines[1:4]] == ["user add", "project add", "project grant viewer"]
    assert password not in "".join(lines)


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "../x"),
        ("user", "key", "nobody"),
        ("project", "add", "River!"),
        ("project", "grant", "none", "nobody"),
    ],
)
def test_what_cannot_be_done_leaves_no_trace(words: tuple[str, ...]) -> None:
    assert tengun(*words).exit_code in (1, 2)
    assert tengun("audit", "verify").stdout.startswith("0 lines")
