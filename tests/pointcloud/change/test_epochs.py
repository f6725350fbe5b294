"""Chains of surveys, and the Atami question on synthetic ground. About 2 seconds."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from shapely import box

from pointcloud.change.dated import in_order
from pointcloud.change.epochs import Epoch, check_chain, fill_ledger, steps
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid, Raster

GRID = Grid(104_000, -196_000, 300, 240, 0.5)
X, Y = np.meshgrid(*GRID.centres())
U, V = X - GRID.west, Y - GRID.south


def epoch(name, year, values):
    return Epoch(name, date(year, 6, 1), Raster(np.asarray(values, dtype=float), GRID))


@pytest.fixture
def surveys():
    rng = np.random.default_rng(1)
    return [epoch(f"s{year}", year, 100 + rng.normal(0, 1, GRID.shape)) for year in (2019, 2009, 2021, 2012)]


def test_every_pair_goes_from_earlier_to_later(surveys):
    assert [e.name for e in in_order(surveys)] == ["s2009", "s2012", "s2019", "s2021"]
    assert [(s.before.name, s.after.name) for s in steps(surveys)] == [
        ("s2009", "s2012"), ("s2012", "s2019"), ("s2019", "s2021")
    ]  # fmt: skip
    assert len(steps(surveys, "all")) == 6
    assert all(s.before.surveyed < s.after.surveyed for s in steps(surveys, "all"))


def test_chain_adds_up_cell_by_cell(surveys):
    closure = check_chain(steps(surveys))
    assert closure.largest_gap_m < 1e-12  # heights near 100 m in double precision
    assert closure.open_cells == 0
    surveys[3].terrain.values[5, :7] = np.nan  # 2012, in the middle
    surveys[1].terrain.values[9, 9] = np.nan  # 2009, an end
    closure = check_chain(steps(surveys))
    assert closure.open_cells == 7
    assert closure.largest_gap_m < 1e-12


def test_what_cannot_be_a_chain(surveys):
    chain = steps(surveys)
    with pytest.raises(ParameterError, match="chain"):
        check_chain([chain[0], chain[2]])
    with pytest.raises(ParameterError, match="at least two"):
        in_order(surveys[:1])
    with pytest.raises(ParameterError, match="own date"):
        in_order([surveys[0], epoch("other", 2019, surveys[0].terrain.values)])
    with pytest.raises(ParameterError, match="name"):
        in_order([surveys[0], epoch("s2019", 2020, surveys[0].terrain.values)])


def test_atami_residual_is_not_the_net():
    """A valley, filled in 2019, of which the flow of 2021 took the middle and natural ground below it."""
    valley = 400 + 0.2 * V + 0.05 * np.abs(U - 75)
    fill = np.clip(13 * (1 - ((U - 75) / 40) ** 2 - ((V - 60) / 50) ** 2), 0, None)
    scar = np.clip(16 * (1 - ((U - 82) / 34) ** 2 - ((V - 55) / 45) ** 2), 0, None)
    a, b, c = (Raster(z, GRID) for z in (valley, valley + fill, valley + fill - scar))
    outline = box(GRID.west + 30, GRID.south + 5, GRID.west + 125, GRID.south + 115)
    ledger = fill_ledger(a, b, c, outline)
    cell = GRID.cell_area
    # sums over the same cells, all of which lie inside the outline
    np.testing.assert_allclose(ledger.placed_m3, fill.sum() * cell, rtol=1e-9)
    np.testing.assert_allclose(ledger.moved_m3, scar.sum() * cell, rtol=1e-9)
    np.testing.assert_allclose(ledger.residual_m3, np.maximum(fill - scar, 0).sum() * cell, rtol=1e-9)
    np.testing.assert_allclose(ledger.net_m3, (fill - scar).sum() * cell, rtol=1e-9)
    np.testing.assert_allclose(ledger.net_m3, ledger.placed_m3 - ledger.moved_m3, rtol=1e-9)
    np.testing.assert_allclose(ledger.natural_m3, np.maximum(scar - fill, 0).sum() * cell, rtol=1e-9)
    # the point of the case: much fill is left although the net is near zero
    assert ledger.residual_m3 > 0.2 * ledger.placed_m3
    assert abs(ledger.net_m3) < 0.3 * ledger.residual_m3
    assert set(ledger.as_dict()) == {"placed_m3", "moved_m3", "residual_m3", "natural_m3", "net_m3"}


def test_ledger_counts_only_cells_that_all_surveys_know():
    flat, high = np.zeros(GRID.shape), np.full(GRID.shape, 2.0)
    holed = high.copy()
    holed[:, :150] = np.nan
    ledger = fill_ledger(Raster(flat, GRID), Raster(high, GRID), Raster(holed, GRID), box(*GRID.bounds.as_tuple()))
    np.testing.assert_allclose([ledger.placed_m3, ledger.residual_m3], 2.0 * 75 * 120, rtol=1e-9)
    assert ledger.moved_m3 == 0.0
