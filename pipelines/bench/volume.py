"""How long ``volume-change`` takes with everything on: ``tengun bench volume``.

A synthetic valley of 1 km2 is flown twice with 10 million points each (the later survey shifted), and the process runs
in a process of its own with zones, stream, dam, soil, alignment, reports, drawings and archive, once to compile and
once to be timed. Printed are seconds of each stage, seconds of CPU (what other work on the machine does not change),
peak memory, and what came out against the truth.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import shapely
import typer
from shapely import LineString, Polygon

from pipelines.bench import timing
from pipelines.processes.volume import VolumeChange, VolumeParameters
from pointcloud.io import las
from pointcloud.synthetic import Epoch, Scene, valley

SHIFT: Final = (0.3, -0.2, 0.1)
PARAMETERS: Final = {
    "crs": "EPSG:6676", "before_date": "2019-12-01", "after_date": "2021-07-06", "same_heights": True,
    "soil": "sandy", "truck_m3": 5.5, "dam_capacity": 4200.0, "project": "bench",
}  # fmt: skip
RETURNS: Final = 1.21
"""Returns of a pulse over that valley."""


def write_inputs(folder: Path, n_points: int, size: float) -> Path:
    """Both surveys, the zones with their true nets, and a stream through them, as files in ``folder``."""
    scene = valley(size_m=size, density=n_points / size**2 / RETURNS)
    epochs: tuple[tuple[Epoch, tuple[float, float, float]], ...] = (("before", (0.0, 0.0, 0.0)), ("after", SHIFT))
    for epoch, shift in epochs:
        las.write(folder / f"{epoch}.laz", scene.survey(epoch, shift=shift).cloud)
    _write_shapes(folder, scene)
    return folder


def _write_shapes(folder: Path, scene: Scene) -> None:
    polygons = {zone.name: Polygon(zone.ring) for zone in scene.truth.zones}
    truth = {zone.name: zone.net_m3 for zone in scene.truth.zones}
    centres = [polygon.centroid for polygon in polygons.values()]
    stream = LineString([(p.x, p.y) for p in centres])
    collections = {"zones": polygons, "stream": {"stream": stream}}
    for name, shapes in collections.items():
        features = [
            {"type": "Feature", "properties": {"name": n}, "geometry": shapely.geometry.mapping(shape)}
            for n, shape in shapes.items()
        ]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")


def timed(folder: Path, out: Path) -> dict[str, Any]:
    """Run once in this process; seconds of the stages and of the whole, peak memory, and errors against the truth."""
    inputs = {name: [folder / f"{name}.laz"] for name in ("before", "after")}
    inputs |= {name: [folder / f"{name}.geojson"] for name in ("zones", "stream")}
    run = timing.timed(VolumeChange(), inputs, VolumeParameters.model_validate(PARAMETERS), out)
    found = run.summary
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return {
        "points": [epoch["n_points"] for epoch in found["epochs"]],
        "seconds": round(run.seconds, 1),
        "cpu_seconds": round(run.cpu_seconds, 1),
        "stages": {name: round(seconds, 1) for name, seconds in run.stages.items()},
        "peak_gb": round(run.peak_gb, 2),
        "shift_m": [round(found["alignment"][f"d{axis}_m"], 3) for axis in "xyz"],
        "zone_errors": {z["name"]: f"{100 * (z['net_m3'] / truth[z['name']] - 1):+.1f} %" for z in found["zones"]},
        "load": [round(v, 1) for v in os.getloadavg()],
    }


def main(points: float, size: float, keep: Path | None) -> None:
    """Write the surveys, into ``keep`` where it is given, and print a run that compiles and one that is timed."""
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as name:
        folder = Path(name) if keep is None else keep
        if not (folder / "truth.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_inputs(folder, int(points), size)
        for i, title in enumerate(("first run, compiles", "timed")):
            out = Path(name) / f"out{i}"
            out.mkdir()
            command = [sys.executable, "-m", "pipelines.bench.volume", str(folder), str(out)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            typer.echo(f"{title}: {done.stdout.strip()}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(timed(Path(sys.argv[1]), Path(sys.argv[2])), ensure_ascii=False) + "\n")
