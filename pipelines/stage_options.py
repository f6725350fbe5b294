"""The stages that tengun runs itself and their options: types, ranges and defaults, as PDAL documents them.

Source: pdal.io, "Readers", "Writers", "Filters", checked against ``pdal --options`` of PDAL 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pointcloud.errors import ParameterError

Kind = Literal["number", "integer", "flag", "text", "texts", "areas", "scale", "filename", "json"]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a stage.

    Parameters
    ----------
    kind
        ``texts`` is a list of texts, or one text with commas between them; ``areas`` one text or a list, commas
        kept; ``scale`` a number or ``auto``.
    default
        What PDAL takes where the document says nothing; None where it then does without.
    minimum, maximum
        Closed range of a number; with ``is_open`` the minimum itself is outside.
    choices
        Allowed texts.
    is_required
        The stage cannot run without it.
    """

    kind: Kind
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    is_open: bool = False
    choices: tuple[str, ...] = ()
    is_required: bool = False

    @property
    def is_tunable(self) -> bool:
        """Whether a user sets it as a parameter; files are bound by the caller instead."""
        return self.kind not in ("filename", "json")

    def parse(self, value: Any) -> Any:
        """The value in its type; PDAL takes ``"2.5"`` and ``2.5`` alike.

        Raises
        ------
        ValueError
            Saying what is allowed.
        """
        parsed = _PARSERS[self.kind](value)
        if self.kind in ("number", "integer"):
            self._check_range(parsed)
        if self.choices:
            for text in parsed if isinstance(parsed, list) else [parsed]:
                if text not in self.choices:
                    raise ValueError(f"one of {', '.join(self.choices)}")
        return parsed

    def _check_range(self, value: float) -> None:
        below = self.minimum is not None and (value < self.minimum or (self.is_open and value == self.minimum))
        if below or (self.maximum is not None and value > self.maximum):
            low = "" if self.minimum is None else f"{'above' if self.is_open else 'at least'} {self.minimum:g}"
            high = "" if self.maximum is None else f"at most {self.maximum:g}"
            raise ValueError("a number " + " and ".join(t for t in (low, high) if t))


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a finite number")
    return number


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("a whole number")
    return int(number)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("true or false")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else _text(value).split(",")
    texts = [v.strip() if isinstance(v, str) else "" for v in values]
    if not texts or not all(texts):
        raise ValueError("a text, or several as a list")
    return texts


def _areas(value: Any) -> list[str]:
    return [_text(v) for v in value] if isinstance(value, list) and value else [_text(value)]


def _scale(value: Any) -> float | Literal["auto"]:
    if value == "auto":
        return "auto"
    try:
        return _number(value)
    except ValueError:
        raise ValueError("a number or 'auto'") from None


_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "number": _number,
        "integer": _integer,
        "flag": _flag,
        "text": _text,
        "filename": _text,
        "texts": _texts,
        "areas": _areas,
        "scale": _scale,
        "json": lambda value: value,
    }
)


def _length(default: float | None = None, is_required: bool = False) -> Option:
    return Option("number", default, minimum=0.0, is_open=True, is_required=is_required)


def _count(default: int | None, minimum: int = 1) -> Option:
    return Option("integer", default, minimum=minimum)


_FILE = Option("filename", is_required=True)
_CLASS = Option("integer", 7, minimum=0, maximum=255)
_SRS = Option("text")

_LAS_SCALE = {
    f"{what}_{axis}": Option("scale", default) for what, default in (("scale", 0.01), ("offset", 0.0)) for axis in "xyz"
}

STAGES: Final[Mapping[str, Mapping[str, Option]]] = MappingProxyType(
    {
        "readers.las": {
            "filename": _FILE,
            "count": _count(None, 0),
            "override_srs": _SRS,
            "default_srs": _SRS,
            "use_eb_vlr": Option("flag", False),
        },
        "readers.copc": {
            "filename": _FILE,
            "bounds": Option("text"),
            "resolution": _length(),
            "override_srs": _SRS,
            "default_srs": _SRS,
        },
        "filters.crop": {
            "bounds": Option("areas"),
            "polygon": Option("areas"),
            "outside": Option("flag", False),
        },
        "filters.range": {"limits": Option("texts", is_required=True)},
        "filters.expression": {"expression": Option("text", is_required=True)},
        "filters.reprojection": {
            "in_srs": _SRS,
            "out_srs": Option("text", is_required=True),
            "error_on_failure": Option("flag", False),
        },
        "filters.outlier": {
            "method": Option("text", "statistical", choices=("statistical", "radius")),
            "min_k": _count(2, 0),
            "radius": _length(1.0),
            "mean_k": _count(8),
            "multiplier": Option("number", 2.0),
            "class": _CLASS,
        },
        "filters.elm": {"cell": _length(10.0), "class": _CLASS, "threshold": _length(1.0)},
        "filters.assign": {
            "value": Option("areas"),
            "assignment": Option("areas"),
            "condition": Option("text"),
        },
        "filters.merge": {},
        "filters.sample": {"radius": _length(), "cell": _length()},
        "filters.decimation": {
            "step": _count(1),
            "offset": _count(0, 0),
            "limit": _count(None, 0),
        },
        "filters.voxelcenternearestneighbor": {"cell": _length(1.0)},
        "filters.voxelcentroidnearestneighbor": {"cell": _length(1.0)},
        "filters.hag_nn": {
            "count": _count(1),
            "max_distance": Option("number", 0.0, minimum=0.0),
            "allow_extrapolation": Option("flag", True),
        },
        "filters.hag_delaunay": {"count": _count(10, 3), "allow_extrapolation": Option("flag", True)},
        "filters.smrf": {
            "cell": _length(1.0),
            "slope": Option("number", 0.15, minimum=0.0),
            "scalar": Option("number", 1.25, minimum=0.0),
            "threshold": Option("number", 0.5, minimum=0.0),
            "window": _length(18.0),
            "cut": Option("number", 0.0, minimum=0.0),
            "ignore": Option("texts"),
            "returns": Option("texts", ["last", "only"], choices=("first", "last", "intermediate", "only")),
        },
        "filters.stats": {
            "dimensions": Option("texts"),
            "enumerate": Option("texts"),
            "count": Option("texts"),
            "global": Option("texts"),
            "advanced": Option("flag", False),
        },
        "filters.python": {
            "module": Option("text", is_required=True),
            "function": Option("text", is_required=True),
            "script": Option("filename"),
            "add_dimension": Option("texts"),
            "pdalargs": Option("json"),
        },
        "writers.las": {
            "filename": _FILE,
            "compression": Option("text"),
            "minor_version": Option("integer", 4, minimum=1, maximum=4),
            "dataformat_id": Option("integer", 7, minimum=0, maximum=10),
            "extra_dims": Option("texts"),
            "forward": Option("texts"),
            "a_srs": _SRS,
            **_LAS_SCALE,
        },
        "writers.copc": {
            "filename": _FILE,
            "extra_dims": Option("texts"),
            "forward": Option("texts"),
            "a_srs": _SRS,
            **{name: Option("scale", "auto" if name.startswith("offset") else 0.01) for name in _LAS_SCALE},
        },
        "writers.gdal": {
            "filename": _FILE,
            "resolution": _length(is_required=True),
            "radius": _length(),
            "power": Option("number", 1.0, minimum=0.0),
            "output_type": Option("texts", ["all"], choices=("min", "max", "mean", "idw", "count", "stdev", "all")),
            "window_size": _count(0, 0),
            "dimension": Option("text", "Z"),
            "bounds": Option("text"),
            "nodata": Option("number", -9999.0),
            "data_type": Option("text", "double", choices=("double", "float")),
            "gdaldriver": Option("text", "GTiff", choices=("GTiff",)),
            "gdalopts": Option("text"),
            "override_srs": _SRS,
            "default_srs": _SRS,
        },
        "writers.null": {},
    }
)
"""Stage -> option -> what it takes. Stages that stand only here run in the native executor."""

COMMON: Final[Mapping[str, Option]] = MappingProxyType({"user_data": Option("json")})
"""Options of every stage."""


def check_option(stage: str, label: str, option: str, value: Any, also: Iterable[str] = ()) -> None:
    """Check an option's name and value; options of stages that tengun does not know are for PDAL to check.

    Parameters
    ----------
    stage
        PDAL's name of the stage.
    label
        How the message names it.
    also
        Other names that the caller takes, for the message.

    Raises
    ------
    ParameterError
        Naming the stage, the option or value, and what is allowed.
    """
    known = STAGES.get(stage)
    if known is None:
        return
    spec = known.get(option) or COMMON.get(option)
    if spec is None:
        names = sorted({*known, *also})
        allowed = ", ".join(names)
        raise ParameterError(
            f"{label}: no option '{option}'; allowed are {allowed or 'none'}",
            f"{label} にオプション '{option}' はありません。使えるもの: {allowed or 'なし'}",
            field=option,
            candidates=names,
        )
    check_value(spec, label, option, value)


def check_value(spec: Option, label: str, option: str, value: Any) -> None:
    """Check a value against its option.

    Raises
    ------
    ParameterError
        Naming the stage, the value and what is allowed.
    """
    try:
        spec.parse(value)
    except ValueError as error:
        raise ParameterError(
            f"{label}: {option} = {value!r}; expected {error}",
            f"{label}: {option} の値 {value!r} は使えません。許される値: {error}",
            field=option,
            value=value if isinstance(value, str | int | float | bool) else str(value),
        ) from error
