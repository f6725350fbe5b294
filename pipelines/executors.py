"""Which executor runs a document, and the run itself."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipelines import pdal
from pipelines.document import Document, check
from pipelines.pdal import Limits
from pipelines.stage_options import STAGES
from pipelines.tunables import tunables
from pointcloud.errors import NotFoundError, ParameterError, ResourceError, TengunError

Executor = Literal["auto", "native", "pdal"]


@dataclass(frozen=True, slots=True)
class DocumentRun:
    """What a run of a document left behind.

    Parameters
    ----------
    executor
        ``native`` or ``pdal``.
    version
        Of the executor.
    seconds
        Wall-clock time.
    points
        File -> points written, where the executor tells.
    counts
        Points that stages lost for a reason other than their purpose.
    metadata
        PDAL's metadata: by stage (native), by part of the document (pdal).
    log
        What PDAL said.
    peak_bytes
        Most resident memory of a PDAL child; 0 for native, which runs in this process.
    """

    executor: Literal["native", "pdal"]
    version: str
    seconds: float
    points: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    metadata: Any = None
    log: str = ""
    peak_bytes: int = 0


def executors() -> dict[str, dict[str, Any]]:
    """The executors that are here, for ``GET /health``: availability, version, and what is wrong where not."""
    here: dict[str, dict[str, Any]] = {"native": {"available": True, "version": _own_version()}}
    try:
        found = pdal.require()
        here["pdal"] = {"available": True, "version": found.version_text}
    except NotFoundError as error:
        here["pdal"] = {"available": False, "version": None, "reason": {"en": error.en, "ja": error.ja}}
    return here


def choose(document: Document, executor: Executor = "auto") -> Literal["native", "pdal"]:
    """The executor that runs a document: the embedded one when it knows every stage and option, else PDAL.

    Raises
    ------
    ParameterError
        When the executor asked for cannot run it, naming the stages or options.
    NotFoundError
        When PDAL is needed and not here.
    """
    from pipelines.native import executor as native
    from pipelines.native.stage import Report

    check(document)
    unknown = native.unknown_to_native(document)
    if executor == "pdal" or (executor == "auto" and unknown):
        try:
            program = pdal.require()
        except NotFoundError as error:
            if not unknown:
                raise
            raise NotFoundError(
                f"pipeline {document.name} needs PDAL for {', '.join(unknown)}: {error.en}",
                f"パイプライン {document.name} の {', '.join(unknown)} には PDAL が必要です。{error.ja}",
                candidates=unknown,
            ) from error
        pdal.check(document, program)
        return "pdal"
    if unknown:
        near = difflib.get_close_matches(unknown[0], STAGES, 1)
        raise ParameterError(
            f"pipeline {document.name}: the embedded executor does not know {', '.join(unknown)}; "
            f"{f'did you mean {near[0]}? Else ' if near else ''}use --executor pdal",
            f"パイプライン {document.name}: 内蔵エンジンは {', '.join(unknown)} に対応していません。"
            f"{f'{near[0]} のことでなければ、' if near else ''}--executor pdal を使ってください。",
            candidates=unknown,
        )
    native.prepare(document, Report())
    return "native"


def run(
    document: Document,
    folder: Path,
    executor: Executor = "auto",
    step: Callable[[float | None], None] = lambda _: None,
    limits: Limits = Limits(),  # noqa: B008
) -> DocumentRun:
    """Run a document; relative file names are taken from ``folder``.

    Parameters
    ----------
    document
        What to run.
    folder
        Working folder.
    executor
        ``auto``: see `choose`.
    step
        Called often with the share done (0-1), or None where that is not known; what it raises stops the run.
    limits
        Time and output hold for both executors, memory for PDAL's process.

    Raises
    ------
    TengunError
        Whatever is wrong with the document, its data, or the machine.
    """
    from pipelines import pdal_cut
    from pipelines.native import executor as native

    chosen = choose(document, executor)
    started = time.monotonic()
    if chosen == "pdal":
        program = pdal.require()
        done = pdal_cut.run(document, folder, program, lambda: step(None), limits)
        seconds = time.monotonic() - started
        return DocumentRun(
            "pdal", program.version_text, seconds, _written(document, folder), {}, done.metadata, done.log,
            done.peak_bytes,
        )  # fmt: skip

    def watched(share: float) -> None:
        step(share)
        if limits.time_s is not None and time.monotonic() - started > limits.time_s:
            raise pdal.over("time", f"{limits.time_s:.0f} s", f"{limits.time_s:.0f} 秒")
        pdal.check_output(folder, limits)

    try:
        ran = native.run(document, folder, watched)
    except MemoryError as error:
        raise ResourceError(
            "pipeline: memory ran out; take a smaller area", "メモリが不足しました。範囲を狭めてください。"
        ) from error
    except (OSError, ValueError) as error:
        raise _explained(document, error) from error
    return DocumentRun("native", _own_version(), time.monotonic() - started, ran.written, ran.counts, ran.metadata)


def _written(document: Document, folder: Path) -> dict[str, int]:
    """Points of each LAS, LAZ and COPC file that PDAL wrote, by their headers."""
    import laspy

    names = [str(s.options.get("filename")) for s in document.stages if s.type in ("writers.las", "writers.copc")]
    counts = {}
    for name in names:
        if (folder / name).is_file():
            with laspy.open(folder / name) as reader:
                counts[name] = int(reader.header.point_count)
    return counts


def _explained(document: Document, error: Exception) -> TengunError:
    return ResourceError(
        f"pipeline {document.name}: {error}", f"パイプライン {document.name} の実行に失敗しました: {error}"
    )


def describe(document: Document) -> dict[str, Any]:
    """The document for ``GET /pipelines`` and ``tengun pipeline show``: stages, tunable options and itself, JSON-ready.

    ``document`` is what ``pdal-pipeline`` takes once the readers' file names are the user's.
    """
    title = {"en": document.title.en, "ja": document.title.ja} if document.title else None
    return {
        "id": document.name,
        "title": title,
        "stages": [{"type": s.type, "tag": s.tag} for s in document.stages],
        "options": [
            {
                "name": t.name,
                "stage": t.stage,
                "kind": t.option.kind,
                "value": t.value,
                **({"minimum": t.option.minimum} if t.option.minimum is not None else {}),
                **({"maximum": t.option.maximum} if t.option.maximum is not None else {}),
                **({"choices": list(t.option.choices)} if t.option.choices else {}),
            }
            for t in tunables(document)
        ],
        "document": document.to_json(),
    }


def _own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tengun")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
