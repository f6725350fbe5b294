"""Small synthetic surveys on disk, made once for all tests of the pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipelines import stages
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.io import las

E, N = 52_000.0, -98_400.0  # zone VIII
PIT_DEPTH, PIT_RADIUS = 2.0, 9.0  # a paraboloid: volume = pi r2 depth / 2


N_POINTS = 90 * 60 * 12


def bare(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the ground before; its waves show where it lies, so that a shift can be found."""
    u, v = x - E, y - N
    return 200 + 0.4 * u + 0.2 * v + 1.5 * np.sin(u / 9) + 1.2 * np.cos(v / 7)


@dataclass(frozen=True)
class Slope:
    """A wavy slope of 90 m x 60 m with trees, before and after a pit of known volume was dug."""

    before: Path
    after: Path
    pit_m3: float
    pit: tuple[float, float, float, float]


def _slope(seed: int, *, pit: bool) -> PointCloud:
    rng = np.random.default_rng(seed)
    x, y = E + rng.random(N_POINTS) * 90, N + rng.random(N_POINTS) * 60
    n = N_POINTS
    z = bare(x, y) + rng.normal(0, 0.02, n)
    if pit:
        z -= np.maximum(0.0, PIT_DEPTH * (1 - (np.hypot(x - E - 30, y - N - 20) / PIT_RADIUS) ** 2))
    above = (rng.random(n) < 0.2) & (np.hypot(x - E - 30, y - N - 20) > PIT_RADIUS + 1)
    z[above] += rng.uniform(3, 12, above.sum())
    returns = np.ones(n, np.uint8)
    intensity = rng.integers(0, 60_000, n).astype(np.uint16)
    columns = {"ReturnNumber": returns, "NumberOfReturns": returns, "Intensity": intensity}
    return PointCloud(x, y, z, columns)


@pytest.fixture(scope="session")
def slope(tmp_path_factory: pytest.TempPathFactory) -> Slope:
    """Two epochs as LAS 1.2 without a CRS, as the prefecture publishes them."""
    folder = tmp_path_factory.mktemp("slope")
    for seed, epoch in enumerate(("before", "after")):
        las.write(folder / f"{epoch}.laz", _slope(seed, pit=epoch == "after"), version="1.2", point_format=1)
    box = (E + 20, N + 10, E + 40, N + 30)
    return Slope(folder / "before.laz", folder / "after.laz", np.pi * PIT_RADIUS**2 * PIT_DEPTH / 2, box)


@pytest.fixture(scope="session")
def tiles(slope: Slope, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The survey before, cut into two files that meet inside the slope."""
    folder = tmp_path_factory.mktemp("tiles")
    cloud = las.read(slope.before)
    for name, x_min, x_max in (("west", E, E + 30), ("east", E + 30, E + 91)):
        part = cloud.take(Bounds(x_min, N, x_max, N + 61).contains(cloud.x, cloud.y))
        las.write(folder / f"{name}.las", part, version="1.2", point_format=1)
    return folder


@pytest.fixture
def filtered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of points that the ground filter was run on."""
    seen: list[int] = []
    real = stages.labelled

    def noted(cloud, **options):
        seen.append(len(cloud))
        return real(cloud, **options)

    monkeypatch.setattr(stages, "labelled", noted)
    return seen
