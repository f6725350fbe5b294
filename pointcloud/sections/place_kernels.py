"""Kernels that sort points by place: into the cells of an index, into a corridor, and to the highest of each cell."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def cell_of(x: float, y: float, frame: Floats, shape: Ints) -> int:
    """Number of a cell, row after row from the south; points beyond the edge belong to the cell at it."""
    row = min(max(int((y - frame[1]) / frame[2]), 0), shape[0] - 1)
    return int(row * shape[1] + min(max(int((x - frame[0]) / frame[2]), 0), shape[1] - 1))


@kernel
def sort_by_cell(x: Floats, y: Floats, frame: Floats, shape: Ints, starts: Ints, order: Ints) -> None:
    """Numbers of the points cell after cell, ascending within a cell.

    Parameters
    ----------
    x, y
        Points in metres.
    frame
        West and south edge of the index and its cell, metres.
    shape
        Its rows and columns.
    starts
        Zeros, one more than cells. Out: place of each cell's first point, and behind the last.
    order
        Out: the numbers.
    """
    for i in range(x.size):
        starts[cell_of(x[i], y[i], frame, shape) + 1] += 1
    for c in range(1, starts.size):
        starts[c] += starts[c - 1]
    place = starts[:-1].copy()
    for i in range(x.size):
        c = cell_of(x[i], y[i], frame, shape)
        order[place[c]] = i
        place[c] += 1


@kernel
def mark_touched(
    px: NDArray[np.int32],
    py: NDArray[np.int32],
    scale: Floats,
    offset: Floats,
    cell: float,
    corner: Ints,
    touched: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> None:
    """Which records lie in a touched cell of a grid.

    Parameters
    ----------
    px, py
        Coordinates as a file has them.
    scale, offset
        Of x and y, metres.
    cell, corner
        Metres of a cell; number of the grid's first column and of its northern row.
    touched
        The grid's cells, row 0 in the north.
    inside
        Out: one a record.
    """  # fmt: skip
    for i in range(px.size):
        column = math.floor((px[i] * scale[0] + offset[0]) / cell) - corner[0]
        row = corner[1] - math.floor((py[i] * scale[1] + offset[1]) / cell)
        inside[i] = 0 <= row < touched.shape[0] and 0 <= column < touched.shape[1] and touched[row, column]


@kernel
def highest_of_cells(
    x: Floats, y: Floats, z: Floats, order: Ints, block: Ints, cell: float, side: int, highest: Ints
) -> int:
    """The highest point of each cell, of equal ones the one of the highest number; returns how many cells there are.

    Parameters
    ----------
    x, y, z
        Points in metres.
    order
        Numbers of the points, block after block, ascending within a block.
    block
        Number of each point's block: a square of ``side`` x ``side`` cells.
    cell
        Metres of a cell; blocks stand on multiples of ``side`` cells.
    highest
        Out: their numbers, as many as returned.
    """
    table = np.full(side * side, -1, dtype=np.int64)
    used = np.empty(side * side, dtype=np.int64)
    n, n_used = 0, 0
    for k in range(order.size):
        i = order[k]
        if k and block[i] != block[order[k - 1]]:
            for u in range(n_used):
                highest[n] = table[used[u]]
                table[used[u]] = -1
                n += 1
            n_used = 0
        place = (math.floor(y[i] / cell) % side) * side + math.floor(x[i] / cell) % side
        if table[place] < 0:
            used[n_used] = place
            n_used += 1
            table[place] = i
        elif z[i] >= z[table[place]]:
            table[place] = i
    for u in range(n_used):
        highest[n] = table[used[u]]
        n += 1
    return n
