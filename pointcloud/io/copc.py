"""COPC: which chunks of a LAZ file lie where.

References
----------
COPC specification 1.0 (copc.io, 2021), sections "info VLR" and "hierarchy VLR".
"""

from __future__ import annotations

import math
import struct
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.io.las_header import Header
from pointcloud.io.laz import Chunks

ENTRY: Final = np.dtype(
    [("level", "<i4"), ("x", "<i4"), ("y", "<i4"), ("z", "<i4"), ("offset", "<u8"), ("size", "<i4"), ("count", "<i4")]
)
"""A node of the hierarchy: its key, and where its points lie."""

INFO: Final = struct.Struct("<5d2Q2d88x")
"""Centre, half of the side and spacing of the root; start and size of its page; first and last GPS time."""


def chunk_boxes(header: Header, chunks: Chunks) -> NDArray[np.float64] | None:
    """West, south, east and north edge of each chunk's octree node, shape (chunks, 4), in the file's coordinates.

    None where the file is no COPC, or its hierarchy does not name every chunk exactly once: other programs copy
    the records of a COPC into files that are none, and points would be lost by trusting them.
    """
    if not header.is_copc or header.records[0].size < INFO.size:
        return None
    info = INFO.unpack_from(header.payload(header.records[0]))
    x, y, half, root, size = info[0], info[1], info[3], info[5], info[6]
    with header.path.open("rb") as stream:
        entries = _hierarchy(stream, root, size, 4 * len(chunks.starts) + 64)
    if entries is None or not (math.isfinite(x + y + half) and half > 0):
        return None
    nodes = np.sort(entries[entries["count"] > 0], order="offset")
    same = len(nodes) == len(chunks.starts) and (
        np.array_equal(nodes["offset"].astype(np.int64), chunks.starts)
        and np.array_equal(nodes["count"], chunks.counts)
        and bool((nodes["level"] >= 0).all())
    )
    if not same:
        return None
    side = np.ldexp(2.0 * half, -nodes["level"])
    west, south = x - half + nodes["x"] * side, y - half + nodes["y"] * side
    return np.column_stack([west, south, west + side, south + side])


def _hierarchy(stream: BinaryIO, root: int, size: int, most: int) -> NDArray[np.void] | None:
    """All entries of all pages, or None where a page is cut off, met twice, or there are more than ``most``."""
    end = stream.seek(0, 2)
    todo, seen, pages, n_entries = [(root, size)], set(), [], 0
    while todo:
        start, length = todo.pop()
        n_entries += length // ENTRY.itemsize
        if start in seen or length <= 0 or length % ENTRY.itemsize or start + length > end or n_entries > most:
            return None
        seen.add(start)
        stream.seek(start)
        page = np.frombuffer(stream.read(length), dtype=ENTRY)
        pages.append(page)
        below = page[page["count"] == -1]
        todo += list(zip(below["offset"].tolist(), below["size"].tolist(), strict=True))
    return np.concatenate(pages)
