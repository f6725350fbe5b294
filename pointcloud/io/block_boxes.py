"""Where the blocks of files lie, remembered for the life of the process.

LAS and LAZ have no spatial index, so the first read of a part of a file goes through all of it. A survey in tiles is
read many times, a part at a time; later reads leave out the blocks that lie elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 256
"""Files that are remembered: 32 bytes a block, 640 kB for a file of 10^9 points."""

_Key = tuple[Path, int, int]
_known: OrderedDict[_Key, NDArray[np.float64]] = OrderedDict()
_lock = Lock()


def find(path: Path) -> NDArray[np.float64] | None:
    """Edges of a file's blocks (west, south, east, north), shape (blocks, 4), or None; a changed file is another."""
    key = _key(path)
    with _lock:
        boxes = _known.get(key)
        if boxes is not None:
            _known.move_to_end(key)
        return boxes


def keep(path: Path, boxes: NDArray[np.float64]) -> None:
    """Remember a file's blocks; the one that was not asked for longest is forgotten."""
    with _lock:
        _known[_key(path)] = boxes
        while len(_known) > MOST:
            _known.popitem(last=False)


def _key(path: Path) -> _Key:
    state = path.stat()
    return path.resolve(), state.st_size, state.st_mtime_ns
