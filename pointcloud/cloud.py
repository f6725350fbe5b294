"""The point cloud that flows through every room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.errors import CrsError, InputError


class VerticalDatum(StrEnum):
    """What heights refer to. EPSG knows JGD2024 heights only from v12.055, so tengun keeps its own list."""

    JGD2000 = "JGD2000"
    JGD2011 = "JGD2011"
    JGD2024 = "JGD2024"
    ELLIPSOIDAL = "ellipsoidal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class PointCloud:
    """Points with their attributes, checked once, here; two clouds are equal when they are one object.

    Parameters
    ----------
    x, y, z
        Easting, northing and height in metres of ``crs``: float64, one-dimensional, contiguous, finite.
    attributes
        PDAL dimension name -> array of the same length, in its native type.
    crs
        Horizontal reference system, or None where it is not known.
    vertical_datum
        What ``z`` refers to.

    Raises
    ------
    InputError
        When lengths differ, an array is not one-dimensional, or a coordinate is not finite.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    attributes: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    crs: CRS | None = None
    vertical_datum: VerticalDatum = VerticalDatum.UNKNOWN

    def __post_init__(self) -> None:
        for name in ("x", "y", "z"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)
            with np.errstate(invalid="ignore"):  # infinities of both signs
                finite = bool(np.isfinite(values.sum()))
            n_bad = 0 if finite else int(np.count_nonzero(~np.isfinite(values)))
            if n_bad:
                first = int(np.flatnonzero(~np.isfinite(values))[0])
                raise InputError(
                    f"point cloud: {n_bad} {name} coordinates are not finite, the first at point {first}; "
                    "remove them before processing",
                    f"点群の {name} 座標に有限でない値が {n_bad} 点あります (最初は {first} 番目)。除去してください。",
                    field=name,
                    value=n_bad,
                )
        for name, column in (("y", self.y), ("z", self.z), *self.attributes.items()):
            if column.shape != self.x.shape or column.ndim != 1:
                raise InputError(
                    f"point cloud: {name} has shape {column.shape}, x has {self.x.shape}; expected equal lengths",
                    f"点群の {name} の要素数 {column.shape} が x の {self.x.shape} と一致しません。",
                    field=name,
                )

    def __len__(self) -> int:
        return int(self.x.size)

    @property
    def bounds(self) -> Bounds:
        """Extent of the points, closed; an empty cloud has none.

        Raises
        ------
        InputError
            For an empty cloud.
        """
        if len(self) == 0:
            raise InputError("point cloud: no points, so no extent", "点が 0 点のため範囲を求められません。")
        return Bounds(float(self.x.min()), float(self.y.min()), float(self.x.max()), float(self.y.max()))

    def take(self, selection: NDArray[np.bool_] | NDArray[np.integer] | slice) -> PointCloud:
        """The points that a mask, an index array or a slice (which copies nothing) selects, in its order."""
        picked = {name: column[selection] for name, column in self.attributes.items()}
        return PointCloud(
            self.x[selection], self.y[selection], self.z[selection], picked, self.crs, self.vertical_datum
        )

    def with_attributes(self, **columns: NDArray[np.generic]) -> PointCloud:
        """The same points with attributes added or replaced."""
        return PointCloud(self.x, self.y, self.z, {**self.attributes, **columns}, self.crs, self.vertical_datum)

    @staticmethod
    def concatenate(clouds: Sequence[PointCloud]) -> PointCloud:
        """One cloud of all points, in order; attributes that every cloud has. Of one cloud nothing is copied.

        Raises
        ------
        CrsError
            When the reference systems differ.
        InputError
            For an empty sequence.
        """
        if not clouds:
            raise InputError("concatenate: no clouds given", "結合する点群がありません。")
        first = clouds[0]
        if len(clouds) == 1:
            return first
        for cloud in clouds[1:]:
            if cloud.crs != first.crs or cloud.vertical_datum != first.vertical_datum:
                raise CrsError(
                    f"concatenate: reference systems differ ({first.crs} / {cloud.crs})",
                    f"点群の座標参照系が一致しません ({first.crs} / {cloud.crs})。",
                )
        names = [n for n in first.attributes if all(n in c.attributes for c in clouds)]
        return PointCloud(
            np.concatenate([c.x for c in clouds]),
            np.concatenate([c.y for c in clouds]),
            np.concatenate([c.z for c in clouds]),
            {n: np.concatenate([c.attributes[n] for c in clouds]) for n in names},
            first.crs,
            first.vertical_datum,
        )
