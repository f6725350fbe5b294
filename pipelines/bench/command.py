"""``tengun bench``: the measurements behind every figure in the documentation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure this machine beside a peer 性能測定.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine beside a peer 性能測定."""


@app.command()
def speed(points: Annotated[float, typer.Option(help="Points an epoch 点数")] = 10e6) -> None:
    """Points per second for read, ground, terrain and volume on a synthetic valley 主要処理の速度."""
    from rich.console import Console

    from pipelines.bench import speed as measurement

    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as folder:
        lines = measurement.run(int(points), Path(folder))
    Console(width=120, highlight=False).print(measurement.table(lines))


@app.command()
def forest(points: Annotated[float, typer.Option(help="Points of the survey 点数")] = 10e6) -> None:
    """Trees, crowns and stand table of a synthetic forest, beside scikit-image 単木抽出の時間・メモリ・精度."""
    from pipelines.bench.forest import main

    main(int(points))
