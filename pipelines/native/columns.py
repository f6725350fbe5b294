"""Dimensions of a cloud by PDAL's names, X, Y and Z among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.dimensions import DTYPES
from pointcloud.errors import CrsError, InputError, ParameterError

COORDINATES = {"X": "x", "Y": "y", "Z": "z"}


def column(cloud: PointCloud, name: str) -> NDArray[np.generic]:
    """The values of a dimension, in its own type, shape (n,).

    Raises
    ------
    ParameterError
        When the cloud has no such dimension.
    """
    if name in COORDINATES:
        values: NDArray[np.generic] = getattr(cloud, COORDINATES[name])
        return values
    if name not in cloud.attributes:
        known = ["X", "Y", "Z", *cloud.attributes]
        raise ParameterError(
            f"no dimension '{name}' in the points; there are {', '.join(known)}",
            f"点群に次元 '{name}' がありません。あるもの: {', '.join(known)}",
            value=name,
            candidates=known,
        )
    return cloud.attributes[name]


def with_columns(cloud: PointCloud, columns: Mapping[str, NDArray[np.generic]]) -> PointCloud:
    """The cloud with dimensions set or added, each in the type it has, has by convention, or comes in."""
    x, y, z = (columns.get(n, getattr(cloud, a)).astype(np.float64, copy=False) for n, a in COORDINATES.items())
    attributes = dict(cloud.attributes)
    for name, values in columns.items():
        if name not in COORDINATES:
            known = attributes.get(name)
            dtype = known.dtype if known is not None else np.dtype(DTYPES.get(name, values.dtype))
            attributes[name] = cast(name, values, dtype)
    return replace(cloud, x=x, y=y, z=z, attributes=attributes)


def cast(name: str, values: NDArray[np.generic], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """The values in another type: to whole numbers they are rounded, halves away from zero, as PDAL does.

    Raises
    ------
    InputError
        When a value does not fit; it is never wrapped round.
    """
    if values.dtype == dtype:
        return values
    if dtype.kind not in "iu":
        return values.astype(dtype)
    v = values.astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(v) + 0.5), v)
    limits = np.iinfo(dtype.name)
    is_bad = ~((rounded >= limits.min) & (rounded <= limits.max))
    if is_bad.any():
        value = float(v[is_bad][0])
        raise InputError(
            f"dimension {name}: the value {value:g} does not fit its type {dtype}, {limits.min} to {limits.max}",
            f"次元 {name}: 値 {value:g} は型 {dtype} の範囲 ({limits.min}~{limits.max}) に入りません。",
            field=name,
            value=value,
        )
    return rounded.astype(dtype)


def joined(clouds: Sequence[PointCloud]) -> PointCloud:
    """One cloud of all points, in order, with the dimensions that any of them has; 0 where one lacks it, as in PDAL.

    Raises
    ------
    CrsError
        When the reference systems differ.
    InputError
        For an empty sequence.
    """
    if len(clouds) == 1:
        return clouds[0]
    filled = [c for c in clouds if len(c)] or list(clouds[:1])
    types: dict[str, np.dtype[np.generic]] = {}
    for cloud in filled:
        if cloud.crs != filled[0].crs:
            raise CrsError(
                f"merging points of different reference systems ({filled[0].crs} and {cloud.crs}); "
                "reproject them to one with filters.reprojection first",
                f"座標参照系の異なる点群 ({filled[0].crs} と {cloud.crs}) は結合できません。"
                "先に filters.reprojection で揃えてください。",
            )
        for name, values in cloud.attributes.items():
            types[name] = np.promote_types(types.get(name, values.dtype), values.dtype)
    attributes = {
        name: np.concatenate(
            [c.attributes.get(name, np.zeros(len(c), dtype)).astype(dtype, copy=False) for c in filled]
        )
        for name, dtype in types.items()
    }
    x, y, z = (np.concatenate([getattr(c, axis) for c in filled]) for axis in "xyz")
    return PointCloud(x, y, z, attributes, filled[0].crs, filled[0].vertical_datum)
