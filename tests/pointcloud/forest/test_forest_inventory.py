from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.errors import CrsError, InputError
from pointcloud.forest.inventory import COLUMNS, DTYPES, Trees, tree_ids


def trees(ids: list[int], epsg: int | None = None) -> Trees:
    from pyproj import CRS

    columns = {name: np.arange(1, len(ids) + 1).astype(DTYPES[name]) for name in COLUMNS}
    columns["id"] = np.array(ids, np.uint64)
    return Trees(**columns, crs=CRS.from_epsg(epsg) if epsg else None)


def test_parts_join_in_order_of_id():
    joined = Trees.concatenate([trees([5, 9]), trees([2, 7, 11])])
    np.testing.assert_array_equal(joined.id, [2, 5, 7, 9, 11])
    np.testing.assert_array_equal(joined.height, [1, 1, 2, 2, 3])


def test_a_tree_in_two_parts_is_refused():
    with pytest.raises(InputError, match="ids"):
        Trees.concatenate([trees([5, 9]), trees([9, 12])])


def test_parts_of_two_reference_systems_are_refused():
    with pytest.raises(CrsError):
        Trees.concatenate([trees([1], 6676), trees([2], 6677)])


def test_columns_of_other_lengths_are_refused():
    columns = {name: np.ones(2, DTYPES[name]) for name in COLUMNS} | {"id": np.array([1, 2]), "y": np.ones(3)}
    with pytest.raises(InputError, match="y"):
        Trees(**columns)


def test_a_mask_takes_whole_rows():
    some = trees([1, 2, 3]).take(np.array([True, False, True]))
    for name in COLUMNS[1:]:
        np.testing.assert_array_equal(getattr(some, name), [1, 3])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(52_000.0, -98_000.0), (-30_000.0, 9_000.0), (382_000.0, 3_900_000.0), (650_000.0, 6_860_000.0)]),
    st.lists(st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000)), min_size=1, max_size=40, unique=True),
)
def test_ids_are_unique_and_exact_in_a_double(origin, places):
    steps = np.array(places, np.float64)
    ids = tree_ids(origin[0] + 0.25 * steps[:, 0] + 0.125, origin[1] + 0.25 * steps[:, 1] + 0.125)
    assert np.unique(ids).size == len(places)
    np.testing.assert_array_equal(ids.astype(np.float64).astype(np.uint64), ids)
