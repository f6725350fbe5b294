"""Cross-sections and longitudinal profile along a line, for one survey or two, with or without a design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.process import Context, DatasetInput, Outputs, Parameters, Process
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.section_ground import Epoch
    from pointcloud.io.survey import Survey
    from pointcloud.sections.cut import SectionLine, Surface
    from pointcloud.sections.line import CentreLine
    from pointcloud.sections.series import Series
    from pointcloud.sections.slice import Slice
    from pointcloud.sections.stations import Station, Stations

GRID_CELL = 0.5
"""Metres of a cell of the grid volume that the sections' volume is held against."""


class GivenStation(BaseModel):
    """A station asked for by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chainage: float = Field(title="Chainage / 追加距離", description="Metres, station equations included / m")
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
    tolerance: float = Field(
        0.03, gt=0, le=5, title="Simplification / 簡略化", description="Greatest vertical deviation of drawn lines, m"
    )
    paper: Literal["A1", "A3"] = Field("A1", title="Paper / 用紙")
    scale: int = Field(
        200, ge=50, le=2000, title="Scale / 縮尺", description="Denominator of cross-sections / 横断図の縮尺分母"
    )
    dxf_version: Literal["R2000", "R2018"] = Field("R2000", title="DXF", description="R2000: CP932, R2018: UTF-8")
    project: str = Field("", max_length=80, title="Project / 業務名")


class Sections(Process[SectionParameters]):
    """``cross-sections``: sections, profile, areas and volumes along a line."""

    id = "cross-sections"
    version = "1"
    title = Text("Cross-sections", "縦横断図")
    description = Text(
        "Cross-sections and longitudinal profile along a line for one or two surveys and a design, with areas, "
        "volumes by the average-end-area method, and drawings to scale.",
        "線に沿った横断図・縦断図を一時期または二時期の点群と設計面から作成し、断面積と平均断面法の土量、縮尺図面を出力します。",
    )
    inputs = (
        DatasetInput("survey", Text("Survey (the later one)", "点群 (変化後)"), "pointcloud"),
        DatasetInput("line", Text("Line", "中心線・測線"), "lines", many=False),
        DatasetInput("before", Text("Earlier survey", "変化前の点群"), "pointcloud", required=False),
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
        from pipelines.section_ground import ground_near
        from pointcloud.sections.corridor import reach
        from pointcloud.sections.design import read_design
        from pointcloud.sections.series import cut_series

        context.progress.at("open")
        surveys = open_surveys(inputs, parameters.crs)
        crs = surveys[-1][1].crs
        line = chosen_line(inputs["line"][0], parameters, crs)
        stations = _stations(line, parameters)
        context.progress.at("ground")
        shape, near = reach(line, stations.items), max(2.0 * parameters.max_gap, parameters.thickness)
        epochs = [ground_near(n, s, shape, near, parameters.ground, parameters.max_gap) for n, s in surveys]
        context.progress.at("ground", 1.0)
        surfaces = {e.name: e.surface for e in epochs}
        if inputs.get("design"):
            surfaces["design"] = read_design(inputs["design"][0])
        series = cut_series(
            line, stations.items, surfaces, pitch=parameters.interval, tolerance=parameters.tolerance,
            take_slice=_Slicer(epochs, parameters.thickness), report=context.progress.within("cut"),
        )  # fmt: skip
        context.progress.at("write")
        reconciled = reconcile(series, surfaces) if series.pair else None
        summary = summarise(series, epochs, parameters, stations.notes, reconciled)
        files = write_outputs(context, series, epochs, parameters, summary)
        return Outputs(summary, files)


def open_surveys(inputs: Mapping[str, Sequence[Path]], crs: str | None) -> list[tuple[str, Survey]]:
    """The surveys with their names, earlier first, in one horizontal CRS.

    Raises
    ------
    CrsError
        When the two differ.
    """
    from pipelines.evidence import crs_name
    from pointcloud.crs import is_same
    from pointcloud.errors import CrsError
    from pointcloud.io.survey import open_survey

    later = open_survey(inputs["survey"], crs)
    if not inputs.get("before"):
        return [("survey", later)]
    earlier = open_survey(inputs["before"], crs)
    if not is_same(earlier.crs, later.crs):
        names = crs_name(earlier.crs), crs_name(later.crs)
        raise CrsError(
            f"sections: before is in {names[0]}, the survey in {names[1]}; bring both into one reference system first",
            f"前後の座標参照系が異なります (前 {names[0]}、後 {names[1]})。同じ座標系に変換してください。",
            value=list(names),
        )
    return [("before", earlier), ("after", later)]


def chosen_line(path: Path, parameters: SectionParameters, crs: Any) -> CentreLine:
    """The line to cut along, turned and with its start station as asked.

    Raises
    ------
    ParameterError
        When the file has several lines and none, or a wrong one, is named.
    """
    from dataclasses import replace

    from pointcloud.errors import ParameterError
    from pointcloud.sections.reading import read_lines

    lines = read_lines(path, crs)
    names = [line.name for line in lines]
    wanted = [line for line in lines if parameters.line_name in (None, line.name)]
    if len(wanted) != 1:
        raise ParameterError(
            f"sections: {path.name} has {len(lines)} lines ({', '.join(names[:10])}); line_name = "
            f"{parameters.line_name!r} fits {len(wanted)}; name one",
            f"{path.name} に線が {len(lines)} 本あります ({', '.join(names[:10])})。"
            "line_name で 1 本を指定してください。",
            field="line_name",
            candidates=names,
        )
    line = wanted[0].reversed() if parameters.reverse else wanted[0]
    return line if parameters.start is None else replace(line, start=parameters.start)


def _stations(line: CentreLine, parameters: SectionParameters) -> Stations:
    from pointcloud.errors import ParameterError
    from pointcloud.sections.stations import Extra, lay_out

    extra = []
    for given in parameters.stations:
        places = line.distances_of(given.chainage)
        if not places:
            raise ParameterError(
                f"sections: no place with chainage {given.chainage:g} m ('{given.name}') on line '{line.name}', which "
                f"runs from {line.chainage(0.0):.3f} to {line.chainage(line.length):.3f} m",
                f"追加距離 {given.chainage:g} m (「{given.name}」) は線「{line.name}」の範囲 "
                f"{line.chainage(0.0):.3f}~{line.chainage(line.length):.3f} m にありません。",
                field="stations",
                value=given.chainage,
            )
        extra += [Extra(d, given.name, given.skew, given.left, given.right) for d in places]
    return lay_out(
        line, parameters.interval, parameters.left, parameters.right, skew=parameters.skew, extra=extra,
        regular=not parameters.only_given,
    )  # fmt: skip


class _Slicer:
    """Gives the points of a survey near a station's plane."""

    def __init__(self, epochs: Sequence[Epoch], thickness: float) -> None:
        from pointcloud.sections.cut import PointIndex

        self._epochs = {e.name: e for e in epochs}
        self._indices = {e.name: PointIndex(e.cloud.x, e.cloud.y, 2.0) for e in epochs}
        self._thickness = thickness

    def __call__(self, name: str, station: Station, line: SectionLine) -> Slice:
        from pointcloud.sections.slice import take

        numbers, along, _ = self._indices[name].near(station.segment, self._thickness / 2.0)
        inside = (along >= 0.0) & (along <= station.left + station.right)
        numbers, along = numbers[inside], along[inside]
        epoch = self._epochs[name]
        return take(along - station.left, epoch.cloud.z[numbers], epoch.classes[numbers], line, self._thickness)


def reconcile(series: Series, surfaces: Mapping[str, Surface]) -> dict[str, Any]:
    """The sections' volume held against the grid volume of the same ground, and what explains the difference.

    What the prismoidal rule gives more than the mean of end areas comes from the spacing of the sections; the rest
    from the grid, from gaps, and from ground between the sections.
    """
    from pointcloud.bounds import Bounds
    from pointcloud.change.difference import difference
    from pointcloud.change.volume import zone_volume
    from pointcloud.grid import Grid
    from pointcloud.sections.corridor import footprint

    area = footprint(series.line, [s.station for s in series.sections])
    if series.pair is None or area.is_empty:
        return {}
    bounds = Bounds(*area.bounds)
    cell = max(GRID_CELL, round((bounds.area / 25_000_000) ** 0.5, 1))
    grid = Grid.covering(bounds, cell)
    before, after = (surfaces[name].on_grid(grid) for name in series.pair)
    on_grid = zone_volume(difference(before, after), area)
    total = series.total
    record: dict[str, Any] = {"cell_m": cell, "area_m2": on_grid.area_m2, "void_area_m2": on_grid.void_area_m2}
    for kind, of_grid in (("cut", on_grid.cut_m3), ("fill", on_grid.fill_m3)):
        mean, curve, prismoidal = (getattr(total, kind + suffix) for suffix in ("", "_curve", "_prismoidal"))
        record[kind] = {
            "grid_m3": of_grid,
            "average_end_area_m3": mean,
            "difference_m3": mean - of_grid,
            "explained_by_curve_m3": mean - curve,
            "explained_by_spacing_m3": curve - prismoidal,
            "rest_m3": prismoidal - of_grid,
        }
    return record
