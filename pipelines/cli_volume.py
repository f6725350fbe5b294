"""``tengun volume`` and ``tengun explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli_pipeline import Sets, set_values
from pipelines.cli_words import AsJson, Cell, Crs, Folder, MaxGap

if TYPE_CHECKING:
    from rich.console import Console

Align = Annotated[Literal["auto", "none"], typer.Option(help="Alignment on stable ground 位置合わせ")]
Zones = Annotated[Path | None, typer.Option(help="Polygons (GeoJSON, GeoPackage, Shapefile) 集計区域")]
HeightGrid = Annotated[Path | None, typer.Option(help="Height correction, PatchJGD .par 標高補正")]
Project = Annotated[str, typer.Option(help="On the papers 業務名")]
SameHeights = Annotated[bool, typer.Option(help="All have one height system 高さの基準は同じ")]
Datum = Literal["JGD2000", "JGD2011", "JGD2024", "ellipsoidal"] | None


def volume(
    before: Annotated[Path, typer.Argument(help="Survey before: file or folder 変化前")],
    after: Annotated[Path, typer.Argument(help="Survey after: file or folder 変化後")],
    output: Folder,
    zones: Zones = None,
    stream: Annotated[Path | None, typer.Option(help="Stream line from the top 流路の線")] = None,
    line: Annotated[Path | None, typer.Option(help="Line of the average end areas 平均断面法の線")] = None,
    height_grid: HeightGrid = None,
    cell: Cell = 0.5,
    max_gap: MaxGap = 5.0,
    align: Align = "auto",
    before_date: Annotated[str | None, typer.Option(help="Survey date, 2019-12-01 変化前の測量日")] = None,
    after_date: Annotated[str | None, typer.Option(help="Survey date, 2025-07-06 変化後の測量日")] = None,
    before_datum: Annotated[Datum, typer.Option(help="Heights before 変化前の 高さの基準")] = None,
    after_datum: Annotated[Datum, typer.Option(help="Heights after 変化後の 高さの基準")] = None,
    same_heights: SameHeights = False,
    interval: Annotated[float, typer.Option(help="Stations of the end areas 測点間隔 (m)")] = 20.0,
    stream_step: Annotated[float, typer.Option(help="Stretch of the stream 流路の区間長 (m)")] = 20.0,
    stream_width: Annotated[float, typer.Option(help="Whole width of the stream 流路の全幅 (m)")] = 50.0,
    dam_capacity: Annotated[float | None, typer.Option(help="m3 堰堤の容量")] = None,
    dam_zone: Annotated[str | None, typer.Option(help="Zone of the dam's deposit 堰堤の区域名")] = None,
    soil: Annotated[str | None, typer.Option(help="Soil class, such as sandy 土質")] = None,
    loose: Annotated[float | None, typer.Option(help="L measured on site 現場測定の L")] = None,
    compacted: Annotated[float | None, typer.Option(help="C measured on site 現場測定の C")] = None,
    truck: Annotated[float | None, typer.Option(help="m3 of loose soil a load 運搬車の積載土量")] = None,
    project: Project = "",
    options: Sets = None,
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Cut, fill and net volume between two surveys 前後の点群から土量を計算."""
    from pipelines.cli import execute, reported, show

    with reported():
        given = {"zones": zones, "stream": stream, "line": line, "height_grid": height_grid}
        inputs = {"before": [before], "after": [after], **{k: [v] if v else [] for k, v in given.items()}}
        parameters = {
            "crs": crs, "cell": cell, "max_gap": max_gap, "align": align, "before_date": before_date,
            "after_date": after_date, "before_datum": before_datum, "after_datum": after_datum,
            "same_heights": same_heights, "end_area_interval": interval, "stream_step": stream_step,
            "stream_width": stream_width, "dam_capacity": dam_capacity, "dam_zone": dam_zone, "soil": soil,
            "loose_ratio": loose, "compacted_ratio": compacted, "truck_m3": truck, "project": project,
            "options": set_values(options),
        }  # fmt: skip
        show(execute("volume-change", inputs, parameters, output, as_json), as_json, output)


def explain(
    first: Annotated[Path, typer.Argument(metavar="A", help="volume.json, or its folder 1 つ目の成果")],
    second: Annotated[Path, typer.Argument(metavar="B", help="volume.json, or its folder 2 つ目の成果")],
    as_json: AsJson = False,
) -> None:
    """What differs between two volumes, and what it did 二つの土量の違いの説明."""
    from pipelines.cli import print_json, reported

    with reported():
        from pipelines.explain import explain as compare
        from pipelines.explain import read_result

        found = compare(read_result(first), read_result(second))
        if as_json:
            print_json(found)
        else:
            _show_explanation(found)


_WHAT = {
    "input": "入力 input", "parameter": "パラメータ parameter", "software": "ソフトウェア software",
    "zone": "区域 zone",
    "alignment": "位置合わせ alignment",
}  # fmt: skip
_KINDS = {"cut": "切土 cut", "fill": "盛土 fill", "net": "差引 net"}
_PARTS = {
    "noise_treatment_m3": "雑音の扱い noise", "vertical_alignment_m3": "鉛直の位置合わせ shift",
    "compared_area_m3": "比較面積 area", "rest_m3": "その他 the rest",
}  # fmt: skip


def _show_explanation(found: dict[str, Any]) -> None:
    """Two tables: what differs, and what it did."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pipelines.tables import CONSOLE

    if not found["differences"] and not any(v["net"]["difference_m3"] for v in found["volumes"]):
        CONSOLE.print("違いはありません No difference.")
        return
    table = Table(title="違い Differences", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("種別 what", "名称 name", "A", "B"):
        table.add_column(heading, overflow="fold")
    for d in found["differences"]:
        name = d["name"] if d["is_cause"] or d["what"] == "alignment" else f"({d['name']})"
        table.add_row(_WHAT[d["what"]], name, _text(d["a"]), _text(d["b"]))
    CONSOLE.print(table)
    if found["only_cause"]:
        CONSOLE.print(f"土量の違いの原因はこれだけです The only cause: {found['only_cause']}")
    CONSOLE.print("( ) は帳票だけに関わるもの (): on the papers only")
    _show_volumes(CONSOLE, found["volumes"])


def _show_volumes(console: Console, volumes: list[dict[str, Any]]) -> None:
    """The volumes as the papers print them, so that the net is that of the cut and fill beside it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pointcloud.drawing.volume_words import number, printed_volumes, whole_volumes

    table = Table(title="土量への影響 Effect on the volumes (m3)", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("区域 zone", overflow="fold")
    for heading in ("A", "B", "B − A", "A の 95 % 内\ninside"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in volumes:
        a, b = ({f"{kind}_m3": row[kind][f"{of}_m3"] for kind in _KINDS} for of in "ab")
        table.add_row("全体 total" if row["zone"] is None else row["zone"])
        for kind, text in _KINDS.items():
            inside = {None: "-", True: "はい yes", False: "いいえ no"}[row[kind]["is_inside_interval"]]
            change = whole_volumes(b)[kind] - whole_volumes(a)[kind]
            table.add_row(f"  {text}", printed_volumes(a)[kind], printed_volumes(b)[kind], f"{change:,}", inside)
        for part, text in _PARTS.items():
            table.add_row(f"    {text}", "", "", number(row["parts"][part], 0), "")
    console.print(table)


def _text(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, float):
        return f"{value:,.3f}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
