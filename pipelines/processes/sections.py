"""Cross-sections and longitudinal profile along a line, for one survey or several, with or without a design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.process import Context, DatasetInput, Outputs, Parameters, Process
from pipelines.progress import Stage, Text


class GivenStation(BaseModel):
    """A station asked for by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chainage: float | str = Field(
        title="Chainage or peg / 追加距離・杭",
        description="Metres, station equations included; or No.3+12.345, BP, EP, a name / m または杭の名称",
    )
    name: str = Field("", max_length=60, title="Name / 名称")
    skew: float | None = Field(None, ge=-80, le=80, title="Skew / 斜角 (度)")
    left: float | None = Field(None, ge=0, le=5000, title="Left width / 左幅 (m)")
    right: float | None = Field(None, ge=0, le=5000, title="Right width / 右幅 (m)")


class SectionParameters(Parameters):
    """What cross-sections take."""

    crs: str | None = Field(
        None, title="CRS / 座標参照系", description="EPSG code for files that state none / ファイルに座標系がない場合",
        examples=["EPSG:6676"],
    )  # fmt: skip
    line_name: str | None = Field(
        None, title="Line / 路線名", description="Which line of the file, where it has several / 線が複数ある場合の名前"
    )
    interval: float = Field(20.0, gt=0, le=10_000, title="Interval / 測点間隔", description="m")
    left: float = Field(25.0, ge=0, le=5000, title="Left width / 左幅", description="m")
    right: float = Field(25.0, ge=0, le=5000, title="Right width / 右幅", description="m")
    skew: float = Field(
        0.0, ge=-80, le=80, title="Skew / 斜角", description="Degrees from the perpendicular, counter-clockwise / 度"
    )
    start: float | None = Field(
        None,
        title="Start station / 起点の追加距離",
        description="Chainage of the line's start in m / 起点の追加距離 (m)",
    )
    reverse: bool = Field(
        False, title="Reverse / 逆向き", description="From the line's end to its start / 終点から起点へ"
    )
    stations: tuple[GivenStation, ...] = Field((), max_length=1000, title="Given stations / 指定測点")
    only_given: bool = Field(
        False,
        title="Only given stations / 指定測点のみ",
        description="Cut no regular stations / 等間隔の測点を切らない",
    )
    ground: Literal["classify", "file"] = Field(
        "classify", title="Ground / 地盤点",
        description="Classify the ground, or use class 2 of the files / 地盤分類を行うか、ファイルの分類 2 を使うか",
    )  # fmt: skip
    max_gap: float = Field(
        5.0, gt=0, le=100, title="Largest gap / 最大補間距離",
        description="Farther than this from any ground point (m) a section is open / この距離 (m) を超えると欠測",
    )  # fmt: skip
    thickness: float = Field(
        1.0, gt=0, le=50, title="Slice / 断面の厚さ", description="Points of the layers, m / 点群の厚さ m"
    )
    surface_line: bool = Field(
        True, title="Surface line / 表層線", description="Cut the highest points too / 最も高い点の面も切る"
    )
    between: tuple[str, str] | None = Field(
        None,
        title="Areas between / 面積を求める 2 面",
        description="Two of epoch_1 ..., before, after, survey, design, or such with _surface; else the last two "
        "/ 省略時は最後の 2 面",
        examples=[["before", "after"]],
    )
    labels: dict[str, str] = Field(
        {}, max_length=12, title="Labels / 凡例名",
        description="Survey or design -> what drawings call it / 図面での名前",
        examples=[{"before": "2020年測量"}],
    )  # fmt: skip
    same_heights: bool = Field(
        False,
        title="Same height system / 高さの基準は同じ",
        description="You state that all surveys have the same height system / 全時期の高さの基準が同じと申告する",
    )
    tolerance: float = Field(
        0.03, gt=0, le=5, title="Simplification / 簡略化", description="Greatest vertical deviation of drawn lines, m"
    )
    paper: Literal["A1", "A3"] = Field("A1", title="Paper / 用紙")
    scale: int = Field(
        200, ge=50, le=2000, title="Scale / 縮尺", description="Denominator of cross-sections / 横断図の縮尺分母"
    )
    profile_scale: int | None = Field(
        None, ge=50, le=20_000, title="Scale of the profile / 縦断図の横縮尺",
        description="Denominator; chosen by the line's length if not given / 省略時は延長から決定",
    )  # fmt: skip
    dxf_version: Literal["R2000", "R2018"] = Field("R2000", title="DXF", description="R2000: CP932, R2018: UTF-8")
    layer_sheets: bool = Field(
        True,
        title="Sheets of layers / 層別断面図",
        description="Also draw ground, vegetation and structures / 植生・構造物も作図",
    )
    cad_layers: dict[str, str] = Field(
        {}, max_length=40, title="CAD layer names / レイヤ名",
        description="Role -> name, instead of the usual ones / 役割ごとのレイヤ名",
        examples=[{"before": "S-BGD-EXST"}],
    )  # fmt: skip
    language: Literal["ja", "en"] = Field("ja", title="Language of the drawings / 図面の言語")
    project: str = Field("", max_length=80, title="Project / 業務名")


class Sections(Process[SectionParameters]):
    """``cross-sections``: sections, profile, areas and volumes along a line."""

    id = "cross-sections"
    version = "1"
    title = Text("Cross-sections", "縦横断図")
    description = Text(
        "Cross-sections and longitudinal profile along a line for one or more surveys and a design, with areas, "
        "volumes by the average-end-area method, and drawings to scale.",
        "線に沿った横断図・縦断図を一時期または複数時期の点群と設計面から作成し、断面積と平均断面法の土量、縮尺図面を出力します。",
    )
    inputs = (
        DatasetInput("survey", Text("Survey (the later one)", "点群 (変化後)"), "pointcloud"),
        DatasetInput("line", Text("Line", "中心線・測線"), "lines", many=False),
        DatasetInput("before", Text("Earlier survey", "変化前の点群"), "pointcloud", required=False),
        *(DatasetInput(f"epoch_{i}", Text(f"Still earlier survey {i}, oldest first", f"さらに前の点群 {i} (古い順)"),
                       "pointcloud", required=False) for i in (1, 2, 3, 4)),
        DatasetInput("design", Text("Design (LandXML or DXF TIN)", "設計面 (LandXML・DXF の TIN)"), "surface",
                     required=False, many=False),
    )  # fmt: skip
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage("ground", Text("Ground along the line", "線に沿った地盤"), 8),
        Stage("cut", Text("Cutting sections", "断面の作成"), 4),
        Stage("write", Text("Drawings and tables", "図面と表の出力"), 6),
    )
    parameters_type = SectionParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: SectionParameters, context: Context) -> Outputs:
        """See `Process.run`; writes sections.json, drawings (DXF, PDF, PNG, SVG), tables and exchange files."""
        from pipelines.processes.section_outputs import summarise, write_outputs
        from pipelines.processes.section_steps import (
            Slicer,
            check_names,
            chosen_line,
            chosen_stations,
            open_surveys,
            reconcile,
        )
        from pipelines.section_ground import ground_near
        from pointcloud.sections.corridor import reach
        from pointcloud.sections.design import read_design
        from pointcloud.sections.series import TOP, cut_series

        context.progress.at("open")
        surveys, notes = open_surveys(inputs, parameters)
        check_names(parameters, list(surveys), has_design=bool(inputs.get("design")))
        line = chosen_line(inputs["line"][0], parameters, next(reversed(surveys.values())).crs)
        stations = chosen_stations(line, parameters)
        context.progress.at("ground")
        shape, near = reach(line, stations.items), max(2.0 * parameters.max_gap, parameters.thickness)
        epochs = []
        is_compared = len(surveys) > 1 or bool(inputs.get("design"))
        for i, (name, survey) in enumerate(surveys.items()):
            epochs.append(ground_near(
                name, survey, shape, near, parameters.ground, parameters.max_gap, with_top=parameters.surface_line,
                is_compared=is_compared,
            ))  # fmt: skip
            context.progress.at("ground", (i + 1) / len(surveys))
        surfaces = {e.name: e.surface for e in epochs}
        if inputs.get("design"):
            surfaces["design"] = read_design(inputs["design"][0])
        tops = {e.name + TOP: e.top for e in epochs if e.top is not None}
        series = cut_series(
            line, stations.items, surfaces, tops=tops, pair=parameters.between, pitch=parameters.interval,
            tolerance=parameters.tolerance, take_slice=Slicer(epochs, parameters.thickness),
            report=context.progress.within("cut"),
        )  # fmt: skip
        context.progress.at("write")
        reconciled = reconcile(series, {**surfaces, **tops}) if series.pair else None
        of_ground = dict.fromkeys(note for epoch in epochs for note in epoch.notes)
        summary = summarise(series, epochs, parameters, (*notes, *of_ground, *stations.notes), reconciled)
        files = write_outputs(context, series, epochs, parameters, summary)
        return Outputs(summary, files)
