"""Words and figures of a volume's papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointcloud.drawing.report import Language
from pointcloud.sections.rounding import half_up


@dataclass(frozen=True, slots=True)
class Words:
    """Of an English and a Japanese text gives the one that is asked for."""

    language: Language

    def __call__(self, en: str, ja: str) -> str:
        """The text in the language."""
        return ja if self.language == "ja" else en


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a report: its file, its caption in English and Japanese, and its height over its width."""

    file: str
    en: str
    ja: str
    ratio: float = 1.0


def number(value: float | None, digits: int) -> str:
    """A number rounded half up, with separators of thousands; ``-`` where there is none."""
    return "-" if value is None else f"{half_up(value, digits):,}"


def whole_volumes(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """Cut, fill and net of a headline to 1 m3; the net is the difference of the two as they are rounded."""
    cut, fill = (half_up(row[f"{kind}_m3"], 0) for kind in ("cut", "fill"))
    return {"cut": cut, "fill": fill, "net": fill - cut}


def printed_volumes(row: Mapping[str, Any]) -> dict[str, str]:
    """`whole_volumes` as text, the net with its sign."""
    return {kind: f"{volume:{'+' if kind == 'net' else ''},}" for kind, volume in whole_volumes(row).items()}


def with_half_width(printed: str, interval: Sequence[float] | None) -> str:
    """A printed volume with half the width of its interval, to 1 m3."""
    return printed if interval is None else f"{printed}\n± {number((interval[1] - interval[0]) / 2.0, 0)}"
