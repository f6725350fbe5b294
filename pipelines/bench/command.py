"""``tengun bench``: the measurements behind every figure in the documentation."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure this machine beside a peer 性能測定.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine beside a peer 性能測定."""
    os.environ.pop("TENGUN_CACHE_DIR", None)  # what is measured is computed, not found


@app.command()
def speed(points: Annotated[float, typer.Option(help="Points an epoch 点数")] = 10e6) -> None:
    """Points per second for read, ground, terrain and volume on a synthetic valley 主要処理の速度."""
    from rich.console import Console

    from pipelines.bench import speed as measurement

    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as folder:
        lines = measurement.run(int(points), Path(folder))
    Console(width=120, highlight=False).print(measurement.table(lines))


@app.command()
def ground(
    samples: Annotated[
        Path | None, typer.Argument(help="Folder of classified samples (class 2 is ground) 分類済み試料のフォルダ")
    ] = None,
    tile: Annotated[list[Path] | None, typer.Option(help="Classified tile, repeatable 分類済みタイル")] = None,
    scenes: Annotated[int, typer.Option(help="Synthetic valleys 合成地形の数")] = 0,
    speed: Annotated[Path | None, typer.Option(help="LAZ file to time beside PDAL 速度を測るファイル")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Markdown file 表の出力先")] = None,
) -> None:
    """Ground filters on reference data: errors, kappa, terrain, speed 地盤フィルタの成績表."""
    from pipelines.bench.ground import report

    text = report(samples, tile or [], scenes, speed)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    typer.echo(text, nl=False)


@app.command()
def forest(points: Annotated[float, typer.Option(help="Points of the survey 点数")] = 10e6) -> None:
    """Trees, crowns and stand table of a synthetic forest, beside scikit-image 単木抽出の時間・メモリ・精度."""
    from pipelines.bench.forest import main

    main(int(points))


@app.command()
def volume(
    points: Annotated[float, typer.Option(help="Points an epoch 点数")] = 10e6,
    size: Annotated[float, typer.Option(help="Edge of the valley in metres 範囲の一辺 (m)")] = 1000.0,
    keep: Annotated[Path | None, typer.Option(help="Folder for the surveys, used again 点群を残すフォルダ")] = None,
) -> None:
    """Volume with everything on: 10 + 10 million points, 1 km2 土量計算一式の時間とメモリ."""
    from pipelines.bench.volume import main

    main(points, size, keep)


@app.command()
def coverage(
    pairs: Annotated[int, typer.Option(help="Synthetic pairs 組の数")] = 200,
    first: Annotated[int, typer.Option(help="Seed of the first pair 最初の乱数の種")] = 0,
    save: Annotated[
        Path | None, typer.Option(help="Counts of this part, joined with what the file has 途中経過")
    ] = None,
) -> None:
    """Share of the 95 % intervals that contain the truth 95 % 区間が真値を含む割合."""
    from pipelines.bench.coverage import main

    main(pairs, first, save)


@app.command()
def pipeline(
    file: Annotated[Path, typer.Argument(help="LAS or LAZ 点群")],
    repeat: Annotated[int, typer.Option(help="Runs of each, the best counts 繰返し")] = 3,
    copies: Annotated[int, typer.Option(help="Copies laid side by side 並べる数")] = 1,
) -> None:
    """Read, filters.smrf, write LAZ: embedded executor and PDAL side by side 内蔵エンジンと PDAL の比較."""
    from pipelines.bench.pipeline import main

    main(file, repeat, copies)


@app.command()
def copc(
    millions: Annotated[int, typer.Option(help="Million points 百万点")] = 20,
    folder: Annotated[Path | None, typer.Option(help="Where the temporary file goes 一時ファイルの場所")] = None,
) -> None:
    """Time and peak memory of writing COPC COPC 出力の時間とメモリ."""
    from pipelines.bench.copc import main

    main(millions, folder)


@app.command()
def sections(
    tiles: Annotated[int, typer.Option(help="Tiles 図郭の数")] = 20,
    points: Annotated[float, typer.Option(help="Points a tile 図郭あたりの点数")] = 3e6,
    keep: Annotated[Path | None, typer.Option(help="Folder for the surveys, used again 点群を残すフォルダ")] = None,
) -> None:
    """Cross-sections along 1 km over 20 tiles, from LAZ and COPC, drawings included 縦横断図の時間とメモリ."""
    from pipelines.bench.sections import main

    main(tiles, int(points), keep)
