"""Height systems of two surveys: what is refused, what is said, and the correction grid. About 2 seconds."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from pyproj import CRS, Transformer

from pointcloud.change.datum import HeightSystem, check_heights, false_volume, read_correction
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, FileError, OverlapError

OLD, NEW = date(2021, 7, 6), date(2025, 6, 1)
J0, J1, J4 = VerticalDatum.JGD2000, VerticalDatum.JGD2011, VerticalDatum.JGD2024
ELL, NONE = VerticalDatum.ELLIPSOIDAL, VerticalDatum.UNKNOWN


@pytest.mark.parametrize("datum", [J0, J1, J4, ELL])
def test_one_known_system_is_fine(datum):
    assert check_heights(HeightSystem(datum, OLD), HeightSystem(datum, NEW)) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((J1, OLD), (J4, NEW)),
        ((J4, None), (J1, None)),
        ((J0, OLD), (J1, OLD)),
        ((NONE, OLD), (NONE, NEW)),
        ((J1, OLD), (NONE, NEW)),
        ((NONE, OLD), (J4, None)),
    ],
)
def test_mixed_or_unknown_across_the_revision_is_refused(before, after):
    with pytest.raises(CrsError, match="1,400 m3 a hectare") as caught:
        check_heights(HeightSystem(*before), HeightSystem(*after))
    assert "1,400 m3" in caught.value.ja
    assert "hyokorev" in caught.value.en
    notes = check_heights(HeightSystem(*before), HeightSystem(*after), is_same_stated=True)
    assert [n.code for n in notes] == ["heights-stated"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((NONE, OLD), (NONE, OLD)),
        ((NONE, None), (NONE, None)),
        ((NONE, None), (NONE, NEW)),
        ((J1, None), (NONE, OLD)),
        ((J4, NEW), (NONE, NEW)),
    ],
)
def test_unknown_on_one_side_is_said(before, after):
    notes = check_heights(HeightSystem(*before), HeightSystem(*after))
    assert [n.code for n in notes] == ["heights-unknown"]
    assert "1 ha" in notes[0].ja


def test_ellipsoidal_and_levelled_are_never_mixed():
    for stated in (False, True):
        with pytest.raises(CrsError, match="34-45 m"):
            check_heights(HeightSystem(ELL, OLD), HeightSystem(J1, OLD), is_same_stated=stated)
    with pytest.raises(CrsError):
        check_heights(HeightSystem(NONE, OLD), HeightSystem(ELL, OLD))
    assert (
        check_heights(HeightSystem(NONE, OLD), HeightSystem(ELL, OLD), is_same_stated=True)[0].code == "heights-stated"
    )


def test_false_volume():
    np.testing.assert_allclose(false_volume(0.155, 10_000), 1550)  # the published figure for Atami


def secondary(latitude_minutes_40: int, longitude_minutes: int) -> int:
    """Code of the tertiary mesh cell whose corner lies at these steps (30 seconds, 45 seconds)."""
    lat, lon = latitude_minutes_40, longitude_minutes
    p, q, r = lat // 80, lat % 80 // 10, lat % 10
    u, v, w = lon // 80 - 100, lon % 80 // 10, lon % 10
    return p * 1_000_000 + u * 10_000 + q * 1000 + v * 100 + r * 10 + w


@pytest.fixture
def parameter_file(tmp_path):
    """Correction that grows linearly with latitude and longitude around Atami, so that bilinear reading is exact."""
    path = tmp_path / "hyokorev_test_h.par"
    lines = ["header"] * 15 + ["MeshCode  dH(m)     0.00000"]
    for i in range(4200, 4260):
        for j in range(11100, 11160):
            lines.append(f"{secondary(i, j):08d} {0.10 + (i - 4200) * 1e-4 + (j - 11100) * 2e-4:9.5f} {0.0:9.5f}")
    path.write_text("\n".join(lines) + "\n")
    return path


ZONE_8 = CRS.from_epsg(6676)
GEOGRAPHIC = Transformer.from_crs(ZONE_8, ZONE_8.geodetic_crs, always_xy=True)


def survey(datum=J1):
    x, y = GEOGRAPHIC.transform(139.08, 35.12, direction="INVERSE")
    rng = np.random.default_rng(1)
    return PointCloud(
        x + rng.uniform(0, 1500, 200), y + rng.uniform(0, 900, 200), rng.uniform(0, 400, 200), {}, ZONE_8, datum
    )


def test_correction_reads_the_grid(parameter_file):
    correction = read_correction(parameter_file, GEOGRAPHIC.transform)
    cloud = survey()
    longitude, latitude = GEOGRAPHIC.transform(cloud.x, cloud.y)
    expected = 0.10 + (latitude * 120 - 4200) * 1e-4 + (longitude * 80 - 11100) * 2e-4
    # parameters have five decimals, and the lattice of 250 m bends less than a micrometre
    np.testing.assert_allclose(correction.at(cloud.x, cloud.y), expected, rtol=0, atol=1e-5)
    moved = correction.to_jgd2024(cloud)
    assert moved.vertical_datum is J4
    np.testing.assert_allclose(moved.z - cloud.z, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(moved.x, cloud.x)
    assert check_heights(HeightSystem(moved.vertical_datum, OLD), HeightSystem(J4, NEW)) == ()
    assert correction.at(np.zeros(0), np.zeros(0)).size == 0


def test_correction_outside_its_grid_is_refused(parameter_file):
    correction = read_correction(parameter_file, GEOGRAPHIC.transform)
    with pytest.raises(OverlapError, match="no value"):
        correction.at(np.array([0.0]), np.array([-200_000.0]))


@pytest.mark.parametrize("datum", [J0, J4, NONE, ELL])
def test_correction_is_for_jgd2011_only(parameter_file, datum):
    with pytest.raises(CrsError, match="JGD2011 only"):
        read_correction(parameter_file, GEOGRAPHIC.transform).to_jgd2024(survey(datum))


@pytest.mark.parametrize("content", ["", "not a parameter file\n" * 40, "x" * 500])
def test_broken_parameter_file(tmp_path, content):
    path = tmp_path / "broken.par"
    path.write_text(content)
    with pytest.raises(FileError, match=r"broken\.par"):
        read_correction(path, GEOGRAPHIC.transform)
    with pytest.raises(FileError):
        read_correction(tmp_path / "missing.par", GEOGRAPHIC.transform)
