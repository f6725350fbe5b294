"""Three surveys of a slope: a fill is placed and part of it moves with natural ground. One run, about 10 s."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pypdf
import pytest
import rasterio
import shapely
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.processes.volume_epochs_parameters import EpochsParameters
from pipelines.processes.volume_epochs_steps import wanted_pairs
from pipelines.run import run
from pointcloud.cloud import PointCloud
from pointcloud.errors import CrsError, InputError, OverlapError, ParameterError
from pointcloud.io import las

E, N = 52_000.0, -98_400.0
SIZE = (90.0, 56.0)
DAYS = ("2009-06-01", "2019-12-01", "2021-07-06")
SHIFT = np.array([0.3, -0.2, 0.15])
"""Of the second survey."""


def fill(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.clip(5.0 * (1.0 - ((x - E - 38) / 18) ** 2 - ((y - N - 28) / 16) ** 2), 0.0, None)


def scar(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.clip(6.0 * (1.0 - ((x - E - 44) / 15) ** 2 - ((y - N - 28) / 14) ** 2), 0.0, None)


def surveyed(seed: int, shape: Any, shift: np.ndarray | None = None) -> PointCloud:
    rng = np.random.default_rng(seed)
    n = int(SIZE[0] * SIZE[1] * 8)
    x, y = E + rng.random(n) * SIZE[0], N + rng.random(n) * SIZE[1]
    u, v = x - E, y - N
    z = 200 + 0.4 * u + 0.2 * v + 1.5 * np.sin(u / 9) + 1.2 * np.cos(v / 7) + shape(x, y) + rng.normal(0, 0.02, n)
    east, north, up = np.zeros(3) if shift is None else shift
    one = np.ones(n, np.uint8)
    return PointCloud(x + east, y + north, z + up, {"ReturnNumber": one, "NumberOfReturns": one})


def true_volumes() -> dict[str, float]:
    x, y = np.meshgrid(E + np.arange(0.1, SIZE[0], 0.2), N + np.arange(0.1, SIZE[1], 0.2))
    placed, moved, cell = fill(x, y), scar(x, y), 0.04
    left = placed - moved
    return {
        "placed": placed.sum() * cell, "moved": moved.sum() * cell, "residual": np.maximum(left, 0.0).sum() * cell,
        "natural": np.maximum(-left, 0.0).sum() * cell, "net": left.sum() * cell,
    }  # fmt: skip


@pytest.fixture(scope="module")
def surveys(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("epochs")
    shapes = (lambda x, y: np.zeros_like(x), fill, lambda x, y: fill(x, y) - scar(x, y))
    paths = []
    for i, (shape, shift) in enumerate(zip(shapes, (None, SHIFT, None), strict=True)):
        paths.append(folder / f"survey_{i}.laz")
        las.write(paths[-1], surveyed(i, shape, shift), version="1.2", point_format=1)
    return paths


@pytest.fixture(scope="module")
def zones(surveys) -> Path:
    path = surveys[0].parent / "zones.geojson"
    box = shapely.geometry.mapping(shapely.box(E + 16, N + 8, E + 64, N + 48))
    feature = {"type": "Feature", "properties": {"name": "盛土"}, "geometry": box}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(surveys, zones, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """By the command, with the surveys out of order."""
    folder = tmp_path_factory.mktemp("epochs") / "out"
    given = [f"{day}={path}" for day, path in zip(DAYS, surveys, strict=True)]
    options = ["--name", f"{DAYS[0]}=盛土前", "--zones", str(zones), "--fill-zone", "盛土", "--crs", "EPSG:6676"]
    done = CliRunner().invoke(
        app, ["epochs", given[2], given[0], given[1], *options, "--cell", "1", "-o", str(folder), "--json"]
    )
    assert done.exit_code == 0, done.output
    return folder, json.loads((folder / "epochs.json").read_text("utf-8"))


def test_the_ledger_tells_what_is_left_from_the_net(made):
    found, true = made[1]["fill"], true_volumes()
    assert found["epochs"] == ["盛土前", DAYS[1], DAYS[2]]
    for name, value in true.items():
        # 1 cm between the surfaces would be 20 m3 over the zone
        np.testing.assert_allclose(found[f"{name}_m3"], value, atol=25.0, err_msg=name)
    assert found["residual_m3"] > 2.5 * abs(found["net_m3"])
    for name in ("placed", "residual", "net"):
        low, high = found[f"{name}_ci95_m3"]
        assert low < found[f"{name}_m3"] < high
    np.testing.assert_allclose(
        found["natural_m3"], found["moved_m3"] - found["placed_m3"] + found["residual_m3"], rtol=1e-12
    )


def test_steps_add_up_cell_by_cell(made):
    folder, summary = made
    assert summary["closure"]["largest_gap_m"] < 1e-9  # heights near 200 m in double precision
    nets = {row["zone"]: row for row in summary["closure"]["nets"]}
    assert abs(nets["盛土"]["difference_m3"]) < 1e-6  # no void in the zone
    rasters = []
    for stem in (f"{DAYS[0]}_{DAYS[1]}", f"{DAYS[1]}_{DAYS[2]}", f"{DAYS[0]}_{DAYS[2]}"):
        with rasterio.open(folder / f"difference_{stem}.tif") as raster:
            rasters.append(raster.read(1).astype(float))
    gap = rasters[0] + rasters[1] - rasters[2]
    assert np.nanmax(np.abs(gap)) < 2e-6  # float32 pixels of some metres


def test_each_survey_is_brought_onto_the_first(made):
    first, second, third = (epoch["alignment"] for epoch in made[1]["epochs"])
    assert first is None
    assert second["applied"]
    np.testing.assert_allclose([second[f"d{a}_m"] for a in "xyz"], SHIFT, atol=0.03)  # noise of 0.02 m
    assert all(abs(third[f"d{a}_m"]) < 0.03 for a in "xyz")


def test_series_has_steps_and_sums_since_the_first(made):
    summary = made[1]
    assert [(p["before"], p["after"]) for p in summary["pairs"]] == [
        ("盛土前", DAYS[1]), (DAYS[1], DAYS[2]), ("盛土前", DAYS[2])
    ]  # fmt: skip
    whole, zone = summary["series"]
    assert (whole["zone"], zone["zone"]) == (None, "盛土")
    one, other = zone["rows"]
    assert one["since_previous"] == one["since_first"]
    step = one["since_first"]["net_m3"] + other["since_previous"]["net_m3"]
    assert other["since_first"]["net_m3"] == pytest.approx(step, abs=1e-6)


def test_papers_and_archive_hold_the_figures(made):
    folder, summary = made
    with zipfile.ZipFile(folder / "epochs.zip") as archive:
        assert set(archive.namelist()) == {p.name for p in folder.iterdir()} - {"epochs.zip"}
    printed = f"{summary['fill']['residual_m3']:,.0f}"
    for language, word in (("ja", "残存盛土"), ("en", "Left of the fill")):
        text = "".join(p.extract_text() for p in pypdf.PdfReader(folder / f"report_{language}.pdf").pages)
        assert word in text
        assert printed in text
        assert all(f["sha256"] in text.replace("\n", "") for e in summary["epochs"] for f in e["files"])
    book = openpyxl.load_workbook(folder / "epochs.xlsx", data_only=True)
    natural = book["盛土収支"]["B8"].value
    placed, moved, left = (book["盛土収支"][f"B{i}"].value for i in (5, 6, 7))
    assert natural == moved - (placed - left)


EPOCHS = [{"surveyed": day} for day in DAYS]


@pytest.mark.parametrize(("parameters", "message"), [
    ({"epochs": EPOCHS[:2]}, "3 surveys given"),
    ({"epochs": [*EPOCHS[:2], EPOCHS[1]]}, "own date"),
    ({"epochs": [EPOCHS[0], {"surveyed": DAYS[1], "label": DAYS[0]}, EPOCHS[2]]}, "share a name"),
    ({"epochs": EPOCHS, "further_pairs": [(DAYS[1], DAYS[0])]}, "the earlier one first"),
    ({"epochs": EPOCHS, "fill_zone": "x", "fill_epochs": (*DAYS[:2], "2000-01-01")}, "fill_epochs"),
    ({"epochs": EPOCHS, "fill_zone": "x"}, "none of the zones"),
    ({"epochs": [*EPOCHS, {"surveyed": "2022-01-01"}], "fill_zone": "x"}, "needs fill_epochs"),
])  # fmt: skip
def test_what_does_not_fit_together_is_refused(surveys, tmp_path, parameters, message):
    with pytest.raises(ParameterError, match=message) as caught:
        run("volume-epochs", {"surveys": surveys}, {"crs": "EPSG:6676", **parameters}, tmp_path / "out")
    assert caught.value.ja
    assert list(tmp_path.iterdir()) == []


def test_one_survey_after_the_height_revision_is_refused(surveys, tmp_path):
    days = [*EPOCHS[:2], {"surveyed": "2025-08-01"}]
    with pytest.raises(CrsError, match="m3 a hectare"):
        run("volume-epochs", {"surveys": surveys}, {"crs": "EPSG:6676", "epochs": days}, tmp_path / "out")


def test_a_survey_of_another_place_is_named(surveys, tmp_path):
    cloud = las.read(surveys[2])
    moved = type(cloud)(cloud.x + 5_000, cloud.y, cloud.z, cloud.attributes)
    las.write(tmp_path / "elsewhere.laz", moved, version="1.2", point_format=1)
    with pytest.raises(OverlapError, match=DAYS[2]):
        run("volume-epochs", {"surveys": [*surveys[:2], tmp_path / "elsewhere.laz"]},
            {"crs": "EPSG:6676", "epochs": EPOCHS}, tmp_path / "out")  # fmt: skip


def test_a_survey_of_one_point_is_named(surveys, tmp_path):
    las.write(tmp_path / "one.laz", las.read(surveys[2]).take(np.arange(1)), version="1.2", point_format=1)
    with pytest.raises(InputError, match=f"{DAYS[2]} has 1 points"):
        run("volume-epochs", {"surveys": [*surveys[:2], tmp_path / "one.laz"]},
            {"crs": "EPSG:6676", "epochs": EPOCHS}, tmp_path / "out")  # fmt: skip


def test_pairs_are_the_chain_each_with_the_first_and_what_is_asked_for():
    names = ["a", "b", "c", "d"]
    entries = [{"surveyed": f"200{i}-01-01", "label": name} for i, name in enumerate(names)]

    def pairs(**more: Any) -> list[str]:
        parameters = EpochsParameters.model_validate({"epochs": entries, **more})
        return ["".join(pair) for pair in wanted_pairs(names, parameters)]

    assert pairs() == ["ab", "bc", "cd", "ac", "ad"]
    assert pairs(further_pairs=[("b", "d"), ("a", "b")]) == ["ab", "bc", "cd", "ac", "ad", "bd"]
    assert sorted(pairs(pairs="all")) == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert set(pairs(fill_zone="x", fill_epochs=("b", "c", "d"))) >= {"bc", "cd", "bd"}


@pytest.mark.parametrize("arguments", [
    ["2009-06-01"], ["2009-06-01=a.laz", "--name", "2010-01-01=x"], ["2009-06-01=a.laz", "--pair", "2009-06-01"],
    ["2009-06-01=a.laz", "--fill-epochs", "2009-06-01,b,c"],
])  # fmt: skip
def test_the_command_names_what_it_cannot_read(arguments):
    done = CliRunner().invoke(app, ["epochs", *arguments, "-o", "out"])
    assert done.exit_code == 2
    assert done.output.startswith("tengun: ")
