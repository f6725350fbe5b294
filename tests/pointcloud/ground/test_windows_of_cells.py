"""Windows of cells and lowest points in bands, against SciPy and against one band."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pointcloud.cloud import PointCloud
from pointcloud.ground import bands, kernels
from pointcloud.ground.lattice import cells_of_points, lattice, working_grid
from pointcloud.ground.noise import high_outliers
from pointcloud.ground.opening import erode, opened
from pointcloud.ground.windows import minima, square_sums

SHAPES = ((1, 1), (3, 40), (23, 17))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [0, 1, 3, 8, 30])
def test_erosion_by_a_disk(shape: tuple[int, int], radius: int) -> None:
    surface = np.random.default_rng(radius).normal(size=shape)
    surface[0, 0] = np.inf
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x * x + y * y <= radius * radius
    expected = ndimage.minimum_filter(surface, footprint=disk, mode="constant", cval=np.inf)
    np.testing.assert_array_equal(erode(surface, radius), expected)  # a minimum is one of the values


def test_opening_keeps_unknown_cells_and_takes_what_is_narrower_than_the_disk() -> None:
    surface = np.zeros((30, 30))
    surface[10:13, :] = 5.0
    surface[20, 20] = np.nan
    low = opened(surface, 2)
    np.testing.assert_array_equal(np.isnan(low), np.isnan(surface))
    assert np.nanmax(low) == 0.0
    np.testing.assert_array_equal(opened(surface, 1), surface)


@pytest.mark.parametrize("shape", SHAPES)
def test_squares(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).integers(0, 9, shape)
    expected = ndimage.convolve(values, np.ones((5, 5), dtype=np.int64), mode="constant")
    np.testing.assert_array_equal(square_sums(values, 2), expected)
    least = minima(values.astype(np.float64), np.array([1, 1]))
    np.testing.assert_array_equal(least, ndimage.minimum_filter(values, 3, mode="constant", cval=9))


def test_kernels_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(size=(7, 9))
    half_widths = np.array([4, 3, 1, 0])
    compiled = minima(values, half_widths)
    sums = square_sums((10 * values).astype(np.int64), 2)
    for name, function in list(vars(kernels).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(kernels, name, function.py_func)
    np.testing.assert_array_equal(minima(values, half_widths), compiled)
    np.testing.assert_array_equal(square_sums((10 * values).astype(np.int64), 2), sums)


def test_lowest_and_highest_points_do_not_hang_on_the_number_of_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, y, z = rng.uniform(0, 20, (3, 3000)).round(1)  # many points share a height or a place
    x, y, z = (np.repeat(values, 2) for values in (x, y, z))
    z[::999] += 100.0
    cloud = PointCloud(x, y, z)
    grid = working_grid(cloud.bounds, 1.0)
    cells, skip = cells_of_points(cloud, grid), rng.random(len(cloud)) < 0.2

    def found(n_bands: int) -> tuple[np.ndarray, ...]:
        monkeypatch.setattr(bands, "SMALL", 0)
        monkeypatch.setattr(bands, "N_THREADS", n_bands)
        lowest = lattice(cloud, cells, skip, grid)
        return lowest.index, lowest.px, lowest.py, lowest.pz, high_outliers(cloud, cells, grid)

    one = found(1)
    for three, alone in zip(found(3), one, strict=True):
        np.testing.assert_array_equal(three, alone)
    order = np.lexsort((cloud.y, cloud.x, cloud.z, cells))  # the first of equals, as sorting is stable
    order = order[~skip[order]]
    cell, first = np.unique(cells[order], return_index=True)
    expected = np.full(grid.n_rows * grid.n_columns, -1)
    expected[cell] = order[first]
    np.testing.assert_array_equal(one[0].ravel(), expected)
    np.testing.assert_array_equal(one[3].ravel()[cell], cloud.z[order[first]])
    assert np.count_nonzero(one[4]) > 0
