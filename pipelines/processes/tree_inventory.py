"""Single trees of a survey: tops, crowns, heights, and the points of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Process, SurveyParameters
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pipelines.tree_survey import Inventory
    from pointcloud.forest.stands import Stand

REFERENCE_YEAR = 2000
"""Year that the register's ages are taken for; a stand table does not look at ages."""


class TreeParameters(SurveyParameters):
    """Parameters of ``tree-inventory``; the windows of detection follow the canopy and are not set."""

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
    upper_layer: Literal["dominant", "top-100", "all"] = Field(
        "dominant",
        title="Upper layer / 上層木の定義",
        description="Which trees of a stand make its upper layer / 林小班の上層木の選び方",
    )


class TreeInventory(Process[TreeParameters]):
    """``tree-inventory``: canopy model, trees, crowns and, where stands are given, their table."""

    id = "tree-inventory"
    version = "1"
    title = Text("Tree inventory", "単木抽出")
    description = Text(
        "Finds single trees: canopy height model without pits, tops, crowns, heights, and the points of each tree; "
        "with stands a table of their stems, heights, canopy cover and ground returns.",
        "樹冠高モデルから単木を抽出し、樹頂・樹冠・樹高と各点の樹木番号を求めます。林小班を指定すると本数・樹高・樹冠被覆率・"
        "地表点密度を集計します。",
    )
    inputs = (
        DatasetInput("survey", Text("Survey tiles", "点群タイル"), "pointcloud"),
        DatasetInput("stands", Text("Stands (polygons, or CSV with WKT)", "林小班 (ポリゴン、または WKT 列のある CSV)"),
                     "polygons", required=False, many=False, also=("table",)),
        DatasetInput("register", Text("Forest register (CSV)", "森林簿 (CSV)"), "table", required=False, many=False),
        DatasetInput("plots", Text("Calibration plots (CSV)", "調査区の毎木データ (CSV)"), "table", required=False,
                     many=False),
    )  # fmt: skip
    stages = (
        Stage("trees", Text("Ground, canopy and trees", "地盤・樹冠高・単木抽出"), 8),
        Stage("write", Text("Writing maps and layers", "図とレイヤの出力"), 2),
    )
    parameters_type = TreeParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: TreeParameters, context: Context) -> Outputs:
        """See `Process.run`; writes chm.tif, dtm.tif, ground-density.tif, trees.gpkg, trees.png, LAZ, trees.json."""
        from pipelines.evidence import software
        from pipelines.processes.tree_outputs import inventory_summary, write_maps
        from pipelines.tree_survey import take_inventory, write_points
        from pipelines.workspace import write_json

        p, report = parameters, context.progress.within("trees")
        context.progress.at("trees")
        given = {name: paths[0] for name, paths in inputs.items() if paths and name != "survey"}
        stands = _read_stands(inputs["survey"], given, p.crs)
        inventory = take_inventory(inputs["survey"], p.crs, p.cell, p.max_gap, p.crowns, report)
        context.progress.at("write")
        files = write_maps(context.workspace, inventory)
        summary = {"schema": "tengun/trees/1", **inventory_summary(inventory), "parameters": p.model_dump()}
        if stands:
            files += _stand_table(context.workspace, inventory, stands, given, p, summary)
        if p.points:
            title = Text("Points with the id of their tree", "樹木番号付き点群")
            for name in write_points(inventory, context.workspace):
                files += (OutputFile(name, "application/vnd.laszip", title),)
                context.progress.at("write", 0.5)
        summary["software"] = software()
        write_json(context.workspace / "trees.json", summary)
        context.progress.at("write", 1.0)
        return Outputs(summary, (*files, OutputFile("trees.json", "application/json", Text("Summary", "結果の要約"))))


def _read_stands(survey: Sequence[Path], given: Mapping[str, Path], crs: str | None) -> tuple[Stand, ...]:
    """The stands, none where none are given; a file that cannot be read is refused before the survey is worked on."""
    from pointcloud.forest.stands_reading import read_stands
    from pointcloud.io.survey import open_survey

    if "stands" not in given:
        return ()
    return read_stands(given["stands"], open_survey(survey, crs).crs, REFERENCE_YEAR, given.get("register"))


def _stand_table(
    folder: Path,
    inventory: Inventory,
    stands: Sequence[Stand],
    given: Mapping[str, Path],
    parameters: TreeParameters,
    summary: dict[str, Any],
) -> tuple[OutputFile, ...]:
    """Write the stand table and put it into the summary."""
    from pipelines.evidence import sha256
    from pipelines.processes.tree_outputs import write_stand_layer, write_stands
    from pointcloud.forest.carbon_table import carbon_table
    from pointcloud.forest.stands_models import species_models
    from pointcloud.forest.stands_table import Survey, UpperLayer, stand_table
    from pointcloud.forest.stem_plots import read_plots
    from pointcloud.forest.uncertainty import assumed_height_error

    plots = read_plots(given["plots"]) if "plots" in given else None
    models, notes = species_models(stands, carbon_table(), inventory.trees, plots)
    survey = Survey(inventory.found.canopy, inventory.density, assumed_height_error())
    measures = stand_table(inventory.trees, stands, survey, models, UpperLayer(parameters.upper_layer))
    files, lost = write_stands(folder, stands, measures)
    summary["stands"] = [
        {**m.as_dict(), "species": s.species, "notes": [n.as_dict() for n in (*m.problems, *m.notes)]}
        for s, m in zip(stands, measures, strict=True)
    ]
    files += write_stand_layer(folder, stands, summary["stands"], inventory.trees.crs)
    summary["models"] = {species: m.as_dict() for species, m in models.items()}
    summary["inputs"] = {name: {"name": path.name, "sha256": sha256(path)} for name, path in given.items()}
    summary["notes"] = [*(n.as_dict() for n in notes), *lost]
    return files
