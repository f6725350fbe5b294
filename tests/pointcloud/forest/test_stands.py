"""Stands from files as forest offices have them. Costs about two seconds."""

from __future__ import annotations

import json

import numpy as np
import pyogrio
import pytest
import shapely

from pointcloud.errors import FileError
from pointcloud.forest.stands import Treatment, Work, parse_treatments, parse_year
from pointcloud.forest.stands_reading import read_stands
from tests.oracles.plantations import CRS_8, square

AGE_YEAR = 2024


def write_layer(path, ids, geometries, encoding=None, **columns):
    """A layer of polygons with Japanese field names."""
    fields = ["林小班", *columns]
    data = [np.array(ids, object), *(np.array(v) for v in columns.values())]
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(geometries)), data, fields, geometry_type="Polygon", crs="EPSG:6676",
        encoding=encoding,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Could not decode error message")  # the driver speaks of names that it cuts
@pytest.mark.parametrize(("name", "encoding"), [("s.gpkg", None), ("s.shp", "CP932"), ("s.shp", "UTF-8")])
def test_layers_in_three_forms_say_the_same(tmp_path, name, encoding):
    path = tmp_path / name
    write_layer(
        path, ["12-イ-3", "12-ロ"], [square(0), square(1)], encoding, 樹種=["スギ", "ヒノキ"], 林齢=[45, 30],
        施業履歴=["H27間伐30%", ""],
    )  # fmt: skip
    if encoding == "CP932":
        path.with_suffix(".cpg").unlink(missing_ok=True)  # registers come without it
    first, second = read_stands(path, CRS_8, AGE_YEAR)
    assert (first.id, first.species, first.planting_year) == ("12-イ-3", "スギ", 1980)
    assert first.treatments == (Treatment(2015, Work.THINNING, 0.3),)
    assert (second.species, second.age_in(AGE_YEAR), second.treatments) == ("ヒノキ", 30, ())
    np.testing.assert_allclose(first.area_ha, 1.0, rtol=1e-9)  # shapefiles hold doubles
    assert not first.problems + second.problems + first.notes + second.notes


def test_csv_with_wkt_and_a_register_joined_by_compartment(tmp_path):
    outlines = tmp_path / "outlines.csv"
    outlines.write_text(f'林班,小班,wkt\n12,イ,"{square(0).wkt}"\n12,ロ,"{square(1).wkt}"\n', "cp932")
    register = tmp_path / "register.csv"
    register.write_bytes(
        "林班,小班,樹種,植栽年,面積\r\n12,ロ,ヒノキ,平成7年,0.80\r\n12,イ,スギ,1980,1.0\r\n".encode("utf-8-sig")
    )
    first, second = read_stands(outlines, CRS_8, AGE_YEAR, register)
    assert [(s.id, s.species, s.planting_year) for s in (first, second)] == [
        ("12-イ", "スギ", 1980), ("12-ロ", "ヒノキ", 1995),
    ]  # fmt: skip
    assert first.treatments is None
    assert [n.code for n in second.notes] == ["area-disagrees"]
    assert second.credited_area_ha == 0.8


def test_each_bad_stand_says_why_and_the_others_stay(tmp_path):
    crossing = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    features = [
        ("good", square(0), {"species": "スギ", "age": 40}), ("age0", square(1), {"species": "スギ", "age": 0}),
        ("old", square(2), {"species": "スギ", "age": 4000}), ("ageless", square(3), {"species": "スギ"}),
        ("nameless", square(4), {"age": 40}), ("crossing", crossing, {"species": "スギ", "age": 40}),
        ("point", shapely.Point(0, 0), {"species": "スギ", "age": 40}), ("gone", None, {"species": "スギ", "age": 40}),
        ("both", square(5), {"species": "スギ", "age": 60, "planting_year": 1985}),
    ]  # fmt: skip
    path = tmp_path / "stands.geojson"
    collection = [
        {"type": "Feature", "properties": {"id": i, **p}, "geometry": g and json.loads(shapely.to_geojson(g))}
        for i, g, p in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": collection}), "utf-8")
    stands = {s.id: s for s in read_stands(path, CRS_8, AGE_YEAR)}
    problems = {i: [n.code for n in s.problems] for i, s in stands.items()}
    assert problems == {
        "good": [], "age0": ["age-out-of-range"], "old": ["age-out-of-range"], "ageless": ["no-age"],
        "nameless": ["no-species"], "crossing": ["outline-broken"], "point": ["no-outline"], "gone": ["no-outline"],
        "both": [],
    }  # fmt: skip
    assert "age 0" in stands["age0"].problems[0].en
    assert "0 年" in stands["age0"].problems[0].ja
    assert stands["both"].planting_year == 1985
    assert "age-disagrees" in [n.code for n in stands["both"].notes]


def test_a_tiny_fault_of_an_outline_is_mended(tmp_path):
    x, y = np.array(square(0).exterior.coords[:-1]).T
    spike = [*zip(x, y, strict=True), (x[-1] - 1.0, y[-1] + 1.0), (x[-1], y[-1] + 0.5), (x[-1] - 1.0, y[-1] + 0.5)]
    path = tmp_path / "s.csv"
    path.write_text(f'id,species,age,wkt\na,スギ,40,"{shapely.Polygon(spike).wkt}"\n', "utf-8")
    (stand,) = read_stands(path, CRS_8, AGE_YEAR)
    assert stand.polygon.is_valid
    assert [n.code for n in stand.notes] == ["outline-mended"]


def test_a_register_with_an_id_twice_is_refused(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(f'id,species,age,wkt\na,スギ,40,"{square(0).wkt}"\n', "utf-8")
    register = tmp_path / "r.csv"
    register.write_text("id,age\na,40\na,41\n", "utf-8")
    with pytest.raises(FileError, match="line 3: id 'a' comes twice"):
        read_stands(path, CRS_8, AGE_YEAR, register)


@pytest.mark.parametrize(
    ("text", "year"),
    [("2015", 2015), ("H27", 2015), ("平成27年度", 2015), ("令和元年", 2019), ("S56年", 1981), ("Ｒ２", 2020),
     ("27", None), ("未定", None)],
)  # fmt: skip
def test_years_as_registers_write_them(text, year):
    assert parse_year(text) == year


def test_treatments_as_registers_write_them():
    text = "H27間伐30%;2026 皆伐 1.0、令和8年度 再造林; 2020 択伐 0.25\n1998年 下刈; 春に間伐; 2020 間伐 300%"
    found, unread = parse_treatments(text)
    assert found == (
        Treatment(2015, Work.THINNING, 0.3), Treatment(2026, Work.CLEAR_CUT, 1.0), Treatment(2026, Work.PLANTING),
        Treatment(2020, Work.SELECTION, 0.25), Treatment(1998, Work.TENDING),
    )  # fmt: skip
    assert unread == ("春に間伐", "2020 間伐 300%")
