"""What a filter is to the embedded executor, and what it may report besides points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pointcloud.cloud import PointCloud

Filter = Callable[[PointCloud], PointCloud]


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
