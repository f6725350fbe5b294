"""Shift between two surveys, found on ground that did not move, and taken out when it is real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointcloud.change.registration import Motion, level, register
from pointcloud.change.stable import fit_trend, mean_slope, stable_ground
from pointcloud.cloud import PointCloud
from pointcloud.errors import OverlapError, ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.notes import Note

Mode = Literal["auto", "none"]

MAX_SHIFT = 2.0
"""Largest shift (m) that is a matter of survey accuracy; more is a mistake in the coordinates."""

STABLE_CELLS = 600_000
"""Cells on which stable ground is looked for; larger rasters are looked at in block means."""

LEAST_STABLE_AREA = 500.0
"""Square metres of stable ground below which nothing is estimated."""

LEAST_STABLE_SHARE = 0.2
"""Share of the common area below which a note says so: then stable ground may be the minority that moved alike."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the later survey lies relative to the earlier one, and what was done about it.

    Parameters
    ----------
    method
        How it was found, or "none".
    shift, shift_sigma
        (east, north, up) of the later survey relative to the earlier, and standard errors, metres: what was found,
        applied or not.
    correction
        The part of the shift that is significant, which ``apply`` takes out.
    tilt, tilt_sigma, pivot
        Metres of height a metre towards east and north (zero where not significant), standard errors, and easting
        and northing of the place where the tilt adds nothing.
    applied
        Whether any of shift and tilt is significant, so that ``apply`` changes points.
    residual_before_m, residual_after_m
        Robust spread about zero of the difference on stable ground, before and after taking out the shift; NaN
        where nothing was estimated.
    stable_area_m2
        Area of ground found stable.
    stable
        1 stable, 0 changed, NaN void; None where nothing was estimated.
    grid_check
        Shift by the method of Nuth & Kääb on the grids, metres; NaN where nothing was estimated.
    notes
        What a user should know.
    """

    method: str
    shift: Floats
    shift_sigma: Floats
    correction: Floats
    tilt: Floats
    tilt_sigma: Floats
    pivot: tuple[float, float]
    applied: bool
    residual_before_m: float
    residual_after_m: float
    stable_area_m2: float
    stable: Raster | None
    grid_check: Floats
    notes: tuple[Note, ...]

    @property
    def left(self) -> Floats | None:
        """(east, north, up): what may be left, metres: standard errors, and a shift that was found but not taken out.

        None where nothing was estimated.
        """
        if self.stable is None:
            return None
        kept = np.where(self.correction == 0.0, self.shift, 0.0)
        return np.hypot(np.nan_to_num(self.shift_sigma), kept)

    def apply(self, cloud: PointCloud) -> PointCloud:
        """The later survey's points brought onto the earlier survey; unchanged where ``applied`` is false."""
        if not self.applied:
            return cloud
        tilted = self.tilt[0] * (cloud.x - self.pivot[0]) + self.tilt[1] * (cloud.y - self.pivot[1])
        east, north, up = self.correction
        return replace(cloud, x=cloud.x - east, y=cloud.y - north, z=cloud.z - up - tilted)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, unrounded; None for what was not estimated."""
        is_estimated = self.method != "none"
        values = {f"d{axis}_m": float(v) if is_estimated else None for axis, v in zip("xyz", self.shift, strict=True)}
        return {
            **values,
            "applied": self.applied,
            "method": self.method,
            "correction_m": [float(v) for v in self.correction] if is_estimated else None,
            "sigma_m": _json(self.shift_sigma) if is_estimated else None,
            "tilt": {
                "east_m_per_m": float(self.tilt[0]),
                "north_m_per_m": float(self.tilt[1]),
                "sigma_m_per_m": _json(self.tilt_sigma),
                "pivot": list(self.pivot),
                "applied": self.applied and bool(np.any(self.tilt)),
            }
            if is_estimated
            else None,
            "residual_before_m": self.residual_before_m if is_estimated else None,
            "residual_after_m": self.residual_after_m if is_estimated else None,
            "stable_area_m2": self.stable_area_m2,
            "grid_check_m": _json(self.grid_check) if is_estimated else None,
            "notes": [note.as_dict() for note in self.notes],
        }


def _json(values: Floats) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def align(
    before: PointCloud,
    after: PointCloud,
    before_terrain: Raster,
    after_terrain: Raster,
    mode: Mode = "auto",
    max_shift: float = MAX_SHIFT,
) -> Alignment:
    """Shift and tilt of ``after`` relative to ``before``.

    A first estimate comes from the grids; cells that then still differ are change and are left out; point-to-plane
    ICP on the ground points of what remains gives the horizontal shift and the tilt, and the terrains themselves give
    the vertical shift, since it is they whose difference is summed; leaving out blocks of ground in turn gives
    standard errors. Each part is applied where Hotelling's test rejects "none" at 99 %.

    Parameters
    ----------
    before, after
        Ground points, metres, one CRS: all of class 2 rather than the few that carry the terrain, since many points
        tell the horizontal shift better, and low plants lift both surveys' points alike in all directions.
    before_terrain, after_terrain
        Their terrains on one grid, NaN where void.
    mode
        "none": nothing is estimated.
    max_shift
        Largest length of the shift in metres.

    Raises
    ------
    OverlapError
        When the terrains share no cell with a height.
    ParameterError
        When the shift is longer than ``max_shift``.
    """
    if mode == "none":
        return _nothing("none", before_terrain.grid, ())
    change = Raster(after_terrain.values - before_terrain.values, before_terrain.grid)
    if not np.isfinite(change.values).any():
        raise OverlapError(
            "alignment: no place has ground in both surveys; check that both are of the same place",
            "位置合わせ: 前後の両方に地盤がある場所がありません。同じ場所の測量か確認してください。",
        )
    stable, start = _find_stable(before_terrain, after_terrain, max_shift)
    area = float(np.count_nonzero(stable)) * change.grid.cell_area
    on_stable = [_points_on(cloud, stable, change.grid, s) for cloud, s in ((before, np.zeros(3)), (after, start))]
    if area < LEAST_STABLE_AREA or min(len(c) for c in on_stable) < 100:
        return _nothing("none", change.grid, (_too_little(area),))
    x, y = change.grid.centres()
    pivot = (float(x.mean()), float(y.mean()))
    motion = register(on_stable[0], on_stable[1], start, pivot, _block(area))
    motion = _levelled(before_terrain, after_terrain, stable, motion, pivot, _block(area))
    _refuse_long(motion.correction, max_shift)
    return _result(before_terrain, after_terrain, stable, motion, pivot)


def _find_stable(before: Raster, after: Raster, max_shift: float) -> tuple[NDArray[np.bool_], Floats]:
    """Stable cells and the shift of the grids on them; each is found with the help of the other."""
    known = np.isfinite(after.values - before.values)
    step = int(np.ceil(np.sqrt(known.size / STABLE_CELLS)))
    before, after = _coarse(before, step), _coarse(after, step)
    shift = np.zeros(3)
    usable = np.isfinite(after.values - before.values)
    for _ in range(4):
        moved = resampled(after, shift)
        change = Raster(moved.values - before.values, before.grid)
        slope = mean_slope(before, moved)
        trend = fit_trend(change, slope, usable, with_tilt=True)
        shift = shift + trend.shift
        _refuse_long(shift, max_shift)
        usable = stable_ground(_without(change, slope, trend.shift, trend.tilt, trend.pivot))
    fine = usable.repeat(step, axis=0).repeat(step, axis=1)[: known.shape[0], : known.shape[1]]
    return fine & known, shift


def _coarse(surface: Raster, step: int) -> Raster:
    """Means of blocks of ``step`` x ``step`` cells, on a grid of its own; NaN where any cell is."""
    if step == 1:
        return surface
    rows, columns = (-(-n // step) for n in surface.grid.shape)
    padded = np.full((rows * step, columns * step), np.nan)
    padded[: surface.grid.n_rows, : surface.grid.n_columns] = surface.values
    means = padded.reshape(rows, step, columns, step).mean(axis=(1, 3))
    return Raster(means, Grid(0, 0, columns, rows, step * surface.grid.cell))


def _without(
    change: Raster, slope: tuple[Floats, Floats], shift: Floats, tilt: Floats, pivot: tuple[float, float]
) -> Raster:
    """A difference less what a shift and a tilt explain; cells without a slope keep their shift's vertical part."""
    x, y = change.grid.centres()
    east, north = (np.nan_to_num(s) for s in slope)
    explained = shift[2] - shift[0] * east - shift[1] * north
    explained = explained + tilt[0] * (x - pivot[0])[None, :] + tilt[1] * (y - pivot[1])[:, None]
    return Raster(change.values - explained, change.grid)


def resampled(surface: Raster, shift: Floats) -> Raster:
    """A surface moved back by ``shift`` (east, north, up), on its grid by bilinear weights; NaN where unknown."""
    if not np.any(shift):
        return surface
    cell = surface.grid.cell
    offset = (-shift[1] / cell, shift[0] / cell)
    values = ndimage.shift(
        np.asarray(surface.values, dtype=np.float64), tuple(-o for o in offset), order=1, cval=np.nan, prefilter=False
    )
    return Raster(values - shift[2], surface.grid)


def _points_on(cloud: PointCloud, mask: NDArray[np.bool_], grid: Grid, shift: Floats) -> PointCloud:
    """The points that, moved back by ``shift``, lie on cells of the mask."""
    rows, columns = grid.cells_of(cloud.x - shift[0], cloud.y - shift[1])
    inside = (rows >= 0) & (rows < grid.n_rows) & (columns >= 0) & (columns < grid.n_columns)
    inside[inside] = mask[rows[inside], columns[inside]]
    return cloud.take(inside)


def _block(area: float) -> float:
    """Edge (m) of the jackknife's blocks: about a hundred of them, none smaller than errors reach."""
    return max(15.0, float(np.sqrt(area / 100.0)))


def _refuse_long(shift: Floats, max_shift: float) -> None:
    length = float(np.linalg.norm(shift))
    if length > max_shift:
        east, north, up = (round(float(v), 2) for v in shift)
        raise ParameterError(
            f"alignment: the later survey lies {length:.2f} m from the earlier one (east {east:+}, north {north:+}, "
            f"up {up:+}); at most {max_shift:g} m is a matter of accuracy; check the coordinate system, the height "
            "system (ellipsoidal heights differ by 34-45 m in Japan) and that both are of the same place",
            f"前後の測量が {length:.2f} m ずれています (東 {east:+}、北 {north:+}、上 {up:+})。測量精度とみなせるのは "
            f"{max_shift:g} m までです。座標系、高さの基準 (楕円体高と標高の差は 34~45 m)、場所を確認してください。",
            value=[east, north, up],
        )


def _levelled(
    before: Raster,
    after: Raster,
    stable: NDArray[np.bool_],
    motion: Motion,
    pivot: tuple[float, float],
    block: float,
) -> Motion:
    """The motion with its vertical part from the terrains."""
    level_shift = motion.correction * (1.0, 1.0, 0.0)
    moved = resampled(after, level_shift)
    change = Raster(moved.values - before.values, before.grid)
    left = _without(change, mean_slope(before, moved), np.zeros(3), motion.tilt, pivot)
    rows, columns = np.nonzero(stable & np.isfinite(left.values))
    x, y = before.grid.centres()
    up, sigma, is_real = level(
        np.asarray(left.values[rows, columns], dtype=np.float64), np.column_stack((x[columns], y[rows])), block
    )
    is_applied = is_real or bool(np.any(level_shift) or np.any(motion.tilt))
    return replace(
        motion,
        shift=np.array([*motion.shift[:2], up]),
        shift_sigma=np.array([*motion.shift_sigma[:2], sigma]),
        correction=np.array([*motion.correction[:2], up if is_applied else 0.0]),
    )


def _result(
    before: Raster, after: Raster, stable: NDArray[np.bool_], motion: Motion, pivot: tuple[float, float]
) -> Alignment:
    moved = resampled(after, motion.correction)
    slope = mean_slope(before, moved)
    change = Raster(moved.values - before.values, before.grid)
    left = _without(change, slope, np.zeros(3), motion.tilt, pivot)
    check = motion.correction + fit_trend(left, slope, stable, with_tilt=False).shift
    known = np.isfinite(after.values - before.values)
    raw = (after.values - before.values)[stable & known]
    applied = bool(np.any(motion.correction) or np.any(motion.tilt))
    kept = left.values[stable & np.isfinite(left.values)] if applied else raw
    area = float(np.count_nonzero(stable)) * before.grid.cell_area
    share = area / (float(np.count_nonzero(known)) * before.grid.cell_area)
    return Alignment(
        method="Open3D point-to-plane ICP on stable ground, both directions; vertical from the terrains",
        shift=motion.shift,
        shift_sigma=motion.shift_sigma,
        correction=motion.correction,
        tilt=motion.tilt,
        tilt_sigma=motion.tilt_sigma,
        pivot=pivot,
        applied=applied,
        residual_before_m=_about_zero(raw),
        residual_after_m=_about_zero(kept),
        stable_area_m2=area,
        stable=Raster(np.where(known, stable.astype(np.float64), np.nan), before.grid),
        grid_check=check,
        notes=_notes(motion, check, share),
    )


def _about_zero(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values)))


def _notes(motion: Motion, check: Floats, share: float) -> tuple[Note, ...]:
    notes = []
    if share < LEAST_STABLE_SHARE:
        notes.append(
            Note(
                "little-stable-ground",
                f"only {share:.0%} of the common area is stable; check the map of stable ground before using the shift",
                f"不動域は重複範囲の {share:.0%} だけです。不動域図を確認してから位置合わせ結果を使用してください。",
            )
        )
    apart = float(np.max(np.abs(check - motion.shift)[np.isfinite(motion.shift_sigma)]))
    if apart > max(0.05, 4.0 * float(np.nanmax(motion.shift_sigma))):
        notes.append(
            Note(
                "check-differs",
                f"the check on the grids differs by {apart:.3f} m from the shift found on the points",
                f"格子による点検の結果が点群から求めたずれ量と {apart:.3f} m 異なります。",
            )
        )
    return tuple(notes)


def _too_little(area: float) -> Note:
    return Note(
        "no-stable-ground",
        f"only {area:.0f} m2 of stable ground found; at least {LEAST_STABLE_AREA:.0f} m2 are needed to align, so "
        "nothing was aligned",
        f"不動域が {area:.0f} m2 しかないため位置合わせを行いませんでした ({LEAST_STABLE_AREA:.0f} m2 以上必要)。",
    )


def _nothing(method: str, grid: Grid, notes: tuple[Note, ...]) -> Alignment:
    nan = np.full(3, np.nan)
    pivot = (grid.west, grid.south)
    zero = np.zeros(3)
    return Alignment(method, zero, zero, zero, zero[:2], zero[:2], pivot, False, nan[0], nan[0], 0.0, None, nan, notes)
