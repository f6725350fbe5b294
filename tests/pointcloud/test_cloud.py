"""The point cloud checks itself once and keeps its attributes with its points."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, InputError, ParameterError


def _cloud(n: int = 4, **more: object) -> PointCloud:
    ramp = np.arange(n, dtype=np.float64)
    return PointCloud(ramp, ramp * 2.0, ramp * 3.0, {"Classification": np.arange(n, dtype=np.uint8)}, **more)  # type: ignore[arg-type]


def test_columns_become_contiguous_doubles() -> None:
    base = np.arange(8, dtype=np.float32)
    cloud = PointCloud(base[::2], base[::2], base[::2])  # type: ignore[arg-type]
    assert cloud.x.dtype == np.float64
    assert cloud.x.flags.c_contiguous


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_coordinates_are_finite(bad: float, axis: int) -> None:
    columns = [np.zeros(5) for _ in range(3)]
    columns[axis][3] = bad
    with pytest.raises(InputError, match="point 3") as caught:
        PointCloud(columns[0], columns[1], columns[2])
    assert caught.value.details == {"field": "xyz"[axis], "value": 1}


def test_infinities_of_both_signs_do_not_hide_each_other() -> None:
    with pytest.raises(InputError, match="2 x coordinates"):
        PointCloud(np.array([np.inf, -np.inf]), np.zeros(2), np.zeros(2))


def test_lengths_agree() -> None:
    with pytest.raises(InputError, match="Intensity"):
        PointCloud(np.zeros(2), np.zeros(2), np.zeros(2), {"Intensity": np.zeros(3, np.uint16)})


def test_take_keeps_attributes_and_system() -> None:
    cloud = _cloud(crs=CRS.from_epsg(6676), vertical_datum=VerticalDatum.JGD2011)
    part = cloud.take(np.array([2, 0]))
    assert part.z.tolist() == [6.0, 0.0]
    assert part.attributes["Classification"].tolist() == [2, 0]
    assert (part.crs, part.vertical_datum) == (cloud.crs, cloud.vertical_datum)
    assert len(cloud.take(np.zeros(4, dtype=bool))) == 0


def test_with_attributes_leaves_the_original() -> None:
    cloud = _cloud()
    changed = cloud.with_attributes(Classification=np.full(4, 2, np.uint8))
    assert changed.attributes["Classification"].tolist() == [2, 2, 2, 2]
    assert cloud.attributes["Classification"].tolist() == [0, 1, 2, 3]


def test_concatenate_keeps_common_attributes() -> None:
    joined = PointCloud.concatenate([_cloud(2).with_attributes(Intensity=np.zeros(2, np.uint16)), _cloud(3)])
    assert joined.x.tolist() == [0.0, 1.0, 0.0, 1.0, 2.0]
    assert list(joined.attributes) == ["Classification"]
    assert joined.attributes["Classification"].dtype == np.uint8


def test_concatenate_refuses_other_systems_and_nothing() -> None:
    with pytest.raises(CrsError, match="6676"):
        PointCloud.concatenate([_cloud(crs=CRS.from_epsg(6676)), _cloud()])
    with pytest.raises(CrsError):
        PointCloud.concatenate([_cloud(vertical_datum=VerticalDatum.JGD2024), _cloud()])
    with pytest.raises(InputError, match="no clouds"):
        PointCloud.concatenate([])


def test_bounds_of_points() -> None:
    assert _cloud().bounds == Bounds(0.0, 0.0, 3.0, 6.0)
    with pytest.raises(InputError, match="no points"):
        _ = _cloud(0).bounds


def test_clouds_compare_as_objects() -> None:
    cloud = _cloud()
    assert cloud == cloud
    assert cloud != _cloud()


def test_half_open_rectangles() -> None:
    box = Bounds(0.0, 0.0, 2.0, 1.0)
    assert box.contains(np.array([0.0, 2.0, 1.0]), np.array([0.0, 0.5, 1.0])).tolist() == [True, False, False]
    assert box.intersection(Bounds(2.0, 0.0, 3.0, 1.0)) is None
    assert box.intersection(Bounds(1.0, -1.0, 3.0, 0.5)) == Bounds(1.0, 0.0, 2.0, 0.5)
    assert box.union(Bounds(5.0, 5.0, 6.0, 6.0)) == Bounds(0.0, 0.0, 6.0, 6.0)
    assert (box.buffered(1.0).area, box.width, box.height) == (12.0, 2.0, 1.0)
    with pytest.raises(ParameterError, match="x_min"):
        Bounds(1.0, 0.0, 0.0, 1.0)
