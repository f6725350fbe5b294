"""Stem volume from diameter and height: the equations behind the 立木幹材積表 (林野庁 1970).

The diameter is that at 1.2 m above the ground. The equations change at certain diameters and do not meet there; the
joining corrections of Hosoda et al. (2010) smooth the steps.

References
----------
林野庁計画課 (1970). 立木幹材積表 東日本編・西日本編. 日本林業調査会.
細田和男・光田靖・家原敏郎 (2010). 現行立木幹材積表と材積式による計算値との相違およびその修正方法.
森林計画学会誌 44:23-39. doi:10.20659/jjfp.44.2_23
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointcloud.errors import ParameterError
from pointcloud.forest.tables import reading

Floats = NDArray[np.float64]

_WINDOWS: Final = {"3w": 3, "5w": 5}

_SUGI_LINES: Final = (
    (11.5, 36.0, 70.0), (12.5, 36.0, 68.0), (14.5, 36.0, 62.0), (16.5, 36.0, 60.0), (18.5, 40.0, 60.0),
    (19.5, 40.0, 58.0), (20.5, 40.0, 54.0), (21.5, 40.0, 52.0), (22.5, 40.0, 50.0),
)  # fmt: skip
"""東京スギ: below a height (m) the volume runs straight between two diameters (cm) (Hosoda et al. 2010)."""

_SUGI_BORDER: Final = 40.0
"""A line that starts here starts from the mean of the equations at this diameter and 2 cm to both sides."""


@dataclass(frozen=True, slots=True)
class VolumeTable:
    """One table: its rows by ascending least diameter, cm; coefficients (n, 4), the fourth used by the linear form."""

    name: str
    is_linear: bool
    joining: str
    lower: Floats
    coefficients: Floats


@cache
def volume_tables() -> dict[str, VolumeTable]:
    """The tables of ``tables/stem_volume.csv`` by name, such as 東京スギ."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in reading.packaged("stem_volume.csv").rows:
        rows.setdefault(row.cells["table"], []).append(dict(row.cells))
    return {name: _table(name, group) for name, group in rows.items()}


def _table(name: str, rows: list[dict[str, str]]) -> VolumeTable:
    coefficients = np.array([[float(r[c] or 0.0) for c in "abcd"] for r in rows])
    lower = np.array([float(r["d_lower"]) for r in rows])
    return VolumeTable(name, rows[0]["form"] == "linear", rows[0]["joining"], lower, coefficients)


def volume_table(name: str) -> VolumeTable:
    """A table by its name.

    Raises
    ------
    ParameterError
        When there is none; the message lists those that exist.
    """
    tables = volume_tables()
    if name not in tables:
        raise ParameterError(
            f"stem volume: no table '{name}'; there are {', '.join(tables)}",
            f"立木幹材積表 '{name}' はありません。使えるのは {', '.join(tables)} です。",
            value=name,
            candidates=list(tables),
        )
    return tables[name]


def stem_volume(table: VolumeTable, dbh_cm: ArrayLike, height_m: ArrayLike, is_joined: bool = True) -> Floats:
    """Stem volume in m3, in the shape that the inputs broadcast to; NaN where one is NaN, 0 where one is not positive.

    Parameters
    ----------
    table
        From `volume_table`.
    dbh_cm
        Diameter at 1.2 m in centimetres.
    height_m
        Height of the tree in metres.
    is_joined
        Whether the steps between equations are smoothed; without it each equation holds up to its border.
    """
    given_d, given_h = np.broadcast_arrays(np.asarray(dbh_cm, np.float64), np.asarray(height_m, np.float64))
    shape = given_d.shape
    d, h = given_d.ravel(), given_h.ravel()
    volume = np.where(np.isnan(d) | np.isnan(h), np.nan, 0.0)
    is_tree = (d > 0.0) & (h > 0.0)
    joined = _joined if is_joined else _raw
    volume[is_tree] = joined(table, d[is_tree], h[is_tree])
    return volume.reshape(shape)


def _raw(table: VolumeTable, d: Floats, h: Floats) -> Floats:
    a, b, c, e = table.coefficients[np.searchsorted(table.lower, d, side="right") - 1].T
    if table.is_linear:
        square = (d / 100.0) ** 2
        return np.asarray(a * h + b * square + c * square * h + e)
    return np.asarray(10.0 ** (a + b * np.log10(d) + c * np.log10(h)))


def _joined(table: VolumeTable, d: Floats, h: Floats) -> Floats:
    volume = _raw(table, d, h)
    if table.joining in _WINDOWS:
        window = _WINDOWS[table.joining]
        for border in table.lower[1:]:
            near = np.abs(d - border) < window
            volume[near] = _across(table, d[near], h[near], float(border), window)
    elif table.joining == "tokyo-sugi":
        _straighten_sugi(table, d, h, volume)
    return volume


def _across(table: VolumeTable, d: Floats, h: Floats, border: float, window: int) -> Floats:
    """Linear between nodes 2 cm apart from border - window to border + window: moving means, raw at both ends."""
    first = border - window
    left = np.clip(np.floor((d - first) / 2.0), 0, window - 1)
    at_left, at_right = (_node(table, first + 2.0 * (left + i), h, border, window) for i in (0, 1))
    return np.asarray(at_left + (at_right - at_left) * (d - first - 2.0 * left) / 2.0)


def _node(table: VolumeTable, d: Floats, h: Floats, border: float, window: int) -> Floats:
    is_end = np.abs(d - border) >= window
    return np.where(is_end, _raw(table, d, h), _moving_mean(table, d, h, window))


def _moving_mean(table: VolumeTable, d: Floats, h: Floats, window: int) -> Floats:
    steps = 2.0 * np.arange(-(window // 2), window // 2 + 1)
    return np.asarray(np.mean([_raw(table, d + step, h) for step in steps], axis=0))


def _straighten_sugi(table: VolumeTable, d: Floats, h: Floats, volume: Floats) -> None:
    below = 0.0
    for height, d0, d1 in _SUGI_LINES:
        on = (h >= below) & (h < height) & (d >= d0) & (d <= d1)
        below = height
        start, end = np.full(int(on.sum()), d0), np.full(int(on.sum()), d1)
        v0 = _moving_mean(table, start, h[on], 3) if d0 == _SUGI_BORDER else _raw(table, start, h[on])
        v1 = _raw(table, end, h[on])
        volume[on] = v0 + (v1 - v0) * (d[on] - d0) / (d1 - d0)
