"""Rasters as Cloud-Optimised GeoTIFF, checked by other programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rio_cogeo import cog_info, cog_validate

from pointcloud.bounds import Bounds
from pointcloud.errors import FileError, ParameterError, ResourceError, UnitsError
from pointcloud.grid import Grid, Raster
from pointcloud.io.raster import read_raster, write_cog

ZONE_8 = CRS.from_epsg(6676)


def raster_of(width: float = 300, height: float = 200, cell: float = 0.5, crs: CRS | None = ZONE_8) -> Raster:
    """A wavy surface with a hole in its corner; odd numbers of rows and columns where the sizes are whole."""
    return wavy(Grid.covering(Bounds(52000.2, -98000.7, 52000 + width, -98000 + height), cell, crs))


def wavy(grid: Grid) -> Raster:
    x, y = grid.centres()
    values = (np.sin(x / 20)[None, :] * 30 + y[:, None] / 100).astype(np.float32)
    values[:5, :7] = np.nan
    return Raster(values, grid)


@pytest.mark.parametrize("cell", [0.1, 0.25, 0.5, 1.0, 3.0])
def test_what_is_written_comes_back(tmp_path: Path, cell: float) -> None:
    raster = raster_of(60, 40, cell)
    write_cog(tmp_path / "a.tif", raster)
    again = read_raster(tmp_path / "a.tif")
    assert again.grid == raster.grid
    assert again.values.dtype == np.float32
    np.testing.assert_array_equal(again.values, raster.values)


def test_it_is_a_cog_for_others(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    raster = wavy(Grid(104_000, -196_002, 1400, 1200, 0.5, ZONE_8))
    write_cog(
        path, [raster, Raster(-raster.values, raster.grid)], descriptions=["標高 (m)", "other"], tags={"epoch": "2021"}
    )
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    info = cog_info(path)
    assert (info.Profile.Bands, info.Profile.Dtype, info.COG) == (2, "float32", True)
    assert np.isnan(info.Profile.Nodata)
    assert info.Compression == "DEFLATE"
    with rasterio.open(path) as source:
        assert source.descriptions == ("標高 (m)", "other")
        assert source.tags()["epoch"] == "2021"
        assert source.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
        assert source.overviews(1) == [2, 4]
        assert source.crs.to_epsg() == 6676
        assert source.bounds.left == raster.grid.west
        assert source.bounds.top == raster.grid.north
        row, column = source.index(52100.25, -97900.25)
        cells = raster.grid.cells_of(np.array([52100.25]), np.array([-97900.25]))
        assert (row, column) == (cells[0][0], cells[1][0])
    np.testing.assert_array_equal(read_raster(path, 2).values, -raster.values)
    with rasterio.open(path, overview_level=0) as source:
        half = source.read(1)
    # overviews are means of four cells, cells without data left out; 2e-4 m is float32 at 1000 m
    np.testing.assert_allclose(half[50, 60], raster.values[100:102, 120:122].mean(), rtol=0, atol=2e-4)
    np.testing.assert_allclose(half[2, 3], np.nanmean(raster.values[4:6, 6:8]), rtol=0, atol=2e-4)
    assert np.isnan(raster.values[4, 6])


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_cog(tmp_path / name, raster_of(700, 600), tags={"b": "2", "a": "1"})
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_no_data_and_one_cell(tmp_path: Path) -> None:
    one = Raster(np.full((1, 1), np.nan), Grid(5, -7, 1, 1, 0.5, None))
    write_cog(tmp_path / "a.tif", one)
    again = read_raster(tmp_path / "a.tif")
    assert again.grid == one.grid
    assert np.isnan(again.values).all()


def test_bands_must_fit_each_other(tmp_path: Path) -> None:
    raster = raster_of(20, 20)
    other = Raster(raster.values, Grid(0, 0, *raster.grid.shape[::-1], 0.5, ZONE_8))
    with pytest.raises(ParameterError, match="2 rasters; expected at least one, all on one grid"):
        write_cog(tmp_path / "a.tif", [raster, other])
    with pytest.raises(ParameterError, match="0 rasters"):
        write_cog(tmp_path / "a.tif", [])
    with pytest.raises(ParameterError, match="2 descriptions for 1 bands"):
        write_cog(tmp_path / "a.tif", raster, descriptions=["a", "b"])
    with pytest.raises(ResourceError, match="folder exists"):
        write_cog(tmp_path / "nowhere" / "a.tif", raster)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    """A limit on file size stands for the full disk."""
    code = (
        "import resource, pathlib, sys\n"
        "import numpy as np\n"
        "from pointcloud.errors import ResourceError\n"
        "from pointcloud.grid import Grid, Raster\n"
        "from pointcloud.io.raster import write_cog\n"
        "values = np.random.default_rng(0).random((900, 900), dtype=np.float32)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    write_cog(pathlib.Path(sys.argv[1]) / 'out.tif', Raster(values, Grid(0, 0, 900, 900, 0.5)))\n"
        "except ResourceError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("writing out.tif: "), done.stderr
    assert list(tmp_path.iterdir()) == []


def foreign(
    path: Path, transform: rasterio.Affine, dtype: str = "float32", crs: str | None = "EPSG:6676", **more: object
) -> Path:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=3, count=1, dtype=dtype, crs=crs, transform=transform, **more
    ) as target:
        target.write(values, 1)
    return path


def test_other_programs_rasters_are_read(tmp_path: Path) -> None:
    aligned = rasterio.Affine(2, 0, 100, 0, -2, 60)
    raster = read_raster(foreign(tmp_path / "a.tif", aligned, "int16", nodata=5))
    assert raster.grid == Grid(50, 27, 4, 3, 2.0, ZONE_8)
    assert raster.values.dtype == np.float64
    expected = np.arange(12.0).reshape(3, 4)
    expected[1, 1] = np.nan
    np.testing.assert_array_equal(raster.values, expected)
    assert read_raster(foreign(tmp_path / "b.tif", aligned, crs=None)).grid.crs is None
    double = read_raster(foreign(tmp_path / "c.tif", aligned, "float64"))
    assert double.values.dtype == np.float64


@pytest.mark.parametrize(
    ("transform", "says"),
    [
        (rasterio.Affine(2, 0, 100, 0, 2, 60), "north up"),
        (rasterio.Affine(2, 0, 100, 0, -3, 60), "square cells"),
        (rasterio.Affine(2, 0.1, 100, 0.1, -2, 60), "rotation"),
        (rasterio.Affine(2, 0, 101, 0, -2, 60), "not a whole multiple of the cell"),
        (rasterio.Affine(2, 0, 100, 0, -2, 60.5), "gdalwarp -tr 2.0 2.0 -tap"),
    ],
)
def test_grids_that_do_not_fit_are_refused(tmp_path: Path, transform: rasterio.Affine, says: str) -> None:
    with pytest.raises(FileError, match=says):
        read_raster(foreign(tmp_path / "a.tif", transform))


def test_broken_and_other_rasters_are_refused(tmp_path: Path) -> None:
    path = foreign(tmp_path / "a.tif", rasterio.Affine(2, 0, 100, 0, -2, 60))
    with pytest.raises(FileError, match="band 2; the file has 1"):
        read_raster(path, 2)
    path.write_bytes(b"no tiff")
    with pytest.raises(FileError, match=r"a\.tif: not a readable GeoTIFF"):
        read_raster(path)
    with pytest.raises(FileError, match=r"missing\.tif: not a readable GeoTIFF"):
        read_raster(tmp_path / "missing.tif")
    vrt = tmp_path / "b.tif"
    vrt.write_text(f'<VRTDataset rasterXSize="4" rasterYSize="3"><SRS>EPSG:6676</SRS><x>{path}</x></VRTDataset>')
    with pytest.raises(FileError, match="not a readable GeoTIFF"):
        read_raster(vrt)


def test_degrees_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitsError, match="degree"):
        read_raster(foreign(tmp_path / "a.tif", rasterio.Affine(0.1, 0, 138, 0, -0.1, 35), crs="EPSG:4326"))
