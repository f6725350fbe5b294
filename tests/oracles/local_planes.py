"""Weighted planes cell by cell, by the textbook: slow and plain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def plane(u: Floats, v: Floats, h: Floats, weight: Floats) -> tuple[Floats, float]:
    """(height, rise by u, rise by v) of the plane at (0, 0) and its spread; the rises are pulled by 0.05 weights."""
    total = weight.sum()
    middle = [(weight * values).sum() / total for values in (u, v, h)]
    du, dv, dh = u - middle[0], v - middle[1], h - middle[2]
    # two further observations of weight 0.05 say that the plane is level
    rows = np.vstack((np.column_stack((du, dv)) * np.sqrt(weight)[:, None], np.sqrt(0.05) * np.eye(2)))
    rises = np.linalg.lstsq(rows, np.concatenate((dh * np.sqrt(weight), [0.0, 0.0])), rcond=None)[0]
    height = middle[2] - rises @ middle[:2]
    explained = rises[0] * (weight * du * dh).sum() + rises[1] * (weight * dv * dh).sum()
    spread = np.sqrt(max(0.0, (weight * dh * dh).sum() - explained) / max(1.0, total - 2.5))
    return np.array([height, *rises]), float(spread)


def weights(rise: Floats, half: float, times_below: float) -> Floats:
    """Half at ``half`` above the surface and at ``times_below`` times that below; none below a thousandth."""
    q = rise / np.where(rise > 0.0, half, times_below * half)
    w = 1.0 / (1.0 + q**4)
    return np.where(w < 1e-3, 0.0, w)
