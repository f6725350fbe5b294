"""``python -m tests.benchmarks [--points 10e6]``: points per second of every step of the main job."""

from __future__ import annotations

import typer

from pipelines.bench.command import speed

typer.run(speed)
