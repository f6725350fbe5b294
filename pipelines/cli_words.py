"""What several commands of ``tengun`` take, said in the same words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

Files = Annotated[list[Path], typer.Argument(help="LAS/LAZ/COPC files or folders of tiles 点群ファイルまたはフォルダ")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Output folder 出力フォルダ")]
Cell = Annotated[float, typer.Option(help="Edge of a grid cell in metres 格子間隔 (m)")]
MaxGap = Annotated[float, typer.Option(help="Void beyond this distance (m) from any ground point 最大補間距離 (m)")]
Crs = Annotated[str | None, typer.Option(help="CRS for files that state none, e.g. EPSG:6676 座標系")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON, nothing else 結果を JSON で出力")]


def reader_language() -> Literal["en", "ja"]:
    """Japanese where the environment asks for it, else English."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ja" if locale.startswith("ja") else "en"
