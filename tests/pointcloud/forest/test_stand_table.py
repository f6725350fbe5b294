"""Stand rows, diameters, omission and growth against plantations whose every tree is known. Costs about two seconds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pointcloud.errors import FileError, ParameterError
from pointcloud.forest.carbon_table import carbon_table
from pointcloud.forest.growth_change import Epoch, match_trees, stand_growth
from pointcloud.forest.growth_tables import example_yield_table
from pointcloud.forest.stands import Treatment, Work
from pointcloud.forest.stands_models import species_models
from pointcloud.forest.stands_table import Survey, UpperLayer, assign, stand_table, upper_layer
from pointcloud.forest.stem import stem_volume, volume_table
from pointcloud.forest.stem_diameter import calibrate, fallback_model
from pointcloud.forest.stem_plots import read_plots
from pointcloud.forest.uncertainty import assumed_height_error
from pointcloud.grid import Grid, Raster
from tests.oracles.plantations import CRS_8, SOUTH, WEST, rows_of, stand, trees_at

CONSTANTS = carbon_table()
ERROR = assumed_height_error()
BARE = Survey(None, None, ERROR)


def measured(stands, trees, survey=BARE, plots=None, **more):
    models, _ = species_models(stands, CONSTANTS, trees, plots)
    return stand_table(trees, stands, survey, models, **more)


def raster(value: float, columns: int = 100, cell: float = 1.0) -> Raster:
    """A raster over the first stand."""
    grid = Grid(int(WEST / cell), int(SOUTH / cell), columns, int(100 / cell), cell, CRS_8)
    return Raster(np.full(grid.shape, value), grid)


def test_a_stand_of_equal_trees():
    (row,) = measured([stand(0)], rows_of(0, 20.0))
    assert (row.n_detected, row.n_upper) == (625, 625)
    np.testing.assert_allclose([row.height_mean, row.height_lorey, row.height_upper, row.height_max], 20.0)
    np.testing.assert_allclose(row.area_ha, 1.0)
    dbh = fallback_model("スギ").predict(np.array([20.0]), np.array([9.0]))
    np.testing.assert_allclose(row.volume_m3, 625 * stem_volume(volume_table("東京スギ"), dbh, 20.0)[0])
    assert not row.is_dbh_for_credit
    assert math.isnan(row.stems_estimated)
    low, high = row.height_upper_ci95
    # survey 0.30, trees 0.60 / sqrt(625), ground 0.15: root of the sum of squares
    np.testing.assert_allclose((high - low) / 2, 1.96 * math.sqrt(0.3**2 + 0.024**2 + 0.15**2), rtol=1e-4)


def test_lorey_weighs_thick_trees():
    x, y = WEST + np.array([10.0, 20.0]), SOUTH + np.array([10.0, 20.0])
    (row,) = measured([stand(0)], trees_at(x, y, np.array([10.0, 20.0])))
    power = 2 * 0.809  # of height in the fallback's squared diameter
    expected = (10 ** (1 + power) + 20 ** (1 + power)) / (10**power + 20**power)
    np.testing.assert_allclose(row.height_lorey, expected, rtol=1e-12)
    assert row.height_mean == 15.0


def test_rules_of_the_upper_layer():
    heights = np.array([*[20.0] * 100, *[17.0] * 50, *[15.9] * 30, *[8.0] * 60])
    assert upper_layer(heights, 1.0, UpperLayer.ALL).size == 240
    assert upper_layer(heights, 1.0, UpperLayer.TOP_100).mean() == 20.0
    dominant = upper_layer(heights, 1.0, UpperLayer.DOMINANT)  # at least 0.8 x 20 m
    assert (dominant.size, dominant.min()) == (150, 17.0)
    assert upper_layer(heights, 0.5, UpperLayer.TOP_100).size == 50
    assert upper_layer(heights[:0], 1.0, UpperLayer.DOMINANT).size == 0


def test_the_apex_loss_is_added():
    trees = rows_of(0, 20.0)
    lost = replace(trees, apex_loss=np.full(len(trees), 0.4))
    np.testing.assert_allclose(measured([stand(0)], lost)[0].height_mean, 20.4)


def test_where_stands_overlap_the_first_owns_the_tree():
    twice = [stand(0), stand(0)]
    owner = assign(rows_of(0, 20.0), twice)
    assert (owner == 0).all()
    assert (assign(rows_of(5, 20.0), twice) == -1).all()


def test_canopy_coverage_and_ground_returns():
    half = raster(10.0, columns=50)
    half.values[:25] = 1.0  # a quarter of the half is low
    (row,) = measured([stand(0)], rows_of(0, 20.0), Survey(half, raster(0.04, 50), ERROR))
    np.testing.assert_allclose([row.covered, row.canopy_cover, row.ground_density], [0.5, 0.75, 0.04])
    assert [n.code for n in row.notes] == ["partly-outside", "few-ground-returns"]
    low, high = row.height_upper_ci95
    # the ground under it is known to 0.15 / sqrt(0.04) = 0.75 m
    np.testing.assert_allclose((high - low) / 2, 1.96 * math.sqrt(0.3**2 + 0.6**2 / row.n_upper + 0.75**2), rtol=1e-4)
    half.values[:] = np.nan  # no first return, but the ground's are known: surveyed all the same
    (row,) = measured([stand(0)], rows_of(0, 20.0), Survey(half, raster(0.04, 50), ERROR))
    assert row.covered == 0.5
    outside, empty = measured([stand(7), stand(0)], rows_of(3, 20.0), Survey(raster(10.0), None, ERROR))
    assert [p.code for p in outside.problems] == ["outside-survey"]
    assert [p.code for p in empty.problems] == ["empty-stand"]


def test_no_tree_at_all():
    none = rows_of(0, 20.0).take(np.zeros(625, bool))
    (row,) = measured([stand(0)], none)
    assert row.n_detected == 0
    assert row.volume_m3 == 0.0
    assert row.as_dict()["height_mean"] is None


def test_the_regression_finds_the_law_that_made_the_trees():
    rng = np.random.default_rng(5)
    height, area = rng.uniform(10, 28, 400), rng.uniform(4, 25, 400)
    noise = rng.normal(0, 0.08, 400)
    dbh = np.exp(0.3 + 0.7 * np.log(height) + 0.3 * np.log(area) + noise)
    model = calibrate("スギ", dbh, height, area, np.repeat([f"p{i}" for i in range(20)], 20))
    # three standard errors of 400 trees with a scatter of 8 %
    np.testing.assert_allclose([model.a, model.b, model.c, model.sigma], [0.3, 0.7, 0.3, 0.08], atol=0.15, rtol=0.1)
    # what a prediction misses is the scatter: 8 % of the diameters
    np.testing.assert_allclose(model.rmse_tree, np.sqrt(np.mean((0.08 * dbh) ** 2)), rtol=0.1)
    np.testing.assert_allclose(model.rmse_plot, model.rmse_tree, rtol=0.05)
    assert model.is_for_credit
    np.testing.assert_allclose(model.predict(height, area).mean(), dbh.mean(), rtol=0.01)


def test_leaving_one_out_by_hand():
    rng = np.random.default_rng(6)
    height, area = rng.uniform(10, 28, 12), rng.uniform(4, 25, 12)
    dbh = rng.uniform(10, 40, 12)
    errors = []
    for i in range(12):
        rest = np.arange(12) != i
        fit = calibrate("スギ", dbh[rest], height[rest], area[rest], np.full(11, "p"))
        errors.append(fit.predict(height[[i]], area[[i]])[0] - dbh[i])
    model = calibrate("スギ", dbh, height, area, np.full(12, "p"))
    np.testing.assert_allclose(model.rmse_tree, np.sqrt(np.mean(np.square(errors))), rtol=1e-10)
    assert math.isnan(model.rmse_plot)


def test_too_few_or_equal_calibration_trees_are_refused():
    ones = np.ones(20)
    with pytest.raises(ParameterError, match="9 calibration trees"):
        calibrate("スギ", ones[:9], np.arange(9) + 9.0, np.arange(9) + 5.0, np.full(9, "p"))
    with pytest.raises(ParameterError):
        calibrate("スギ", 20 * ones, 15 * ones, 9 * ones, np.full(20, "p"))


def test_the_fallback_is_jucker_s_equation():
    height, crown = 22.0, 4.2
    expected = 0.557 * (height * crown) ** 0.809 * math.exp(0.056**2 / 2)
    found = fallback_model("スギ").predict(np.array([height, 0.0]), np.array([math.pi / 4 * crown**2, 5.0]))
    np.testing.assert_allclose(found, [expected, 0.0], rtol=1e-12)
    assert "not for credit" in fallback_model("スギ").status


def test_plots_calibrate_diameters_and_count_what_is_missed(tmp_path):
    """Every fifth stem of the plots is suppressed and not detected; diameters follow from height and crown."""
    trees = rows_of(0, 20.0, spread=2.0)
    area = 6.0 + 6.0 * np.random.default_rng(2).uniform(size=len(trees))
    trees = trees_at(trees.x, trees.y, trees.height, area)
    lines = ["調査区,中心Y,中心X,半径,樹種,胸高直径,東,北"]
    for plot, (cx, cy) in enumerate([(WEST + 30, SOUTH + 30), (WEST + 70, SOUTH + 60), (WEST + 40, SOUTH + 80)]):
        for i in np.flatnonzero(np.hypot(trees.x - cx, trees.y - cy) <= 12.0):
            dbh = 2.0 * trees.height[i] ** 0.6 * trees.crown_area[i] ** 0.3
            lines.append(f"P{plot},{cx},{cy},12,スギ,{dbh},{trees.x[i] + 0.4},{trees.y[i] - 0.3}")
            if i % 4 == 0:
                lines.append(f"P{plot},{cx},{cy},12,スギ,8.0,,")
    path = tmp_path / "plots.csv"
    path.write_text("\n".join(lines), "cp932")
    (row,) = measured([stand(0)], trees, plots=read_plots(path))
    models, notes = species_models([stand(0)], CONSTANTS, trees, read_plots(path))
    model, omission = models["スギ"].diameter, models["スギ"].omission
    np.testing.assert_allclose([model.b, model.c, model.rmse_tree], [0.6, 0.3, 0.0], atol=1e-9)  # no scatter was put in
    assert not notes
    assert row.is_dbh_for_credit
    # a quarter more stems than tops; the plots hold some 28 trees each
    np.testing.assert_allclose(omission.ratio, 1.25, atol=0.05)
    assert row.stems_ci95[0] < 1.25 * 625 < row.stems_ci95[1]
    path.write_text("\n".join([lines[0], "P,1,2,12,スギ,-3,,"]), "cp932")
    with pytest.raises(FileError, match="line 2: dbh"):
        read_plots(path)


def test_growth_felled_and_fallen_trees_between_two_surveys():
    yields = example_yield_table(CONSTANTS.name_of)
    before, later = rows_of(0, 19.5), rows_of(0, 20.5)
    is_left = later.x < WEST + 80.0
    after = later.take(is_left)
    after = trees_at(after.x + 0.3, after.y, after.height)
    canopy = raster(20.0)
    canopy.values[:, 80:] = 0.3
    canopy.values[:, 90:] = 15.0  # a fifth was lost from the list, half of that stands under other crowns
    matches = match_trees(before, after, canopy)
    assert (matches.before.size, matches.gone.size, matches.hidden.size, matches.new.size) == (500, 50, 75, 0)
    stands = [stand(0)]
    epochs = [Epoch(y, t, measured(stands, t)) for y, t in ((2019, before), (2024, after))]
    (growth,) = stand_growth(stands, *epochs, matches, yields, CONSTANTS, ERROR)
    np.testing.assert_allclose([growth.upper, growth.matched], 0.2, atol=1e-9)
    assert (growth.n_matched, growth.n_gone, growth.class_name) == (500, 50, "3")
    curve = yields.of("スギ")[2]
    np.testing.assert_allclose(growth.expected, (curve.height_at(44) - curve.height_at(39)) / 5)
    assert growth.upper_ci95[0] < 0.2 < growth.upper_ci95[1]
    assert [n.code for n in growth.notes] == ["gone-unrecorded"]  # the thinning of 2015 was before the first survey
    works = (Treatment(2021, Work.THINNING, 0.2),)
    (told,) = stand_growth([stand(0, treatments=works)], *epochs, matches, yields, CONSTANTS, ERROR)
    assert [n.code for n in told.notes] == ["gone-felled"]
    assert "50 trees gone; the register has a felling or thinning in 2021" in told.notes[0].en
    with pytest.raises(ParameterError, match="must be later"):
        stand_growth(stands, epochs[1], epochs[0], matches, yields, CONSTANTS, ERROR)
