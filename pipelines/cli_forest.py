"""``tengun trees``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from pipelines.cli_words import AsJson, Crs, Files, Folder, reader_language

Cell = Annotated[float, typer.Option(help="Edge of a canopy cell in metres 格子間隔 (m)")]
MaxGap = Annotated[float, typer.Option(help="No heights beyond this distance (m) from any ground point 最大補間距離")]
Crowns = Annotated[Literal["growth", "watershed"], typer.Option(help="Region growing or watershed 樹冠の抽出法")]
Points = Annotated[bool, typer.Option(help="Write the points with their tree's id 樹木番号付きの 点群を出力")]
Stands = Annotated[Path | None, typer.Option(help="Stands, for a table of them 林小班 (GeoPackage, Shapefile, CSV)")]
Register = Annotated[Path | None, typer.Option(help="Forest register, CSV joined by id 森林簿")]
Plots = Annotated[Path | None, typer.Option(help="Calibration plots, CSV 調査区の毎木データ")]
UpperLayer = Annotated[Literal["dominant", "top-100", "all"], typer.Option(help="上層木の定義")]


def trees(
    files: Files,
    output: Folder,
    cell: Cell = 0.5,
    max_gap: MaxGap = 20.0,
    crowns: Crowns = "growth",
    points: Points = True,
    stands: Stands = None,
    register: Register = None,
    plots: Plots = None,
    upper_layer: UpperLayer = "dominant",
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Single trees: tops, crowns, heights and the points of each 単木抽出 (樹頂・樹冠・樹高)."""
    from pipelines.cli import execute, reported, show

    with reported():
        parameters = {"crs": crs, "cell": cell, "max_gap": max_gap, "crowns": crowns, "points": points,
                      "upper_layer": upper_layer}  # fmt: skip
        extras = {"stands": stands, "register": register, "plots": plots}
        inputs = {"survey": files, **{name: [path] for name, path in extras.items() if path is not None}}
        show(execute("tree-inventory", inputs, parameters, output, as_json), as_json, output)


def show_trees(summary: Mapping[str, Any]) -> None:
    """Print how many trees were found, and the stand table where there is one."""
    from pipelines.tables import CONSOLE

    height = summary["height_m"]
    heights = "" if height is None else f", 樹高 height {height['mean']:.1f} m (最大 greatest {height['max']:.1f} m)"
    CONSOLE.print(f"樹木 trees: {summary['n_trees']:,} 本{heights}")
    if summary.get("stands"):
        CONSOLE.print(_stand_table(summary["stands"]))


_HEADS: Final = {
    "ja": ("林小班", "樹種", "検出", "推定", "上層 m", "±95%", "Lorey", "被覆%", "地表点", "材積m3"),
    "en": ("stand", "species", "found", "stems", "upper", "±95%", "Lorey", "cover", "ground", "stem m3"),
}


def _stand_table(stands: list[dict[str, Any]]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="林小班別集計 Stands", title_justify="left", box=SIMPLE_HEAD)
    names = _HEADS[reader_language()]
    for place, name in enumerate(names):
        table.add_column(name, justify="left" if place < 2 else "right")
    for s in stands:
        ends = s["height_upper_ci95"]
        figures = (
            (s["stems_estimated"], 0), (s["height_upper"], 1), (None if ends is None else (ends[1] - ends[0]) / 2, 1),
            (s["height_lorey"], 1), (None if s["canopy_cover"] is None else 100 * s["canopy_cover"], 0),
            (s["ground_density"], 2), (s["volume_m3"], 0),
        )  # fmt: skip
        cells = ("-" if value is None else f"{value:,.{digits}f}" for value, digits in figures)
        table.add_row(s["id"], s["species"], f"{s['n_detected']:,}", *cells)
    return table
