"""Numba decorators that every kernel in the project uses, so that their contract stands in one place.

A kernel takes contiguous arrays and scalars, writes into arrays that the caller allocated, releases the
GIL and is cached on disk. ``fastmath`` is off: tiled results must equal untiled ones bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


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
