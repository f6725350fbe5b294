"""Values of a raster along a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from pointcloud.errors import CrsError, FileError, UnitsError
from pointcloud.io.raster_line import RasterLine

WEST, NORTH, CELL = 1000.0, 2000.0, 0.5


def write(path: Path, values: np.ndarray, crs: str | None = "EPSG:6676") -> Path:
    profile = {"driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": "float32"}
    with rasterio.open(
        path, "w", crs=crs, transform=from_origin(WEST, NORTH, CELL, CELL), nodata=np.nan, **profile
    ) as target:
        target.write(values.astype(np.float32), 1)
    return path


def centres(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return WEST + (columns + 0.5) * CELL, NORTH - (rows + 0.5) * CELL


@pytest.fixture
def plane(tmp_path: Path) -> Path:
    """z = 2 (x - WEST) - (y - NORTH), 700 cells by 900: more than is read at once."""
    x, y = centres((700, 900))
    return write(tmp_path / "plane.tif", 2.0 * (x - WEST) - (y - NORTH))


def test_a_plane_is_met_everywhere(plane: Path) -> None:
    share = np.linspace(0.0, 1.0, 1500)
    x, y = WEST + 1.0 + 440.0 * share, NORTH - 1.0 - 345.0 * share
    with RasterLine(plane) as raster:
        assert raster.cell == CELL
        np.testing.assert_allclose(raster.at(x, y), 2.0 * (x - WEST) - (y - NORTH), atol=2e-4)  # float32 at 1,200 m


def test_points_far_apart_and_back_again(plane: Path) -> None:
    x = np.array([WEST + 400.0, WEST + 2.0, WEST + 400.0])
    y = np.array([NORTH - 300.0, NORTH - 2.0, NORTH - 300.0])
    with RasterLine(plane) as raster:
        np.testing.assert_allclose(raster.at(x, y), 2.0 * (x - WEST) - (y - NORTH), atol=2e-4)  # float32
        assert raster.at(x[:0], y[:0]).size == 0


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    values = np.arange(40.0).reshape(5, 8)
    values[:, 3] = np.nan
    x, y = centres(values.shape)
    with RasterLine(write(tmp_path / "gap.tif", values)) as raster:
        on_centres = raster.at(x[2], y[2])
        np.testing.assert_array_equal(on_centres, values[2])  # a void neighbour takes no share on a centre
        between = raster.at(x[2, :-1] + 0.5 * CELL, y[2, :-1])
        np.testing.assert_array_equal(np.isnan(between), [False, False, True, True, False, False, False])
        beyond = raster.at(np.array([WEST - 10.0, x[0, 0], x[0, -1] + CELL]), np.full(3, y[0, 0]))
        np.testing.assert_array_equal(np.isnan(beyond), [True, False, True])


def test_what_is_no_raster_in_metres_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(FileError, match=r"text\.tif"):
        RasterLine(tmp_path / "text.tif")
    with pytest.raises(CrsError, match="reference system"):
        RasterLine(write(tmp_path / "bare.tif", np.ones((3, 3)), crs=None))
    with pytest.raises(UnitsError):
        RasterLine(write(tmp_path / "degrees.tif", np.ones((3, 3)), crs="EPSG:6668"))
