"""Running a kernel over bands of rows or points on the machine's cores."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SMALL = 20_000
"""Work items below which threads cost more than they give."""


def run_bands(
    function: Callable[..., None], n: int, *before: Any, after: tuple[Any, ...], size: int | None = None
) -> None:
    """Call ``function(*before, first, last, *after)`` for bands that together cover ``range(n)``.

    The kernels release the GIL and write disjoint parts of their outputs, so the result does not depend on
    the number of threads. ``size`` is the amount of work where it is not ``n``.
    """
    n_threads = min(os.cpu_count() or 1, 8)
    if n_threads == 1 or (n if size is None else size) < SMALL or n < n_threads:
        function(*before, 0, n, *after)
        return
    edges = [n * k // n_threads for k in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        for done in [pool.submit(function, *before, a, b, *after) for a, b in itertools.pairwise(edges)]:
            done.result()
