"""Kernels of the synthetic laser's rays: where one meets the ground, roofs, wires and crowns.

A ray is known by a point on it and by its lean (du, dv): metres to the east and north for each metre upward.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel
from pointcloud.synthetic.kernels import terrain

GROUND, WATER, LOW_VEGETATION, TREE, BUILDING, BRIDGE, WIRE, PYLON, LOW_NOISE, HIGH_NOISE = range(1, 11)
"""What a point lies on; the values of `Kind`."""
TREE_CELL = 4.0
"""Edge of a cell of the tree index."""
GUIDE_CELL = 4.0
"""Edge of a cell of the guide, the coarse heights that a ray is first brought down to."""
WIRE_CORRIDOR = 60.0
"""Distance from a wire within which a ground point's ray may meet it."""
WIRE_RADIUS = 0.15
"""Distance from a wire within which a pulse's footprint catches enough of it for a return."""


@kernel
def guide_below(
    u: float, v: float, z: float, du: float, dv: float, guide: NDArray[np.float64], corner: NDArray[np.float64]
) -> float:
    """Height at which the ray through (u, v, z) meets the guide, within about two metres of the ground.

    ``guide`` holds ground heights, row 0 in the south; its first cell's corner is ``corner``.
    """
    height = z
    for _ in range(6):
        j = int((u + (height - z) * du - corner[0]) / GUIDE_CELL)
        i = int((v + (height - z) * dv - corner[1]) / GUIDE_CELL)
        height = guide[min(max(i, 0), guide.shape[0] - 1), min(max(j, 0), guide.shape[1] - 1)]
    return height


@kernel
def ground_below(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    p: NDArray[np.float64],
    pads: NDArray[np.float64],
    shapes: NDArray[np.float64],
) -> tuple[float, float, float, int]:
    """Ground point and cover where the ray through (u, v, z), a place near the ground, comes down.

    The point lies exactly on the ground, and off the ray by centimetres at most: the secant method stops at
    5 cm of height, and no ray leans more than 0.3.
    """
    height_a, error_a = z, terrain(u, v, p, pads, shapes)[0] - z
    height_b = height_a + error_a
    for _ in range(3):
        if abs(height_b - height_a) < 0.05:
            break
        error_b = terrain(u + (height_b - z) * du, v + (height_b - z) * dv, p, pads, shapes)[0] - height_b
        slope = (error_b - error_a) / (height_b - height_a)
        # at a step the secant may point anywhere; the plain iteration always converges
        step = -error_b / slope if slope < -0.5 else error_b
        height_a, error_a = height_b, error_b
        height_b += step
    u, v = u + (height_b - z) * du, v + (height_b - z) * dv
    height, cover = terrain(u, v, p, pads, shapes)
    return u, v, height, cover


@kernel
def roof_above(
    u: float, v: float, z: float, du: float, dv: float, structures: NDArray[np.float64]
) -> tuple[float, int]:
    """Height above its ground point (u, v, z) at which a ray meets a roof, wall or deck, and the kind; 0, 0 if none.

    A row of ``structures`` is (u, v, cos, sin, half length, half width, overhang, eave z, ridge z, kind).
    """
    for i in range(structures.shape[0]):
        cos, sin = structures[i, 2], structures[i, 3]
        a0 = (u - structures[i, 0]) * cos + (v - structures[i, 1]) * sin
        b0 = (v - structures[i, 1]) * cos - (u - structures[i, 0]) * sin
        half_a, half_b = structures[i, 4] + structures[i, 6], structures[i, 5] + structures[i, 6]
        eave, ridge = structures[i, 7], structures[i, 8]
        if abs(a0) > half_a + 6.0 or abs(b0) > half_b + 6.0:
            continue
        da, db = du * cos + dv * sin, dv * cos - du * sin
        rise = eave - z
        for _ in range(4):
            rise = ridge - (ridge - eave) * min(abs(b0 + rise * db) / half_b, 1.0) - z
        if rise > 0.0 and abs(a0 + rise * da) <= half_a and abs(b0 + rise * db) <= half_b:
            return rise, int(structures[i, 9])
        if structures[i, 9] == BUILDING and abs(a0) < structures[i, 4] and abs(b0) < structures[i, 5]:
            out_a = (math.copysign(structures[i, 4], da) - a0) / da if da != 0.0 else math.inf
            out_b = (math.copysign(structures[i, 5], db) - b0) / db if db != 0.0 else math.inf
            return min(out_a, out_b, eave - z), BUILDING
    return 0.0, 0


@kernel
def crown_span(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    top: float,
    length: float,
    radius: float,
    bluntness: float,
) -> tuple[float, float]:
    """Heights above ground (upper, lower) between which a ray runs in a crown; upper < lower if it misses.

    The crown's apex stands ``top`` above the plane z = 0 at (0, 0); its radius at depth w under the apex is
    radius sqrt(c s + (1 - c) s2) with s = w / length and c = ``bluntness`` (0 a cone, 1 a paraboloid).
    (u, v, z) is the ray's ground point relative to the tree's foot.
    """
    x, y = u + du * (top - z), v + dv * (top - z)
    r2 = radius * radius
    a = du * du + dv * dv - r2 * (1.0 - bluntness) / (length * length)
    b = -2.0 * (x * du + y * dv) - r2 * bluntness / length
    c = x * x + y * y
    d = b * b - 4.0 * a * c
    if d < 0.0 or (b >= 0.0 and a >= 0.0):
        return -1.0, 0.0
    # q is the numerically stable half of the quadratic formula; both roots follow from it
    q = -0.5 * (b + math.copysign(math.sqrt(d), b))
    one, two = (q / a if a != 0.0 else math.inf), (c / q if q != 0.0 else 0.0)
    if a > 0.0:
        enter, leave = min(one, two), min(max(one, two), length)
    else:
        # the crown widens faster than the ray leans: once in, it stays in
        enter, leave = (two if a == 0.0 else max(one, two)), length
    return top - enter, top - leave


@kernel
def crowns_on_ray(
    u: float,
    v: float,
    z: float,
    du: float,
    dv: float,
    trees: NDArray[np.float64],
    first: NDArray[np.int64],
    index: NDArray[np.float64],
    shape: NDArray[np.int64],
    spans: NDArray[np.float64],
) -> int:
    """Number of crowns on the ray from ground point (u, v, z), their spans in ``spans`` from the highest down.

    A row of ``trees`` is (u, v, foot z, height, crown length, crown radius, bluntness, hits a metre, kind),
    sorted by cell of the index; ``index`` is (west, south, greatest crown radius, height above ground that
    crowns reach), ``shape`` (rows, columns).
    """
    n = 0
    margin, reach = index[2], index[3]
    j0 = math.floor((min(u, u + du * reach) - margin - index[0]) / TREE_CELL)
    j1 = math.floor((max(u, u + du * reach) + margin - index[0]) / TREE_CELL)
    i0 = math.floor((min(v, v + dv * reach) - margin - index[1]) / TREE_CELL)
    i1 = math.floor((max(v, v + dv * reach) + margin - index[1]) / TREE_CELL)
    j0, j1 = max(j0, 0), min(j1, shape[1] - 1)
    for i in range(max(i0, 0), min(i1, shape[0] - 1) + 1):
        if j1 < j0:
            break
        for k in range(first[i * shape[1] + j0], first[i * shape[1] + j1 + 1]):
            height, foot = trees[k, 3], trees[k, 2]
            upper, lower = crown_span(
                u - trees[k, 0], v - trees[k, 1], z - foot, du, dv, height, trees[k, 4], trees[k, 5], trees[k, 6]
            )
            upper, lower = upper + foot, max(lower + foot, z + 0.5)
            if upper <= lower or n == spans.shape[0]:
                continue
            at = n
            while at > 0 and spans[at - 1, 0] < upper:
                for column in range(4):
                    spans[at, column] = spans[at - 1, column]
                at -= 1
            spans[at, 0], spans[at, 1], spans[at, 2], spans[at, 3] = upper, lower, trees[k, 7], trees[k, 8]
            n += 1
    return n


@kernel
def wire_above(u: float, v: float, z: float, du: float, dv: float, wires: NDArray[np.float64]) -> float:
    """Height at which the ray from ground point (u, v, z) meets a wire; -inf if none.

    A row of ``wires`` is (u, v, z of one end, u, v, z of the other, sag).
    """
    for i in range(wires.shape[0]):
        eu, ev = wires[i, 3] - wires[i, 0], wires[i, 4] - wires[i, 1]
        span2 = eu * eu + ev * ev
        ou, ov = u - wires[i, 0], v - wires[i, 1]
        if (ou * ev - ov * eu) ** 2 > WIRE_CORRIDOR * WIRE_CORRIDOR * span2:
            continue
        height = 0.5 * (wires[i, 2] + wires[i, 5]) - wires[i, 6]
        s = 0.0
        for _ in range(4):
            ou, ov = u + (height - z) * du - wires[i, 0], v + (height - z) * dv - wires[i, 1]
            s = (ou * eu + ov * ev) / span2
            height = wires[i, 2] + s * (wires[i, 5] - wires[i, 2]) - 4.0 * wires[i, 6] * s * (1.0 - s)
        away = abs(ou * ev - ov * eu) / math.sqrt(span2)
        if 0.0 <= s <= 1.0 and away < WIRE_RADIUS:
            return float(height)
    return -math.inf
