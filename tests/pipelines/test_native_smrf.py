"""``filters.smrf``: against a slow twin, and against the real PDAL. About 12 s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.native import ground, kernels
from pipelines.native.executor import parsed
from pipelines.native.stage import Report
from pointcloud.cloud import PointCloud
from pointcloud.errors import InputError, ParameterError
from pointcloud.io import las
from tests.oracles import point_stages
from tests.oracles.real_pdal import points_both


def stage(**options: Any) -> Any:
    from pipelines.document import StageNode

    return ground.smrf(parsed(StageNode("filters.smrf", None, (0,), options)), Report())


def village(n: int = 4_000, seed: int = 5) -> PointCloud:
    """A slope of 40 m x 30 m with a house, trees and a pit."""
    rng = np.random.default_rng(seed)
    x, y = 40 * rng.random(n), 30 * rng.random(n)
    z = 100 + 0.2 * x + 0.1 * np.sin(y) + rng.normal(0, 0.03, n)
    z[(x > 10) & (x < 18) & (y > 8) & (y < 16)] += 6.0
    tree = rng.random(n) < 0.2
    z[tree] += rng.uniform(1, 8, int(tree.sum()))
    z[:3] -= 9.0
    returns = np.where(tree, 1, 2).astype(np.uint8)
    columns = {
        "ReturnNumber": returns,
        "NumberOfReturns": np.full(n, 2, np.uint8),
        "Classification": np.zeros(n, np.uint8),
    }
    return PointCloud(x, y, z, columns)


@pytest.mark.parametrize("options", [{}, {"cell": 2.0, "slope": 0.3, "threshold": 0.2, "scalar": 0.5, "window": 7.0}])
def test_labels_are_those_of_the_slow_twin(options: dict[str, float]) -> None:
    cloud = village()
    found = stage(returns="first,last", **options)(cloud).attributes["Classification"]
    values = {"cell": 1.0, "slope": 0.15, "window": 18.0, "threshold": 0.5, "scalar": 1.25, **options}
    expected = point_stages.smrf(cloud.x, cloud.y, cloud.z, **values)
    np.testing.assert_array_equal(found == 2, expected)
    assert set(found.tolist()) == {1, 2}


def test_only_the_returns_named_and_what_is_not_ignored_is_labelled() -> None:
    cloud = village()
    classes = np.zeros(len(cloud), np.uint8)
    classes[cloud.x > 35] = 9
    labels = stage(ignore="Classification[9:9]")(cloud.with_attributes(Classification=classes)).attributes
    first = cloud.attributes["ReturnNumber"] == 1
    np.testing.assert_array_equal(labels["Classification"][cloud.x > 35], 9)
    np.testing.assert_array_equal(labels["Classification"][first & (cloud.x <= 35)], 0)  # not looked at: unchanged
    assert set(labels["Classification"][~first & (cloud.x <= 35)].tolist()) == {1, 2}


def test_numbers_of_returns_that_are_all_zero_are_not_looked_at() -> None:
    cloud = village()
    zero = np.zeros(len(cloud), np.uint8)
    plain = PointCloud(cloud.x, cloud.y, cloud.z, {"Classification": zero})
    expected = stage()(plain).attributes["Classification"]
    found = stage()(plain.with_attributes(ReturnNumber=zero, NumberOfReturns=zero)).attributes["Classification"]
    np.testing.assert_array_equal(found, expected)
    mixed = zero.copy()
    mixed[0] = 1
    with pytest.raises(InputError, match="ReturnNumber or NumberOfReturns is 0 for some"):
        stage()(plain.with_attributes(ReturnNumber=mixed, NumberOfReturns=mixed))
    with pytest.raises(InputError, match="no point is a return of the kind only"):
        stage(returns="only")(village())


def test_a_cell_that_makes_too_many_is_refused() -> None:
    with pytest.raises(ParameterError, match="take a larger cell"):
        stage(cell=0.0001)(village())


def test_wide_gaps_are_filled_from_afar() -> None:
    values = np.full((5, 120), np.nan)
    values[:, :3] = np.arange(15.0).reshape(5, 3)
    filled = ground._filled(values)
    # a mean that is built up point by point and one of a sum differ in the last bits
    np.testing.assert_allclose(filled, point_stages.eight_nearest(values), rtol=1e-14)
    few = np.full((3, 3), np.nan)
    few[0, 0], few[2, 2] = 1.0, 3.0
    np.testing.assert_allclose(ground._filled(few)[1, 1], 2.0)
    np.testing.assert_array_equal(ground._filled(np.full((2, 2), np.nan)), np.nan)


def test_kernels_as_plain_python() -> None:
    rng = np.random.default_rng(2)
    values = np.where(rng.random((6, 7)) < 0.4, np.nan, rng.random((6, 7)))
    plain = rng.random((6, 7))
    steps = np.array([0, 0, 1, -1, 2]), np.array([1, -1, 0, 0, 2])
    cloud = village(50)
    used = cloud.z > 101
    frame = (cloud.x, cloud.y, cloud.z, used, 0.0, 0.0, 10.0)
    results = []
    for get in (lambda f: f, lambda f: f.py_func):
        out, found = values.copy(), np.zeros(values.shape, np.int64)
        get(kernels.fill_from_nearest)(values, *steps, 0, 6, out, found)
        least, low, box = np.empty((6, 7)), np.full((3, 4), np.nan), np.array([9e9, 9e9, -9e9, -9e9])
        get(kernels.cross_minima)(plain, 0, 6, least)
        get(kernels.lowest_of_cells)(*frame, low)
        get(kernels.extent)(cloud.x, cloud.y, used, box)
        classes = np.zeros(50, np.uint8)
        get(kernels.near_surface)(*frame, low, np.full((3, 4), 1.0), (2, 1), 0, 50, classes)
        results.append((out, found, least, low, box, classes))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(results[0][2], point_stages.diamond_minima(plain, 1))
    np.testing.assert_array_equal(
        results[0][4], [cloud.x[used].min(), cloud.y[used].min(), cloud.x[used].max(), cloud.y[used].max()]
    )


def test_without_gaps_the_labels_are_pdals(tmp_path: Path) -> None:
    """Ground in every cell and no object wide enough to leave a gap: nothing is open, so every label is the same."""
    rng = np.random.default_rng(11)
    n = 12_000
    x, y = 40 * rng.random(n), 30 * rng.random(n)
    z = 100 + 0.1 * x + rng.normal(0, 0.05, n) + np.where(rng.random(n) < 0.3, 5 * rng.random(n), 0.0)
    ones = np.ones(n, np.uint8)
    columns = {"ReturnNumber": ones, "NumberOfReturns": ones}
    las.write(tmp_path / "in.las", PointCloud(x, y, z, columns))
    a, b = points_both([{"type": "filters.smrf"}], tmp_path / "in.las", tmp_path)
    np.testing.assert_array_equal(a.attributes["Classification"], b.attributes["Classification"])
    assert 0.5 < np.mean(a.attributes["Classification"] == 2) < 0.95


@pytest.mark.data
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": 2.5, "slope": 0.3, "window": 30},
        {"cut": 20},
        {"ignore": "Classification[9:9]", "returns": "first,only"},
    ],
    ids=["defaults", "coarse", "net", "returns"],
)
def test_real_survey_differs_only_by_ties(options: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    a, b = points_both([{"type": "filters.smrf", **options}], shared_data / "Topography.laz", tmp_path)
    np.testing.assert_array_equal(a.x, b.x)
    # which of equally near cells fills a gap hangs on the order of PDAL's tree; another order of our own changes
    # 0.4 to 0.9 % of the labels here, PDAL differs by 0.2 to 0.9 %
    assert np.mean(a.attributes["Classification"] != b.attributes["Classification"]) < 0.012
