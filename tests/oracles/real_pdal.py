"""The real PDAL as an oracle: skips where there is none, except in CI, which must have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipelines import document, executors, pdal, pdal_cut
from pipelines.native import executor
from pointcloud.cloud import PointCloud
from pointcloud.errors import NotFoundError
from pointcloud.io import las


def program() -> pdal.Pdal:
    """PDAL, or the test is skipped with the reason."""
    try:
        return pdal.require()
    except NotFoundError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI has no PDAL: {error.en}")
        pytest.skip(f"no PDAL here: {error.en}")


def run_both(stages: list[Any], folder: Path) -> tuple[Path, Path]:
    """Folders ``native`` and ``pdal`` with what each executor makes of the stages."""
    found = program()
    parsed = document.parse(stages)
    folders = (folder / "native", folder / "pdal")
    for made in folders:
        made.mkdir()
    executor.run(parsed, folders[0])
    pdal_cut.run(parsed, folders[1], found)
    return folders


def points_both(filters: list[Any], source: Path, folder: Path, **writer: Any) -> tuple[PointCloud, PointCloud]:
    """The points that each executor writes after the filters; PDAL's second copy of the LAS flags left out."""
    stages = [
        {"type": "readers.las", "filename": str(source), "use_eb_vlr": True},
        *filters,
        {"type": "writers.las", "filename": "out.las", "minor_version": 4, "dataformat_id": 6, "extra_dims": "all",
         "forward": "scale,offset", **writer},
    ]  # fmt: skip
    native, real = (las.read(f / "out.las") for f in run_both(stages, folder))
    real = PointCloud(
        real.x,
        real.y,
        real.z,
        {n: v for n, v in real.attributes.items() if n != "ClassFlags"},
        real.crs,
        real.vertical_datum,
    )
    return native, real


def assert_same_points(a: PointCloud, b: PointCloud, but: tuple[str, ...] = ()) -> None:
    """Equal coordinates and attributes, in order, bit for bit: both executors write whole multiples of one scale."""
    assert len(a) == len(b)
    assert len(a) > 0
    assert a.crs == b.crs
    for axis in "xyz":
        np.testing.assert_array_equal(getattr(a, axis), getattr(b, axis), err_msg=axis)
    assert set(a.attributes) == set(b.attributes)
    for name, values in a.attributes.items():
        if name not in but:
            assert values.dtype == b.attributes[name].dtype, name
            np.testing.assert_array_equal(values, b.attributes[name], err_msg=name)


def assert_same_outputs(parsed: document.Document, folder: Path) -> None:
    """A document run by both executors, `executors.run` as users do: the same files, points, labels and rasters."""
    made = [folder / "native", folder / "pdal"]
    for one in made:
        one.mkdir()
        assert executors.run(parsed, one, one.name).executor == one.name  # type: ignore[arg-type]
    outputs = sorted(p.name for p in made[0].iterdir())
    assert outputs == sorted(p.name for p in made[1].iterdir())
    assert outputs
    for output in outputs:
        a, b = (one / output for one in made)
        if output.endswith(".tif"):
            assert_similar_raster(a, b)
        else:
            assert_same_document_points(las.read(a), las.read(b))


def assert_same_document_points(a: PointCloud, b: PointCloud) -> None:
    """Same points, same labels; heights to 1 mm but for the rare points over a tie of triangles."""
    assert len(a) == len(b) > 0
    assert a.crs == b.crs
    for axis in "xyz":
        np.testing.assert_allclose(getattr(a, axis), getattr(b, axis), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(a.attributes["Classification"], b.attributes["Classification"])
    for name in ("HeightAboveGround", "HeightChange"):
        if name in a.attributes:
            assert np.mean(np.abs(a.attributes[name] - b.attributes[name]) > 1e-3) < 1e-3


def assert_similar_raster(a: Path, b: Path) -> None:
    with rasterio.open(a) as ours, rasterio.open(b) as theirs:
        # behind a cut PDAL has the points of tiles with different offsets in steps of 2^-31 of their extent
        assert ours.transform.almost_equals(theirs.transform, 1e-6)
        difference = np.abs(ours.read(1) - theirs.read(1))
    # float32 at 400 m is 0.03 mm; cells over a tie of triangles may differ
    assert np.mean(difference > 1e-3) < 1e-3
