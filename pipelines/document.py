"""PDAL pipelines as documents: read, set by tag and option, and check before a point is read.

A document is what ``pdal pipeline`` takes: a JSON array of stages, or ``{"pipeline": [...]}``, beside which
``title`` may stand, which PDAL does not read. How stages follow each other is PDAL's rule (pdal.io,
"Pipeline"): a stage takes the one before it, or those named by ``inputs``; readers add up until a filter or
a writer takes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pipelines import stage_arguments
from pipelines.progress import Text
from pipelines.stage_options import STAGES, check_option, check_value
from pointcloud.errors import NotFoundError, ParameterError

FOLDER = Path(__file__).parent / "documents"
"""Where the documents that tengun ships lie."""

MAX_STAGES = 200
MAX_BYTES = 4 << 20
"""A document is written by a person: more stages or bytes are a mistake or an attack."""

STRUCTURE = ("type", "tag", "inputs")
"""Keys of a stage that are not options."""

AREAS = ("bounds", "polygon")
"""Options of ``filters.crop`` that say where; the documents that tengun ships have one that holds everything."""

Kind = Literal["readers", "filters", "writers"]


@dataclass(frozen=True, slots=True)
class StageNode:
    """One stage of a document.

    Parameters
    ----------
    type
        PDAL's name: ``filters.crop``.
    tag
        Name by which other stages and parameters refer to it, or None.
    inputs
        Positions of the stages whose points it takes; empty for a reader.
    options
        Option -> value, as the document has them.
    """

    type: str
    tag: str | None
    inputs: tuple[int, ...]
    options: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        """``readers``, ``filters`` or ``writers``."""
        kind: Kind = self.type.split(".")[0]  # type: ignore[assignment]
        return kind

    @property
    def label(self) -> str:
        """How messages name the stage."""
        return f"{self.type} '{self.tag}'" if self.tag else self.type


@dataclass(frozen=True, slots=True)
class Document:
    """A pipeline whose structure is sound; `check` looks at its options.

    Parameters
    ----------
    name
        File stem, or what the user calls it.
    stages
        In the order of the document, which is an order of execution.
    title
        What it does, where the document says so.
    """

    name: str
    stages: tuple[StageNode, ...]
    title: Text | None = field(default=None)

    def tagged(self, tag: str) -> int:
        """Position of the stage with this tag.

        Raises
        ------
        ParameterError
            When no stage has it.
        """
        for position, stage in enumerate(self.stages):
            if stage.tag == tag:
                return position
        tags = [s.tag for s in self.stages if s.tag]
        raise ParameterError(
            f"pipeline {self.name}: no stage has the tag '{tag}'; tags are {', '.join(tags) or 'not used'}",
            f"パイプライン {self.name} にタグ '{tag}' の工程はありません。使えるタグ: {', '.join(tags) or 'なし'}",
            value=tag,
            candidates=tags,
        )

    def with_options(self, values: Mapping[str, Any]) -> Document:
        """The document with options set, each named ``tag.option``; every other option stays.

        Only a crop's own area goes when another one is set: of two areas PDAL makes two sets of points. Of
        ``filters.python`` the arguments of its function are options too; they go into ``pdalargs``.

        Raises
        ------
        ParameterError
            For an unknown tag or option, or a value that the option does not take.
        """
        stages = list(self.stages)
        for name, value in values.items():
            tag, dot, option = name.partition(".")
            if not dot or not option:
                raise ParameterError(
                    f"pipeline {self.name}: '{name}' does not name an option; write TAG.OPTION",
                    f"パイプライン {self.name}: '{name}' は TAG.OPTION の形で指定してください。",
                    value=name,
                )
            position = self.tagged(tag)
            stage = stages[position]
            rivals = {o for o in AREAS if stage.type == "filters.crop" and f"{tag}.{o}" not in values}
            kept = {o: v for o, v in stage.options.items() if option not in AREAS or o not in rivals}
            stages[position] = replace(stage, options={**kept, **_set(stage, option, value)})
        return replace(self, stages=tuple(stages))

    def with_files(self, tag: str, files: Sequence[Path]) -> Document:
        """The document with the reader ``tag`` reading ``files``: one reader a file, all taken where it was.

        Raises
        ------
        ParameterError
            When the tag is not a reader's, or no file is given.
        """
        position = self.tagged(tag)
        reader = self.stages[position]
        if reader.kind != "readers" or not files:
            raise ParameterError(
                f"pipeline {self.name}: {reader.label} cannot read {len(files)} files; expected a reader and a file",
                f"パイプライン {self.name}: {reader.label} に {len(files)} 個のファイルは指定できません。",
                value=tag,
            )
        extra = len(files) - 1
        shifted = [i + (extra if i > position else 0) for i in range(len(self.stages))]

        def moved(inputs: tuple[int, ...]) -> tuple[int, ...]:
            out: list[int] = []
            for i in inputs:
                out.extend(range(position, position + extra + 1) if i == position else [shifted[i]])
            return tuple(out)

        stages: list[StageNode] = []
        taken = {stage.tag for stage in self.stages if stage.tag}
        for i, stage in enumerate(self.stages):
            if i == position:
                for n, file in enumerate(files):
                    name = tag if n == 0 else _free(f"{tag}_{n + 1}", taken)
                    stages.append(replace(stage, tag=name, options={**stage.options, "filename": str(file)}))
            else:
                stages.append(replace(stage, inputs=moved(stage.inputs)))
        return replace(self, stages=tuple(stages))

    def to_json(self) -> dict[str, Any]:
        """The document as PDAL takes it, with every tag and input written out."""
        taken = {stage.tag for stage in self.stages if stage.tag}
        tags = [stage.tag or _free(f"stage_{i + 1}", taken) for i, stage in enumerate(self.stages)]
        pipeline = []
        for tag, stage in zip(tags, self.stages, strict=True):
            entry: dict[str, Any] = {"type": stage.type, "tag": tag, **stage.options}
            if stage.inputs:
                entry["inputs"] = [tags[i] for i in stage.inputs]
            pipeline.append(entry)
        title = {"title": {"en": self.title.en, "ja": self.title.ja}} if self.title else {}
        return {**title, "pipeline": pipeline}


def _free(wish: str, taken: set[str]) -> str:
    """The tag wished for, or with a number behind it one that no stage has; it is taken from now on."""
    name = next(t for t in (wish, *(f"{wish}_{n}" for n in range(2, len(taken) + 3))) if t not in taken)
    taken.add(name)
    return name


def _set(stage: StageNode, option: str, value: Any) -> dict[str, Any]:
    """The option and its value, checked; an argument of a function goes into ``pdalargs``."""
    known = stage_arguments.of_stage(stage.type, stage.options)
    argument = known.get(option)
    if argument is None:
        check_option(stage.type, stage.label, option, value, also=known)
        return {option: value}
    check_value(argument, stage.label, option, value)
    given = stage_arguments.arguments(stage.options.get("pdalargs"))
    return {"pdalargs": {**given, option: argument.parse(value)}}


def shipped_names() -> list[str]:
    """Names of the documents that tengun ships, sorted."""
    return sorted(p.stem for p in FOLDER.glob("*.json"))


def shipped(name: str) -> Document:
    """A document that tengun ships.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    if name not in shipped_names():
        raise NotFoundError(
            f"no pipeline '{name}'; there are {', '.join(shipped_names())}",
            f"パイプライン '{name}' はありません。利用できるもの: {', '.join(shipped_names())}",
            value=name,
            candidates=shipped_names(),
        )
    return load(FOLDER / f"{name}.json")


def load(path: Path) -> Document:
    """The document in a file.

    Raises
    ------
    NotFoundError
        When the file is not there.
    ParameterError
        When it is not a PDAL pipeline.
    """
    if not path.is_file():
        raise NotFoundError(f"pipeline {path}: no such file", f"パイプライン {path} がありません。", file=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise _unsound(path.stem, f"is larger than {MAX_BYTES >> 20} MB", f"{MAX_BYTES >> 20} MB を超えています")
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unsound(path.stem, f"is not JSON ({error})", f"JSON として読めません ({error})") from error
    return parse(tree, path.stem)


def parse(tree: Any, name: str = "pipeline") -> Document:
    """The document of a parsed JSON value.

    Raises
    ------
    ParameterError
        When it is not a PDAL pipeline: no array of stages, a stage without type, a doubled tag, an input
        that is not there or comes later.
    """
    entries = tree.get("pipeline") if isinstance(tree, dict) else tree
    if not isinstance(entries, list) or not entries:
        raise _unsound(name, 'is no array of stages, nor {"pipeline": [...]}', "工程の配列ではありません")
    if len(entries) > MAX_STAGES:
        raise _unsound(
            name, f"has {len(entries)} stages; at most {MAX_STAGES}", f"工程数が {MAX_STAGES} を超えています"
        )
    stages: list[StageNode] = []
    tags: dict[str, int] = {}
    waiting: list[int] = []
    for position, entry in enumerate(entries):
        fields = _fields(name, entry, position, is_last=position == len(entries) - 1 > 0)
        tag = _tag(name, fields.get("tag"), tags)
        named = _named_inputs(name, fields, tags)
        is_reader = fields["type"].startswith("readers.")
        if is_reader and named:
            raise _unsound(name, f"gives inputs to the reader {fields['type']}", "読み込み工程に inputs があります")
        inputs = () if is_reader else tuple(named or waiting)
        if not is_reader and not inputs:
            raise _unsound(
                name, f"has no reader before {fields['type']}", f"{fields['type']} の前に読み込みがありません"
            )
        waiting = [*waiting, position] if is_reader else [position]
        if tag:
            tags[tag] = position
        options = {k: v for k, v in fields.items() if k not in STRUCTURE}
        stages.append(StageNode(fields["type"], tag, inputs, options))
    return Document(name, tuple(stages), _title(tree))


def _unsound(name: str, en: str, ja: str) -> ParameterError:
    return ParameterError(f"pipeline {name} {en}", f"パイプライン {name}: {ja}。", value=name)


def _title(tree: Any) -> Text | None:
    title = tree.get("title") if isinstance(tree, dict) else None
    if isinstance(title, dict) and isinstance(title.get("en"), str) and isinstance(title.get("ja"), str):
        return Text(title["en"], title["ja"])
    return None


def _fields(name: str, entry: Any, position: int, is_last: bool) -> dict[str, Any]:
    """The stage as a mapping with a type; a bare file name, or none with a type, gets the type of its suffix."""
    fields = {"filename": entry} if isinstance(entry, str) else entry
    if not isinstance(fields, dict):
        raise _unsound(
            name, f"stage {position + 1} is neither an object nor a file name", f"工程 {position + 1} が不正です"
        )
    kind = fields.get("type")
    if kind is None:
        kind = inferred_type(str(fields.get("filename", "")), "writers" if is_last else "readers")
    if not isinstance(kind, str) or kind.split(".")[0] not in ("readers", "filters", "writers") or kind.count(".") != 1:
        raise _unsound(
            name,
            f"stage {position + 1} has the type {kind!r}; expected readers.X, filters.X or writers.X",
            f"工程 {position + 1} の type {kind!r} が不正です",
        )
    return {**fields, "type": kind}


def inferred_type(filename: str, kind: Kind) -> str | None:
    """The reader or writer that PDAL takes for a file of this suffix, or None where tengun knows none."""
    name = filename.lower()
    if name.endswith(".copc.laz"):
        return f"{kind}.copc"
    if name.endswith((".las", ".laz")):
        return f"{kind}.las"
    if name.endswith((".tif", ".tiff")):
        return f"{kind}.gdal"
    suffixes = {
        ".ply": "ply",
        ".txt": "text",
        ".csv": "text",
        ".xyz": "text",
        ".e57": "e57",
        ".bpf": "bpf",
        ".pcd": "pcd",
    }
    for suffix, driver in suffixes.items():
        if name.endswith(suffix):
            return f"{kind}.{driver}"
    return None


def _tag(name: str, tag: Any, tags: Mapping[str, int]) -> str | None:
    if tag is None:
        return None
    if not isinstance(tag, str) or not tag or "." in tag or not tag.isprintable():
        raise _unsound(name, f"has the tag {tag!r}; a tag is a word without dots", f"タグ {tag!r} が不正です")
    if tag in tags:
        raise _unsound(name, f"has the tag '{tag}' twice", f"タグ '{tag}' が重複しています")
    return tag


def _named_inputs(name: str, fields: Mapping[str, Any], tags: Mapping[str, int]) -> list[int]:
    inputs = fields.get("inputs", [])
    inputs = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(inputs, list):
        raise _unsound(name, f"{fields['type']}: inputs are tags", f"{fields['type']} の inputs が不正です")
    for tag in inputs:
        if not isinstance(tag, str) or tag not in tags:
            known = ", ".join(tags) or "none"
            raise _unsound(
                name,
                f"{fields['type']} takes the input {tag!r}, which no earlier stage has as its tag (there are: {known})",
                f"{fields['type']} の入力 {tag!r} に当たるタグがそれより前にありません (あるもの: {known})",
            )
    return [tags[tag] for tag in inputs]


def check(document: Document) -> None:
    """Check every option of every stage that tengun knows; what only PDAL knows is for PDAL to check.

    Raises
    ------
    ParameterError
        Naming the stage, the option or value, and what is allowed.
    """
    for stage in document.stages:
        known = STAGES.get(stage.type)
        if known is None:
            continue
        for option, value in stage.options.items():
            check_option(stage.type, stage.label, option, value)
        if stage.type == "filters.python":
            stage_arguments.parsed_arguments(
                str(stage.options.get("function")), stage.label, stage.options.get("pdalargs")
            )
        for option, spec in known.items():
            if spec.is_required and option not in stage.options:
                raise ParameterError(
                    f"{stage.label}: the option '{option}' is missing",
                    f"{stage.label}: オプション '{option}' が必要です。",
                    field=option,
                )
