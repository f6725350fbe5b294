"""The JSON of OGC API - Processes 1.0 (OGC 18-062r2), written as JSON Schema from the text of the standard.

Members that the standard does not name are allowed, as it allows them. Where its ``oneOf`` would refuse an integer,
which is a number, too, ``anyOf`` stands.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

TEXT = {"type": "string"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}


def record(required: str = "", **members: Any) -> dict[str, Any]:
    """An object with those members, of which the ones in ``required`` must be there."""
    return {"type": "object", "required": required.split(), "properties": members}


def many(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


LINK = record("href", href=TEXT, rel=TEXT, type=TEXT, hreflang=TEXT, title=TEXT)
LANDING_PAGE = record("links", title=TEXT, description=TEXT, links=many(LINK))
CONFORMANCE = record("conformsTo", conformsTo=many(TEXT))
EXCEPTION = record("type", type=TEXT, title=TEXT, status={"type": "integer"}, detail=TEXT, instance=TEXT)

METADATA = record(title=TEXT, role=TEXT, href=TEXT)
DESCRIPTION = {"title": TEXT, "description": TEXT, "keywords": many(TEXT), "metadata": many(METADATA)}
CONTROL = {"enum": ["sync-execute", "async-execute", "dismiss"]}
TRANSMISSION = {"enum": ["value", "reference"]}
SUMMARY = {
    **DESCRIPTION,
    "id": TEXT,
    "version": TEXT,
    "jobControlOptions": many(CONTROL),
    "outputTransmission": many(TRANSMISSION),
    "links": many(LINK),
}
PROCESS_SUMMARY = record("id version", **SUMMARY)
PROCESS_LIST = record("processes links", processes=many(PROCESS_SUMMARY), links=many(LINK))

SCHEMA = {"type": ["object", "boolean"], "properties": {"$schema": False}}
INPUT = record(
    "schema",
    **DESCRIPTION,
    minOccurs={"type": "integer", "minimum": 0},
    maxOccurs={"anyOf": [{"type": "integer"}, {"const": "unbounded"}]},
    schema=SCHEMA,
)
OUTPUT = record("schema", **DESCRIPTION, schema=SCHEMA)
PROCESS = record(
    "id version",
    **SUMMARY,
    inputs={"type": "object", "additionalProperties": INPUT},
    outputs={"type": "object", "additionalProperties": OUTPUT},
)

STATUS_INFO = record(
    "jobID status type",
    processID=TEXT,
    type={"const": "process"},
    jobID=TEXT,
    status={"enum": ["accepted", "running", "successful", "failed", "dismissed"]},
    message=TEXT,
    created=MOMENT,
    started=MOMENT,
    finished=MOMENT,
    updated=MOMENT,
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    links=many(LINK),
)
JOB_LIST = record("jobs links", jobs=many(STATUS_INFO), links=many(LINK))

QUALIFIED = record("value", value={"type": ["object", "string", "number", "boolean", "array"]}, mediaType=TEXT)
NO_OBJECT = {"type": ["string", "number", "integer", "boolean", "array"]}
RESULTS = {"type": "object", "additionalProperties": {"anyOf": [NO_OBJECT, QUALIFIED, LINK]}}


def check(content: Any, schema: dict[str, Any]) -> None:
    """Fail where ``content`` is not as the standard wants it."""
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(content)
