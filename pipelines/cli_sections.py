"""``tengun sections`` and ``tengun measure``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from pipelines.cli_words import AsJson, Crs, Files, Folder, reader_language
from pointcloud.errors import ParameterError

LineFile = Annotated[Path, typer.Option("--line", help="GeoJSON, GeoPackage, DXF, SIMA, J-LandXML or CSV 中心線")]
Before = Annotated[list[Path] | None, typer.Option("--before", help="Earlier survey, may repeat 変化前の点群")]
Epochs = Annotated[
    list[str] | None,
    typer.Option("--epoch", metavar="NAME=PATH", help="Still earlier survey, oldest first, may repeat さらに前の点群"),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="SURFACE=TEXT", help="What drawings call before, after, design 凡例名"),
]
Given = Annotated[
    list[str] | None,
    typer.Option("--station", metavar="PEG[=NAME[@SKEW]]", help="Further station: 45.3, No.2+5.3, BP 追加の測点"),
]
Between = Annotated[str | None, typer.Option(metavar="A,B", help="Areas between these two 面積を求める 2 面")]
CadLayers = Annotated[
    Path | None, typer.Option("--cad-layers", help="CSV with columns role, layer: CAD layer names レイヤ名の表")
]
Ground = Annotated[Literal["classify", "file"], typer.Option(help="Classify the ground or use class 2 地盤点の求め方")]
MaxGap = Annotated[float, typer.Option(help="Open beyond this distance (m) from any ground point 最大補間距離 (m)")]


def sections(
    files: Files,
    line: LineFile,
    output: Folder,
    before: Before = None,
    epoch: Epochs = None,
    label: Labels = None,
    design: Annotated[Path | None, typer.Option(help="Design TIN: LandXML or DXF 設計面")] = None,
    interval: Annotated[float, typer.Option(help="Metres between stations 測点間隔 (m)")] = 20.0,
    width: Annotated[float | None, typer.Option(help="Whole width, half on each side 全幅 (m)")] = None,
    left: Annotated[float, typer.Option(help="Left width (m) 左幅")] = 25.0,
    right: Annotated[float, typer.Option(help="Right width (m) 右幅")] = 25.0,
    skew: Annotated[float, typer.Option(help="Degrees from the perpendicular 斜角 (度)")] = 0.0,
    station: Given = None,
    only_given: Annotated[bool, typer.Option(help="Cut given stations only 指定測点のみ")] = False,
    start: Annotated[float | None, typer.Option(help="Chainage of the line's start 起点の追加距離 (m)")] = None,
    reverse: Annotated[bool, typer.Option(help="From the line's end 終点から")] = False,
    line_name: Annotated[str | None, typer.Option(help="Which line of the file 線の名前")] = None,
    ground: Ground = "classify",
    max_gap: MaxGap = 5.0,
    thickness: Annotated[float, typer.Option(help="Slice of points 断面の厚さ (m)")] = 1.0,
    between: Between = None,
    surface_line: Annotated[bool, typer.Option(help="Cut the highest points too 表層線")] = True,
    same_heights: Annotated[bool, typer.Option(help="You state one height system 高さの基準は同じ")] = False,
    tolerance: Annotated[float, typer.Option(help="Deviation of drawn lines 簡略化の許容差 (m)")] = 0.03,
    paper: Annotated[Literal["A1", "A3"], typer.Option(help="Paper 用紙")] = "A1",
    scale: Annotated[int, typer.Option(help="Scale denominator 縮尺分母")] = 200,
    profile_scale: Annotated[int | None, typer.Option(help="Of the profile, horizontal 縦断図の横縮尺")] = None,
    layer_sheets: Annotated[bool, typer.Option(help="Draw layers of points too 層別断面図")] = True,
    cad_layers: CadLayers = None,
    dxf_version: Annotated[Literal["R2000", "R2018"], typer.Option(help="R2000 = CP932, R2018 = UTF-8")] = "R2000",
    language: Annotated[Literal["ja", "en"], typer.Option(help="Of the drawings 図面の言語")] = "ja",
    project: Annotated[str, typer.Option(help="Project in the title block 業務名")] = "",
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Cross-sections and profile along a line 線に沿った縦横断図."""
    from pipelines.cli import execute, reported, show

    with reported():
        sides = (left, right) if width is None else (width / 2.0, width / 2.0)
        further, labels = _epochs(epoch or ())
        parameters = {
            "crs": crs, "line_name": line_name, "interval": interval, "left": sides[0], "right": sides[1],
            "skew": skew, "start": start, "reverse": reverse, "stations": [_given(text) for text in station or ()],
            "only_given": only_given, "ground": ground, "max_gap": max_gap, "thickness": thickness,
            "surface_line": surface_line, "between": between.split(",") if between else None,
            "labels": labels | dict(_pair(text, "--label") for text in label or ()), "same_heights": same_heights,
            "tolerance": tolerance, "paper": paper, "scale": scale, "profile_scale": profile_scale,
            "layer_sheets": layer_sheets, "cad_layers": _layer_table(cad_layers) if cad_layers else {},
            "dxf_version": dxf_version, "language": language, "project": project,
        }  # fmt: skip
        inputs = {"survey": files, "line": [line], "before": before or [], "design": [design] if design else []}
        inputs |= further
        show(execute("cross-sections", inputs, parameters, output, as_json), as_json, output)


def measure(
    files: Files,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="E,N", help="Height at a place, may repeat 地点の標高")
    ] = None,
    line: Annotated[Path | None, typer.Option(help="Length and slope of lines 線の延長と勾配")] = None,
    polygon: Annotated[Path | None, typer.Option(help="Area of polygons 面積")] = None,
    wire: Annotated[Path | None, typer.Option(help="Clearance under a 3-D line 架空線の離隔")] = None,
    wires: Annotated[bool, typer.Option(help="Clearance under points of class 14 分類 14 の架空線の離隔")] = False,
    road_width: Annotated[float | None, typer.Option(help="Crossfall of lines as roads (m) 道路幅 (横断勾配)")] = None,
    ground: Ground = "classify",
    max_gap: MaxGap = 5.0,
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Height, length, slope, area, clearance 標高・延長・勾配・面積・離隔の計測."""
    from pipelines.cli import print_json, reported

    with reported():
        from pipelines.measuring import measured
        from pipelines.tables import print_notes

        found = measured(
            files, [_place(text) for text in at or ()], line, polygon, wire, wires, ground, max_gap, crs, road_width
        )
        if as_json:
            print_json(found)
            return
        for record in found["results"]:
            typer.echo(_measured_text(record))
        print_notes(found)


def _measured_text(record: Mapping[str, Any]) -> str:
    """One line of `measure`: what was measured, where, and the figures, in the reader's language."""
    said = {name: words[reader_language() == "ja"] for name, words in _MEASURED.items()}
    values = (f"{said[k]} {_text(v)}" for k, v in record.items() if k not in ("kind", "name", "places"))
    return "  ".join((said[record["kind"]], record["name"], *values))


_MEASURED: Final = {
    "height": ("height", "標高"), "length": ("length", "延長"), "crossfall": ("crossfall", "横断勾配"),
    "area": ("area", "面積"), "clearance": ("clearance", "離隔"),
    "height_m": ("m", "m"), "plan_m": ("in plan m", "平面 m"), "surface_m": ("over ground m", "地表 m"),
    "covered_m": ("with ground m", "地盤のある延長 m"), "rise_m": ("rise m", "比高 m"),
    "slope_percent": ("slope %", "縦断勾配 %"), "steepest_percent": ("steepest %", "最急勾配 %"),
    "left_percent": ("left %", "左 %"), "right_percent": ("right %", "右 %"),
    "plan_m2": ("in plan m2", "平面 m2"), "surface_m2": ("over ground m2", "地表 m2"),
    "void_m2": ("without ground m2", "欠測 m2"), "perimeter_m": ("perimeter m", "周長 m"),
    "over_ground_m": ("over ground m", "対地 m"), "over_ground_at": ("at E,N", "位置 東,北"),
    "over_objects_m": ("over objects m", "対地物 m"), "over_objects_at": ("at E,N", "位置 東,北"),
}  # fmt: skip
"""What `measure` calls its figures, in English and Japanese."""


def _given(text: str) -> dict[str, Any]:
    """``45.3``, ``No.2+5.3``, ``45.3=杭7`` or ``45.3=杭7@30`` as a station."""
    place, _, rest = text.partition("=")
    name, _, skew = rest.partition("@")
    try:
        return {"chainage": place, "name": name, "skew": float(skew) if skew else None}
    except ValueError as error:
        raise ParameterError(
            f"--station '{text}': expected PEG, PEG=NAME or PEG=NAME@SKEW, such as No.2+5.3 or 45.3=杭7@30",
            f"--station '{text}' は「杭または追加距離」「杭=名称」「杭=名称@斜角」の形で"
            "指定してください (例 No.2+5.3、45.3=杭7@30)。",
            value=text,
        ) from error


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise ParameterError(
            f"{option} '{text}': expected NAME=VALUE",
            f"{option} '{text}' は「名前=値」の形で指定してください。",
            value=text,
        )
    return name, value


def _epochs(texts: Sequence[str]) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """Inputs and labels of the surveys that stand before ``before``; files of one name are one survey."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, path = _pair(text, "--epoch")
        found.setdefault(name, []).append(Path(path))
    keys = [f"epoch_{i}" for i in range(1, len(found) + 1)]
    return dict(zip(keys, found.values(), strict=True)), dict(zip(keys, found, strict=True))


def _layer_table(path: Path) -> dict[str, str]:
    """Role and layer of each row."""
    from csv import DictReader
    from io import StringIO

    from pointcloud.sections.reading import decoded, unreadable

    if not path.is_file():
        raise unreadable(path, "no such file")
    rows = list(DictReader(StringIO(decoded(path))))
    if not rows or any(not row.get("role") or not row.get("layer") for row in rows):
        raise unreadable(path, "expected the columns role and layer, and rows with both filled")
    return {row["role"]: row["layer"] for row in rows}


def _place(text: str) -> tuple[float, float]:
    try:
        east, north = (float(v) for v in text.split(","))
    except ValueError as error:
        raise ParameterError(
            f"--at '{text}': expected easting,northing in metres, such as 52110.5,-98300",
            f"--at '{text}' は「東距,北距」(m) の形で指定してください (例 52110.5,-98300)。",
            value=text,
        ) from error
    return east, north


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return "-" if value is None else str(value)


def show_sections(summary: Mapping[str, Any]) -> None:
    """Print sections with heights and areas, and volumes."""
    from rich.table import Table

    from pipelines.tables import CONSOLE

    title = f"断面 Sections: {summary['line']['name']} ({summary['line']['length_m']:,.2f} m, {summary['crs']})"
    table = Table(title=title, title_justify="left")
    table.add_column("測点 station")
    for name in (*(f"{n} m" for n in summary["surfaces"]), "切土 cut m2", "盛土 fill m2"):
        table.add_column(name, justify="right")
    for row in summary["sections"]:
        heights = [_text(row["height_m"][n]) for n in summary["surfaces"]]
        areas = ["-", "-"] if row["areas"] is None else [f"{row['areas'][k]:,.1f}" for k in ("cut", "fill")]
        table.add_row(row["name"], *heights, *areas)
    CONSOLE.print(table)
    if summary["volumes"] is not None:
        v = summary["volumes"]
        CONSOLE.print(f"平均断面法 average end area: 切土 cut {v['cut_m3']:,.1f}  盛土 fill {v['fill_m3']:,.1f} m3")
