"""The benchmark's own survey, small: the same tiles as LAZ and as COPC. About 5 s."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.bench.sections import KINDS, timed, write_line, write_survey
from pipelines.bench.sections_peer import by_laspy, strip
from pointcloud.io import las


def test_tiles_of_both_kinds_and_what_a_run_tells(tmp_path):
    line = write_line(tmp_path / "line.geojson")
    tiles = {kind: write_survey(tmp_path / kind, 8, 4000, kind) for kind in KINDS}
    for kind, paths in tiles.items():
        written = [path.stat().st_mtime_ns for path in paths]
        assert write_survey(tmp_path / kind, 8, 4000, kind) == paths
        assert [path.stat().st_mtime_ns for path in paths] == written, "tiles that are there are kept"
        assert las.inspect(paths[0]).is_copc == (kind == "copc")
    same = [np.sort(las.read(paths[3]).z) for paths in tiles.values()]
    np.testing.assert_array_equal(*same)
    (tmp_path / "out").mkdir()
    result = timed(tiles["copc"], line, tmp_path / "out", "file")
    assert result["sections"] == 54
    assert result["points_near"] > 1000
    assert list(result["stages"]) == ["open", "ground", "cut", "write"]
    assert sum(result["stages"].values()) <= result["seconds"] + 0.05  # rounded to 0.01 each; loading comes before
    shape = strip(line, 35.0)
    assert shape.area == pytest.approx(result["line_m"] * 70.0 + math.pi * 35.0**2, rel=0.02)  # bends share some of it
    peer = by_laspy(tiles["copc"], shape)
    assert peer.name.startswith("laspy ")
    assert peer.seconds > 0.0
