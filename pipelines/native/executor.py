"""Run a document with the embedded stages.

A stage takes the views of its inputs and gives views: a file is one view, as in PDAL, and a filter works on
each view alone until ``filters.merge`` makes them one. Views come in pieces; a filter that looks at each point
alone takes them piece by piece, so that reading, cutting out, reprojecting and writing a file needs the memory
of a piece. A filter that looks at neighbours takes a view whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipelines.document import Document, StageNode, check
from pipelines.native import (
    expression,
    ground,
    height,
    noise,
    points,
    raster,
    readers,
    relabel,
    statistics,
    thin,
    writers,
)
from pipelines.native.columns import joined
from pipelines.native.readers import View
from pipelines.native.stage import Filter, Report
from pipelines.python_stage import check_function
from pipelines.stage_options import COMMON, STAGES
from pointcloud.cloud import PointCloud

Make = Callable[[Mapping[str, Any], Report], Filter]

PIECEWISE: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "filters.crop": points.crop,
        "filters.range": points.value_range,
        "filters.expression": points.condition,
        "filters.assign": points.assign,
        "filters.reprojection": points.reprojection,
        "filters.stats": statistics.stats,
    }
)
"""Filters that look at each point alone."""

WHOLE: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "filters.outlier": noise.outlier,
        "filters.elm": noise.elm,
        "filters.smrf": ground.smrf,
        "filters.hag_nn": height.hag_nn,
        "filters.hag_delaunay": height.hag_delaunay,
        "filters.sample": thin.sample,
        "filters.decimation": thin.decimation,
        "filters.voxelcenternearestneighbor": thin.voxel_centre,
        "filters.voxelcentroidnearestneighbor": thin.voxel_centroid,
        "filters.python": points.python,
    }
)
"""Filters that look at a whole view."""

READERS: Final = MappingProxyType({"readers.las": readers.read_las, "readers.copc": readers.read_copc})
WRITERS: Final = MappingProxyType(
    {"writers.las": writers.write_las, "writers.copc": writers.write_copc, "writers.gdal": raster.write_gdal}
)


@dataclass(frozen=True, slots=True)
class NativeRun:
    """What a run left behind.

    Parameters
    ----------
    written
        Files, relative to the run's folder, with the number of points that went into each.
    metadata
        Stage -> metadata as PDAL names it.
    counts
        Points that stages lost for a reason other than their purpose.
    """

    written: dict[str, int]
    metadata: dict[str, Any]
    counts: dict[str, int] = field(default_factory=dict)


def unknown_to_native(document: Document) -> list[str]:
    """Why the embedded executor cannot run the document: one phrase a stage or option; empty when it can."""
    reasons: list[str] = []
    for stage in document.stages:
        known = STAGES.get(stage.type)
        if known is None or stage.type not in (*READERS, *WRITERS, *PIECEWISE, *WHOLE, "filters.merge", "writers.null"):
            reasons.append(stage.type)
            continue
        reasons += [f"{stage.type}: {o}" for o in stage.options if o not in known and o not in COMMON]
        if any("*" in str(stage.options.get(n, "")) or "#" in str(stage.options.get(n, "")) for n in ("filename",)):
            reasons.append(f"{stage.type}: filename with a pattern")
        if stage.type == "filters.crop":
            reasons += _hard_crop(stage)
    return reasons


def _hard_crop(stage: StageNode) -> list[str]:
    """Crops that make several views, or cut in height."""
    areas = [
        a for n in ("bounds", "polygon") if n in stage.options for a in STAGES[stage.type][n].parse(stage.options[n])
    ]
    if len(areas) > 1:
        return ["filters.crop: several areas"]
    is_solid = "bounds" in stage.options and areas[0].count("[") == 3
    return ["filters.crop: bounds in height"] if is_solid else []


def run(document: Document, folder: Path, step: Callable[[float], None] = lambda _: None) -> NativeRun:
    """Run a document whose every stage is known (`unknown_to_native`).

    Parameters
    ----------
    document
        Its relative file names are taken from ``folder``.
    folder
        Working folder.
    step
        Told the done share of the stages, 0-1; it may raise to stop the run.

    Raises
    ------
    TengunError
        What a stage refuses.
    """
    report = Report()
    made = prepare(document, report)
    labelling = relabel.plan(document, [parsed(stage) for stage in document.stages], folder)
    if labelling is not None:
        filters = [make for make in made if make is not None]
        n_points = relabel.run(labelling, filters, folder, lambda i: step(i / len(document.stages)))
        step(1.0)
        return NativeRun({document.stages[-1].options["filename"]: n_points}, report.metadata, dict(report.counts))
    consumers = [sum(i in s.inputs for s in document.stages) for i in range(len(document.stages))]
    results: list[list[View]] = []
    written: dict[str, int] = {}
    for i, stage in enumerate(document.stages):
        step(i / len(document.stages))
        views = [view for source in stage.inputs for view in results[source]]
        options = parsed(stage)
        if stage.type in READERS:
            out = [READERS[stage.type](options, folder)]
        elif stage.type in WRITERS:
            views = _kept(views) if consumers[i] else views
            written[options["filename"]] = WRITERS[stage.type](_watched(views, step, i, document), options, folder)
            out = views
        else:
            out = _filtered(stage.type, views, made[i])
        results.append(_kept(out) if consumers[i] > 1 else out)
    _drain(document, results, consumers)
    step(1.0)
    return NativeRun(written, report.metadata, dict(report.counts))


def prepare(document: Document, report: Report) -> list[Callable[[], Filter] | None]:
    """Makers of the stages' filters; whatever can be wrong with an option is found here, before a point is read.

    Raises
    ------
    TengunError
        Naming the stage's option and what is allowed.
    """
    check(document)
    return [_prepared(stage, report) for stage in document.stages]


def parsed(stage: StageNode) -> dict[str, Any]:
    """The stage's options in their types, defaults filled in; ``given`` names those that the document sets."""
    known = STAGES[stage.type]
    values = {n: o.parse(stage.options[n]) if n in stage.options else o.default for n, o in known.items()}
    return {**values, "given": frozenset(stage.options)}


def _prepared(stage: StageNode, report: Report) -> Callable[[], Filter] | None:
    """A maker of the stage's filter, after one was made to see that its options are sound."""
    options = parsed(stage)
    if stage.type in READERS:
        readers.check_reader(options)
    elif stage.type == "filters.python":
        check_function(options["module"], options["function"])
    elif stage.type == "writers.gdal" and options["bounds"]:
        expression.box(options["bounds"])
    make = PIECEWISE.get(stage.type) or WHOLE.get(stage.type)
    if make is None:
        return None
    shared = make(options, report)
    return (lambda: shared) if stage.type in PIECEWISE else (lambda: make(options, report))


def _filtered(kind: str, views: Sequence[View], make: Callable[[], Filter] | None) -> list[View]:
    if kind == "filters.merge":
        origins = tuple(o for v in views for o in v.origins)
        return [View(_merged(views), origins)]
    if make is None:
        return list(views)
    if kind in PIECEWISE:
        return [View(_mapped(v, make()), v.origins) for v in views]
    return [View(_as_one(v, make()), v.origins) for v in views]


def _mapped(view: View, function: Filter) -> Iterator[PointCloud]:
    for cloud in view.chunks:
        yield function(cloud)


def _as_one(view: View, function: Filter) -> Iterator[PointCloud]:
    yield function(view.whole())


def _merged(views: Sequence[View]) -> Iterator[PointCloud]:
    yield views[0].whole() if len(views) == 1 else joined([cloud for view in views for cloud in view.chunks])


def _kept(views: Sequence[View]) -> list[View]:
    """The views in memory, to be gone through more than once."""
    return [View(list(view.chunks), view.origins) for view in views]


def _watched(views: Sequence[View], step: Callable[[float], None], i: int, document: Document) -> list[View]:
    """The views, asking at each piece whether to go on."""

    def pieces(view: View) -> Iterator[PointCloud]:
        for cloud in view.chunks:
            step(i / len(document.stages))
            yield cloud

    return [View(pieces(view), view.origins) for view in views]


def _drain(document: Document, results: Sequence[Sequence[View]], consumers: Sequence[int]) -> None:
    """Go through what no stage takes, so that a document that ends in a filter runs too."""
    for stage, views, n in zip(document.stages, results, consumers, strict=True):
        if n == 0 and (stage.kind != "writers" or stage.type == "writers.null"):
            for view in views:
                for _ in view.chunks:
                    pass
