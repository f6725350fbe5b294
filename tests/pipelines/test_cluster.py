"""Tiles from a Dask scheduler and two workers, started as commands: some are killed, the bytes stay the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines import cluster, stage_cache, tiling
from pipelines.progress import ignore
from pipelines.run import run
from pointcloud.errors import ConflictError, ParameterError, ResourceError

pytestmark = pytest.mark.slow(30)

CRS = {"crs": "EPSG:6676"}
TILE_POINTS = 25_000  # three tiles of the slope
ALLOWED_S = 5.0


class Machines:
    """A scheduler and its workers, all of them processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        where = self.folder / "scheduler.json"
        self.scheduler = self._dask("scheduler", "--port", "0", "--scheduler-file", str(where))
        wait_for(where.exists)
        wait_for(lambda: where.read_text().rstrip().endswith("}"))
        self.address = json.loads(where.read_text())["address"]
        for _ in range(2):
            self.add_worker()

    def add_worker(self) -> None:
        more = ("--nworkers", "1", "--nthreads", "1", "--memory-limit", "4GiB", "--no-nanny")
        self.workers.append(self._dask("worker", self.address, *more, "--local-directory", str(self.folder)))

    def _dask(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def tiles(self) -> set[int]:
        """Processes that make tiles now, of whatever worker."""
        return {tile for worker in self.workers for tile in tiles_of(worker.pid)}

    def end(self) -> None:
        for process in (self.scheduler, *self.workers):
            if process is not None:
                process.kill()
                process.wait()


def tiles_of(parent: int) -> set[int]:
    """Processes that make tiles, started by one."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_child = int((path / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_child and b"pipelines.cluster_child" in (path / "cmdline").read_bytes():
                found.add(int(path.name))
    return found


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """A block beside which something is done; it ends when that is done, too."""
    with ThreadPoolExecutor() as pool:
        done = pool.submit(act)
        yield
        done.result()


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("machines"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
        patch.setenv("NUMBA_NUM_THREADS", "1")
        found.start()
    yield found
    found.end()


@pytest.fixture
def here(filtered: list[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of points that this process ran the ground filter on, where the slope is several tiles."""
    monkeypatch.setattr(tiling.plan, "__defaults__", (TILE_POINTS,))
    return filtered


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings that the job writes into its log."""
    found: list[str] = []
    monkeypatch.setattr(cluster.logger, "warning", lambda text, *values: found.append(text % values))
    return found


@dataclass(frozen=True)
class Alone:
    """What a run without a cluster wrote, and the entry of its cache that tells the filter's parameters."""

    files: dict[str, bytes]
    parameters: Path


@pytest.fixture(scope="module")
def alone(slope, tmp_path_factory: pytest.TempPathFactory) -> Alone:
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling.plan, "__defaults__", (TILE_POINTS,))
        patch.setenv("TENGUN_CACHE_DIR", str(folder / "cache"))
        run("terrain-model", {"survey": [slope.before]}, CRS, folder / "out")
    [parameters] = (folder / "cache").glob("parameters-*")
    return Alone(contents(folder / "out"), parameters)


@pytest.fixture
def cache(tmp_path: Path, alone: Alone) -> Path:
    """A cache in which there are no tiles yet; the parameters are, so that each test makes tiles of one stage only."""
    folder = tmp_path / "cache"
    folder.mkdir()
    shutil.copy(alone.parameters, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def terrain(slope, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, bytes]]:
    """Run over the tiles with a scheduler; the files that come out."""

    def terrain(address: str, observer=ignore) -> dict[str, bytes]:
        monkeypatch.setenv("TENGUN_CACHE_DIR", str(cache))
        monkeypatch.setenv(cluster.VARIABLE, address)
        run("terrain-model", {"survey": [slope.before]}, CRS, tmp_path / "out", observer)
        return contents(tmp_path / "out")

    return terrain


def test_a_worker_killed_in_the_middle_costs_no_tile_and_no_byte(machines, terrain, alone, here, said):
    percents: list[float] = []

    def kill_one() -> None:
        wait_for(machines.tiles)
        [one, *_] = [worker for worker in machines.workers if tiles_of(worker.pid)]
        tiles = tiles_of(one.pid)
        one.kill()
        one.wait()
        machines.workers.remove(one)
        wait_for(lambda: not any(is_running(pid) for pid in tiles))  # they end with their worker

    with meanwhile(kill_one):
        assert terrain(machines.address, lambda event: percents.append(event.percent)) == alone.files
    assert len(machines.workers) == 1
    assert here == []  # all tiles came from the workers
    assert any("its worker is gone" in text for text in said)
    assert percents == sorted(percents)


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_what_another_version_would_make_is_refused(machines, terrain, here, cache, monkeypatch):
    monkeypatch.setattr(stage_cache, "code_version", lambda: "of yesterday")
    with pytest.raises(ConflictError, match="another version") as caught:
        terrain(machines.address)
    assert "版がこのジョブと異なります" in caught.value.ja
    assert here == []


def test_tiles_stop_when_their_job_is_killed(machines, slope, cache, tmp_path):
    machines.add_worker()
    script = f"""
        from pathlib import Path
        from pipelines import tiling
        from pipelines.run import run
        tiling.plan.__defaults__ = ({TILE_POINTS},)
        run("terrain-model", {{"survey": [Path({str(slope.before)!r})]}}, {CRS}, Path({str(tmp_path / "out")!r}))
    """
    own = {"TENGUN_CACHE_DIR": str(cache), cluster.VARIABLE: machines.address}
    job = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], env={**os.environ, **own})
    try:
        wait_for(lambda: len(machines.tiles()) == 2)
        tiles = machines.tiles()
        for pid in tiles:
            os.kill(pid, signal.SIGSTOP)  # it would never end by itself
    finally:
        job.kill()
        job.wait()
    started = time.monotonic()
    wait_for(lambda: not any(is_running(pid) for pid in tiles))
    took = time.monotonic() - started
    print(f"tiles gone {took:.2f} s after their job")
    assert took < ALLOWED_S
    assert not (tmp_path / "out").exists()


def test_a_job_goes_on_alone_when_the_scheduler_is_killed(machines, terrain, alone, here, said):
    def kill_it() -> None:
        wait_for(machines.tiles)
        machines.scheduler.kill()
        machines.scheduler.wait()

    with meanwhile(kill_it):
        assert terrain(machines.address) == alone.files
    assert any("goes on by itself" in text for text in said)
    assert 1 <= len(here) <= 3
    wait_for(lambda: not machines.tiles())


def test_files_are_classified_beside_each_other_on_one_machine(tiles, tmp_path, here, monkeypatch):
    monkeypatch.setattr(tiling.groups, "__defaults__", (1,))  # each file by itself
    run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "alone")
    here.clear()
    monkeypatch.setenv("TENGUN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv(cluster.VARIABLE, cluster.LOCAL)
    run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "together")
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")
    assert here == []
    made = [path.name.partition("-")[0] for path in (tmp_path / "cache").iterdir()]
    assert made.count("spacing") > 1  # what the filter's parameters follow from comes in tiles, too


def test_a_tile_without_memory_fails_the_job_by_name(terrain, here, monkeypatch):
    monkeypatch.setattr(cluster, "local_size", lambda: (2, 2 * 60 * 1024**2))
    with pytest.raises(ResourceError, match=r"tile 1/3 \(E 52000.*memory.*--memory-limit") as caught:
        terrain(cluster.LOCAL)
    assert "メモリ" in caught.value.ja
    assert here == []


def test_the_address_and_the_cache_are_checked_before_a_point_is_read(terrain, monkeypatch):
    for wrong in ("10.0.0.1:8786", "http://a:1", "tcp://a", "remote"):
        with pytest.raises(ParameterError, match="expected tcp://host:port"):
            terrain(wrong)
    monkeypatch.delenv("TENGUN_CACHE_DIR")
    with pytest.raises(ParameterError, match="TENGUN_CACHE_DIR"), cluster.used("tcp://[::1]:8786"):
        pass
