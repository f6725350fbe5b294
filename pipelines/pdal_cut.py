"""A document for the real PDAL, cut at its ``filters.python`` stages.

PDAL runs the parts between; tengun calls the function on the points in between, which go through uncompressed
LAS 1.4 with all dimensions as extra bytes. Each view is one file, so the function sees what it would see inside
PDAL. Coordinates keep the scale and offset of the input where no stage moved the points: they are then the same
numbers on both sides of a cut.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import pdal as program
from pipelines.document import Document, StageNode, check
from pipelines.native.columns import joined
from pipelines.native.executor import parsed
from pipelines.native.readers import View, read_las
from pipelines.native.writers import write_las
from pipelines.pdal import Finished, Limits, Pdal
from pipelines.python_stage import call, check_function
from pipelines.stage_arguments import parsed_arguments
from pipelines.stage_options import STAGES
from pointcloud.io import las

_KEEPS_COORDINATES = frozenset(STAGES) - {"filters.reprojection"}
"""Stages after which points lie where they lay; of those that only PDAL knows, none is sure to."""


_EXACT = {"X": "TengunX", "Y": "TengunY", "Z": "TengunZ"}
"""Coordinate -> extra dimension that carries it over a cut without rounding."""


@dataclass(slots=True)
class PdalRun:
    """What a run left behind: PDAL's metadata by part, its log, its seconds and peak memory."""

    metadata: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0

    def add(self, part: Finished) -> None:
        """Add a part."""
        self.metadata.append(part.metadata)
        self.log += part.log
        self.seconds += part.seconds
        self.peak_bytes = max(self.peak_bytes, part.peak_bytes)


def run(
    document: Document,
    folder: Path,
    pdal: Pdal,
    step: Callable[[], None] = lambda: None,
    limits: Limits = Limits(),  # noqa: B008
) -> PdalRun:
    """Run a document with PDAL.

    Parameters
    ----------
    document
        Its relative file names are taken from ``folder``.
    folder
        Working folder; points between the parts lie in a folder in it meanwhile.
    pdal
        The program.
    step
        Called about twenty times a second; what it raises stops the run.
    limits
        For the document as a whole.

    Raises
    ------
    ParameterError
        When PDAL lacks a stage or an option, before anything is read.
    TengunError
        What PDAL or a function refuses.
    """
    folder = folder.absolute()  # PDAL works in it, and names of files in it must not hang on where we are
    check(document)
    program.check(document, pdal)
    for stage in document.stages:
        if stage.type == "filters.python":
            options = parsed(stage)
            check_function(options["module"], options["function"])
    done = PdalRun()
    with _scratch(folder) as scratch:
        cut: dict[int, list[Path]] = {}

        def execute(part: Mapping[str, Any]) -> None:
            left = None if limits.time_s is None else max(limits.time_s - done.seconds, 0.0)
            rest = Limits(left, limits.memory_bytes, limits.output_bytes)
            done.add(program.run_pipeline(pdal, part, folder, scratch, step, rest))

        for position, stage in enumerate(document.stages):
            if stage.type == "filters.python":
                files = _points_before(document, position, cut, folder, scratch, execute)
                cut[position] = [_applied(stage, file) for file in files]
        for leaf in _leaves(document):  # PDAL runs one end of a pipeline only
            if leaf not in cut:
                execute(_part(_resolved(document, cut, folder), [leaf], cut, keeps_writers=True))
    return done


def parts(document: Document) -> list[dict[str, Any]]:
    """The pipelines that PDAL itself gets to see, in order; points between are named ``cut.las`` in them."""
    found: list[dict[str, Any]] = []
    cut: dict[int, list[Path]] = {}
    for position, stage in enumerate(document.stages):
        if stage.type == "filters.python":
            found.append(_part(document, list(stage.inputs), cut, keeps_writers=False))
            cut[position] = [Path("cut.las")]
    return [
        *found,
        *(_part(document, [leaf], cut, keeps_writers=True) for leaf in _leaves(document) if leaf not in cut),
    ]


def _leaves(document: Document) -> list[int]:
    return [i for i in range(len(document.stages)) if not any(i in s.inputs for s in document.stages)]


def _resolved(document: Document, cut: Mapping[int, list[Path]], folder: Path) -> Document:
    """The document with what ``writers.las`` forwards written out: behind a cut PDAL sees only the files between."""
    stages = list(document.stages)
    for i, stage in enumerate(stages):
        if stage.type == "writers.las" and "forward" in stage.options and cut.keys() & set(_needed(document, [i], {})):
            names = STAGES[stage.type]["forward"].parse(stage.options["forward"])
            given = {k: v for k, v in stage.options.items() if k != "forward"}
            stages[i] = replace(stage, options={**_forwarded(document, i, names, folder), **given})
    return replace(document, stages=tuple(stages))


def _forwarded(document: Document, writer: int, names: list[str], folder: Path) -> dict[str, Any]:
    upstream = [document.stages[i] for i in _needed(document, [writer], {})]
    infos = [las.inspect(folder / s.options["filename"]) for s in upstream if s.type == "readers.las"]
    values: dict[str, set[Any]] = {
        "dataformat_id": {i.point_format for i in infos} if {"format", "all"} & set(names) else set(),
        "minor_version": {int(i.version.split(".")[1]) for i in infos} if {"header", "all"} & set(names) else set(),
    }
    for axis, name in enumerate("xyz"):
        values[f"scale_{name}"] = {i.scales[axis] for i in infos} if {"scale", "all"} & set(names) else set()
        values[f"offset_{name}"] = {i.offsets[axis] for i in infos} if {"offset", "all"} & set(names) else set()
    return {option: found.pop() for option, found in values.items() if len(found) == 1}


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".pdal-", dir=folder) as name:
        yield Path(name)


def _needed(document: Document, ends: list[int], cut: Mapping[int, list[Path]]) -> list[int]:
    """Positions of the stages above ``ends``, themselves included, down to the cuts, in document order."""
    wanted, waiting = set(), list(ends)
    while waiting:
        position = waiting.pop()
        if position not in wanted:
            wanted.add(position)
            waiting += [] if position in cut else document.stages[position].inputs
    return sorted(wanted)


def _part(document: Document, ends: list[int], cut: Mapping[int, list[Path]], keeps_writers: bool) -> dict[str, Any]:
    """The pipeline from the readers or cuts to ``ends``.

    Writers on the way of a part that is run for a cut are left to the last part.
    """
    tags: dict[int, list[str]] = {}
    pipeline: list[dict[str, Any]] = []
    for position in _needed(document, ends, cut):
        stage = document.stages[position]
        inputs = [tag for i in stage.inputs for tag in tags.get(i, [])]
        if position in cut:
            tags[position] = [f"cut_{position}_{n}" for n in range(len(cut[position]))]
            for tag, file in zip(tags[position], cut[position], strict=True):
                pipeline.append({"type": "readers.las", "tag": tag, "filename": str(file), "use_eb_vlr": True})
        elif stage.kind == "writers" and not keeps_writers:
            tags[position] = inputs
        else:
            tags[position] = [f"stage_{position}"]
            entry = {"type": stage.type, "tag": f"stage_{position}", **stage.options}
            pipeline.append({**entry, "inputs": inputs} if inputs else entry)
    if not keeps_writers:
        pipeline.append({"type": "writers.null", "inputs": [tag for i in ends for tag in tags[i]]})
    return {"pipeline": pipeline}


def _points_before(
    document: Document,
    position: int,
    cut: Mapping[int, list[Path]],
    folder: Path,
    scratch: Path,
    execute: Callable[[Mapping[str, Any]], None],
) -> list[Path]:
    """The files with the points that a ``filters.python`` stage takes, one a view."""
    ends = list(document.stages[position].inputs)
    if all(i in cut for i in ends):
        return [file for i in ends for file in cut[i]]
    part = _part(document, ends, cut, keeps_writers=False)
    end = part["pipeline"].pop()
    # LAS keeps whole multiples of a scale only; the function shall see the numbers that PDAL has
    copies = ",".join(f"{name}=>{copy}" for name, copy in _EXACT.items())
    part["pipeline"].append({"type": "filters.ferry", "dimensions": copies, "inputs": end["inputs"]})
    part["pipeline"].append({
        "type": "writers.las",
        "filename": str(scratch / f"cut{position}_#.las"),
        "minor_version": 4,
        "dataformat_id": 6,
        "extra_dims": "all",
        **_grid(document, ends, folder),
    })  # fmt: skip
    execute(part)
    return sorted(scratch.glob(f"cut{position}_*.las"), key=lambda p: int(p.stem.split("_")[1]))


def _grid(document: Document, ends: list[int], folder: Path) -> dict[str, Any]:
    """Scale and offset for the points between: those of the files read where they are one, else ``auto``."""
    upstream = [document.stages[i] for i in _needed(document, ends, {})]
    sources = {
        (info.scales, info.offsets)
        for info in (las.inspect(folder / s.options["filename"]) for s in upstream if s.type == "readers.las")
    }
    keeps = all(_keeps_coordinates(stage) for stage in upstream)
    values = sources.pop() if keeps and len(sources) == 1 else (("auto",) * 3, ("auto",) * 3)
    names = [f"{what}_{axis}" for what in ("scale", "offset") for axis in "xyz"]
    return dict(zip(names, (*values[0], *values[1]), strict=True))


def _keeps_coordinates(stage: StageNode) -> bool:
    set_by = [text for name in ("value", "assignment") for text in _texts(stage.options.get(name, []))]
    return stage.type in _KEEPS_COORDINATES and not any(text.lstrip()[:1] in "XYZ" for text in set_by)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _applied(stage: StageNode, file: Path) -> Path:
    """The file with the points as the function leaves them."""
    options = parsed(stage)
    reader = StageNode("readers.las", None, (), {"filename": file.name, "use_eb_vlr": True})
    view = read_las(parsed(reader), file.parent)
    added = options["add_dimension"] or ()
    cloud = joined(list(view.chunks))
    if set(_EXACT.values()) <= cloud.attributes.keys():
        x, y, z = (cloud.attributes[copy].astype(np.float64) for copy in _EXACT.values())
        cloud = replace(cloud, x=x, y=y, z=z)
    # PDAL 2.2 writes the flags of formats 6-10 a second time, as a dimension of its own
    dropped = {"ClassFlags", *_EXACT.values()}
    cloud = replace(cloud, attributes={n: v for n, v in cloud.attributes.items() if n not in dropped})
    given = parsed_arguments(options["function"], stage.label, options["pdalargs"])
    cloud = call(options["module"], options["function"], cloud, given, added)
    target = file.with_name(f"{file.stem}_{stage.type}.las")
    writer = StageNode("writers.las", None, (), {
        "filename": target.name,
        "minor_version": 4,
        "dataformat_id": 8 if "Infrared" in cloud.attributes else 7 if "Red" in cloud.attributes else 6,
        "extra_dims": "all",
        "forward": ["scale", "offset"],
    })  # fmt: skip
    write_las([View([cloud], view.origins)], parsed(writer), file.parent)
    return target
