"""Ground filters on reference data: types of error, kappa, terrain error, speed.

The classification of a reference file is read for the score and never shown to a filter.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid

Mask = NDArray[np.bool_]
Filter = Callable[[PointCloud], tuple[Mask, Mask]]
"""Cloud -> (ground, points that carry the terrain)."""


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one file; errors in percent, terrain in metres, NaN where there is no reference."""

    method: str
    name: str
    type_1: float
    type_2: float
    total: float
    kappa: float
    bias: float
    rmse: float
    rate: float
    memory_mb: float


def confusion(truth: Mask, found: Mask) -> tuple[float, float, float, float]:
    """Type I, type II and total error, and Cohen's kappa, in percent (Sithole & Vosselman 2004)."""
    a, b = int(np.count_nonzero(truth & found)), int(np.count_nonzero(truth & ~found))
    c, d = int(np.count_nonzero(~truth & found)), int(np.count_nonzero(~truth & ~found))
    n = a + b + c + d
    agreed, chance = (a + d) / n, ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    kappa = (agreed - chance) / (1.0 - chance) if chance < 1.0 else 1.0
    return 100.0 * b / max(1, a + b), 100.0 * c / max(1, c + d), 100.0 * (b + c) / n, 100.0 * kappa


def filters() -> dict[str, Filter]:
    """The methods that can run here, by name."""
    found: dict[str, Filter] = {"tengun auto": _tengun}
    pdal = _pdal()
    if pdal is not None:
        for stage in ("smrf", "pmf"):
            found[f"PDAL {stage}"] = partial(_by_pdal, pdal, stage)
    if importlib.util.find_spec("CSF") is not None:
        found["CSF"] = _by_csf
    return found


def _tengun(cloud: PointCloud) -> tuple[Mask, Mask]:
    from pointcloud.ground.classify import classify

    result = classify(cloud)
    return result.labels == 2, result.key_points


def _pdal() -> str | None:
    own = Path(".pdal/bin/pdal")
    return os.environ.get("TENGUN_PDAL") or shutil.which("pdal") or (str(own.resolve()) if own.exists() else None)


def _by_pdal(pdal: str, stage: str, cloud: PointCloud) -> tuple[Mask, Mask]:
    import laspy

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.las", Path(folder) / "out.las"
        las = laspy.create(point_format=6, file_version="1.4")
        las.header.scales, las.header.offsets = [0.001] * 3, [cloud.x.min(), cloud.y.min(), cloud.z.min()]
        las.x, las.y, las.z = cloud.x, cloud.y, cloud.z
        las.return_number, las.number_of_returns = np.ones(len(cloud), np.uint8), np.ones(len(cloud), np.uint8)
        las.write(source)
        document = [str(source), {"type": f"filters.{stage}"}, {"type": "writers.las", "filename": str(target)}]
        subprocess.run(  # noqa: S603 - the executable is the one the user set up
            [pdal, "pipeline", "--stdin"], input=json.dumps(document).encode(), check=True, capture_output=True
        )
        ground: Mask = np.asarray(laspy.read(target).classification) == 2
    return ground, ground


def _by_csf(cloud: PointCloud) -> tuple[Mask, Mask]:
    import CSF  # type: ignore[import-not-found]

    cloth = CSF.CSF()
    cloth.setPointCloud(np.column_stack((cloud.x, cloud.y, cloud.z)))
    inside, outside = CSF.VecInt(), CSF.VecInt()
    cloth.do_filtering(inside, outside, False)
    ground = np.zeros(len(cloud), dtype=bool)
    ground[np.array(inside)] = True
    return ground, ground


def score_file(path: Path, method: str, ground_filter: Filter) -> Score:
    """Score of a method on a file whose class 2 is the reference ground; water is not counted."""
    import laspy

    las = laspy.read(path)
    cloud = PointCloud(np.array(las.x), np.array(las.y), np.array(las.z))
    classes = np.asarray(las.classification)
    start = time.perf_counter()
    found, carriers = ground_filter(cloud)
    seconds = time.perf_counter() - start
    truth, counted = classes == 2, classes != 9
    bias, rmse = _terrain_error(cloud, truth, carriers)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    errors = confusion(truth[counted], found[counted])
    return Score(method, path.stem, *errors, bias, rmse, len(cloud) / seconds, memory)


def _terrain_error(cloud: PointCloud, truth: Mask, carriers: Mask) -> tuple[float, float]:
    from pointcloud.ground import surface

    if np.count_nonzero(truth) < 3 or np.count_nonzero(carriers) < 3:
        return float("nan"), float("nan")
    grid = Grid.covering(cloud.bounds, 1.0)
    heights = [
        surface.terrain(cloud.x[mask], cloud.y[mask], cloud.z[mask], grid).height.values for mask in (truth, carriers)
    ]
    error = heights[1] - heights[0]
    if not np.any(np.isfinite(error)):
        return float("nan"), float("nan")
    return float(np.nanmean(error)), float(np.sqrt(np.nanmean(error**2)))


def run(paths: Sequence[Path]) -> list[Score]:
    """Scores of every method on every file."""
    scores = []
    for method, ground_filter in filters().items():
        score_file(paths[0], method, ground_filter)  # compiles the kernels before anything is timed
        scores += [score_file(path, method, ground_filter) for path in paths]
    return scores


def table(scores: Sequence[Score], group: str) -> str:
    """Markdown table of the scores with the mean of each method."""
    lines = [
        f"| {group}: method | file | type I % | type II % | total % | kappa % | bias m | RMSE m | points/s | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method in dict.fromkeys(s.method for s in scores):
        own = [s for s in scores if s.method == method]
        values = np.array([[s.type_1, s.type_2, s.total, s.kappa, s.bias, s.rmse, s.rate, s.memory_mb] for s in own])
        lines += [_line(method, s.name, row) for s, row in zip(own, values, strict=True)]
        lines.append(_line(f"**{method}**", f"mean of {len(own)}", values.mean(axis=0)))
    return "\n".join(lines)


def _line(method: str, name: str, v: NDArray[np.float64]) -> str:
    errors = " | ".join(f"{value:.2f}" for value in v[:4])
    return f"| {method} | {name} | {errors} | {v[4]:+.3f} | {v[5]:.3f} | {v[6]:,.0f} | {v[7]:.0f} |"


def main(args: Sequence[str]) -> str:
    """Run the scoreboard; returns the Markdown that was written or printed.

    Parameters
    ----------
    args
        ``--isprs FOLDER`` and ``--tiles FILE...`` of classified files, ``--output FILE.md``.
    """
    parser = argparse.ArgumentParser(prog="tengun bench ground")
    parser.add_argument("--isprs", type=Path)
    parser.add_argument("--tiles", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(args)
    parts = []
    if given.isprs is not None:
        parts.append(table(run(sorted(given.isprs.glob("*.la[sz]"))), "ISPRS"))
    if given.tiles:
        parts.append(table(run(given.tiles), "Tiles"))
    text = "\n\n".join(parts) + "\n"
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8")
    return text
