"""Patches of a scar and a deposit of known volume. About 3 seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shapely import LineString

from pipelines.bench.coverage import GRID, make_case
from pointcloud.change.patches import chainage, change_patches, mass_balance
from pointcloud.change.uncertainty import error_model
from pointcloud.errors import ParameterError
from pointcloud.grid import Raster

FLAT = np.zeros(GRID.shape)


@pytest.fixture(scope="module")
def case():
    return make_case(11)


@pytest.fixture(scope="module")
def error(case):
    return error_model(case.change, case.quality, case.quality, (FLAT, FLAT))


def test_scar_and_deposit_are_found_with_their_figures(case, error):
    patches = change_patches(case.change, error)
    assert sorted(p.kind for p in patches) == ["deposit", "source"]
    for patch in patches:
        sign = -1 if patch.kind == "source" else 1
        part = np.maximum(sign * case.truth, 0)
        # the faint rim, thinner than the noise of a window, is left out: a fifth of the area, little volume
        np.testing.assert_allclose(patch.volume_m3, part.sum(), rtol=0.05)
        np.testing.assert_allclose(patch.area_m2, np.count_nonzero(part), rtol=0.25)
        np.testing.assert_allclose(patch.polygon.area, patch.area_m2, rtol=1e-9)
        np.testing.assert_allclose(patch.mean_depth_m, patch.volume_m3 / patch.area_m2)
        # the largest of a hundred windows whose means are good to 0.13 m
        np.testing.assert_allclose(patch.largest_depth_m, part.max(), atol=0.4)
        assert patch.polygon.is_valid
        assert 0 < patch.sigma_m3 < 0.05 * patch.volume_m3
        json.dumps(patch.as_dict(), allow_nan=False)
    assert patches[0].volume_m3 >= patches[1].volume_m3


def test_balance(case, error):
    patches = change_patches(case.change, error)
    balance = mass_balance(patches)
    assert balance.lost_m3 == balance.source_m3 - balance.deposit_m3
    assert abs(balance.lost_m3 - -case.truth.sum()) < 4 * balance.sigma_m3 + 0.05 * balance.source_m3
    assert mass_balance([]).lost_m3 == 0.0


def test_no_change_has_no_patches():
    rng = np.random.default_rng(2)
    quality = make_case(1).quality
    change = Raster(rng.normal(0, 0.2, GRID.shape), GRID)
    assert change_patches(change, error_model(change, quality, quality, (FLAT, FLAT))) == []


def test_chainage_carries_the_source_down_to_the_deposit(case, error):
    line = LineString([(GRID.west + 95, GRID.north - 30), (GRID.west + 95, GRID.south + 20)])
    reaches = chainage(case.change, error, line, 25.0, 60.0)
    assert [r.from_m for r in reaches] == [0, 25, 50, 75, 100, 125]
    assert reaches[-1].to_m == 150
    counted = np.where(error.region, case.change.values, 0)
    np.testing.assert_allclose(reaches[-1].carried_m3, -counted.sum(), rtol=1e-9)
    assert reaches[1].cut_m3 > 5 * reaches[1].fill_m3
    assert reaches[4].fill_m3 > 5 * reaches[4].cut_m3
    assert (
        max(r.carried_m3 for r in reaches)
        == reaches[3 if reaches[3].carried_m3 > reaches[2].carried_m3 else 2].carried_m3
    )
    with pytest.raises(ParameterError):
        chainage(case.change, error, line, 0.0, 10.0)
