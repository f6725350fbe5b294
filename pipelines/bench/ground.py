"""Ground filters on reference data: types of error, kappa, terrain error, points a second.

The classification of a reference file is read for the score and never shown to a filter. Every method runs with one
setting for all files: tengun without any, PDAL with its defaults, pysmrf with a window of 18 m and low outliers filled,
CSF with its defaults.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines import pdal
from pipelines.bench.ground_methods import Filter, Mask, filters
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid


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


def confusion(truth: Mask, found: Mask) -> tuple[float, float, float, float]:
    """Type I, type II and total error, and Cohen's kappa, in percent (Sithole & Vosselman 2004)."""
    a, b = int(np.count_nonzero(truth & found)), int(np.count_nonzero(truth & ~found))
    c, d = int(np.count_nonzero(~truth & found)), int(np.count_nonzero(~truth & ~found))
    n = a + b + c + d
    agreed, chance = (a + d) / n, ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    kappa = (agreed - chance) / (1.0 - chance) if chance < 1.0 else 1.0
    return 100.0 * b / max(1, a + b), 100.0 * c / max(1, c + d), 100.0 * (b + c) / n, 100.0 * kappa


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
    grid = Grid.covering(cloud.bounds, 1.0)
    bias, rmse = bias_and_rmse(terrain(cloud, carriers, grid) - terrain(cloud, truth, grid))
    errors = confusion(truth[counted], found[counted])
    return Score(method, path.stem, *errors, bias, rmse, len(cloud) / seconds)


def terrain(cloud: PointCloud, carriers: Mask, grid: Grid) -> NDArray[np.float64]:
    """Height (m) of the TIN through the carriers at the cells' centres; NaN beyond it or where there are too few."""
    from pointcloud.ground import surface

    if np.count_nonzero(carriers) < 3:
        return np.full(grid.shape, np.nan)
    x, y, z = (values[carriers] for values in (cloud.x, cloud.y, cloud.z))
    return np.asarray(surface.terrain(x, y, z, grid).height.values, dtype=np.float64)


def bias_and_rmse(error: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and root mean square (m) of what is finite; NaN where nothing is."""
    known = error[np.isfinite(error)]
    return (float(known.mean()), float(np.sqrt(np.mean(known**2)))) if known.size else (float("nan"), float("nan"))


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
        f"| {group}: method | file | type I % | type II % | total % | kappa % | bias m | RMSE m | points/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method in dict.fromkeys(s.method for s in scores):
        own = [s for s in scores if s.method == method]
        values = np.array([[s.type_1, s.type_2, s.total, s.kappa, s.bias, s.rmse, s.rate] for s in own])
        lines += [_line(method, s.name, row) for s, row in zip(own, values, strict=True)]
        lines.append(_line(f"**{method}**", f"mean of {len(own)}", values.mean(axis=0)))
    return "\n".join(lines)


def _line(method: str, name: str, v: NDArray[np.float64]) -> str:
    errors = " | ".join(f"{value:.2f}" for value in v[:4])
    return f"| {method} | {name} | {errors} | {v[4]:+.3f} | {v[5]:.3f} | {v[6]:,.0f} |"


def report(samples: Path | None, tiles: Sequence[Path], n_scenes: int, speed_file: Path | None) -> str:
    """The scoreboard as Markdown.

    Parameters
    ----------
    samples
        Folder of classified files, such as the samples of the ISPRS filter test.
    tiles
        Classified files: every method on them, and their terrain when they are thinned.
    n_scenes
        Number of synthetic valleys, likewise; each at 16 and at 4 pulses a square metre.
    speed_file
        File that is classified from LAZ to LAZ by tengun and by PDAL.
    """
    from pipelines.bench import ground_places as places
    from pipelines.bench import ground_surveys as surveys

    parts = []
    if samples is not None:
        paths = sorted(samples.glob("*.la[sz]"))
        parts += [table(run(paths), samples.name), surveys.left_out(paths)]
    references = [*map(places.of_tile, tiles), *places.of_scenes(n_scenes)]
    if references:
        parts += [places.method_table(references), places.density_table(references)]
    if speed_file is not None:
        parts.append(surveys.speed_table(speed_file, pdal.find()))
    return "\n\n".join(parts) + "\n"
