"""Ground classification: outcomes, defined answers for odd input."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS

from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError, UnitsError
from pointcloud.ground.classify import classify


def _plane_with_box(seed: int = 0) -> tuple[PointCloud, np.ndarray]:
    """A slope of 20 % with a flat-roofed box on it; True = ground."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 80, (2, 20_000))
    z = 0.2 * x + rng.normal(0, 0.02, x.size)
    on_box = (np.abs(x - 40) < 8) & (np.abs(y - 40) < 8)
    z[on_box] = 0.2 * 48 + 6 + rng.normal(0, 0.02, on_box.sum())
    return PointCloud(x + 5000.0, y - 90_000.0, z), ~on_box


def test_box_on_slope() -> None:
    cloud, truth = _plane_with_box()
    result = classify(cloud)
    ground = result.labels == 2
    assert np.count_nonzero(ground & ~truth) == 0
    assert np.mean(~ground[truth]) < 0.01  # a few points at the wall's foot may be given up
    assert sum(result.counts.values()) == len(cloud)
    assert not np.any(result.key_points & ~ground)


@pytest.mark.parametrize("n", [0, 1])
def test_nearly_no_points(n: int) -> None:
    result = classify(PointCloud(np.full(n, 5.0), np.full(n, 6.0), np.full(n, 7.0)))
    assert result.labels.tolist() == [2] * n


def test_bad_override_is_refused() -> None:
    with pytest.raises(ParameterError):
        classify(_plane_with_box()[0], cell=-1.0)


def test_degrees_are_refused() -> None:
    x, y = np.linspace(138.0, 138.001, 50), np.linspace(35.0, 35.001, 50)
    with pytest.raises(UnitsError):
        classify(PointCloud(x, y, x * 0, crs=CRS.from_epsg(6668)))
    with pytest.raises(UnitsError):
        classify(PointCloud(x, y, x * 0))
