"""Kernels between point records and columns: columns of records are strided views, all others are contiguous."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Steps = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@kernel
def coordinates(
    steps_x: Steps, steps_y: Steps, steps_z: Steps, scales: Floats, offsets: Floats, x: Floats, y: Floats, z: Floats
) -> None:
    """Coordinates of records."""
    for i in range(steps_x.size):
        x[i] = steps_x[i] * scales[0] + offsets[0]
        y[i] = steps_y[i] * scales[1] + offsets[1]
        z[i] = steps_z[i] * scales[2] + offsets[2]


@kernel
def bits(column: Bytes, mask: int, shift: int, out: Bytes) -> None:
    """The values that stand in some bits of a column."""
    for i in range(column.size):
        out[i] = (column[i] & mask) >> shift


@kernel
def quantise(values: Floats, scale: float, offset: float, out: Steps, extremes: Floats) -> None:
    """Whole steps of coordinates; the lowest and highest into ``extremes``. Where these do not fit, ``out`` is void."""
    low, high = np.inf, -np.inf
    for i in range(values.size):
        step = np.rint((values[i] - offset) / scale)
        low, high = min(low, step), max(high, step)
        out[i] = np.int32(step)
    extremes[0], extremes[1] = low, high
