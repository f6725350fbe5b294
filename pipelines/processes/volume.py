"""Cut, fill and net volume between two surveys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process
from pipelines.processes.terrain import COG, SurfaceParameters
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.engine import SurveySurfaces
    from pointcloud.change.volume import Volume
    from pointcloud.grid import Raster
    from pointcloud.io.survey import Survey
    from pointcloud.io.vector import Zone

METHODS = {
    "one_point": {
        "title": {
            "en": "Point method: each cell is a column at its centre; cells on a zone's boundary count with their "
            "exact share",
            "ja": "点高法 (1点法): 格子中心の標高差×格子面積。区域境界の格子は面積比で按分",
        }
    }
}


@dataclass(frozen=True, slots=True)
class _Epoch:
    name: str
    survey: Survey
    surfaces: SurveySurfaces


class VolumeChange(Process[SurfaceParameters]):
    """``volume-change``: difference of the terrains of two surveys, for the whole and per zone."""

    id = "volume-change"
    version = "1"
    title = Text("Volume change", "土量変化")
    description = Text(
        "Cut, fill and net volume between two surveys, for their overlap and for each zone, with difference maps.",
        "前後二時期の点群から切土量・盛土量・差引土量を全体と区域ごとに求め、差分図を作成します。",
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
        Stage("volume", Text("Difference and volumes", "差分と土量"), 1),
        Stage("write", Text("Writing rasters and maps", "ラスタと図の出力"), 4),
    )
    parameters_type = SurfaceParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: SurfaceParameters, context: Context) -> Outputs:
        """See `Process.run`; writes volume.json, difference, DTM and hillshade rasters and maps."""
        from pipelines.engine import survey_grid
        from pointcloud.change.difference import common_grid, difference
        from pointcloud.change.volume import total_volume, zone_volume
        from pointcloud.io.vector import read_zones

        context.progress.at("open")
        surveys = _open_pair(inputs, parameters)
        zones = [z for path in inputs.get("zones", ()) for z in read_zones(path, surveys["before"].crs)]
        grid = common_grid(*(survey_grid(s, parameters.cell) for s in surveys.values()))
        epochs = [_surfaces(name, survey, grid, parameters, context) for name, survey in surveys.items()]
        context.progress.at("volume")
        before, after = (e.surfaces for e in epochs)
        change = difference(before.terrain, after.terrain)
        total = total_volume(change, before.is_surveyed & after.is_surveyed)
        volumes = [(zone, zone_volume(change, zone.polygon)) for zone in zones]
        context.progress.at("write")
        summary = _summary(epochs, parameters, total, volumes)
        files = _write(context, epochs, change, volumes, summary)
        return Outputs(summary, files)


def _open_pair(inputs: Mapping[str, Sequence[Path]], parameters: SurfaceParameters) -> dict[str, Survey]:
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


def _surfaces(name: str, survey: Survey, grid: Any, parameters: SurfaceParameters, context: Context) -> _Epoch:
    from pipelines.engine import survey_surfaces

    return _Epoch(name, survey, survey_surfaces(survey, grid, parameters.max_gap, context.progress.within(name)))


def _summary(
    epochs: list[_Epoch], parameters: SurfaceParameters, total: Volume, volumes: list[tuple[Zone, Volume]]
) -> dict[str, Any]:
    from pipelines.evidence import crs_name, software, survey_record

    return {
        "schema": "tengun/volume/1",
        "epochs": [
            {"name": e.name, **survey_record(e.survey), "points": e.surfaces.counts, "ground": e.surfaces.ground}
            for e in epochs
        ],
        "crs": crs_name(epochs[0].survey.crs),
        "alignment": {"applied": False, "dx_m": None, "dy_m": None, "dz_m": None},
        "cell_m": parameters.cell,
        "total": total.as_dict(),
        "zones": [{"name": zone.name, **volume.as_dict()} for zone, volume in volumes],
        "methods": METHODS,
        "sign": {
            "en": "fill (+) where after is higher than before; cut and fill are positive, net = fill - cut",
            "ja": "盛土 (+) = 変化後が高い。切土・盛土は正の値、差引 = 盛土 − 切土",
        },
        "parameters": parameters.model_dump(),
        "software": software(),
    }


def _write(
    context: Context,
    epochs: list[_Epoch],
    change: Raster,
    volumes: list[tuple[Zone, Volume]],
    summary: dict[str, Any],
) -> tuple[OutputFile, ...]:
    from pipelines.run import write_json
    from pointcloud.drawing.picture import change_map, hillshade_map
    from pointcloud.ground.relief import hillshade
    from pointcloud.io.raster import write_cog

    folder = context.workspace
    files = [OutputFile("volume.json", "application/json", Text("Volumes", "土量計算結果"))]
    write_json(folder / "volume.json", summary)
    write_cog(folder / "difference.tif", change, descriptions=["after - before (m)"])
    files.append(OutputFile("difference.tif", COG, Text("Elevation change (m)", "標高差分 (m)")))
    outlines = [(f"{zone.name}  {volume.net_m3:+,.0f} m³", zone.polygon) for zone, volume in volumes]
    names = " → ".join(e.survey.files[0].path.stem for e in epochs)
    change_map(
        folder / "difference.png", change, epochs[1].surfaces.terrain, outlines, f"標高差分図 Elevation change: {names}"
    )
    files.append(OutputFile("difference.png", "image/png", Text("Map of elevation change", "標高差分図")))
    context.progress.at("write", 0.4)
    for epoch in epochs:
        terrain = epoch.surfaces.terrain
        when = Text(epoch.name, {"before": "変化前", "after": "変化後"}[epoch.name])
        write_cog(folder / f"dtm_{epoch.name}.tif", terrain, descriptions=[f"terrain {epoch.name} (m)"])
        write_cog(folder / f"hillshade_{epoch.name}.tif", hillshade(terrain), descriptions=["hillshade (0-1)"])
        hillshade_map(folder / f"hillshade_{epoch.name}.png", terrain, f"陰影起伏図 Hillshade: {when.ja} {when.en}")
        files += [
            OutputFile(f"dtm_{epoch.name}.tif", COG, Text(f"Terrain {when.en} (m)", f"{when.ja}の地盤標高 (m)")),
            OutputFile(f"hillshade_{epoch.name}.tif", COG, Text(f"Hillshade {when.en}", f"{when.ja}の陰影起伏")),
            OutputFile(
                f"hillshade_{epoch.name}.png", "image/png", Text(f"Hillshade map {when.en}", f"{when.ja}の陰影起伏図")
            ),
        ]
    context.progress.at("write", 1.0)
    return tuple(files)
