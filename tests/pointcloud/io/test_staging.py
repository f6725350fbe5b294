"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointcloud.errors import ResourceError
from pointcloud.io.staging import staged


def test_a_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "a.laz"
    target.write_text("old")
    with staged(target) as stage:
        assert (stage.parent, stage.suffix) == (tmp_path, ".laz")
        assert stage.name.startswith("."), "a folder of tiles does not show it"
        stage.write_text("new")
        assert target.read_text() == "old"
    assert (target.read_text(), list(tmp_path.iterdir())) == ("new", [target])


def test_nothing_appears_when_it_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with staged(tmp_path / "a.laz") as stage:
            stage.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_system_s_refusal_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(ResourceError, match=r"writing a\.laz: No such file or directory; check") as caught,
        staged(tmp_path / "nowhere" / "a.laz") as stage,
    ):
        stage.write_text("new")
    assert "書き込めません" in caught.value.ja


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError), staged(tmp_path / "a.laz"):
        raise TimeoutError
