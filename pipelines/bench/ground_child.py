"""One ground filter on one cloud: ``python -m pipelines.bench.ground_child METHOD FOLDER``, started by `run_apart`."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from pipelines.bench.ground_methods import filters
from pointcloud.cloud import PointCloud

WARM_STRIP_M = 40.0


def memory_mb(field: str) -> float:
    """MB of this process: ``VmRSS`` now, ``VmHWM`` at its peak; the peak where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024.0


def main(method: str, folder: Path) -> None:
    """Filter ``points.npy`` of the folder; leaves ``found.npy`` and ``told.json`` there."""
    cloud = PointCloud(*np.load(folder / "points.npy"))
    chosen = filters()[method]
    chosen(cloud.take(np.flatnonzero(cloud.x < cloud.x.min() + WARM_STRIP_M)))
    before, started = memory_mb("VmRSS"), time.perf_counter()
    ground, carriers = chosen(cloud)
    seconds = time.perf_counter() - started
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
    np.save(folder / "found.npy", np.stack((ground, carriers)))
    told = {"seconds": seconds, "added_mb": max(memory_mb("VmHWM") - before, child)}
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
