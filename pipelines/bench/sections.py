"""How long cross-sections take on a large survey: ``python -m pipelines.bench.sections``.

A synthetic survey of 20 tiles (400 m x 300 m, the 1/500 map sheets) with 3 million points each is written, and a line
of 1 km with bends is cut every 20 m, 50 m wide. Printed are seconds, seconds of CPU (what other work on
the machine does not change) and peak memory, with the ground of the files and with ground classification, drawings
included.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from pyproj import CRS

from pipelines.process import Context
from pipelines.processes.sections import SectionParameters, Sections
from pipelines.progress import Progress, ProgressEvent
from pointcloud.cloud import PointCloud
from pointcloud.io import las

_WEST, _SOUTH = 50_000.0, -97_200.0
_WIDTH, _HEIGHT, _COLUMNS = 400.0, 300.0, 5
_LINE: Final = ((150.0, 100.0), (550.0, 300.0), (800.0, 700.0), (880.0, 750.0))


def write_survey(folder: Path, n_tiles: int, n_points: int) -> list[Path]:
    """Tiles of rolling ground under a forest; class 2 is ground, 5 is canopy (a third of the points)."""
    paths = []
    for i in range(n_tiles):
        rng = np.random.default_rng(i)
        x = _WEST + (i % _COLUMNS + rng.random(n_points)) * _WIDTH
        y = _SOUTH + (i // _COLUMNS + rng.random(n_points)) * _HEIGHT
        z = 100.0 + 0.1 * (x - _WEST) + 8.0 * np.sin(x / 60.0) * np.cos(y / 45.0) + rng.normal(0.0, 0.02, n_points)
        is_tree = rng.random(n_points) < 1.0 / 3.0
        z[is_tree] += rng.uniform(2.0, 18.0, int(is_tree.sum()))
        classes = np.where(is_tree, np.uint8(5), np.uint8(2))
        paths.append(folder / f"tile_{i:02d}.laz")
        las.write(paths[-1], PointCloud(x, y, z, {"Classification": classes}, CRS.from_epsg(6676)))
    return paths


def write_line(path: Path) -> Path:
    """The line of the benchmark as GeoJSON in the survey's coordinates."""
    vertices = [[_WEST + x, _SOUTH + y] for x, y in _LINE]
    path.write_text(json.dumps({"type": "LineString", "coordinates": vertices}), encoding="utf-8")
    return path


def timed(tiles: list[Path], line: Path, folder: Path, ground: str) -> dict[str, Any]:
    """Seconds of each stage and of the whole, sections cut, points near the line, peak memory of this process."""
    process = Sections()
    parameters = SectionParameters.model_validate({"ground": ground})
    marks: dict[str, float] = {}
    begin, cpu = time.perf_counter(), time.process_time()

    def observe(event: ProgressEvent) -> None:
        marks.setdefault(event.stage.id, time.perf_counter() - begin)

    progress = Progress(process.stages, observe)
    found = process.run({"survey": tiles, "line": [line]}, parameters, Context(folder, progress))
    whole = time.perf_counter() - begin
    starts = [*marks.values(), whole]
    stages = {name: round(b - a, 2) for name, a, b in zip(marks, starts, starts[1:], strict=False)}
    return {
        "ground": ground,
        "seconds": round(whole, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "stages": stages,
        "sections": len(found.summary["sections"]),
        "line_m": round(found.summary["line"]["length_m"], 1),
        "points_near": found.summary["points"]["survey"],
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main(arguments: list[str] | None = None) -> None:
    """Write the survey, then time each way of finding the ground in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=20)
    parser.add_argument("--points", type=int, default=3_000_000)
    parser.add_argument("--run", nargs=3, metavar=("FOLDER", "GROUND", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        folder, ground, out = Path(options.run[0]), options.run[1], Path(options.run[2])
        out.mkdir()
        result = timed(sorted(folder.glob("*.laz")), folder / "line.geojson", out, ground)
        sys.stdout.write(json.dumps(result) + "\n")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_survey(folder, options.tiles, options.points)
        write_line(folder / "line.geojson")
        for i, ground in enumerate(("file", "file", "classify")):  # the first run compiles
            command = [sys.executable, "-m", "pipelines.bench.sections", "--run", name, ground, f"{name}/out{i}"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            sys.stdout.write(("(first run) " if i == 0 else "") + done.stdout)


if __name__ == "__main__":
    main()
