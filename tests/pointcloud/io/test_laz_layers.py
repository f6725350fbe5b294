"""Files with some layers replaced, against the same files compressed anew. Costs four seconds."""

from __future__ import annotations

from pathlib import Path

import laspy
import numpy as np
import pytest
from laspy.compression import LazBackend
from numpy.typing import NDArray

from pipelines import document, pdal_cut
from pointcloud.errors import InputError
from pointcloud.io import las
from pointcloud.io.las_source import open_source
from tests.oracles.real_pdal import program
from tests.pointcloud.io.las_files import make, make_copc

pytestmark = pytest.mark.slow(15)

Columns = dict[str, NDArray[np.generic]]


def edits(path: Path, seed: int = 3) -> Columns:
    """Classes, two flags and an extra dimension for every point of a file."""
    rng, n = np.random.default_rng(seed), las.inspect(path).n_points
    return {
        "Classification": rng.choice(np.array([1, 2, 7, 200], np.uint8), n),
        "KeyPoint": rng.integers(0, 2, n, np.uint8),
        "EdgeOfFlightLine": np.ones(n, np.uint8),
        "Trust": np.round(rng.random(n), 2).astype(np.float32),
    }


def both(path: Path, folder: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file relabelled, which must not compress it anew, and compressed anew."""
    layered, anew = folder / "layered.laz", folder / "anew.laz"
    with monkeypatch.context() as patched:
        patched.delattr("pointcloud.io.las_rewrite.rewrite")
        las.relabel(path, layered, columns)
    las.rewrite(path, anew, lambda s, p: {n: v[s : s + len(p)] for n, v in columns.items()}, dimensions=())
    return layered, anew


def assert_same_points(one: Path, other: Path) -> None:
    found, expected = las.read(one), las.read(other)
    assert list(found.attributes) == list(expected.attributes)
    for name in ("x", "y", "z"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name, values in expected.attributes.items():
        np.testing.assert_array_equal(found.attributes[name], values, err_msg=name)


@pytest.mark.parametrize("chosen", [("Classification",), ("KeyPoint", "EdgeOfFlightLine"), ("Trust",), None])
@pytest.mark.parametrize(("number", "n_points", "has_extras"), [(6, 1, True), (6, 120_000, False), (7, 300, True),
                                                                (8, 60_000, True)])  # fmt: skip
def test_layers_are_those_of_a_file_compressed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, n_points: int, has_extras: bool,
    chosen: tuple[str, ...] | None,
) -> None:  # fmt: skip
    """Byte for byte, as one program wrote all layers; the records are random, so channels and returns mix."""
    path = tmp_path / "a.laz"
    make(path, 4, number, n_points, has_extras=has_extras)
    columns = edits(path)
    if chosen is not None:
        columns = {name: columns[name] for name in chosen}
    layered, anew = both(path, tmp_path, columns, monkeypatch)
    assert layered.read_bytes() == anew.read_bytes()
    if number == 6 and has_extras:
        two = laspy.read(layered, laz_backend=LazBackend.Laszip)
        for name in two.point_format.dimension_names:
            np.testing.assert_array_equal(two[name], laspy.read(anew)[name])


def test_extra_dimensions_that_are_there_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scaled ones too, and those between others; a second run over a file that has labels already is such a case."""
    path = tmp_path / "a.laz"
    make(path, 4, 7, 2000, has_extras=True)
    n = las.inspect(path).n_points
    columns: Columns = {"Reflectance": np.linspace(-300.0, 300.0, n).round(2), "normal1": np.ones(n, np.float32)}
    columns |= {"Trust": np.arange(n, dtype=np.int16)}
    layered, anew = both(path, tmp_path, columns, monkeypatch)
    assert layered.read_bytes() == anew.read_bytes()


def test_a_copc_keeps_the_sizes_of_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.copc.laz"
    make_copc(path)
    layered, anew = both(path, tmp_path, edits(path), monkeypatch)
    assert_same_points(layered, anew)
    assert not las.inspect(layered).is_copc
    np.testing.assert_array_equal(open_source(layered).counts, [400] * 5)


@pytest.mark.parametrize("name", ["test_semis_2023_0299_6802_LA93_IGN69.laz", "lone-star.copc.laz"])
def test_real_files_in_three_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path, name: str
) -> None:
    """Layers by another program beside ours; lazrs, LASzip and PDAL read them as they read a file made anew."""
    layered, anew = both(shared_data / name, tmp_path, edits(shared_data / name), monkeypatch)
    assert_same_points(layered, anew)
    own = laspy.read(layered, laz_backend=LazBackend.Laszip)
    other = laspy.read(anew, laz_backend=LazBackend.Laszip)
    for dimension in other.point_format.dimension_names:
        np.testing.assert_array_equal(own[dimension], other[dimension], err_msg=dimension)
    found = program()
    for path in (layered, anew):
        stages = [
            {"type": "readers.las", "filename": str(path), "use_eb_vlr": True},
            {"type": "writers.las", "filename": f"{path.stem}.las", "minor_version": 4, "dataformat_id": 6,
             "extra_dims": "all", "forward": "scale,offset"},
        ]  # fmt: skip
        pdal_cut.run(document.parse(stages), tmp_path, found)
    assert_same_points(tmp_path / "layered.las", tmp_path / "anew.las")


@pytest.mark.parametrize(("source", "number", "target", "dimension"), [
    ("a.laz", 3, "b.laz", "Classification"), ("a.las", 6, "b.laz", "Classification"),
    ("a.laz", 6, "b.las", "Classification"), ("a.laz", 6, "b.laz", "UserData"),
])  # fmt: skip
def test_other_files_are_compressed_anew(
    tmp_path: Path, source: str, number: int, target: str, dimension: str
) -> None:  # fmt: skip
    records = make(tmp_path / source, 4, number)
    las.relabel(tmp_path / source, tmp_path / target, {dimension: np.full(len(records), 9, np.uint8)})
    found = las.read(tmp_path / target)
    np.testing.assert_array_equal(found.attributes[dimension], 9)
    np.testing.assert_array_equal(found.attributes["PointSourceId"], records["point_source_id"])


def test_a_column_has_one_value_a_point(tmp_path: Path) -> None:
    make(tmp_path / "a.laz", 4, 6, 300)
    with pytest.raises(InputError, match="299"):
        las.relabel(tmp_path / "a.laz", tmp_path / "b.laz", {"Classification": np.zeros(299, np.uint8)})
    assert not (tmp_path / "b.laz").exists()
