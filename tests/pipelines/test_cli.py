"""The command as a user calls it: exit codes, one line on standard error, JSON and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import laspy
import pytest
from pyproj import CRS
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pointcloud.errors import ResourceError
from pointcloud.io import las
from tests.pipelines.conftest import N_POINTS

ENVIRONMENT = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "COLUMNS": "160"}
QUICK = ("--crs", "EPSG:6676", "--cell", "2", "--align", "none")


def separately(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-c", "from api.command import main; main()", *map(str, arguments)]
    env = {**os.environ, **ENVIRONMENT}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)


def tengun(*arguments: object, **environment: str) -> Result:
    """The command in this process, which has loaded what it needs."""
    return CliRunner(env=ENVIRONMENT | environment).invoke(app, [str(argument) for argument in arguments])


def test_version():
    assert tengun("--version").stdout == f"tengun {version('tengun')}\n"


def test_volume_as_json(slope, tmp_path):
    result = tengun("volume", slope.before, slope.after, *QUICK, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "volume.json").read_text(encoding="utf-8"))
    assert result.stderr == ""


@pytest.mark.slow(15)
def test_volume_as_table(slope, tmp_path):
    result = separately("volume", slope.before, slope.after, *QUICK, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "切土 cut m3" in result.stdout
    assert "difference.tif" in result.stdout
    assert "! the height system of at least one survey is not known" in result.stdout


def test_without_crs_one_line_with_the_proposal(slope, tmp_path):
    result = separately("volume", slope.before, slope.after, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "zone VIII" in result.stderr
    assert "EPSG:6676" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_message_is_japanese_for_a_japanese_user(slope, tmp_path):
    result = tengun("volume", slope.before, slope.after, "-o", tmp_path / "out", LC_ALL="ja_JP.UTF-8")
    assert "座標" in result.stderr


def test_ground_to_one_file(slope, tmp_path):
    target = tmp_path / "ground.las"
    result = tengun("ground", slope.before, "-o", target, "--crs", "EPSG:6676", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    written = laspy.read(target)
    assert len(written) == summary["points"]["out"] == summary["points"]["in"]
    assert (written.classification == 2).sum() == summary["points"]["class_2"]


def test_a_folder_cannot_go_into_one_file(tiles, tmp_path):
    result = tengun("ground", tiles, "-o", tmp_path / "x.laz", "--crs", "EPSG:6676")
    assert result.exit_code == 2
    assert "folder" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing.laz", "notes.laz"])
def test_a_file_that_is_none_is_named(tmp_path, name):
    (tmp_path / "notes.laz").write_text("not a point cloud")
    result = tengun("terrain", tmp_path / name, "-o", tmp_path / "out", "--crs", "EPSG:6676")
    assert result.exit_code == 1
    assert name in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_info_proposes_the_crs(slope):
    result = tengun("info", slope.before, "--json")
    assert result.exit_code == 0, result.stderr
    (record,) = json.loads(result.stdout)["files"]
    assert record["crs_candidates"][0] == "EPSG:6676"
    assert record["n_points"] == N_POINTS
    assert "EPSG:6676" in tengun("info", slope.before).stdout


def test_info_names_the_unit_of_a_file_in_feet(slope, tmp_path):
    path = tmp_path / "feet.las"
    las.write(path, replace(las.read(slope.before), crs=CRS.from_epsg(2994)))
    (record,) = json.loads(tengun("info", path, "--json").stdout)["files"]
    assert (record["unit"], record["z_unit"]) == ("foot", "foot")
    assert record["z_range_m"] is record["density_per_m2"] is None
    shown = tengun("info", path).stdout
    assert re.search(r"z_unit\s+│ foot", shown)
    assert "z_range_m" not in shown
    (metres,) = json.loads(tengun("info", slope.before, "--json").stdout)["files"]
    assert metres["z_range_m"] == metres["z_range"]
    assert metres["density_per_m2"] > 0


def test_a_full_disk_is_explained(monkeypatch, tmp_path):
    import errno

    from pipelines.workspace import staged_folder

    with pytest.raises(ResourceError, match="free space"), staged_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_what_an_input_denies_is_not_blamed_on_the_output(tmp_path):
    from pipelines.workspace import staged_folder

    with pytest.raises(PermissionError), staged_folder(tmp_path / "out"):
        raise PermissionError(13, "Permission denied", "secret.laz")


def test_an_output_that_is_a_file_is_refused(slope, tmp_path):
    (tmp_path / "out").write_text("mine")
    result = tengun("terrain", slope.before, "-o", tmp_path / "out", "--crs", "EPSG:6676")
    assert result.exit_code == 2
    assert (tmp_path / "out").read_text() == "mine"
