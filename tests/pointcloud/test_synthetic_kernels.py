"""The kernels of the synthetic valley beside slow, obvious twins, compiled and as plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.synthetic import Epoch, kernels, ray_kernels, scan_kernels, valley
from pointcloud.synthetic.scanner import Targets
from pointcloud.synthetic.terrain import Terrain
from tests.oracles import synthetic_terrain as oracle

SCENE = valley()
N_RAYS = 400
DEEP = np.uint64(2**63 + 12345)
NO_WIRES = np.empty((0, 7))


# made when a test wants them, as every process of a run reads this file
@cache
def ground(epoch: Epoch = "after") -> Terrain:
    return SCENE.terrain(epoch)


@cache
def targets() -> Targets:
    return SCENE._targets_after


def places(n: int, reach: float = 0.0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(n)
    return rng.uniform(-150.0 - reach, 150.0 + reach, n), rng.uniform(-reach, 300.0 + reach, n)


def leans(n: int, most: float) -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).uniform(-most, most, (n, 2))


def key(i: int) -> np.uint64:
    """Key of a made-up pulse."""
    return np.uint64(kernels.mix(np.uint64(i)))


def both(function: Callable[..., Any]) -> list[Any]:
    """The compiled kernel and the Python it was made from."""
    return [pytest.param(function, id="compiled"), pytest.param(function.py_func, id="python")]


@pytest.fixture(autouse=True)
def _wrapping_integers() -> Any:
    """Plain Python warns where 64-bit products wrap round, which the hash wants."""
    with np.errstate(over="ignore"):
        yield


class TestNoise:
    @pytest.mark.parametrize("noise", both(kernels.gradient_noise))
    def test_twin(self, noise: Callable[..., float]) -> None:
        x, y = np.random.default_rng(1).uniform(-50.0, 50.0, (2, 200))
        found = [noise(a, b, np.uint64(77)) for a, b in zip(x, y, strict=True)]
        # the same sums of numbers of order one in another order
        np.testing.assert_allclose(found, oracle.gradient_noise(x, y, 77), atol=1e-13)

    @pytest.mark.parametrize("mix", both(kernels.mix))
    def test_mix(self, mix: Callable[..., Any]) -> None:
        values = np.random.default_rng(1).integers(0, 2**64, 50, dtype=np.uint64)
        found = np.array([int(mix(v)) for v in values], dtype=np.uint64)
        np.testing.assert_array_equal(found, oracle.mixed(values))

    @pytest.mark.parametrize("corner", both(kernels._corner))
    def test_noise_vanishes_at_lattice_points(self, corner: Callable[..., float]) -> None:
        assert corner(-3, 5, np.uint64(1), 0.0, 0.0) == 0.0
        assert kernels.gradient_noise(-3.0, 5.0, np.uint64(1)) == 0.0

    @pytest.mark.parametrize("uniform", both(kernels.uniform))
    def test_uniform_draws_look_uniform(self, uniform: Callable[..., float]) -> None:
        draws = np.array([uniform(DEEP + np.uint64(i), 3) for i in range(2000)])
        assert ((draws >= 0.0) & (draws < 1.0)).all()
        # chi square of 20 classes: 99.99 % below 50
        assert ((np.histogram(draws, 20, (0.0, 1.0))[0] - 100.0) ** 2 / 100.0).sum() < 50.0
        assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.1  # four sigma

    @pytest.mark.parametrize("normal_pair", both(scan_kernels.normal_pair))
    def test_normal_deviates(self, normal_pair: Callable[..., tuple[float, float]]) -> None:
        draws = np.array([normal_pair(DEEP + np.uint64(i), 40) for i in range(2000)])
        # standard errors: 0.016 of the mean and the deviation, 0.022 of the correlation; five of each
        np.testing.assert_allclose(draws.mean(), 0.0, atol=0.08)
        np.testing.assert_allclose(draws.std(), 1.0, atol=0.08)
        assert abs(np.corrcoef(draws.T)[0, 1]) < 0.11


class TestTerrain:
    @pytest.mark.parametrize("epoch", ["before", "after"])
    def test_twin(self, epoch: Epoch) -> None:
        t, w = places(40_000, reach=700.0)
        t, w = np.append(t, places(40_000)[0]), np.append(w, places(40_000)[1])
        terrain = ground(epoch)
        z, cover = terrain.at(t, w)
        z_twin, cover_twin = oracle.terrain(t, w, terrain.p, terrain.pads, terrain.shapes)
        # heights of some hundred metres summed in another order, walls of 69 degrees
        np.testing.assert_allclose(z, z_twin, atol=1e-10)
        np.testing.assert_array_equal(cover, cover_twin)
        assert set(np.unique(cover)) == {kernels.NATURAL, kernels.BARE, kernels.WATERED}

    def test_python(self) -> None:
        t, w = places(40)
        p, pads, shapes = ground().p, ground().pads, ground().shapes
        z, cover = np.empty(40), np.empty(40, dtype=np.uint8)
        kernels.terrain_at.py_func(t, w, p, pads, shapes, z, cover)
        np.testing.assert_array_equal(z, ground().at(t, w)[0])
        for a, b in zip(t, w, strict=True):
            # libm's functions and the compiler's may differ in the last bit
            np.testing.assert_allclose(
                kernels.terrain.py_func(a, b, p, pads, shapes), kernels.terrain(a, b, p, pads, shapes), rtol=1e-14
            )

    @pytest.mark.parametrize(
        ("function", "arguments"),
        [
            (kernels.smooth_ramp, lambda: (-3.0, 10.0)),
            (kernels.smooth_step, lambda: (1.0, 4.0, 2.5)),
            (kernels.fold, lambda: (-700.0,)),
            (kernels.fold, lambda: (333.0,)),
            (kernels.spur_west, lambda: (42.0, ground().p)),
            (kernels.spur_east, lambda: (42.0, ground().p)),
            (kernels.bend, lambda: (42.0, ground().p)),
            (kernels._relief, lambda: (-80.0, 60.0, -100.0, ground().p)),
            (kernels._roughness, lambda: (-80.0, 42.0, 60.0, 40.0, np.uint64(9))),
            (kernels._roughness, lambda: (5.0, 42.0, -30.0, 0.5, np.uint64(9))),
            (kernels._terraced, lambda: (4.0, 40.0, 75.0)),
            (kernels._terraced, lambda: (4.0, 40.0, 139.0)),
            (kernels._terraced, lambda: (4.0, 3.0, 75.0)),
            (kernels._benched, lambda: (4.0, 2.0, 1.0, 1.5, 0.7)),
            (kernels.change_at, lambda: (-95.0, 97.0, ground().shapes)),
            (kernels._padded, lambda: (190.0, 33.0, 178.0, ground().pads)),
            (kernels._roads, lambda: (3.0, 15.0, 42.0, -50.0, 0.2, ground().p)),
            (kernels._roads, lambda: (30.0, -60.0, 42.0, 33.0, 0.2, ground().p)),
            (kernels._channel, lambda: (0.5, 2.0, 2.0, 42.0, ground().p, np.uint64(9))),
            (kernels._channel, lambda: (0.5, 9.5, 9.5, 42.0, ground().p, np.uint64(9))),
            (kernels._channel, lambda: (0.5, 30.0, 30.0, 42.0, ground().p, np.uint64(9))),
        ],
    )
    def test_parts_as_python(self, function: Any, arguments: Callable[[], tuple[Any, ...]]) -> None:
        values = arguments()
        np.testing.assert_allclose(function.py_func(*values), function(*values), rtol=1e-13, atol=1e-15)

    def test_ridges_mirror_the_valley(self) -> None:
        d = np.linspace(0.0, 200.0, 9)
        for ridge in (-kernels.RIDGE_WEST, kernels.RIDGE_EAST):
            np.testing.assert_allclose([kernels.fold(ridge + a) for a in d], [kernels.fold(ridge - a) for a in d])


class TestRays:
    @pytest.mark.parametrize("ground_below", both(ray_kernels.ground_below))
    def test_ground_point_is_on_the_ground_and_on_the_ray(self, ground_below: Callable[..., Any]) -> None:
        off = []
        for u, v, (du, dv) in zip(*places(N_RAYS), leans(N_RAYS, 0.27), strict=True):
            z = ray_kernels.guide_below(u, v, 225.0, du, dv, targets().guide, targets().corner)
            start = (u + (z - 225.0) * du, v + (z - 225.0) * dv, z)
            x, y, height, cover = ground_below(*start, du, dv, ground().p, ground().pads, ground().shapes)
            assert (height, cover) == kernels.terrain(x, y, ground().p, ground().pads, ground().shapes)
            off.append(np.hypot(u + (height - 225.0) * du - x, v + (height - 225.0) * dv - y))
        # 5 cm of height at a lean of 0.38 (both axes) are 2 cm; at a wall the ray has two or three ground points
        assert np.quantile(off, 0.95) < 0.02
        assert max(off) < 0.5

    @pytest.mark.parametrize("guide_below", both(ray_kernels.guide_below))
    def test_guide_comes_near_the_ground(self, guide_below: Callable[..., float]) -> None:
        off = []
        for u, v, (du, dv) in zip(*places(N_RAYS), leans(N_RAYS, 0.19), strict=True):
            z = guide_below(u, v, 225.0, du, dv, targets().guide, targets().corner)
            x, y = u + (z - 225.0) * du, v + (z - 225.0) * dv
            off.append(z - kernels.terrain(x, y, ground().p, ground().pads, ground().shapes)[0])
        # half a cell of 4 m either way at a slope of 0.84, and walls of a few metres
        assert np.quantile(np.abs(off), 0.95) < 2.4
        assert np.abs(off).max() < 7.0

    @pytest.mark.parametrize("crown_span", both(ray_kernels.crown_span))
    @settings(max_examples=60, deadline=None)
    @given(
        x=st.floats(-4.0, 4.0), y=st.floats(-4.0, 4.0), z=st.floats(-5.0, 5.0),
        du=st.floats(-0.3, 0.3), dv=st.floats(-0.3, 0.3),
        radius=st.floats(0.5, 3.0), length=st.floats(1.0, 15.0), blunt=st.floats(0.0, 1.0),
    )  # fmt: skip
    def test_crown(
        self, crown_span: Callable[..., Any], x: float, y: float, z: float, du: float, dv: float,
        radius: float, length: float, blunt: float,
    ) -> None:  # fmt: skip
        inside = oracle.crown_heights((x, y, z), (du, dv), 20.0, length, radius, blunt)
        upper, lower = crown_span(x, y, z, du, dv, 20.0, length, radius, blunt)
        if inside.size:
            # the twin's steps are 1 mm; where the ray grazes the crown a span of millimetres may fall between them
            np.testing.assert_allclose((upper, lower), (inside.max(), inside.min()), atol=0.0021)
        else:
            assert upper - lower < 0.0021 or upper < 20.0 - length + 0.0021

    @pytest.mark.parametrize("crowns_on_ray", both(ray_kernels.crowns_on_ray))
    def test_index_finds_every_crown(self, crowns_on_ray: Callable[..., int]) -> None:
        crowns, most = targets().crowns, 0
        for u, v, (du, dv) in zip(*places(100), leans(100, 0.19), strict=True):
            z = kernels.terrain(u, v, ground().p, ground().pads, ground().shapes)[0]
            expected = []
            for row in crowns.rows:
                if np.hypot(row[0] - u, row[1] - v) < 20.0:
                    span = ray_kernels.crown_span(
                        u - row[0], v - row[1], z - row[2], du, dv, row[3], row[4], row[5], row[6]
                    )
                    upper, lower = span[0] + row[2], max(span[1] + row[2], z + 0.5)
                    expected += [(upper, lower, row[7], row[8])] if upper > lower else []
            spans = np.empty((24, 4))
            n = crowns_on_ray(u, v, z, du, dv, crowns.rows, crowns.first, crowns.index, crowns.shape, spans)
            np.testing.assert_array_equal(spans[:n], np.reshape(sorted(expected, reverse=True), (-1, 4)))
            most = max(most, n)
        assert most >= 2

    @pytest.mark.parametrize("roof_above", both(ray_kernels.roof_above))
    def test_roof(self, roof_above: Callable[..., Any]) -> None:
        # a gable house 10 m x 8 m along the x axis, eaves of 0.8 m at 15 m, ridge at 18 m
        house = np.array([[0.0, 0.0, 1.0, 0.0, 5.0, 4.0, 0.8, 15.0, 18.0, ray_kernels.BUILDING]])
        assert roof_above(0.0, 0.0, 10.0, 0.0, 0.0, house) == (8.0, ray_kernels.BUILDING)
        np.testing.assert_allclose(roof_above(2.0, -2.4, 10.0, 0.0, 0.0, house)[0], 6.5)  # half way down the roof
        np.testing.assert_allclose(roof_above(5.7, 4.7, 10.0, 0.0, 0.0, house)[0], 8.0 - 3.0 * 4.7 / 4.8)  # eaves
        assert roof_above(5.9, 0.0, 10.0, 0.0, 0.0, house) == (0.0, 0)
        assert roof_above(40.0, 0.0, 10.0, 0.0, 0.0, house) == (0.0, 0)
        rise, _ = roof_above(1.0, -3.0, 10.0, 0.1, 0.25, house)
        # four rounds of an iteration that shrinks by 0.25 x 3 / 4.8 each leave 0.0006 of the first error of 3 m
        np.testing.assert_allclose(rise, 8.0 - 3.0 * abs(-3.0 + 0.25 * rise) / 4.8, atol=0.004)
        # the ground point is indoors and the ray leaves through the wall, 1 m away at a lean of 0.5
        np.testing.assert_allclose(roof_above(4.0, 0.0, 10.0, 0.5, 0.0, house)[0], 2.0)

    @pytest.mark.parametrize("wire_above", both(ray_kernels.wire_above))
    def test_wire(self, wire_above: Callable[..., float]) -> None:
        wire = np.array([[0.0, 0.0, 50.0, 100.0, 0.0, 60.0, 5.0]])
        assert wire_above(50.0, 0.0, 10.0, 0.0, 0.0, wire) == 50.0
        assert wire_above(50.0, 0.3, 10.0, 0.0, 0.0, wire) == -math.inf
        assert wire_above(101.0, 0.0, 10.0, 0.0, 0.0, wire) == -math.inf
        assert wire_above(50.0, 80.0, 10.0, 0.0, 0.0, wire) == -math.inf
        assert wire_above(50.0, 0.0, 10.0, 0.0, 0.0, NO_WIRES) == -math.inf
        height = wire_above(60.0, -8.0, 10.0, 0.1, 0.2, np.array([[0.0, 0.0, 50.0, 100.0, 0.0, 50.0, 0.0]]))
        assert height == 50.0  # 40 m above the ground point the ray has come 8 m to the north

    def test_reach_of_a_leaning_ray_at_a_sagging_wire(self) -> None:
        wire = np.array([[0.0, 0.0, 50.0, 100.0, 0.0, 60.0, 5.0]])
        u = 30.0
        height = ray_kernels.wire_above(u, 0.0, 10.0, 0.2, 0.0, wire)
        s = (u + 0.2 * (height - 10.0)) / 100.0
        # the sag's slope of 0.1 times the lean of 0.2 shrinks the error by 50 each round
        np.testing.assert_allclose(height, 50.0 + 10.0 * s - 20.0 * s * (1.0 - s), atol=1e-4)


class TestPulses:
    def test_record_keeps_returns_apart_and_strong(self) -> None:
        for record in (scan_kernels._record, scan_kernels._record.py_func):
            out = np.zeros((scan_kernels.MAX_RETURNS, 3))
            n = record(out, 0, 20.0, 0.5, 4.0)
            assert n == 1
            assert record(out, n, 19.5, 0.5, 4.0) == 1, "too close"
            assert record(out, n, 15.0, 0.05, 4.0) == 1, "too weak"
            for z in (15.0, 12.0, 9.0, 6.0):
                n = record(out, n, z, 0.2, 4.0)
            assert n == record(out, n, 1.0, 0.5, 1.0) == scan_kernels.MAX_RETURNS
            np.testing.assert_array_equal(out[:, 0], [20.0, 15.0, 12.0, 9.0, 6.0])

    @pytest.mark.parametrize("through_crowns", both(scan_kernels.through_crowns))
    def test_crown_transmission_is_that_of_a_poisson_process(self, through_crowns: Callable[..., Any]) -> None:
        spans, out = np.array([[20.0, 17.0, 0.5, 4.0]]), np.empty((5, 3))
        free = 0
        for i in range(3000):
            n, energy = through_crowns(key(i), spans, 1, out, 0, 1.0)
            free += energy == 1.0
            assert all(17.0 <= z <= 20.0 for z in out[:n, 0])
        # probability exp(-3 x 0.5) of no hit; standard error 0.0076
        np.testing.assert_allclose(free / 3000, math.exp(-1.5), atol=0.04)

    @pytest.mark.parametrize("to_ground", both(scan_kernels.to_ground))
    def test_last_part_of_a_pulse(self, to_ground: Callable[..., int]) -> None:
        out, seed = np.empty((5, 3)), np.uint64(64)
        assert to_ground(DEEP, 0.0, 0.0, 100.0, kernels.BARE, seed, out, 0, 0.01) == 0
        assert to_ground(DEEP, 0.0, 0.0, 100.0, kernels.BARE, seed, out, 0, 1.0) == 1
        assert tuple(out[0]) == (100.0, 1.0, ray_kernels.GROUND)
        wet = sum(to_ground(np.uint64(i), 0.0, 0.0, 100.0, kernels.WATERED, seed, out, 0, 1.0) for i in range(2000))
        np.testing.assert_allclose(wet / 2000, 0.12, atol=0.03)  # four standard errors
        u, v = next((u, v) for u, v in zip(*places(500), strict=True) if scan_kernels.undergrowth(u, v, seed)[1] > 0.5)
        kinds = []
        for i in range(500):
            n = to_ground(key(i), u, v, 100.0, kernels.NATURAL, seed, out, 0, 1.0)
            kinds += [out[0, 2]] if n else []
        share = scan_kernels.undergrowth.py_func(u, v, seed)[1]
        # binomial, 500 pulses: standard error 0.022
        np.testing.assert_allclose(np.mean(np.array(kinds) == ray_kernels.LOW_VEGETATION), share, atol=0.09)

    def test_scan_as_python(self) -> None:
        """A few hundred pulses over the hamlet, the forest and the wires, kernel by kernel as Python."""
        line, limits = _coarse_flight()
        found = _scan(scan_kernels.scan, line, limits)
        np.testing.assert_array_equal(found[0], _scan(scan_kernels.scan.py_func, line, limits)[0])
        assert found[0].shape[0] > 100
        ray, windows = np.empty(5), scan_kernels.followed.py_func(limits, line, targets().crowns.index[3])
        np.testing.assert_allclose(windows, scan_kernels.followed(limits, line, targets().crowns.index[3]), rtol=1e-14)
        for share in (0.1, 0.52, 0.9):
            lean = scan_kernels.aim.py_func(line, 31, share, ground("before").p[kernels.GRADE], ray)
            direction = ray.copy()
            assert lean == scan_kernels.aim(line, 31, share, ground("before").p[kernels.GRADE], ray)
            np.testing.assert_allclose(ray, direction, rtol=1e-14)
            first, second = (_fire(fire, ray, windows) for fire in (scan_kernels.fire, scan_kernels.fire.py_func))
            np.testing.assert_allclose(first, second, rtol=1e-14)
        assert scan_kernels._inside.py_func(1.0, 2.0, np.array([0.0, 0.0, 1.0, 2.0]))
        assert scan_kernels.recorded.py_func(1.23456) == scan_kernels.recorded(1.23456) == 1.23

    def test_measured_returns_carry_the_noise_that_is_stated(self) -> None:
        line, limits = _coarse_flight()
        ray, out = np.array([0.0, 200.0, 200.0, 0.1, -0.1]), np.array([[210.0, 0.5, 4.0], [200.0, 0.4, 1.0]])
        line[scan_kernels.LINE_DU : scan_kernels.LINE_RELIEF] = 0.0
        for measure in (scan_kernels.measure, scan_kernels.measure.py_func):
            xyzt, codes, n = np.empty((2000, 4)), np.empty((2000, 7), dtype=np.uint16), 0
            for i in range(1000):
                n = measure(key(i), ray, out, 2, 0.1, line, limits, 5.0, (1, 0, 96), xyzt, codes, n)
            assert n == 2000
            top = xyzt[::2, :3] - [limits[4] + 1.0, limits[5] + 199.0, 210.0]
            # standard error of a mean 0.0016 m, of a deviation a fortieth; rounding to centimetres adds 0.003 m
            np.testing.assert_allclose(top.mean(axis=0), 0.0, atol=0.007)
            np.testing.assert_allclose(top.std(axis=0), [0.05, 0.05, 0.035], rtol=0.12)
            np.testing.assert_array_equal(codes[:2, 1:], [[1, 2, 1, 0, 96, 4], [2, 2, 1, 0, 96, 1]])
            # reflectance 3000 and 2600 times the energy; 12 % of noise on 1000 pulses, whole numbers
            np.testing.assert_allclose(codes[::2, 0].mean(), 3000 * 0.5, rtol=0.02)
            np.testing.assert_allclose(codes[1::2, 0].mean(), 2600 * 0.4, rtol=0.02)


def _coarse_flight() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A line over the middle of the scene, one pulse in 9 m2, and limits around the hamlet."""
    from pointcloud.synthetic.scanner import flight_lines

    lines = flight_lines(SCENE._extent, targets(), 0.25, 1, 0.0)
    east, north = SCENE.origin
    return lines[len(lines) // 2], np.array([east - 90, north + 170, east + 90, north + 260, east, north, 0, 0, 0.0])


def _targets() -> tuple[Any, ...]:
    aims = targets()
    terrain, crowns = aims.ground, aims.crowns
    return (
        aims.guide, aims.corner, terrain.p, terrain.pads, terrain.shapes, aims.structures, aims.wires,
        crowns.rows, crowns.first, crowns.index, crowns.shape,
    )  # fmt: skip


def _scan(scan: Callable[..., int], line: Any, limits: Any) -> tuple[Any, Any]:
    last = int(600.0 / line[scan_kernels.LINE_SPACING])
    capacity = last * int(line[scan_kernels.LINE_PULSES]) * 5
    xyzt, codes = np.empty((capacity, 4)), np.empty((capacity, 7), dtype=np.uint16)
    n = scan(DEEP, 0, last, line, limits, *_targets(), xyzt, codes)
    return xyzt[:n], codes[:n]


def _fire(fire: Callable[..., int], ray: Any, windows: Any) -> Any:
    out = np.zeros((5, 3))
    n = fire(DEEP, ray.copy(), windows[1:], *_targets(), np.empty((24, 4)), out)
    return np.vstack([out[:n], [n, 0.0, 0.0]])
