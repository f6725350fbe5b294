"""The points that count far away against a sort of each cell's points."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.cloud import PointCloud
from pointcloud.ground import thin_kernels, thinning
from pointcloud.ground.thinning import far_points


def cloud_of(seed: int, n: int) -> PointCloud:
    """Points on a coarse raster of places and heights, so that many are equal; some noise, some water."""
    rng = np.random.default_rng(seed)
    x, y = np.round(rng.uniform(-9, 9, (2, n)) * 4) / 4
    classes = rng.choice([0, 2, 7, 9, 18], n, p=[0.4, 0.3, 0.1, 0.1, 0.1]).astype(np.uint8)
    return PointCloud(x, y, rng.integers(0, 6, n) / 2.0, {"Classification": classes})


def sorted_out(cloud: PointCloud, size: float, skipped: tuple[int, ...], sign: float) -> set[tuple[float, ...]]:
    """Places of the three lowest (sign 1) or highest (-1) points of each cell, as class and coordinates."""
    cells = defaultdict(list)
    columns = cloud.x, cloud.y, cloud.z, cloud.attributes["Classification"]
    for x, y, z, code in zip(*(column.tolist() for column in columns), strict=True):
        if code not in skipped:
            cells[math.floor(x / size), math.floor(y / size)].append((sign * z, x, y))
    return {(sign * z, x, y) for points in cells.values() for z, x, y in sorted(points)[:3]}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 400), cell=st.sampled_from([0.7, 1.0, 2.0]))
def test_the_lowest_of_cells_and_the_highest_of_blocks(seed: int, n: int, cell: float) -> None:
    cloud = cloud_of(seed, n)
    found = cloud.take(far_points(cloud, cell))
    expected = sorted_out(cloud, cell, (7, 18, 9), 1.0) | sorted_out(cloud, 4 * cell, (7, 18), -1.0)
    assert set(zip(found.z.tolist(), found.x.tolist(), found.y.tolist(), strict=True)) == expected
    assert not np.isin(found.attributes["Classification"], (7, 18)).any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.floats(-9, 9))
def test_parts_hold_what_the_whole_holds(seed: int, cut: float) -> None:
    cloud = cloud_of(seed, 300)
    west = cloud.x < cut
    of_parts = np.zeros(len(cloud), dtype=bool)
    for part in (np.flatnonzero(west), np.flatnonzero(~west)):
        of_parts[part[far_points(cloud.take(part), 1.0)]] = True
    kept, coarse = cloud.take(of_parts), cloud.take(far_points(cloud, 2.0))
    heights = {cell: sorted_out(kept, cell, (7, 18, 9), 1.0) for cell in (1.0, 2.0)}
    assert heights[1.0] == sorted_out(cloud, 1.0, (7, 18, 9), 1.0)
    assert heights[2.0] == sorted_out(coarse, 2.0, (7, 18, 9), 1.0)  # a cell twice as wide has no others


def test_a_cloud_spread_wide_is_not_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = cloud_of(1, 2000)
    assert 0 < np.count_nonzero(far_points(cloud, 1.0)) < 1500
    monkeypatch.setattr(thinning, "MOST_CELLS", 100)
    np.testing.assert_array_equal(far_points(cloud, 1.0), ~np.isin(cloud.attributes["Classification"], (7, 18)))
    assert far_points(cloud.take(slice(0)), 1.0).size == 0


def test_kernels_as_python() -> None:
    cloud = cloud_of(2, 60)
    cells = (np.floor(cloud.x / 9) + 1).astype(np.int64)
    picked = [np.full((2, 3), -1, dtype=np.int32) for _ in range(2)]
    flags = [np.zeros(60, dtype=np.bool_) for _ in range(2)]
    for kernels, one, flag in zip(("py_func", "__call__"), picked, flags, strict=True):
        arguments = cloud.x, cloud.y, cloud.z, cells, cloud.z > 2.0, -1.0, one
        getattr(thin_kernels.lowest_few, kernels)(*arguments)
        getattr(thin_kernels.mark, kernels)(one, flag)
    np.testing.assert_array_equal(picked[0], picked[1])
    np.testing.assert_array_equal(flags[0], flags[1])
    assert flags[0].sum() == 6
