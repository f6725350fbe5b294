"""A small survey to CO2 over HTTP, and its trees back as an input. Costs about 15 s."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from api.settings import Settings
from pointcloud.bounds import Bounds
from pointcloud.io import las
from pointcloud.synthetic import valley
from tests.api.office import CLOSED, Office, free_port, serving

WEST, SOUTH = 51_870.0, -98_130.0
CROSSING = ((0, 0), (20, 20), (20, 0), (0, 20))
TABLE = "# version: 2026-1\n# source: test\n# status: confirmed\n樹種,地位,林齢,樹高,材積\n" + "".join(
    f"杉,1,{age},{0.2 * age},{8 * age}\n" for age in range(5, 105, 5)
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A client of a service with the shipped catalogue."""
    folder = tmp_path_factory.mktemp("service") / "data"
    with serving(Settings(data_dir=folder, port=free_port(), workers=1), CLOSED) as service:
        yield service.client


@pytest.mark.slow(25)
def test_a_survey_becomes_trees_and_co2(client: Office, tmp_path: Path) -> None:
    cloud = valley(density=8.0, seed=3).survey("before", bounds=Bounds(WEST, SOUTH, WEST + 30, SOUTH + 30)).cloud
    las.write(tmp_path / "08ND77.laz", cloud)
    (tmp_path / "収穫表.csv").write_bytes(TABLE.encode("cp932"))
    ring = [[WEST + x, SOUTH + y] for x, y in ((0, 0), (30, 0), (30, 30), (0, 30), (0, 0))]
    stand = {
        "type": "Feature",
        "properties": {"林小班": "1-イ", "樹種": "スギ", "林齢": 45, "施業履歴": "2015 間伐"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    stands = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}},
        "features": [stand],
    }
    inputs = {"survey": client.upload(tmp_path / "08ND77.laz")["id"], "stands": {"value": stands},
              "yield_table": client.upload(tmp_path / "収穫表.csv")["id"]}  # fmt: skip
    job = client.start(
        "forest-carbon", **inputs, methodology="FO-001 Ver. 6.2", survey_year=2024, start_year=2025, crs="EPSG:6676"
    )
    client.wait_until(job, "successful", patience_s=120)
    results = client.get(f"/jobs/{job}/results").json()
    claim = results["summary"]["value"]
    assert claim["count"] == {"credited": 1, "excluded": 0, "refused": 0}
    assert claim["inventory"]["n_trees"] > 20
    files = {output["path"]: output for output in results["outputs"]}
    assert {"carbon.json", "carbon.xlsx", "carbon_ja.pdf", "carbon_en.pdf", "trees.gpkg", "chm.tif"} <= set(files)
    assert json.loads(client.get(files["carbon.json"]["href"]).content) == claim

    features = f"/jobs/{job}/features"
    (one,) = client.get(features, params={"layer": "stands"}).json()["features"]
    assert one["properties"]["net_t"] == claim["stands"][0]["net_t"]
    lon, lat = one["geometry"]["coordinates"][0][0][0]
    near = {"layer": "crowns", "bbox": f"{lon - 0.0001},{lat - 0.0001},{lon + 0.0001},{lat + 0.0001}"}
    crowns = [client.get(features, params=q).json()["features"] for q in (near, {"layer": "crowns"})]
    assert 0 < len(crowns[0]) < len(crowns[1]) == claim["inventory"]["n_trees"]
    assert client.get(features, params={"bbox": "1,2,3"}).status_code == 422

    kinds = {}
    for name in ("trees.gpkg", "chm.tif"):
        (tmp_path / name).write_bytes(client.get(files[name]["href"]).content)
        kinds[name] = client.upload(tmp_path / name)
    assert kinds["trees.gpkg"]["kind"] == "points"
    assert kinds["trees.gpkg"]["info"]["n_trees"] == claim["inventory"]["n_trees"]
    assert kinds["chm.tif"]["kind"] == "raster"
    wrong = {"trees": kinds["chm.tif"]["id"], "stands": {"value": stands}, "methodology": "x", "survey_year": 2024,
             "start_year": 2025}  # fmt: skip
    refused = client.post("/processes/forest-carbon/execution", json={"inputs": wrong})
    assert refused.status_code == 422
    assert "expected points" in refused.json()["detail"]


def test_stands_are_uploaded_in_every_form(client: Office, tmp_path: Path) -> None:
    """A zipped Shapefile with an outline that crosses itself, and a CSV in CP932: jobs list what they cannot use."""
    cloud = valley(density=4.0, seed=3).survey("before", bounds=Bounds(WEST, SOUTH, WEST + 30, SOUTH + 30)).cloud
    las.write(tmp_path / "08ND77.laz", cloud)
    survey = client.upload(tmp_path / "08ND77.laz")["id"]
    shapes = [
        shapely.box(WEST, SOUTH, WEST + 30, SOUTH + 30),
        shapely.Polygon([(WEST + x, SOUTH + y) for x, y in CROSSING]),
    ]
    columns = [np.array(["1-イ", "1-ロ"], object), np.array(["スギ", "スギ"], object), np.array([45, 45])]
    pyogrio.raw.write(
        tmp_path / "s.shp", shapely.to_wkb(shapes), columns, ["林小班", "樹種", "林齢"], driver="ESRI Shapefile",
        geometry_type="Polygon", crs="EPSG:6676", encoding="CP932",
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "stands.zip", "w") as archive:
        for part in tmp_path.glob("s.*"):
            archive.write(part, part.name)
    rows = [f'{name},スギ,45,"{shape.wkt}"' for name, shape in zip(("1-イ", "1-ロ"), shapes, strict=True)]
    (tmp_path / "stands.csv").write_bytes("\n".join(["林小班,樹種,林齢,wkt", *rows]).encode("cp932"))
    tables = {}
    for name in ("stands.zip", "stands.csv"):
        uploaded = client.upload(tmp_path / name)
        job = client.start("tree-inventory", survey=survey, stands=uploaded["id"], points=False, crs="EPSG:6676")
        client.wait_until(job, "successful", patience_s=120)
        tables[name] = client.get(f"/jobs/{job}/results").json()["summary"]["value"]["stands"]
    assert [s["id"] for s in tables["stands.zip"]] == ["1-イ", "1-ロ"]
    assert tables["stands.zip"] == tables["stands.csv"]
    assert tables["stands.zip"][0]["n_detected"] > 20
    assert tables["stands.zip"][1]["n_detected"] == 0
