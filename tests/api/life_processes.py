"""A process for the tests of the job service: it does on purpose what real ones do by accident."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Parameters, Process
from pipelines.progress import Stage, Text
from pointcloud.errors import FileError


class RehearsalParameters(Parameters):
    """What to rehearse."""

    action: Literal["write", "sleep", "signal", "refuse", "bug", "hoard", "exit", "late", "spin"] = "write"
    seconds: float = Field(0.0, ge=0.0, le=600.0, allow_inf_nan=False)
    signal: Literal["SIGKILL", "SIGSEGV", "SIGABRT"] = "SIGKILL"
    label: str = Field("ラベル", min_length=1, max_length=50)
    corner: tuple[float, float] | None = None


class Rehearsal(Process[RehearsalParameters]):
    """``rehearsal``."""

    id = "rehearsal"
    version = "7"
    title = Text("Rehearsal", "予行")
    description = Text("Ends in the way it is told to.", "指示どおりに終わります。")
    inputs = (
        DatasetInput("survey", Text("Survey", "点群"), "pointcloud", required=False),
        DatasetInput("zones", Text("Zones", "区域"), "polygons", required=False, many=False),
    )
    stages = (Stage("prepare", Text("Preparing", "準備"), 1), Stage("act", Text("Acting", "実行"), 3))
    parameters_type = RehearsalParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: RehearsalParameters, context: Context) -> Outputs:
        context.progress.at("prepare")
        (context.workspace / "half-made.bin").write_bytes(b"\0" * 1000)
        context.progress.at("act", 0.0)
        getattr(self, f"_{parameters.action}")(inputs, parameters, context)
        (context.workspace / "half-made.bin").unlink()
        return self._outputs(inputs, parameters, context)

    def _write(self, inputs, parameters, context) -> None:
        time.sleep(parameters.seconds)

    def _sleep(self, inputs, parameters, context) -> None:
        child = subprocess.Popen(["sleep", "600"])
        steps = max(int(parameters.seconds / 0.05), 1)
        for step in range(steps):
            context.progress.at("act", step / steps, f"pids {os.getpid()} {child.pid}")
            time.sleep(0.05)
        child.kill()
        child.wait()

    def _signal(self, inputs, parameters, context) -> None:
        os.kill(os.getpid(), getattr(signal, parameters.signal))
        time.sleep(60)

    def _refuse(self, inputs, parameters, context) -> None:
        path = inputs["survey"][0] if inputs["survey"] else context.workspace / "nothing.laz"
        raise FileError(f"reading {path}: not to my taste", f"{path} は好みに合いません。", file=str(path))

    def _bug(self, inputs, parameters, context) -> None:
        raise ZeroDivisionError("secret detail")

    def _hoard(self, inputs, parameters, context) -> None:
        bytearray(8 * 1024**3)

    def _exit(self, inputs, parameters, context) -> None:
        os._exit(3)

    def _spin(self, inputs, parameters, context) -> None:
        end = time.monotonic() + parameters.seconds
        while time.monotonic() < end:
            sum(range(100_000))
            context.progress.at("act", 0.5)

    def _late(self, inputs, parameters, context) -> None:
        context.progress.at("act", 0.9, "nearly done")
        context.progress.at("prepare", 0.1, "a step back")
        time.sleep(parameters.seconds)

    def _outputs(self, inputs, parameters, context) -> Outputs:
        folder = context.workspace / "maps"
        folder.mkdir()
        (folder / "差分 図.txt").write_text(parameters.label, encoding="utf-8")
        (context.workspace / "numbers.bin").write_bytes(bytes(range(256)) * 4)
        context.progress.at("act", 1.0)
        summary = {
            "label": parameters.label,
            "nothing": None,
            "pid": os.getpid(),
            "files": {name: [path.name for path in paths] for name, paths in inputs.items()},
            "tmp": os.environ["TMPDIR"],
        }
        return Outputs(
            summary,
            (
                OutputFile("numbers.bin", "application/octet-stream", Text("Numbers", "数値")),
                OutputFile("maps/差分 図.txt", "text/plain; charset=utf-8", Text("Map", "図")),
            ),
        )


PROCESSES = {"rehearsal": Rehearsal()}
