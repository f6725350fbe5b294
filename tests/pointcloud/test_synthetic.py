"""The synthetic valley keeps its word: what it says of its points can be measured in them.

Costs about 12 s of one core when the kernels are compiled, and 30 s more when they are not.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import Polygon

from pointcloud.bounds import Bounds
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid
from pointcloud.synthetic import Epoch, Kind, Scene, Species, SyntheticSurvey, valley

SCENE = valley()
E, N = SCENE.origin
"""The valley's reference point: coordinates in the tests count from here."""


@cache
def survey(epoch: Epoch = "before", density: float = 4.0) -> SyntheticSurvey:
    return SCENE.survey(epoch, density=density)


def box(west: float, south: float, east: float, north: float) -> Bounds:
    return Bounds(E + west, N + south, E + east, N + north)


def differing(a: SyntheticSurvey, b: SyntheticSurvey) -> list[str]:
    """Names of the columns that are not the same in both, to the bit."""
    first, second = (
        {"x": one.cloud.x, "y": one.cloud.y, "z": one.cloud.z, "kind": one.kind, "is_ground": one.is_ground}
        | dict(one.cloud.attributes)
        for one in (a, b)
    )
    assert first.keys() == second.keys()
    return [name for name, column in first.items() if not np.array_equal(column, second[name])]


def cut(whole: SyntheticSurvey, bounds: Bounds) -> SyntheticSurvey:
    inside = bounds.contains(whole.cloud.x, whole.cloud.y)
    return SyntheticSurvey(whole.cloud.take(inside), whole.is_ground[inside], whole.kind[inside])


def slopes(scene: Scene, t: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope in degrees over 8 m, so that roughness does not count."""
    x, y, h = E + t, N + w, 4.0
    east = scene.surface(x + h, y) - scene.surface(x - h, y)
    north = scene.surface(x, y + h) - scene.surface(x, y - h)
    return np.degrees(np.arctan(np.hypot(east, north) / (2 * h)))


class TestSurface:
    @pytest.mark.parametrize("degrees", [20.0, 40.0, 45.0, 55.0])
    def test_slopes_reach_the_stated_angle(self, degrees: float) -> None:
        scene = valley(max_slope_deg=degrees)
        t, w = np.arange(-130.0, -65.0)[np.newaxis, :], np.arange(0.0, 300.0)[:, np.newaxis]
        found = slopes(scene, t, w)
        # gullies and undulation add and take up to two degrees; the spurs' steepest side is a hundredth of the area
        np.testing.assert_allclose(np.percentile(found, 99.0), degrees, atol=2.5)

    def test_grid_and_points_agree(self) -> None:
        grid = Grid.covering(box(-20.0, 100.0, 30.0, 120.0), 0.5, SCENE.crs)
        x, y = grid.centres()
        raster = SCENE.surface_on(grid, "after")
        np.testing.assert_array_equal(raster.values[3, 5], SCENE.surface(x[5], y[3], "after"))

    def test_two_scenes_of_one_seed_are_one_and_of_two_seeds_are_two(self) -> None:
        x, y = E + np.linspace(-140.0, 140.0, 50), N + np.linspace(5.0, 295.0, 50)
        np.testing.assert_array_equal(valley().surface(x, y), SCENE.surface(x, y))
        assert np.abs(valley(seed=2).surface(x, y) - SCENE.surface(x, y)).max() > 1.0

    def test_fields_are_level_and_stepped(self) -> None:
        q = np.arange(40.0, 85.0, 0.1)
        z = SCENE.surface(E + q, np.full(q.size, N + 75.0))
        fall = np.diff(z) / 0.1
        assert (np.abs(fall) < 0.01).mean() > 0.85, "treads"
        assert (fall > 2.0).any(), "walls"
        np.testing.assert_allclose(z[-1] - z[0], 0.125 * 45.0, atol=1.2)  # one step more or less

    def test_water_is_level_across_the_stream_and_falls_along_it(self) -> None:
        z, cover = SCENE.terrain("before").at(*np.meshgrid(np.arange(-15.0, 15.0, 0.25), [40.0, 140.0]))
        levels = [np.unique(row[row_cover == 2]) for row, row_cover in zip(z, cover, strict=True)]
        assert [level.size for level in levels] == [1, 1]
        np.testing.assert_allclose(levels[1] - levels[0], 5.0, atol=1e-9)  # 100 m at 5 %


class TestVolumes:
    def test_planted_volumes_are_the_integral_of_the_change(self) -> None:
        grid = Grid.covering(box(-145.0, 55.0, -5.0, 135.0), 0.2, SCENE.crs)
        change = SCENE.surface_on(grid, "after").values - SCENE.surface_on(grid, "before").values
        truth = SCENE.truth
        # midpoint rule: inside, h2/24 x integral of the Laplacian (about 2 m3/m2 x 0.04 / 24 x 2000 m2 = 0.1 m3
        # before signs cancel); along 300 m of edge, whose slope of 0.5 is cut at random, far less
        np.testing.assert_allclose(change[change > 0].sum() * 0.04, truth.fill_m3, atol=0.3)
        np.testing.assert_allclose(-change[change < 0].sum() * 0.04, truth.cut_m3, atol=0.3)
        assert truth.net_m3 == truth.fill_m3 - truth.cut_m3 == -1000.0

    def test_zones_hold_their_change_and_do_not_meet(self) -> None:
        rng = np.random.default_rng(3)
        x, y = SCENE.bounds.x_min + 300.0 * rng.random(200_000), SCENE.bounds.y_min + 300.0 * rng.random(200_000)
        change = SCENE.surface(x, y, "after") - SCENE.surface(x, y, "before")
        polygons = [Polygon(zone.ring) for zone in SCENE.truth.zones]
        assert all(polygon.is_valid and polygon.exterior.is_ccw for polygon in polygons)
        assert polygons[0].disjoint(polygons[1])
        where = [shapely.contains_xy(polygon, x, y) for polygon in polygons]
        assert change[where[0]].min() < -2.0
        assert change[where[0]].max() <= 0.0
        assert change[where[1]].max() > 2.0
        assert change[where[1]].min() >= 0.0
        np.testing.assert_array_equal(change[~(where[0] | where[1])], 0.0)

    def test_zones_as_geojson(self) -> None:
        collection = SCENE.truth.zones_geojson()
        feature = collection["features"][0]
        assert feature["properties"] == {"name": "scar", "cut_m3": 3500.0, "fill_m3": 0.0, "net_m3": -3500.0}
        ring = feature["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert "6676" in collection["crs"]["properties"]["name"]

    def test_other_volumes_keep_the_outline(self) -> None:
        other = valley(scar_m3=700.0, deposit_m3=100.0).truth
        assert (other.cut_m3, other.fill_m3) == (700.0, 100.0)
        assert other.zones[0].ring == SCENE.truth.zones[0].ring


class TestPoints:
    @pytest.mark.parametrize("epoch", ["before", "after"])
    def test_ground_points_lie_on_the_surface_of_their_epoch(self, epoch: Epoch) -> None:
        points = survey(epoch)
        cloud = points.cloud
        residual = (cloud.z - SCENE.surface(cloud.x, cloud.y, epoch))[points.is_ground]
        # 0.035 m of range noise and 0.05 m in the plane times a slope of up to 0.8; boresight errors of the line
        # of 0.01 m in height and 0.015 m in the plane shift the mean
        assert np.median(np.abs(residual)) < 1.4826**-1 * 0.065
        assert abs(np.median(residual)) < 0.04
        assert np.quantile(np.abs(residual), 0.999) < 0.5, "only walls of 4:1 make more of the noise in the plane"

    def test_each_kind_is_where_it_belongs(self) -> None:
        points = survey()
        cloud, kind = points.cloud, points.kind
        height = cloud.z - SCENE.surface(cloud.x, cloud.y)
        assert set(np.unique(kind)) == set(Kind)
        # 0.2-1.5 m; noise of 0.05 m in the plane on banks, four sigma of range noise
        low = height[kind == Kind.LOW_VEGETATION]
        assert np.quantile(low, 0.001) > 0.0
        assert np.quantile(low, 0.999) < 1.8
        assert height[kind == Kind.LOW_NOISE].max() < -0.5
        assert height[kind == Kind.HIGH_NOISE].min() > 20.0
        assert height[kind == Kind.WIRE].min() > 15.0
        assert np.quantile(height[kind == Kind.BUILDING], 0.05) > 2.0
        assert height[kind == Kind.TREE].max() < 36.0
        np.testing.assert_array_equal(points.is_noise, kind >= Kind.LOW_NOISE)
        np.testing.assert_array_equal(points.is_ground, (kind == Kind.GROUND) | (kind == Kind.WATER))

    def test_water_gives_few_returns(self) -> None:
        points = survey()
        grid = Grid.covering(SCENE.bounds, 0.5)
        x, y = grid.centres()
        _, cover = SCENE.terrain("before").at(x[np.newaxis, :] - E, y[:, np.newaxis] - N)
        density = (points.kind == Kind.WATER).sum() / ((cover == 2).sum() * 0.25)
        np.testing.assert_allclose(density, 0.12 * 4.0, rtol=0.15)  # 600 points: one sigma is 4 %, and edges

    def test_the_two_epochs_share_no_point(self) -> None:
        before, after = survey("before").cloud, survey("after").cloud
        common = np.intersect1d(before.x + 1j * before.y, after.x + 1j * after.y)
        # centimetre coordinates: 460,000 x 460,000 pairs in 9e8 cells meet by chance 235 times
        assert common.size < 300
        assert before.attributes["GpsTime"].max() < after.attributes["GpsTime"].min()

    def test_forest_lets_less_through_under_hinoki(self) -> None:
        points = survey()
        first = points.cloud.attributes["ReturnNumber"] == 1
        shares: dict[Species, list[float]] = {Species.SUGI: [], Species.HINOKI: []}
        for stand, ring in SCENE.truth.stands:
            (west, south), (east, north) = np.min(ring, axis=0) + 8.0, np.max(ring, axis=0) - 8.0
            if min(east - west, north - south) > 25.0:
                inside = Bounds(west, south, east, north).contains(points.cloud.x, points.cloud.y)
                shares[stand.species].append((points.is_ground & inside).sum() / (first & inside).sum())
        # what surveys of closed plantations show: a quarter under sugi, a sixth under hinoki, more beside roads
        assert 0.2 < min(shares[Species.SUGI]) < 0.35
        assert 0.1 < min(shares[Species.HINOKI]) < 0.25
        assert min(shares[Species.HINOKI]) < min(shares[Species.SUGI])


class TestScanner:
    @pytest.mark.parametrize("density", [4.0, 16.0])
    def test_density_is_that_of_pulses(self, density: float) -> None:
        bounds = box(-110.0, 20.0, -20.0, 110.0)
        returns = SCENE.survey("before", density=density, bounds=bounds).cloud.attributes["ReturnNumber"]
        # relief stretches and squeezes the pattern by a tenth here and there, and swaths end
        np.testing.assert_allclose((returns == 1).sum() / bounds.area, density, rtol=0.08)

    def test_returns_of_a_pulse_belong_together(self) -> None:
        cloud = survey().cloud
        number, total = cloud.attributes["ReturnNumber"], cloud.attributes["NumberOfReturns"]
        time, starts, counts = np.unique(cloud.attributes["GpsTime"], return_index=True, return_counts=True)
        assert np.all(np.diff(cloud.attributes["GpsTime"]) >= 0.0), "order of flight"
        inside = SCENE.bounds.buffered(-45.0).contains(cloud.x[starts], cloud.y[starts])
        np.testing.assert_array_equal(counts[inside], total[starts][inside])
        np.testing.assert_array_equal(number[starts][inside], 1)
        follows = np.flatnonzero(number[1:] > 1) + 1
        follows = follows[cloud.attributes["GpsTime"][follows] == cloud.attributes["GpsTime"][follows - 1]]
        np.testing.assert_array_equal(number[follows], number[follows - 1] + 1)
        # returns are at least 0.8 m apart before noise of 0.035 m on each: five sigma
        assert (cloud.z[follows - 1] - cloud.z[follows]).min() > 0.8 - 5 * 0.035 * np.sqrt(2.0) - 0.01
        assert 1.2 < len(cloud) / time.size < 1.7
        assert total.max() <= 5

    def test_lines_sweep_to_and_fro(self) -> None:
        cloud = survey().cloud
        line = cloud.attributes["PointSourceId"]
        assert np.unique(line).size >= 3
        one = line == np.bincount(line).argmax()
        angle, direction = cloud.attributes["ScanAngleRank"][one], cloud.attributes["ScanDirectionFlag"][one]
        assert angle.dtype == np.int8
        assert abs(angle).max() == 15
        step = np.sign(np.diff(angle.astype(int)))
        same_sweep = (np.diff(direction.astype(int)) == 0) & (step != 0)
        forward = direction[1:] == 1
        np.testing.assert_array_equal(step[same_sweep & forward], 1)
        np.testing.assert_array_equal(step[same_sweep & ~forward], -1)
        assert (np.diff(direction.astype(int)) != 0).sum() > 100

    def test_attributes_are_those_of_the_format(self) -> None:
        points = survey()
        types = {name: column.dtype.name for name, column in points.cloud.attributes.items()}
        assert types == {
            "Intensity": "uint16", "ReturnNumber": "uint8", "NumberOfReturns": "uint8", "ScanDirectionFlag": "uint8",
            "EdgeOfFlightLine": "uint8", "Classification": "uint8", "ScanAngleRank": "int8",
            "PointSourceId": "uint16", "GpsTime": "float64",
        }  # fmt: skip
        assert not points.cloud.attributes["Classification"].any()
        assert points.cloud.crs is not None
        assert points.cloud.crs.to_epsg() == 6676
        assert SCENE.bounds.contains(points.cloud.x, points.cloud.y).all()
        np.testing.assert_allclose(points.cloud.z * 100.0, np.round(points.cloud.z * 100.0), atol=1e-6)


class TestTiles:
    # one cuts the hall and the wires, one the slide, one lies at the scene's corner, one is a metre wide
    @pytest.mark.parametrize(
        "extent",
        [
            (30.0, 235.0, 57.0, 262.0),
            (-100.0, 60.0, -60.0, 97.0),
            (120.0, 270.0, 400.0, 400.0),
            (0.0, 100.0, 1.0, 160.0),
        ],
    )
    @pytest.mark.parametrize("epoch", ["before", "after"])
    def test_a_tile_is_a_part_of_the_whole(self, epoch: Epoch, extent: tuple[float, float, float, float]) -> None:
        tile = SCENE.survey(epoch, density=4.0, bounds=box(*extent))
        assert len(tile.cloud) > 20
        assert differing(tile, cut(survey(epoch), box(*extent))) == []

    def test_shifted_survey(self) -> None:
        bounds = box(-60.0, 60.0, -20.0, 120.0)
        plain = survey("after").cloud
        shifted = SCENE.survey("after", density=4.0, bounds=bounds, shift=(0.3, -0.2, 0.12)).cloud
        moved = box(-60.3, 60.2, -20.3, 120.2).contains(plain.x, plain.y)
        # rounding to centimetres before and after the shift may differ by one; so may the points on the edge
        assert abs(moved.sum() - len(shifted)) <= 5
        moved_by = [getattr(shifted, name).mean() - getattr(plain, name)[moved].mean() for name in ("x", "y", "z")]
        np.testing.assert_allclose(moved_by, (0.3, -0.2, 0.12), atol=0.005)

    def test_same_seed_same_points_and_another_seed_another_flight(self) -> None:
        bounds = box(-80.0, 80.0, -50.0, 110.0)
        first = valley().survey("before", density=4.0, bounds=bounds)
        assert differing(first, SCENE.survey("before", density=4.0, bounds=bounds)) == []
        other = SCENE.survey("before", density=4.0, bounds=bounds, seed=1)
        assert np.intersect1d(first.cloud.x + 1j * first.cloud.y, other.cloud.x + 1j * other.cloud.y).size < 50

    def test_beyond_the_scene_there_is_nothing(self) -> None:
        empty = SCENE.survey("before", bounds=box(1000.0, 0.0, 1100.0, 100.0))
        assert len(empty.cloud) == empty.kind.size == empty.is_ground.size == 0
        assert "GpsTime" in empty.cloud.attributes

    def test_larger_scene_repeats_the_valley(self) -> None:
        wide = valley(size_m=900.0)
        x, y = E + np.array([-300.0, 300.0, 0.0]), N + np.array([-250.0, 400.0, 150.0])
        assert np.isfinite(wide.surface(x, y)).all()
        far = wide.survey("before", density=2.0, bounds=box(300.0, 300.0, 360.0, 360.0))
        residual = far.cloud.z - wide.surface(far.cloud.x, far.cloud.y)
        assert far.is_ground.sum() > 500
        assert np.median(np.abs(residual[far.is_ground])) < 0.05  # as in the core, see above
        assert len(wide.truth.trees) > 8 * len(SCENE.truth.trees)


class TestTrees:
    def test_slide_took_the_trees_in_its_way(self) -> None:
        trees = SCENE.truth.trees
        for zone in SCENE.truth.zones:
            ring = Polygon(zone.ring).buffer(-5.0)  # trees stand up to 1.6 m inside the zone; their crowns reach 3 m
            points = survey("after")
            inside = shapely.contains_xy(ring, points.cloud.x, points.cloud.y)
            assert not (points.kind[inside] == Kind.TREE).any()
            assert not (points.kind[inside] == Kind.LOW_VEGETATION).any()
            before = survey("before")
            inside = shapely.contains_xy(ring, before.cloud.x, before.cloud.y)
            assert (before.kind[inside] == Kind.TREE).sum() > 500
        assert 100 < (~trees.is_standing_after).sum() < 600

    def test_tree_list_is_that_of_a_plantation(self) -> None:
        trees = SCENE.truth.trees
        assert 4000 < len(trees) < 7000
        np.testing.assert_allclose(trees.foot_z, SCENE.surface(trees.x, trees.y), atol=1e-6)
        assert 0.07 < trees.is_suppressed.mean() < 0.13
        assert set(np.unique(trees.species)) == {Species.SUGI, Species.HINOKI}
        assert (trees.crown_base > 0.2 * trees.height).all()
        assert (trees.crown_base < 0.8 * trees.height).all()
        by_stand = {stand.number: stand for stand, _ in SCENE.truth.stands}
        for number, stand in by_stand.items():
            upper = (trees.stand == number) & ~trees.is_suppressed
            if upper.sum() > 100:
                np.testing.assert_allclose(trees.height[upper].mean(), stand.top_height, rtol=0.02)

    def test_points_reach_the_tops_of_the_upper_layer_from_below(self) -> None:
        bounds = box(-85.0, 170.0, -60.0, 195.0)
        points = SCENE.survey("before", bounds=bounds)
        trees = SCENE.truth.trees
        chosen = bounds.buffered(-3.0).contains(trees.x, trees.y) & ~trees.is_suppressed
        is_tree = points.kind == Kind.TREE
        x, y, z = points.cloud.x[is_tree], points.cloud.y[is_tree], points.cloud.z[is_tree]
        missed = []
        for i in np.flatnonzero(chosen):
            near = np.hypot(x - trees.x[i], y - trees.y[i]) < 0.25 * trees.crown_diameter[i]
            if near.any():
                missed.append(trees.foot_z[i] + trees.height[i] - z[near].max())
        assert len(missed) > 20
        assert -0.3 < np.median(missed) < 1.2, "a pulse seldom meets the apex, and enters a crown before it returns"


@pytest.mark.parametrize(
    ("name", "value"),
    [("size_m", 100.0), ("size_m", np.nan), ("density", 0.0), ("max_slope_deg", 80.0), ("scar_m3", -5.0)],
)
def test_values_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name) as caught:
        valley(**{name: value})
    assert name in caught.value.ja


def test_density_of_a_survey_is_checked() -> None:
    with pytest.raises(ParameterError, match="density"):
        SCENE.survey("before", density=-1.0)


@settings(max_examples=10, deadline=None)
@given(west=st.floats(-150.0, 140.0), south=st.floats(0.0, 290.0), width=st.floats(0.5, 8.0))
def test_any_tile_is_a_part_of_the_whole(west: float, south: float, width: float) -> None:
    bounds = box(west, south, west + width, south + width)
    assert differing(SCENE.survey("before", density=4.0, bounds=bounds), cut(survey(), bounds)) == []
