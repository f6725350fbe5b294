"""Parameters of the ground filter and how they follow from the survey."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError, UnitsError
from pointcloud.ground.kernels import block_keys
from pointcloud.ground.scales import (
    BLOCK_POINTS,
    COARSEST,
    DECK_EDGE,
    DETAIL_REACH,
    DETAIL_SPACING,
    HIGH_BLOCK,
    ISLAND_EXTENT,
    KEY_REACH,
    LARGEST_BLOCK,
    LOW_REACH,
    LOW_ROUNDS,
    NEAR_REACH,
    PIT_WIDTH,
    REACH,
    RESTORED_POINTS,
    ROUGHNESS_REACH,
    SPARSE_BLOCK_POINTS,
    SPREAD,
)

Method = Literal["auto", "smrf"]

NEAR_CELLS = DETAIL_REACH + REACH + 1
"""Cells around a tile's points within which each point counts: as far as the fine surface and the confidence look."""


@dataclass(frozen=True, slots=True)
class GroundParameters:
    """What the filter works with; PDAL's names, metres.

    Parameters
    ----------
    method
        "auto" or "smrf".
    cell
        Cell of the working grid in metres.
    window
        Radius of the largest opening in metres: objects up to about twice as wide are removed.
    slope
        Rise over run that an opening tolerates.
    threshold
        Height above the surface up to which a point is ground, on level ground, in metres.
    scalar
        Increase of the threshold with the slope of the surface, metres per (m/m); 0 by default on dense surveys,
        where the threshold follows the measured noise of the ground instead.
    spacing
        Mean distance of neighbouring points in metres.
    """

    method: Method
    cell: float
    window: float
    slope: float
    threshold: float
    scalar: float
    spacing: float

    @property
    def is_dense(self) -> bool:
        """Whether the fine surface can be fitted."""
        return self.method == "auto" and _is_dense(self.spacing, self.cell)

    def as_dict(self) -> dict[str, float | str]:
        """Name -> value."""
        return {
            name: getattr(self, name)
            for name in ("method", "cell", "window", "slope", "threshold", "scalar", "spacing")
        }


def _is_dense(spacing: float, cell: float) -> bool:
    return spacing <= DETAIL_SPACING * cell


def check_units(cloud: PointCloud) -> None:
    """Refuse degrees and feet.

    Raises
    ------
    UnitsError
        When the CRS is geographic or its unit is not the metre, or the coordinates without CRS look like degrees.
    """
    if cloud.crs is not None:
        unit = cloud.crs.axis_info[0].unit_name if cloud.crs.axis_info else "metre"
        if unit not in ("metre", "meter"):
            raise UnitsError(
                f"ground filter: the coordinates of {cloud.crs.name} are in {unit}; expected metres; "
                "reproject the cloud to a projected system in metres first (heights too)",
                f"地盤フィルタ: 座標系 {cloud.crs.name} の単位は {unit} です。"
                "メートル単位の投影座標系に変換してください (標高も)。",
                value=unit,
            )
        return
    if len(cloud) < 2:
        return
    bounds = cloud.bounds
    in_japan = bounds.x_min >= 122.0 and bounds.x_max <= 154.0 and bounds.y_min >= 20.0 and bounds.y_max <= 46.0
    if in_japan and 0.0 < max(bounds.width, bounds.height) < 0.5:
        raise UnitsError(
            f"ground filter: x {bounds.x_min:.6f}-{bounds.x_max:.6f} and y {bounds.y_min:.6f}-{bounds.y_max:.6f} look "
            "like degrees; expected metres; set the cloud's CRS or reproject it",
            f"地盤フィルタ: 座標 x {bounds.x_min:.6f}~{bounds.x_max:.6f}、y {bounds.y_min:.6f}~{bounds.y_max:.6f} は"
            "度のようです。メートル単位の平面直角座標に変換してください。",
            value=list(bounds.as_tuple()),
        )


@dataclass(frozen=True, slots=True)
class Occupied:
    """What a part of a survey adds to the spacing of its points.

    Parameters
    ----------
    n_points
        How many points it has.
    cells
        Keys, int64, of the cells of 4 m that hold any; a cell has the same key in every part.
    """

    n_points: int
    cells: NDArray[np.int64]


def occupied(cloud: PointCloud) -> Occupied:
    """The points of a part of a survey and their cells.

    Raises
    ------
    UnitsError
        When the cloud is in degrees or feet.
    """
    check_units(cloud)
    return Occupied(len(cloud), _occupied(cloud) if len(cloud) else np.empty(0, dtype=np.int64))


def survey_parameters(
    clouds: PointCloud | Iterable[PointCloud | Occupied],
    *,
    method: Method = "auto",
    cell: float | None = None,
    window: float | None = None,
    slope: float | None = None,
    threshold: float | None = None,
    scalar: float | None = None,
) -> GroundParameters:
    """The parameters of a survey from all of its clouds (tiles), to be passed to each tile's ``classify``.

    Parameters
    ----------
    clouds
        The survey, whole or as tiles that are read one after the other, or what `occupied` found in them.
    method, cell, window, slope, threshold, scalar
        Overrides; None: from the data.

    Raises
    ------
    ParameterError
        When an override is not a positive finite number.
    UnitsError
        When the cloud is in degrees or feet.
    """
    given = {"cell": cell, "window": window, "slope": slope, "threshold": threshold, "scalar": scalar}
    for name, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ParameterError(
                f"ground filter: {name} {value}; expected a positive number",
                f"地盤フィルタの {name} {value} が不正です。正の値を指定してください。",
                field=name,
                value=value,
            )
    spacing = _spacing([clouds] if isinstance(clouds, PointCloud) else clouds)
    width, auto = cell or _cell_for(spacing), method == "auto"
    usual = (0.15, 0.5, 1.25) if not auto else (0.10, *_tolerance(spacing, width))
    return GroundParameters(
        method, width, window or 18.0, slope or usual[0], threshold or usual[1], scalar or usual[2], spacing
    )


def _tolerance(spacing: float, cell: float) -> tuple[float, float]:
    """Threshold and scalar: the fine surface of a dense survey needs no allowance for its slope."""
    if _is_dense(spacing, cell):
        return 0.15, 0.0
    coarse = min(1.0, spacing)
    return 0.15 + 0.25 * coarse, 0.1 + 0.7 * coarse


def _spacing(clouds: Iterable[PointCloud | Occupied]) -> float:
    """Mean distance of neighbouring points in metres over the cells of 4 m that have any; 1 m for an empty survey."""
    n_points, cells = 0, [np.empty(0, dtype=np.int64)]
    for cloud in clouds:
        part = cloud if isinstance(cloud, Occupied) else occupied(cloud)
        n_points += part.n_points
        cells.append(part.cells)
    n_cells = np.unique(np.concatenate(cells)).size  # a cell that two tiles share counts once
    return 4.0 * math.sqrt(n_cells / n_points) if n_points else 1.0


def _occupied(cloud: PointCloud) -> NDArray[np.int64]:
    """Keys of the cells of 4 m that hold a point, the same for a cell whatever cloud it is found in."""
    bounds = cloud.bounds
    west, south = math.floor(bounds.x_min / 4.0), math.floor(bounds.y_min / 4.0)
    width, height = math.floor(bounds.x_max / 4.0) - west + 1, math.floor(bounds.y_max / 4.0) - south + 1
    keys = np.empty(len(cloud), dtype=np.int64)
    block_keys(cloud.x, cloud.y, 4.0, west, south, width, keys)
    if width * height > 100_000_000:  # stray points far away: sort instead of a table
        found = np.unique(keys)
    else:
        seen = np.zeros(width * height, dtype=bool)
        seen[keys] = True
        found = np.flatnonzero(seen)
    return (found // width + south) * 2**32 + (found % width + west)


def _cell_for(spacing: float) -> float:
    return 1.0 if spacing < 4.0 else 2.0


def required_halo(parameters: GroundParameters) -> float:
    """Metres of neighbouring points that a tile needs on each side so that its core equals the whole survey's."""
    cell, window = parameters.cell, math.ceil(parameters.window / parameters.cell)
    fit = 2 * (2 * COARSEST - 1)
    outliers = LOW_ROUNDS * (2 * 2 * COARSEST + LOW_REACH) + HIGH_BLOCK * (1 + LOW_ROUNDS)
    objects = max(2 * window + 3 * COARSEST, 4 * window + NEAR_REACH)
    regions = (
        ISLAND_EXTENT + SPREAD + 2 * restored_area(parameters.spacing, cell) + DECK_EDGE + PIT_WIDTH + 5 * NEAR_REACH
    )
    rounds = block_sizes(parameters.spacing, cell)
    keys = fit + ROUGHNESS_REACH + sum(fit + math.ceil((KEY_REACH + 1) * size / cell) for size in rounds)
    return float((outliers + objects + 4 * fit + regions + keys + DETAIL_REACH + REACH) * cell)


def near_halo(parameters: GroundParameters) -> float:
    """Metres of neighbouring points within which each one counts; beyond, those of `thinning.far_points` do."""
    return float(NEAR_CELLS * parameters.cell) if parameters.method == "auto" else required_halo(parameters)


def restored_area(spacing: float, cell: float) -> int:
    """Raster cells that ``RESTORED_POINTS`` points take on average."""
    return math.ceil(RESTORED_POINTS * max(1.0, (spacing / cell) ** 2))


def block_sizes(spacing: float, cell: float) -> list[float]:
    """Metres across the blocks of the key points' rounds, the largest first, the working cell last."""
    size = spacing * math.sqrt(BLOCK_POINTS if _is_dense(spacing, cell) else SPARSE_BLOCK_POINTS)
    sizes = [max(min(size, LARGEST_BLOCK**2 / size), cell)]
    while sizes[-1] > cell:
        sizes.append(max(sizes[-1] / 2.0, cell))
    return sizes
