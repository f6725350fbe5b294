"""The 95 % intervals hold on a few of the benchmark's pairs. About 8 seconds of one core."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.bench.coverage import coverage, outcomes


@pytest.mark.slow(20)
def test_intervals_hold():
    shares, ratios = coverage(outcomes(10, first_seed=1000))
    mean = float(np.mean(list(shares.values())))
    # 10 pairs x 8 quantities, of which about half are independent of each other: 3.4 % standard error
    assert 0.85 <= mean <= 1.0
    assert min(shares.values()) >= 0.7
    # no quantity is off on one side: errors over half widths average to 0 +- 0.16
    assert max(abs(r) for r in ratios.values()) < 0.5
