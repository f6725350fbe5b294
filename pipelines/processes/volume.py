"""Cut, fill and net volume between two surveys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process
from pipelines.processes.terrain import SurfaceParameters
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.engine import SurveySurfaces
    from pipelines.processes.volume_result import Epoch, Result
    from pointcloud.change.align import Alignment
    from pointcloud.grid import Grid
    from pointcloud.io.survey import Survey
    from pointcloud.notes import Note


class VolumeParameters(SurfaceParameters):
    """Parameters of ``volume-change``."""

    align: Literal["auto", "none"] = Field(
        "auto",
        title="Alignment / 位置合わせ",
        description="auto: shift between the surveys found on stable ground and taken out where it is significant; "
        "none: as they are / auto: 不動域からずれを求め、有意なら補正。none: 補正しない",
    )
    before_date: date | None = Field(
        None,
        title="Survey date before / 変化前の測量日",
        description="For the height system / 高さの基準の判定用",
    )
    after_date: date | None = Field(
        None,
        title="Survey date after / 変化後の測量日",
        description="For the height system / 高さの基準の判定用",
    )
    same_heights: bool = Field(
        False,
        title="Same height system / 高さの基準は同じ",
        description="You state that both surveys have the same height system / 前後の高さの基準が同じと申告する",
    )


class VolumeChange(Process[VolumeParameters]):
    """``volume-change``: difference of the terrains of two surveys, for the whole and per zone."""

    id = "volume-change"
    version = "1"
    title = Text("Volume change", "土量変化")
    description = Text(
        "Cut, fill and net volume between two surveys with 95 % intervals, for their overlap and for each zone, with "
        "difference maps.",
        "前後二時期の点群から切土量・盛土量・差引土量を 95 % 区間とともに全体と区域ごとに求め、差分図を作成します。",
    )
    inputs = (
        DatasetInput("before", Text("Survey before", "変化前の点群"), "pointcloud"),
        DatasetInput("after", Text("Survey after", "変化後の点群"), "pointcloud"),
        DatasetInput("zones", Text("Zones (polygons)", "集計区域 (ポリゴン)"), "polygons", required=False, many=False),
    )
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage("before", Text("Ground and terrain before", "変化前の地盤分類と地形"), 8),
        Stage("after", Text("Ground and terrain after", "変化後の地盤分類と地形"), 8),
        Stage("align", Text("Alignment on stable ground", "不動域による位置合わせ"), 5),
        Stage("volume", Text("Difference, volumes, intervals", "差分・土量・信頼区間"), 4),
        Stage("write", Text("Writing rasters and maps", "ラスタと図の出力"), 4),
    )
    parameters_type = VolumeParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: VolumeParameters, context: Context) -> Outputs:
        """See `Process.run`; writes volume.json, difference, DTM and hillshade rasters and maps."""
        from pipelines.engine import survey_grid
        from pipelines.processes.volume_result import Epoch, measure
        from pointcloud.change.difference import common_grid
        from pointcloud.io.vector import read_zones

        context.progress.at("open")
        surveys = _open_pair(inputs, parameters)
        notes = _check_heights(surveys, parameters)
        zones = [z for path in inputs.get("zones", ()) for z in read_zones(path, surveys["before"].crs)]
        grid = common_grid(*(survey_grid(s, parameters.cell) for s in surveys.values()))
        before, after = (
            Epoch(name, survey, _surfaces(name, survey, grid, parameters, context)) for name, survey in surveys.items()
        )
        context.progress.at("align")
        alignment, after = _aligned(before, after, parameters)
        context.progress.at("volume")
        result: Result = measure(before, after, alignment, zones, notes)
        context.progress.at("write")
        return _write(result, parameters, context)


def _open_pair(inputs: Mapping[str, Sequence[Path]], parameters: VolumeParameters) -> dict[str, Survey]:
    """Both surveys, in one horizontal CRS."""
    from pipelines.evidence import crs_name
    from pointcloud.errors import CrsError
    from pointcloud.io.survey import open_survey

    surveys = {name: open_survey(inputs[name], parameters.crs) for name in ("before", "after")}
    before, after = surveys["before"].crs, surveys["after"].crs
    if before != after:
        names = crs_name(before), crs_name(after)
        raise CrsError(
            f"volume: before is in {names[0]}, after in {names[1]}; bring both into one reference system first",
            f"前後の座標参照系が異なります (前 {names[0]}、後 {names[1]})。同じ座標系に変換してください。",
            value=list(names),
        )
    return surveys


def _check_heights(surveys: Mapping[str, Survey], parameters: VolumeParameters) -> tuple[Note, ...]:
    """What to know about the two height systems; a mix of them is refused."""
    from pointcloud.change.datum import HeightSystem, check_heights

    before = HeightSystem(surveys["before"].vertical_datum, parameters.before_date)
    after = HeightSystem(surveys["after"].vertical_datum, parameters.after_date)
    return check_heights(before, after, is_same_stated=parameters.same_heights)


def _surfaces(name: str, survey: Survey, grid: Grid, parameters: VolumeParameters, context: Context) -> SurveySurfaces:
    from pipelines.engine import survey_surfaces

    return survey_surfaces(survey, grid, parameters.max_gap, context.progress.within(name))


def _aligned(before: Epoch, after: Epoch, parameters: VolumeParameters) -> tuple[Alignment, Epoch]:
    """The alignment, and the later epoch with its terrain brought onto the earlier one where that is significant."""
    from pointcloud.change.align import align
    from pointcloud.ground.surface import terrain

    early, late = before.surfaces, after.surfaces
    alignment = align(early.key_points, late.key_points, early.terrain, late.terrain, parameters.align)
    if not alignment.applied:
        return alignment, after
    points = alignment.apply(late.key_points)
    moved = terrain(points.x, points.y, points.z, late.terrain.grid, parameters.max_gap).height
    return alignment, replace(after, surfaces=replace(late, key_points=points, terrain=moved))


def _write(result: Result, parameters: VolumeParameters, context: Context) -> Outputs:
    from pipelines.processes.volume_outputs import write_outputs
    from pipelines.run import write_json

    summary = result.summary(parameters)
    write_json(context.workspace / "volume.json", summary)
    files = write_outputs(context.workspace, result, context.progress.within("write"))
    return Outputs(summary, (OutputFile("volume.json", "application/json", Text("Volumes", "土量計算結果")), *files))
