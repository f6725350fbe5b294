"""Processes as OGC API - Processes 1.0 describes them, made from the catalogue."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from api.execution import INLINE
from api.links import EXECUTE_REL, link
from api.schemas import (
    Bilingual,
    InputDescription,
    OutputDescription,
    ProcessDescription,
    ProcessSummary,
    StageDescription,
)
from pipelines.process import DatasetInput, Process
from pipelines.progress import Text

_REFERENCE: Final[dict[str, Any]] = {
    "oneOf": [
        {"type": "string", "description": "id of a dataset"},
        {
            "type": "object",
            "required": ["href"],
            "properties": {"href": {"type": "string", "description": "/datasets/<id>"}},
        },
        {
            "type": "object",
            "required": ["sheet"],
            "description": "datasets of a map sheet 図郭",
            "properties": {name: {"type": "string"} for name in ("sheet", "method", "epoch")},
        },
    ]
}
_INLINE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"type": "object", "contentMediaType": "application/geo+json"}},
}
_OUTPUTS: Final = {
    "summary": OutputDescription(title="Numbers", title_ja="数値結果", json_schema={"type": "object"}),
    "outputs": OutputDescription(
        title="Files",
        title_ja="出力ファイル",
        json_schema={
            "type": "array",
            "items": {
                "type": "object",
                "required": ["href", "type", "path", "size", "sha256"],
                "properties": {
                    "href": {"type": "string", "format": "uri"},
                    "type": {"type": "string"},
                    "path": {"type": "string"},
                    "size": {"type": "integer"},
                    "sha256": {"type": "string"},
                    "expires": {"type": "string", "format": "date-time"},
                },
            },
        },
    ),
}


def summary_of(process: Process[Any], request: Request) -> ProcessSummary:
    """The process in a list."""
    return ProcessSummary(
        id=process.id,
        version=process.version,
        title=process.title.en,
        title_ja=process.title.ja,
        description=process.description.en,
        description_ja=process.description.ja,
        job_control_options=["async-execute", "dismiss"],
        output_transmission=["value"],
        links=[
            link(request, "self", "describe_process", process.title.en, process.title.ja, process_id=process.id),
            link(request, EXECUTE_REL, "execute_process", "Execute", "実行", process_id=process.id),
        ],
    )


def description_of(process: Process[Any], request: Request) -> ProcessDescription:
    """The process with its inputs, outputs and stages."""
    summary = summary_of(process, request).model_dump()
    datasets = {one.name: _dataset_input(one) for one in process.inputs}
    return ProcessDescription(
        **summary,
        inputs={**datasets, **_parameters(process)},
        outputs=_OUTPUTS,
        stages=[StageDescription(id=stage.id, title=bilingual(stage.title)) for stage in process.stages],
    )


def bilingual(text: Text) -> Bilingual:
    """A text of the pipelines as an answer holds it."""
    return Bilingual(en=text.en, ja=text.ja)


def _dataset_input(one: DatasetInput) -> InputDescription:
    schema: dict[str, Any] = {"oneOf": [*_REFERENCE["oneOf"], _INLINE]} if one.kind in INLINE else _REFERENCE
    return InputDescription(
        title=one.title.en,
        title_ja=one.title.ja,
        description=f"{one.kind}: dataset ids from POST /datasets / POST /datasets で得たデータセット id",
        min_occurs=1 if one.required else 0,
        max_occurs="unbounded" if one.many else 1,
        json_schema=schema,
    )


def _parameters(process: Process[Any]) -> dict[str, InputDescription]:
    schema = process.parameters_type.model_json_schema()
    definitions = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    return {
        name: InputDescription(
            title=str(one.get("title", name)),
            description=one.get("description"),
            min_occurs=1 if name in required else 0,
            max_occurs=1,
            json_schema=_inlined(one, definitions),
        )
        for name, one in schema.get("properties", {}).items()
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its references written out, so that each input's schema stands alone."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return _inlined({**target, **rest}, definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items()}
