"""Numba decorators that every kernel in the project uses, so that their contract stands in one place.

A kernel takes contiguous arrays and scalars, writes into arrays that the caller allocated, releases the
GIL and is cached on disk. ``fastmath`` is off: tiled results must equal untiled ones bit for bit. A division by zero
gives inf or NaN, as in NumPy: a test for zero at each division would keep loops out of the vector registers.
A kernel copies rows in a loop: for ``a[i] = b[j]`` Numba compiles the text of an error about shapes, which takes 4 s.

Numba's cache looks at a kernel's own file only: when a kernel that it calls changes in another file, stale machine
code would run. So the cache lies in a folder named after the content of all kernel files. One process at a time loads
or compiles a kernel: two that start together share the work, and two that compile a kernel for different types would
name their files alike, so that a third would run the code of one for the types of the other.
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
from numba.core.compiler_lock import global_compiler_lock

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
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds a file; a process that dies lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _cached(compiled: Any, function: F) -> F:
    """Cache a kernel; while one process compiles it, others wait and then load what that one made."""
    cache = compiled._cache = FunctionCache(function)
    lock = Path(cache.cache_path) / f"{cache._impl.filename_base}.lock"
    load_or_compile = compiled.compile

    def alone(types: Any) -> Any:
        # Numba's lock first, as between the threads of a process: else two threads could wait for each other
        with global_compiler_lock, _locked(lock):
            return load_or_compile(types)

    compiled.compile = alone
    result: F = compiled
    return result


def kernel(function: F) -> F:
    """Compile a serial kernel; it may be entered from several threads at once.

    No wrapper for callers in C is made: there are none, and compiling it takes a twelfth of the time.
    """
    return _cached(numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function), function)
