"""The ground filter's left-out test on samples, and its speed; reading and thinning of surveys."""

from __future__ import annotations

import itertools
import json
import math
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.ground import confusion
from pipelines.bench.pipeline import timed
from pipelines.pdal import Pdal
from pointcloud.cloud import PointCloud
from pointcloud.ground.classify import classify
from pointcloud.io.las import inspect

Mask = NDArray[np.bool_]
SLOPES, WINDOWS, THRESHOLDS = (0.07, 0.10, 0.15), (14.0, 18.0, 24.0), (0.75, 1.0, 1.33)
"""Settings among which the left-out test chooses; the thresholds are factors of the filter's own."""
N_FILES = 4
"""Files of the survey of many files whose points are timed beside those of one."""


def read(path: Path) -> tuple[PointCloud, NDArray[np.uint8]]:
    """Points in metres and their classes, which the cloud does not hold."""
    import laspy

    las = laspy.read(path)
    crs = las.header.parse_crs()
    metres = crs.axis_info[0].unit_conversion_factor if crs is not None and crs.axis_info else 1.0
    x, y, z = (np.asarray(values, dtype=np.float64) * metres for values in (las.x, las.y, las.z))
    return PointCloud(x, y, z), np.array(las.classification, dtype=np.uint8)


def thinned(cloud: PointCloud, density: float | None) -> Mask:
    """Points kept at random, about ``density`` to a square metre."""
    if density is None:
        return np.ones(len(cloud), dtype=bool)
    kept: Mask = np.random.default_rng(0).random(len(cloud)) < density * cloud.bounds.area / len(cloud)
    return kept


def left_out(paths: Sequence[Path]) -> str:
    """Each sample with the setting that is best on the others, beside the filter's own.

    Where choosing on the others gains nothing, the filter's own setting is not fitted to these samples.
    """
    settings = list(itertools.product(SLOPES, WINDOWS, THRESHOLDS))
    totals = np.empty((len(settings), len(paths)))
    kappas = np.empty_like(totals)
    for column, path in enumerate(paths):
        cloud, classes = read(path)
        own = float(classify(cloud).parameters["threshold"])
        for row, (slope, window, factor) in enumerate(settings):
            found = classify(cloud, slope=slope, window=window, threshold=factor * own).labels == 2
            totals[row, column], kappas[row, column] = confusion(classes == 2, found)[2:]
    return left_out_table([path.stem for path in paths], settings, totals, kappas)


def left_out_table(
    names: Sequence[str],
    settings: Sequence[tuple[float, float, float]],
    totals: NDArray[np.float64],
    kappas: NDArray[np.float64],
) -> str:
    """Markdown of `left_out` from total errors and kappas (%) by setting and sample; own: (.10, 18, 1)."""
    own = list(settings).index((0.10, 18.0, 1.0))
    lines = ["| left out | chosen on the others: slope, window, threshold | total % | kappa % | own setting: total % |"]
    lines.append("|---" * 5 + "|")
    chosen = []
    for column, name in enumerate(names):
        others = np.delete(totals, column, axis=1).mean(axis=1) if len(names) > 1 else totals[:, column]
        best = int(np.argmin(others))
        chosen.append(best)
        slope, window, factor = settings[best]
        lines.append(
            f"| {name} | {slope:g}, {window:g} m, x {factor:g} | {totals[best, column]:.2f} "
            f"| {kappas[best, column]:.1f} | {totals[own, column]:.2f} |"
        )
    at = np.arange(len(names))
    lines.append(
        f"| **mean** | | {totals[chosen, at].mean():.2f} | {kappas[chosen, at].mean():.1f} | {totals[own].mean():.2f} |"
    )
    return "\n".join(lines)


def side_by_side(path: Path, n_copies: int, folder: Path) -> None:
    """Write copies of a file into a new folder, each east of the one before: a survey of many files.

    Only what the header says of eastings changes, so the copies compress as the file does.
    """
    extent, data = inspect(path).bounds, bytearray(path.read_bytes())
    step, places = math.ceil(extent.width + 1.0), (155, 179, 187)  # offset, greatest and least x
    told = [struct.unpack_from("<d", data, place)[0] for place in places]
    folder.mkdir()
    for k in range(n_copies):
        for place, value in zip(places, told, strict=True):
            struct.pack_into("<d", data, place, value + k * step)
        (folder / f"{k:02d}.laz").write_bytes(data)


def speed_table(path: Path, pdal: Pdal | None) -> str:
    """Seconds and peak memory from LAZ to LAZ, each program in a process of its own, and the filter's step alone.

    Below, what a point of several files side by side takes, as a multiple of what it takes in one.
    """
    lines = [f"| {path.name} | seconds | CPU seconds | million points/s | peak MB |", "|---" * 5 + "|"]
    several = f"tengun ground, {N_FILES} files side by side"
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as name:
        folder = Path(name)
        commands = {"tengun ground": _own(path, folder / "out.laz")}
        if pdal is not None:
            document = folder / "smrf.json"
            stages = [str(path), {"type": "filters.smrf"}, str(folder / "smrf.laz")]
            document.write_text(json.dumps(stages), encoding="utf-8")
            commands["PDAL filters.smrf"] = [str(pdal.path), "pipeline", str(document)]
        side_by_side(path, N_FILES, folder / "files")
        commands[several] = _own(folder / "files", folder / "classified")
        # before the points are read here: a child's peak is counted from its parent's memory
        measured = {name: timed(command) for name, command in commands.items()}
    cloud, _ = read(path)
    classify(cloud)
    started = time.perf_counter()
    classify(cloud)
    alone, n_points = time.perf_counter() - started, len(cloud)
    lines.append(f"| tengun, classification alone | {alone:.2f} | | {n_points / alone / 1e6:.2f} | |")
    for name, (seconds, cpu, peak) in measured.items():
        rate = n_points * (N_FILES if name == several else 1) / seconds / 1e6
        lines.append(f"| {name}, LAZ to LAZ | {seconds:.1f} | {cpu:.1f} | {rate:.2f} | {peak:.0f} |")
    one, many = measured["tengun ground"], measured[several]
    wall, cpu = (of_many / N_FILES / of_one for of_many, of_one in zip(many[:2], one[:2], strict=True))
    told = f"A point of {N_FILES} files takes {wall:.2f} times the seconds of one file's, and {cpu:.2f} times its CPU."
    return "\n".join([*lines, "", told])


def _own(source: Path, target: Path) -> list[str]:
    start = "from pipelines.cli import app; app()"
    return [sys.executable, "-c", start, "ground", str(source), "-o", str(target), "--json"]
