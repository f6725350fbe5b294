"""Layered files that are read, labelled and written: as stage by stage, byte for byte. Costs three seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import document
from pipelines.native import executor, relabel
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError
from pointcloud.io import las
from tests.pointcloud.io.las_files import make

SMRF = {"type": "filters.smrf", "returns": ["last", "only", "first", "intermediate"]}
LOW = {"type": "filters.elm", "class": 7}


def stages(*filters: dict[str, Any], number: int = 6, **more: Any) -> list[dict[str, Any]]:
    writer = {"minor_version": 4, "dataformat_id": number, "forward": "scale,offset,vlr", **more}
    return [
        {"type": "readers.las", "filename": "a.laz"},
        *filters,
        {"type": "writers.las", "filename": "out.laz", **writer},
    ]


def survey(path: Path, number: int = 6, n: int = 60_000, **columns: Any) -> None:
    """A slope with houses, in LAS 1.4; more than one chunk."""
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 120, n), rng.uniform(0, 120, n)
    z = 0.2 * x + np.where((x % 40 < 12) & (y % 40 < 12), 8.0, 0.0) + rng.normal(0, 0.05, n)
    total = rng.integers(1, 4, n)
    kept: dict[str, Any] = {
        "Classification": np.full(n, 5, np.uint8),
        "NumberOfReturns": total.astype(np.uint8),
        "ReturnNumber": rng.integers(1, total + 1).astype(np.uint8),
        "ScanChannel": rng.integers(0, 4, n).astype(np.uint8),
        "GpsTime": np.sort(rng.uniform(2.9e8, 3e8, n)),
        "ScanAngle": rng.integers(-5000, 5000, n).astype(np.int16),
        "Overlap": rng.integers(0, 2, n).astype(np.uint8),
        **columns,
    }
    if number > 6:
        kept |= {c: rng.integers(0, 65536, n).astype(np.uint16) for c in ("Red", "Green", "Blue")}
    las.write(path, PointCloud(x, y, z, kept), point_format=number, scales=(0.01, 0.01, 0.01))


def run(folder: Path, parts: list[dict[str, Any]]) -> bytes:
    executor.run(document.parse(parts), folder)
    return (folder / "out.laz").read_bytes()


@pytest.mark.parametrize("number", [6, 7])
@pytest.mark.parametrize("filters", [(SMRF,), (LOW, {**SMRF, "ignore": "Classification[7:7]"})], ids=["one", "two"])
def test_only_the_classes_are_compressed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, filters: tuple[dict[str, Any], ...]
) -> None:
    survey(tmp_path / "a.laz", number)
    parts = stages(*filters, number=number)
    with monkeypatch.context() as patched:
        patched.delattr("pipelines.native.las_file.write")
        quick = run(tmp_path, parts)
    monkeypatch.setattr(relabel, "plan", lambda *_: None)
    assert run(tmp_path, parts) == quick
    assert {1, 2} <= set(las.read(tmp_path / "out.laz").attributes["Classification"].tolist())


@pytest.mark.parametrize(
    "parts",
    [
        stages(SMRF, number=7),
        stages(SMRF, offset_x=5.0),
        stages(SMRF, scale_z=0.002),
        stages(SMRF, extra_dims="all"),
        stages({"type": "filters.range", "limits": "Z[0:99]"}, SMRF),
        stages(),
        stages(SMRF, filename="out.las", compression="none"),
    ],
)
def test_other_documents_go_stage_by_stage(tmp_path: Path, parts: list[dict[str, Any]]) -> None:
    survey(tmp_path / "a.laz", n=500)
    parsed = document.parse(parts)
    options = [executor.parsed(stage) for stage in parsed.stages]
    assert relabel.plan(parsed, options, tmp_path) is None
    assert executor.run(parsed, tmp_path).written == {parts[-1]["filename"]: 500}


@pytest.mark.parametrize(("number", "has_extras"), [(3, False), (6, True)])
def test_other_files_go_stage_by_stage(tmp_path: Path, number: int, has_extras: bool) -> None:
    make(tmp_path / "a.laz", 4, number, 300, has_extras=has_extras)
    parsed = document.parse(stages(LOW))
    assert relabel.plan(parsed, [executor.parsed(stage) for stage in parsed.stages], tmp_path) is None


def test_an_unknown_dimension_is_named_with_those_of_the_file(tmp_path: Path) -> None:
    survey(tmp_path / "a.laz", n=500)
    with pytest.raises(ParameterError, match="GpsTime"):
        run(tmp_path, stages({**SMRF, "ignore": "Colour[1:1]"}))


def test_nothing_is_left_of_a_run_that_is_stopped(tmp_path: Path) -> None:
    survey(tmp_path / "a.laz", n=500)

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.run(document.parse(stages(SMRF)), tmp_path, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.laz"]
