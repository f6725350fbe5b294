"""Surfaces of a survey: what they carry does not hang on the tiles."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines import tiling
from pipelines.engine import ground_parameters, survey_grid, survey_surfaces
from pipelines.tile_surfaces import cell_confidence
from pointcloud.grid import Grid
from pointcloud.ground.parameters import survey_parameters
from pointcloud.io.survey import open_survey


def test_confidence_is_the_same_in_tiles_and_in_one(slope, monkeypatch):
    survey = open_survey([slope.before], "EPSG:6676")
    grid = survey_grid(survey, 0.5)
    whole = survey_surfaces(survey, grid, 5.0, lambda _: None)
    monkeypatch.setattr(tiling.plan, "__defaults__", (12_000,))
    tiled = survey_surfaces(survey, grid, 5.0, lambda _: None)
    # bit for bit: sums of whole numbers do not hang on their order
    np.testing.assert_array_equal(tiled.confidence.values, whole.confidence.values)
    np.testing.assert_array_equal(np.isnan(whole.confidence.values), np.isnan(whole.terrain.values))
    known = whole.confidence.values[np.isfinite(whole.confidence.values)]
    assert known.min() >= 0
    assert known.max() <= 1
    assert np.median(known) > 0.5  # dense bare ground with some trees
    for surfaces in (whole, tiled):
        assert len(surfaces.ground_points) == surfaces.counts["class_2"]
        assert len(surfaces.key_points) == surfaces.counts["key_points"]
    np.testing.assert_array_equal(np.sort(tiled.ground_points.z), np.sort(whole.ground_points.z))


@pytest.mark.parametrize("max_points", [12_000, 5_000, 1_700])
def test_the_filter_gets_the_same_parameters_however_the_survey_is_cut(slope, monkeypatch, max_points):
    survey = open_survey([slope.before], "EPSG:6676")
    grid = survey_grid(survey, 0.5)
    whole = survey_parameters(survey.read(dimensions=("Classification",)))
    monkeypatch.setattr(tiling.plan, "__defaults__", (max_points,))
    assert ground_parameters(survey, grid, {}) == whole


def test_cell_confidence_is_the_mean_of_the_cell_or_of_the_square_around():
    rng = np.random.default_rng(7)
    grid = Grid(-3, 4, 9, 7, 0.5)
    x, y = rng.uniform(-4, 6, 40), rng.uniform(0, 8, 40)
    confidence = rng.random(40).astype(np.float32)
    found = cell_confidence(x, y, confidence, grid, 1.2)
    rows, columns = grid.cells_of(x, y)
    expected = np.full(grid.shape, np.nan)
    for i in range(grid.n_rows):
        for j in range(grid.n_columns):
            for reach in (0, 3):  # 1.2 m reach into three cells of 0.5 m
                near = (abs(rows - i) <= reach) & (abs(columns - j) <= reach)
                if np.isnan(expected[i, j]) and near.any():
                    expected[i, j] = confidence[near].mean()
    # a confidence is rounded to 2^-20, and the result to float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.isnan(cell_confidence(x[:0], y[:0], confidence[:0], grid, 1.2)).all()
