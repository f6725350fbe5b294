"""PDAL as a child process: stopped whole on cancel and limits, its crashes reported, its version asked. About 10 s."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import executors, pdal, pdal_cut
from pipelines.document import parse
from pointcloud.errors import CancelledError, InputError, NotFoundError, ParameterError, ResourceError
from tests.oracles.real_pdal import program

SLOW: list[dict[str, Any]] = [
    {"type": "readers.faux", "bounds": "([0, 100], [0, 100], [0, 100])", "count": 3_000_000, "mode": "uniform"},
    {"type": "filters.outlier", "mean_k": 60},
    {"type": "writers.null"},
]
"""Minutes of work in little memory."""


def children_in(folder: Path) -> list[int]:
    """Processes whose working folder is ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def run_slow(folder: Path, step: Callable[[], None], limits: pdal.Limits = pdal.Limits()) -> None:  # noqa: B008
    pdal_cut.run(parse(SLOW), folder, program(), step, limits)


def test_cancel_leaves_no_process_and_no_file_within_five_seconds(tmp_path: Path) -> None:
    program()
    started = time.monotonic()
    cancelled_at: list[float] = []

    def step() -> None:
        if time.monotonic() - started > 1.0 and children_in(tmp_path):
            cancelled_at.append(time.monotonic())
            raise CancelledError("stopped at the user's wish", "利用者の指示により中止しました。")

    with pytest.raises(CancelledError):
        run_slow(tmp_path, step)
    assert children_in(tmp_path) == []
    assert time.monotonic() - cancelled_at[0] < 5.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_is_a_failure_that_names_the_signal(number: signal.Signals, tmp_path: Path) -> None:
    program()

    def step() -> None:
        for pid in children_in(tmp_path):
            if b"pipeline" in Path(f"/proc/{pid}/cmdline").read_bytes() and _is_pdal(pid):
                os.kill(pid, number)

    with pytest.raises(ResourceError, match=f"ended by signal {number.name}") as caught:
        run_slow(tmp_path, step)
    assert caught.value.details["signal"] == number.name
    assert list(tmp_path.iterdir()) == []


def _is_pdal(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name == "pdal"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("limits", "what"),
    [(pdal.Limits(time_s=1.0), "time"), (pdal.Limits(memory_bytes=60 << 20), "memory")],
    ids=["time", "memory"],
)
def test_a_limit_stops_it(limits: pdal.Limits, what: str, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=f"over its {what} limit"):
        run_slow(tmp_path, lambda: None, limits)
    assert children_in(tmp_path) == []


def test_output_larger_than_allowed_is_stopped(tmp_path: Path) -> None:
    stages = [{**SLOW[0], "count": 400_000}, {"type": "writers.text", "filename": "x.csv"}]
    with pytest.raises(ResourceError, match="over its output limit"):
        pdal_cut.run(parse(stages), tmp_path, program(), limits=pdal.Limits(output_bytes=1 << 20))


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """A worker that is killed outright leaves no PDAL behind: a grandchild of this test, its parent killed."""
    import subprocess
    import sys

    program()
    code = (
        "from pathlib import Path; from pipelines import pdal, pdal_cut; from pipelines.document import parse; "
        f"pdal_cut.run(parse({SLOW!r}), Path({str(tmp_path)!r}), pdal.require())"
    )
    root = str(Path(__file__).resolve().parents[2])
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": root})
    try:
        assert comes_true(lambda: any(_is_pdal(pid) for pid in children_in(tmp_path)), 60)
    finally:
        parent.kill()
        parent.wait()
    assert comes_true(lambda: not children_in(tmp_path), 5)


def comes_true(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (is_true := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return is_true


def test_what_pdal_refuses_is_the_users_error_in_pdals_words(tmp_path: Path) -> None:
    stages = [SLOW[0], {"type": "filters.sort", "dimension": "NoSuchDimension"}, {"type": "writers.null"}]
    with pytest.raises(InputError, match="NoSuchDimension") as caught:
        pdal_cut.run(parse(stages), tmp_path, program())
    assert caught.value.details["exit_code"] == 1


def test_stages_and_options_that_this_pdal_lacks(tmp_path: Path) -> None:
    found = program()
    with pytest.raises(ParameterError, match=r"has no such stage.*it has filters"):
        pdal_cut.run(parse([SLOW[0], {"type": "filters.nonsense"}]), tmp_path, found)
    with pytest.raises(ParameterError, match="has no option 'kount'"):
        pdal_cut.run(parse([{**SLOW[0], "kount": 1}, {"type": "writers.null"}]), tmp_path, found)
    if found.version < (2, 4):
        with pytest.raises(ParameterError, match=r"no such stage \(PDAL 2.4 brought it\)"):
            pdal_cut.run(parse(["a.copc.laz", {"type": "writers.null"}]), tmp_path, found)


def fake(folder: Path, version: str) -> str:
    path = folder / "pdal"
    path.write_text(f"#!/bin/sh\necho 'pdal {version} (git-version: Release)'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_found_by_variable_then_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'b'}:{os.environ['PATH']}")
    fake(tmp_path / "b", "2.5.3")
    monkeypatch.delenv("TENGUN_PDAL", raising=False)
    first = pdal.find()
    assert first is not None
    assert first.version == (2, 5, 3)
    monkeypatch.setenv("TENGUN_PDAL", fake(tmp_path / "a", "2.8.4"))
    second = pdal.require()
    assert second.version_text == "2.8.4"
    assert executors.executors()["pdal"] == {"available": True, "version": "2.8.4"}


def test_a_wish_that_cannot_be_met_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENGUN_PDAL", str(tmp_path / "nothing"))
    with pytest.raises(NotFoundError, match="no PDAL runs there"):
        pdal.require()
    assert executors.executors()["pdal"]["available"] is False
    assert executors.executors()["native"]["available"] is True


def test_too_old_a_pdal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENGUN_PDAL", fake(tmp_path, "2.1.0"))
    with pytest.raises(NotFoundError, match=r"2\.1\.0 .* is too old"):
        pdal.require()


def test_without_pdal_the_message_names_the_stages_that_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENGUN_PDAL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdal, "PREFIX", tmp_path / "nothing")
    document = parse(["a.las", {"type": "filters.csf"}, "b.las"])
    with pytest.raises(NotFoundError, match=r"needs PDAL for filters\.csf.*make pdal"):
        executors.choose(document)
    with pytest.raises(ParameterError, match=r"does not know filters\.csf"):
        executors.choose(document, "native")
    assert executors.choose(parse(["a.las", "b.las"])) == "native"


def test_secrets_of_the_service_do_not_reach_pdal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENGUN_DATABASE", "postgresql://user:password@host/db")
    environment = pdal._environment()
    assert not any("password" in value for value in environment.values())
    assert environment["PROJ_NETWORK"] == "OFF"


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    found = program()
    stages = parse([{**SLOW[0], "count": 1000}, {"type": "writers.las", "filename": "x.las"}])
    errors: list[Exception] = []

    def work() -> None:
        try:
            folder = tmp_path / threading.current_thread().name
            folder.mkdir()
            pdal_cut.run(stages, folder, found)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list(tmp_path.glob("*/x.las"))) == 2
