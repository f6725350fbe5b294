"""One document in both executors, side by side: read LAZ, ``filters.smrf``, write LAZ.

``tengun bench pipeline FILE.laz [--repeat 3] [--copies 1]`` prints a Markdown table: seconds of the clock
and of the processors, points per second, and the peak resident memory of each executor's process. Each runs in a
process of its own, PDAL as ``pdal pipeline``, tengun as Python; the time includes starting it. Copies of the file, laid
side by side, stand for a larger survey. A file of an older version is measured once more as LAS 1.4, whose compressed
layers the native executor copies where it does not change them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from pipelines import pdal
from pointcloud.errors import ResourceError
from pointcloud.io import las


@dataclass(frozen=True, slots=True)
class Line:
    """Best of the runs of an executor."""

    executor: str
    seconds: float
    cpu_seconds: float
    points_per_second: float
    peak_mb: float


def document(source: Path, target: Path, point_format: int = 6) -> list[dict[str, Any]]:
    """The pipeline, with the same options for both; it writes LAS 1.4."""
    return [
        {"type": "readers.las", "filename": str(source)},
        {"type": "filters.smrf", "cell": 1.0, "slope": 0.15, "window": 18.0, "threshold": 0.5, "scalar": 1.25},
        {
            "type": "writers.las",
            "filename": str(target),
            "compression": "laszip",
            "minor_version": 4,
            "dataformat_id": point_format,
            "forward": "scale,offset",
        },
    ]


def measure(source: Path, folder: Path, repeat: int) -> list[Line]:
    """Seconds and memory of both executors, run in turn ``repeat`` times, the best of each.

    Raises
    ------
    NotFoundError
        When there is no PDAL to compare with.
    ResourceError
        When a run failed.
    """
    program, info = pdal.require(), las.inspect(source)
    commands = {}
    for name in ("native", "pdal"):
        path = folder / f"{name}.json"
        stages = document(source.absolute(), folder / f"{name}.laz", max(6, info.point_format))
        path.write_text(json.dumps(stages), encoding="utf-8")
        commands[name] = [str(program.path), "pipeline", str(path)]
    commands["native"] = [sys.executable, "-m", "pipelines.bench.pipeline_child", str(folder / "native.json")]
    best: dict[str, tuple[float, float, float]] = {}
    for _ in range(repeat):
        for name, command in commands.items():
            seconds, cpu, peak = timed(command)
            _check_count(folder / f"{name}.laz", info.n_points)
            known = best.get(name, (seconds, cpu, peak))
            best[name] = (min(known[0], seconds), min(known[1], cpu), max(known[2], peak))
    titles = {"native": "native", "pdal": f"PDAL {program.version_text}"}
    return [Line(titles[name], s, cpu, info.n_points / s, peak) for name, (s, cpu, peak) in best.items()]


def _check_count(path: Path, n_points: int) -> None:
    written = las.inspect(path).n_points
    if written != n_points:
        raise ResourceError(
            f"benchmark: {path.stem} wrote {written} points of {n_points}",
            f"性能測定: {path.stem} は {n_points} 点のうち {written} 点しか書き込みませんでした。",
        )


def timed(command: list[str]) -> tuple[float, float, float]:
    """Wall-clock seconds, processor seconds and peak resident MB of a process."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise ResourceError(
            f"benchmark: {' '.join(command)} ended with {child.returncode}",
            f"性能測定: {' '.join(command)} が {child.returncode} で終了しました。",
        )
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0


def mosaic(source: Path, copies: int, target: Path, *, is_new: bool = False) -> None:
    """Write copies of a file, side by side, in the version and point format that our writer makes of it, or LAS 1.4."""
    cloud = las.read(source)
    across, info = max(1, round(copies**0.5)), las.inspect(source)
    width, height = cloud.bounds.width + 1.0, cloud.bounds.height + 1.0
    pieces = (
        replace(cloud, x=cloud.x + (i % across) * width, y=cloud.y + (i // across) * height) for i in range(copies)
    )
    point_format = info.point_format if info.point_format in (0, 1, 2, 3, 6, 7, 8) and not is_new else None
    las.write(target, pieces, version="1.4" if is_new else info.version, point_format=point_format, scales=info.scales)


def table(lines: list[Line]) -> str:
    """The lines as a Markdown table, with the ratio of speeds below."""
    rows = [
        f"| {x.executor} | {x.seconds:.1f} | {x.cpu_seconds:.1f} | {x.points_per_second / 1e6:.2f} | {x.peak_mb:.0f} |"
        for x in lines
    ]
    head = "| executor | seconds | CPU seconds | million points/s | peak MB |\n|---|---|---|---|---|"
    return "\n".join([head, *rows, "", f"native is {lines[1].seconds / lines[0].seconds:.1f} times as fast"])


def main(source: Path, repeat: int, copies: int) -> None:
    """Print the tables for ``copies`` of a LAS or LAZ file laid side by side; the best of ``repeat`` runs counts."""
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as name:
        folder, own = Path(name), source
        if copies > 1:
            own = folder / "copies.laz"
            mosaic(source, copies, own)
        _print(own, folder, repeat)
        if las.inspect(source).point_format < 6:
            (folder / "copies.laz").unlink(missing_ok=True)
            mosaic(source, copies, folder / "new.laz", is_new=True)
            typer.echo("")
            _print(folder / "new.laz", folder, repeat)


def _print(source: Path, folder: Path, repeat: int) -> None:
    info = las.inspect(source)
    kind = "LAZ" if info.is_compressed else "LAS"
    typer.echo(f"{info.n_points:,} points, {kind} {info.version}, point format {info.point_format}\n")
    typer.echo(table(measure(source, folder, repeat)))
