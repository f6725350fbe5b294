"""The list of trees that detection gives and every forest figure starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.errors import CrsError, InputError

Floats = NDArray[np.float64]

_STEP: Final = 0.1
_EAST_BITS: Final = 26
_NORTH_BITS: Final = 27
_SOUTHMOST: Final = 33_554_432
"""Decimetres below zero from which northings are counted, so that an id fits negative and UTM coordinates alike."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Detected trees, one element a tree, in ascending order of ``id``; all arrays have one length.

    Parameters
    ----------
    id
        uint64, unique, below 2**53 (exact in a spreadsheet or a browser), made from the place of the top by `tree_ids`:
        the same tree has the same id in every tiling and every run over the same points.
    x, y
        Easting and northing of the highest return of the tree in metres of ``crs``.
    height
        Metres of that return above the ground, as measured: pulses that miss the apex make it too low.
    apex_loss
        Metres that the pulses are estimated to have missed of the apex; ``height + apex_loss`` is free of that bias.
    ground_z
        Height of the ground below the top in metres.
    crown_area
        Square metres of the crown seen from above, > 0.
    crown_diameter
        Metres: that of a circle of ``crown_area``.
    crown_base
        Height of the crown's lower end above the ground in metres; NaN where too few returns show it.
    n_returns
        int64, returns inside the crown that lie above the lowest height of a tree.
    confidence
        0 to 1, how surely this is one tree; `pointcloud.forest.attributes` says what it is made of.
    crs
        Reference system of x and y, or None where it is not known.

    Raises
    ------
    InputError
        When lengths differ or ids are not strictly ascending.
    """

    id: NDArray[np.uint64]
    x: Floats
    y: Floats
    height: Floats
    apex_loss: Floats
    ground_z: Floats
    crown_area: Floats
    crown_diameter: Floats
    crown_base: Floats
    n_returns: NDArray[np.int64]
    confidence: Floats
    crs: CRS | None = None

    def __post_init__(self) -> None:
        for name in COLUMNS:
            column = np.ascontiguousarray(getattr(self, name), dtype=DTYPES[name])
            object.__setattr__(self, name, column)
            if column.ndim != 1 or column.shape != self.id.shape:
                raise InputError(
                    f"trees: {name} has shape {column.shape}, id has {self.id.shape}; expected equal lengths",
                    f"樹木一覧の {name} の要素数 {column.shape} が id の {self.id.shape} と一致しません。",
                    field=name,
                )
        if np.any(self.id[1:] <= self.id[:-1]):
            raise InputError(
                "trees: ids are not strictly ascending; sort the trees by id and drop those given twice",
                "樹木一覧の id が昇順でないか重複しています。id で並べ替え、重複を除いてください。",
                field="id",
            )

    def __len__(self) -> int:
        return int(self.id.size)

    def take(self, selection: NDArray[np.bool_]) -> Trees:
        """The trees that a mask selects."""
        return Trees(**{name: getattr(self, name)[selection] for name in COLUMNS}, crs=self.crs)

    @staticmethod
    def concatenate(parts: Sequence[Trees]) -> Trees:
        """All trees of the parts, by ascending id; no tree may stand in two parts.

        Raises
        ------
        CrsError
            When the reference systems differ.
        InputError
            For an empty sequence, or when an id comes twice.
        """
        if not parts:
            raise InputError("trees: no lists to join", "結合する樹木一覧がありません。")
        if any(part.crs != parts[0].crs for part in parts):
            raise CrsError("trees: the lists' reference systems differ", "樹木一覧の座標参照系が一致しません。")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
        order = np.argsort(joined["id"], kind="stable")
        return Trees(**{name: column[order] for name, column in joined.items()}, crs=parts[0].crs)


COLUMNS: Final = tuple(f.name for f in fields(Trees) if f.name != "crs")
"""Names of the arrays of `Trees`, in order."""

DTYPES: Final[dict[str, type[np.generic]]] = {
    name: {"id": np.uint64, "n_returns": np.int64}.get(name, np.float64) for name in COLUMNS
}
"""Type of each array of `Trees`."""


def tree_ids(x: Floats, y: Floats) -> NDArray[np.uint64]:
    """Ids of tops at these places, uint64 of shape (n,), below 2**53.

    The place in decimetres, easting in the upper 26 bits and northing in the lower 27: tops a decimetre apart or more
    in x or y never share an id within 6,700 km by 13,400 km, and an id says where its tree stands.

    Parameters
    ----------
    x, y
        Places of the tops in metres, shape (n,), finite.
    """
    east = np.floor(x / _STEP).astype(np.int64) + (1 << (_EAST_BITS - 1))
    north = np.floor(y / _STEP).astype(np.int64) + _SOUTHMOST
    east, north = east & ((1 << _EAST_BITS) - 1), north & ((1 << _NORTH_BITS) - 1)
    return ((east << _NORTH_BITS) | north).astype(np.uint64)
