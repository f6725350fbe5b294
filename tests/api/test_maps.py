"""Layers, tiles, values and outlines of results, and the footprints of datasets. Costs about 2 s."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.transform import from_origin

from api.map_features import geopackage_features
from api.map_layers import Style, describe_layer, draw_tile, value_at
from api.settings import Settings
from tests.api.office import Office, Thread, free_port

CENTRE = (52_050.0, -98_450.0)
"""Easting and northing in zone VIII."""


def lon_lat(easting: float, northing: float) -> tuple[float, float]:
    return Transformer.from_crs(6676, 4326, always_xy=True).transform(easting, northing)


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """The web mercator tile that holds a place, by the definition."""
    phi = np.radians(lat)
    return int((lon + 180) / 360 * 2**z), int((1 - np.arcsinh(np.tan(phi)) / np.pi) / 2 * 2**z)


@pytest.fixture(scope="module")
def difference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 m by 100 m: -2 in the west, +0.1 in the east, nothing in the northernmost 10 m."""
    values = np.full((100, 100), -2.0, np.float32)
    values[:, 50:] = 0.1
    values[:10] = np.nan
    path = tmp_path_factory.mktemp("layers") / "difference.tif"
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "float32", "nodata": np.nan}
    transform = from_origin(CENTRE[0] - 50, CENTRE[1] + 50, 1.0, 1.0)
    with rasterio.open(path, "w", crs="EPSG:6676", transform=transform, **profile) as target:
        target.write(values, 1)
    return path


def test_a_difference_has_a_symmetrical_range_and_its_colours(difference: Path) -> None:
    layer = describe_layer(difference)
    assert layer["epsg"] == 6676
    assert (layer["low"], layer["high"]) == (-2.0, 2.0)
    assert (layer["colours"][0], layer["colours"][-1]) == ("#67001f", "#053061")  # cut red, fill blue
    west, south, east, north = layer["bounds"]
    lon, lat = lon_lat(*CENTRE)
    assert west < lon < east
    assert south < lat < north


def test_values_are_those_of_the_raster(difference: Path) -> None:
    east, north = CENTRE
    assert value_at(difference, *lon_lat(east - 20, north)) == pytest.approx(-2.0)
    assert value_at(difference, *lon_lat(east + 20, north)) == pytest.approx(0.1)
    assert value_at(difference, *lon_lat(east, north + 45)) is None  # no value there
    assert value_at(difference, *lon_lat(east + 500, north)) is None


def test_a_tile_is_drawn_where_there_is_something(difference: Path) -> None:
    lon, lat = lon_lat(*CENTRE)
    x, y = tile_of(lon, lat, 17)

    def drawn(least: float) -> tuple[int, int]:
        """Red and other pixels."""
        content = draw_tile(difference, x, y, 17, Style("rdbu", -2.0, 2.0, least))
        assert content is not None
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        is_seen = pixels[..., 3] > 0
        is_red = is_seen & (pixels[..., 0] > pixels[..., 2])
        return int(is_red.sum()), int((is_seen & ~is_red).sum())

    red, other = drawn(0.0)
    assert red > 100
    assert other > 100
    assert drawn(0.5) == (red, 0)  # +0.1 m is below half a metre
    assert draw_tile(difference, x + 10, y, 17, Style("rdbu", -2.0, 2.0)) is None


def test_outlines_come_in_degrees_with_their_layer(tmp_path: Path) -> None:
    import pyogrio
    import shapely

    path = tmp_path / "volume.gpkg"
    square = shapely.to_wkb([shapely.box(CENTRE[0] - 5, CENTRE[1] - 5, CENTRE[0] + 5, CENTRE[1] + 5)])
    fields = [np.array(["区域"]), np.array([np.nan])]
    names = np.array(["name", "cut_m3"])
    pyogrio.raw.write(
        path, square, fields, names, layer="zones", geometry_type="Polygon", crs="EPSG:6676", driver="GPKG"
    )
    found = geopackage_features(path)
    assert found["left_out"] == 0
    (feature,) = found["features"]
    assert feature["properties"] == {"name": "区域", "cut_m3": None, "layer": "zones"}
    place = shapely.geometry.shape(feature["geometry"]).centroid
    np.testing.assert_allclose((place.x, place.y), lon_lat(*CENTRE), atol=1e-9)  # 0.1 mm


def test_the_routes_refuse_what_is_not_there(client: Office) -> None:
    nothing = "00000000-0000-4000-8000-000000000000"
    tile = "/tiles/17/1/1.png?layer=a.tif&ramp=rdbu&low=0&high=1"
    for path in ("/layers", "/features", "/values/138/35", tile):
        assert client.get(f"/jobs/{nothing}{path}").status_code == 404, path
    job = client.start(action="write")
    client.wait_until(job, "successful")
    assert client.get(f"/jobs/{job}/layers").json() == {"layers": []}
    assert client.get(f"/jobs/{job}{tile}").status_code == 404
    assert client.get(f"/jobs/{job}{tile}".replace("17", "0")).status_code == 204  # there is no such tile
    assert client.get(f"/jobs/{job}{tile}".replace("high=1", "high=-1")).json()["code"] == "parameter"
    for bad in ("layer=..%2Fworker.log", "layer=%2Fetc%2Fpasswd", "layer=http%3A%2F%2Fexample.com%2Fa.tif"):
        assert client.get(f"/jobs/{job}{tile}".replace("layer=a.tif", bad)).status_code == 404, bad


def test_footprints_show_what_has_a_reference_system(client: Office, tile: Path) -> None:
    dataset = client.upload(tile, "08NF2370.laz")  # the sheet code in the name says which
    features = {one["properties"]["id"]: one for one in client.get("/footprints").json()["features"]}
    ring = features[dataset["id"]]["geometry"]["coordinates"][0]
    np.testing.assert_allclose(ring[0], lon_lat(52_000.0, -98_400.0), atol=1e-9)


def test_no_background_unless_it_is_allowed(client: Office, tmp_path: Path) -> None:
    server = "https://cyberjapandata.gsi.go.jp"
    assert client.get("/backgrounds").json() == []
    assert "https:" not in client.get("/app/").headers["content-security-policy"]
    settings = Settings(data_dir=tmp_path / "data", port=free_port(), workers=0, background="gsi")
    with Thread(settings) as allowed:
        assert {one["tiles"].partition("/xyz/")[0] for one in allowed.client.get("/backgrounds").json()} == {server}
        policy = allowed.client.get("/app/").headers["content-security-policy"]
    opened = [part.split()[0] for part in policy.split("; ") if server in part]
    assert opened == ["img-src", "connect-src"]
    assert re.findall(r"https?:[^\s;]+", policy) == [server, server]
