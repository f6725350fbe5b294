"""Volume methods on solids with a formula, and the exact prism against shapely. About 8 seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from pointcloud.change import prism_kernels
from pointcloud.change.end_area import end_area, long_axis
from pointcloud.change.mesh import corner_volume
from pointcloud.change.methods import METHODS, side_by_side
from pointcloud.change.prism import prism_volume
from pointcloud.errors import GeometryError, ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.ground.surface import Tin, triangulate
from tests.oracles.prisms import volume as volume_by_shapely

GRID = Grid(104_000, -196_000, 80, 60, 0.5)  # E 52000, N -98000; 40 m x 30 m
E, N = GRID.west, GRID.south
EXACT = 1e-9
"""Sums of a thousand pieces in double precision, relative."""


def tin(*points):
    x, y, z = np.array(points, dtype=float).T
    return triangulate(x + E, y + N, z)


def raster(f):
    x, y = np.meshgrid(*GRID.centres())
    return Raster(f(x - E, y - N), GRID)


def rectangle(x0, y0, x1, y1):
    return box(E + x0, N + y0, E + x1, N + y1)


FLOOR = tin((-1, -1, 5), (41, -1, 5), (41, 31, 5), (-1, 31, 5))
ZONES = {
    "rectangle": rectangle(3.2, 4.1, 33.3, 26.7),
    "with a hole": Polygon(rectangle(2, 2, 36, 28).exterior.coords, [rectangle(10, 8, 20.3, 17.7).exterior.coords]),
    "two parts": MultiPolygon([rectangle(1, 1, 9, 9), rectangle(15, 11, 30, 28)]),
    "thinner than a cell": rectangle(10.1, 3, 10.22, 27),
    "concave": Polygon([(E + 2, N + 2), (E + 38, N + 3), (E + 20, N + 12), (E + 35, N + 28), (E + 4, N + 25)]),
}


@pytest.mark.parametrize("zone", ZONES.values(), ids=ZONES.keys())
def test_prism_between_planes(zone):
    """A prism's net is its plane's height at the centroid times the area."""
    top = tin(*((x, y, 5 + 0.5 + 0.03 * x + 0.02 * y) for x, y in ((-1, -1), (41, -1), (41, 31), (-1, 31))))
    found = prism_volume(FLOOR, top, zone)
    c = zone.centroid
    np.testing.assert_allclose(found.fill_m3, zone.area * (0.5 + 0.03 * (c.x - E) + 0.02 * (c.y - N)), rtol=EXACT)
    np.testing.assert_allclose(found.area_m2, zone.area, rtol=EXACT)
    assert found.cut_m3 == 0.0


def test_pyramid_and_its_hole():
    base = ((5, 5), (25, 5), (25, 21), (5, 21))
    edge = [(-1, -1, 5), (41, -1, 5), (41, 31, 5), (-1, 31, 5)]
    for apex in (6.0, -6.0):
        solid = tin(*edge, *((x, y, 5) for x, y in base), (15, 13, 5 + apex))
        found = prism_volume(FLOOR, solid, rectangle(0, 0, 40, 30))
        np.testing.assert_allclose(found.net_m3, 20 * 16 * apex / 3, rtol=EXACT)
        np.testing.assert_allclose((found.fill_m3, found.cut_m3)[apex < 0], 20 * 16 * 6 / 3, rtol=EXACT)


def test_cone_is_the_pyramid_over_its_polygon():
    n, radius, apex = 64, 9.0, 4.0
    angle = 2 * np.pi * np.arange(n) / n
    rim = [(20 + radius * np.cos(a), 15 + radius * np.sin(a), 5) for a in angle]
    solid = tin((-1, -1, 5), (41, -1, 5), (41, 31, 5), (-1, 31, 5), *rim, (20, 15, 5 + apex))
    found = prism_volume(FLOOR, solid, rectangle(0, 0, 40, 30))
    np.testing.assert_allclose(found.fill_m3, 0.5 * n * radius**2 * np.sin(2 * np.pi / n) * apex / 3, rtol=EXACT)


def test_crossing_planes_split_at_the_zero_line():
    tilted = tin(*((x, y, 5 + 0.1 * (x - 20)) for x, y in ((-1, -1), (41, -1), (41, 31), (-1, 31))))
    found = prism_volume(FLOOR, tilted, rectangle(0, 0, 40, 30))
    np.testing.assert_allclose([found.cut_m3, found.fill_m3], 30 * 20 * 2.0 / 2, rtol=EXACT)


@pytest.mark.parametrize("zone", ["concave", "with a hole", "thinner than a cell"])
def test_prism_equals_shapely(zone):
    rng = np.random.default_rng(3)
    tins = [tin(*rng.uniform((-2, -2, 0), (42, 32, 3), (40, 3))) for _ in range(2)]
    found = prism_volume(*tins, ZONES[zone])
    expected = volume_by_shapely(*tins, ZONES[zone])
    # slivers at the edges, which shapely places to about 1e-9 m
    np.testing.assert_allclose([found.cut_m3, found.fill_m3, found.area_m2], expected, rtol=1e-6)


def test_prism_outside_the_tins_is_void():
    small = tin((0, 0, 1), (10, 0, 1), (10, 10, 1), (0, 10, 1))
    found = prism_volume(small, FLOOR, rectangle(5, 5, 25, 10))
    np.testing.assert_allclose([found.area_m2, found.void_area_m2], [25, 75], rtol=EXACT)
    empty = Tin(np.zeros(0), np.zeros(0), np.zeros(0), np.empty((0, 3), np.uint32))
    assert prism_volume(empty, FLOOR, rectangle(5, 5, 25, 10)).void_area_m2 == 100


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_positive_part(values):
    a, b, c = values
    found = prism_kernels.positive_part.py_func(2.0, a, b, c) - prism_kernels.positive_part.py_func(2.0, -a, -b, -c)
    np.testing.assert_allclose(found, 2.0 * (a + b + c) / 3, atol=1e-12)  # positive less negative part is the whole
    u, v = np.meshgrid((np.arange(300) + 0.5) / 300, (np.arange(300) + 0.5) / 300)
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    brute = 2.0 * np.maximum(a + u * (b - a) + v * (c - a), 0).mean()
    np.testing.assert_allclose(prism_kernels.positive_part(2.0, a, b, c), brute, atol=2e-3)  # 90,000 samples


def test_overlay_in_python_equals_compiled(monkeypatch):
    rng = np.random.default_rng(4)
    tins = [tin(*rng.uniform((-2, -2, 0), (42, 32, 3), (12, 3))) for _ in range(2)]
    compiled = prism_volume(*tins, ZONES["concave"])
    names = [n for n, f in vars(prism_kernels).items() if hasattr(f, "py_func")]
    for name in names:
        monkeypatch.setattr(prism_kernels, name, getattr(prism_kernels, name).py_func)
    assert len(names) == 9
    slow = prism_volume(*tins, ZONES["concave"])
    np.testing.assert_allclose([slow.cut_m3, slow.fill_m3], [compiled.cut_m3, compiled.fill_m3], rtol=EXACT)


@pytest.mark.parametrize("zone", ["rectangle", "thinner than a cell"])
@pytest.mark.parametrize("rule", ["columns", "mean"])
def test_corner_methods_on_a_level_change(zone, rule):
    polygon = ZONES[zone]
    found = corner_volume(raster(lambda x, _y: np.full(x.shape, 0.7)), polygon, rule)
    np.testing.assert_allclose([found.fill_m3, found.area_m2], [0.7 * polygon.area, polygon.area], rtol=EXACT)


def test_corner_methods_on_a_plane_over_whole_cells():
    # mesh cells span cell centres: 4.25 to 20.25 east and 3.25 to 13.25 north are whole cells
    polygon = rectangle(4.25, 3.25, 20.25, 13.25)
    change = raster(lambda x, y: 0.2 * (x - 12.25) + 0.0 * y)
    for rule in ("columns", "mean"):
        np.testing.assert_allclose(corner_volume(change, polygon, rule).net_m3, 0, atol=1e-9)
    # the mean is exact on a plane whose zero line runs between cells; columns see each side half a cell further
    np.testing.assert_allclose(corner_volume(change, polygon, "mean").fill_m3, 10 * 8 * 1.6 / 2, rtol=EXACT)
    np.testing.assert_allclose(corner_volume(change, polygon, "columns").fill_m3, 10 * 8 * 1.6 / 2, rtol=EXACT)


def test_mean_cancels_inside_a_cell_and_columns_do_not():
    change = raster(lambda x, _y: np.where(np.floor((x - 0.25) / 0.5) % 2 == 0, 1.0, -1.0))
    polygon = rectangle(4.25, 3.25, 20.25, 13.25)
    mean, columns = (corner_volume(change, polygon, rule) for rule in ("mean", "columns"))
    assert mean.fill_m3 == mean.cut_m3 == 0.0
    np.testing.assert_allclose([columns.fill_m3, columns.cut_m3], 80, rtol=EXACT)


def test_void_corner_makes_a_void_cell():
    change = raster(lambda x, _y: np.ones(x.shape))
    change.values[30, 40] = np.nan
    found = corner_volume(change, rectangle(4, 4, 36, 26), "mean")
    np.testing.assert_allclose(found.void_area_m2, 4 * 0.25, rtol=EXACT)


def test_end_area_of_a_prism_is_exact_and_of_a_wedge_too():
    line = LineString([(E + 2, N + 10), (E + 34, N + 10)])
    polygon = rectangle(2, 4, 34, 16)
    wedge = raster(lambda x, _y: 0.1 * x)
    found = end_area(wedge, polygon, line, 5.0)
    np.testing.assert_allclose(found.volume.fill_m3, 12 * 32 * 1.8, rtol=EXACT)
    np.testing.assert_allclose(found.volume.area_m2, polygon.area, rtol=EXACT)
    assert [s.distance_m for s in found.stations] == [0, 5, 10, 15, 20, 25, 30, 32]


def test_end_area_makes_too_much_of_a_pyramid():
    """The published example: 0 to 30 m2 over 20 m gives 300 m3, the pyramid has 200 m3."""
    # half width 7.5 x / 20, height 4 x / 20 at the middle of a triangle-shaped zone of constant depth by section
    polygon = Polygon([(E + 5, N + 15), (E + 25, N + 22.5), (E + 25, N + 7.5)])
    change = raster(lambda x, _y: np.clip((x - 5) / 20, 0, None) * 2.0)
    line = LineString([(E + 5, N + 15), (E + 25, N + 15)])
    np.testing.assert_allclose(end_area(change, polygon, line, 20.0).volume.fill_m3, 300, rtol=1e-6)
    np.testing.assert_allclose(end_area(change, polygon, line, 0.1).volume.fill_m3, 200, rtol=1e-3)


def test_automatic_line_is_the_long_axis():
    turned = shapely.affinity.rotate(rectangle(5, 10, 35, 18), 20)
    line = long_axis(turned)
    np.testing.assert_allclose(line.length, 30, rtol=1e-9)
    np.testing.assert_allclose(line.interpolate(0.5, normalized=True).distance(turned.centroid), 0, atol=1e-6)
    assert line.coords[0][0] < line.coords[1][0]


def test_end_area_refuses_nonsense():
    change = raster(lambda x, _y: x)
    with pytest.raises(ParameterError):
        end_area(change, ZONES["rectangle"], interval=0.0)
    with pytest.raises(GeometryError):
        end_area(change, ZONES["rectangle"], LineString([(E, N), (E, N)]))


def test_all_methods_agree_on_a_smooth_mound():
    def mound(x, y):
        return 3 * np.exp(-((x - 20) ** 2 + (y - 15) ** 2) / 40) - 0.4

    rng = np.random.default_rng(5)
    x, y = rng.uniform(-1, 41, 20_000), rng.uniform(-1, 31, 20_000)
    before = triangulate(x + E, y + N, np.full(x.size, 5.0))
    after = triangulate(x[::2] + E, y[::2] + N, 5.0 + mound(x, y)[::2])
    zone = Point(E + 20, N + 15).buffer(11)
    found = side_by_side(raster(mound), zone, (before, after), interval=1.0)
    assert set(found) == set(METHODS)
    json.dumps(found, allow_nan=False)
    for name, result in found.items():
        assert result["why"]["ja"], name
        assert result["title"]["en"], name
        # half-metre cells and one-metre sections of a mound of ten metres
        np.testing.assert_allclose(result["fill_m3"], found["tin_prism"]["fill_m3"], rtol=0.01, err_msg=name)
        # the cut is a thin ring at the outline, where sections end between stations
        np.testing.assert_allclose(result["cut_m3"], found["tin_prism"]["cut_m3"], rtol=0.06, err_msg=name)
