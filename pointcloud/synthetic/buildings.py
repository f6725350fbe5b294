"""What people built in the valley: houses on level yards, a hall, a bridge, a power line."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.synthetic import kernels, ray_kernels
from pointcloud.synthetic.terrain import Terrain, empty_rows

_HAMLET = (
    # t, w, direction in degrees, half length, half width, height of the eaves, of the ridge
    (33.0, 178.0, 80.0, 6.5, 4.5, 5.6, 8.4),
    (35.0, 203.0, 95.0, 7.5, 5.0, 5.8, 8.9),
    (34.0, 226.0, 88.0, 5.5, 4.0, 3.2, 5.6),
    (56.0, 184.0, 10.0, 5.0, 4.0, 3.0, 5.2),
    (57.0, 207.0, 75.0, 6.0, 4.5, 5.6, 8.1),
    (76.0, 198.0, 20.0, 4.0, 3.0, 2.6, 4.2),
    (80.0, 222.0, 100.0, 6.0, 4.5, 5.4, 8.0),
    (36.0, 278.0, 85.0, 7.0, 5.0, 5.7, 8.6),
    (84.0, 265.0, 65.0, 5.0, 4.0, 3.1, 5.3),
    (57.0, 250.0, 92.0, 17.0, 10.5, 7.5, 11.5),
)
"""Nine houses and a hall."""
_BRIDGE_AT = 152.0
_BRIDGE_RISE = 0.1
_PYLONS = ((-113.0, 240.0, 34.0), (118.0, 233.0, 32.0))
"""t, w and height of the pylons."""
_SAG = 7.0


def build(bare: Terrain) -> tuple[Terrain, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The terrain with its yards, the structures, the wires and the pylons, as the kernels take them."""
    pads, structures = [], []
    for t, w, degrees, half_length, half_width, eave, ridge in _HAMLET:
        level = _height(bare, t, w)
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        pads.append([t, w, cos, sin, half_length + 3.0, half_width + 2.5, level])
        structures.append(
            [t, w, cos, sin, half_length, half_width, 0.8, level + eave, level + ridge, ray_kernels.BUILDING]
        )
    bend = kernels.bend(_BRIDGE_AT, bare.p)[0]
    west, east = kernels.MEANDER * bend - 12.0, kernels.ROAD_AT + kernels.ROAD_BEND * bend - kernels.ROAD_HALF_WIDTH
    deck = bare.p[kernels.BASE] + bare.p[kernels.GRADE] * _BRIDGE_AT + kernels.ROAD_RISE + _BRIDGE_RISE
    pads.append([west - 4.0, _BRIDGE_AT, 1.0, 0.0, 5.0, 3.0, deck])
    middle, half = 0.5 * (west + east), 0.5 * (east - west)
    structures.append([middle, _BRIDGE_AT, 1.0, 0.0, half, 2.2, 0.0, deck, deck, ray_kernels.BRIDGE])
    ground = Terrain(bare.p, np.array(pads), bare.shapes)
    return ground, np.array(structures, dtype=np.float64), _wires(ground), _pylons(ground)


def _height(terrain: Terrain, t: float, w: float) -> float:
    return float(terrain.at(np.array([t]), np.array([w]))[0][0])


def _wires(terrain: Terrain) -> NDArray[np.float64]:
    """Three wires between the pylons' arms, shape (3, 7)."""
    (t0, w0, h0), (t1, w1, h1) = _PYLONS
    z0, z1 = _height(terrain, t0, w0) + h0 - 2.0, _height(terrain, t1, w1) + h1 - 2.0
    rows = [[t0, w0 + arm, z0, t1, w1 + arm, z1, _SAG] for arm in (-3.5, 0.0, 3.5)]
    return np.array(rows, dtype=np.float64)


def _pylons(terrain: Terrain) -> NDArray[np.float64]:
    """The pylons as slim cones of thin steel, rows of the trees' array."""
    rows = empty_rows(9)
    for t, w, height in _PYLONS:
        row = [t, w, _height(terrain, t, w), height, height, 2.6, 0.05, 0.06, ray_kernels.PYLON]
        rows = np.vstack([rows, row])
    return rows
