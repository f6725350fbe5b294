"""The filter's machine code, loaded while a file is still being decoded."""

from __future__ import annotations

from functools import cache
from threading import Thread

import numpy as np

from pointcloud.cloud import PointCloud
from pointcloud.ground.classify import classify


@cache
def load_kernels() -> None:
    """Begin to load the kernels of the filter, or to compile them, in a thread; once in a process.

    Half a second that would otherwise be the work of one core alone. A few points are classified: that asks for each
    kernel with the types that it is called with.
    """
    east, north = np.meshgrid(np.arange(0.0, 24.0, 0.5), np.arange(0.0, 24.0, 0.5))
    few = PointCloud(east.ravel(), north.ravel(), 0.1 * east.ravel())
    Thread(target=classify, args=(few,), name="ground kernels", daemon=True).start()
