"""Processes and documents run the same ground stage, with the same options. About 10 s."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import executors
from pipelines.document import Document, parse, shipped
from pipelines.engine import ground_options
from pipelines.run import run
from pointcloud.errors import ParameterError
from pointcloud.io import las

CRS = "EPSG:6676"


@pytest.fixture(scope="module")
def marked(slope: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slope with points that its provider marked as noise."""
    path = tmp_path_factory.mktemp("marked") / "marked.laz"
    codes = np.random.default_rng(3).choice(np.array([0, 7, 18], np.uint8), 90 * 60 * 12, p=[0.96, 0.02, 0.02])
    cloud = las.read(slope.before).with_attributes(Classification=codes)
    las.write(path, cloud)
    return path


def ground_stage(source: Path, options: dict[str, Any]) -> Document:
    """Reader, ground stage and writer of the shipped document ``ground``, with the user's options."""
    tree = shipped("ground").with_options(options).to_json()
    stages = [s for s in tree["pipeline"] if s["tag"] in ("input", "ground", "output")]
    for stage in stages:
        stage.pop("inputs", None)
    stages[0] |= {"filename": str(source), "override_srs": CRS}
    return parse(stages)


@pytest.mark.parametrize("options", [{}, {"ground.window": 6, "ground.slope": 0.4, "ground.threshold": "0.2"}])
def test_ground_classification_gives_the_documents_labels(
    options: dict[str, Any], marked: Path, tmp_path: Path
) -> None:
    made = run("ground-classification", {"survey": [marked]}, {"crs": CRS, "options": options}, tmp_path / "process")
    (tmp_path / "document").mkdir()
    executors.run(ground_stage(marked, options), tmp_path / "document", "native")
    a, b = las.read(tmp_path / "process" / "marked.laz"), las.read(tmp_path / "document" / "ground.laz")
    for name in ("Classification", "KeyPoint"):
        np.testing.assert_array_equal(a.attributes[name], b.attributes[name])
    confidence = b.attributes["GroundConfidence"]
    assert 0.0 <= confidence.min() < confidence.max() <= 1.0
    # the process writes hundredths in single precision, the document's dimension is double
    np.testing.assert_allclose(a.attributes["GroundConfidence"], confidence, atol=1e-6)
    given = las.read(marked).attributes["Classification"]
    for code in (7, 18):
        assert (a.attributes["Classification"][given == code] == code).all()
    for name, value in options.items():
        assert made.summary["ground"][name.removeprefix("ground.")] == float(value)


def test_options_reach_the_filter_of_the_terrain_model(slope: Any, tmp_path: Path) -> None:
    options = {"ground.threshold": 0.02, "ground.cell": 2}
    made = run("terrain-model", {"survey": [slope.before]}, {"crs": CRS, "options": options}, tmp_path / "out").summary
    assert (made["ground"]["threshold"], made["ground"]["cell"]) == (0.02, 2.0)
    assert json.loads((tmp_path / "out" / "terrain.json").read_text())["parameters"]["options"] == options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ground.slop": 1}, "allowed are ground.method, ground.cell"),
        ({"dsm.resolution": 1}, "tengun pipeline run terrain --set dsm.resolution="),
        ({"ground.slope": -1}, "slope = -1; expected a number above 0"),
        ({"ground.method": "csf"}, "expected one of auto, smrf"),
        ({"ground.pdalargs": "{}"}, "'ground.pdalargs' is not set here"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ground_options("terrain", options)


def test_arguments_of_functions_are_options_of_their_stage() -> None:
    document = shipped("ground").with_options({"ground.window": "25", "ground.method": "smrf"})
    stage = document.stages[document.tagged("ground")]
    assert stage.options["pdalargs"] == {"window": 25.0, "method": "smrf"}
    listed = {o["name"]: o["value"] for o in executors.describe(document)["options"]}
    assert (listed["ground.window"], listed["ground.cell"]) == (25.0, None)


@pytest.mark.parametrize(
    ("pdalargs", "message"),
    [
        ({"slop": 1}, "ground takes no argument 'slop'; allowed are method, cell"),
        ('{"cell": 0}', "cell = 0; expected a number above 0"),
        ("[1]", "no JSON object"),
    ],
)
def test_wrong_arguments_are_refused_before_a_point_is_read(pdalargs: Any, message: str, tmp_path: Path) -> None:
    stages = [
        {"type": "readers.las", "filename": "is-not-there.laz"},
        {"type": "filters.python", "module": "pipelines.stages", "function": "ground", "pdalargs": pdalargs},
    ]
    for executor in ("native", "auto"):
        with pytest.raises(ParameterError, match=message):
            executors.run(parse(stages), tmp_path, executor)  # type: ignore[arg-type]


def test_options_reach_each_epoch_of_the_volume(slope: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import engine

    seen: list[Any] = []

    real = engine.survey_surfaces

    def noted(*arguments: Any, **named: Any) -> Any:
        seen.append(arguments[4])
        if len(seen) == 2:
            raise InterruptedError  # both epochs were asked for
        return real(*arguments, **named)

    monkeypatch.setattr(engine, "survey_surfaces", noted)
    inputs = {"before": [slope.before], "after": [slope.after]}
    options = {"ground_before.window": 6, "ground_after.window": "9", "ground_after.method": "smrf"}
    with pytest.raises(InterruptedError):
        run("volume-change", inputs, {"crs": CRS, "cell": 2, "options": options}, tmp_path / "a")
    assert seen == [{"window": 6.0}, {"window": 9.0, "method": "smrf"}]
    with pytest.raises(ParameterError, match=r"'ground\.window' is not set here; allowed are ground_before\.method"):
        run("volume-change", inputs, {"crs": CRS, "options": {"ground.window": 6}}, tmp_path / "b")
