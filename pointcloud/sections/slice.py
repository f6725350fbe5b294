"""A slice of points: what lies within half a thickness of the section's plane, by layers and steps of offset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pointcloud.dimensions import ClassCode
from pointcloud.errors import ParameterError
from pointcloud.sections.cut import SectionLine

Floats = NDArray[np.float64]

LOW_VEGETATION = 2.0
"""Metres over the ground below which what is not ground is low vegetation; above it is canopy."""

STEP = 0.5
"""Metres of offset of one step of a band; a step begins at each whole multiple."""

STRUCTURES = (ClassCode.BUILDING, ClassCode.WIRE, ClassCode.BRIDGE_DECK)
"""Classes of the source file that are drawn as structures; tengun itself does not recognise structures."""


class Layer(StrEnum):
    """What the points of a slice belong to."""

    GROUND = "ground"
    LOW_VEGETATION = "low_vegetation"
    CANOPY = "canopy"
    STRUCTURE = "structure"


@dataclass(frozen=True, slots=True)
class Band:
    """Percentiles of height of one layer, step by step of offset.

    Parameters
    ----------
    layer
        Which points.
    offset
        Middle of each step that holds a point, metres, shape (n,); steps without points are left out.
    n_points
        Points in each step, shape (n,).
    percentiles
        Heights in metres at 5, 50 and 95 %, and the highest, shape (n, 4).
    """

    layer: Layer
    offset: Floats
    n_points: NDArray[np.int64]
    percentiles: Floats


@dataclass(frozen=True, slots=True)
class Slice:
    """Points near a section's plane.

    Parameters
    ----------
    thickness
        Metres: half of it lies on each side of the plane.
    offset, height
        Of each point, metres.
    layer
        Position in ``tuple(Layer)`` of each point, uint8.
    bands
        One for each layer that has points.
    scatter
        Standard deviation (metres) of the ground points about the ground, None with fewer than three.
    spread
        The band of that scatter: percentiles of height over the ground, step by step; None without ground points.
    """

    thickness: float
    offset: Floats
    height: Floats
    layer: NDArray[np.uint8]
    bands: tuple[Band, ...]
    scatter: float | None
    spread: Band | None = None


def take(
    offset: Floats,
    height: Floats,
    classes: NDArray[np.uint8],
    ground: SectionLine,
    thickness: float,
    rise: Floats | None = None,
) -> Slice:
    """Layers and percentiles of the points of a section.

    Parameters
    ----------
    offset, height
        Of the points within half a thickness of the plane, metres.
    classes
        ASPRS classes; noise (7, 18) is left out, ground (2) is ground, `STRUCTURES` are structures, the rest is
        vegetation by its height over ``ground``, canopy where the ground is not known.
    ground
        The section line of the ground.
    thickness
        Metres; stated with the result.
    rise
        How much higher than the section line the ground is below each point, metres: land that rises along the
        centre line is not scatter. None: the same.

    Raises
    ------
    ParameterError
        When the thickness is not positive.
    """
    if not thickness > 0:
        raise ParameterError(
            f"section slice: thickness {thickness} m; expected a positive number of metres",
            f"断面の厚さ {thickness} m が不正です。正の値 (m) を指定してください。",
            value=thickness,
        )
    known = (classes != ClassCode.LOW_NOISE) & (classes != ClassCode.HIGH_NOISE)
    offset, height, classes = offset[known], height[known], classes[known]
    above = height - heights_on(ground, offset) - (0.0 if rise is None else rise[known])
    layer = np.full(offset.size, list(Layer).index(Layer.CANOPY), dtype=np.uint8)
    layer[above < LOW_VEGETATION] = list(Layer).index(Layer.LOW_VEGETATION)
    layer[np.isin(classes, STRUCTURES)] = list(Layer).index(Layer.STRUCTURE)
    is_ground = classes == ClassCode.GROUND
    layer[is_ground] = list(Layer).index(Layer.GROUND)
    bands = tuple(
        _band(name, offset[layer == i], height[layer == i]) for i, name in enumerate(Layer) if np.any(layer == i)
    )
    near = is_ground & np.isfinite(above)
    residual = above[near]
    scatter = float(np.std(residual)) if residual.size >= 3 else None
    spread = _band(Layer.GROUND, offset[near], residual) if residual.size else None
    return Slice(thickness, offset, height, layer, bands, scatter, spread)


def heights_on(line: SectionLine, offset: Floats) -> Floats:
    """Heights of a section line at offsets, NaN in its gaps."""
    heights = np.full(offset.size, np.nan)
    for piece in line.pieces:
        inside = (offset >= piece[0, 0]) & (offset <= piece[-1, 0])
        heights[inside] = np.interp(offset[inside], piece[:, 0], piece[:, 1])
    return heights


def _band(layer: Layer, offset: Floats, height: Floats) -> Band:
    bins = np.floor(offset / STEP).astype(np.int64)
    order = np.lexsort((height, bins))
    bins, height = bins[order], height[order]
    steps, starts, counts = np.unique(bins, return_index=True, return_counts=True)
    columns = []
    for share in (0.05, 0.5, 0.95, 1.0):
        place = starts + share * (counts - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, starts + counts - 1)
        columns.append(height[low] + (place - low) * (height[high] - height[low]))
    return Band(
        layer, np.asarray((steps + 0.5) * STEP, dtype=np.float64), counts, np.column_stack(columns).astype(np.float64)
    )
