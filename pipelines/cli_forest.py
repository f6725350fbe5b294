"""``tengun trees``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Files = Annotated[list[Path], typer.Argument(help="LAS/LAZ/COPC files or folders of tiles 点群ファイルまたはフォルダ")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Output folder 出力フォルダ")]
Cell = Annotated[float, typer.Option(help="Edge of a canopy cell in metres 樹冠高モデルの格子間隔 (m)")]
MaxGap = Annotated[float, typer.Option(help="No heights beyond this distance (m) from any ground point 最大補間距離")]
Crowns = Annotated[Literal["growth", "watershed"], typer.Option(help="Region growing or watershed 樹冠の抽出法")]
Points = Annotated[bool, typer.Option(help="Write the points with their tree's id 樹木番号付き点群を出力")]
Crs = Annotated[str | None, typer.Option(help="CRS for files that state none, e.g. EPSG:6676 座標系")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON, nothing else 結果を JSON で出力")]


def trees(
    files: Files,
    output: Folder,
    cell: Cell = 0.5,
    max_gap: MaxGap = 20.0,
    crowns: Crowns = "growth",
    points: Points = True,
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Single trees: tops, crowns, heights and the points of each 単木抽出 (樹頂・樹冠・樹高)."""
    from pipelines.cli import execute, reported, show

    with reported():
        parameters = {"crs": crs, "cell": cell, "max_gap": max_gap, "crowns": crowns, "points": points}
        show(execute("tree-inventory", {"survey": files}, parameters, output, as_json), as_json, output)
