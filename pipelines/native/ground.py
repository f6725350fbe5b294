"""``filters.smrf``: the simple morphological filter, as PDAL has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native import expression, kernels
from pipelines.native.columns import column, with_columns
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.errors import InputError, ParameterError
from pointcloud.ground.bands import run_bands

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LOW_SLOPE, LOW_WINDOW = 5.0, 1.0
"""With these the surface turned upside down shows its low outliers (Pingel et al., section 2.3)."""

REACH = 40
"""Cells up to which a gap is filled by looking around; wider ones are filled from a tree."""

MAX_CELLS = 400_000_000


def smrf(options: Mapping[str, Any], _: Report) -> Filter:
    """``filters.smrf``: class 2 for ground and 1 for what is not.

    Ground are the returns looked at (``returns``, without ``ignore``) that lie near a surface of the lowest points,
    from which an opening by growing windows has taken the objects. All other points stay as they are. As in PDAL
    gaps get the mean of the eight nearest cells; of several equally near it is open which one counts.

    References
    ----------
    Pingel, Clarke & McBride (2013), doi:10.1016/j.isprsjprs.2012.12.002; pdal.io, "filters.smrf".
    """
    ignored = [expression.value_range(text)[0] for text in options["ignore"] or []]

    def run(cloud: PointCloud) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        is_kept = ~_in_any(cloud, ignored)
        is_used = _of_returns(cloud, is_kept, options["returns"])
        classes = np.array(cloud.attributes.get("Classification", np.zeros(len(cloud), np.uint8)), dtype=np.uint8)
        corners = np.array([np.inf, np.inf, -np.inf, -np.inf])
        kernels.extent(cloud.x, cloud.y, is_used, corners)
        west, south, east, north = corners.tolist()
        shape = int((north - south) / options["cell"] + 1), int((east - west) / options["cell"] + 1)
        frame = (cloud.x, cloud.y, cloud.z, is_used, west, south, options["cell"])
        surface = _surface(frame, shape, options)
        tolerance = options["threshold"] + options["scalar"] * _slope(surface, options["cell"])
        codes = int(ClassCode.GROUND), int(ClassCode.UNCLASSIFIED)
        run_bands(kernels.near_surface, len(cloud), *frame, surface, tolerance, codes, after=(classes,))
        return with_columns(cloud, {"Classification": classes})

    return run


def _surface(frame: tuple[Any, ...], shape: tuple[int, int], options: Mapping[str, Any]) -> Floats:
    """The provisional terrain: lowest heights of the cells without low outliers, objects and the net."""
    cell = options["cell"]
    if shape[0] * shape[1] > MAX_CELLS:
        raise ParameterError(
            f"filters.smrf: cell {cell:g} m makes {shape[0]} x {shape[1]} cells; allowed are {MAX_CELLS}; take a "
            "larger cell",
            f"filters.smrf: cell {cell:g} m では {shape[0]} x {shape[1]} 格子となり、上限 {MAX_CELLS} を超えます。",
            field="cell",
            value=cell,
        )
    lowest = np.full(shape, np.nan)
    kernels.lowest_of_cells(*frame, lowest)  # type: ignore[call-arg]
    lowest = _filled(lowest)
    is_gap = _standing(-lowest, LOW_SLOPE, LOW_WINDOW, cell)
    netted = lowest
    if options["cut"] > 0:
        step = math.ceil(options["cut"] / cell)
        is_net = np.zeros(shape, dtype=np.bool_)
        is_net[::step], is_net[:, ::step] = True, True
        netted = np.where(is_net, -_eroded(-_eroded(lowest, 2 * step), 2 * step), lowest)
        is_gap |= is_net
    is_gap |= _standing(netted, options["slope"], options["window"], cell)
    return _filled(np.where(is_gap, np.nan, lowest))


def _standing(surface: Floats, slope: float, window: float, cell: float) -> Mask:
    """Cells that an opening by diamonds of 1, 2, ... cells lowers by more than the slope allows from the one before."""
    mask = np.zeros(surface.shape, dtype=np.bool_)
    before, low = surface, surface
    for radius in range(1, math.ceil(window / cell) + 1):
        low = _eroded(low, 1)
        opened = -_eroded(-low, radius)
        mask |= np.abs(before - opened) > slope * cell * radius
        before = opened
    return mask


def _eroded(surface: Floats, radius: int) -> Floats:
    """Minimum over the diamond of ``radius`` cells around each cell."""
    for _ in range(radius):
        out = np.empty_like(surface)
        run_bands(kernels.cross_minima, surface.shape[0], surface, after=(out,), size=surface.size)
        surface = out
    return surface


def _slope(surface: Floats, cell: float) -> Floats:
    """Steepness (m/m) by central differences; a single row or column has none along it."""
    total = np.zeros_like(surface)
    for axis in (0, 1):
        if surface.shape[axis] > 1:
            total += (np.gradient(surface, axis=axis) / cell) ** 2
    steepness: Floats = np.sqrt(total)
    return steepness


def _filled(values: Floats) -> Floats:
    """Each NaN replaced by the mean of the eight nearest known cells; all NaN stays."""
    if not np.isnan(values).any() or np.isnan(values).all():
        return values
    rows, columns = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].reshape(2, -1)
    distance = rows * rows + columns * columns
    order = np.argsort(distance, kind="stable")[: np.count_nonzero(distance <= REACH * REACH)]
    out, n_found = values.copy(), np.zeros(values.shape, dtype=np.int64)
    steps = np.ascontiguousarray(rows[order]), np.ascontiguousarray(columns[order])
    run_bands(kernels.fill_from_nearest, len(values), values, *steps, after=(out, n_found), size=values.size)
    if (n_found < 8).any():
        from scipy.spatial import cKDTree

        known, far = np.argwhere(~np.isnan(values)), np.argwhere(n_found < 8)
        _, nearest = cKDTree(known).query(far, k=min(8, len(known)), workers=-1)
        rows, columns = known.T
        out[tuple(far.T)] = values[rows, columns][nearest].reshape(len(far), -1).mean(axis=1)
    return out


def _in_any(cloud: PointCloud, ranges: list[expression.Range]) -> Mask:
    mask = np.zeros(len(cloud), dtype=np.bool_)
    for limits in ranges:
        mask |= limits.holds(column(cloud, limits.dimension))
    return mask


def _of_returns(cloud: PointCloud, is_kept: Mask, wanted: list[str]) -> Mask:
    """Those of the points kept that are returns of the kinds named; all where the numbers of returns are all zero.

    Raises
    ------
    InputError
        When some numbers of returns are zero and others not, or no point remains.
    """
    if not all(n in cloud.attributes for n in ("ReturnNumber", "NumberOfReturns")):
        return is_kept
    number, total = (cloud.attributes[n].astype(np.uint8, copy=False) for n in ("ReturnNumber", "NumberOfReturns"))
    is_zero = (number == 0) | (total == 0)
    if (is_zero | ~is_kept).all() and not (number[is_kept].any() or total[is_kept].any()):
        return is_kept
    if (is_zero & is_kept).any():
        raise InputError(
            "filters.smrf: ReturnNumber or NumberOfReturns is 0 for some points and not for others; expected 1 or more "
            "for all, or 0 for all",
            "filters.smrf: ReturnNumber または NumberOfReturns が 0 の点とそうでない点が混在しています。"
            "全て 1 以上か、全て 0 にしてください。",
            field="ReturnNumber",
        )
    masks = {
        "only": total == 1,
        "first": (number == 1) & (total > 1),
        "last": (number == total) & (total > 1),
        "intermediate": (number > 1) & (number < total),
    }
    chosen: Mask = np.logical_or.reduce([masks[name] for name in wanted]) & is_kept
    if not chosen.any():
        raise InputError(
            f"filters.smrf: no point is a return of the kind {', '.join(wanted)}; set other 'returns'",
            f"filters.smrf: {', '.join(wanted)} に当たるリターンの点がありません。returns を変更してください。",
            field="returns",
        )
    return chosen
