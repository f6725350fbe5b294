"""An execute request, checked whole before a job is accepted.

The standard puts data and parameters into one object, ``inputs``; here they are told apart, names and
values are checked, and dataset references are looked up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.access.visible import visible_dataset
from api.access.visitor import Visitor
from api.datasets.names import ACCEPTED
from api.records import DatasetRecord
from api.validation import explain
from pipelines.process import DatasetInput, Parameters, Process
from pointcloud.errors import NotFoundError, ParameterError

INLINE: Final = ("polygons", "lines")
"""Kinds of input that a request may hold itself, as GeoJSON."""

_DATASET_PATH: Final = re.compile(r"(?:https?://[^/\s]+)?(?:/[^?#\s]*)?/datasets/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants done: dataset ids, inline data and checked parameters by input name."""

    dataset_ids: Mapping[str, Sequence[str]]
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
    dataset_ids: dict[str, list[str]] = {}
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
        name: [_dataset(session, order.declared[name], dataset_id, visitor) for dataset_id in ids]
        for name, ids in order.dataset_ids.items()
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
    unknown = [name for name in inputs if name not in allowed]
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


def _references(declared: DatasetInput, value: Any) -> list[str]:
    """Dataset ids of one input: a single reference, or a list of them where the input takes many."""
    values = value if isinstance(value, list) else [value]
    ids = [_reference(declared, one) for one in values]
    if not ids or (len(ids) > 1 and not declared.many):
        raise _bad_reference(declared, f"{len(ids)} datasets", f"{len(ids)} 件のデータセット")
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise _bad_reference(declared, f"{twice[0]} twice", f"{twice[0]} の重複")
    return ids


def _reference(declared: DatasetInput, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("href"), str):
        match = _DATASET_PATH.fullmatch(value["href"])
        if match:
            return match[1]
    shown = json.dumps(value, ensure_ascii=False)[:100]
    raise _bad_reference(declared, shown, shown)


def _bad_reference(declared: DatasetInput, en: str, ja: str) -> ParameterError:
    many_en = ", or a list of these" if declared.many else ""
    many_ja = "、またはその配列" if declared.many else ""
    inline_en, inline_ja = (
        (', or {"value": GeoJSON}', '、または {"value": GeoJSON}') if declared.kind in INLINE else ("", "")
    )
    return ParameterError(
        f'input {declared.name}: got {en}; expected a dataset id, or {{"href": "/datasets/<id>"}}{many_en}{inline_en}',
        f'入力 {declared.name}: {ja} は指定できません。データセットの id か {{"href": "/datasets/<id>"}}'
        f"{many_ja}{inline_ja}を指定してください。",
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


def _dataset(session: Session, declared: DatasetInput, dataset_id: str, visitor: Visitor) -> DatasetRecord:
    try:
        dataset = visible_dataset(session, dataset_id, visitor)
    except NotFoundError as error:
        raise ParameterError(
            f"input {declared.name}: {error.en}", f"入力 {declared.name}: {error.ja}", field=declared.name
        ) from error
    if dataset.kind not in ACCEPTED[declared.kind]:
        raise ParameterError(
            f"input {declared.name}: dataset {dataset_id} ({dataset.name}) holds {dataset.kind}; "
            f"expected {declared.kind}",
            f"入力 {declared.name}: データセット {dataset_id} ({dataset.name}) の種類は {dataset.kind} です。"
            f"{declared.kind} を指定してください。",
            field=declared.name,
            value=dataset_id,
        )
    return dataset
