"""Ground classification: every point kept, classes 2, 1, 7 and 18 written."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process, SurveyParameters
from pipelines.progress import Observer, Progress, Stage, Text
from pointcloud.bounds import Bounds
from pointcloud.errors import ParameterError

if TYPE_CHECKING:
    from pipelines.cluster_order import Order
    from pipelines.halo import Neighbours
    from pipelines.stage_cache import StageCache
    from pointcloud.cloud import PointCloud
    from pointcloud.ground.parameters import GroundParameters as FilterParameters
    from pointcloud.ground.parameters import Occupied
    from pointcloud.io.survey import Survey


Columns = Mapping[str, NDArray[Any]]
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
        with TemporaryDirectory(prefix=".neighbours-", dir=context.workspace) as folder:
            given = _prepare(
                inputs["survey"], parameters.crs, parameters.options, context.progress.within("open"), Path(folder)
            )
            survey, names = given.survey, [f"{stem}.laz" for stem in _stems(given.survey)]
            counts: Counter[str] = Counter()
            order = partial(_order, given)
            for g in cluster.in_turn(len(given.groups), order, context.progress.within("ground")):
                for i in given.groups[g]:
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
        given = _prepare([source], crs, options, progress.within("open"), None)
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
    """A survey, the filter's parameters for it, and what has been read and found on the way.

    Parameters
    ----------
    neighbours
        What files need of others.
    groups
        Places of the files that are filtered together.
    points
        Points of the files of a small survey, where finding the parameters has read them. Who uses them takes them
        out, so that their memory is free again.
    found
        New dimensions of the files of the group at hand that are not yet written, and the known ones that `relabel`
        asks for.
    """

    survey: Survey
    chosen: FilterParameters
    neighbours: Neighbours
    groups: tuple[range, ...]
    points: dict[int, PointCloud] = field(default_factory=dict)
    found: dict[int, tuple[Columns, Columns]] = field(default_factory=dict)


def _prepare(
    paths: Sequence[Path],
    crs: str | None,
    options: Mapping[str, Any],
    report: Callable[[float], None],
    folder: Path | None,
) -> _Given:
    """Open a survey; ``folder`` is where `Neighbours` keeps files."""
    from pipelines import cluster, stages, tiling
    from pipelines.engine import (
        ground_options,
        ground_parameters,
        is_one_tile,
        kept_parameters,
        read_file,
        survey_grid,
    )
    from pipelines.halo import Neighbours
    from pointcloud.ground.loading import load_kernels
    from pointcloud.ground.parameters import occupied, required_halo, survey_parameters
    from pointcloud.io.survey import open_survey

    chosen = ground_options("ground", options)
    survey = open_survey(paths, crs)
    grid, n_files = survey_grid(survey, 1.0), len(survey.files)
    is_thinned = chosen.get("method", "auto") == "auto"
    neighbours = Neighbours(survey, chosen.get("cell") or 1.0, folder if is_thinned else None)
    is_small = is_one_tile(survey, grid) and (n_files == 1 or survey.n_points <= tiling.MAX_TOGETHER)
    points: dict[int, PointCloud] = {}

    def looked_at() -> Iterator[Occupied]:
        for i in range(n_files):
            report(i / n_files)
            if is_small:
                points[i] = read_file(survey, i, _dimensions(survey, i))
                yield occupied(stages.without_noise(points[i]))
            else:
                yield neighbours.occupied(i, grid.bounds)

    def parameters() -> FilterParameters:
        load_kernels()
        if not is_small and (n_files == 1 or cluster.is_used()):
            return ground_parameters(survey, grid, chosen)
        return survey_parameters(looked_at(), **chosen)

    found = kept_parameters(survey, grid, chosen, parameters)
    extents, numbers = [info.bounds for info in survey.files], [info.n_points for info in survey.files]
    return _Given(survey, found, neighbours, tiling.groups(extents, numbers, required_halo(found)), points)


def _dimensions(survey: Survey, index: int) -> tuple[str, ...]:
    """What the filter looks at, and what the labels of a layered file are coded with."""
    from pipelines.stages import LOOKED_AT
    from pointcloud.io.laz_layers import CONTEXT, FLAGS

    more = (*CONTEXT, *sorted(FLAGS)) if survey.files[index].point_format >= 6 else ()
    return tuple(dict.fromkeys((*LOOKED_AT, *more)))


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


def _order(given: _Given, number: int, cache: StageCache) -> Order:
    """What `make_ordered_files` needs to know of a group: its places in the survey, and the files within reach."""
    from pipelines.cluster_order import Order
    from pointcloud.ground.parameters import required_halo

    survey, group = given.survey, given.groups[number]
    own, halo = [survey.files[i] for i in group], required_halo(given.chosen)
    reach = reduce(Bounds.union, (info.bounds for info in own)).buffered(halo)
    near = [one for one in survey.files if one.bounds.touches(reach)]
    entries = []
    for i in group:
        made_from = _made_from(given, i)
        entries += [cache.file_path("ground", made_from, ".laz"), cache.arrays_path("ground-counts", made_from)]
    name = f"{number + 1}/{len(given.groups)} ({own[0].path.name})"
    first = near.index(own[0])
    arguments = {"group": [first, first + len(own)], "parameters": given.chosen.as_dict()}
    return Order.of("ground", name, entries, cache, survey, near, arguments)


def make_ordered_files(order: Order) -> None:
    """Put the files of a group with their labels, and their counts, into the cache, as `_classify_file` does."""
    from pipelines.engine import class_counts
    from pipelines.halo import Neighbours
    from pointcloud.ground.parameters import GroundParameters as FilterParameters

    survey, chosen = order.survey(), FilterParameters(**order.arguments["parameters"])
    group = range(*order.arguments["group"])
    given = _Given(survey, chosen, Neighbours(survey, chosen.cell, None), (group,))
    entries = [Path(entry) for entry in order.entries]
    for i, target, counts in zip(group, entries[::2], entries[1::2], strict=True):
        labels: list[NDArray[np.uint8]] = []

        def write(path: Path, i: int = i, labels: list[NDArray[np.uint8]] = labels) -> None:
            labels.append(_label(given, i, path, lambda _: None))

        order.cache.keep_file(target, survey.files[i].path.stat().st_size, write)
        if labels:
            found = class_counts(labels[0])
            order.cache.keep_arrays(counts, {name: np.asarray(number) for name, number in found.items()})


def _label(given: _Given, index: int, target: Path, report: Callable[[float], None]) -> NDArray[np.uint8]:
    """Write one file's points with their labels, and give these; files of a group are filtered with the first."""
    from pointcloud.io.las import relabel

    if index not in given.found:
        given.found.clear()
        given.found.update(_filtered(given, next(group for group in given.groups if index in group), report))
    columns, known = given.found.pop(index)
    relabel(given.survey.files[index].path, target, columns, known)
    labels: NDArray[np.uint8] = columns["Classification"]
    return labels


def _filtered(given: _Given, group: range, report: Callable[[float], None]) -> dict[int, tuple[Columns, Columns]]:
    """New dimensions of the files of a group, and those that are known of them."""
    from pipelines.engine import read_file
    from pipelines.stages import labelled
    from pointcloud.cloud import PointCloud

    survey, taken = given.survey, given.points
    own = [taken.pop(i) if i in taken else read_file(survey, i, _dimensions(survey, i)) for i in group]
    known, ends = [cloud.attributes for cloud in own], np.cumsum([0, *map(len, own)]).tolist()
    near: list[PointCloud] = []
    far: list[PointCloud] = []
    if ends[-1]:
        extent = reduce(Bounds.union, (cloud.bounds for cloud in own if len(cloud)))
        near, far = given.neighbours.around(group, extent, given.chosen)
    n_near = ends[-1] + sum(map(len, near))
    cloud = PointCloud.concatenate([*own, *near, *far])
    del own, near, far
    report(0.3)
    result = labelled(cloud, n_near=n_near, parameters=given.chosen)
    del cloud
    report(0.6)
    columns: dict[str, NDArray[Any]] = {
        "Classification": result.labels,
        "KeyPoint": result.key_points.astype(np.uint8),
        # in steps of a hundredth: enough for a judgement, and it compresses
        CONFIDENCE: np.round(result.confidence, 2),
    }
    places = [slice(a, b) for a, b in itertools.pairwise(ends)]
    return {
        i: ({name: values[place] for name, values in columns.items()}, read)
        for i, place, read in zip(group, places, known, strict=True)
    }
