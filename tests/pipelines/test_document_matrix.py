"""Every shipped document in both executors on the synthetic valley: LAS, LAZ; one tile, two; with a CRS, without.

Each pair of these choices occurs (an orthogonal array of four). About 25 s on two cores, most of it PDAL starting.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import executors
from pipelines.document import shipped, shipped_names
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.errors import TengunError
from pointcloud.io import las
from pointcloud.synthetic import valley
from tests.oracles.real_pdal import assert_same_outputs, program

pytestmark = pytest.mark.slow(20)

OPTIONS: dict[str, dict[str, Any]] = {
    "ground": {"crop.bounds": "([-1e9, 1e9], [-1e9, 1e9])"},
    "normalize": {},
    "terrain": {"dsm.resolution": 2, "chm.resolution": 2, "dtm.resolution": 2, "dtm.radius": 4},
    "change": {"raster.resolution": 2},
}
CASES = [("las", 1, True), ("laz", 2, True), ("las", 2, False), ("laz", 1, False)]


@pytest.fixture(scope="module")
def valleys() -> dict[str, PointCloud]:
    """A corner of the valley with the scar in both epochs, one point in eight, ground labelled."""
    scene = valley()
    x, y = np.array(scene.truth.zones[0].ring).min(axis=0) - 10.0
    box = Bounds(x, y, x + 60.0, y + 60.0)
    made = {}
    for epoch in ("before", "after"):
        survey = scene.survey(epoch, bounds=box)
        labels = survey.is_ground.astype("u1") + 1
        made[epoch] = survey.cloud.with_attributes(Classification=labels).take(slice(None, None, 8))
    return made


def tiles(cloud: PointCloud, name: str, folder: Path, case: tuple[str, int, bool]) -> list[Path]:
    """The cloud in files, cut at the middle where there are two."""
    suffix, n_tiles, has_crs = case
    cloud = cloud if has_crs else replace(cloud, crs=None)
    middle = cloud.bounds.x_min + cloud.bounds.width / 2
    parts = [cloud] if n_tiles == 1 else [cloud.take(cloud.x < middle), cloud.take(cloud.x >= middle)]
    files = [folder / f"{name}{i}.{suffix}" for i in range(len(parts))]
    for file, part in zip(files, parts, strict=True):
        las.write(file, part, scales=(0.01, 0.01, 0.01))
    return files


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1]}-{'crs' if c[2] else 'bare'}")
@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_both_executors_give_the_same(
    name: str, case: tuple[str, int, bool], valleys: dict[str, PointCloud], tmp_path: Path
) -> None:
    program()
    options = dict(OPTIONS[name])
    if name == "ground" and not case[2]:
        options |= {"input.override_srs": "EPSG:6676"}
    document = shipped(name).with_options(options)
    for tag in ("before", "after") if name == "change" else ("input",):
        epoch = "before" if tag == "input" else tag
        document = document.with_files(tag, tiles(valleys[epoch], tag, tmp_path, case))
    assert_same_outputs(document, tmp_path)


def test_no_document_is_left_out() -> None:
    assert sorted(OPTIONS) == shipped_names()


@pytest.mark.parametrize("executor", ["native", "pdal"])
def test_reprojecting_what_has_no_reference_system_is_refused(
    executor: Any, valleys: dict[str, PointCloud], tmp_path: Path
) -> None:
    program()
    (tmp_path / "out").mkdir()
    document = shipped("ground").with_files("input", tiles(valleys["before"], "a", tmp_path, ("las", 1, False)))
    with pytest.raises(TengunError, match=r"spatial reference|reference system"):
        executors.run(document, tmp_path / "out", executor)
    assert list((tmp_path / "out").iterdir()) == []
