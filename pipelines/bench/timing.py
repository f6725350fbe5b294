"""One run of a process in this process of the machine, timed and weighed."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.process import Context, Parameters, Process
from pipelines.progress import Progress, ProgressEvent


@dataclass(frozen=True, slots=True)
class Run:
    """What a run found and took.

    Parameters
    ----------
    summary
        Of the process.
    seconds, cpu_seconds
        Of the whole.
    stages
        Seconds by stage.
    peak_gb
        Most memory that this process of the machine held so far.
    """

    summary: dict[str, Any]
    seconds: float
    cpu_seconds: float
    stages: dict[str, float]
    peak_gb: float


def timed(process: Process[Any], inputs: Mapping[str, Sequence[Path]], parameters: Parameters, out: Path) -> Run:
    """Run once, into the folder ``out``; what a first run in this process compiles counts too."""
    begun_at: dict[str, float] = {}
    begin, cpu = time.perf_counter(), time.process_time()

    def observe(event: ProgressEvent) -> None:
        begun_at.setdefault(event.stage.id, time.perf_counter() - begin)

    found = process.run(inputs, parameters, Context(out, Progress(process.stages, observe)))
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    ends = [*begun_at.values(), seconds][1:]
    stages = {name: end - start for (name, start), end in zip(begun_at.items(), ends, strict=True)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Run(found.summary, seconds, cpu_seconds, stages, peak)
