"""PDAL's expressions, ranges and bounds: read once, then evaluated on whole arrays.

Source: pdal.io, "filters.expression", "filters.assign", "filters.range", "Bounds".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.native.columns import column
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError

Node = Callable[[PointCloud], Any]
"""A compiled expression: its value for every point, as an array or a scalar."""

MAX_DEPTH = 100
"""Brackets in brackets; deeper is an attack on the stack, not a condition."""

_TOKEN: Final = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_][\w/]*)|(&&|\|\||[<>=!]=|[<>!()+\-*/]))"
)

_COMPARISONS: Final = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _refused(text: str, why_en: str, why_ja: str) -> ParameterError:
    return ParameterError(f"expression '{text}': {why_en}", f"式 '{text}': {why_ja}", value=text)


class _Parser:
    """Recursive descent over ``||``, ``&&``, ``!``, comparisons, ``+ -``, ``* /``, sign, brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split(text)
        self.position = 0
        self.depth = 0

    @staticmethod
    def _split(text: str) -> list[str]:
        tokens, position = [], 0
        end = len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise _refused(
                    text, f"'{text[position:].strip()[:10]}' is not understood", "解釈できない記号があります。"
                )
            tokens.append(match.group().strip())
            position = match.end()
        return tokens

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def whole(self, rule: Callable[[], Node]) -> Node:
        node = rule()
        if self.peek():
            raise _refused(self.text, f"'{self.peek()}' is not expected there", f"'{self.peek()}' の位置が不正です。")
        return node

    def either(self) -> Node:
        node = self.both()
        while self.peek() == "||":
            self.take()
            node = _joined(np.logical_or, node, self.both())
        return node

    def both(self) -> Node:
        node = self.comparison()
        while self.peek() == "&&":
            self.take()
            node = _joined(np.logical_and, node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.sum()
        while self.peek() in _COMPARISONS:
            node = _joined(_COMPARISONS[self.take()], node, self.sum())
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.peek() in ("+", "-"):
            node = _joined(operator.add if self.take() == "+" else operator.sub, node, self.product())
        return node

    def product(self) -> Node:
        node = self.single()
        while self.peek() in ("*", "/"):
            node = _joined(operator.mul if self.take() == "*" else _divide, node, self.single())
        return node

    def single(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused(
                self.text[:40], f"more than {MAX_DEPTH} levels deep", f"入れ子が {MAX_DEPTH} 段を超えています。"
            )
        node = self._unary() if self.peek() in ("!", "-") else self._atom()
        self.depth -= 1
        return node

    def _unary(self) -> Node:
        if self.take() == "!":
            inverted = self.single()
            return lambda cloud: np.logical_not(inverted(cloud))
        negated = self.single()
        return lambda cloud: np.negative(negated(cloud))

    def _atom(self) -> Node:
        word = self.take()
        if word == "(":
            node = self.either()
            if self.take() != ")":
                raise _refused(self.text, "a bracket is not closed", "括弧が閉じていません。")
            return node
        if word and (word[0].isdigit() or word[0] == "."):
            number = float(word)
            return lambda cloud: number  # noqa: ARG005
        if word and (word[0].isalpha() or word[0] == "_"):
            return lambda cloud: column(cloud, word).astype(np.float64, copy=False)
        raise _refused(self.text, "a dimension or number is missing", "次元名または数値が足りません。")


def _joined(function: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    return lambda cloud: function(left(cloud), right(cloud))


def _divide(a: Any, b: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(a, b)


def condition(text: str) -> Callable[[PointCloud], NDArray[np.bool_]]:
    """The mask of the points for which a condition such as ``Classification == 2 && Z > 10`` holds.

    Raises
    ------
    ParameterError
        When the text is no expression.
    """
    parser = _Parser(text)
    node = parser.whole(parser.either)
    return lambda cloud: np.broadcast_to(np.asarray(node(cloud), dtype=np.bool_), (len(cloud),))


@dataclass(frozen=True, slots=True)
class Assignment:
    """``Dimension = value [WHERE condition]``."""

    dimension: str
    value: Node
    where: Callable[[PointCloud], NDArray[np.bool_]] | None


def assignment(text: str) -> Assignment:
    """The assignment that a text such as ``Red = Red / 256 WHERE Z > 3`` makes.

    Raises
    ------
    ParameterError
        When the text is no assignment.
    """
    head, *rest = re.split(r"\bWHERE\b", text, maxsplit=1)
    match = re.match(r"\s*([A-Za-z_][\w/]*)\s*=(?!=)(.*)$", head, re.DOTALL)
    if match is None:
        raise _refused(
            text, "expected 'Dimension = value [WHERE condition]'", "'次元 = 値 [WHERE 条件]' の形にしてください。"
        )
    parser = _Parser(match.group(2))
    return Assignment(match.group(1), parser.whole(parser.sum), condition(rest[0]) if rest else None)


@dataclass(frozen=True, slots=True)
class Range:
    """PDAL's ``Dimension![low:high]``: square brackets include the limit, round ones do not, ``!`` inverts."""

    dimension: str
    low: float
    high: float
    has_low: bool
    has_high: bool
    is_inverted: bool

    def holds(self, values: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Mask of the values inside; NaN is outside (and so passes an inverted range, as in PDAL)."""
        v = values.astype(np.float64, copy=False)
        above = v >= self.low if self.has_low else v > self.low
        below = v <= self.high if self.has_high else v < self.high
        inside: NDArray[np.bool_] = above & below
        return ~inside if self.is_inverted else inside


_RANGE: Final = re.compile(
    r"^\s*([A-Za-z_][\w/]*)(!?)([\[(])\s*([^:\s]*)\s*:\s*([^:\s]*?)\s*([\])])\s*(?:=\s*(\S+)\s*)?$"
)


def value_range(text: str) -> tuple[Range, str | None]:
    """The range that a text names and, for PDAL's older assignments ``Dim[a:b]=v``, the text after ``=``.

    Raises
    ------
    ParameterError
        When the text is no range.
    """
    match = _RANGE.match(text)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301
        name, bang, left, low, high, right, value = match.groups()
        limits = (float(low) if low else -np.inf, float(high) if high else np.inf)
    except ValueError:
        raise ParameterError(
            f"range '{text}': expected Dimension[low:high], for example Classification[2:2] or Z![0:)",
            f"範囲 '{text}' は Dimension[下限:上限] の形 (例: Classification[2:2]) で指定してください。",
            value=text,
        ) from None
    return Range(name, *limits, left == "[", right == "]", bang == "!"), value


_BOX: Final = re.compile(r"^\s*\(?\s*\[([^\]]*)\]\s*,\s*\[([^\]]*)\]\s*(?:,\s*\[([^\]]*)\]\s*)?\)?\s*$")


def box(text: str) -> Bounds:
    """The rectangle of ``([xmin, xmax], [ymin, ymax])``; a third interval, of heights, is refused.

    Raises
    ------
    ParameterError
        When the text is no rectangle.
    """
    match = _BOX.match(text)
    try:
        if match is None or match.group(3) is not None:
            raise ValueError  # noqa: TRY301
        (x0, x1), (y0, y1) = ([float(v) for v in part.split(",")] for part in match.groups()[:2])
    except ValueError:
        raise ParameterError(
            f"bounds '{text}': expected ([xmin, xmax], [ymin, ymax])",
            f"範囲 '{text}' は ([xmin, xmax], [ymin, ymax]) の形で指定してください。",
            value=text,
        ) from None
    return Bounds(x0, y0, x1, y1)
