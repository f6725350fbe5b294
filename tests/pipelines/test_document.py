"""Documents: PDAL's structure, options by tag, errors before a point is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.document import check, load, parse, shipped, shipped_names
from pipelines.executors import choose
from pipelines.tunables import tunables
from pointcloud.errors import NotFoundError, ParameterError, TengunError

READ = {"type": "readers.las", "filename": "a.laz", "tag": "in"}
WRITE = {"type": "writers.las", "filename": "b.laz", "tag": "out"}


def test_a_stage_takes_the_one_before_and_readers_add_up() -> None:
    stages = parse(
        ["a.laz", "b.copc.laz", {"type": "filters.merge"}, "c.las", {"type": "filters.stats"}, "d.laz"]
    ).stages
    assert [s.type for s in stages] == [
        "readers.las", "readers.copc", "filters.merge", "readers.las", "filters.stats", "writers.las",
    ]  # fmt: skip
    assert [s.inputs for s in stages] == [(), (), (0, 1), (), (2, 3), (4,)]


def test_named_inputs_and_writers_pass_points_on() -> None:
    document = parse({"pipeline": [READ, WRITE, {"type": "filters.head", "inputs": "in"}, {"type": "writers.null"}]})
    assert [s.inputs for s in document.stages] == [(), (0,), (0,), (2,)]
    assert parse([READ, WRITE, {"type": "filters.head"}]).stages[2].inputs == (1,)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({}, "array of stages"),
        ([], "array of stages"),
        ("x", "array of stages"),
        ([READ, 7], "neither an object nor a file name"),
        ([{"filename": "a.xxx"}, WRITE], "has the type None"),
        ([{"type": "kernels.info"}], "has the type 'kernels.info'"),
        ([READ, {"type": "filters.head", "tag": "in"}], "twice"),
        ([READ, {"type": "filters.head", "tag": "a.b"}], "without dots"),
        ([READ, {"type": "filters.head", "inputs": ["later"]}, {"type": "filters.tail", "tag": "later"}], "'later'"),
        ([{"type": "filters.head"}], "no reader before filters.head"),
        ([READ, {"type": "readers.las", "filename": "b.las", "inputs": ["in"]}], "inputs to the reader"),
        ([READ] * 201, "at most 200"),
    ],
)
def test_unsound_documents_are_refused(tree: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says) as caught:
        parse(tree)
    assert caught.value.ja


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (
            {"type": "filters.crop", "bound": "x"},
            "filters.crop: no option 'bound'; allowed are bounds, outside, polygon",
        ),
        ({"type": "filters.outlier", "method": "magic"}, "expected one of statistical, radius"),
        ({"type": "filters.outlier", "mean_k": 2.5}, "expected a whole number"),
        ({"type": "filters.smrf", "cell": 0}, "above 0"),
        ({"type": "filters.smrf", "cell": "NaN"}, "finite number"),
        ({"type": "filters.elm", "class": 256}, "at most 255"),
        ({"type": "filters.crop", "outside": "maybe"}, "true or false"),
        ({"type": "filters.reprojection"}, "'out_srs' is missing"),
        ({"type": "writers.las"}, "'filename' is missing"),
        ({"type": "filters.merge", "tag": "m", "x": 1}, r"filters.merge 'm': no option 'x'; allowed are none"),
    ],
)
def test_options_are_checked_by_name_type_and_range(stage: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        check(parse([READ, stage]))


def test_pdal_takes_numbers_as_text_and_so_does_tengun() -> None:
    check(
        parse([READ, {"type": "filters.outlier", "mean_k": "12", "multiplier": "2.2", "user_data": {"any": 1}}, WRITE])
    )


def test_options_are_set_by_tag_never_by_text() -> None:
    document = parse([READ, {"type": "filters.crop", "tag": "crop", "outside": True}, WRITE])
    changed = document.with_options({"crop.bounds": '([0, 1], [0, 1])", "type": "filters.shell'})
    assert changed.stages[1].options == {"outside": True, "bounds": '([0, 1], [0, 1])", "type": "filters.shell'}
    assert changed.stages[1].type == "filters.crop"
    assert document.stages[1].options == {"outside": True}


@pytest.mark.parametrize(
    ("name", "says"),
    [("crop", "TAG.OPTION"), ("corp.bounds", "tags are in, crop"), ("crop.bound", "no option 'bound'")],
)
def test_unknown_tags_and_options_name_what_is_allowed(name: str, says: str) -> None:
    document = parse([READ, {"type": "filters.crop", "tag": "crop"}])
    with pytest.raises(ParameterError, match=says):
        document.with_options({name: "x"})


def test_a_reader_of_many_files_becomes_many_readers() -> None:
    document = parse(
        [READ, {"type": "filters.merge"}, {"type": "readers.las", "tag": "two", "filename": "x.las"}, WRITE]
    )
    bound = document.with_files("in", [Path("/d/1.laz"), Path("/d/2.laz"), Path("/d/3.laz")])
    assert [s.options.get("filename") for s in bound.stages] == [
        "/d/1.laz",
        "/d/2.laz",
        "/d/3.laz",
        None,
        "x.las",
        "b.laz",
    ]
    assert [s.inputs for s in bound.stages] == [(), (), (), (0, 1, 2), (), (3, 4)]
    with pytest.raises(ParameterError, match="cannot read"):
        document.with_files("out", [Path("a")])


def test_what_is_written_out_reads_back_the_same() -> None:
    document = parse([READ, "b.laz", {"type": "filters.merge"}, WRITE], "x")
    again = parse(document.to_json(), "x")
    assert [(s.type, s.inputs, dict(s.options)) for s in again.stages] == [
        (s.type, s.inputs, dict(s.options)) for s in document.stages
    ]


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_documents_are_sound_and_tagged(name: str) -> None:
    document = shipped(name)
    check(document)
    assert document.title is not None
    untagged = [s.type for s in document.stages if s.tag is None]
    assert untagged == []
    settable = {t.name: t.value for t in tunables(document) if t.value is not None}
    assert settable
    for position, stage in enumerate(document.with_options(settable).stages):
        for option, value in document.stages[position].options.items():
            assert option == "pdalargs" or stage.options[option] == value  # pdalargs take what was set


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there are change, ground, normalize, terrain"):
        shipped("../ground")
    with pytest.raises(NotFoundError, match="no such file"):
        load(tmp_path / "no.json")
    (tmp_path / "bad.json").write_text("[")
    with pytest.raises(ParameterError, match="is not JSON"):
        load(tmp_path / "bad.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ParameterError, match="is not JSON"):
        load(tmp_path / "deep.json")
    (tmp_path / "big.json").write_text(json.dumps(["a" * (5 << 20)]))
    with pytest.raises(ParameterError, match="larger than 4 MB"):
        load(tmp_path / "big.json")


def test_tags_made_for_files_and_stages_are_nobody_elses() -> None:
    tree = [
        READ,
        {**READ, "tag": "in_2"},
        {"type": "filters.merge"},
        {"type": "filters.stats", "tag": "stage_3"},
        WRITE,
    ]
    document = parse(tree).with_files("in", [Path("x.las"), Path("y.las"), Path("z.las")])
    tags = [stage["tag"] for stage in document.to_json()["pipeline"]]
    assert len(set(tags)) == len(tags)
    again = parse(document.to_json())
    assert [s.inputs for s in again.stages] == [s.inputs for s in document.stages]
    assert [s.options.get("filename") for s in again.stages[:4]] == ["x.las", "y.las", "z.las", "a.laz"]


@pytest.mark.parametrize(
    "wrong", [{"crop.bounds": "abc"}, {"reproject.out_srs": "EPSG:99999"}, {"crop.polygon": "POLYGON((0 0, 1 1))"}]
)
def test_what_is_wrong_inside_a_value_is_found_before_a_point_is_read(wrong: dict[str, str]) -> None:
    with pytest.raises(TengunError) as caught:
        choose(shipped("ground").with_options(wrong), "native")
    assert next(iter(wrong.values()))[:10] in caught.value.en


def test_a_new_area_takes_the_place_of_a_crops_own() -> None:
    ring = "POLYGON((0 0, 9 0, 9 9, 0 0))"
    crop = shipped("ground").with_options({"crop.polygon": ring})
    assert dict(crop.stages[crop.tagged("crop")].options) == {"polygon": ring}
    assert choose(crop, "native") == "native"
    both = shipped("ground").with_options({"crop.bounds": "([0, 1], [0, 1])", "crop.polygon": ring})
    assert set(both.stages[both.tagged("crop")].options) == {"bounds", "polygon"}


def test_a_slip_of_the_pen_is_guessed() -> None:
    with pytest.raises(ParameterError, match=r"did you mean filters\.smrf"):
        choose(parse([READ, {"type": "filters.smurf"}, WRITE]), "native")
