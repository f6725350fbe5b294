"""Ground classification: every point kept, classes 2, 1, 7 and 18 written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process, SurveyParameters
from pipelines.progress import Observer, Progress, Stage, Text
from pointcloud.errors import ParameterError

if TYPE_CHECKING:
    from pipelines.cluster_order import Order
    from pipelines.stage_cache import StageCache
    from pointcloud.cloud import PointCloud
    from pointcloud.ground.parameters import GroundParameters as FilterParameters
    from pointcloud.io.survey import Survey


GroundOptions = dict[str, str | float]
GROUND_OPTIONS: Any = Field(
    default_factory=dict,
    title="Options / オプション",
    description="Options of the stage 'ground' as tengun pipeline run --set takes them: ground.method, ground.cell, "
    "ground.window, ground.slope, ground.threshold, ground.scalar; what is not set follows from the data / "
    "地盤分類の設定 (タグ ground)。指定しないものはデータから決まります",
    examples=[{"ground.window": 30.0}],
)


CONFIDENCE = "GroundConfidence"
"""Extra dimension of the written points: trust in the ground's height there, float32 from 0 to 1."""


class GroundParameters(SurveyParameters):
    """Parameters of ``ground-classification``; the filter needs none."""

    options: GroundOptions = GROUND_OPTIONS


class GroundClassification(Process[GroundParameters]):
    """``ground-classification``: labels ground and noise, keeps every point and attribute."""

    id = "ground-classification"
    version = "2"
    title = Text("Ground classification", "地盤分類")
    description = Text(
        "Labels ground (class 2), other (1) and noise (7, 18) in every tile; all points and attributes are kept. "
        "The attribute KeyPoint marks the ground points that carry the terrain surface, GroundConfidence tells from "
        "0 to 1 how far the ground's height at a point can be trusted.",
        "各タイルの点を地盤 (2)・その他 (1)・ノイズ (7, 18) に分類します。点と属性はすべて保持します。"
        "属性 KeyPoint は地形面を作る地盤点、GroundConfidence は地盤高の信頼度 (0-1) を示します。",
    )
    inputs = (DatasetInput("survey", Text("Survey tiles", "点群タイル"), "pointcloud"),)
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage("ground", Text("Ground filter", "地盤分類"), 9),
    )
    parameters_type = GroundParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: GroundParameters, context: Context) -> Outputs:
        """See `Process.run`; writes one LAZ file for each tile and ground.json."""
        from pipelines import cluster
        from pipelines.workspace import write_json

        context.progress.at("open")
        given = _prepare(inputs["survey"], parameters.crs, parameters.options)
        survey, names = given.survey, [f"{stem}.laz" for stem in _stems(given.survey)]
        counts: Counter[str] = Counter()
        order = partial(_order, given)
        for i in cluster.in_turn(len(names), order, context.progress.within("ground")):
            report = context.progress.within("ground", i / len(names), (i + 1) / len(names))
            counts.update(_classify_file(given, i, context.workspace / names[i], report))
        summary = _summary(survey, given.chosen, counts, names)
        write_json(context.workspace / "ground.json", summary)
        title = Text("Classified points", "分類済み点群")
        files = [OutputFile(name, "application/vnd.laszip", title) for name in names]
        context.progress.at("ground", 1.0)
        return Outputs(summary, (*files, OutputFile("ground.json", "application/json", Text("Summary", "結果の要約"))))


def classify_to(
    source: Path, crs: str | None, target: Path, observer: Observer, options: Mapping[str, Any] = MappingProxyType({})
) -> Outputs:
    """Classify one file into ``target`` (.las or .laz), which appears whole or not at all.

    Raises
    ------
    ParameterError
        When ``source`` holds several files.
    TengunError
        When the file cannot be used.
    """
    from pipelines import stage_cache

    progress = Progress(GroundClassification.stages, observer)
    progress.at("open")
    with stage_cache.used(stage_cache.from_environment()):
        given = _prepare([source], crs, options)
        _refuse_many(given.survey, source, target)
        counts = _classify_file(given, 0, target, progress.within("ground"))
    summary = _summary(given.survey, given.chosen, counts, [target.name])
    kind = "application/vnd.laszip" if target.suffix.lower() == ".laz" else "application/vnd.las"
    return Outputs(summary, (OutputFile(target.name, kind, Text("Classified points", "分類済み点群")),))


def _refuse_many(survey: Survey, source: Path, target: Path) -> None:
    n_files = len(survey.files)
    if n_files > 1:
        raise ParameterError(
            f"ground: {source} holds {n_files} files, -o {target} names one; give a folder with -o",
            f"{source} には {n_files} ファイルあります。-o にはフォルダを指定してください。",
            value=str(target),
        )


@dataclass(frozen=True, slots=True)
class _Given:
    """A survey, the filter's parameters for it, and its points where finding these has read them all.

    ``points`` holds one cloud or none; who uses it takes it out, so that its memory is free again when it is done.
    """

    survey: Survey
    chosen: FilterParameters
    points: list[PointCloud]


def _prepare(paths: Sequence[Path], crs: str | None, options: Mapping[str, Any]) -> _Given:
    from pipelines import stages
    from pipelines.engine import (
        ground_options,
        ground_parameters,
        is_one_tile,
        kept_parameters,
        read_file_with_halo,
        survey_grid,
    )
    from pointcloud.ground.loading import load_kernels
    from pointcloud.ground.parameters import survey_parameters
    from pointcloud.io.survey import open_survey

    chosen = ground_options("ground", options)
    survey = open_survey(paths, crs)
    grid = survey_grid(survey, 1.0)
    points: list[PointCloud] = []

    def parameters() -> FilterParameters:
        load_kernels()
        if len(survey.files) > 1 or not is_one_tile(survey, grid):
            return ground_parameters(survey, grid, chosen)
        points.append(read_file_with_halo(survey, 0, 0.0, _dimensions(survey, 0)))
        return survey_parameters(stages.without_noise(points[0]), **chosen)

    return _Given(survey, kept_parameters(survey, grid, chosen, parameters), points)


def _dimensions(survey: Survey, index: int) -> tuple[str, ...]:
    """What the filter looks at, and what the labels of a layered file are coded with."""
    from pipelines.tile_surfaces import DIMENSIONS
    from pointcloud.io.laz_layers import CONTEXT, FLAGS

    more = (*CONTEXT, *sorted(FLAGS)) if survey.files[index].point_format >= 6 else ()
    return tuple(dict.fromkeys((*DIMENSIONS, *more)))


def _stems(survey: Survey) -> list[str]:
    """A name for each output: the file's own, numbered where two folders hold the same one."""
    stems = [re.sub(r"(\.copc)?\.la[sz]$", "", info.path.name, flags=re.IGNORECASE) for info in survey.files]
    return [f"{stem}-{i + 1}" if stems.count(stem) > 1 else stem for i, stem in enumerate(stems)]


def _summary(survey: Survey, chosen: FilterParameters, counts: Mapping[str, int], names: list[str]) -> dict[str, Any]:
    from pipelines.evidence import software, survey_record

    return {
        "schema": "tengun/ground/1",
        "survey": survey_record(survey),
        "files": names,
        "points": {"in": survey.n_points, "out": sum(counts.values()), **counts},
        "ground": chosen.as_dict(),
        "software": software(),
    }


def _classify_file(given: _Given, index: int, target: Path, report: Callable[[float], None]) -> Counter[str]:
    """Label one file's points with the help of its neighbours' and write them to ``target``."""
    from pipelines import stage_cache
    from pipelines.engine import class_counts
    from pointcloud.io import las

    labels: list[NDArray[np.uint8]] = []
    made_from = partial(_made_from, given, index)

    def counts() -> stage_cache.Arrays:
        if not labels:  # the file was copied, and its counts are kept no longer
            written = las.read(target, dimensions=["Classification"]).attributes["Classification"]
            labels.append(written.astype(np.uint8))
        return {name: np.asarray(number) for name, number in class_counts(labels[0]).items()}

    report(0.0)
    stage_cache.file("ground", made_from, target, lambda path: labels.append(_label(given, index, path, report)))
    kept = stage_cache.arrays("ground-counts", made_from, counts)
    report(1.0)
    return Counter({name: number.item() for name, number in kept.items()})


def _made_from(given: _Given, index: int) -> dict[str, Any]:
    from pipelines import stage_cache

    survey = stage_cache.survey_identity(given.survey)
    return {"survey": survey, "index": index, "options": given.chosen.as_dict()}


def _order(given: _Given, index: int, cache: StageCache) -> Order:
    """What `make_ordered_file` needs to know of one file: its place in the survey, and the files within reach of it."""
    from pipelines.cluster_order import Order
    from pointcloud.ground.parameters import required_halo

    survey, made_from = given.survey, _made_from(given, index)
    info = survey.files[index]
    reach = info.bounds.buffered(required_halo(given.chosen))
    near = [one for one in survey.files if one.bounds.touches(reach)]
    entries = [cache.file_path("ground", made_from, ".laz"), cache.arrays_path("ground-counts", made_from)]
    name = f"{index + 1}/{len(survey.files)} ({info.path.name})"
    arguments = {"index": near.index(info), "parameters": given.chosen.as_dict()}
    return Order.of("ground", name, entries, cache, survey, near, arguments)


def make_ordered_file(order: Order) -> None:
    """Put one file with its labels, and their counts, into the cache, as `_classify_file` does."""
    from pipelines.engine import class_counts
    from pointcloud.ground.parameters import GroundParameters as FilterParameters

    given = _Given(order.survey(), FilterParameters(**order.arguments["parameters"]), [])
    index, labels = order.arguments["index"], []
    target, counts = map(Path, order.entries)

    def write(path: Path) -> None:
        labels.append(_label(given, index, path, lambda _: None))

    order.cache.keep_file(target, given.survey.files[index].path.stat().st_size, write)
    if labels:
        found = class_counts(labels[0])
        order.cache.keep_arrays(counts, {name: np.asarray(number) for name, number in found.items()})


def _label(given: _Given, index: int, target: Path, report: Callable[[float], None]) -> NDArray[np.uint8]:
    """Write one file's points with their labels, and give these."""
    from pipelines.engine import read_file_with_halo
    from pipelines.stages import labelled
    from pointcloud.ground.parameters import required_halo
    from pointcloud.io.las import relabel

    info = given.survey.files[index]
    if given.points:
        cloud = given.points.pop()
    else:
        halo = required_halo(given.chosen)
        cloud = read_file_with_halo(given.survey, index, halo, _dimensions(given.survey, index))
    report(0.3)
    result = labelled(cloud, parameters=given.chosen)
    known = {name: values[: info.n_points] for name, values in cloud.attributes.items()}
    del cloud
    report(0.6)
    labels = result.labels[: info.n_points]
    columns: dict[str, NDArray[Any]] = {
        "Classification": labels,
        "KeyPoint": result.key_points[: info.n_points].astype(np.uint8),
        # in steps of a hundredth: enough for a judgement, and it compresses
        CONFIDENCE: np.round(result.confidence[: info.n_points], 2),
    }
    relabel(info.path, target, columns, known)
    return labels
