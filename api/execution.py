"""An execute request, checked whole before a job is accepted.

The standard puts data and parameters into one object, ``inputs``; here they are told apart, names and
values are checked, and dataset references are looked up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session

from api.access.visible import visible_dataset
from api.access.visitor import Visitor
from api.datasets.names import ACCEPTED
from api.datasets.store import list_datasets
from api.datasets.tiles import Epoch, Method, SheetCode, Tile, wanted_tile
from api.records import DatasetRecord
from api.validation import explain
from pipelines.process import DatasetInput, Parameters, Process
from pointcloud.errors import NotFoundError, ParameterError

INLINE: Final = ("polygons", "lines")
"""Kinds of input that a request may hold itself, as GeoJSON."""

_MAX_TILES: Final = 1000
_MAX_NAMES: Final = 10
_MAX_SHOWN: Final = 100
"""Unknown names that a refusal repeats, and letters of each."""

_DATASET_PATH: Final = re.compile(r"(?:https?://[^/\s]+)?(?:/[^?#\s]*)?/datasets/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants done: dataset ids or tiles, inline data and checked parameters by input name."""

    dataset_ids: Mapping[str, Sequence[str | Tile]]
    inline: Mapping[str, bytes]
    parameters: Parameters
    declared: Mapping[str, DatasetInput] = field(repr=False)


def read_order(process: Process[Any], inputs: Mapping[str, Any]) -> Order:
    """The order that ``inputs`` state.

    Raises
    ------
    ParameterError
        For unknown names, missing inputs, values that are not allowed; all findings of one kind at once.
    """
    _refuse_odd_json(process, inputs)
    declared = {one.name: one for one in process.inputs}
    _refuse_unknown(process, inputs, declared)
    given = {name: value for name, value in inputs.items() if name in declared and value is not None}
    _refuse_missing(process, given, declared)
    inline: dict[str, bytes] = {}
    dataset_ids: dict[str, list[str | Tile]] = {}
    for name, value in given.items():
        if isinstance(value, dict) and "value" in value:
            inline[name] = _inline_geojson(declared[name], value["value"])
        else:
            dataset_ids[name] = _references(declared[name], value)
    return Order(dataset_ids, inline, _parameters(process, inputs, declared), declared)


def look_up(session: Session, order: Order, visitor: Visitor) -> dict[str, list[DatasetRecord]]:
    """The records of the datasets that the order names.

    Raises
    ------
    ParameterError
        When one does not exist for this visitor, holds another kind of data than the input takes, or they are of
        several projects.
    """
    found = {
        name: [one for given in references for one in _found(session, order.declared[name], given, visitor)]
        for name, references in order.dataset_ids.items()
    }
    projects = sorted({dataset.project_id for datasets in found.values() for dataset in datasets})
    if len(projects) > 1:
        raise ParameterError(
            f"inputs: the datasets are of several projects ({', '.join(projects)}); a job takes those of one",
            f"inputs: データセットが複数のプロジェクト ({', '.join(projects)}) に属しています。1 つにしてください。",
            field="inputs",
        )
    return found


def project_of(datasets: Mapping[str, Sequence[DatasetRecord]]) -> str | None:
    """The project that the datasets are of; None where there are none."""
    return next((one.project_id for some in datasets.values() for one in some), None)


def _refuse_odd_json(process: Process[Any], inputs: Mapping[str, Any]) -> None:
    """Refuse what Python's reader passes although no JSON may hold it, and nests that its writer can't write."""
    try:
        json.dumps(inputs, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            f"{process.id}: inputs hold a number that is not finite, text that is not Unicode, or endless brackets; "
            "send plain JSON",
            f"{process.id}: inputs に有限でない数値、不正な文字、または深すぎる入れ子が含まれています。",
            field="inputs",
        ) from error


def _refuse_unknown(process: Process[Any], inputs: Mapping[str, Any], declared: Mapping[str, DatasetInput]) -> None:
    allowed = [*declared, *process.parameters_type.model_fields]
    unknown = [name[:_MAX_SHOWN] for name in islice((name for name in inputs if name not in allowed), _MAX_NAMES)]
    if unknown:
        raise ParameterError(
            f"{process.id}: unknown inputs {', '.join(unknown)}; allowed are {', '.join(allowed)}",
            f"{process.id}: 入力 {', '.join(unknown)} は使えません。使えるもの: {', '.join(allowed)}",
            field=unknown[0],
            allowed=allowed,
        )


def _refuse_missing(process: Process[Any], given: Mapping[str, Any], declared: Mapping[str, DatasetInput]) -> None:
    missing = [one for one in declared.values() if one.required and one.name not in given]
    if missing:
        names = ", ".join(one.name for one in missing)
        titles = "、".join(one.title.ja for one in missing)
        raise ParameterError(
            f"{process.id}: inputs {names} are missing; upload files with POST /datasets and send their ids",
            f"{process.id}: 入力 {names} ({titles}) がありません。"
            "POST /datasets でファイルを登録し、id を指定してください。",
            field=missing[0].name,
        )


def _references(declared: DatasetInput, value: Any) -> list[str | Tile]:
    """Dataset ids of one input: a single reference, or a list of them where the input takes many."""
    values = value if isinstance(value, list) else [value]
    ids = [_reference(declared, one) for one in values]
    if not ids or (len(ids) > 1 and not declared.many):
        raise _bad_reference(declared, f"{len(ids)} datasets", f"{len(ids)} 件のデータセット")
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise _bad_reference(declared, f"{twice} twice", f"{twice} の重複")
    return ids


def _reference(declared: DatasetInput, value: Any) -> str | Tile:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "sheet" in value:
        return _tile(declared, value)
    if isinstance(value, dict) and isinstance(value.get("href"), str):
        match = _DATASET_PATH.fullmatch(value["href"])
        if match:
            return match[1]
    shown = json.dumps(value, ensure_ascii=False)[:100]
    raise _bad_reference(declared, shown, shown)


class _TileReference(BaseModel):
    """Datasets by the map sheet that they are of."""

    model_config = ConfigDict(extra="forbid")

    sheet: SheetCode
    method: Method | None = None
    epoch: Epoch | None = None


def _tile(declared: DatasetInput, value: dict[str, Any]) -> Tile:
    try:
        given = _TileReference.model_validate(value)
    except ValidationError as error:
        problem = explain(error.errors(include_url=False), f"input {declared.name}")
        raise ParameterError(problem.en, problem.ja, **problem.details) from error
    return wanted_tile(given.sheet, given.method, given.epoch)


def _bad_reference(declared: DatasetInput, en: str, ja: str) -> ParameterError:
    many_en = ", or a list of these" if declared.many else ""
    many_ja = "、またはその配列" if declared.many else ""
    inline_en, inline_ja = (
        (', or {"value": GeoJSON}', '、または {"value": GeoJSON}') if declared.kind in INLINE else ("", "")
    )
    return ParameterError(
        f'input {declared.name}: got {en}; expected a dataset id, {{"href": "/datasets/<id>"}} or '
        f'{{"sheet": "08ND77"}}{many_en}{inline_en}',
        f'入力 {declared.name}: {ja} は指定できません。データセットの id、{{"href": "/datasets/<id>"}} か '
        f'{{"sheet": "08ND77"}}{many_ja}{inline_ja}を指定してください。',
        field=declared.name,
    )


def _inline_geojson(declared: DatasetInput, value: Any) -> bytes:
    if declared.kind not in INLINE or not isinstance(value, dict):
        raise _bad_reference(declared, "an inline value", "埋め込みデータ")
    return json.dumps(value, ensure_ascii=False).encode()


def _parameters(process: Process[Any], inputs: Mapping[str, Any], declared: Mapping[str, DatasetInput]) -> Parameters:
    values = {name: _unqualified(value) for name, value in inputs.items() if name not in declared}
    try:
        parameters: Parameters = process.parameters_type.model_validate(values)
    except ValidationError as error:
        problem = explain(error.errors(include_url=False), process.id)
        raise ParameterError(problem.en, problem.ja, **problem.details) from error
    return parameters


def _unqualified(value: Any) -> Any:
    """The standard lets every value be wrapped as ``{"value": ...}``."""
    return value["value"] if isinstance(value, dict) and set(value) <= {"value", "mediaType"} and value else value


def _found(session: Session, declared: DatasetInput, given: str | Tile, visitor: Visitor) -> Sequence[DatasetRecord]:
    if isinstance(given, str):
        return [_dataset(session, declared, given, visitor)]
    seen = list_datasets(session, _MAX_TILES, 0, visitor.seen_projects(None), given)
    found = [one for one in seen if one.kind in _accepted(declared)]
    kinds = sorted({str(Tile(None, one.method, one.epoch)) for one in found})
    n_sheets = len({one.sheet for one in found})
    if len(kinds) == 1 and n_sheets == len(found) and (len(found) == 1 or declared.many):
        return sorted(found, key=lambda one: one.sheet or "")
    listed = "".join(f"; {one.id} ({one.name}, {Tile(one.sheet, one.method, one.epoch)})" for one in found[:_MAX_NAMES])
    raise ParameterError(
        f"input {declared.name}: {len(found)} datasets of {n_sheets} sheets fit '{given}'; expected one for each "
        f"sheet, all of one method and epoch; state these, or name datasets by id{listed}",
        f"入力 {declared.name}:「{given}」のデータセットは {len(found)} 件 ({n_sheets} 図郭) です。図郭ごとに 1 件、"
        f"手法・時期が同じでなければなりません。method と epoch、または id を指定してください{listed}",
        field=declared.name,
        candidates=[one.id for one in found[:_MAX_NAMES]],
    )


def _accepted(declared: DatasetInput) -> set[str]:
    """Kinds of datasets that an input takes."""
    return {kind for one in (declared.kind, *declared.also) for kind in ACCEPTED[one]}


def _dataset(session: Session, declared: DatasetInput, dataset_id: str, visitor: Visitor) -> DatasetRecord:
    try:
        dataset = visible_dataset(session, dataset_id, visitor)
    except NotFoundError as error:
        raise ParameterError(
            f"input {declared.name}: {error.en}", f"入力 {declared.name}: {error.ja}", field=declared.name
        ) from error
    if dataset.kind not in _accepted(declared):
        raise ParameterError(
            f"input {declared.name}: dataset {dataset_id} ({dataset.name}) holds {dataset.kind}; "
            f"expected {declared.kind}",
            f"入力 {declared.name}: データセット {dataset_id} ({dataset.name}) の種類は {dataset.kind} です。"
            f"{declared.kind} を指定してください。",
            field=declared.name,
            value=dataset_id,
        )
    return dataset
