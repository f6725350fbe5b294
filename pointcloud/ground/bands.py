"""Running a kernel over bands of rows or points on the machine's cores."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

SMALL = 20_000
"""Work items below which threads cost more than they give."""
N_THREADS = min(os.cpu_count() or 1, 8)


@cache
def pool() -> ThreadPoolExecutor:
    """The threads of this process, started when first needed; a forked child starts its own."""
    return ThreadPoolExecutor(N_THREADS, thread_name_prefix="ground")


os.register_at_fork(after_in_child=pool.cache_clear)


def run_bands(
    function: Callable[..., None], n: int, *before: Any, after: tuple[Any, ...], size: int | None = None
) -> None:
    """Call ``function(*before, first, last, *after)`` for bands that together cover ``range(n)``.

    The kernels release the GIL and write disjoint parts of their outputs, so the result does not depend on
    the number of threads. ``size`` is the amount of work where it is not ``n``.
    """
    edges = _edges(n, n if size is None else size)
    if len(edges) == 2:
        function(*before, 0, n, *after)
        return
    jobs = [pool().submit(function, *before, a, b, *after) for a, b in itertools.pairwise(edges)]
    for job in jobs:
        job.result()


def run_parts(function: Callable[..., None], n: int, *before: Any, part: Callable[[], T]) -> list[T]:
    """What bands of ``function(*before, first, last, part)`` leave in parts of their own, in the bands' order."""
    edges = _edges(n, n)
    parts = [part() for _ in edges[1:]]
    jobs = [
        pool().submit(function, *before, a, b, one)
        for (a, b), one in zip(itertools.pairwise(edges), parts, strict=True)
    ]
    for job in jobs:
        job.result()
    return parts


def _edges(n: int, size: int) -> list[int]:
    """Where bands begin, and where the last one ends."""
    n_bands = 1 if size < SMALL or n < N_THREADS else N_THREADS
    return [n * k // n_bands for k in range(n_bands + 1)]
