"""Alignment of a synthetic valley whose shift is known. About 10 seconds of one core."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pointcloud.bounds import Bounds
from pointcloud.change.align import align, resampled
from pointcloud.change.registration import _blocks, _jackknife, _Pairs
from pointcloud.change.stable import fit_trend, mean_slope, robust_fit, stable_ground
from pointcloud.cloud import PointCloud
from pointcloud.errors import OverlapError, ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.ground import surface

pytestmark = pytest.mark.slow(20)

WEST, SOUTH, SIZE = 52_000.0, -98_000.0, 160.0
GRID = Grid.covering(Bounds(WEST, SOUTH, WEST + SIZE - 0.01, SOUTH + SIZE - 0.01), 0.5)


def hills(x, y):
    u, v = x - WEST, y - SOUTH
    return 200 + 0.25 * u + 9 * np.sin(u / 23) * np.cos(v / 31) + 3 * np.sin(v / 11 + 0.3) + 1.5 * np.cos(u / 7)


def slump(x, y):
    """Eight metres deep, over a third of the area."""
    u, v = (x - WEST - 70) / 46, (y - SOUTH - 60) / 60
    return -8 * np.clip(1 - u**2 - v**2, 0, None)


def survey(seed, shift=(0.0, 0.0, 0.0), change=None, ground=hills, noise=0.08, tilt=0.0, n=16_000):
    rng = np.random.default_rng(seed)
    x, y = WEST + rng.uniform(-3, SIZE + 3, n), SOUTH + rng.uniform(-3, SIZE + 3, n)
    z = ground(x, y) + rng.normal(0, noise, n) + (change(x, y) if change else 0.0)
    z = z + tilt * (x - WEST - SIZE / 2)
    return PointCloud(x + shift[0], y + shift[1], z + shift[2])


def terrain(cloud):
    return surface.terrain(cloud.x, cloud.y, cloud.z, GRID).height


def aligned(before, after, **options):
    return align(before, after, terrain(before), terrain(after), **options)


@pytest.mark.parametrize("change", [None, slump], ids=["nothing moved", "a third moved"])
def test_shift_is_found_and_taken_out(change):
    shift = (0.41, -0.28, 0.17)
    before, after = survey(1), survey(2, shift, change)
    result = aligned(before, after)
    assert result.applied
    # four standard errors, which the blocks give as 4-6 mm across and 1 mm up
    np.testing.assert_array_less(np.abs(result.shift - shift), 4 * result.shift_sigma)
    assert np.all(result.shift_sigma < (0.015, 0.015, 0.003))
    np.testing.assert_allclose(result.grid_check, result.shift, atol=0.03, err_msg="Nuth & Kääb on the grids")
    assert result.residual_after_m < 0.6 * result.residual_before_m
    moved_back = result.apply(after)
    np.testing.assert_allclose(after.x - moved_back.x, result.correction[0], rtol=0, atol=1e-9)
    if change is not None:
        rows, columns = GRID.cells_of(np.array([WEST + 70.0]), np.array([SOUTH + 60.0]))
        assert result.stable.values[rows[0], columns[0]] == 0
        assert 0.35 * SIZE**2 < result.stable_area_m2 < 0.75 * SIZE**2


def test_no_shift_is_not_applied_and_chance_rarely_looks_like_one():
    n_applied = 0
    for seed in range(8):
        result = aligned(survey(100 + seed, n=9_000), survey(200 + seed, change=slump, n=9_000))
        n_applied += result.applied
        np.testing.assert_array_less(np.abs(result.shift), 5 * result.shift_sigma)
    assert n_applied <= 1, "three tests at 1 % each: two of eight by chance would happen once in fifty runs"


def test_flat_ground_tells_the_height_only():
    def flat(x, _y):
        return np.full(x.size, 12.0)

    before, after = survey(5, ground=flat), survey(6, (0.3, 0.2, 0.10), ground=flat)
    result = aligned(before, after)
    assert result.applied
    np.testing.assert_array_equal(result.correction[:2], 0)
    assert result.as_dict()["sigma_m"][0] is None
    np.testing.assert_allclose(result.correction[2], 0.10, atol=0.004)  # four standard errors of 1 mm


def test_plants_that_lift_the_later_points_do_not_move_the_terrain():
    before, after = survey(1), survey(2, (0.3, 0.2, 0.0))
    grown = PointCloud(after.x, after.y, after.z + 0.08)
    result = align(before, grown, terrain(before), terrain(after))
    np.testing.assert_array_less(np.abs(result.shift - (0.3, 0.2, 0.0)), 4 * result.shift_sigma)


def test_tilt_is_found():
    result = aligned(survey(7), survey(8, tilt=0.001))
    assert result.applied
    np.testing.assert_allclose(result.tilt, [0.001, 0], atol=1e-4)  # 5 standard errors
    after = result.apply(survey(8, tilt=0.001))
    np.testing.assert_allclose(np.median(after.z - hills(after.x, after.y)), 0, atol=0.004)
    assert result.as_dict()["tilt"]["applied"]


def test_none_changes_nothing():
    before, after = survey(1), survey(2, (0.4, 0.0, 0.2))
    result = aligned(before, after, mode="none")
    assert not result.applied
    assert result.apply(after) is after
    assert result.as_dict()["dx_m"] is None


def test_long_shift_is_an_error_that_says_where():
    with pytest.raises(ParameterError, match=r"up \+37") as caught:
        aligned(survey(1), survey(2, (0, 0, 37.0)))
    assert "標高" in caught.value.ja
    with pytest.raises(ParameterError):
        aligned(survey(1), survey(2, (0.5, 0, 0)), max_shift=0.3)


def test_no_common_ground_is_an_error():
    void = Raster(np.full(GRID.shape, np.nan), GRID)
    with pytest.raises(OverlapError):
        align(survey(1), survey(2), terrain(survey(1)), void)


def test_little_stable_ground_aligns_nothing_and_says_so():
    small = Grid(GRID.column, GRID.south_row, 40, 40, 0.5)
    pair = survey(1), survey(2)
    rasters = [surface.terrain(c.x, c.y, c.z, small).height for c in pair]
    result = align(*pair, *rasters)
    assert not result.applied
    assert [n.code for n in result.notes] == ["no-stable-ground"]


def test_result_is_ready_for_json_and_repeats_exactly():
    before, after = survey(1, n=9_000), survey(2, (0.2, 0.1, 0.05), slump, n=9_000)
    first, second = (json.dumps(aligned(before, after).as_dict(), allow_nan=False) for _ in range(2))
    assert first == second
    assert set(json.loads(first)) >= {"dx_m", "dy_m", "dz_m", "applied", "residual_before_m", "stable_area_m2", "tilt"}


def test_only_the_significant_part_is_taken_out():
    """Flat ground with a step in height: the horizontal shift found is noise, and stays."""
    before, after = survey(1), survey(2, (0.3, 0.0, 0.1))
    found = replace(aligned(before, after), correction=np.array([0.0, 0.0, 0.1]), tilt=np.zeros(2))
    moved = found.apply(after)
    np.testing.assert_array_equal(moved.x, after.x)
    np.testing.assert_allclose(moved.z, after.z - 0.1, rtol=0, atol=1e-12)  # rounding of heights of 200 m


def test_resampled_moves_a_plane_exactly():
    x, y = np.meshgrid(*GRID.centres())
    plane = Raster(0.3 * (x - WEST) - 0.2 * (y - SOUTH), GRID)
    moved = resampled(plane, np.array([0.3, -0.7, 0.5]))
    # a surface moved east by 0.3 reads, once moved back, what lay 0.3 further east
    expected = plane.values + 0.3 * 0.3 - 0.2 * -0.7 - 0.5
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(moved.values[inner], expected[inner], rtol=0, atol=1e-9)  # bilinear is exact on planes


def test_trend_of_exact_shift_and_tilt():
    x, y = np.meshgrid(*GRID.centres())
    before = Raster(hills(x, y), GRID)
    after = Raster(hills(x - 0.02, y + 0.01) + 0.05 + 0.0005 * (x - x.mean()), GRID)
    change = Raster(after.values - before.values, GRID)
    trend = fit_trend(change, mean_slope(before, after), np.ones(GRID.shape, bool), with_tilt=True)
    # the slope of 3 x 3 cells smooths the finest waves: one per cent of the shift
    np.testing.assert_allclose(trend.shift, [0.02, -0.01, 0.05], atol=5e-4)
    np.testing.assert_allclose(trend.tilt, [0.0005, 0], atol=1e-6)


def test_robust_fit_ignores_forty_per_cent_on_one_side():
    rng = np.random.default_rng(3)
    design = np.column_stack((rng.normal(size=2000), np.ones(2000)))
    values = design @ [0.3, 1.0] + rng.normal(0, 0.05, 2000)
    values[:800] += rng.uniform(1, 9, 800)
    np.testing.assert_allclose(robust_fit(design, values, np.zeros(2)), [0.3, 1.0], atol=0.01)  # seven standard errors


def test_stable_ground_of_noise_and_of_nothing():
    rng = np.random.default_rng(4)
    noise = Raster(rng.normal(0, 0.1, GRID.shape), GRID)
    assert stable_ground(noise).mean() > 0.97
    assert not stable_ground(Raster(np.full(GRID.shape, np.nan), GRID)).any()
    assert stable_ground(Raster(np.zeros(GRID.shape), GRID)).all()
    step = noise.values.copy()
    step[100:140, 100:140] += 0.5
    stable = stable_ground(Raster(step, GRID))
    assert not stable[100:140, 100:140].any()
    assert stable[:60].mean() > 0.95


def test_jackknife_equals_leaving_out_blocks_one_by_one():
    rng = np.random.default_rng(8)
    place = rng.uniform(0, 100, (600, 2))
    slopes = rng.normal(0, 0.3, (600, 2))
    normals = tuple(np.column_stack((slopes + rng.normal(0, 0.02, (600, 2)), np.ones(600))) for _ in range(2))
    offsets = np.array([0.1, -0.2, 0.3]) + rng.normal(0, 0.1, (600, 3))
    pairs, blocks = _Pairs(normals, offsets, place), _blocks(place, 25.0)
    estimate = _jackknife(pairs, blocks, [0, 1, 2])
    both = [np.sum(n * offsets, axis=1) for n in normals]
    left = sum(0.5 * (d - n @ estimate.found[:3]) for n, d in zip(normals, both, strict=True))
    usual, scale = np.median(np.abs(left)), np.zeros(left.size)
    for i, where in enumerate(np.floor(place / 10.0)):
        scale[i] = max(0.25 * usual, np.median(np.abs(left[np.all(np.floor(place / 10.0) == where, axis=1)])))
    ratio = left / scale
    weight = (
        np.clip(1 - (ratio / (4.685 * 1.4826 * np.median(np.abs(ratio)))) ** 2, 0, None) ** 2 * (usual / scale) ** 2
    )
    solutions = []
    for b in np.unique(blocks):
        w = np.where(blocks != b, weight, 0)[:, None]
        matrix = sum(normals[1 - k].T @ (w * normals[k]) for k in (0, 1))
        right = sum(normals[1 - k].T @ (w[:, 0] * both[k]) for k in (0, 1))
        solutions.append(np.linalg.solve(matrix, right))
    n = len(solutions)
    expected = (n - 1) * np.cov(np.array(solutions).T, bias=True)
    assert n == estimate.n_blocks == 16
    np.testing.assert_allclose(estimate.covariance[:3, :3], expected, rtol=1e-6)  # same sums in another order
    np.testing.assert_allclose(estimate.found[:3], [0.1, -0.2, 0.3], atol=0.06)  # four standard errors
