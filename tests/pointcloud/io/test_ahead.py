"""Items made ahead of their use."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from pointcloud.io.ahead import ahead, one_ahead


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_items_come_in_their_order(most: int, n: int) -> None:
    assert list(ahead(iter(range(n)), most)) == list(range(n))


def test_as_many_are_made_ahead_as_asked_for() -> None:
    made = [Event() for _ in range(6)]

    def items() -> Iterator[int]:
        for i, event in enumerate(made):
            event.set()
            yield i

    coming = ahead(items(), 3)
    assert next(coming) == 0
    assert made[3].wait(5.0)
    assert not made[4].is_set()
    coming.close()


def test_an_error_comes_where_it_happened() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    coming = one_ahead(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="two"):
        next(coming)
