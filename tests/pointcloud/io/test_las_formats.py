"""The table of point formats against laspy's, and what reading and writing LAS does not load. Costs two seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from laspy.point.dims import ALL_POINT_FORMATS_DTYPE, COMPOSED_FIELDS

from pointcloud.dimensions import LASPY_TO_PDAL
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_points import layout_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("number", range(11))
def test_formats_are_those_of_laspy(number: int) -> None:
    """Byte, type and bits of every dimension, in the order of the record."""
    record = ALL_POINT_FORMATS_DTYPE[number]
    expected = {}
    for column in record.names:
        parts = [(LASPY_TO_PDAL[part.name], int(part.mask)) for part in COMPOSED_FIELDS[number].get(column, ())]
        if not parts and column in LASPY_TO_PDAL:
            parts = [(LASPY_TO_PDAL[column], 0)]
        expected |= {name: (record.fields[column][1], record[column].str, mask) for name, mask in parts}
    layout = layout_of(number, POINT_SIZES[number])
    found = {
        name: (layout.dtype.fields[field.column][1], layout.dtype[field.column].str, field.mask)
        for name, field in layout.fields.items()
    }
    assert list(found.items()) == list(expected.items())
    assert layout.dtype.itemsize == record.itemsize


def test_points_go_in_and_out_without_what_takes_long_to_load(tmp_path: Path) -> None:
    """laspy brings what it needs for files on the web, rasterio GDAL: a fifth of a second each in every command."""
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from pipelines.native import executor\n"
        "from pointcloud.io import las\n"
        "from pointcloud.cloud import PointCloud\n"
        "folder, n = Path(sys.argv[1]), np.arange(9.0)\n"
        "las.write(folder / 'a.laz', PointCloud(n, n, n)); las.inspect(folder / 'a.laz')\n"
        "las.rewrite(folder / 'a.laz', folder / 'b.laz', lambda _, p: {'UserData': np.zeros(len(p), np.uint8)})\n"
        "las.read(folder / 'b.laz')\n"
        "heavy = {'laspy', 'rasterio', 'scipy.spatial', 'scipy.ndimage', 'requests', 'open3d', 'shapely'}\n"
        "print(*heavy & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
