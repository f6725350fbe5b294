"""A user's own document: one test for each thing that it must not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.allow_list import OWN_SCRIPT, admit, outputs
from pointcloud.errors import ParameterError

FILES = [Path("/data/jobs/1/a.laz"), Path("/data/jobs/1/b.laz")]
READ = {"type": "readers.las", "filename": "a.laz"}
WRITE = {"type": "writers.las", "filename": "out.laz"}
PYTHON = {"type": "filters.python", "module": "pipelines.stages", "function": "ground"}


def with_filter(stage: dict[str, Any]) -> list[Any]:
    return [READ, stage, WRITE]


REFUSALS: list[tuple[str, str, list[Any]]] = [
    ("shell", "stage-allow-list", with_filter({"type": "filters.shell", "command": "id"})),
    ("unknown stage", "stage-allow-list", with_filter({"type": "filters.streamcallback"})),
    ("raster by path", "stage-allow-list", with_filter({"type": "filters.hag_dem", "raster": "/etc/passwd"})),
    ("colours by path", "stage-allow-list", with_filter({"type": "filters.colorization", "raster": "x.tif"})),
    ("grid files", "stage-allow-list", with_filter({"type": "filters.projpipeline", "coord_op": "+proj=hgridshift"})),
    ("remote reader", "stage-allow-list", [{"type": "readers.ept", "filename": "a.laz"}, WRITE]),
    ("catalogue reader", "stage-allow-list", [{"type": "readers.stac", "filename": "a.laz"}, WRITE]),
    ("database writer", "stage-allow-list", [READ, {"type": "writers.pgpointcloud", "connection": "x"}]),
    ("other writer", "stage-allow-list", [READ, {"type": "writers.ogr", "filename": "x.shp"}]),
    ("plugin", "option", with_filter({"type": "filters.head", "plugin": "./libx.so"})),
    ("option file", "option", with_filter({"type": "filters.crop", "option_file": "/etc/passwd"})),
    ("log file", "option", with_filter({"type": "filters.crop", "log": "/tmp/x"})),
    ("python source", "option", with_filter({**PYTHON, "source": "import os"})),
    ("debug rasters", "option", with_filter({"type": "filters.smrf", "dir": "/tmp"})),
    ("vlr files", "option", [READ, {**WRITE, "vlrs": [{"filename": "/etc/passwd"}]}]),
    (
        "gdal options",
        "option",
        [READ, {"type": "writers.gdal", "filename": "a.tif", "resolution": 1, "gdalopts": "A=B"}],
    ),
    ("python script", "no-own-code", with_filter({**PYTHON, "script": "evil.py"})),
    ("foreign module", "no-own-code", with_filter({**PYTHON, "module": "os", "function": "system"})),
    ("foreign function", "no-own-code", with_filter({**PYTHON, "function": "parse"})),
    ("hidden function", "no-own-code", with_filter({**PYTHON, "function": "__import__"})),
    ("absolute input", "dataset-reference", [{**READ, "filename": "/etc/passwd"}, WRITE]),
    ("input above", "dataset-reference", [{**READ, "filename": "../a.laz"}, WRITE]),
    ("remote input", "dataset-reference", [{**READ, "filename": "https://example.org/a.laz"}, WRITE]),
    ("pattern input", "dataset-reference", [{**READ, "filename": "*.laz"}, WRITE]),
    ("other dataset", "dataset-reference", ["c.laz", WRITE]),
    ("absolute output", "plain-output-name", [READ, {**WRITE, "filename": "/tmp/x.laz"}]),
    ("output above", "plain-output-name", [READ, {**WRITE, "filename": "../x.laz"}]),
    ("output in a folder", "plain-output-name", [READ, {**WRITE, "filename": "sub/x.laz"}]),
    ("remote output", "plain-output-name", [READ, {**WRITE, "filename": "s3://bucket/x.laz"}]),
    ("hidden output", "plain-output-name", [READ, {**WRITE, "filename": ".bashrc.laz"}]),
    ("output of another kind", "plain-output-name", [READ, {**WRITE, "filename": "x.json"}]),
    ("many outputs", "plain-output-name", [READ, {**WRITE, "filename": "x_#.laz"}]),
    ("standard output", "plain-output-name", [READ, {"type": "writers.text", "filename": "STDOUT"}]),
    ("same output twice", "one-file-a-writer", [READ, WRITE, {**WRITE, "filename": "OUT.laz"}]),
    ("srs by path", "srs", with_filter({"type": "filters.reprojection", "out_srs": "/etc/passwd"})),
    ("srs by address", "srs", with_filter({"type": "filters.reprojection", "out_srs": "https://example.org/x"})),
    ("srs with grids", "srs", with_filter({"type": "filters.reprojection", "out_srs": "+proj=longlat +nadgrids=@/x"})),
    ("reader srs", "srs", [{**READ, "override_srs": "/etc/passwd"}, WRITE]),
    ("polygon by path", "no-paths", with_filter({"type": "filters.crop", "polygon": "/etc/passwd"})),
    ("polygon by address", "no-paths", with_filter({"type": "filters.crop", "polygon": "http://example.org/x"})),
    ("gdal's files", "no-paths", with_filter({"type": "filters.range", "limits": "/vsicurl/http"})),
    ("path in arguments", "no-paths", with_filter({**PYTHON, "pdalargs": {"x": ["../../etc/passwd"]}})),
    ("no output", "has-output", [READ, {"type": "filters.stats"}]),
]


@pytest.mark.parametrize(("what", "rule", "tree"), REFUSALS, ids=[r[0] for r in REFUSALS])
def test_refused_with_stage_and_rule(what: str, rule: str, tree: list[Any]) -> None:
    with pytest.raises(ParameterError) as caught:
        admit(tree, FILES)
    assert caught.value.details["rule"] == rule
    if rule != "has-output":
        assert caught.value.details["stage"] in caught.value.en
        assert caught.value.details["stage"] in caught.value.ja


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"r.filename": "/etc/passwd"}, "file names"),
        ({"c.polygon": "/etc/passwd"}, "no-paths"),
        ({"r.override_srs": "/etc/passwd"}, "srs"),
        ({"c.plugin": "x"}, "no option"),
        ({"x.bounds": "1"}, "no stage has the tag"),
    ],
)
def test_options_pass_the_same_rules(options: dict[str, Any], says: str) -> None:
    tree = [{**READ, "tag": "r"}, {"type": "filters.crop", "tag": "c"}, WRITE]
    with pytest.raises(ParameterError, match=says):
        admit(tree, FILES, options)


def test_an_honest_document_is_bound_to_its_datasets() -> None:
    tree = [
        {"type": "readers.las", "filename": "datasets"},
        {"type": "filters.assign", "value": "Red = Red / 256 WHERE Z > 3"},
        {"type": "filters.reprojection", "out_srs": "EPSG:6676+6695"},
        {**PYTHON, "script": OWN_SCRIPT},
        {"type": "writers.las", "filename": "測量結果 (1).laz"},
    ]
    document = admit(tree, FILES)
    assert [s.options.get("filename") for s in document.stages[:2]] == [str(f) for f in FILES]
    assert document.stages[2].inputs == (0, 1)
    assert outputs(document) == ["測量結果 (1).laz"]


def test_two_datasets_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(ParameterError, match="several are called so"):
        admit([READ, WRITE], [Path("/1/a.laz"), Path("/2/a.laz")])
