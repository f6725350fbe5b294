"""The ground filters that can run here, in this process or in one of their own that is timed and weighed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines import pdal
from pointcloud.cloud import PointCloud
from pointcloud.errors import ResourceError
from pointcloud.ground.parameters import Method

Mask = NDArray[np.bool_]
Filter = Callable[[PointCloud], tuple[Mask, Mask]]
"""Cloud -> (ground, points that carry the terrain)."""
TIME_LIMIT_S = 900.0


def filters() -> dict[str, Filter]:
    """The methods that can run here, by name."""
    found: dict[str, Filter] = {"tengun auto": _tengun, "tengun smrf": partial(_tengun, method="smrf")}
    program = pdal.find()
    if program is not None:
        for stage in ("smrf", "pmf"):
            found[f"PDAL {stage}"] = partial(_by_pdal, program.path, stage)
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


def _by_pdal(program: Path, stage: str, cloud: PointCloud) -> tuple[Mask, Mask]:
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
            [program, "pipeline", "--stdin"], input=json.dumps(document).encode(), check=True, capture_output=True
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
    ground[np.array(inside, dtype=np.int64)] = True
    return ground, ground


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method found, the seconds it took and the MB of memory that came on top of the points' coordinates."""

    ground: Mask
    carriers: Mask
    seconds: float
    added_mb: float


def run_apart(method: str, cloud: PointCloud) -> Outcome:
    """Run a method in a process of its own, so that its peak memory is its own.

    Kernels are compiled before; time and memory of PDAL hold the writing and reading of its files.

    Raises
    ------
    ResourceError
        When the process failed or took more than ``TIME_LIMIT_S``.
    """
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as folder:
        np.save(Path(folder) / "points.npy", np.stack((cloud.x, cloud.y, cloud.z)))
        command = [sys.executable, "-m", "pipelines.bench.ground_child", method, folder]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=TIME_LIMIT_S)  # noqa: S603
        except subprocess.SubprocessError as error:
            detail = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
            raise ResourceError(
                f"benchmark: {method} failed on {len(cloud)} points: {detail[-1] if detail else error}",
                f"性能測定: {method} が {len(cloud)} 点で失敗しました: {detail[-1] if detail else error}",
                value=method,
            ) from error
        ground, carriers = np.load(Path(folder) / "found.npy")
        told = json.loads((Path(folder) / "told.json").read_text(encoding="utf-8"))
    return Outcome(ground, carriers, told["seconds"], told["added_mb"])
