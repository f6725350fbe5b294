"""The real PDAL, as a child process: found, asked what it can do, run, watched, and stopped with all it started."""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import pdal_child
from pipelines.document import Document
from pointcloud.errors import InputError, NotFoundError, ParameterError, ResourceError

OLDEST = (2, 2)
"""Oldest PDAL that tengun is tested with."""

PREFIX = Path(__file__).resolve().parents[1] / ".pdal" / "bin" / "pdal"
"""Where ``make pdal`` puts one when the machine has none."""

_PASSED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "CONDA_PREFIX", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA")
_POLL_S = 0.05
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Pdal:
    """A PDAL that runs.

    Parameters
    ----------
    path
        Its program.
    version
        (major, minor, patch).
    """

    path: Path
    version: tuple[int, int, int]

    @property
    def version_text(self) -> str:
        """``2.8.4``."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take; None: as much as there is.

    Parameters
    ----------
    time_s
        Wall-clock seconds of the whole document.
    memory_bytes
        Resident memory of the child.
    output_bytes
        All files in the run's folder together.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    output_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a child that succeeded left behind: metadata, log, seconds and its peak of resident bytes."""

    metadata: dict[str, Any]
    log: str
    seconds: float
    peak_bytes: int


def find() -> Pdal | None:
    """The PDAL to use: ``TENGUN_PDAL``, then PATH, then the project's ``.pdal/``; None where there is none.

    Raises
    ------
    NotFoundError
        When ``TENGUN_PDAL`` is set and does not run: a wish that cannot be met is not passed over.
    """
    wanted = os.environ.get("TENGUN_PDAL")
    if wanted:
        found = _asked(wanted)
        if found is None:
            raise NotFoundError(
                f"TENGUN_PDAL={wanted}: no PDAL runs there; correct or unset it",
                f"TENGUN_PDAL={wanted}: PDAL を実行できません。設定を直すか解除してください。",
                value=wanted,
            )
        return found
    on_path = shutil.which("pdal")
    return (_asked(on_path) if on_path else None) or (_asked(str(PREFIX)) if PREFIX.is_file() else None)


def require() -> Pdal:
    """The PDAL to use.

    Raises
    ------
    NotFoundError
        When there is none, or it is too old.
    """
    found = find()
    if found is None:
        raise NotFoundError(
            "no PDAL on this machine; run 'make pdal', or install it from conda-forge (environment.yml) and set "
            "TENGUN_PDAL",
            "PDAL が見つかりません。'make pdal' を実行するか、conda-forge (environment.yml) から導入して TENGUN_PDAL を"
            "設定してください。",
        )
    if found.version < OLDEST:
        raise NotFoundError(
            f"PDAL {found.version_text} at {found.path} is too old; tengun needs 2.2 or newer",
            f"{found.path} の PDAL {found.version_text} は古すぎます。2.2 以降が必要です。",
            value=found.version_text,
        )
    return found


_KNOWN: dict[str, Pdal] = {}
"""Programs that answered; one that did not is asked again, as it may come to be."""


def _asked(path: str) -> Pdal | None:
    if path in _KNOWN:
        return _KNOWN[path]
    try:
        said = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, timeout=20, check=True, env=_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"pdal (\d+)\.(\d+)\.(\d+)", said.stdout)
    if match is None:
        return None
    _KNOWN[path] = Pdal(Path(path), (int(match[1]), int(match[2]), int(match[3])))
    return _KNOWN[path]


@functools.lru_cache(maxsize=8)
def stage_options(pdal: Pdal) -> Mapping[str, frozenset[str]]:
    """Stage -> names of its options, as this PDAL tells them."""
    said = subprocess.run(  # noqa: S603
        [str(pdal.path), "--options", "all", "--showjson"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=_environment(),
    )
    return {name: frozenset(o["name"] for o in options or ()) for name, options in json.loads(said.stdout)}


def check(document: Document, pdal: Pdal) -> None:
    """Check every stage and option against what this PDAL has; ``filters.python`` is run by tengun itself.

    Raises
    ------
    ParameterError
        Naming the stage or option that it lacks, and what there is.
    """
    known = stage_options(pdal)
    for stage in document.stages:
        if stage.type == "filters.python":
            continue
        if stage.type not in known:
            same_kind = sorted(s for s in known if s.startswith(stage.kind))
            near = difflib.get_close_matches(stage.type, same_kind, 1)
            raise ParameterError(
                f"{stage.label}: PDAL {pdal.version_text} has no such stage{_since(stage.type)}; "
                f"{f'did you mean {near[0]}? ' if near else ''}it has {', '.join(same_kind)}",
                f"{stage.label}: PDAL {pdal.version_text} にこの工程はありません{_since(stage.type)}。"
                f"{f'{near[0]} のことですか。' if near else ''}使えるもの: {', '.join(same_kind)}",
                value=stage.type,
                candidates=same_kind,
            )
        for option in stage.options:
            if known[stage.type] and option not in known[stage.type] | {"plugin"}:
                allowed = sorted(known[stage.type])
                raise ParameterError(
                    f"{stage.label}: PDAL {pdal.version_text} has no option '{option}'; it has {', '.join(allowed)}",
                    f"{stage.label}: PDAL {pdal.version_text} にオプション '{option}' はありません。"
                    f"使えるもの: {', '.join(allowed)}",
                    field=option,
                    candidates=allowed,
                )


_FIRST_IN = {
    "readers.copc": "2.4",
    "writers.copc": "2.4",
    "filters.expression": "2.3",
    "readers.stac": "2.5",
    "writers.arrow": "2.5",
}
"""Stages that PDAL 2.2 lacks and the version that brought them."""


def _since(stage: str) -> str:
    return f" (PDAL {_FIRST_IN[stage]} brought it)" if stage in _FIRST_IN else ""


def run_pipeline(
    pdal: Pdal,
    pipeline: Mapping[str, Any],
    folder: Path,
    scratch: Path,
    step: Callable[[], None] = lambda: None,
    limits: Limits = Limits(),
) -> Finished:
    """Run one PDAL pipeline in a child process of its own session.

    Parameters
    ----------
    pipeline
        What PDAL reads, without ``filters.python``.
    folder
        Its working folder.
    scratch
        Folder for the pipeline, log and metadata files.
    step
        Called about twenty times a second; what it raises stops the child, with its whole process group.
    limits
        Beyond them the child is stopped.

    Raises
    ------
    InputError
        When PDAL refuses the pipeline or its data; the message is PDAL's.
    ResourceError
        When it crashed, was killed, or went over a limit.
    """
    files = {name: scratch / f"pdal.{name}" for name in ("json", "log", "metadata")}
    files["json"].write_text(json.dumps(pipeline, ensure_ascii=False), encoding="utf-8")
    files["metadata"].unlink(missing_ok=True)
    started = time.monotonic()
    command = [str(pdal.path), "pipeline", str(files["json"]), "--nostream", "--metadata", str(files["metadata"])]
    launcher = [sys.executable, "-I", pdal_child.__file__, str(os.getpid()), str(limits.output_bytes or 0)]
    with files["log"].open("wb") as log:
        child = subprocess.Popen(  # noqa: S603
            [*launcher, *command],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            peak = _watch(child, step, limits, folder, started)
        finally:
            _end(child)
    text = files["log"].read_text(encoding="utf-8", errors="replace")
    _explain(child.returncode, text, limits)
    return Finished(_metadata(files["metadata"]), text, time.monotonic() - started, peak)


def _environment() -> dict[str, str]:
    """What PDAL needs of this process's environment; nothing that could hold a password, and no network grids."""
    return {**{n: os.environ[n] for n in _PASSED if n in os.environ}, "PROJ_NETWORK": "OFF"}


def _watch(
    child: subprocess.Popen[bytes], step: Callable[[], None], limits: Limits, folder: Path, started: float
) -> int:
    peak, checks = 0, 0
    while child.poll() is None:
        step()
        resident = _resident(child.pid)
        peak = max(peak, resident)
        if limits.time_s is not None and time.monotonic() - started > limits.time_s:
            raise over("time", f"{limits.time_s:.0f} s", f"{limits.time_s:.0f} 秒")
        if limits.memory_bytes is not None and resident > limits.memory_bytes:
            raise over("memory", f"{limits.memory_bytes >> 20} MiB", f"{limits.memory_bytes >> 20} MiB")
        if checks % 10 == 0:
            check_output(folder, limits)
        checks += 1
        time.sleep(_POLL_S)
    check_output(folder, limits)
    return peak


def check_output(folder: Path, limits: Limits) -> None:
    """Raise `ResourceError` when the files in ``folder`` are larger together than the limit."""
    if limits.output_bytes is None:
        return
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.lstat().st_size
        except OSError:  # a temporary file that is gone again
            continue
    if size > limits.output_bytes:
        raise over("output", f"{limits.output_bytes >> 20} MiB", f"{limits.output_bytes >> 20} MiB")


def over(what: str, en: str, ja: str) -> ResourceError:
    """The error for a run that went over its limit of ``time``, ``memory`` or ``output``."""
    names = {"time": "実行時間", "memory": "メモリ", "output": "出力サイズ"}
    return ResourceError(
        f"pipeline stopped: over its {what} limit of {en}; take a smaller area",
        f"パイプラインを停止しました: {names[what]}の上限 {ja} を超えました。範囲を狭めてください。",
        value=what,
    )


def _resident(pid: int) -> int:
    """Resident bytes of a process; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child's process group; its files are thrown away with the run, so no time to tidy."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _explain(code: int, log: str, limits: Limits) -> None:
    if code == 0:
        return
    said = log.strip()[-_TAIL:]
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        if number == signal.SIGXFSZ and limits.output_bytes is not None:
            raise over("output", f"{limits.output_bytes >> 20} MiB", f"{limits.output_bytes >> 20} MiB")
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        raise ResourceError(
            f"PDAL was ended by signal {name}" + (f"; its last words: {said}" if said else ""),
            f"PDAL がシグナル {name} で異常終了しました。" + (f"最後の出力: {said}" if said else ""),
            signal=name,
            log=said,
        )
    if "bad_alloc" in said:
        raise ResourceError(
            "PDAL ran out of memory; take a smaller area",
            "PDAL のメモリが不足しました。範囲を狭めてください。",
            log=said,
        )
    raise InputError(
        f"PDAL refused the pipeline (exit code {code}): {said or 'it gave no reason'}",
        f"PDAL がパイプラインを実行できませんでした (終了コード {code}): {said or '理由の出力なし'}",
        exit_code=code,
        log=said,
    )


def _metadata(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return {}
    stages = found.get("stages", found) if isinstance(found, dict) else {}
    return stages if isinstance(stages, dict) else {}
