"""The process ``pdal-pipeline`` and ``tengun pipeline``: a user's document, from JSON to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from pyproj import CRS
from typer.testing import CliRunner

from pipelines import executors
from pipelines.cli_pipeline import app
from pipelines.document import shipped, shipped_names
from pipelines.process import Context
from pipelines.processes.pdal_pipeline import PdalPipeline, PipelineParameters
from pipelines.progress import Progress, ProgressEvent
from pointcloud.cloud import PointCloud
from pointcloud.errors import CancelledError, ParameterError, ResourceError
from pointcloud.io import las
from tests.oracles.real_pdal import program


@pytest.fixture
def tiles(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(5)
    files = []
    for i in range(2):
        x, y = random.uniform(100 * i, 100 * i + 100, 2000), random.uniform(0, 100, 2000)
        classes = {"Classification": np.full(2000, i + 1, np.uint8)}
        files.append(tmp_path / f"tile{i}.laz")
        las.write(files[-1], PointCloud(x, y, np.full(2000, 5.0), classes, CRS.from_epsg(6676)))
    return files


def run(
    document: Any, tiles: list[Path], folder: Path, **parameters: Any
) -> tuple[dict[str, Any], list[ProgressEvent]]:
    folder.mkdir()
    process, events = PdalPipeline(), []
    checked = PipelineParameters.model_validate({"document": document, **parameters})
    context = Context(folder, Progress(process.stages, events.append))
    outputs = process.run({"datasets": tiles}, checked, context)
    assert all((folder / f.path).is_file() for f in outputs.files)
    json.dumps(outputs.summary, allow_nan=False)
    return outputs.summary, events


@pytest.mark.parametrize("executor", ["native", "pdal"])
def test_a_document_gives_its_files_back(executor: str, tiles: list[Path], tmp_path: Path) -> None:
    if executor == "pdal":
        program()
    document = [
        {"type": "readers.las", "filename": "datasets"},
        {"type": "filters.range", "limits": "Classification[2:2]", "tag": "keep"},
        {"type": "writers.las", "filename": "out.laz", "forward": "all"},
    ]
    summary, events = run(document, tiles, tmp_path / "out", executor=executor)
    assert summary["executor"] == executor
    assert len(las.read(tmp_path / "out" / "out.laz")) == 2000
    assert summary["files"][0]["points"] == 2000
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["out.laz", "pipeline.json"]
    assert events[-1].percent == 100
    changed, _ = run(
        document, tiles, tmp_path / "two", executor=executor, options={"keep.limits": "Classification[1:2]"}
    )
    assert len(las.read(tmp_path / "two" / "out.laz")) == 4000
    assert changed["files"][0]["bytes"] == (tmp_path / "two" / "out.laz").stat().st_size


def test_one_dataset_by_name_and_a_text_writer_that_only_pdal_has(tiles: list[Path], tmp_path: Path) -> None:
    program()
    document = ["tile1.laz", {"type": "filters.head", "count": 3}, {"type": "writers.text", "filename": "out.csv"}]
    summary, _ = run(document, tiles, tmp_path / "out")
    assert summary["executor"] == "pdal"
    assert len((tmp_path / "out" / "out.csv").read_text().splitlines()) == 4


def test_refused_before_anything_is_read(tmp_path: Path) -> None:
    missing = [tmp_path / "never-opened.laz"]
    with pytest.raises(ParameterError, match=r"filters\.shell is refused \(stage-allow-list\)"):
        run([{"type": "readers.las", "filename": "datasets"}, {"type": "filters.shell", "command": "id"}, "o.laz"],
            missing, tmp_path / "out")  # fmt: skip


@pytest.mark.parametrize("executor", ["native", "pdal"])
def test_output_limit(executor: str, tiles: list[Path], tmp_path: Path) -> None:
    if executor == "pdal":
        program()
    document = ["datasets", *[{"type": "writers.las", "filename": f"{i}.las", "minor_version": 4, "extra_dims": "all"}
                              for i in range(12)]]  # fmt: skip
    document[0] = {"type": "readers.las", "filename": "datasets"}
    with pytest.raises(ResourceError, match="over its output limit of 1 MiB"):
        run(document, tiles, tmp_path / "out", executor=executor, output_limit_mb=1)


def test_limits_have_limits() -> None:
    for name, value in (("time_limit_s", 1e9), ("memory_limit_mb", 1), ("output_limit_mb", 0), ("executor", "shell")):
        with pytest.raises(ValidationError):
            PipelineParameters.model_validate({"document": ["a.laz", "b.laz"], name: value})


def test_a_cancelled_run_stops(tiles: list[Path], tmp_path: Path) -> None:
    process = PdalPipeline()
    context = Context(tmp_path, Progress(process.stages, is_cancelled=lambda: True))
    parameters = PipelineParameters.model_validate({"document": ["tile0.laz", "o.laz"]})
    with pytest.raises(CancelledError):
        process.run({"datasets": tiles}, parameters, context)


def test_every_shipped_document_passes_the_rules_for_users(tiles: list[Path]) -> None:
    """So that a user may take one, change it and send it; only the readers' file names need to be theirs."""
    from pipelines.allow_list import admit

    for name in shipped_names():
        tree = shipped(name).to_json()
        for stage in tree["pipeline"]:
            if stage["type"].startswith("readers."):
                stage["filename"] = "datasets"
        assert executors.choose(admit(tree, tiles), "native") == "native"


def test_command_list_show_validate() -> None:
    runner = CliRunner()
    listed = json.loads(runner.invoke(app, ["list", "--json"]).stdout)["pipelines"]
    assert [p["id"] for p in listed] == ["change", "ground", "normalize", "terrain"]
    assert all(p["title"]["ja"] and p["options"] for p in listed)
    shown = runner.invoke(app, ["show", "ground"]).stdout
    assert "noise.multiplier" in shown
    assert "filename" not in shown
    said = json.loads(runner.invoke(app, ["validate", "ground", "--json", "--executor", "native"]).stdout)
    assert said == {"document": "ground", "valid": True, "executor": "native"}


def test_command_run(tiles: list[Path], tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps([
        {"type": "readers.las", "filename": "in.laz", "tag": "input"},
        {"type": "filters.crop", "tag": "crop"},
        {"type": "writers.las", "filename": "o.laz", "forward": "all"},
    ]))  # fmt: skip
    runner = CliRunner()
    files = [f"--input=input={tile}" for tile in tiles]
    command = ["run", str(tmp_path / "d.json"), *files, "-o", str(tmp_path / "out"), "--executor", "native", "--json"]
    done = runner.invoke(app, [*command, "--set", "crop.bounds=([0, 1000], [0, 50])"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["executor"] == "native"
    assert summary["points"]["o.laz"] == len(las.read(tmp_path / "out" / "o.laz")) > 1500
    for wrong in ("crop.bounds", "crop.bound=1", "x.y=1"):
        failed = runner.invoke(app, [*command, "--set", wrong])
        assert failed.exit_code != 0


def test_a_relative_output_folder_is_as_good_as_any(
    tiles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program()
    monkeypatch.chdir(tmp_path)
    stages = [str(tiles[0]), {"type": "filters.head", "count": 7}, {"type": "writers.las", "filename": "o.laz"}]
    Path("d.json").write_text(json.dumps(stages))
    done = CliRunner().invoke(app, ["run", "d.json", "-o", "out", "--executor", "pdal"])
    assert done.exit_code == 0, done.output
    assert len(las.read(Path("out/o.laz"))) == 7
