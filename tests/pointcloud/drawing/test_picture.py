"""Maps: they open in another program, have the colours that they promise, and are reproducible."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest
from shapely import Polygon

from pointcloud.drawing.picture import change_map, hillshade_map
from pointcloud.grid import Grid, Raster
from pointcloud.ground.relief import hillshade

GRID = Grid(104_000, -196_000, 160, 120, 0.5)


@pytest.fixture(scope="module")
def light() -> Raster:
    x, y = np.meshgrid(*GRID.centres())
    z = 100 + 5 * np.sin(x / 9) + 4 * np.cos(y / 7)
    z[:20, :20] = np.nan
    return hillshade(Raster(z, GRID))


@pytest.fixture(scope="module")
def change() -> Raster:
    values = np.zeros(GRID.shape)
    values[30:60, 20:60] = -3.0
    values[70:100, 90:130] = 2.0
    return Raster(values, GRID)


def test_cut_is_red_and_fill_is_blue(tmp_path, light, change):
    path = tmp_path / "change.png"
    zone = Polygon([(52010, -97975), (52030, -97975), (52030, -97955), (52010, -97955)])
    change_map(path, change, light, [("崩壊部 scar", zone)], "標高差分 Elevation change")
    picture = matplotlib.image.imread(path)[..., :3]
    reddish = (picture[..., 0] - picture[..., 2] > 0.15).sum()
    bluish = (picture[..., 2] - picture[..., 0] > 0.15).sum()
    cells = picture.shape[0] * picture.shape[1]
    assert reddish > 0.02 * cells
    assert bluish > 0.02 * cells


def test_without_change_no_colour(tmp_path, light):
    path = tmp_path / "none.png"
    change_map(path, Raster(np.full(GRID.shape, 0.02), GRID), light, [], "none")
    picture = matplotlib.image.imread(path)[..., :3]
    inside = picture[300:-300, 200:900]
    coloured = np.abs(inside[..., 0] - inside[..., 2]) > 0.15
    assert coloured.mean() < 0.001


def test_same_input_same_bytes(tmp_path, light):
    for name in ("a.png", "b.png"):
        hillshade_map(tmp_path / name, light, "陰影起伏図 Hillshade")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_all_void_is_drawn_too(tmp_path):
    hillshade_map(tmp_path / "void.png", Raster(np.full(GRID.shape, np.nan), GRID), "void")
    assert matplotlib.image.imread(tmp_path / "void.png").shape[2] == 4
