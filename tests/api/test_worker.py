"""The worker as a program, and what the dispatcher makes of its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.jobs.child import Child, describe_end
from api.jobs.folder import JobFolder, exclusive
from api.jobs.store import Claim
from api.problems import Problem, plain
from api.settings import Settings
from pointcloud.errors import ConflictError, FileError
from tests.api.office import ROOT, is_alive, wait_for

WEB = ("fastapi", "starlette", "uvicorn", "alembic", "httpx", "api.app", "api.errors")
NUMBERS = ("numba", "scipy", "laspy", "rasterio", "matplotlib", "open3d")


def test_a_worker_loads_neither_web_code_nor_what_only_some_jobs_need() -> None:
    code = "import api.jobs.worker, pipelines.catalog, sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)
    assert not set(loaded) & set(WEB)
    assert not set(loaded) & set(NUMBERS)


def test_a_worker_for_a_job_that_does_not_run_refuses(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    outcome = subprocess.run(
        [sys.executable, "-m", "api.jobs.worker", "00000000-0000-4000-8000-000000000000"],
        cwd=ROOT,
        env={**os.environ, **settings.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert outcome.returncode == 1


def test_settings_reach_a_worker_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path / "資料", workers=3, job_time_limit_s=7.5, database_url="sqlite:///x%20y.db")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
    assert "x%20y" not in repr(settings)


@pytest.mark.parametrize(
    ("returncode", "text"),
    [(-9, "SIGKILL"), (-11, "SIGSEGV"), (-6, "SIGABRT"), (-15, "SIGTERM"), (-40, "40"), (1, "code 1"), (0, "code 0")],
)
def test_every_end_has_a_reason_in_both_languages(returncode: int, text: str) -> None:
    problem = describe_end(returncode)
    assert problem.code == "crashed"
    assert text in problem.en
    assert problem.ja


def test_a_child_that_ignores_the_request_is_ended_by_force(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    child = Child(Claim("job", 1), process, deadline=time.monotonic() + 60)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert not child.has_ended()

    def stop() -> bool:
        child.stop(0.3)
        return child.has_ended()

    started = time.monotonic()
    wait_for(stop, 10)
    assert time.monotonic() - started >= 0.3
    assert child.reap() == -9
    assert child.has_ended()
    assert child.reap() == -9
    process.stdout.close()


def test_what_a_leader_leaves_behind_is_ended_with_it() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    orphan = int(process.stdout.readline())
    child = Child(Claim("job", 1), process, deadline=time.monotonic() + 60)
    wait_for(child.has_ended)
    assert is_alive(orphan)
    assert child.reap() == 0
    wait_for(lambda: not is_alive(orphan))
    process.stdout.close()


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path, "taken", "使用中"):
        assert path.read_text() == str(os.getpid())
        with pytest.raises(ConflictError, match="taken"), exclusive(path, "taken", "使用中"):
            pass
    with exclusive(path, "taken", "使用中"):
        pass


def test_a_folder_is_cleaned_of_what_is_half_made(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "job")
    folder.make()
    for part in (folder.results, folder.path / ".results.partial-abc", folder.temporary / "x"):
        part.mkdir(parents=True)
        (part / "file").write_text("x")
    folder.remove_unfinished(keep_results=True)
    assert {item.name for item in folder.path.iterdir()} == {"results"}
    folder.remove_unfinished(keep_results=False)
    assert list(folder.path.iterdir()) == []
    folder.end_leftover_worker()  # no lock, nobody to end
    folder.remove()
    assert not folder.path.exists()


def test_problems_hide_where_files_lie() -> None:
    error = FileError("reading /data/d/1/a.las: bad", "/data/d/1/a.las が不正", file="/data/d/1/a.las", all=["/data/x"])
    problem = Problem.from_error(error, [Path("/data/d/1"), Path("/data")])
    assert (problem.en, problem.ja) == ("reading a.las: bad", "a.las が不正")
    assert problem.details == {"file": "a.las", "all": ["x"]}
    assert Problem.from_dict(problem.as_dict()) == problem


def test_plain_values_are_strict_json() -> None:
    odd = {"nan": float("nan"), "path": Path("a"), "half": "\ud800", 1: (1, True, None, 2.5)}
    text = json.dumps(plain(odd), allow_nan=False).encode()
    assert json.loads(text) == {"nan": "nan", "path": "a", "half": "\\ud800", "1": [1, True, None, 2.5]}
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    assert len(json.dumps(plain(deep))) < 200
