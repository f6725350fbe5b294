"""Zones from GeoJSON, GeoPackage and Shapefile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, mapping

from pointcloud.errors import CrsError, FileError, GeometryError
from pointcloud.io.vector import read_zones, read_zones_object

ZONE_8 = CRS.from_epsg(6676)
SCAR = Polygon([(52000, -98300), (52060, -98300), (52060, -98250), (52000, -98250)])
HOLED = Polygon(
    [(52100, -98300), (52160, -98300), (52160, -98250), (52100, -98250)],
    [[(52110, -98290), (52120, -98290), (52120, -98280), (52110, -98280)]],
)
BOW_TIE = Polygon([(52000, -98300), (52060, -98250), (52060, -98300), (52000, -98250)])


def collection(*geometries: Any, **fields: list[Any]) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "properties": {name: values[index] for name, values in fields.items()},
            "geometry": None if geometry is None else mapping(geometry),
        }
        for index, geometry in enumerate(geometries)
    ]
    return {"type": "FeatureCollection", "features": features}


def write_vector(
    path: Path, geometries: list[Any], name: str = "name", values: tuple[Any, ...] = (), crs: str | None = "EPSG:6676",
    **options: Any,
) -> Path:  # fmt: skip
    kinds = {geometry.geom_type for geometry in geometries if geometry is not None}
    columns = [np.array(values, dtype=object)] if values else []
    pyogrio.raw.write(
        path, shapely.to_wkb(geometries), columns, [name] if values else [],
        geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown", crs=crs, **options,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("suffix", [".gpkg", ".shp"])
def test_gis_formats(tmp_path: Path, suffix: str) -> None:
    path = write_vector(tmp_path / f"a{suffix}", [SCAR, HOLED], "名称", ("崩壊地", "堆積地"), encoding="UTF-8")
    zones = read_zones(path, ZONE_8)
    assert [(zone.name, zone.notes) for zone in zones] == [("崩壊地", ()), ("堆積地", ())]
    assert zones[0].polygon.equals(SCAR)
    assert zones[1].polygon.area == HOLED.area == 60 * 50 - 100


@pytest.mark.parametrize("encoding", ["CP932", "UTF-8"])
@pytest.mark.parametrize("says_which", [True, False])
def test_shapefiles_from_japan(tmp_path: Path, encoding: str, says_which: bool) -> None:
    path = write_vector(tmp_path / "a.shp", [SCAR], "名称", ("髙塚の崩壊地①",), encoding=encoding)
    if not says_which:
        path.with_suffix(".cpg").unlink()
    assert [zone.name for zone in read_zones(path, ZONE_8)] == ["髙塚の崩壊地①"]


def test_other_systems_are_reprojected(tmp_path: Path) -> None:
    to_degrees = Transformer.from_crs(6676, 6668, always_xy=True)
    degrees = shapely.transform(SCAR, to_degrees.transform, interleaved=False)
    path = write_vector(tmp_path / "a.gpkg", [degrees], values=("a",), crs="EPSG:6668")
    (zone,) = read_zones(path, ZONE_8)
    # 1e-4 m is far below any survey and above rounding of degrees in float64
    np.testing.assert_allclose(shapely.get_coordinates(zone.polygon), shapely.get_coordinates(SCAR), rtol=0, atol=1e-4)
    (from_json,) = read_zones_object(collection(degrees, name=["a"]), ZONE_8)
    np.testing.assert_allclose(
        shapely.get_coordinates(from_json.polygon), shapely.get_coordinates(SCAR), rtol=0, atol=1e-4
    )
    assert from_json.notes == ()


def test_geojson_in_metres_is_taken_to_be_the_survey_s(tmp_path: Path) -> None:
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps(collection(SCAR, HOLED, name=["scar", "deposit"])), "utf-8")
    zones = read_zones(path, ZONE_8)
    assert [zone.name for zone in zones] == ["scar", "deposit"]
    assert zones[0].polygon.equals(SCAR)
    for zone in zones:
        (note,) = zone.notes
        assert note.code == "zones-crs-assumed"
        assert "zones.geojson states no CRS" in note.en


def test_geojson_may_state_its_crs(tmp_path: Path) -> None:
    geojson = collection(SCAR)
    geojson["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}}
    (zone,) = read_zones_object(geojson, ZONE_8)
    assert zone.polygon.equals(SCAR)
    assert zone.notes == ()
    (moved,) = read_zones_object(geojson, CRS.from_epsg(6677))
    x, y = Transformer.from_crs(6676, 6677, always_xy=True).transform(52000, -98300)
    np.testing.assert_allclose(shapely.get_coordinates(moved.polygon)[0], [x, y], rtol=0, atol=1e-4)
    geojson["crs"] = "EPSG:6676"
    with pytest.raises(CrsError, match="crs member 'EPSG:6676' is not understood"):
        read_zones_object(geojson, ZONE_8)


def test_a_coarse_transformation_is_refused() -> None:
    geojson = collection(SCAR)
    geojson["crs"] = {"type": "name", "properties": {"name": "EPSG:30168"}}
    with pytest.raises(CrsError, match=r"accurate transformation from .* is not on this machine"):
        read_zones_object(geojson, ZONE_8)


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(collection(SCAR)), "utf-8-sig")
    assert [zone.name for zone in read_zones(path, ZONE_8)] == ["zone-1"]


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("name", "scar", "scar"),
        ("NAME", " scar ", "scar"),
        ("名称", "崩壊地", "崩壊地"),
        ("Zone", 12, "12"),
        ("zone", 12.0, "12"),
        ("zone", 1.5, "1.5"),
        ("name", None, "zone-1"),
        ("name", "", "zone-1"),
        ("name", float("nan"), "zone-1"),
        ("id", "scar", "zone-1"),
    ],
)
def test_names(field: str, value: Any, name: str) -> None:
    (zone,) = read_zones_object(collection(SCAR, **{field: [value]}), ZONE_8)
    assert zone.name == name


def test_the_second_of_a_name_gets_its_own() -> None:
    zones = read_zones_object(collection(SCAR, HOLED, SCAR, name=["a", "a", "a (2)"]), ZONE_8)
    assert [zone.name for zone in zones] == ["a", "a (2)", "a (2) (2)"]
    assert [note.code for note in zones[1].notes] == ["zones-crs-assumed", "zone-renamed"]
    assert "重複" in zones[1].notes[1].ja


def test_features_geometries_and_heights() -> None:
    both = MultiPolygon([SCAR, HOLED])
    assert read_zones_object(mapping(both), ZONE_8)[0].polygon.equals(both)
    assert read_zones_object(collection(SCAR)["features"][0], ZONE_8)[0].polygon.equals(SCAR)
    high = shapely.force_3d(SCAR, 100)
    (zone,) = read_zones_object(collection(high), ZONE_8)
    assert not zone.polygon.has_z


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        (BOW_TIE, r"feature 2 \('bad'\): Self-intersection\[52030 -98275\]"),
        (Polygon(), r"feature 2 \('bad'\): no geometry"),
        (None, r"feature 2 \('bad'\): no geometry"),
        (Point(52000, -98300), "a Point; expected a polygon"),
        (LineString([(52000, -98300), (52001, -98300)]), "a LineString; expected a polygon"),
        (MultiPolygon([SCAR, SCAR]), "Self-intersection|Nested shells|Duplicate"),
    ],
)
def test_zones_that_cannot_be_used(tmp_path: Path, geometry: Any, says: str) -> None:
    with pytest.raises(GeometryError, match=says) as caught:
        read_zones_object(collection(SCAR, geometry, name=["good", "bad"]), ZONE_8, "zones.geojson")
    assert "zones.geojson" in str(caught.value)
    assert "2 番目の地物「bad」" in caught.value.ja
    path = write_vector(tmp_path / "a.gpkg", [SCAR, geometry], values=("good", "bad"))
    with pytest.raises(GeometryError, match=says):
        read_zones(path, ZONE_8)


@pytest.mark.parametrize(
    ("geojson", "error"),
    [
        ({"type": "FeatureCollection", "features": []}, GeometryError),
        ({"type": "FeatureCollection"}, FileError),
        ({"features": []}, FileError),
        ({}, FileError),
        ({"type": "Feature", "geometry": {"type": "Polygon"}}, GeometryError),
        ({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, GeometryError),
        ({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[["a", 0], [1, 1]]]}}, GeometryError),
        ({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": 5}}, GeometryError),
        ({"type": "Feature", "geometry": 5}, GeometryError),
        ({"type": "Hexagon"}, GeometryError),
        ({"type": "FeatureCollection", "features": [7]}, GeometryError),
    ],
)  # fmt: skip
def test_what_is_no_geojson(geojson: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="body"):
        read_zones_object(geojson, ZONE_8, "body")


def test_coordinates_that_are_no_numbers() -> None:
    endless = {
        "type": "Polygon",
        "coordinates": [[[52000, -98300], [float("inf"), -98300], [52060, -98250], [52000, -98300]]],
    }
    with pytest.raises(GeometryError):
        read_zones_object(endless, ZONE_8)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.geojson", b"{not json", "not JSON in UTF-8"),
        ("a.geojson", '{"type": "崩壊地"}'.encode("cp932"), "not JSON in UTF-8"),
        ("a.geojson", b"[1, 2]", "expected a GeoJSON object"),
        ("a.geojson", b"[" * 100_000, "not JSON"),
        ("a.gpkg", b"not a database", "signature of a GeoPackage"),
        ("a.gpkg", b"SQLite format 3\0" + bytes(200), "cannot be read"),
        ("a.gpkg", b"<OGRVRTDataSource></OGRVRTDataSource>", "signature of a GeoPackage"),
        ("a.shp", b"not a shape", "signature of a Shapefile"),
        ("a.shp", b"\x00\x00\x27\x0a" + bytes(96), "cannot be read"),
        ("a.kml", b"<kml/>", r"suffix '\.kml'; expected \.geojson"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=says) as caught:
        read_zones(tmp_path / name, ZONE_8)
    assert name in str(caught.value)


def test_a_huge_geojson_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointcloud.io.vector.MAX_GEOJSON", 10)
    (tmp_path / "a.geojson").write_text(json.dumps(collection(SCAR)), "utf-8")
    with pytest.raises(FileError, match="at most 10 are read; use a GeoPackage"):
        read_zones(tmp_path / "a.geojson", ZONE_8)


def test_missing_files_and_crs(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_zones(tmp_path / "a.gpkg", ZONE_8)
    path = write_vector(tmp_path / "a.shp", [SCAR], values=("a",), encoding="UTF-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(CrsError, match=r"states no CRS .*ogr2ogr -a_srs EPSG:6676"):
        read_zones(path, ZONE_8)


def test_one_layer_of_polygons(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "a.gpkg", [SCAR], values=("a",), layer="zones")
    write_vector(path, [Point(0, 0)], values=("p",), layer="points", append=True)
    assert [zone.name for zone in read_zones(path, ZONE_8)] == ["a"]
    write_vector(path, [HOLED], values=("b",), layer="more", append=True)
    with pytest.raises(FileError, match="several layers of polygons: zones, more"):
        read_zones(path, ZONE_8)


@pytest.mark.data
def test_the_zones_of_the_slide(shared_data: Path) -> None:
    zones = read_zones(shared_data / "pairs" / "slide_zones.geojson", ZONE_8)
    assert [zone.name for zone in zones] == ["scar", "deposit"]
    assert all(zone.notes[0].code == "zones-crs-assumed" for zone in zones)
    x, y = zones[0].polygon.centroid.coords[0]
    np.testing.assert_allclose([x, y], [52110, -98300], rtol=0, atol=0.1)  # centre of the planted ellipse
