"""Progress of a run: stages with weights, one percentage that never goes back, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointcloud.errors import CancelledError, ParameterError


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a user sees, in both languages."""

    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of a run that a user can name; ``weight`` is its share of the usual run time."""

    id: str
    title: Text
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """What an observer is told: the stage, how far it is (0-1), and how far the whole run is (0-100)."""

    stage: Stage
    fraction: float
    percent: float
    message: str = ""


Observer = Callable[[ProgressEvent], None]


def ignore(_: ProgressEvent) -> None:
    """The observer of a run that nobody watches."""


class Progress:
    """Turns "stage s is half done" into events for an observer.

    Parameters
    ----------
    stages
        In the order in which they run.
    observer
        Called with each event, in the thread of the run.
    is_cancelled
        Asked at each step; True ends the run with `CancelledError`.
    """

    def __init__(
        self, stages: Sequence[Stage], observer: Observer = ignore, is_cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        self._stages = {s.id: s for s in stages}
        self._order = [s.id for s in stages]
        self._total = sum(s.weight for s in stages) or 1.0
        self._observer = observer
        self._is_cancelled = is_cancelled
        self._percent = 0.0

    def at(self, stage: str, fraction: float = 0.0, message: str = "") -> None:
        """Report that ``stage`` is done to ``fraction`` (0-1) and stop the run if the user wants it to stop.

        Raises
        ------
        CancelledError
            When the run was cancelled.
        ParameterError
            When the process has no such stage.
        """
        if self._is_cancelled():
            raise CancelledError("stopped at the user's wish", "利用者の指示により中止しました。")
        if stage not in self._stages:
            raise ParameterError(
                f"progress: no stage '{stage}'; the process has {self._order}",
                f"工程 '{stage}' は定義されていません。",
                value=stage,
            )
        done = sum(self._stages[s].weight for s in self._order[: self._order.index(stage)])
        fraction = min(max(fraction, 0.0), 1.0)
        percent = 100.0 * (done + fraction * self._stages[stage].weight) / self._total
        self._percent = max(self._percent, percent)
        self._observer(ProgressEvent(self._stages[stage], fraction, self._percent, message))

    def within(self, stage: str, start: float = 0.0, end: float = 1.0) -> Callable[[float], None]:
        """A function of a fraction (0-1) that reports the part ``start``-``end`` of ``stage``."""
        return lambda fraction: self.at(stage, start + fraction * (end - start))
