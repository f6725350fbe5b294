"""The report of a series of surveys as PDF, in Japanese or English, made from the content of epochs.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointcloud.drawing import volume_facts as facts
from pointcloud.drawing.report import Block, Bullets, Heading, Language, Paragraph, Report, Table
from pointcloud.drawing.volume_chapters import figure, report_of, source_blocks
from pointcloud.drawing.volume_words import Picture, Words, number, printed_volumes, with_half_width
from pointcloud.sections.rounding import half_up

Row = Mapping[str, Any]


def epochs_report(summary: Mapping[str, Any], pictures: Sequence[Picture], language: Language) -> Report:
    """The report.

    Parameters
    ----------
    summary
        Content of epochs.json.
    pictures
        Maps of the pairs, and the diagram of the series as the last.
    language
        Of the texts.
    """
    say = Words(language)
    title = say("Volume change over many surveys", "多時期 土量変化 報告書")
    return report_of(summary, title, _blocks(summary, pictures, say), language)


def _blocks(summary: Mapping[str, Any], pictures: Sequence[Picture], say: Words) -> Iterator[Block]:
    yield from _surveys(summary, say)
    yield from _series(summary, say)
    yield figure(pictures[-1:], say, 110.0)
    if summary["fill"] is not None:
        yield from _fill(summary["fill"], say)
    yield from _closure(summary, say)
    yield Heading(say("Maps of the pairs", "各組の標高差分図"))
    maps = pictures[:-1]
    for i in range(0, len(maps), 2):
        yield figure(maps[i : i + 2], say, 75.0)
    yield from _account(summary, say)


def _surveys(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("Surveys and alignment", "測量と位置合わせ"))
    head = [say("Survey", "測量"), say("Date", "測量日"), say("Points", "点数"), say("Reference system", "座標系"),
            say("Heights", "高さの基準")]  # fmt: skip
    yield Table(head, facts.epoch_facts(summary, say.language), "llrll", [0, 0, 0, 1, 1.4])
    rows = []
    for epoch in summary["epochs"][1:]:
        alignment = epoch["alignment"]
        if alignment["dx_m"] is None:
            rows.append([str(epoch["name"]), *["-"] * 5, "-"])
            continue
        shift = [f"{half_up(alignment[f'd{a}_m'], 3):+}" for a in "xyz"]
        residual = [number(alignment[f"residual_{k}_m"], 3) for k in ("before", "after")]
        done = say("yes", "補正") if alignment["applied"] else say("no", "なし")
        rows.append([str(epoch["name"]), *shift, *residual, done])
    head = [say("Shift from the first", "最初の測量とのずれ"), say("East m", "東 m"), say("North m", "北 m"),
            say("Up m", "上 m"), say("Spread before m", "残差 前 m"), say("after m", "後 m"),
            say("Taken out", "補正")]  # fmt: skip
    yield Table(head, rows, "lrrrrrl", [1.6, 1, 1, 1, 1, 1, 0.8])


def _series(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("Volumes with 95 % intervals", "土量 (± は 95 % 信頼区間の半幅)"))
    parts = [say("cut m³", "切土 m³"), say("fill m³", "盛土 m³"), say("net m³", "差引 m³")]
    head = [say("Until", "時期"), *(say("Step: ", "前回から ") + p for p in parts),
            *(say("Since first: ", "最初から ") + p for p in parts)]  # fmt: skip
    for one in summary["series"]:
        rows = [[str(r["epoch"]), *_cells(r["since_previous"]), *_cells(r["since_first"])] for r in one["rows"]]
        name = say("Whole", "全体") if one["zone"] is None else say("Zone: ", "区域: ") + str(one["zone"])
        yield Table(head, rows, "lrrrrrr", [1.2, *[1.0] * 6], name, 8.0)
    sign, _, zones = facts.texts("headline")
    whole = say(
        "Whole: ground where change is certain, so that the steps need not add up; plain sums stand in epochs.json.",
        "全体: 変化が確実な範囲の土量のため、各期間の和は全期間と一致しません。単純合計は epochs.json。",
    )
    yield Bullets([say(*sign), whole, say(*zones)])


def _cells(volume: Row) -> list[str]:
    return [with_half_width(text, volume[f"{k}_ci95_m3"]) for k, text in printed_volumes(volume).items()]


def _fill(fill: Row, say: Words) -> Iterator[Block]:
    first, middle, last = fill["epochs"]
    yield Heading(say("What became of the fill", "盛土の収支") + f": {fill['zone']}")
    lines = (
        ("placed", say(f"Placed, {first} to {middle}", f"搬入 ({first} → {middle})")),
        ("moved", say(f"Moved, {middle} to {last}: fill and natural ground", f"流出 ({middle} → {last}、地山を含む)")),
        ("residual", say(f"Left of the fill at {last}: above the ground of {first}",
                         f"残存盛土 ({last} に {first} の地盤より上)")),
        ("natural", say("Natural ground that went too: moved - (placed - left)",
                        "地山の流出 = 流出 − (搬入 − 残存)")),
        ("net", say(f"Net of {first} to {last} (not what is left)", f"差引 ({first} → {last}、残存量ではない)")),
    )  # fmt: skip
    rows = [
        [text, with_half_width(number(fill[f"{k}_m3"], 0), fill.get(f"{k}_ci95_m3")).replace("\n", " "),
         number(fill["plain"][f"{k}_m3"], 0)]
        for k, text in lines
    ]  # fmt: skip
    yield Table(["", say("Volume m³", "土量 m³"), say("Plain sum m³", "単純合計 m³")], rows, "lrr", [3, 1.2, 1])


def _closure(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    closure = summary["closure"]
    yield Heading(say("Do the steps add up?", "各期間の合計の整合"))
    head = [say("Zone", "区域"), say("Sum of steps m³", "期間の合計 m³"), say("First to last m³", "最初から最後 m³"),
            say("Difference m³", "差 m³")]  # fmt: skip
    rows = [
        [say("Whole", "全体") if row["zone"] is None else str(row["zone"]),
         *(f"{half_up(row[k], 1):+,}" for k in ("steps_net_m3", "whole_net_m3", "difference_m3"))]
        for row in closure["nets"]
    ]  # fmt: skip
    yield Table(head, rows, "lrrr", [2, 1, 1, 1], say("Plain nets", "単純合計の差引"))
    gap, area = f"{closure['largest_gap_m']:.1g} m", number(closure["open_area_m2"], 0)
    yield Paragraph(
        say(f"Cell by cell the steps and the whole agree within {gap}. {area} m² are known at the first and last "
            "survey, but void in one between; a difference above stems from there.",
            f"格子ごとに各期間の和と全期間の差は {gap} 以内で一致。最初と最後にあり途中で欠測の面積は {area} m² "
            "で、上の差はこれによるものです。"), 8.5,
    )  # fmt: skip


def _account(summary: Mapping[str, Any], say: Words) -> Iterator[Block]:
    yield Heading(say("How it was computed", "計算の手順"))
    first = summary["epochs"][0]["name"]
    own = say(f"Every survey is brought onto the first ({first}); each pair has an error model of its own.",
              f"各測量を最初の測量 ({first}) に合わせ、誤差は組ごとに推定します。")  # fmt: skip
    yield Bullets([own, *(say(*step) for step in facts.texts("steps"))])
    plain = {k: v for k, v in summary["parameters"].items() if k != "epochs"}
    yield from source_blocks(summary, plain, say)
