"""Numba decorators that every kernel in the project uses, so that their contract stands in one place.

A kernel takes contiguous arrays and scalars, writes into arrays that the caller allocated, releases the
GIL and is cached on disk. ``fastmath`` is off: tiled results must equal untiled ones bit for bit.

Numba's cache looks at a kernel's own file only: when a kernel that it calls changes in another file, stale machine
code would run. So the cache lies in a folder named after the content of all kernel files.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

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


def kernel(function: F) -> F:
    """Compile a serial kernel; it may be entered from several threads at once."""
    compiled: F = numba.njit(nogil=True, cache=True)(function)
    return compiled


def parallel_kernel(function: F) -> F:
    """Compile a kernel whose ``prange`` loops use all cores.

    Never enter one from two threads: Numba's workqueue layer aborts the process.
    """
    compiled: F = numba.njit(nogil=True, cache=True, parallel=True)(function)
    return compiled
