"""Kernels of the COPC writer: where points lie in an octree, and which of them show it from afar."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Codes = NDArray[np.uint64]
Levels = NDArray[np.uint8]
Integers = NDArray[np.int64]

BITS = 21
"""Binary digits of a cell's number along an axis: three fit 64 bits."""


@kernel
def _spread(v: int) -> int:
    """The 21 bits of a number, each followed by two zeros."""
    v = (v | (v << 32)) & 0x1F00000000FFFF
    v = (v | (v << 16)) & 0x1F0000FF0000FF
    v = (v | (v << 8)) & 0x100F00F00F00F00F
    v = (v | (v << 4)) & 0x10C30C30C30C30C3
    return (v | (v << 2)) & 0x1249249249249249


@kernel
def _gather(v: int) -> int:
    """Every third bit of a number: what `_spread` had."""
    v &= 0x1249249249249249
    v = (v | (v >> 2)) & 0x10C30C30C30C30C3
    v = (v | (v >> 4)) & 0x100F00F00F00F00F
    v = (v | (v >> 8)) & 0x1F0000FF0000FF
    v = (v | (v >> 16)) & 0x1F00000000FFFF
    return (v | (v >> 32)) & 0x1FFFFF


@kernel
def morton_codes(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    west: float,
    south: float,
    bottom: float,
    side: float,
    codes: Codes,
) -> None:
    """Place of each point on the space-filling curve of a cube (Morton 1966): bits of x, y and z in turn, x lowest."""
    n = 1 << BITS
    for i in range(x.size):
        a = min(max(math.floor((x[i] - west) / side * n), 0), n - 1)
        b = min(max(math.floor((y[i] - south) / side * n), 0), n - 1)
        c = min(max(math.floor((z[i] - bottom) / side * n), 0), n - 1)
        codes[i] = np.uint64(_spread(a) | (_spread(b) << 1) | (_spread(c) << 2))


@kernel
def positions(codes: Codes, x: Integers, y: Integers, z: Integers) -> None:
    """Numbers along x, y and z of cells given by their place on the curve."""
    for i in range(codes.size):
        code = int(codes[i])
        x[i], y[i], z[i] = _gather(code), _gather(code >> 1), _gather(code >> 2)


@kernel
def leaf_levels(codes: Codes, shift: int, level: int, most: int, leaves: Levels) -> int:
    """Set the leaf level of points whose node at a level holds ``most`` at most, and return how many have none yet.

    ``codes`` are sorted; ``shift`` takes away what lies below the level; 255 marks points without a leaf.
    """
    start, n_left = 0, 0
    for i in range(1, codes.size + 1):
        if i < codes.size and codes[i] >> np.uint64(shift) == codes[start] >> np.uint64(shift):
            continue
        for j in range(start, i):
            if leaves[j] == 255:
                if i - start <= most:
                    leaves[j] = level
                else:
                    n_left += 1
        start = i
    return n_left


@kernel
def promote(codes: Codes, shift: int, level: int, candidates: Integers, n: int, leaves: Levels, levels: Levels) -> int:
    """Of the first n candidates keep one a cell, the middle one, and return how many; the others get their level.

    ``candidates`` are positions in the sorted ``codes``; those kept move to its front. The others live at
    ``level`` or in their leaf above.
    """
    start, n_kept = 0, 0
    for i in range(1, n + 1):
        if i < n and codes[candidates[i]] >> np.uint64(shift) == codes[candidates[start]] >> np.uint64(shift):
            continue
        middle = (start + i) // 2
        chosen = candidates[middle]
        for j in range(start, i):
            if j != middle:
                levels[candidates[j]] = min(leaves[candidates[j]], level)
        candidates[n_kept] = chosen
        n_kept += 1
        start = i
    return n_kept
