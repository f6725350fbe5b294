"""What tengun's functions behind ``filters.python`` take in ``pdalargs``: set and checked like any option."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pipelines.stage_options import Option, check_value
from pointcloud.errors import ParameterError

_LENGTH: Final = Option("number", minimum=0.0, is_open=True)

ARGUMENTS: Final[Mapping[str, Mapping[str, Option]]] = MappingProxyType(
    {
        "ground": {
            "method": Option("text", "auto", choices=("auto", "smrf")),
            "cell": _LENGTH,
            "window": _LENGTH,
            "slope": _LENGTH,
            "threshold": _LENGTH,
            "scalar": _LENGTH,
        },
        "change": {},
    }
)
"""Function -> argument -> what it takes; a default of None follows from the data."""


def of_stage(type_: str, options: Mapping[str, Any]) -> Mapping[str, Option]:
    """The arguments that a stage's function takes; none for a stage that has no function of tengun's."""
    return ARGUMENTS.get(str(options.get("function")), {}) if type_ == "filters.python" else {}


def arguments(pdalargs: Any) -> dict[str, Any]:
    """The ``pdalargs`` of a stage, which PDAL takes as a text of JSON or as an object.

    Raises
    ------
    ParameterError
        When they are no JSON object.
    """
    try:
        parsed = json.loads(pdalargs) if isinstance(pdalargs, str) else (pdalargs or {})
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ParameterError(
            f"filters.python: pdalargs {pdalargs!r} is no JSON object",
            f"filters.python: pdalargs {pdalargs!r} は JSON オブジェクトではありません。",
            field="pdalargs",
        )
    return parsed


def parsed_arguments(function: str, label: str, pdalargs: Any) -> dict[str, Any]:
    """The arguments of a function in their types.

    Parameters
    ----------
    function
        Name in `ARGUMENTS`.
    label
        How messages name the stage.

    Raises
    ------
    ParameterError
        For an unknown argument, or a value that it does not take.
    """
    known = ARGUMENTS.get(function, {})
    given = arguments(pdalargs)
    for name, value in given.items():
        if name not in known:
            raise ParameterError(
                f"{label}: {function} takes no argument '{name}'; allowed are {', '.join(known) or 'none'}",
                f"{label}: {function} に引数 '{name}' はありません。使えるもの: {', '.join(known) or 'なし'}",
                field=name,
                candidates=list(known),
            )
        check_value(known[name], label, name, value)
    return {name: known[name].parse(value) for name, value in given.items()}
