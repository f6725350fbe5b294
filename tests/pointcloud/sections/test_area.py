"""Areas against sampling and polygons; volumes against bodies whose volume is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointcloud.sections import kernels
from pointcloud.sections.area import Areas, Volumes, between, volume, zero_sections
from pointcloud.sections.cut import SectionLine
from pointcloud.sections.line import CentreLine, Piece
from pointcloud.sections.stations import lay_out
from pointcloud.sections.strips import ground_surface
from tests.oracles import sections as oracle


def line_of(*points):
    return SectionLine((np.array(points, dtype=float),))


def test_rectangle_triangle_and_crossing():
    flat = line_of((-10, 5), (10, 5))
    assert between(flat, line_of((-10, 7), (10, 7))) == Areas(0.0, 40.0, 0.0, 0.0, 20.0)
    crossing = between(flat, line_of((-10, 3), (10, 7)))
    np.testing.assert_allclose((crossing.cut, crossing.fill), (10, 10))
    np.testing.assert_allclose((crossing.cut_moment, crossing.fill_moment), (-10 * 20 / 3, 10 * 20 / 3))


def test_steps_and_gaps():
    step = line_of((-5, 0), (0, 0), (0, 2), (5, 2))
    np.testing.assert_allclose(between(line_of((-5, 0), (5, 0)), step).fill, 10.0)
    gapped = SectionLine((np.array([[-5.0, 1], [-1, 1]]), np.array([[2.0, 1], [5, 1]])))
    found = between(line_of((-10, 0), (10, 0)), gapped)
    np.testing.assert_allclose((found.fill, found.width), (7.0, 7.0))  # the gap of 3 m counts nowhere
    assert between(SectionLine(()), step) == Areas(0, 0, 0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_random_lines_agree_with_sampling(seed):
    rng = np.random.default_rng(seed)
    a, b = (np.column_stack((np.sort(rng.uniform(-10, 10, 9)), rng.normal(0, 2, 9))) for _ in range(2))
    if min(np.diff(a[:, 0]).min(), np.diff(b[:, 0]).min()) < 1e-3:
        return
    expected = oracle.areas_by_sampling(a, b)
    for kernel in (kernels.area_between, kernels.area_between.py_func):
        out = np.zeros(5)
        kernel(a, b, out)
        np.testing.assert_allclose(out, expected, atol=2e-4)  # 4e5 samples over 20 m: kinks cost 5e-5 m each


def stations_of(line, pitch=20.0, skew=0.0):
    return lay_out(line, pitch, 30, 30, skew=skew).items


def rectangle(offset, width, height):
    """Fill of a box whose middle lies at an offset."""
    area = width * height
    return Areas(0.0, area, 0.0, area * offset, width)


def test_pyramid_needs_the_prismoidal_rule():
    """From nothing to 30 m2 over 20 m with areas growing by the square: 200 m3; the mean of the ends says 300."""
    line = CentreLine("line", (Piece(0, 0, 0, 20.0),))
    ends = stations_of(line)
    found = volume(line, (ends[0], ends[1]), (rectangle(0, 0, 0), rectangle(0, 10, 3)), rectangle(0, 10, 0.75))
    np.testing.assert_allclose((found.fill, found.fill_prismoidal), (300, 200))
    assert found.cut == 0.0


@pytest.mark.parametrize(("offset", "turn"), [(8.0, 1), (-8.0, 1), (8.0, -1)])
def test_curve_correction_is_pappus(offset, turn):
    """A box of 4 m x 2 m carried round an arc of R 50 m: area times the path of its centroid."""
    line = CentreLine("arc", (Piece(0, 0, 0, 40.0, turn / 50, turn / 50),))
    items = stations_of(line)
    total = Volumes()
    for a, b in pairwise(items):
        total += volume(line, (a, b), (rectangle(offset, 4, 2),) * 2, rectangle(offset, 4, 2))
    path = 40.0 * (50 + turn * offset) / 50  # a left turn lengthens the right side
    np.testing.assert_allclose((total.fill, total.fill_curve, total.fill_prismoidal), (320, 8 * path, 8 * path))


def test_skewed_sections_count_with_their_projection():
    """An embankment 4 m wide and 2 m high is cut 4 / cos(30) m wide by sections that are skewed by 30 degrees."""
    line = CentreLine("line", (Piece(0, 0, 0.4, 40.0),))
    items = stations_of(line, skew=30.0)
    skewed = rectangle(0.0, 4 / math.cos(math.radians(30)), 2)
    total = Volumes()
    for a, b in pairwise(items):
        total += volume(line, (a, b), (skewed, skewed), skewed)
    np.testing.assert_allclose(total.fill_curve, 320.0)
    assert total.fill > 360


def test_zero_sections_are_found_where_earthwork_begins():
    def area_at(s):
        return Areas(0.0, max(0.0, s - 27.0), 0, 0, 1)

    distances = [0.0, 20.0, 40.0, 60.0]
    ((place, kind),) = zero_sections(distances, [area_at(s) for s in distances], area_at)
    assert kind == "fill"
    assert 27.0 <= place <= 27.051  # up to 0.05 m2 is a zero section, found to 0.05 m
    assert zero_sections([0.0, 20.0], [Areas(0, 0, 0, 0, 1)] * 2, area_at) == []


def test_a_wall_gets_a_section_at_its_foot_and_at_its_top():
    def area_at(s):
        return Areas(min(max(0.0, 31.5 - s), 0.5) * 200, 0.0, 0, 0, 1)

    distances = [0.0, 20.0, 40.0]
    (top, _), (foot, _) = zero_sections(distances, [area_at(s) for s in distances], area_at)
    np.testing.assert_allclose([top, foot], [31.05, 31.5], atol=0.06)


def tin_volume(tin):
    """Fill of a TIN over the plane z = 0: triangle by triangle."""
    x, y, z = (v[tin.triangles.astype(int)] for v in (tin.x, tin.y, tin.z))
    area = ((x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])) / 2
    return float((area * z.mean(axis=1)).sum())


def test_sections_converge_to_the_tin_volume():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 100, 6000), rng.uniform(-30, 30, 6000)
    z = 4 * np.exp(-((x - 45) ** 2) / 300 - (y - 3) ** 2 / 80)
    z[(np.abs(x - 50) > 49) | (np.abs(y) > 29)] = 0.0
    after, before = ground_surface(x, y, z, 20.0), ground_surface(x, y, np.zeros(x.size), 20.0)
    line = CentreLine("line", (Piece(0.5, 0, 0, 99.0),))
    expected = tin_volume(after.tin)
    errors = []
    for pitch in (20.0, 10.0, 2.5):
        items = stations_of(line, pitch)
        areas = [between(before.cut(s), after.cut(s)) for s in items]
        rows = [volume(line, p, a, a[0]) for p, a in zip(pairwise(items), pairwise(areas), strict=True)]
        errors.append(abs(sum(r.fill for r in rows) - expected) / expected)
    assert errors[0] < 0.05
    assert errors[2] < 0.001, errors
