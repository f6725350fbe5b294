"""Cut, fill and net volume between two surveys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelines.at_once import Report, at_once
from pipelines.process import Context, DatasetInput, Outputs, Process
from pipelines.processes.volume_parameters import VolumeParameters
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.processes.volume_inputs import Given
    from pipelines.processes.volume_result import Epoch
    from pointcloud.change.align import Alignment, Mode
    from pointcloud.cloud import PointCloud
    from pointcloud.grid import Grid

__all__ = ["VolumeChange", "VolumeParameters"]


class VolumeChange(Process[VolumeParameters]):
    """``volume-change``: difference of the terrains of two surveys, for the whole and per zone."""

    id = "volume-change"
    version = "1"
    title = Text("Volume change", "土量変化")
    description = Text(
        "Cut, fill and net volume between two surveys with 95 % intervals, for their overlap and for each zone, with "
        "report, quantity book, maps, drawings and GIS files.",
        "前後二時期の点群から切土量・盛土量・差引土量を 95 % 区間とともに全体と区域ごとに求め、報告書・土量計算書・"
        "差分図・図面・GIS データを作成します。",
    )
    inputs = (
        DatasetInput("before", Text("Survey before", "変化前の点群"), "pointcloud"),
        DatasetInput("after", Text("Survey after", "変化後の点群"), "pointcloud"),
        DatasetInput("zones", Text("Zones (polygons)", "集計区域 (ポリゴン)"), "polygons", required=False, many=False),
        DatasetInput("stream", Text("Stream line, from the top", "流路の線 (上流から)"), "lines", required=False,
                     many=False),
        DatasetInput("line", Text("Line for average end areas", "平均断面法の線"), "lines", required=False, many=False),
        DatasetInput("height_grid", Text("Height correction (PatchJGD .par)", "標高補正パラメータ (PatchJGD .par)"),
                     "heights", required=False, many=False),
    )  # fmt: skip
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage("surveys", Text("Ground and terrain of both surveys", "前後の地盤分類と地形"), 16),
        Stage("align", Text("Alignment on stable ground", "不動域による位置合わせ"), 5),
        Stage("volume", Text("Difference, volumes, intervals", "差分・土量・信頼区間"), 4),
        Stage("write", Text("Report, drawings, maps, rasters", "報告書・図面・ラスタの出力"), 5),
    )
    parameters_type = VolumeParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: VolumeParameters, context: Context) -> Outputs:
        """See `Process.run`; `pipelines.processes.volume_outputs` lists the files."""
        from pipelines.engine import ground_options
        from pipelines.processes.volume_exchange import write_surfaces
        from pipelines.processes.volume_inputs import check_zones, open_given, shared_grid
        from pipelines.processes.volume_outputs import write_outputs
        from pipelines.processes.volume_result import measure

        context.progress.at("open")
        options = {name: ground_options("change", parameters.options, f"ground_{name}") for name in ("before", "after")}
        given = open_given(inputs, parameters)
        grid = shared_grid(given.surveys, parameters.cell)
        check_zones(given.zones, grid)
        report = context.progress.within("surveys")
        before, after = both_epochs(given, grid, parameters.max_gap, report, options)
        context.progress.at("align")
        alignment, after = aligned(before, after, parameters.align, parameters.max_gap)
        context.progress.at("volume")
        made = datetime.now(UTC)
        with ThreadPoolExecutor(1) as pool:
            # writing text takes one core, and so do most sums over cells
            surfaces = pool.submit(write_surfaces, context.workspace, (before, after), made, parameters.project)
            result = measure(given, (before, after), alignment, parameters)
            context.progress.at("write")
            summary = result.summary(parameters)
            files = write_outputs(context.workspace, result, summary, surfaces, made, context.progress.within("write"))
        return Outputs(summary, files)


def both_epochs(
    given: Given, grid: Grid, max_gap: float, report: Report, options: Mapping[str, Mapping[str, Any]]
) -> list[Epoch]:
    """Before and after by `epoch_of`; side by side, unless they are so large that only one of their tiles has room."""
    from pipelines.engine import is_one_tile

    tasks = [partial(epoch_of, name, given, grid, max_gap, options=options[name]) for name in given.surveys]
    if all(is_one_tile(survey, grid) for survey in given.surveys.values()):
        return at_once(tasks, report)
    return [task(partial(_half, report, i)) for i, task in enumerate(tasks)]


def _half(report: Report, i: int, share: float) -> None:
    report(0.5 * (i + share))


def epoch_of(
    name: str,
    given: Given,
    grid: Grid,
    max_gap: float,
    report: Report,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> Epoch:
    """The surfaces of one survey with a terrain for a difference, its heights corrected where they have to be.

    Parameters
    ----------
    name
        Which of the surveys given.
    given, grid, max_gap
        The inputs, where the surfaces are wanted, and how far (m) a terrain reaches from its points.
    report
        Called with the share done.
    options
        Arguments of the ground stage (`pipelines.engine.ground_options`).

    Raises
    ------
    InputError
        When its ground carries no surface.
    """
    import numpy as np

    from pipelines.engine import survey_surfaces
    from pipelines.processes.volume_inputs import corrected_surfaces, refuse_bare
    from pipelines.processes.volume_result import Epoch
    from pointcloud.change.carriers import carriers

    survey = given.surveys[name]
    surfaces = survey_surfaces(survey, grid, max_gap, report, options, with_terrain=False)
    epoch = Epoch(name, survey, surfaces)
    if given.correction is not None and name in given.corrected:
        found = corrected_surfaces(surfaces, given.correction)
        epoch = Epoch(name, survey, found, float(np.mean(found.ground_points.z - surfaces.ground_points.z)))
    epoch = with_terrain_of(epoch, carriers(epoch.surfaces.ground_points), max_gap)
    refuse_bare(name, epoch.surfaces)
    return epoch


def aligned(before: Epoch, after: Epoch, mode: Mode, max_gap: float) -> tuple[Alignment, Epoch]:
    """The alignment of two epochs with terrains for a difference, and the later one brought onto the earlier one."""
    from pointcloud.change.align import align

    early, late = before.surfaces, after.surfaces
    alignment = align(early.ground_points, late.ground_points, early.terrain, late.terrain, mode)
    if not alignment.applied:
        return alignment, after
    return alignment, with_terrain_of(after, alignment.apply(late.key_points), max_gap)


def with_terrain_of(epoch: Epoch, points: PointCloud, max_gap: float) -> Epoch:
    """The epoch with the terrain of these points; confidence is known where the terrain is."""
    from dataclasses import replace

    import numpy as np

    from pointcloud.grid import Raster
    from pointcloud.ground.surface import terrain

    surfaces = epoch.surfaces
    made = terrain(points.x, points.y, points.z, surfaces.terrain.grid, max_gap)
    confidence = np.where(np.isfinite(made.height.values), surfaces.confidence.values, np.nan)
    confidence = np.asarray(confidence, dtype=np.float32)
    surfaces = replace(
        surfaces, key_points=points, terrain=made.height, confidence=Raster(confidence, made.height.grid)
    )
    return replace(epoch, surfaces=surfaces, tin=made.tin)
