"""Work done some items ahead, so that decoding, looking at points and encoding overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before is being used; they must not hang on that use."""
    return ahead(items, 1)


def ahead(items: Iterator[T], most: int) -> Iterator[T]:
    """As `one_ahead`, up to ``most`` items ahead: for use that is held up at times."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, items, end) for _ in range(most))
        while (item := coming.popleft().result()) is not end:
            coming.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]
