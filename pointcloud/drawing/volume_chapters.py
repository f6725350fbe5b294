"""Chapters of the reports of volumes: what moved where, and what it was computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pointcloud.drawing import volume_facts as facts
from pointcloud.drawing.report import Block, Bullets, Figure, Heading, Language, Paragraph, Report, Table
from pointcloud.drawing.soil_table import soil_table
from pointcloud.drawing.volume_words import Picture, Words, number, with_half_width

MAX_PATCHES: Final = 25
"""Patches in the report's table, the largest first; all stand in the quantity book and the GeoPackage."""

_TEXT_WIDTH: Final = 174.0
"""Millimetres between the margins of a page."""


def report_of(summary: Mapping[str, Any], title: str, blocks: Iterable[Block], language: Language) -> Report:
    """The blocks below their title, for the project and by the software that the summary names."""
    made_by = f"tengun {summary['software']['version']}"
    return Report(title, summary["parameters"]["project"], made_by, language, [Heading(title, 0), *blocks])


def figure(pictures: Sequence[Picture], say: Words, height: float) -> Figure:
    """Pictures side by side, none higher than ``height`` millimetres."""
    share = _TEXT_WIDTH / len(pictures)
    highest = max(p.ratio for p in pictures)
    width = min(100.0, 100.0 * height / (share * highest))
    return Figure([p.file for p in pictures], [say(p.en, p.ja) for p in pictures], width)


def material_blocks(material: Mapping[str, Any], say: Words, pictures: Sequence[Picture]) -> Iterator[Block]:
    """Patches, balance, stream, dam, soil."""
    yield Heading(say("2. What moved", "2. 変化箇所と土砂収支"))
    yield from _patches(material, say)
    for picture in pictures:
        yield figure([picture], say, 90.0)
    if material["dam"] is not None:
        yield from _dam(material["dam"], say)
    if material["soil"] is not None:
        yield from _soil(material["soil"], say)


def _patches(material: Mapping[str, Any], say: Words) -> Iterator[Block]:
    patches = material["patches"]
    if not patches:
        yield Paragraph(say("No patch of certain change.", "確実な変化のまとまりはありません。"))
        return
    head = [
        say("Patch", "名称"), say("Kind", "種別"), say("Area m²", "面積 m²"), say("Volume m³", "土量 m³"),
        say("Mean depth m", "平均深 m"), say("Largest m", "最大深 m"), say("East, north m", "東距, 北距 m"),
    ]  # fmt: skip
    kinds = {"source": say("source", "侵食"), "deposit": say("deposit", "堆積")}
    rows = [
        [p["name"], kinds[p["kind"]], number(p["area_m2"], 0),
         f"{number(p['volume_m3'], 0)} ± {number(1.959964 * p['sigma_m3'], 0)}", number(p["mean_depth_m"], 2),
         number(p["largest_depth_m"], 2), f"{number(p['easting_m'], 0)}, {number(p['northing_m'], 0)}"]
        for p in sorted(patches, key=lambda p: -p["volume_m3"])[:MAX_PATCHES]
    ]  # fmt: skip
    yield Table(head, rows, "llrrrrr", [0.7, 0.8, 1, 1.4, 1, 1, 1.6])
    if len(patches) > MAX_PATCHES:
        yield Paragraph(say(f"The largest {MAX_PATCHES} of {len(patches)} patches.",
                            f"全 {len(patches)} 箇所のうち土量の大きい {MAX_PATCHES} 箇所。"), 8.0)  # fmt: skip
    balance = material["balance"]
    values = [number(balance[k], 0) for k in ("source_m3", "deposit_m3")]
    lost = with_half_width(number(balance["lost_m3"], 0), balance["lost_ci95_m3"]).replace("\n", " ")
    yield Paragraph(say(f"Sources {values[0]} m³, deposits {values[1]} m³, lost or changed density: {lost} m³.",
                        f"侵食 {values[0]} m³、堆積 {values[1]} m³、流出または密度変化 {lost} m³。"))  # fmt: skip


def _dam(dam: Mapping[str, Any], say: Words) -> Iterator[Block]:
    where = dam["zone"] or say("all deposits", "全堆積")
    yield Table(
        [say("Dam", "堰堤"), say("Capacity m³", "容量 m³"), say("Deposit m³", "堆積 m³"), say("Share %", "割合 %"),
         say("Left m³", "残容量 m³"), say("Over m³", "超過 m³")],
        [[where, number(dam["capacity_m3"], 0),
          with_half_width(number(dam["deposit_m3"], 0), dam["deposit_ci95_m3"]), number(100.0 * dam["share"], 0),
          number(dam["left_m3"], 0), number(dam["over_m3"], 0)]], "lrrrrr", [1.5, 1, 1, 1, 1, 1],
        say("Deposit and capacity of the dam", "堰堤の容量との比較"),
    )  # fmt: skip


def _soil(soil: Mapping[str, Any], say: Words) -> Iterator[Block]:
    ratios = soil["class"]
    name = say(ratios["name_en"], ratios["name_ja"])
    kinds = {"cut": say("cut", "切土"), "fill": say("fill", "盛土")}
    rows = [
        [row.zone or say("Whole", "全体"), kinds[row.kind], f"{row.bank:,}", f"{row.loose:,}", f"{row.compacted:,}",
         "-" if row.trucks is None else f"{row.trucks:,}"]
        for row in soil_table(soil)
    ]  # fmt: skip
    yield Table(
        [say("Zone", "区域"), "", say("Bank m³", "地山 m³"), say("Loose m³", "ほぐし m³"),
         say("Compacted m³", "締固め m³"), say("Trucks", "運搬台数")], rows, "llrrrr", [1.5, 0.6, 1, 1, 1, 0.8],
        say("Loose and compacted volumes: ", "土量変化率による換算: ")
        + f"{name}, L = {ratios['loose']:.2f}, C = {ratios['compacted']:.2f}",
    )  # fmt: skip
    yield Paragraph(say("Source: ", "出典: ") + f"{ratios['source']} ({ratios['status']})", 7.5)


def source_blocks(
    summary: Mapping[str, Any], parameters: Mapping[str, Any], say: Words, first: int | None = None
) -> Iterator[Block]:
    """Inputs, parameters, software, notes, and constants that nobody confirmed: the end of a report.

    Parameters
    ----------
    summary
        Content of volume.json or epochs.json.
    parameters
        Those to print.
    say
        The language.
    first
        Number of the first chapter; None where chapters have none.
    """
    inputs, used, notes = ("", "", "") if first is None else (f"{first + i}. " for i in range(3))
    yield Heading(inputs + say("Inputs", "入力ファイル"))
    files = [list(f) for f in facts.input_facts(summary, say.language)]
    yield Table([say("Input", "入力"), say("File", "ファイル")], files, "ll", [0, 1], "", 7.5)
    yield Heading(used + say("Parameters and software", "パラメータとソフトウェア"))
    rows = facts.parameter_facts({"parameters": parameters})
    yield Table([say("Parameter", "パラメータ"), say("Value", "値")], rows, "ll", [1, 2], "", 7.5)
    software = facts.software_facts(summary)
    yield Table([say("Software", "ソフトウェア"), say("Version", "版")], software, "ll", [1, 2], "", 7.5)
    found = facts.notes_of(summary, say.language)
    if found:
        yield Heading(notes + say("Notes", "注意"))
        yield Bullets(found)
    yield Heading(say("Constants that are not confirmed", "未確認の定数"), 2)
    yield Bullets(facts.unconfirmed(summary, say.language))
