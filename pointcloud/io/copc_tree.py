"""The octree of a COPC file: in which node each point lives.

A node of level l is one of the 8^l cubes of the root, and shows it with one point in each of its 128^3 cells. From
the finest level up each cell passes one of its points on to the coarser level, and the others stay. A node of few
points keeps them all: it is a leaf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.io import copc_kernels as kernels
from pointcloud.io.copc_kernels import BITS, Codes, Levels

CELL_BITS = 7
"""A node has 2^7 = 128 cells along an edge."""

DEEPEST = BITS - CELL_BITS
"""Finest level whose cells still have numbers."""

NO_LEAF = 255


@dataclass(frozen=True, slots=True)
class Cube:
    """The cube of the root: its lowest corner and its side, in the file's units."""

    west: float
    south: float
    bottom: float
    side: float

    @classmethod
    def around(cls, low: NDArray[np.float64], high: NDArray[np.float64]) -> Cube:
        """The cube with the middle of the points, a little larger than they are."""
        side = max(float((high - low).max()) * (1.0 + 1e-9), 1.0)
        west, south, bottom = ((low + high) / 2.0 - side / 2.0).tolist()
        return cls(west, south, bottom, side)

    def codes(self, x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> Codes:
        """Place of each point on the curve through the finest cells, uint64."""
        codes = np.empty(x.size, dtype=np.uint64)
        kernels.morton_codes(x, y, z, self.west, self.south, self.bottom, self.side, codes)
        return codes


def prefix(codes: Codes, level: int) -> Codes:
    """Number of the node of a level in which each code lies."""
    shifted: Codes = codes >> np.uint64(3 * (BITS - level))
    return shifted


def leaves_of(codes: Codes, first: int, most: int) -> Levels:
    """For sorted codes the level, from ``first`` on, at which their node holds ``most`` points or fewer."""
    leaves = np.full(codes.size, NO_LEAF, dtype=np.uint8)
    for level in range(first, DEEPEST + 1):
        if kernels.leaf_levels(codes, 3 * (BITS - level), level, most, leaves) == 0:
            break
    leaves[leaves == NO_LEAF] = DEEPEST
    return leaves


def levels_of(codes: Codes, leaves: Levels, top: int) -> Levels:
    """Level at which each point lives; points that levels above ``top`` show get ``top - 1``, or their leaf's level.

    Parameters
    ----------
    codes
        Sorted places of all points of some whole nodes of level ``top``.
    leaves
        Level of the leaf that each point lies in, as a rule below ``top``.
    top
        Coarsest level of which all points are here.
    """
    finest = int(leaves.max(initial=0))
    levels = leaves.copy()
    candidates = np.arange(codes.size, dtype=np.int64)
    n = codes.size
    last = max(top - 1, 0)
    for level in range(finest - 1, last - 1, -1):
        n = kernels.promote(codes, 3 * (BITS - CELL_BITS - level), level + 1, candidates, n, leaves, levels)
    kept = candidates[:n]
    levels[kept] = np.minimum(leaves[kept], last)
    return levels


def nodes_of(codes: Codes, levels: Levels) -> Codes:
    """One number for the node in which each point lives: a one, then the digits of its place."""
    shift = 3 * (BITS - levels.astype(np.uint64))
    nodes: Codes = (np.uint64(1) << (3 * levels.astype(np.uint64))) | (codes >> shift)
    return nodes


def keys_of(nodes: Codes) -> NDArray[np.int32]:
    """Level, x, y and z of nodes as COPC numbers them, int32 of shape (n, 4)."""
    level = np.zeros(nodes.size, dtype=np.int64)
    for deeper in range(1, DEEPEST + 1):
        level[nodes >> np.uint64(3 * deeper) > 0] = deeper
    inside = nodes - (np.uint64(1) << (3 * level).astype(np.uint64))
    x, y, z = (np.empty(nodes.size, dtype=np.int64) for _ in range(3))
    kernels.positions(inside, x, y, z)
    keys: NDArray[np.int32] = np.column_stack((level, x, y, z)).astype(np.int32)
    return keys


def with_ancestors(nodes: Codes) -> Codes:
    """The nodes and all above them up to the root, sorted: a page of the hierarchy names every node on the way."""
    found = [nodes]
    while (found[-1] > 1).any():
        found.append(np.unique(found[-1][found[-1] > 1] >> np.uint64(3)))
    return np.unique(np.concatenate(found))
