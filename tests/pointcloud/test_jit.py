"""Compiled kernels are cached where no change of any kernel file can leave stale machine code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pointcloud

PACKAGE = Path(pointcloud.__file__).parent

PROGRAM = """
import numpy as np
from pointcloud.jit import kernel
from pointcloud.first_kernels import outer
out = np.zeros(1)
outer(out)
print(out[0], sum(outer.stats.cache_misses.values()))
"""


def start(folder: Path) -> subprocess.Popen:
    env = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, cwd=folder, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen) -> list[str]:
    return process.communicate(timeout=120)[0].split()


def test_a_kernel_is_compiled_once_until_one_that_it_calls_changes(tmp_path):
    package = tmp_path / "pointcloud"
    package.mkdir()
    shutil.copy(PACKAGE / "jit.py", package)
    (package / "__init__.py").write_text("")
    head = "from pointcloud.jit import kernel\n"
    (package / "first_kernels.py").write_text(
        head + "from pointcloud.second_kernels import inner\n@kernel\ndef outer(out):\n    inner(out)\n"
    )
    (package / "second_kernels.py").write_text(head + "@kernel\ndef inner(out):\n    out[0] = 1.0\n")
    together = [start(tmp_path), start(tmp_path)]
    assert sorted(map(said, together)) == [["1.0", "0"], ["1.0", "1"]]  # one waits, and loads what the other compiled
    assert any((tmp_path / "cache").rglob("*.nbi"))
    (package / "second_kernels.py").write_text(head + "@kernel\ndef inner(out):\n    out[0] = 2.0\n")
    assert said(start(tmp_path)) == ["2.0", "1"]


def test_one_process_writes_the_cache_at_a_time(tmp_path, monkeypatch):
    """Another that wants the lock meanwhile does not get it; when the first is done, it does."""
    import fcntl

    import numba
    from numba.core.caching import IndexDataCacheFile

    from pointcloud.jit import kernel

    locks = []

    def taken() -> bool:
        with locks[0].open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    real, seen = IndexDataCacheFile.save, []

    def save(self, key, data):
        locks.extend(Path(self._cache_path).glob("*.lock"))
        seen.append(taken())
        real(self, key, data)

    monkeypatch.setattr(IndexDataCacheFile, "save", save)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    path = tmp_path / "made_kernels.py"
    path.write_text("def twice(x):\n    return 2 * x\n")
    names: dict = {"__name__": "made_kernels", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    assert kernel(names["twice"])(2) == 4
    assert seen == [True]
    assert not taken()
    assert list(tmp_path.rglob("*.nbc"))
