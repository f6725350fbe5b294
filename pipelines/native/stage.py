"""What a filter is to the embedded executor, and what it may report besides points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pointcloud.cloud import PointCloud

Filter = Callable[[PointCloud], PointCloud]
T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before is being used; they must not hang on that use."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]


@dataclass(slots=True)
class Report:
    """What stages say besides their points, gathered over a run.

    Parameters
    ----------
    metadata
        Stage -> what PDAL's metadata of that stage would hold.
    counts
        Points by what became of them, where a stage loses some for a reason other than its purpose.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, what: str, n: int) -> None:
        """Add ``n`` points to a count; nothing for zero."""
        if n:
            self.counts[what] += n
