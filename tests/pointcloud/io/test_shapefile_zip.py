"""A Shapefile in a zip: read as it lies beside the others, and refused with a reason where it cannot be. About 1 s."""

from __future__ import annotations

import warnings
import zipfile

import numpy as np
import pyogrio
import pytest
import shapely

from pointcloud.errors import FileError
from pointcloud.forest.stands_reading import read_stands
from pointcloud.io.shapefile_zip import holds_one, unpacked
from pointcloud.io.vector import read_zones
from tests.oracles.plantations import CRS_8, square


def shapefile(folder, encoding="CP932"):
    folder.mkdir(exist_ok=True)
    shapes = np.array([shapely.to_wkb(square(i)) for i in range(2)], object)
    columns = [np.array(["12-イ-1", "12-ロ-1"], object), np.array(["スギ", "ヒノキ"], object), np.array([45, 30])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the driver speaks of a field's name
        pyogrio.raw.write(folder / "小班.shp", shapes, columns, ["林小班", "樹種", "林齢"], driver="ESRI Shapefile",
                          geometry_type="Polygon", crs=CRS_8.to_wkt(), encoding=encoding)  # fmt: skip
    return sorted(folder.glob("小班.*"))


def zipped(path, parts, within="", leave_out=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            if part.suffix not in leave_out:
                archive.write(part, within + part.name)
    return path


@pytest.mark.parametrize("encoding", ["CP932", "UTF-8"])
@pytest.mark.parametrize("within", ["", "提出/2024/", "../../../"])
def test_stands_come_out_as_they_went_in(tmp_path, encoding, within):
    parts = shapefile(tmp_path / "parts", encoding)
    path = zipped(tmp_path / "林小班.zip", parts, within, leave_out=(".cpg",))
    assert holds_one(path)
    found = read_stands(path, CRS_8, 2024)
    assert [(s.id, s.species, s.planting_year) for s in found] == [
        ("12-イ-1", "スギ", 1980),
        ("12-ロ-1", "ヒノキ", 1995),
    ]
    np.testing.assert_allclose([s.area_ha for s in found], 1.0)
    assert len(read_zones(path, CRS_8)) == 2
    with unpacked(path) as shapes:
        assert shapes.name == "林小班.shp"
    assert not shapes.parent.exists()


def test_what_cannot_be_used_is_said(tmp_path):
    parts = shapefile(tmp_path / "parts")
    cases = {}
    for missing in (".shx", ".dbf", ".prj"):
        cases[f"part {missing} is missing"] = zipped(tmp_path / f"no{missing}.zip", parts, leave_out=(missing,))
    cases["holds 0 files .shp"] = zipped(tmp_path / "none.zip", parts, leave_out=(".shp",))
    two = zipped(tmp_path / "two.zip", parts)
    with zipfile.ZipFile(two, "a") as archive:
        archive.write(parts[0], "other.shp")
        archive.writestr("__MACOSX/._third.shp", b"")
    cases["holds 2 files .shp"] = two
    whole = zipped(tmp_path / "whole.zip", parts).read_bytes()
    for name, content in (("cut.zip", whole[: len(whole) // 2]), ("plain.zip", b"nothing")):
        (tmp_path / name).write_bytes(content)
    damaged = bytearray(whole)
    at = whole.index(b".dbf") + 20
    damaged[at : at + 10] = bytes(10)
    (tmp_path / "damaged.zip").write_bytes(damaged)
    cases |= {
        "cannot be read (File is not a zip file)": tmp_path / "cut.zip",
        "cannot be read (": tmp_path / "damaged.zip",
        "no such file": tmp_path / "absent.zip",
    }
    for said, path in cases.items():
        with pytest.raises(FileError) as caught:
            read_stands(path, CRS_8, 2024)
        assert said in caught.value.en
        assert path.name in caught.value.ja
    assert not holds_one(tmp_path / "plain.zip")
    assert not holds_one(cases["holds 0 files .shp"])


def test_more_than_is_reasonable_is_refused(tmp_path, monkeypatch):
    path = zipped(tmp_path / "big.zip", shapefile(tmp_path / "parts"))
    monkeypatch.setattr("pointcloud.io.shapefile_zip.MAX_BYTES", 100)
    with pytest.raises(FileError, match="larger than 100 bytes"):
        read_stands(path, CRS_8, 2024)
