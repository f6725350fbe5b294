"""pydantic's findings in both languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.problems import Problem, plain

_JA: Final[Mapping[str, str]] = {
    "missing": "必須です",
    "extra_forbidden": "この名前は使えません",
    "greater_than": "{gt} より大きい値にしてください",
    "greater_than_equal": "{ge} 以上にしてください",
    "less_than": "{lt} より小さい値にしてください",
    "less_than_equal": "{le} 以下にしてください",
    "multiple_of": "{multiple_of} の倍数にしてください",
    "finite_number": "有限の数にしてください",
    "float_type": "数値にしてください",
    "float_parsing": "数値として読み取れません",
    "int_type": "整数にしてください",
    "int_parsing": "整数として読み取れません",
    "int_from_float": "整数にしてください",
    "bool_type": "true か false にしてください",
    "bool_parsing": "true か false にしてください",
    "string_type": "文字列にしてください",
    "string_too_short": "{min_length} 文字以上にしてください",
    "string_too_long": "{max_length} 文字以下にしてください",
    "string_pattern_mismatch": "形式が {pattern} に合いません",
    "literal_error": "{expected} のいずれかにしてください",
    "enum": "{expected} のいずれかにしてください",
    "list_type": "配列にしてください",
    "tuple_type": "配列にしてください",
    "dict_type": "オブジェクト ({{...}}) にしてください",
    "model_type": "オブジェクト ({{...}}) にしてください",
    "model_attributes_type": "オブジェクト ({{...}}) にしてください",
    "too_short": "{min_length} 個以上にしてください",
    "too_long": "{max_length} 個以下にしてください",
    "none_required": "null にしてください",
    "json_invalid": "JSON として読み取れません",
}
"""pydantic's type of finding -> Japanese, with the values that pydantic gives."""

_NOT_JSON: Final = {
    "en": "; send a JSON object with Content-Type: application/json",
    "ja": "。Content-Type: application/json で JSON オブジェクトを送ってください",
}
_ANYTHING_ELSE: Final = "値が不正です ({msg})"
_MAX_SHOWN: Final = 200


def explain(errors: Sequence[Mapping[str, Any]], subject: str) -> Problem:
    """One problem of all findings: field, offending value, what is allowed.

    Parameters
    ----------
    errors
        What ``ValidationError.errors()`` gives.
    subject
        What was checked, for the message: a process id, or "request".
    """
    findings = [_finding(error) for error in errors]
    en = "; ".join(f"{f['field']}: {f['en']}" + _given(f, "got {}") for f in findings)
    ja = "、".join(f"{f['field']}: {f['ja']}" + _given(f, "指定値 {}") for f in findings)
    return Problem("parameter", f"{subject}: {en}", f"{subject}: {ja}", {"errors": findings})


def _finding(error: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(error["type"])
    context = {str(name): plain(value) for name, value in dict(error.get("ctx") or {}).items()}
    template = _JA.get(kind, _ANYTHING_ELSE)
    finding = {
        "field": ".".join(str(part) for part in error["loc"]) or "body",
        "type": kind,
        "en": str(error["msg"]),
        "ja": template.format_map(_Forgiving({**context, "msg": error["msg"]})),
    }
    if kind == "model_attributes_type" and finding["field"] == "body":
        finding["en"] += _NOT_JSON["en"]
        finding["ja"] += _NOT_JSON["ja"]
    if kind not in ("missing", "extra_forbidden", "json_invalid"):
        finding["value"] = _shown(error.get("input"))
    return finding


def _given(finding: Mapping[str, Any], template: str) -> str:
    return f" ({template.format(finding['value'])})" if "value" in finding else ""


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = value[:_MAX_SHOWN]  # more would not be seen
    text = json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


class _Forgiving(dict[str, Any]):
    """A template whose value pydantic did not give shows an ellipsis rather than failing."""

    def __missing__(self, key: str) -> str:
        return "…"
