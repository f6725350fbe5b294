"""CO2 of planted stands from a survey or its trees, a forest register and a yield table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, Outputs, Parameters, Process
from pipelines.progress import Stage, Text


class CarbonParameters(Parameters):
    """Parameters of ``forest-carbon``."""

    methodology: str = Field(
        min_length=1,
        max_length=100,
        title="Methodology and version / 方法論と版",
        description="Stored with the result / 結果に記録されます",
        examples=["FO-001 Ver. 6.2"],
    )
    survey_year: int = Field(ge=1990, le=2100, title="Fiscal year of the survey / 測量年度")
    start_year: int = Field(ge=1990, le=2100, title="First fiscal year of the period / 認証対象期間の開始年度")
    age_year: int | None = Field(
        None, ge=1950, le=2100, title="Year of the register's ages / 林齢の基準年度",
        description="Without it the survey year / 省略時は測量年度",
    )  # fmt: skip
    period: Literal[8, 16] = Field(8, title="Crediting period in years / 認証対象期間 (年)")
    buffer_percent: float = Field(3.0, ge=0, le=100, title="Buffer % / バッファー (%)")
    carbon_fraction: Literal["species", "0.5"] = Field("species", title="Carbon fraction / 炭素含有率")
    thinning: Literal["in-table", "as-felling"] = Field("in-table", title="Thinning / 間伐の扱い")
    rotation_ages: dict[str, int] = Field(
        default_factory=dict, title="Standard felling ages / 標準伐期齢",
        description="By species; replanting is claimed for these only / 樹種別。再造林はここにある樹種だけ計上",
        examples=[{"スギ": 40}],
    )  # fmt: skip
    treatment_since: int | None = Field(
        1990, title="Treatment since / 施業履歴の起点年度",
        description="Stands without a later treatment are left out; null: all / 以降の施業がない林小班は対象外",
    )  # fmt: skip
    upper_layer: Literal["dominant", "top-100", "all"] = Field("dominant", title="Upper layer / 上層木の定義")
    crs: str | None = Field(
        None, title="CRS / 座標参照系", examples=["EPSG:6676"],
        description="EPSG code for surveys that state none / ファイルに座標系がない場合の EPSG コード",
    )  # fmt: skip
    earlier_year: int | None = Field(None, ge=1990, le=2100, title="Fiscal year of the earlier survey / 前回測量の年度")
    n_draws: int = Field(2000, ge=100, le=100_000, title="Monte Carlo draws / 試行回数")
    seed: int = Field(1, ge=0, title="Random seed / 乱数の種")


_OPTIONAL: tuple[tuple[str, str, str, Literal["table", "raster", "points"]], ...] = (
    ("trees", "Trees of the survey (GeoPackage)", "樹木一覧 (GeoPackage)", "points"),
    ("yield_table", "Yield table (CSV)", "収穫表 (CSV)", "table"),
    ("curves", "Site-index curves (CSV)", "地位指数曲線 (CSV)", "table"),
    ("constants", "Constants (CSV)", "係数表 (CSV)", "table"),
    ("register", "Forest register (CSV)", "森林簿 (CSV)", "table"),
    ("plots", "Calibration plots (CSV)", "調査区の毎木データ (CSV)", "table"),
    ("canopy", "Canopy height (GeoTIFF)", "樹冠高 (GeoTIFF)", "raster"),
    ("ground_density", "Ground returns a m2 (GeoTIFF)", "地表点密度 (GeoTIFF)", "raster"),
    ("earlier_trees", "Trees of an earlier survey", "前回測量の樹木一覧", "points"),
)


class ForestCarbon(Process[CarbonParameters]):
    """``forest-carbon``: stand table, site classes, CO2 by fiscal year, interval, and a verifier's sheet."""

    id = "forest-carbon"
    version = "1"
    title = Text("Forest CO2", "森林の CO2 吸収量")
    description = Text(
        "Stand table, site class, growth and CO2 absorption of planted stands from a survey (or its detected trees), a "
        "forest register and a yield table, with intervals; XLSX with live formulas, CSV, PDF reports.",
        "点群 (または検出済みの樹木)、森林簿、収穫表から林小班ごとの地位、成長量、CO2 吸収量を 95 % 区間とともに算定し"
        "、数式入りの XLSX、CSV、PDF 報告書を作成します。",
    )
    inputs = (
        DatasetInput("survey", Text("Survey tiles", "点群タイル"), "pointcloud", required=False),
        DatasetInput("stands", Text("Stands (polygons, or CSV with WKT)", "林小班 (ポリゴン、または WKT 列のある CSV)"),
                     "polygons", many=False, also=("table",)),
        DatasetInput("earlier_survey", Text("Tiles of an earlier survey", "前回測量の点群"), "pointcloud",
                     required=False),
        *(DatasetInput(name, Text(en, ja), kind, required=False, many=False) for name, en, ja, kind in _OPTIONAL),
    )  # fmt: skip
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage("trees", Text("Trees of the surveys", "単木抽出"), 6),
        Stage("stands", Text("Stand table", "林小班別集計"), 3),
        Stage("carbon", Text("CO2 and intervals", "CO2 量と信頼区間"), 3),
        Stage("write", Text("Writing sheets and reports", "算定書と報告書の出力"), 6),
    )
    parameters_type = CarbonParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: CarbonParameters, context: Context) -> Outputs:
        """See `Process.run`; writes carbon.json, carbon.xlsx, CSV, PDF reports, and what trees and growth come with."""
        from dataclasses import replace

        from pipelines.processes.forest_carbon_inputs import Inputs, carbon_options, read_tables
        from pipelines.processes.forest_carbon_outputs import write_outputs
        from pipelines.processes.tree_outputs import write_stand_layer
        from pointcloud.forest.carbon_claim import claim
        from pointcloud.forest.growth_change import Epoch, forest_growth

        context.progress.at("open")
        given = Inputs(inputs, parameters)
        given.check()
        tables, options = read_tables(given.files), carbon_options(parameters)
        stands = given.stands()
        context.progress.at("trees")
        epoch = given.epoch(context.workspace, context.progress.within("trees", 0.0, 0.6))
        earlier = given.earlier(epoch, context.progress.within("trees", 0.6, 1.0))
        context.progress.at("stands")
        measures, models, notes = given.measures(epoch, stands, tables)
        context.progress.at("carbon")
        result = claim(stands, measures, tables, options, given.error, parameters.n_draws, parameters.seed)
        result = replace(result, notes=(*notes, *result.notes))
        growth = None
        if earlier is not None:
            before = Epoch(parameters.earlier_year or 0, earlier.trees, given.measures(earlier, stands, tables)[0])
            after = Epoch(parameters.survey_year, epoch.trees, measures)
            growth = forest_growth(stands, before, after, epoch.canopy, tables.curves, tables.constants, given.error)
        context.progress.at("write")
        summary = {
            **result.as_dict(),
            "models": {species: m.as_dict() for species, m in models.items()},
            "growth": None if growth is None else growth.as_dict(),
            **given.record(),
        }
        if epoch.inventory is not None:
            summary["inventory"] = epoch.inventory
        layer = write_stand_layer(context.workspace, stands, summary["stands"], epoch.trees.crs)
        return Outputs(summary, (*write_outputs(context, result, summary, given.rule, growth), *layer, *epoch.files))
