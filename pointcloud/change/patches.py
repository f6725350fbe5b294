"""Pieces of ground that certainly rose or sank, as polygons with their figures, and the balance between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString, MultiPolygon, Polygon

from pointcloud.change.detection import PROOF
from pointcloud.change.rectification import NORMAL_95, window_variance
from pointcloud.change.stable import odd_cells, window_mean
from pointcloud.change.uncertainty import ErrorModel, mask_parts
from pointcloud.errors import ParameterError
from pointcloud.grid import Raster

OUTLINE_WINDOW = 3.0
"""Edge (m) of the window whose mean change decides where a patch ends."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChangePatch:
    """A contiguous significant change.

    Parameters
    ----------
    kind
        "source" where the ground sank, "deposit" where it rose.
    polygon
        Outline along cell edges, in the raster's CRS.
    area_m2, volume_m3
        Volume is positive for both kinds.
    mean_depth_m, largest_depth_m
        Positive for both kinds; the largest is that of a window's mean, since single cells are noisy.
    sigma_m3
        Standard error of the volume.
    """

    kind: Literal["source", "deposit"]
    polygon: Polygon | MultiPolygon
    area_m2: float
    volume_m3: float
    mean_depth_m: float
    largest_depth_m: float
    sigma_m3: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the polygon."""
        names = ("kind", "area_m2", "volume_m3", "mean_depth_m", "largest_depth_m", "sigma_m3")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Balance:
    """What left and what arrived, m3, with the standard error of the difference.

    ``lost_m3`` is sources less deposits: material that left the area, or changed its density.
    """

    source_m3: float
    deposit_m3: float
    lost_m3: float
    sigma_m3: float


@dataclass(frozen=True, slots=True)
class Reach:
    """Sum over a stretch of a stream line: from and to (m), cut, fill, and the balance of all stretches so far (m3)."""

    from_m: float
    to_m: float
    cut_m3: float
    fill_m3: float
    carried_m3: float


def change_patches(change: Raster, error: ErrorModel) -> list[ChangePatch]:
    """Patches by falling volume: connected cells of one sign whose surroundings differ from zero beyond noise.

    Parameters
    ----------
    change
        After minus before in metres, NaN where void.
    error
        From ``uncertainty.error_model`` of the same change.
    """
    mean, is_beyond = _outlines(change, error)
    found: list[ChangePatch] = []
    for sign in (-1, 1):
        core = np.zeros(change.grid.shape, dtype=np.bool_)
        for patch in error.patches:
            if patch.is_certain and patch.sign == sign:
                core[patch.grid.window_in(change.grid)] |= patch.core
        labels, _ = ndimage.label(is_beyond & (sign * mean > 0.0), structure=np.ones((3, 3)))
        wanted = set(np.unique(labels[core]).tolist()) - {0}
        for number, box in enumerate(ndimage.find_objects(labels), 1):
            if number in wanted:
                piece = _piece(change, error, labels[box] == number, box, sign * mean[box], sign)
                # specks in the margin of a certain patch must stand for themselves
                if piece.volume_m3 > PROOF * piece.sigma_m3:
                    found.append(piece)
    return sorted(found, key=lambda p: (-p.volume_m3, p.polygon.bounds))


def mass_balance(patches: list[ChangePatch]) -> Balance:
    """Sources against deposits; the patches' errors are taken as independent of each other."""
    source = sum(p.volume_m3 for p in patches if p.kind == "source")
    deposit = sum(p.volume_m3 for p in patches if p.kind == "deposit")
    sigma = float(np.sqrt(sum(p.sigma_m3**2 for p in patches)))
    return Balance(source, deposit, source - deposit, sigma)


def chainage(change: Raster, error: ErrorModel, line: LineString, step: float, width: float) -> list[Reach]:
    """Cut and fill along a stream line, in stretches, with what each stretch hands on.

    Parameters
    ----------
    change, error
        Ground where change is certain is counted.
    line
        From the top downwards.
    step
        Length of a stretch in metres.
    width
        Cells within this distance (m) of the line count, each in the stretch of its nearest point.

    Raises
    ------
    ParameterError
        When step or width is not positive.
    """
    if not (step > 0.0 and width > 0.0):
        raise ParameterError(
            f"chainage: step {step} m, width {width} m; expected positive numbers of metres",
            f"追加距離図: 区間長 {step} m、幅 {width} m が不正です。正の値 (m) を指定してください。",
            value=[step, width],
        )
    rows, columns = np.nonzero(error.region & np.isfinite(change.values))
    x, y = change.grid.centres()
    points = shapely.points(x[columns], y[rows])
    is_near = shapely.distance(points, line) <= width
    place = shapely.line_locate_point(line, points[is_near])
    volume = change.values[rows[is_near], columns[is_near]] * change.grid.cell_area
    n_steps = max(1, int(np.ceil(line.length / step)))
    index = np.minimum((place / step).astype(np.int64), n_steps - 1)
    cut, fill = (np.bincount(index, np.maximum(s * volume, 0.0), n_steps) for s in (-1.0, 1.0))
    carried = np.cumsum(cut - fill)
    return [
        Reach(i * step, min((i + 1) * step, float(line.length)), float(cut[i]), float(fill[i]), float(carried[i]))
        for i in range(n_steps)
    ]


def _outlines(change: Raster, error: ErrorModel) -> tuple[Floats, Mask]:
    """Window means, and the cells of certain ground where these exceed their own noise."""
    size = odd_cells(OUTLINE_WINDOW, change.grid.cell)
    own = float(np.sqrt(window_variance(change, error.sigma.raster, error.stable, size)))
    mean = np.nan_to_num(window_mean(change.values, size))
    sigma = np.nan_to_num(error.sigma.raster.values)
    known = np.isfinite(change.values)
    return mean, error.region & known & (np.abs(mean) > NORMAL_95 * own * sigma)


def _piece(
    change: Raster, error: ErrorModel, mask: Mask, box: tuple[slice, slice], depth: Floats, sign: int
) -> ChangePatch:
    from rasterio import features
    from rasterio.transform import Affine

    outer = change.grid
    west, north = outer.west + box[1].start * outer.cell, outer.north - box[0].start * outer.cell
    transform = Affine(outer.cell, 0.0, west, 0.0, -outer.cell, north)
    shapes = features.shapes(mask.astype(np.uint8), mask=mask, connectivity=8, transform=transform)
    polygon = shapely.union_all([shapely.make_valid(shapely.geometry.shape(s)) for s, _ in shapes])
    area = float(np.count_nonzero(mask)) * outer.cell_area
    volume = abs(float(np.sum(change.values[box][mask])) * outer.cell_area)
    sigma = mask_parts(change, error, mask, box).total
    kind: Literal["source", "deposit"] = "source" if sign < 0 else "deposit"
    return ChangePatch(kind, polygon, area, volume, volume / area, float(np.max(depth[mask])), sigma)
