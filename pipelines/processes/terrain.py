"""Bare-earth, surface and canopy height models of one survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pipelines.media_types import COG
from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process, SurveyParameters
from pipelines.processes.ground import GROUND_OPTIONS, GroundOptions
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.engine import SurveySurfaces


class SurfaceParameters(SurveyParameters):
    """What every process with a terrain surface takes."""

    cell: float = Field(
        0.5, gt=0, le=100, title="Cell / 格子間隔", description="Edge of a grid cell in metres / 格子間隔 (m)"
    )
    max_gap: float = Field(
        5.0,
        gt=0,
        le=100,
        title="Largest gap / 最大補間距離",
        description="Farther than this from any ground point (m) a cell is void / "
        "地盤点からこの距離 (m) を超える格子はデータなしとする",
    )


class TerrainParameters(SurfaceParameters):
    """Parameters of ``terrain-model``."""

    options: GroundOptions = GROUND_OPTIONS


class TerrainModel(Process[TerrainParameters]):
    """``terrain-model``: DTM, DSM, CHM and hillshade."""

    id = "terrain-model"
    version = "1"
    title = Text("Terrain model", "地形モデル作成")
    description = Text(
        "Classifies the ground and makes terrain (DTM), surface (DSM) and canopy height (CHM) models with hillshade.",
        "地盤点を分類し、地盤標高 (DTM)、表層 (DSM)、樹高 (CHM) の各モデルと陰影図を作成します。",
    )
    inputs = (DatasetInput("survey", Text("Survey tiles", "点群タイル"), "pointcloud"),)
    stages = (
        Stage("surfaces", Text("Ground and surfaces", "地盤分類と表面作成"), 8),
        Stage("write", Text("Writing rasters and maps", "ラスタと図の出力"), 2),
    )
    parameters_type = TerrainParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: TerrainParameters, context: Context) -> Outputs:
        """See `Process.run`; writes dtm.tif, dsm.tif, chm.tif, hillshade.tif, hillshade.png, terrain.json."""
        from pipelines.engine import ground_options, survey_grid, survey_surfaces
        from pipelines.evidence import crs_name, software, survey_record
        from pipelines.workspace import write_json
        from pointcloud.io.survey import open_survey

        context.progress.at("surfaces")
        options = ground_options("terrain", parameters.options)
        survey = open_survey(inputs["survey"], parameters.crs)
        grid = survey_grid(survey, parameters.cell)
        report = context.progress.within("surfaces")
        surfaces = survey_surfaces(survey, grid, parameters.max_gap, report, options)
        context.progress.at("write")
        files = _write_rasters(context.workspace, surfaces, survey.files[0].path.stem)
        known = np.isfinite(surfaces.terrain.values)
        summary = {
            "schema": "tengun/terrain/1",
            "survey": survey_record(survey),
            "crs": crs_name(survey.crs),
            "cell_m": parameters.cell,
            "parameters": parameters.model_dump(),
            "points": surfaces.counts,
            "ground": surfaces.ground,
            "area_m2": float(np.count_nonzero(known)) * grid.cell_area,
            "void_area_m2": float(np.count_nonzero(surfaces.is_surveyed & ~known)) * grid.cell_area,
            "height_m": _height_range(surfaces),
            "software": software(),
        }
        write_json(context.workspace / "terrain.json", summary)
        files += (OutputFile("terrain.json", "application/json", Text("Summary", "結果の要約")),)
        context.progress.at("write", 1.0)
        return Outputs(summary, files)


def _height_range(surfaces: SurveySurfaces) -> list[float] | None:
    known = surfaces.terrain.values[np.isfinite(surfaces.terrain.values)]
    return [float(known.min()), float(known.max())] if known.size else None


def _write_rasters(folder: Path, surfaces: SurveySurfaces, name: str) -> tuple[OutputFile, ...]:
    from pointcloud.drawing.picture import hillshade_map
    from pointcloud.grid import Raster
    from pointcloud.ground.relief import hillshade
    from pointcloud.io.raster import write_cog

    terrain, top = surfaces.terrain, surfaces.top
    light = hillshade(terrain)
    canopy = Raster(np.maximum(top.values - terrain.values, 0.0), terrain.grid)
    rasters = {
        "dtm": (terrain, Text("Terrain model (DTM, m)", "地盤標高モデル DTM (m)")),
        "dsm": (top, Text("Surface model (DSM, m)", "表層モデル DSM (m)")),
        "chm": (canopy, Text("Canopy height (CHM, m)", "樹高モデル CHM (m)")),
        "hillshade": (light, Text("Hillshade (0-1)", "陰影起伏 (0-1)")),
    }
    for stem, (raster, title) in rasters.items():
        write_cog(folder / f"{stem}.tif", raster, descriptions=[title.en])
    hillshade_map(folder / "hillshade.png", light, f"陰影起伏図 Hillshade: {name}")
    return (
        *(OutputFile(f"{stem}.tif", COG, title) for stem, (_, title) in rasters.items()),
        OutputFile("hillshade.png", "image/png", Text("Hillshade map", "陰影起伏図")),
    )
