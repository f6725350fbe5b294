"""What a user's own document may do: read the datasets given, write plain files into the workspace, nothing else.

Everything not named here is refused, and the refusal names the stage and the rule. Reference systems are EPSG
codes only: PDAL and PROJ would take a file name or a URL for one as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pipelines.document import Document, StageNode, check, parse
from pipelines.python_stage import check_function
from pointcloud.errors import ParameterError

READERS: Final = (
    "readers.las",
    "readers.copc",
    "readers.bpf",
    "readers.e57",
    "readers.pcd",
    "readers.ply",
    "readers.text",
)

FILTERS: Final = tuple(
    f"filters.{name}"
    for name in (
        "approximatecoplanar", "assign", "cluster", "covariancefeatures", "crop", "csf", "dbscan", "decimation",
        "eigenvalues", "elm", "estimaterank", "expression", "ferry", "hag_delaunay", "hag_nn", "head", "iqr",
        "litree", "lof", "mad", "merge", "mortonorder", "nndistance", "normal", "outlier", "pmf", "python",
        "radialdensity", "range", "reprojection", "returns", "sample", "skewnessbalancing", "smrf", "sort", "stats",
        "tail", "voxelcenternearestneighbor", "voxelcentroidnearestneighbor", "voxeldownsize",
    )
)  # fmt: skip

WRITERS: Final = {
    "writers.las": (".las", ".laz"),
    "writers.copc": (".laz",),
    "writers.gdal": (".tif", ".tiff"),
    "writers.text": (".txt", ".csv", ".xyz"),
    "writers.ply": (".ply",),
    "writers.null": (),
}
"""Writer -> suffixes of its files."""

FORBIDDEN_OPTIONS: Final = (
    "candidate_file", "command", "datasource", "dir", "gdalopts", "log", "ogr", "option_file", "plugin", "polygon_file",
    "raster", "source", "spatialreference", "vlrs",
)  # fmt: skip
"""Options that name files, programs or code, whatever the stage."""

ALL_DATASETS: Final = "datasets"
"""The file name by which a reader reads every dataset given."""

OWN_SCRIPT: Final = "pipelines/stages.py"
"""What ``script`` says in the documents that tengun ships; it may stay when a user changes one."""

_SRS = re.compile(r"EPSG:\d{4,6}(\+\d{4,6})?")
_PLAIN_NAME = re.compile(r"[^\W_][\w\- ()]{0,99}(\.[\w\- ()]{1,50}){0,3}")
_HIDDEN_PATH = re.compile(r"://|/vsi|\.\.[/\\]|^\s*[/\\~@]|^\s*[A-Za-z]:[/\\]|\x00", re.IGNORECASE)


def admit(
    tree: Any, datasets: Sequence[Path], options: Mapping[str, Any] | None = None, name: str = "document"
) -> Document:
    """A user's document, bound to the datasets, after every rule was held against it.

    Parameters
    ----------
    tree
        Parsed JSON.
    datasets
        Files that its readers may name, by file name; `ALL_DATASETS` names all.
    options
        ``tag.option`` -> value, set on the document as it was sent.
    name
        How messages call it.

    Raises
    ------
    ParameterError
        Naming the stage and the rule that refuses it.
    """
    document = parse(tree, name)
    _check_stages(document)
    for option in options or {}:
        if option.endswith(".filename"):
            raise ParameterError(
                f"option {option}: file names are set in the document only",
                f"オプション {option}: ファイル名は文書内で指定してください。",
                field=option,
                rule="no-paths",
            )
    document = document.with_options(options or {})
    _check_stages(document)
    return _bound(document, datasets)


def _check_stages(document: Document) -> None:
    for stage in document.stages:
        _check_stage(stage)
    _check_outputs(document)
    check(document)


def outputs(document: Document) -> list[str]:
    """Names of the files that the document writes."""
    return [s.options["filename"] for s in document.stages if s.kind == "writers" and "filename" in s.options]


def _refused(stage: StageNode, rule: str, en: str, ja: str, value: Any = None) -> ParameterError:
    return ParameterError(
        f"{stage.label} is refused ({rule}): {en}",
        f"{stage.label} は許可されません ({rule}): {ja}",
        stage=stage.type,
        rule=rule,
        value=value,
    )


def _check_stage(stage: StageNode) -> None:
    allowed = (*READERS, *FILTERS, *WRITERS)
    if stage.type not in allowed:
        same = [a for a in allowed if a.startswith(stage.kind)]
        raise _refused(stage, "stage-allow-list", f"allowed are {', '.join(same)}", f"使えるもの: {', '.join(same)}")
    for option, value in stage.options.items():
        if option in FORBIDDEN_OPTIONS:
            raise _refused(
                stage, "option", f"the option '{option}' is not allowed here", f"オプション '{option}' は使えません。"
            )
        if option.endswith("srs") and not (isinstance(value, str) and _SRS.fullmatch(value)):
            raise _refused(
                stage,
                "srs",
                f"{option} = {value!r}; give an EPSG code",
                f"{option} は EPSG コードにしてください。",
                value,
            )
        if option not in ("filename", "user_data"):
            _check_texts(stage, option, value)
    if stage.type == "filters.python":
        _check_python(stage)


def _check_texts(stage: StageNode, option: str, value: Any) -> None:
    for text in _texts(value):
        if _HIDDEN_PATH.search(text) and (option, text) != ("script", OWN_SCRIPT):
            raise _refused(
                stage,
                "no-paths",
                f"{option} = '{text[:60]}' holds a path or an address",
                f"{option} = '{text[:60]}' にパスまたは URL が含まれています。",
                text[:60],
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check_python(stage: StageNode) -> None:
    script = stage.options.get("script", OWN_SCRIPT)
    if script != OWN_SCRIPT:
        raise _refused(
            stage,
            "no-own-code",
            f"script = '{script}'; tengun runs its own functions only",
            "独自のコードは実行できません。",
        )
    try:
        check_function(str(stage.options.get("module", "")), str(stage.options.get("function", "")))
    except ParameterError as error:
        raise _refused(stage, "no-own-code", error.en, error.ja) from error


def _check_outputs(document: Document) -> None:
    seen: set[str] = set()
    for stage in document.stages:
        if stage.kind != "writers" or stage.type == "writers.null":
            continue
        name = stage.options.get("filename")
        suffixes = WRITERS[stage.type]
        if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name) or not name.lower().endswith(suffixes):
            raise _refused(
                stage,
                "plain-output-name",
                f"filename = {name!r}; expected a plain name without folders, ending in {' or '.join(suffixes)}",
                f"filename = {name!r} はフォルダを含まない名前で、拡張子は {' か '.join(suffixes)} にしてください。",
                name,
            )
        if name.lower() in seen:
            raise _refused(
                stage, "one-file-a-writer", f"'{name}' is written twice", f"'{name}' が重複しています。", name
            )
        seen.add(name.lower())
    if not seen:
        raise ParameterError(
            f"{document.name} writes no file; end it with a writer",
            f"{document.name} は出力ファイルを持ちません。writers で終えてください。",
            rule="has-output",
        )


def _bound(document: Document, datasets: Sequence[Path]) -> Document:
    by_name: dict[str, list[Path]] = {}
    for file in datasets:
        by_name.setdefault(file.name, []).append(file)
    used = {s.tag for s in document.stages}
    stages = list(document.stages)
    to_read: dict[str, list[Path]] = {}
    for i, stage in enumerate(stages):
        if stage.kind == "readers":
            tag = stage.tag or next(t for t in (f"reader{n}" for n in range(i, i + len(used) + 2)) if t not in used)
            used.add(tag)
            stages[i] = replace(stage, tag=tag)
            to_read[tag] = _files(stage, by_name)
    bound = replace(document, stages=tuple(stages))
    for tag, files in to_read.items():
        bound = bound.with_files(tag, files)
    return bound


def _files(stage: StageNode, by_name: Mapping[str, list[Path]]) -> list[Path]:
    name = stage.options.get("filename")
    if name == ALL_DATASETS:
        return [file for files in by_name.values() for file in files]
    files = by_name.get(name, []) if isinstance(name, str) else []
    if len(files) != 1:
        known = ", ".join(sorted(by_name))
        raise _refused(
            stage,
            "dataset-reference",
            f"filename = {name!r} is no dataset given, or several are called so; there are {known}, and "
            f"'{ALL_DATASETS}' for all",
            f"filename = {name!r} に当たるデータセットが一つに定まりません。あるもの: {known}。全て: '{ALL_DATASETS}'",
            name,
        )
    return files
