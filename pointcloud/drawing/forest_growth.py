"""Growth of stands between two surveys, as a chapter of the report and as a table for CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pointcloud.drawing.forest_csv import figure
from pointcloud.drawing.report import Block, Heading, Paragraph, Table
from pointcloud.drawing.volume_words import Words, number
from pointcloud.forest.growth_change import ForestGrowth, StandGrowth

_HEAD = (
    "林小班", "期間(年)", "上層樹高成長(m/年)", "下限(m/年)", "上限(m/年)", "照合木の成長中央値(m/年)", "照合本数",
    "消失本数(伐採・倒木)", "収穫表の成長(m/年)", "地位級", "備考",
)  # fmt: skip


def growth_rows(growth: ForestGrowth) -> Sequence[Sequence[object]]:
    """A row a stand, growth to 1 mm; cells are empty where there is no figure. Limits are those of 95 % intervals."""
    body = [
        [g.id, figure(g.years, 0), *(figure(v, 3) for v in (g.upper, *g.upper_ci95, g.matched)), g.n_matched, g.n_gone,
         figure(g.expected, 3),
         g.class_name, " / ".join(n.ja for n in g.notes)]
        for g in growth.stands
    ]  # fmt: skip
    return [_HEAD, *body]


def growth_blocks(growth: ForestGrowth, heading: str, say: Words) -> Iterator[Block]:
    """The chapter: what was compared, and the stands against the yield table."""
    found, first, last = growth.matches, growth.before.year, growth.after.year
    yield Heading(heading)
    yield Paragraph(say(
        f"Surveys of {first} and {last}: {found.before.size:,} trees found again, {found.gone.size:,} gone (felled or "
        f"fallen), {found.hidden.size:,} not found again under a canopy that is still there, {found.new.size:,} new.",
        f"{first} 年度と {last} 年度の測量の比較: 照合できた木 {found.before.size:,} 本、消失 (伐採・倒木) "
        f"{found.gone.size:,} 本、樹冠は残るが照合できない木 {found.hidden.size:,} 本、新規 {found.new.size:,} 本。",
    ))  # fmt: skip
    head = [say("Stand", "林小班"), say("Upper layer m/yr (95 %)", "上層樹高 m/年 (95 %)"),
            say("Matched trees m/yr", "照合木 m/年"), say("Matched", "照合本数"), say("Gone", "消失本数"),
            say("Yield table m/yr", "収穫表 m/年"), say("Class", "地位")]  # fmt: skip
    yield Table(head, [_row(g) for g in growth.stands], "lrrrrrl", [1, 1.5, 1, 0.8, 0.7, 1, 0.7], "", 8.0)
    rows = [[g.id, say(n.en, n.ja)] for g in growth.stands for n in g.notes]
    if rows:
        yield Table([say("Stand", "林小班"), say("Note", "内容")], rows, "ll", [0.5, 3], "", 8.0)


def _row(g: StandGrowth) -> list[str]:
    ends = "" if math.isnan(g.upper_ci95[0]) else f"\n({g.upper_ci95[0]:.2f}–{g.upper_ci95[1]:.2f})"
    return [g.id, _value(g.upper) + ends, _value(g.matched), f"{g.n_matched:,}", f"{g.n_gone:,}", _value(g.expected),
            g.class_name or "-"]  # fmt: skip


def _value(value: float) -> str:
    return number(None if math.isnan(value) else value, 2)
