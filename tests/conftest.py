"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "build" / "numba"))  # what one process compiled, all others load
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # two hundred processes start; each would read the sources anew


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files go first, so that none begins when the other processes are nearly done."""
    seconds: Counter[Path] = Counter()
    counted: set[int] = set()
    for item in items:
        for mark in item.iter_markers("slow"):  # a file's own mark comes with each of its tests
            if id(mark) not in counted:
                counted.add(id(mark))
                seconds[item.path] += mark.args[0]
    items.sort(key=lambda item: -seconds[item.path])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real surveys beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real surveys are not beside the project (../shared/data)")
    return SHARED_DATA
