"""The embedded stages on clouds small enough to count by hand, and their kernels against slow twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS

from pipelines.document import StageNode, parse
from pipelines.native import executor, kernels, las_file, noise, raster, readers
from pipelines.native.columns import cast, joined, with_columns
from pipelines.native.executor import PIECEWISE, WHOLE, parsed
from pipelines.native.stage import Report
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, FileError, GeometryError, InputError, ParameterError
from pointcloud.io import las, las_source
from tests.oracles import point_stages

EMPTY = PointCloud(np.empty(0), np.empty(0), np.empty(0), {"Classification": np.empty(0, np.uint8)})


def cloud(*points: tuple[float, float, float], **columns: list[int]) -> PointCloud:
    x, y, z = np.array(points, dtype=np.float64).T
    attributes = {name: np.array(values, dtype=np.uint8) for name, values in columns.items()}
    return PointCloud(x, y, z, attributes, CRS.from_epsg(6676))


def apply(kind: str, points: PointCloud, **options: Any) -> PointCloud:
    stage = StageNode(f"filters.{kind}", None, (0,), options)
    return (PIECEWISE.get(stage.type) or WHOLE[stage.type])(parsed(stage), Report())(points)


def test_crop_keeps_the_edges_as_pdal_does() -> None:
    line = cloud((0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0))
    np.testing.assert_array_equal(apply("crop", line, bounds="([1, 2], [0, 0])").x, [1, 2])
    np.testing.assert_array_equal(apply("crop", line, bounds="([1, 2], [0, 0])", outside=True).x, [0, 3])
    triangle = "POLYGON((1 0, 2 0, 2 1, 1 0))"
    np.testing.assert_array_equal(apply("crop", line, polygon=triangle).x, [1, 2])
    geojson = '{"type": "Polygon", "coordinates": [[[1, 0], [2, 0], [2, 1], [1, 0]]]}'
    np.testing.assert_array_equal(apply("crop", line, polygon=geojson).x, [1, 2])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, ParameterError),
        ({"bounds": "0,1,0,1"}, ParameterError),
        ({"polygon": "no polygon"}, GeometryError),
        ({"polygon": "POINT(0 0)"}, GeometryError),
        ({"polygon": "POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))"}, GeometryError),
    ],
)
def test_crop_refuses_what_is_no_area(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        apply("crop", cloud((0, 0, 0)), **options)


def test_range_alternatives_in_one_dimension_and_conditions_across() -> None:
    points = cloud((0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 4), Classification=[2, 2, 5, 2])
    kept = apply("range", points, limits="Classification[2:2],Z(1:2],Z[4:]")
    np.testing.assert_array_equal(kept.z, [2, 4])
    np.testing.assert_array_equal(apply("range", points, limits="Z![2:3]").z, [1, 4])
    with pytest.raises(ParameterError, match="no dimension 'Zed' in the points; there are X, Y, Z, Classification"):
        apply("range", points, limits="Zed[0:1]")


def test_elm_marks_what_a_gap_parts_from_the_next_above() -> None:
    points = cloud((0, 0, -9), (1, 1, -6), (2, 2, 0), (3, 3, 0.5), (30, 30, -50), Classification=[1] * 5)
    marked = apply("elm", points, cell=10.0, threshold=2.0)
    np.testing.assert_array_equal(marked.attributes["Classification"], [7, 7, 1, 1, 1])  # alone in its cell: not known


def test_outlier_leaves_a_cloud_of_which_nothing_would_remain() -> None:
    far = cloud((0, 0, 0), (100, 0, 0), (200, 0, 0), Classification=[1, 1, 1])
    kept = apply("outlier", far, method="radius", radius=1.0, min_k=2)
    np.testing.assert_array_equal(kept.attributes["Classification"], [1, 1, 1])


def test_radius_outlier_counts_what_lies_closer_than_the_radius() -> None:
    points = cloud((0, 0, 0), (1, 0, 0), (0.5, 0, 0), (1.5, 0, 0), Classification=[1] * 4)
    marked = apply("outlier", points, method="radius", radius=1.0, min_k=2)
    np.testing.assert_array_equal(marked.attributes["Classification"], [7, 1, 1, 7])


def test_height_above_ground() -> None:
    points = cloud((0, 0, 10), (4, 0, 14), (0, 4, 10), (1, 1, 20), (9, 9, 20), Classification=[2, 2, 2, 5, 5])
    planes = apply("hag_delaunay", points).attributes["HeightAboveGround"]
    np.testing.assert_allclose(planes, [0, 0, 0, 20 - 11, 20 - 14], atol=1e-12)  # outside: above the nearest
    nearest = apply("hag_nn", points).attributes["HeightAboveGround"]
    np.testing.assert_array_equal(nearest, [0, 0, 0, 10, 6])
    inside_only = apply("hag_delaunay", points, allow_extrapolation=False).attributes["HeightAboveGround"]
    np.testing.assert_allclose(inside_only, [0, 0, 0, 9, 0], atol=1e-12)
    with pytest.raises(InputError, match="no point is classified as ground"):
        apply("hag_nn", cloud((0, 0, 0), Classification=[1]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-5, 5)] * 3), min_size=1, max_size=60), st.floats(0.3, 4))
def test_samples_lie_apart_and_leave_no_gap(points: list[tuple[float, float, float]], radius: float) -> None:
    kept = apply("sample", cloud(*points), radius=radius)
    expected = point_stages.keep_apart(np.array(points, dtype=np.float64), radius)
    np.testing.assert_array_equal(kept.x, np.array(points)[expected, 0])


def test_sample_kernel_in_python() -> None:
    points = np.random.default_rng(1).uniform(0, 3, (40, 3))
    for function in (kernels.keep_apart, kernels.keep_apart.py_func):
        kept = np.zeros(40, np.bool_)
        x, y, z = (np.ascontiguousarray(v) for v in points.T)
        own, voxels = np.zeros(40, np.int64), np.zeros(1, np.int64)
        function(x, y, z, own, voxels, np.zeros(1, np.int64), 0.49, np.full(1, -1), np.full(40, -1), kept)
        np.testing.assert_array_equal(kept, point_stages.keep_apart(points, 0.7))


def test_local_triangulation_against_scipy() -> None:
    random = np.random.default_rng(2)
    for _ in range(40):
        gx, gy, gz = random.uniform(-1, 1, (3, 10))
        order = np.argsort(np.hypot(gx, gy))
        out = np.empty(1)
        for function in (kernels.delaunay_heights, kernels.delaunay_heights.py_func):
            function(np.zeros(1), np.zeros(1), gx, gy, gz, order[None, :], out)
            expected = point_stages.delaunay_height(0, 0, gx[order], gy[order], gz[order])
            np.testing.assert_allclose(out[0], expected, atol=1e-9)  # one plane through three points, solved twice


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_cell_statistics_against_the_definition(power: float) -> None:
    random = np.random.default_rng(3)
    columns, rows, values = random.uniform(-1, 5, 60), random.uniform(-1, 4, 60), random.uniform(100, 200, 60)
    columns[0], rows[0] = 1.5, 1.5  # on a centre
    expected = point_stages.cell_statistics(columns, rows, values, 0.8, power, (3, 4))
    frame = raster._Frame(0.0, 0.0, 4, 3, 1.0)
    found = raster._statistics(columns, 3.0 - rows, values, frame, 0.8, power)
    for name, band in expected.items():
        # stdev by running sums against two passes: 1e-9 of values near 100
        np.testing.assert_allclose(found[name], band, rtol=1e-9, atol=1e-7, err_msg=name)


def test_window_fill_by_hand() -> None:
    values = np.array([[1.0, np.nan, np.nan, 4.0]])
    known = np.isfinite(values)
    for function in (kernels.fill_window, kernels.fill_window.py_func):
        out = values.copy()
        function(values, known, 1, out)
        np.testing.assert_array_equal(out, [[1, 1, 4, 4]])
        function(values, known, 2, out)
        np.testing.assert_allclose(out, [[1, (1 + 4 / 2) / 1.5, (1 / 2 + 4) / 1.5, 4]])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-20, 20)), min_size=1, max_size=40), st.floats(0.5, 5))
def test_gaps_against_the_definition(points: list[tuple[int, float]], threshold: float) -> None:
    cells, z = (np.array(v) for v in zip(*points, strict=True))
    np.testing.assert_array_equal(
        noise._below_gap(cells.astype(np.int64), z.astype(np.float64), threshold),
        point_stages.below_gap(cells, z, threshold),
    )


def test_easting_stays_first_and_the_best_operation_is_demanded() -> None:
    office = cloud((-10677.17, -113490.46, 12.0))
    moved = apply("reprojection", office, out_srs="EPSG:6668")
    np.testing.assert_allclose([moved.x[0], moved.y[0], moved.z[0]], [138.38306, 34.97694, 12.0], atol=1e-5)
    with pytest.raises(CrsError, match="no reference system"):
        apply("reprojection", PointCloud(office.x, office.y, office.z), out_srs="EPSG:6668")
    with pytest.raises(CrsError, match=r"grid file tky2jgd\.gsb"):  # Tokyo datum, off by 9 m without its grid
        apply("reprojection", cloud((138.4, 35.0, 0)), in_srs="EPSG:4301", out_srs="EPSG:6668")
    with pytest.raises(CrsError, match=r"grid file touhokutaiheiyouoki2011\.gsb"):  # JGD2000
        apply("reprojection", office, in_srs="EPSG:2450", out_srs="EPSG:6676")


def test_values_are_rounded_and_never_wrapped() -> None:
    tens = np.array([0.5, 1.5, 2.49])
    np.testing.assert_array_equal(cast("A", tens, np.dtype(np.uint8)), [1, 2, 2])
    with pytest.raises(InputError, match="256 does not fit"):
        cast("Red", np.array([256.0]), np.dtype(np.uint8))
    with pytest.raises(InputError, match="does not fit"):
        cast("Red", np.array([np.nan]), np.dtype(np.uint8))
    with pytest.raises(InputError, match="-1 does not fit"):
        with_columns(cloud((0, 0, 0), Classification=[1]), {"Classification": np.array([-1.0])})


def test_points_of_two_systems_are_not_merged() -> None:
    a = cloud((0, 0, 0))
    with pytest.raises(CrsError, match=r"reproject them to one with filters\.reprojection"):
        joined([a, PointCloud(a.x, a.y, a.z, {}, CRS.from_epsg(6675))])


def test_a_dimension_that_one_cloud_lacks_is_zero_there() -> None:
    both = joined([cloud((0, 0, 0), UserData=[3]), cloud((1, 1, 1))])
    np.testing.assert_array_equal(both.attributes["UserData"], [3, 0])


@pytest.mark.parametrize("kind", ["elm", "outlier", "hag_nn", "hag_delaunay", "sample", "voxelcenternearestneighbor",
                                  "voxelcentroidnearestneighbor", "decimation", "merge"])  # fmt: skip
def test_an_empty_cloud_stays_empty(kind: str) -> None:
    if kind != "merge":
        options = {"radius": 1.0} if kind == "sample" else {}
        assert len(apply(kind, EMPTY, **options)) == 0


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    random = np.random.default_rng(4)
    x, y = random.uniform(0, 50, (2, 3000))
    z = x / 10 + random.normal(0, 0.05, x.size)
    columns: dict[str, NDArray[np.generic]] = {
        "Classification": random.choice([1, 2], x.size).astype(np.uint8),
        "Intensity": random.integers(0, 60000, x.size).astype(np.uint16),
        "Amplitude": random.uniform(0, 1, x.size).astype(np.float32),
    }
    las.write(tmp_path / "survey.laz", PointCloud(x, y, z, columns, CRS.from_epsg(6676)))
    return tmp_path / "survey.laz"


def test_extra_bytes_come_with_use_eb_vlr_and_go_with_extra_dims(survey: Path, tmp_path: Path) -> None:
    for reads, writes, has in ((True, "all", True), (True, None, False), (False, "all", False)):
        writer = {"type": "writers.las", "filename": "o.las", "dataformat_id": 6, "forward": "scale,offset"}
        stages = [
            {"type": "readers.las", "filename": str(survey), "use_eb_vlr": reads},
            {**writer, **({"extra_dims": writes} if writes else {})},
        ]
        executor.run(parse(stages), tmp_path)
        assert ("Amplitude" in las.read(tmp_path / "o.las").attributes) is has


@pytest.mark.parametrize("point_format", [3, 6])
def test_reference_systems_of_plan_and_height_are_kept(point_format: int, survey: Path, tmp_path: Path) -> None:
    minor = 4 if point_format == 6 else 2
    writer = {"type": "writers.las", "dataformat_id": point_format, "minor_version": minor, "a_srs": "EPSG:6676+6695"}
    executor.run(parse([str(survey), {**writer, "filename": "a.las"}]), tmp_path)
    del writer["a_srs"]
    executor.run(parse(["a.las", {**writer, "filename": "b.las"}]), tmp_path)
    for name in ("a.las", "b.las"):
        info = las.inspect(tmp_path / name)
        assert info.crs == CRS.from_epsg(6676)
        assert info.vertical_datum == VerticalDatum.JGD2011


def test_a_writer_in_the_middle_passes_points_on(survey: Path, tmp_path: Path) -> None:
    stages = [
        {"type": "readers.las", "filename": str(survey)},
        {"type": "writers.las", "filename": "all.laz"},
        {"type": "filters.range", "limits": "Classification[2:2]"},
        {"type": "writers.las", "filename": "ground.laz"},
    ]
    ran = executor.run(parse(stages), tmp_path)
    ground = int(np.count_nonzero(las.read(survey).attributes["Classification"] == 2))
    assert ran.written == {"all.laz": 3000, "ground.laz": ground}


def test_nothing_half_written_stays(survey: Path, tmp_path: Path) -> None:
    stages = [
        {"type": "readers.las", "filename": str(survey)},
        {"type": "writers.las", "filename": "o.las", "scale_x": 1e-9, "offset_x": -100},
    ]
    with pytest.raises(InputError, match=r"does not fit 32 bits.*'auto'"):
        executor.run(parse(stages), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["survey.laz"]


def test_a_run_is_stopped_between_pieces(survey: Path, tmp_path: Path) -> None:
    def step(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.run(parse([str(survey), "o.laz"]), tmp_path, step)


def test_what_native_does_not_know_is_named() -> None:
    stages = ["a.las", {"type": "filters.csf"}, {"type": "filters.crop", "where": "Z > 3"},
              {"type": "filters.crop", "bounds": ["([0,1],[0,1])", "([1,2],[0,1])"]}, "o_#.las"]  # fmt: skip
    reasons = executor.unknown_to_native(parse(stages))
    assert reasons == [
        "filters.csf",
        "filters.crop: where",
        "filters.crop: several areas",
        "writers.las: filename with a pattern",
    ]


def test_copc_is_read_whole_and_in_bounds(shared_data: Path, tmp_path: Path) -> None:
    source = str(shared_data / "lone-star.copc.laz")
    box = "([515385, 515395], [4918345, 4918355])"
    inside = [{"type": "readers.copc", "filename": source, "bounds": box}, {"type": "writers.las", "filename": "a.las"}]
    whole = [source, {"type": "filters.crop", "bounds": box}, {"type": "writers.las", "filename": "b.las"}]
    n_inside = executor.run(parse(inside), tmp_path).written["a.las"]
    assert executor.run(parse(whole), tmp_path).written["b.las"] == n_inside > 1000
    with pytest.raises(FileError, match="is no COPC file"):
        executor.run(parse([{"type": "readers.copc", "filename": "a.las"}, "c.las"]), tmp_path)


def test_raster_on_the_corner_of_the_data(tmp_path: Path) -> None:
    las.write(tmp_path / "p.las", cloud((100.2, 50.7, 3), (102.2, 52.7, 5)))
    stages = [
        "p.las",
        {"type": "writers.gdal", "filename": "r.tif", "resolution": 1, "radius": 0.9, "output_type": "max"},
    ]
    executor.run(parse(stages), tmp_path)
    with rasterio.open(tmp_path / "r.tif") as made:
        assert made.bounds == pytest.approx((100.2, 50.7, 103.2, 53.7))
        np.testing.assert_array_equal(made.read(1), [[-9999, 5, 5], [-9999, 5, 5], [3, -9999, -9999]])  # on a corner


def test_parts_and_pieces_make_no_difference(survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = [
        {"type": "readers.las", "filename": str(survey), "use_eb_vlr": True},
        {"type": "writers.las", "filename": "o.las", "compression": "laszip", "extra_dims": "all", "forward": "all"},
    ]
    made = []
    for piece, part, chunk in ((500_000, 16_384, 1_000_000), (700, 256, 900)):
        monkeypatch.setattr(las_file, "PIECE", piece)
        monkeypatch.setattr(las_file, "IN_CACHE", part)
        monkeypatch.setattr(las_source, "IN_CACHE", part)
        monkeypatch.setattr(readers, "CHUNK", chunk)
        executor.run(parse(stages), tmp_path)
        made.append((tmp_path / "o.las").read_bytes())
    assert las.inspect(tmp_path / "o.las").is_compressed
    assert made[0] == made[1]
    points = readers.FilePoints(survey, None, (), None)
    whole, pieces = points.whole(), joined(list(points))
    for axis in "xyz":
        np.testing.assert_array_equal(getattr(whole, axis), getattr(pieces, axis))
    for name, values in whole.attributes.items():
        np.testing.assert_array_equal(values, pieces.attributes[name])
    assert len(readers.FilePoints(survey, 1000, (), None).whole()) == 1000


def test_a_value_that_the_point_format_cannot_hold_is_refused(survey: Path, tmp_path: Path) -> None:
    stages = [
        str(survey),
        {"type": "filters.assign", "value": "Classification = 40"},
        {"type": "writers.las", "filename": "o.las", "dataformat_id": 1, "minor_version": 2},
    ]
    with pytest.raises(ParameterError, match="Classification from 40 to 40; it holds 0 to 31"):
        executor.run(parse(stages), tmp_path)
    assert not (tmp_path / "o.las").exists()
