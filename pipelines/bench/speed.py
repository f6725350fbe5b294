"""Points per second of the main job: read, ground, terrain, difference and volume, on a synthetic valley.

Each figure stands beside a peer on the same machine in the same run where there is one; only the ratio means
anything on another machine.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import laspy
import numpy as np
from rich.table import Table
from scipy.spatial import Delaunay
from shapely import Polygon

from pointcloud.change.difference import difference
from pointcloud.change.volume import zone_volume
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid
from pointcloud.ground import surface
from pointcloud.ground.classify import classify
from pointcloud.io import las
from pointcloud.synthetic import Epoch, Scene, valley

CELL = 0.5
PEER_POINTS = 300_000
"""Qhull is given no more points than this: it needs 54 s for five million."""


@dataclass(frozen=True, slots=True)
class Line:
    """One measured step; ``peer`` is the same work by another program, in points per second."""

    step: str
    n_points: int
    seconds: float
    peer: str = ""
    peer_rate: float | None = None

    @property
    def rate(self) -> float:
        """Points per second."""
        return self.n_points / self.seconds


def run(n_points: int, folder: Path) -> list[Line]:
    """Measure every step on about ``n_points`` synthetic points; files go into ``folder``."""
    _warm_up(folder)
    scene = _scene(n_points)
    lines, clouds = [], {}
    epochs: tuple[Epoch, ...] = ("before", "after")
    for epoch in epochs:
        seconds, survey = _timed(partial(scene.survey, epoch))
        clouds[epoch] = survey.cloud
    n = len(clouds["after"])
    lines.append(Line("make synthetic points", n, seconds))
    path = folder / "bench.laz"
    seconds, _ = _timed(lambda: las.write(path, clouds["after"]))
    lines.append(Line("write LAZ", n, seconds))
    seconds, cloud = _timed(lambda: las.read(path, dimensions=("ReturnNumber", "NumberOfReturns")))
    peer_seconds, _ = _timed(lambda: laspy.read(path).xyz)
    lines.append(Line("read LAZ", n, seconds, "laspy.read().xyz", n / peer_seconds))
    seconds, result = _timed(lambda: classify(cloud))
    lines.append(Line("ground", n, seconds, "reading the LAZ", lines[-1].rate))
    lines += _surfaces(scene, clouds["before"], cloud, result.key_points)
    return lines


def table(lines: list[Line]) -> Table:
    """The measured steps, with the ratio to the peer and the peak memory of the process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    out = Table(title=f"tengun bench speed: {lines[0].n_points:,} points, peak memory {peak:.1f} GiB")
    for name in ("step", "seconds", "million points/s", "beside", "ratio"):
        out.add_column(name, justify="left" if name in ("step", "beside") else "right")
    for line in lines:
        ratio = f"{line.rate / line.peer_rate:.2f}" if line.peer_rate else ""
        out.add_row(line.step, f"{line.seconds:.2f}", f"{line.rate / 1e6:.2f}", line.peer, ratio)
    return out


def _surfaces(scene: Scene, before: PointCloud, after: PointCloud, key: np.ndarray[Any, Any]) -> list[Line]:
    n = len(after)
    grid = Grid.covering(scene.bounds, CELL, scene.crs)
    seconds, terrain = _timed(lambda: surface.terrain(after.x[key], after.y[key], after.z[key], grid))
    some = np.flatnonzero(key)[:PEER_POINTS]
    local = np.column_stack((after.x[some] - after.x.min(), after.y[some] - after.y.min()))
    peer_seconds, _ = _timed(lambda: Delaunay(local))
    own_seconds, _ = _timed(lambda: surface.triangulate(local[:, 0], local[:, 1], after.z[some]))
    lines = [
        Line("terrain (TIN, 0.5 m)", n, seconds),
        Line("  triangulation alone", some.size, own_seconds, "scipy Delaunay", some.size / peer_seconds),
    ]
    seconds, _ = _timed(lambda: surface.highest_return(after, grid))
    lines.append(Line("top surface (DSM)", n, seconds))
    old = classify(before).key_points
    earlier = surface.terrain(before.x[old], before.y[old], before.z[old], grid)
    zones = [Polygon(zone.ring) for zone in scene.truth.zones]

    def volumes() -> list[float]:
        change = difference(earlier.height, terrain.height)
        return [zone_volume(change, polygon).net_m3 for polygon in zones]

    seconds, _ = _timed(volumes)
    lines.append(Line("difference and volumes", n, seconds))
    return lines


def _scene(n_points: int) -> Scene:
    """A scene with about that many returns an epoch: a valley of 16 pulses/m2 has some 19 returns/m2."""
    return valley(size_m=max(300.0, float(np.sqrt(n_points / RETURNS_PER_M2))))


RETURNS_PER_M2 = 19.4


def _warm_up(folder: Path) -> None:
    """Compile every kernel once, so that the first figure is not the compiler's."""
    scene = valley(density=0.5)
    cloud = scene.survey("after").cloud
    las.write(folder / "warm.laz", cloud)
    key = classify(las.read(folder / "warm.laz")).key_points
    _surfaces(scene, cloud, cloud, key)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
