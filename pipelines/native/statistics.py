"""``filters.stats``: what the values of each dimension are, into the metadata; points pass unchanged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.native.columns import COORDINATES, column
from pipelines.native.stage import Filter, Report
from pointcloud.cloud import PointCloud


@dataclass(slots=True)
class Moments:
    """Count, mean and central sums of the values seen so far, and their extremes.

    References
    ----------
    Pébay (2008), Sandia Report SAND2008-6212, eq. 2.1-2.2 (merging of central moments).
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    values: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, v: NDArray[np.float64], keeps_values: bool) -> None:
        """Merge more values in."""
        if v.size == 0:
            return
        mean = float(v.mean())
        d = v - mean
        n, m2, m3, m4 = v.size, float((d**2).sum()), float((d**3).sum()), float((d**4).sum())
        total, delta = self.n + n, mean - self.mean
        r = delta / total
        self.m4 += m4 + delta * r**3 * self.n * n * (self.n**2 - self.n * n + n**2)
        self.m4 += 6.0 * r * r * (self.n**2 * m2 + n**2 * self.m2) + 4.0 * r * (self.n * m3 - n * self.m3)
        self.m3 += m3 + delta * r**2 * self.n * n * (self.n - n) + 3.0 * r * (self.n * m2 - n * self.m2)
        self.m2 += m2 + delta * r * self.n * n
        self.mean += n * r
        self.n = total
        self.low, self.high = min(self.low, float(v.min())), max(self.high, float(v.max()))
        if keeps_values:
            self.values.append(v)

    def summary(self, is_advanced: bool) -> dict[str, Any]:
        """PDAL's names; variance, skewness and excess kurtosis are those of a sample, as PDAL's are."""
        out: dict[str, Any] = {"count": self.n, "minimum": self.low, "maximum": self.high, "average": self.mean}
        if self.n > 1:
            variance = self.m2 / (self.n - 1)
            out |= {"variance": variance, "stddev": math.sqrt(variance)}
        if is_advanced and self.m2 > 0 and self.n > 3:
            n = self.n
            out["skewness"] = math.sqrt(n * (n - 1.0)) / (n - 2.0) * math.sqrt(n) * self.m3 / self.m2**1.5
            excess = n * self.m4 / self.m2**2 - 3.0
            out["kurtosis"] = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0)
        return out


def stats(options: Mapping[str, Any], report: Report) -> Filter:
    """``filters.stats``: statistics of the dimensions named, all where none is."""
    moments: dict[str, Moments] = {}
    kept = {name for key in ("enumerate", "count", "global") for name in options[key] or []}

    def run(cloud: PointCloud) -> PointCloud:
        for name in options["dimensions"] or [*COORDINATES, *cloud.attributes]:
            values = column(cloud, name).astype(np.float64)
            moments.setdefault(name, Moments()).add(values, name in kept)
        report.metadata["filters.stats"] = {
            "statistic": [
                {"name": n, "position": i, **m.summary(options["advanced"]), **_listed(n, m, options)}
                for i, (n, m) in enumerate(moments.items())
                if m.n
            ]
        }
        return cloud

    return run


def _listed(name: str, moments: Moments, options: Mapping[str, Any]) -> dict[str, Any]:
    if not moments.values:
        return {}
    values = np.concatenate(moments.values)
    out: dict[str, Any] = {}
    if name in (options["global"] or []):
        middle = values.size // 2
        out["median"] = float(np.partition(values, middle)[middle])
        out["mad"] = float(np.partition(np.abs(values - out["median"]), middle)[middle])
    distinct, counts = np.unique(values, return_counts=True)
    if name in (options["enumerate"] or []):
        out["values"] = distinct.tolist()
    if name in (options["count"] or []):
        out["counts"] = [f"{v:.6f}/{n}" for v, n in zip(distinct, counts, strict=True)]
    return out
