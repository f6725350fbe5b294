"""How long cross-sections take on a large survey: ``tengun bench sections``.

A synthetic survey of 20 tiles (400 m x 300 m, the 1/500 map sheets) with 3 million points each is written as LAZ and as
COPC, and a line of 1 km with bends is cut every 20 m, 50 m wide. Printed are seconds, seconds of processor (what other
work on the machine changes less) and peak memory, with the ground of the files and with ground classification, all
drawings and tables included. Each run is a process of its own, as a command is; the first one, which compiles every
kernel, is left out. Beside it stands how long another program takes for the points of the strip alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pyproj import CRS

from pipelines.bench import sections_peer, timing
from pipelines.bench.sections_peer import Peer
from pipelines.processes.sections import SectionParameters, Sections
from pointcloud.cloud import PointCloud
from pointcloud.io import copc_write, las

Kind = Literal["laz", "copc"]
KINDS: Final[tuple[Kind, ...]] = ("laz", "copc")
_SUFFIX: Final = {"laz": ".laz", "copc": ".copc.laz"}
_WEST, _SOUTH = 50_000.0, -97_200.0
_WIDTH, _HEIGHT, _COLUMNS = 400.0, 300.0, 5
REACH: Final = 35.0
"""Metres beside the line whose points the sections stand on: 25 of width, and 10 for the triangles at the ends."""

_LINE: Final = ((150.0, 100.0), (550.0, 300.0), (800.0, 700.0), (880.0, 750.0))


def write_survey(folder: Path, n_tiles: int, n_points: int, kind: Kind) -> list[Path]:
    """Tiles of rolling ground under a forest; class 2 is ground, 5 is canopy (a third of the points).

    Tiles that are there already are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"tile_{i:02d}{_SUFFIX[kind]}" for i in range(n_tiles)]
    for i, path in enumerate(paths):
        if path.exists():
            continue
        if kind == "laz":
            las.write(path, _tile(i, n_points))
        else:
            copc_write.write(path, [_tile(i, n_points)])
    return paths


def _tile(i: int, n_points: int) -> PointCloud:
    rng = np.random.default_rng(i)
    x = _WEST + (i % _COLUMNS + rng.random(n_points)) * _WIDTH
    y = _SOUTH + (i // _COLUMNS + rng.random(n_points)) * _HEIGHT
    z = 100.0 + 0.1 * (x - _WEST) + 8.0 * np.sin(x / 60.0) * np.cos(y / 45.0) + rng.normal(0.0, 0.02, n_points)
    is_tree = rng.random(n_points) < 1.0 / 3.0
    z[is_tree] += rng.uniform(2.0, 18.0, int(is_tree.sum()))
    classes = np.where(is_tree, np.uint8(5), np.uint8(2))
    return PointCloud(x, y, z, {"Classification": classes}, CRS.from_epsg(6676))


def write_line(path: Path) -> Path:
    """The line of the benchmark as GeoJSON in the survey's coordinates."""
    vertices = [[_WEST + x, _SOUTH + y] for x, y in _LINE]
    path.write_text(json.dumps({"type": "LineString", "coordinates": vertices}), encoding="utf-8")
    return path


def timed(tiles: list[Path], line: Path, folder: Path, ground: str) -> dict[str, Any]:
    """Seconds of each stage and of the whole, sections cut, points near the line, peak memory of this process."""
    run = timing.timed(
        Sections(), {"survey": tiles, "line": [line]}, SectionParameters.model_validate({"ground": ground}), folder
    )
    return {
        "ground": ground,
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "stages": {name: round(seconds, 2) for name, seconds in run.stages.items()},
        "sections": len(run.summary["sections"]),
        "line_m": round(run.summary["line"]["length_m"], 1),
        "points_near": run.summary["points"]["survey"],
        "peak_gb": round(run.peak_gb, 2),
    }


def main(n_tiles: int, n_points: int, keep: Path | None) -> None:
    """Write the surveys, time each and print the figures; with ``keep`` they stay there and are used again."""
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as name:
        folder = keep or Path(name)
        for kind in KINDS:
            write_survey(folder / kind, n_tiles, n_points, kind)
        line = write_line(folder / "line.geojson")
        _show("| file | ground | seconds | processor s | open | ground | cut | write | points near | peak GB |")
        _show("|---|---|---|---|---|---|---|---|---|---|")
        _run(folder / KINDS[0], line, Path(name) / "first", "classify")
        seconds: dict[str, float] = {}
        for i, (kind, ground) in enumerate(product(KINDS, ("file", "classify"))):
            found = _run(folder / kind, line, Path(name) / f"out{i}", ground)
            seconds.setdefault(kind, found["seconds"])
            stages = " | ".join(f"{found['stages'][s]:.1f}" for s in ("open", "ground", "cut", "write"))
            _show(
                f"| {kind} | {ground} | {found['seconds']:.1f} | {found['cpu_seconds']:.1f} | {stages} | "
                f"{found['points_near']:,} | {found['peak_gb']:.2f} |"
            )
        _show(f"{found['sections']} sections along {found['line_m']:.0f} m, {n_tiles} tiles of {n_points:,} points")
        for kind, peer in _peers(folder, line, Path(name)):
            times = seconds[kind] / peer.seconds
            _show(
                f"{peer.name} takes {peer.seconds:.1f} s ({peer.cpu_seconds:.1f} processor s) for the points of the "
                f"strip from {kind} alone; sections on ground of the file take {times:.1f} times as long"
            )


def _peers(folder: Path, line: Path, scratch: Path) -> Iterator[tuple[Kind, Peer]]:
    by_pdal = sections_peer.by_pdal(sorted((folder / "laz").glob("*.laz")), sections_peer.strip(line, REACH), scratch)
    if by_pdal is not None:
        yield "laz", by_pdal
    yield "copc", Peer(**_child("pipelines.bench.sections_peer", folder / "copc", line, REACH))


def _run(tiles: Path, line: Path, out: Path, ground: str) -> dict[str, Any]:
    return _child("pipelines.bench.sections", tiles, line, out, ground)


def _child(module: str, *arguments: object) -> dict[str, Any]:
    """What a process of its own prints as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    place, along, target, chosen = sys.argv[1:]
    Path(target).mkdir()
    result = timed(sorted(Path(place).glob("*.laz")), Path(along), Path(target), chosen)
    sys.stdout.write(json.dumps(result) + "\n")
