"""Results of stages that are kept: what is found again is what would be made again, to the byte."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import shapely

from pipelines import stage_cache, tiling
from pipelines.run import run
from pipelines.stage_cache import StageCache
from pointcloud.errors import CancelledError, ParameterError
from tests.pipelines.conftest import E, N, Slope

CRS = {"crs": "EPSG:6676"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cache that the command line uses."""
    monkeypatch.setenv("TENGUN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def square(path: Path, west: float) -> Path:
    box = shapely.box(E + west, N + 10, E + west + 20, N + 30)
    path.write_text(shapely.to_geojson(box))
    return path


def test_a_second_volume_with_another_polygon_filters_no_ground_and_gives_the_same_numbers(
    slope: Slope, tmp_path, folder, filtered, monkeypatch
):
    monkeypatch.setattr("pipelines.processes.volume_outputs.write_outputs", lambda *_: ())  # seconds of drawing
    surveys = {"before": [slope.before], "after": [slope.after]}

    def volume(west: float) -> dict[str, object]:
        zones = square(tmp_path / f"{west}.geojson", west)
        return run(
            "volume-change", {**surveys, "zones": [zones]}, {**CRS, "cell": 2, "align": "none"}, tmp_path / "out"
        ).summary

    first = volume(20)
    assert len(filtered) == 2
    second = volume(50)
    assert len(filtered) == 2
    monkeypatch.delenv("TENGUN_CACHE_DIR")
    assert json.dumps(volume(50)) == json.dumps(second)
    assert len(filtered) == 4
    assert first["total"] == second["total"]
    assert first["zones"] != second["zones"]


def test_tiles_that_a_run_finished_before_it_was_cut_off_are_not_made_again(
    slope: Slope, tmp_path, folder, filtered, monkeypatch
):
    monkeypatch.setattr(tiling.plan, "__defaults__", (12_000,))

    def stop(event) -> None:
        if event.percent > 45:
            raise CancelledError("enough", "中止")

    survey = {"survey": [slope.before]}
    with pytest.raises(CancelledError):
        run("terrain-model", survey, CRS, tmp_path / "cut", stop)
    n_done = len(filtered)
    run("terrain-model", survey, CRS, tmp_path / "again")
    n_tiles = len(filtered)
    assert 2 <= n_done < n_tiles
    monkeypatch.delenv("TENGUN_CACHE_DIR")
    run("terrain-model", survey, CRS, tmp_path / "without")
    assert len(filtered) == 2 * n_tiles  # the first two runs together made each tile once
    assert contents(tmp_path / "again") == contents(tmp_path / "without")


def test_classified_tiles_are_copied(tiles: Path, tmp_path, folder, filtered):
    first = run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "first")
    again = run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "again")
    assert len(filtered) == 1  # both files together
    assert contents(tmp_path / "again") == contents(tmp_path / "first")
    for path in folder.glob("ground-counts-*"):  # without them the copied file itself is counted
        path.unlink()
    assert run("ground-classification", {"survey": [tiles]}, CRS, tmp_path / "third").summary == again.summary
    assert first.summary == again.summary


def test_other_parameters_files_and_code_are_other_entries(slope: Slope, tmp_path, folder, filtered, monkeypatch):
    run("terrain-model", {"survey": [slope.before]}, {**CRS, "cell": 2}, tmp_path / "a")
    run(
        "terrain-model", {"survey": [slope.before]}, {**CRS, "cell": 2, "options": {"ground.window": 9}}, tmp_path / "b"
    )
    run("terrain-model", {"survey": [slope.before]}, {**CRS, "cell": 2, "max_gap": 4}, tmp_path / "c")
    run("terrain-model", {"survey": [slope.after]}, {**CRS, "cell": 2}, tmp_path / "d")
    assert len(filtered) == 4
    monkeypatch.setattr(stage_cache, "code_version", lambda: "changed")
    run("terrain-model", {"survey": [slope.before]}, {**CRS, "cell": 2}, tmp_path / "e")
    assert len(filtered) == 5


def numbers(n: int = 1000) -> dict[str, np.ndarray]:
    return {"values": np.arange(n, dtype=np.float64), "word": np.asarray("auto")}


def test_the_entry_used_longest_ago_goes_first(tmp_path):
    cache = StageCache(tmp_path, 20_000)
    for i in range(2):
        cache.arrays("stage", {"i": i}, numbers)
    old, new = (entry.path for entry in cache.entries())
    os.utime(old, (1, 1))
    os.utime(new, (2, 2))
    cache.arrays("stage", {"i": 0}, lambda: pytest.fail("is there"))  # used again: no longer the oldest
    cache.arrays("stage", {"i": 2}, numbers)
    assert old.exists()
    assert not new.exists()
    assert sum(entry.size for entry in cache.entries()) <= 20_000
    cache.arrays("stage", {"i": 3}, lambda: numbers(5000))  # larger than all: is made and not kept
    assert len(cache.entries()) == 2
    assert cache.clear() > 16_000
    assert not list(tmp_path.iterdir())


def test_a_damaged_entry_is_made_again(tmp_path, caplog):
    cache = StageCache(tmp_path)
    cache.arrays("stage", {}, numbers)
    [entry] = cache.entries()
    whole = entry.path.read_bytes()
    for damaged in (whole[:-300], b"", whole[:4000] + b"?" + whole[4001:]):
        entry.path.write_bytes(damaged)
        found = cache.arrays("stage", {}, numbers)
        np.testing.assert_array_equal(found["values"], numbers()["values"])
        assert entry.path.read_bytes() == whole
    assert "damaged" in caplog.text


def test_a_full_disk_costs_the_entry_and_not_the_run(tmp_path, monkeypatch):
    cache = StageCache(tmp_path)

    def refuse(path: Path, _: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stage_cache, "_save", refuse)
    assert cache.arrays("stage", {}, numbers)["word"].item() == "auto"
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(stage_cache, "MIN_FREE_BYTES", 1 << 60)
    cache.arrays("stage", {}, numbers)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_half_made_goes(tmp_path):
    cache = StageCache(tmp_path)
    partial = tmp_path / ".partial-1-stage"
    partial.touch()
    cache.arrays("stage", {"i": 0}, numbers)
    assert partial.exists()  # may be another process's, just now
    os.utime(partial, (1, 1))
    cache.arrays("stage", {"i": 1}, numbers)
    assert not partial.exists()


def test_the_size_is_a_number(monkeypatch, folder):
    monkeypatch.setenv("TENGUN_CACHE_BYTES", "10 GB")
    with pytest.raises(ParameterError, match="whole number of bytes"):
        stage_cache.from_environment()
    monkeypatch.setenv("TENGUN_CACHE_BYTES", "0")
    assert stage_cache.from_environment() is None
