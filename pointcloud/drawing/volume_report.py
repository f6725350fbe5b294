"""The report (土量変化報告書) of a volume as PDF, in Japanese or English, made from the content of volume.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pointcloud.drawing import volume_facts as facts
from pointcloud.drawing.report import (
    Block,
    Bullets,
    Heading,
    Language,
    Paragraph,
    Report,
    Table,
)
from pointcloud.drawing.volume_chapters import figure, material_blocks, report_of, source_blocks
from pointcloud.drawing.volume_words import Picture, Words, number, printed_volumes, with_half_width
from pointcloud.sections.rounding import half_up

Row = Mapping[str, Any]

MAX_ZONE_TABLES: Final = 20
"""Zones beyond this many have their methods in volume.json and in the quantity book only."""


def volume_report(summary: Mapping[str, Any], pictures: Sequence[Picture], language: Language) -> Report:
    """The report.

    Parameters
    ----------
    summary
        Content of volume.json.
    pictures
        Maps in the order of the report; the first stands beside the result.
    language
        Of the texts.
    """
    say = Words(language)
    return report_of(summary, say("Volume change report", "土量変化 報告書"), _blocks(summary, pictures, say), language)


def _blocks(summary: Mapping[str, Any], pictures: Sequence[Picture], say: Words) -> Iterator[Block]:
    yield from _result(summary, say)
    if pictures:
        yield figure(pictures[:1], say, 150.0)
    yield from material_blocks(summary["material"], say, [p for p in pictures if _is_chainage(p)])
    yield from _methods(summary, say)
    yield from _intervals(summary, say)
    yield from _alignment(summary["alignment"], say)
    yield Heading(say("6. Maps", "6. 図"))
    maps = [p for p in pictures[1:] if not _is_chainage(p)]
    for i in range(0, len(maps), 2):
        yield figure(maps[i : i + 2], say, 125.0)
    yield from _account(summary, say)


def _is_chainage(picture: Picture) -> bool:
    """Whether it belongs to the chapter of what moved, not among the maps."""
    return picture.file.startswith("chainage")


def _result(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("1. Result", "1. 結果"))
    yield Table(
        [say("Survey", "測量"), say("Date", "測量日"), say("Points", "点数"), say("Reference system", "座標系"),
         say("Heights", "高さの基準")], facts.epoch_facts(summary, say.language), "llrll", [0, 0, 0, 1, 1.4],
    )  # fmt: skip
    rows = [{**summary["total"], "name": say("Whole", "全体")}, *summary["zones"]]
    yield Table(
        [say("Zone", "区域"), say("Cut m³", "切土 m³"), say("Fill m³", "盛土 m³"), say("Net m³", "差引 m³"),
         say("Area m²", "面積 m²"), say("Void m²", "欠測 m²")], [_result_row(r) for r in rows], "lrrrrr",
        [1.6, 1.3, 1.3, 1.3, 1, 0.8],
        say("Volumes with 95 % intervals", "土量 (± は 95 % 信頼区間の半幅)"), 9.0,
    )  # fmt: skip
    yield Bullets([say(*text) for text in facts.texts("headline")])


def _result_row(row: Row) -> list[str]:
    cells = [with_half_width(text, row[f"{kind}_ci95_m3"]) for kind, text in printed_volumes(row).items()]
    return [str(row["name"]), *cells, number(row["area_m2"], 0), number(row["void_area_m2"], 0)]


def _methods(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("3. Every method side by side", "3. 計算方法の比較"))
    yield Paragraph(
        say("Plain sums without any treatment of noise, for comparison with other software.",
            "雑音の除去をしない単純合計です。他のソフトウェアとの照合に用います。"), 8.5,
    )  # fmt: skip
    head = [say("Method", "方法"), say("Cut m³", "切土 m³"), say("Fill m³", "盛土 m³"), say("Net m³", "差引 m³"),
            say("Area m²", "面積 m²")]  # fmt: skip
    methods = summary["methods"]
    for zone, found in list(methods.items())[:MAX_ZONE_TABLES]:
        rows = []
        for method in found.values():
            cut, fill = (half_up(method[f"{k}_m3"], 1) for k in ("cut", "fill"))
            rows.append([method["title"][say.language], f"{cut:,}", f"{fill:,}", f"{fill - cut:+,}",
                         number(method["area_m2"], 1)])  # fmt: skip
        name = say("Whole", "全体") if not summary["zones"] else zone
        yield Table(head, rows, "lrrrr", [2.2, 1, 1, 1, 1], say("Zone: ", "区域: ") + name)
    first: Row = next(iter(methods.values()), {})
    yield Bullets([f"{m['title'][say.language]}: {m['why'][say.language]}" for m in first.values()])


def _intervals(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("4. How sure it is", "4. 信頼区間の内訳"))
    model = summary["uncertainty"]
    if model is None:
        yield Paragraph(
            say("No intervals could be estimated; see the notes.", "信頼区間は推定できませんでした。注意を参照。")
        )
        return
    head = [say("Zone", "区域"), "", say("Plain m³", "単純合計 m³"), say("Over limit m³", "検出限界超 m³"),
            say("Noise m³", "水増し m³"), say("Independent m³", "独立 m³"), say("Correlated m³", "相関 m³"),
            say("Systematic m³", "系統 m³"), say("Total σ m³", "合計 σ m³")]  # fmt: skip
    rows = []
    for row in ({**summary["total"], "name": say("Whole", "全体")}, *summary["zones"]):
        for kind, text in (("cut", say("cut", "切土")), ("fill", say("fill", "盛土")), ("net", say("net", "差引"))):
            account, sigma = row["account"], row["account"]["sigma_m3"][kind]
            noise = "" if kind == "net" else number(account["noise_removed_m3"], 0)
            parts = (number(sigma[p], 0) for p in ("independent", "correlated", "systematic", "total"))
            plain, over = (number(account[k][f"{kind}_m3"], 0) for k in ("raw", "thresholded"))
            rows.append([str(row["name"]), text, plain, over, noise, *parts])
    yield Table(head, rows, "llrrrrrrr", [1.4, 0.6, 1, 1, 0.9, 0.9, 0.9, 0.9, 0.9], "", 7.5)
    ranges = ", ".join(f"{number(r, 1)} m" for r in model["correlation"]["ranges_m"])
    yield Paragraph(
        say("Standard deviation of a cell's change: median ", "格子の標高差の標準偏差: 中央値 ")
        + f"{number(model['cell_sigma']['median_m'], 3)} m"
        + say("; errors are alike within ", "。誤差が相関する距離: ") + ranges
        + say("; stable ground ", "。不動域: ") + f"{number(model['stable_area_m2'], 0)} m²", 8.5,
    )  # fmt: skip


def _alignment(alignment: Row, say: Words) -> Iterator[Block]:
    yield Heading(say("5. Alignment", "5. 位置合わせ"))
    if alignment["dx_m"] is None:
        yield Paragraph(
            say("The surveys were compared as they are.", "位置合わせは行わず、測量をそのまま比較しました。")
        )
        return
    head = ["", say("East m", "東 m"), say("North m", "北 m"), say("Up m", "上 m")]
    shift = [f"{half_up(alignment[f'd{a}_m'], 3):+}" for a in "xyz"]
    rows = [
        [say("Shift of the later survey", "変化後のずれ"), *shift],
        [say("Standard error", "標準誤差"), *(number(v, 3) for v in alignment["sigma_m"])],
        [say("Taken out", "補正量"), *(f"{half_up(v, 3):+}" for v in alignment["correction_m"])],
        [say("Check on the grids (Nuth & Kääb)", "格子による検算 (Nuth & Kääb)"),
         *("-" if v is None else f"{half_up(v, 3):+}" for v in alignment["grid_check_m"])],
    ]  # fmt: skip
    yield Table(head, rows, "lrrr", [2.4, 1, 1, 1])
    before, after = (number(alignment[f"residual_{k}_m"], 3) for k in ("before", "after"))
    area = number(alignment["stable_area_m2"], 0)
    yield Paragraph(
        say(
            f"Residual spread on stable ground: {before} m before, {after} m after; stable ground {area} m².",
            f"不動域の残差: 補正前 {before} m、補正後 {after} m。不動域 {area} m²。",
        ),
        8.5,
    )


def _account(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("7. How it was computed", "7. 計算の手順"))
    yield Bullets([say(*step) for step in facts.texts("steps")])
    yield from source_blocks(summary, summary["parameters"], say, 8)
