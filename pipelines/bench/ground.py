"""Ground filters on reference data: types of error, kappa, terrain error, points a second.

The classification of a reference file is read for the score and never shown to a filter. Every method runs with one
setting for all files: tengun without any, PDAL with its defaults, pysmrf with a window of 18 m and low outliers filled,
CSF with its defaults.
"""

from __future__ import annotations

import importlib.util
import json
import os
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
from pointcloud.ground.parameters import Method

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
    found: dict[str, Filter] = {"tengun auto": _tengun, "tengun smrf": partial(_tengun, method="smrf")}
    pdal = pdal_program()
    if pdal is not None:
        for stage in ("smrf", "pmf"):
            found[f"PDAL {stage}"] = partial(_by_pdal, pdal, stage)
    if importlib.util.find_spec("CSF") is not None:
        found["CSF"] = _by_csf
    if importlib.util.find_spec("pysmrf") is not None:
        found["pysmrf"] = _by_pysmrf
    return found


def _by_pysmrf(cloud: PointCloud) -> tuple[Mask, Mask]:
    from pysmrf.core import smrf  # type: ignore[import-not-found]

    is_object = smrf(cloud.x, cloud.y, cloud.z, windows=18, low_outlier_fill=True)[3]
    ground: Mask = ~np.asarray(is_object, dtype=bool)
    return ground, ground


def _tengun(cloud: PointCloud, method: Method = "auto") -> tuple[Mask, Mask]:
    from pointcloud.ground.classify import classify

    result = classify(cloud, method=method)
    return result.labels == 2, result.key_points


def pdal_program() -> str | None:
    """Path of PDAL, None where there is none."""
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
    bias, rmse = terrain_error(cloud, truth, cloud, carriers)
    errors = confusion(truth[counted], found[counted])
    return Score(method, path.stem, *errors, bias, rmse, len(cloud) / seconds)


def terrain_error(reference: PointCloud, truth: Mask, cloud: PointCloud, carriers: Mask) -> tuple[float, float]:
    """Bias and RMSE (m) of the terrain through ``carriers`` of a cloud against that through ``truth`` of another."""
    from pointcloud.ground import surface

    if np.count_nonzero(truth) < 3 or np.count_nonzero(carriers) < 3:
        return float("nan"), float("nan")
    grid = Grid.covering(reference.bounds, 1.0)
    heights = [
        surface.terrain(points.x[mask], points.y[mask], points.z[mask], grid).height.values
        for points, mask in ((reference, truth), (cloud, carriers))
    ]
    return bias_and_rmse(heights[1] - heights[0])


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
        Classified files whose terrain is compared, whole and thinned.
    n_scenes
        Number of synthetic valleys.
    speed_file
        File that is classified from LAZ to LAZ by tengun and by PDAL.
    """
    from pipelines.bench import ground_surveys as surveys

    parts = []
    if samples is not None:
        paths = sorted(samples.glob("*.la[sz]"))
        parts += [table(run(paths), samples.name), surveys.left_out(paths)]
    if tiles:
        parts.append(surveys.tile_table(tiles))
    if n_scenes:
        parts.append(surveys.scene_table(n_scenes))
    if speed_file is not None:
        parts.append(surveys.speed_table(speed_file, pdal_program()))
    return "\n\n".join(parts) + "\n"
