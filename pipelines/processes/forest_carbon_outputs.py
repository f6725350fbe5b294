"""Every file of ``forest-carbon``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pipelines.process import Context, OutputFile
from pipelines.progress import Text

if TYPE_CHECKING:
    from pointcloud.forest.carbon_result import Claim
    from pointcloud.forest.stands_table import UpperLayer

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_ENCODINGS: Final = {"utf8": "utf-8-sig", "cp932": "cp932"}


def write_outputs(context: Context, result: Claim, summary: dict[str, Any], rule: UpperLayer) -> tuple[OutputFile, ...]:
    """Write every deliverable into the workspace and list them; characters that CP932 lacks become notes."""
    from pipelines.run import write_json
    from pointcloud.drawing.forest_report import write_forest_reports
    from pointcloud.drawing.forest_sheet import write_claim

    folder, facts = context.workspace, _facts(summary)
    write_claim(folder / "carbon.xlsx", result, rule, facts)
    tables = _write_tables(context, result, summary)
    context.progress.at("write", 0.3)
    write_forest_reports({"ja": folder / "carbon_ja.pdf", "en": folder / "carbon_en.pdf"}, result, rule, facts)
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
    return [*inputs, ("ソフトウェア software", "  ".join(f"{k} {v}" for k, v in summary["software"].items()))]


def _write_tables(context: Context, result: Claim, summary: dict[str, Any]) -> list[OutputFile]:
    from pointcloud.drawing.forest_csv import stand_rows, year_rows
    from pointcloud.drawing.text_tables import write_csv
    from pointcloud.notes import Note

    tables = {"stands": (stand_rows(result), Text("Stands", "林小班別")),
              "years": (year_rows(result), Text("Years", "年次"))}  # fmt: skip
    files = []
    for stem, (rows, title) in tables.items():
        for suffix, encoding in CSV_ENCODINGS.items():
            name = f"carbon_{stem}_{suffix}.csv"
            lost = " ".join(write_csv(context.workspace / name, rows, encoding))
            if lost:
                note = Note("cp932-characters", f"{name}: CP932 lacks {lost}; written as ?",
                            f"{name}: CP932 にない文字 {lost} は ? としました。")  # fmt: skip
                summary["notes"].append(note.as_dict())
            label = "UTF-8" if suffix == "utf8" else "CP932"
            files.append(OutputFile(name, "text/csv", Text(f"{title.en} ({label})", f"{title.ja} ({label})")))
    return files
