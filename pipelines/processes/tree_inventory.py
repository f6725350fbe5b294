"""Single trees of a survey: tops, crowns, heights, and the points of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Parameters, Process
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.engine import SurveySurfaces
    from pointcloud.forest.detection import Found
    from pointcloud.forest.inventory import Trees
    from pointcloud.io.survey import Survey

COG = "image/tiff; application=geotiff; profile=cloud-optimized"

GROUND_CELL = 5.0
"""Metres of a cell of the map of ground returns: about what a crown or two cover."""


class TreeParameters(Parameters):
    """Parameters of ``tree-inventory``; the windows of detection follow the canopy and are not set."""

    crs: str | None = Field(
        None,
        title="CRS / 座標参照系",
        description="EPSG code such as EPSG:6676, for files that state none / ファイルに座標系がない場合の EPSG コード",
        examples=["EPSG:6676"],
    )
    cell: float = Field(
        0.5,
        ge=0.2,
        le=1.0,
        title="Cell / 格子間隔",
        description="Edge of a cell of the canopy model in metres / 樹冠高モデルの格子間隔 (m)",
    )
    max_gap: float = Field(
        20.0,
        gt=0,
        le=100,
        title="Largest gap / 最大補間距離",
        description="Farther than this from any ground point (m) there is no height; wide, as crowns hide the ground "
        "/ 地盤点からこの距離 (m) を超えると樹高なし。樹冠が地盤を隠すため大きめにする",
    )
    crowns: Literal["growth", "watershed"] = Field(
        "growth",
        title="Crowns / 樹冠の抽出法",
        description="Region growing from the tops, or watershed / 樹頂からの領域拡張、または分水嶺法",
    )
    points: bool = Field(
        True,
        title="Points / 点群の出力",
        description="Write the points with the id of their tree / 各点に樹木番号を付けた点群を出力する",
    )


class TreeInventory(Process[TreeParameters]):
    """``tree-inventory``: canopy model, trees and crowns."""

    id = "tree-inventory"
    version = "1"
    title = Text("Tree inventory", "単木抽出")
    description = Text(
        "Finds single trees: canopy height model without pits, tops, crowns, heights, and the points of each tree.",
        "樹冠高モデルから単木を抽出し、樹頂・樹冠・樹高と各点の樹木番号を求めます。",
    )
    inputs = (DatasetInput("survey", Text("Survey tiles", "点群タイル"), "pointcloud"),)
    stages = (
        Stage("surfaces", Text("Ground and surfaces", "地盤分類と表面作成"), 5),
        Stage("trees", Text("Canopy and trees", "樹冠高と単木抽出"), 3),
        Stage("write", Text("Writing maps and layers", "図とレイヤの出力"), 2),
    )
    parameters_type = TreeParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: TreeParameters, context: Context) -> Outputs:
        """See `Process.run`; writes chm.tif, dtm.tif, ground-density.tif, trees.gpkg, trees.png, LAZ, trees.json."""
        from pipelines.engine import survey_grid, survey_surfaces
        from pipelines.run import write_json
        from pipelines.tree_survey import survey_trees, write_points
        from pointcloud.io.survey import open_survey

        context.progress.at("surfaces")
        survey = open_survey(inputs["survey"], parameters.crs)
        grid = survey_grid(survey, parameters.cell)
        surfaces = survey_surfaces(survey, grid, parameters.max_gap, context.progress.within("surfaces"))
        context.progress.at("trees")
        report = context.progress.within("trees")
        trees, points, found = survey_trees(survey, surfaces.terrain, parameters.crowns, report)
        context.progress.at("write")
        files = _write_maps(context.workspace, surfaces, found, trees, survey.files[0].path.stem)
        if parameters.points:
            title = Text("Points with the id of their tree", "樹木番号付き点群")
            for name in write_points(survey, surfaces.terrain, points, found, context.workspace):
                files += (OutputFile(name, "application/vnd.laszip", title),)
                context.progress.at("write", 0.5)
        summary = _summary(survey, surfaces, found, trees, parameters)
        write_json(context.workspace / "trees.json", summary)
        context.progress.at("write", 1.0)
        return Outputs(summary, (*files, OutputFile("trees.json", "application/json", Text("Summary", "結果の要約"))))


def _write_maps(
    folder: Path, surfaces: SurveySurfaces, found: Found, trees: Trees, name: str
) -> tuple[OutputFile, ...]:
    from pipelines.tree_survey import ground_density
    from pointcloud.drawing.picture import value_map
    from pointcloud.forest.tree_files import write_trees
    from pointcloud.io.raster import write_cog

    density = ground_density(surfaces.ground_points, surfaces.top, GROUND_CELL)
    rasters = {
        "chm": (found.canopy, Text("Canopy height model (CHM, m)", "樹冠高モデル CHM (m)")),
        "dtm": (surfaces.terrain, Text("Terrain model (DTM, m)", "地盤標高モデル DTM (m)")),
        "ground-density": (density, Text("Ground returns (1/m2)", "地盤到達点密度 (点/m2)")),
    }
    for stem, (raster, title) in rasters.items():
        write_cog(folder / f"{stem}.tif", raster, descriptions=[title.en])
    write_trees(folder / "trees.gpkg", trees, found.crowns)
    highest = max(5.0, float(trees.height.max())) if len(trees) else 5.0
    value_map(
        folder / "trees.png", found.canopy, surfaces.terrain, (), f"樹冠高 Canopy height: {name}",
        f"樹冠高 Canopy height (m)\n{len(trees)} 本 trees", "YlGn", (0.0, highest),
    )  # fmt: skip
    return (
        OutputFile("trees.gpkg", "application/geopackage+sqlite3", Text("Trees and crowns", "樹頂と樹冠")),
        *(OutputFile(f"{stem}.tif", COG, title) for stem, (_, title) in rasters.items()),
        OutputFile("trees.png", "image/png", Text("Map of canopy height", "樹冠高図")),
    )


def _summary(
    survey: Survey, surfaces: SurveySurfaces, found: Found, trees: Trees, parameters: TreeParameters
) -> dict[str, Any]:
    from pipelines.evidence import crs_name, software, survey_record

    known = np.isfinite(surfaces.terrain.values)
    area = surfaces.terrain.grid.cell_area
    covered = float(np.count_nonzero(found.crowns.labels)) * area
    return {
        "schema": "tengun/trees/1",
        "survey": survey_record(survey),
        "crs": crs_name(survey.crs),
        "cell_m": parameters.cell,
        "parameters": parameters.model_dump(),
        "points": surfaces.counts,
        "ground": surfaces.ground,
        "area_m2": float(np.count_nonzero(known)) * area,
        "void_area_m2": float(np.count_nonzero(surfaces.is_surveyed & ~known)) * area,
        "crown_area_m2": covered,
        "n_trees": len(trees),
        "n_tops_by_method": found.n_by_method,
        "pulses_per_m2": _range(found.windows.density[found.windows.density > 0]),
        "window_radius_m": _range(found.windows.radius),
        "height_m": _range(trees.height),
        "apex_loss_m": _range(trees.apex_loss),
        "confidence": _range(trees.confidence),
        "software": software(),
    }


def _range(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float] | None:
    """Least, median, mean and greatest; None for no values."""
    if values.size == 0:
        return None
    made = {"min": values.min(), "median": np.median(values), "mean": values.mean(), "max": values.max()}
    return {name: float(value) for name, value in made.items()}
