"""CO2 of planted stands from their trees, a forest register and a yield table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, Outputs, Parameters, Process
from pipelines.progress import Stage, Text

if TYPE_CHECKING:
    from pointcloud.forest.carbon import CarbonOptions
    from pointcloud.forest.carbon_claim import Tables
    from pointcloud.forest.carbon_result import Claim
    from pointcloud.forest.growth_change import StandGrowth
    from pointcloud.forest.inventory import Trees
    from pointcloud.forest.stands import Stand
    from pointcloud.forest.stands_table import StandMeasure, Survey
    from pointcloud.notes import Note


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
    earlier_year: int | None = Field(None, ge=1990, le=2100, title="Fiscal year of the earlier survey / 前回測量の年度")
    n_draws: int = Field(2000, ge=100, le=100_000, title="Monte Carlo draws / 試行回数")
    seed: int = Field(1, ge=0, title="Random seed / 乱数の種")


_OPTIONAL: tuple[tuple[str, str, str, Literal["table", "raster", "points"]], ...] = (
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
        "Stand table, site class, growth and CO2 absorption of planted stands from detected trees, a forest register "
        "and a yield table, with intervals; XLSX with live formulas, CSV, PDF reports.",
        "検出した樹木、森林簿、収穫表から林小班ごとの地位、成長量、CO2 吸収量を 95 % 区間とともに算定し、数式入りの "
        "XLSX、CSV、PDF 報告書を作成します。",
    )
    inputs = (
        DatasetInput("trees", Text("Trees (GeoPackage)", "樹木一覧 (GeoPackage)"), "points", many=False),
        DatasetInput("stands", Text("Stands (polygons)", "林小班 (ポリゴン)"), "polygons", many=False),
        *(DatasetInput(name, Text(en, ja), kind, required=False, many=False) for name, en, ja, kind in _OPTIONAL),
    )
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 2),
        Stage("stands", Text("Stand table", "林小班別集計"), 3),
        Stage("carbon", Text("CO2 and intervals", "CO2 量と信頼区間"), 3),
        Stage("write", Text("Writing sheets and reports", "算定書と報告書の出力"), 6),
    )
    parameters_type = CarbonParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: CarbonParameters, context: Context) -> Outputs:
        """See `Process.run`; writes carbon.json, carbon.xlsx, CSV, PDF reports."""
        from dataclasses import replace

        from pipelines.processes.forest_carbon_outputs import write_outputs
        from pointcloud.forest.carbon_claim import claim
        from pointcloud.forest.stands_reading import read_stands
        from pointcloud.forest.tree_files import read_trees

        context.progress.at("open")
        given = {name: paths[0] for name, paths in inputs.items() if paths}
        options = _options(parameters)
        trees = read_trees(given["trees"])
        tables = _tables(given)
        stands = read_stands(given["stands"], _crs(trees), parameters.age_year or parameters.survey_year,
                             given.get("register"))  # fmt: skip
        survey = _survey(given)
        context.progress.at("stands")
        measures, notes = _measures(trees, stands, survey, tables, given, parameters)
        context.progress.at("carbon")
        result = claim(stands, measures, tables, options, survey.error, parameters.n_draws, parameters.seed)
        result = replace(result, notes=(*notes, *result.notes))
        growth = _growth(given, parameters, stands, trees, measures, survey, tables)
        context.progress.at("write")
        summary = _summary(result, growth, given, parameters)
        return Outputs(summary, write_outputs(context, result, summary, _rule(parameters)))


def _options(parameters: CarbonParameters) -> CarbonOptions:
    from pointcloud.forest.carbon import CarbonOptions

    names = ("methodology", "start_year", "survey_year", "period", "buffer_percent", "carbon_fraction", "thinning",
             "rotation_ages", "treatment_since")  # fmt: skip
    return CarbonOptions(**{n: getattr(parameters, n) for n in names})


def _rule(parameters: CarbonParameters) -> Any:
    from pointcloud.forest.stands_table import UpperLayer

    return UpperLayer(parameters.upper_layer)


def _crs(trees: Trees) -> Any:
    from pointcloud.errors import CrsError

    if trees.crs is None:
        raise CrsError(
            "forest carbon: the trees' GeoPackage states no CRS; make it anew from a survey whose CRS is known",
            "樹木一覧に座標参照系がありません。座標参照系の分かる測量から作り直してください。",
        )
    return trees.crs


def _tables(given: Mapping[str, Path]) -> Tables:
    from pointcloud.forest.carbon_claim import Tables
    from pointcloud.forest.carbon_table import carbon_table
    from pointcloud.forest.growth_tables import example_yield_table, read_yield_table

    constants = carbon_table(given.get("constants"))
    if "yield_table" in given:
        yields = read_yield_table(given["yield_table"], constants.name_of)
    else:
        yields = example_yield_table(constants.name_of)
    curves = read_yield_table(given["curves"], constants.name_of) if "curves" in given else yields
    return Tables(yields, constants, curves)


def _survey(given: Mapping[str, Path]) -> Survey:
    from pointcloud.forest.stands_table import Survey
    from pointcloud.forest.uncertainty import assumed_height_error
    from pointcloud.io.raster import read_raster

    canopy, density = (read_raster(given[n]) if n in given else None for n in ("canopy", "ground_density"))
    return Survey(canopy, density, assumed_height_error())


def _measures(
    trees: Trees,
    stands: Sequence[Stand],
    survey: Survey,
    tables: Tables,
    given: Mapping[str, Path],
    parameters: CarbonParameters,
) -> tuple[tuple[StandMeasure, ...], tuple[Note, ...]]:
    from pointcloud.forest.stands_models import species_models
    from pointcloud.forest.stands_table import stand_table
    from pointcloud.forest.stem_plots import read_plots

    plots = read_plots(given["plots"]) if "plots" in given else None
    models, notes = species_models(stands, tables.constants, trees, plots)
    return stand_table(trees, stands, survey, models, _rule(parameters)), notes


def _growth(
    given: Mapping[str, Path],
    parameters: CarbonParameters,
    stands: Sequence[Stand],
    trees: Trees,
    measures: Sequence[StandMeasure],
    survey: Survey,
    tables: Tables,
) -> tuple[StandGrowth, ...]:
    """Growth since an earlier survey; empty without one."""
    if "earlier_trees" not in given:
        return ()
    from dataclasses import replace

    from pointcloud.errors import ParameterError
    from pointcloud.forest.growth_change import Epoch, match_trees, stand_growth
    from pointcloud.forest.tree_files import read_trees

    if parameters.earlier_year is None:
        raise ParameterError(
            "forest carbon: an earlier survey is given without its fiscal year; set earlier_year",
            "前回測量の樹木一覧に年度がありません。earlier_year を指定してください。",
            field="earlier_year",
        )
    earlier = read_trees(given["earlier_trees"])
    then = replace(survey, canopy=None)
    before, _ = _measures(earlier, stands, then, tables, given, parameters)
    epochs = Epoch(parameters.earlier_year, earlier, before), Epoch(parameters.survey_year, trees, measures)
    matches = match_trees(earlier, trees, survey.canopy)
    return stand_growth(stands, *epochs, matches, tables.curves, tables.constants, survey.error)


def _summary(
    result: Claim, growth: Sequence[StandGrowth], given: Mapping[str, Path], parameters: CarbonParameters
) -> dict[str, Any]:
    from pipelines.evidence import sha256, software

    return {
        **result.as_dict(),
        "growth": [g.as_dict() for g in growth],
        "inputs": {name: {"name": path.name, "sha256": sha256(path)} for name, path in given.items()},
        "parameters": parameters.model_dump(mode="json"),
        "software": software(),
    }
