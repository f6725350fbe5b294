"""Sections that stand where earthwork begins: one a place, whatever begins there."""

from __future__ import annotations

import numpy as np

from pointcloud.sections.line import CentreLine, Piece
from pointcloud.sections.series import cut_series
from pointcloud.sections.stations import lay_out
from pointcloud.sections.strips import ground_surface


def test_cut_and_fill_that_begin_in_one_place_get_one_section():
    """Beyond 9 m along the line the left side is filled by 1 m and the right side cut by 1 m."""
    x, y = (v.ravel() for v in np.meshgrid(np.arange(-2.0, 32.1, 0.5), np.arange(-6.0, 6.1, 0.5)))
    flat, change = np.zeros(x.size), np.where(x > 9.0, np.sign(y), 0.0)
    surfaces = {"before": ground_surface(x, y, flat), "after": ground_surface(x, y, change)}
    line = CentreLine("line", (Piece(0.0, 0.0, 0.0, 30.0),))
    series = cut_series(line, lay_out(line, 10.0, 5.0, 5.0).items, surfaces, pitch=10.0)
    distances = [s.station.distance for s in series.sections]
    assert len(set(distances)) == len(distances)
    begins = [s for s in series.sections if "切土端・盛土端" in s.station.name]
    assert len(begins) == 1
    np.testing.assert_allclose(begins[0].station.distance, 9.0, atol=0.1)  # found to 0.05 m
    # 4.75 m full height and 0.5 m that rises, on 20.75 m of 30; the mean of end areas errs at the rise of 0.5 m
    np.testing.assert_allclose([series.total.cut, series.total.fill], 4.75 * 20.75, rtol=0.02)
