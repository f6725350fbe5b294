"""Each embedded stage against the real PDAL, on real surveys. About 60 s on two cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipelines import executors
from pipelines.document import Document, shipped
from pointcloud.cloud import PointCloud
from pointcloud.io import las
from tests.oracles.real_pdal import assert_same_outputs, assert_same_points, points_both, program, run_both

pytestmark = [pytest.mark.data, pytest.mark.slow(25)]

URBAN = "isprs/samp11.laz"
IGN_BOX = "([299400, 299700], [6801300, 6801600])"
STAGES: list[list[dict[str, Any]]] = [
    [],
    [{"type": "filters.range", "limits": "Classification[2:2],Z![0:310)"}],
    [{"type": "filters.range", "limits": "Z(:300],Z[305:310),Z(320.5:]"}],
    [{"type": "filters.crop", "bounds": "([512720, 512800], [5403600, 5403700.5])"}],
    [{"type": "filters.crop", "bounds": "([512720, 512800], [5403600, 5403700])", "outside": True}],
    [{"type": "filters.crop", "polygon": "POLYGON((512710 5403560, 512820 5403600, 512760 5403811, 512710 5403560))"}],
    [{"type": "filters.outlier", "mean_k": 6, "multiplier": 1.5}],
    [{"type": "filters.outlier", "method": "radius", "radius": 1.5, "min_k": 5, "class": 18}],
    [{"type": "filters.elm"}],
    [{"type": "filters.elm", "cell": 2.5, "threshold": 0.3, "class": 18}],
    [{"type": "filters.decimation", "step": 7, "offset": 3, "limit": 5000}],
    [{"type": "filters.sample", "radius": 2.0}],
    [{"type": "filters.voxelcenternearestneighbor", "cell": 2.5}],
    [{"type": "filters.assign", "assignment": "Classification[1:1]=5"}],
    [{"type": "filters.assign", "value": ["Classification = 9 WHERE Z > 310 && X < 512760", "Intensity = Z / 3"]}],
    [{"type": "filters.python", "module": "pipelines.stages", "function": "ground"}],
    [{"type": "filters.elm"}, {"type": "filters.outlier"}, {"type": "filters.merge"},
     {"type": "filters.python", "module": "pipelines.stages", "function": "ground"},
     {"type": "filters.range", "limits": "Classification[2:2]"}],
]  # fmt: skip


def label(stages: list[dict[str, Any]]) -> str:
    return "+".join(f"{s['type'][8:]}{s.get('method', '')}" for s in stages) or "copy"


@pytest.mark.parametrize("stages", STAGES, ids=label)
def test_stage_gives_pdals_points(stages: list[Any], shared_data: Path, tmp_path: Path) -> None:
    # KeyPoint: PDAL 2.2 knows the LAS flags as one dimension of bits and drops ours
    assert_same_points(*points_both(stages, shared_data / URBAN, tmp_path), but=("KeyPoint",))


@pytest.fixture(scope="module")
def forest(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corner of the IGN extract with bridge, LAS 1.4 format 6, 25 k points."""
    from pipelines.document import parse

    folder = tmp_path_factory.mktemp("ign")
    source = shared_data / "test_semis_2023_0299_6802_LA93_IGN69.laz"
    executors.run(
        parse([
            {"type": "readers.las", "filename": str(source)},
            {"type": "filters.crop", "bounds": IGN_BOX},
            {"type": "writers.las", "filename": "ign.laz", "dataformat_id": 6, "forward": "scale,offset"},
        ]),
        folder, "native",
    )  # fmt: skip
    return folder / "ign.laz"


def test_voxel_centroid(forest: Path, tmp_path: Path) -> None:
    """Not on the ISPRS sample: its coarse coordinates make points equally near to a centroid but for rounding."""
    assert_same_points(*points_both([{"type": "filters.voxelcentroidnearestneighbor", "cell": 2.5}], forest, tmp_path))


@pytest.mark.parametrize("count", [1, 4])
def test_height_above_nearest_ground(count: int, forest: Path, tmp_path: Path) -> None:
    a, b = points_both([{"type": "filters.hag_nn", "count": count, "max_distance": 3}], forest, tmp_path)
    assert_same_points(a, b, but=("HeightAboveGround",))
    # heights near 400 m: the sum of four weighted heights rounds at 1e-13
    np.testing.assert_allclose(a.attributes["HeightAboveGround"], b.attributes["HeightAboveGround"], rtol=0, atol=1e-9)


def test_height_above_local_triangles(forest: Path, tmp_path: Path) -> None:
    a, b = points_both([{"type": "filters.hag_delaunay"}], forest, tmp_path)
    assert_same_points(a, b, but=("HeightAboveGround",))
    difference = np.abs(a.attributes["HeightAboveGround"] - b.attributes["HeightAboveGround"])
    # four ground points on one circle have two triangulations; both are right, and few points meet one
    assert np.mean(difference > 1e-9) < 1e-3
    assert difference.max() < 0.5


@pytest.mark.parametrize("target", ["EPSG:4326", "EPSG:3857", "EPSG:2154"])
def test_reprojection(target: str, forest: Path, tmp_path: Path) -> None:
    fine = {"scale_x": 1e-8, "scale_y": 1e-8} if target == "EPSG:4326" else {"scale_x": 1e-4, "scale_y": 1e-4}
    writer = {**fine, "offset_x": "auto", "offset_y": "auto", "forward": "format"}
    a, b = points_both([{"type": "filters.reprojection", "out_srs": target}], forest, tmp_path, **writer)
    # two PROJ versions agree to far less than the scale written; a value on the edge of two steps may fall either way
    np.testing.assert_allclose(a.x, b.x, rtol=0, atol=1.01 * fine["scale_x"])
    np.testing.assert_allclose(a.y, b.y, rtol=0, atol=1.01 * fine["scale_y"])
    if target == "EPSG:4326":
        assert -5 < a.x.mean() < 10  # easting is longitude, whatever EPSG's order of axes
    assert a.crs == b.crs


@pytest.mark.parametrize(
    "options",
    [
        {"resolution": 1.0},
        {"resolution": 2.0, "radius": 5, "power": 2.5, "output_type": "idw,max"},
        {"resolution": 0.5, "radius": 0.3, "window_size": 3},
        {"resolution": 1.0, "dimension": "Intensity", "data_type": "float", "nodata": -1},
        {"resolution": 1.0, "bounds": "([299450, 299650], [6801350, 6801550])", "output_type": "mean"},
    ],
    ids=["all", "idw", "window", "intensity", "bounds"],
)
def test_raster(options: dict[str, Any], forest: Path, tmp_path: Path) -> None:
    stages = [str(forest), {"type": "writers.gdal", "filename": "out.tif", **options}]
    a, b = run_both(stages, tmp_path)
    assert_same_raster(a / "out.tif", b / "out.tif")


def assert_same_raster(a: Path, b: Path) -> None:
    with rasterio.open(a) as ours, rasterio.open(b) as theirs:
        for what in ("shape", "transform", "nodata", "dtypes", "descriptions", "crs"):
            assert getattr(ours, what) == getattr(theirs, what), what
        # sums run in the same order; powers and divisions by other compilers differ in the last bits
        np.testing.assert_allclose(ours.read(), theirs.read(), rtol=1e-12, atol=1e-9)


def test_statistics(shared_data: Path, tmp_path: Path) -> None:
    from pipelines import pdal_cut
    from pipelines.document import parse

    options = {"dimensions": "X,Z,Classification", "advanced": True, "global": "Z", "count": "Classification",
               "enumerate": "Classification"}  # fmt: skip
    stages = parse([str(shared_data / URBAN), {"type": "filters.stats", **options}, {"type": "writers.null"}])
    ours = executors.run(stages, tmp_path, "native").metadata["filters.stats"]["statistic"]
    theirs = pdal_cut.run(stages, tmp_path, program()).metadata[0]["filters.stats"]["statistic"]
    for mine in ours:
        other = next(s for s in theirs if s["name"] == mine["name"])
        for key in ("count", "minimum", "maximum", "average", "variance", "stddev", "skewness", "kurtosis"):
            # PDAL prints metadata with about ten digits, and adds the values one by one
            np.testing.assert_allclose(mine[key], other[key], rtol=1e-6, atol=1e-6, err_msg=f"{mine['name']} {key}")
    z = next(s for s in theirs if s["name"] == "Z")
    assert (ours[1]["median"], ours[1]["mad"]) == pytest.approx((z["median"], z["mad"]))


def test_several_views_merge_and_pass(shared_data: Path, tmp_path: Path) -> None:
    """Without filters.merge each file is filtered alone: the outliers of two files are not those of their union."""
    files = [str(shared_data / "isprs" / f"samp{n}.laz") for n in (31, 52)]
    writer = {"type": "writers.las", "filename": "out.laz", "forward": "all"}
    found = []
    for i, merge in enumerate(([], [{"type": "filters.merge"}])):
        (tmp_path / str(i)).mkdir()
        a, b = run_both([*files, *merge, {"type": "filters.outlier"}, writer], tmp_path / str(i))
        assert_same_points(las.read(a / "out.laz"), las.read(b / "out.laz"))
        found.append(las.read(a / "out.laz").attributes["Classification"])
    assert (found[0] != found[1]).any()


DOCUMENTS: list[tuple[str, dict[str, list[str]], dict[str, Any]]] = [
    (
        "ground",
        {"input": ["samp22", "samp31"]},
        {"input.override_srs": "EPSG:31467", "reproject.out_srs": "EPSG:31467"},
    ),
    ("normalize", {"input": ["ign"]}, {}),
    ("terrain", {"input": ["ign"]}, {"dsm.resolution": 1, "chm.resolution": 1, "dtm.resolution": 1}),
    ("change", {"before": ["samp52"], "after": ["samp52"]}, {"raster.resolution": 2}),
]


@pytest.mark.parametrize(("name", "files", "options"), DOCUMENTS, ids=[d[0] for d in DOCUMENTS])
def test_shipped_document(
    name: str, files: dict[str, list[str]], options: dict[str, Any], shared_data: Path, forest: Path, tmp_path: Path
) -> None:
    program()
    document = bound(shipped(name).with_options(options), files, shared_data, forest)
    assert_same_outputs(document, tmp_path)


def bound(document: Document, files: dict[str, list[str]], shared_data: Path, forest: Path) -> Document:
    for tag, names in files.items():
        paths = [forest if n == "ign" else shared_data / "isprs" / f"{n}.laz" for n in names]
        document = document.with_files(tag, paths)
    return document


@pytest.mark.parametrize("name", [d[0] for d in DOCUMENTS])
def test_pdal_validates_every_part_that_it_runs(name: str, shared_data: Path, tmp_path: Path) -> None:
    """PDAL opens the files named, so the parts get real ones."""
    import json
    import subprocess

    from pipelines.pdal_cut import parts

    found = program()
    between = PointCloud(
        np.zeros(1), np.zeros(1), np.zeros(1), {"Classification": np.array([2], np.uint8), "HeightChange": np.zeros(1)}
    )
    las.write(tmp_path / "cut.las", between)
    for part in parts(shipped(name)):
        for stage in part["pipeline"]:
            if stage["type"].startswith("readers."):
                is_between = stage["filename"] == "cut.las"
                stage["filename"] = str(tmp_path / "cut.las" if is_between else shared_data / URBAN)
        (tmp_path / "part.json").write_text(json.dumps(part))
        said = subprocess.run(
            [found.path, "pipeline", "--validate", tmp_path / "part.json"], capture_output=True, text=True, check=True
        )
        assert json.loads(said.stdout)["valid"] is True, said.stdout
