"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real surveys beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real surveys are not beside the project (../shared/data)")
    return SHARED_DATA
