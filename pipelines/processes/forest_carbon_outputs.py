"""Every file of ``forest-carbon``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.media_types import GPKG, XLSX
from pipelines.process import Context, OutputFile
from pipelines.progress import Text

if TYPE_CHECKING:
    from pointcloud.forest.carbon_result import Claim
    from pointcloud.forest.growth_change import ForestGrowth
    from pointcloud.forest.stands_table import UpperLayer


def write_outputs(
    context: Context, result: Claim, summary: dict[str, Any], rule: UpperLayer, growth: ForestGrowth | None
) -> tuple[OutputFile, ...]:
    """Write every deliverable into the workspace and list them; characters that CP932 lacks become notes."""
    from pipelines.workspace import write_json
    from pointcloud.drawing.forest_report import write_forest_reports
    from pointcloud.drawing.forest_sheet import write_claim

    folder, facts = context.workspace, _facts(summary)
    write_claim(folder / "carbon.xlsx", result, rule, facts)
    tables = _write_tables(context, result, summary, growth)
    context.progress.at("write", 0.3)
    write_forest_reports({"ja": folder / "carbon_ja.pdf", "en": folder / "carbon_en.pdf"}, result, rule, facts, growth)
    write_json(folder / "carbon.json", summary)
    return (
        OutputFile("carbon.json", "application/json", Text("Summary", "結果の要約")),
        OutputFile("carbon.xlsx", XLSX, Text("Calculation sheet (XLSX)", "CO2 吸収量算定書 (XLSX)")),
        OutputFile("carbon_ja.pdf", "application/pdf", Text("Report in Japanese", "報告書 (日本語)")),
        OutputFile("carbon_en.pdf", "application/pdf", Text("Report in English", "報告書 (英語)")),
        *tables,
    )


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Inputs and software, as the papers print them."""
    inputs = [(f"入力 input: {k}", f"{v['name']}  SHA-256 {v['sha256']}") for k, v in summary["inputs"].items()]
    if "inventory" in summary:
        inputs += [
            ("入力 input: survey", f"{f['name']}  SHA-256 {f['sha256']}")
            for f in summary["inventory"]["survey"]["files"]
        ]
    return [*inputs, ("ソフトウェア software", "  ".join(f"{k} {v}" for k, v in summary["software"].items()))]


def _write_tables(
    context: Context, result: Claim, summary: dict[str, Any], growth: ForestGrowth | None
) -> tuple[OutputFile, ...]:
    from pipelines.processes.tree_outputs import write_tables
    from pointcloud.drawing.forest_csv import stand_rows, year_rows
    from pointcloud.drawing.forest_growth import growth_rows
    from pointcloud.forest.growth_files import write_growth

    tables = {"carbon_stands": (stand_rows(result), Text("Stands", "林小班別")),
              "carbon_years": (year_rows(result), Text("Years", "年次"))}  # fmt: skip
    if growth is not None:
        tables["carbon_growth"] = (growth_rows(growth), Text("Growth by stand", "林小班別の成長"))
    files, lost = write_tables(context.workspace, tables)
    summary["notes"] += lost
    if growth is not None:
        write_growth(context.workspace / "growth.gpkg", growth)
        title = Text("Trees grown, gone and new", "成長・消失・新規の樹木")
        files += (OutputFile("growth.gpkg", GPKG, title),)
    return files
