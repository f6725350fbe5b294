"""What ``tengun serve`` says before it loads what takes seconds."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from api import serve
from api.command import app
from api.settings import Settings


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "tengun: 起動中 starting; http://127.0.0.1:8123/\n"),
        ({"TENGUN_HOST": "::1"}, "tengun: 起動中 starting; http://[::1]:8123/\n"),
        ({"TENGUN_HOST": "0.0.0.0"}, "tengun: 起動中 starting; http://localhost:8123/\n"),
        ({"TENGUN_LOG_FORMAT": "json"}, ""),
    ],
)
def test_the_address_is_told_first(environment: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr(serve, "serve", served.append)
    done = CliRunner(env=environment).invoke(app, ["serve", "--port", "8123"])
    assert done.exit_code == 0, done.output
    assert done.stdout == line
    assert [settings.port for settings in served] == [8123]
