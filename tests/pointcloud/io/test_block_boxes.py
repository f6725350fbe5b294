"""Where the blocks of files lie, remembered."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch as replaced

import numpy as np
import pytest

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.io import block_boxes, las
from pointcloud.io.las_source import Source


def blocks_read(path: Path, bounds: Bounds) -> int:
    """Number of blocks that a read decodes."""
    seen = []
    original = Source._blocks

    def counted(self, stream, picked, selection):  # type: ignore[no-untyped-def]
        seen.append(len(picked))
        return original(self, stream, picked, selection)

    with replaced.object(Source, "_blocks", counted):
        las.read(path, bounds=bounds)
    return sum(seen)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_the_second_read_knows_where_the_blocks_lie(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    x = np.arange(240_000) / 100.0  # a flight from west to east, 500 m a block
    cloud = PointCloud(x, np.zeros(x.size), np.zeros(x.size))
    las.write(path, cloud)
    part = Bounds(1200, -1, 1300, 1)
    assert blocks_read(path, part) == 5
    assert blocks_read(path, part) == 1
    assert blocks_read(path, Bounds(400, -1, 1700, 1)) == 4
    # stored in steps of 1 mm; 1e-9 m is rounding of the decimal fractions
    np.testing.assert_allclose(las.read(path, bounds=part).x, x[120_000:130_000], rtol=0, atol=1e-9)
    assert blocks_read(path, Bounds(5000, 0, 5001, 1)) == 0
    las.write(path, PointCloud(x, np.full(x.size, 7.0), np.zeros(x.size)))
    assert len(las.read(path, bounds=Bounds(0, 6, 100, 8))) == 10_000, "a changed file is another"


def test_the_oldest_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_boxes, "MOST", 2)
    monkeypatch.setattr(block_boxes, "_known", type(block_boxes._known)())
    paths = [tmp_path / name for name in "abc"]
    for index, path in enumerate(paths):
        path.touch()
        block_boxes.keep(path, np.full((1, 4), float(index)))
        assert block_boxes.find(paths[0]) is not None or index == 2
    assert [block_boxes.find(path) is not None for path in paths] == [True, False, True]
    os.utime(paths[2], (1, 1))
    assert block_boxes.find(paths[2]) is None
