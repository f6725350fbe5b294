"""Surveys by their dates; without the numbers, so that parameters are checked before those are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Protocol, TypeVar

from pointcloud.errors import ParameterError


class Dated(Protocol):
    """Anything with a name and a date of survey."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def surveyed(self) -> date:
        """When it was surveyed."""


E = TypeVar("E", bound=Dated)


def in_order(epochs: Sequence[E]) -> tuple[E, ...]:
    """The epochs by date.

    Raises
    ------
    ParameterError
        For fewer than two epochs, or two of one date or name.
    """
    if len(epochs) < 2:
        raise ParameterError(
            f"epochs: {len(epochs)} survey given; expected at least two",
            f"時期が {len(epochs)} 件です。2 件以上の測量を指定してください。",
            value=len(epochs),
        )
    ordered = tuple(sorted(epochs, key=lambda e: e.surveyed))
    for one, other in pairwise(ordered):
        if one.surveyed == other.surveyed:
            raise ParameterError(
                f"epochs: {one.name} and {other.name} are both of {one.surveyed}; each survey needs its own date",
                f"{one.name} と {other.name} の測量日がともに {one.surveyed} です。別の日付を指定してください。",
                value=str(one.surveyed),
            )
    if len({e.name for e in ordered}) < len(ordered):
        raise ParameterError(
            f"epochs: two surveys share a name ({', '.join(e.name for e in ordered)}); each needs its own",
            f"同じ名前の測量があります ({', '.join(e.name for e in ordered)})。別の名前を付けてください。",
            value=[e.name for e in ordered],
        )
    return ordered
