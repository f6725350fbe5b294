"""Numba decorators that every kernel in the project uses, so that their contract stands in one place.

A kernel takes contiguous arrays and scalars, writes into arrays that the caller allocated, releases the
GIL and is cached on disk. ``fastmath`` is off: tiled results must equal untiled ones bit for bit.

Numba's cache looks at a kernel's own file only: when a kernel that it calls changes in another file, stale machine
code would run. So the cache lies in a folder named after the content of all kernel files. One process writes there
at a time: two that compile a kernel for different types at the same moment would name their files alike, and a third
would run the code of one for the types of the other.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

try:
    import fcntl
except ImportError:  # Windows, where nobody runs several workers
    fcntl = None  # type: ignore[assignment]

F = TypeVar("F", bound=Callable[..., Any])


def _cache_folder() -> Path:
    """``NUMBA_CACHE_DIR``, else the user's cache folder, and below it one folder for each state of the kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*kernels.py")):
        digest.update(path.read_bytes())
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(chosen) if chosen else _user_cache() / "tengun" / "numba") / digest.hexdigest()[:16]


def _user_cache() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a service account without a home
        return Path(tempfile.gettempdir())


numba.config.CACHE_DIR = str(_cache_folder())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into a folder of the cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a kernel, written by one process at a time."""

    def save_overload(self, sig: Any, data: Any) -> None:
        with _alone(Path(self.cache_path)):
            super().save_overload(sig, data)


def _cached(compiled: Any, function: F) -> F:
    compiled._cache = _Cache(function)
    result: F = compiled
    return result


def kernel(function: F) -> F:
    """Compile a serial kernel; it may be entered from several threads at once."""
    return _cached(numba.njit(nogil=True)(function), function)


def parallel_kernel(function: F) -> F:
    """Compile a kernel whose ``prange`` loops use all cores.

    Never enter one from two threads: Numba's workqueue layer aborts the process.
    """
    return _cached(numba.njit(nogil=True, parallel=True)(function), function)
