"""The example in CONTRIBUTING.md works as it stands there. Costs about a second."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipelines import catalog
from pipelines.run import run
from pointcloud.cloud import PointCloud
from pointcloud.io import las

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
BLOCK = re.compile(r"^```python\n# (?P<path>\S+)\.py\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Last part of the name -> module, for each code block of the page, in its order."""
    modules = {}
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        name = block["path"].replace("/", ".")
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(block["code"], f"{PAGE.name}: {name}", "exec"), vars(module))
        modules[name] = module
    return modules


def test_the_example_test_passes(example: dict[str, ModuleType]) -> None:
    example["tests.pointcloud.ground.test_density"].test_three_points_in_two_cells()


def test_the_example_process_runs(
    example: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = example["pipelines.processes.density"].PointDensity()
    monkeypatch.setattr(catalog, "PROCESSES", {**catalog.PROCESSES, process.id: process})
    x = np.array([-50_000.2, -50_000.4, -49_998.5])
    las.write(tmp_path / "three.las", PointCloud(x, np.full(3, -98_000.5), np.zeros(3)))
    outputs = run("point-density", {"survey": [tmp_path / "three.las"]}, {"crs": "EPSG:6676"}, tmp_path / "out")
    assert (outputs.summary["n_points"], outputs.summary["max_per_m2"]) == (3, 2.0)
    assert (tmp_path / "out" / "density.tif").is_file()
