"""Tables of a series of surveys as XLSX: live formulas that round half up over a sheet of unrounded values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pointcloud.drawing import volume_facts as facts
from pointcloud.drawing.workbook import FIRST_ROW, Cell, Column, Formula, TableSheet, add_sheet, letter, open_book
from pointcloud.sections.rounding import half_up

Row = Mapping[str, Any]

DATA: Final = "数値"
_FIELDS: Final = ("cut_m3", "fill_m3", "net_m3", "cut_ci95_m3", "fill_ci95_m3", "net_ci95_m3", "area_m2")


def write_epochs_book(path: Path, summary: Mapping[str, Any]) -> None:
    """Write the book.

    Parameters
    ----------
    path
        Where to write.
    summary
        Content of epochs.json.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    rows = list(_rows(summary))
    sheets = [_summary_sheet(rows), _data_sheet(rows), _closure_sheet(summary["closure"])]
    if summary["fill"] is not None:
        sheets.append(_fill_sheet(summary["fill"]))
    sheets.append(_fact_sheet(summary))
    with open_book(path, "多時期土量計算書") as book:
        for sheet in sheets:
            add_sheet(book, sheet)


def _rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Row]]:
    """Zone, from, to and volume of each step and of each change since the first."""
    first = summary["epochs"][0]["name"]
    for one in summary["series"]:
        zone = "全体" if one["zone"] is None else str(one["zone"])
        for row in one["rows"]:
            yield zone, row["previous"], row["epoch"], row["since_previous"]
        for row in one["rows"][1:]:
            yield zone, first, row["epoch"], row["since_first"]


def _summary_sheet(rows: Sequence[tuple[str, str, str, Row]]) -> TableSheet:
    body: list[list[Cell]] = []
    for n, (zone, before, after, volume) in enumerate(rows, FIRST_ROW):
        cut, fill = (half_up(volume[f"{k}_m3"], 0) for k in ("cut", "fill"))
        printed = (Formula(f"ROUND({DATA}!D{n},0)", cut), Formula(f"ROUND({DATA}!E{n},0)", fill))
        half = [_half_width(volume, k, n) for k in ("cut", "fill", "net")]
        net = Formula(f"F{n}-D{n}", fill - cut)
        body.append([zone, before, after, printed[0], half[0], printed[1], half[1], net, half[2]])
    heads = ("切土 m3", "± 95 % m3", "盛土 m3", "± 95 % m3", "差引 m3", "± 95 % m3")
    columns = [Column("区域", 24), Column("から", 16), Column("まで", 16), *(Column(h, 12, 0) for h in heads)]
    notes = (
        "差引 = 盛土 - 切土 (1 m3 止め、四捨五入)。± は 95 % 信頼区間の半幅。地山の幾何体積。",
        "全体: 変化が確実な範囲の土量。期間の和は全期間と一致しません (単純合計の一致は「整合」)。",
        "区域: 区域内の全格子。差引は単純合計。",
    )
    return TableSheet("総括表", "多 時 期 土 量 計 算 書", columns, body, notes)


def _half_width(volume: Row, name: str, n: int) -> Cell:
    interval = volume[f"{name}_ci95_m3"]
    if interval is None:
        return "-"
    low = {"cut": 6, "fill": 8, "net": 10}[name]
    text = f"ROUND(({DATA}!{letter(low + 1)}{n}-{DATA}!{letter(low)}{n})/2,0)"
    return Formula(text, half_up((interval[1] - interval[0]) / 2.0, 0))


def _data_sheet(rows: Sequence[tuple[str, str, str, Row]]) -> TableSheet:
    limits = [f"{kind} {end}" for kind in ("切土", "盛土", "差引") for end in ("下限", "上限")]
    heads = ("切土 m3", "盛土 m3", "差引 m3", *limits, "面積 m2")
    body: list[list[Cell]] = []
    for zone, before, after, volume in rows:
        cells: list[Cell] = [zone, before, after]
        for name in _FIELDS:
            cells += list(volume[name] or (None, None)) if "ci95" in name else [volume[name]]
        body.append(cells)
    columns = [Column("区域", 24), Column("から", 16), Column("まで", 16), *(Column(h, 13, 3) for h in heads)]
    return TableSheet(DATA, "丸めていない値 (epochs.json と同じ)", columns, body, ("総括表の計算式が参照します。",))


def _closure_sheet(closure: Row) -> TableSheet:
    body: list[list[Cell]] = []
    for n, row in enumerate(closure["nets"], FIRST_ROW):
        steps, whole = (half_up(row[k], 1) for k in ("steps_net_m3", "whole_net_m3"))
        zone = "全体" if row["zone"] is None else str(row["zone"])
        body.append([zone, steps, whole, Formula(f"B{n}-C{n}", steps - whole)])
    heads = ("期間の合計 m3", "最初から最後 m3", "差 m3")
    columns = [Column("区域", 24), *(Column(h, 18, 1) for h in heads)]
    notes = (
        "単純合計の差引。途中の時期に欠測がなければ一致します。",
        f"格子ごとの最大の差 {closure['largest_gap_m']:.1g} m、途中で欠測 {half_up(closure['open_area_m2'], 0):,} m2",
    )
    return TableSheet("整合", "各期間の合計の整合", columns, body, notes)


def _fill_sheet(fill: Row) -> TableSheet:
    """The ledger; natural ground follows from the three printed above it."""
    first, middle, last = fill["epochs"]
    texts = (("placed", f"搬入 ({first} → {middle})"), ("moved", f"流出 ({middle} → {last}、地山を含む)"),
             ("residual", f"残存盛土 ({last} に {first} の地盤より上)"))  # fmt: skip
    body: list[list[Cell]] = []
    for name, text in texts:
        interval = fill[f"{name}_ci95_m3"]
        half: Cell = "-" if interval is None else half_up((interval[1] - interval[0]) / 2.0, 0)
        body.append([text, half_up(fill[f"{name}_m3"], 0), half, half_up(fill["plain"][f"{name}_m3"], 0)])
    n = FIRST_ROW
    columns = {1: "", 3: "plain"}
    natural: dict[int, Cell] = {}
    for column, part in columns.items():
        source = fill[part] if part else fill
        placed, moved, left = (half_up(source[f"{k}_m3"], 0) for k in ("placed", "moved", "residual"))
        c = letter(column)
        natural[column] = Formula(f"{c}{n + 1}-({c}{n}-{c}{n + 2})", moved - (placed - left))
    body.append(["地山の流出 = 流出 - (搬入 - 残存)", natural[1], None, natural[3]])
    heads = [Column("項目", 50), Column("土量 m3", 14, 0), Column("± 95 % m3", 14, 0), Column("単純合計 m3", 14, 0)]
    notes = (
        f"区域「{fill['zone']}」、3 時期すべてに地盤のある格子のみ。",
        f"差引 ({first} → {last}) は {half_up(fill['net_m3'], 0):,} m3 で、残存盛土の量ではありません。",
    )
    return TableSheet("盛土収支", "盛土の収支", heads, body, notes, n_totals=1)


def _fact_sheet(summary: Mapping[str, Any]) -> TableSheet:
    rows = [("成果の様式", str(summary["schema"])), ("座標系", str(summary["crs"])),
            ("格子間隔 m", f"{summary['cell_m']:g}"), ("符号", summary["sign"]["ja"]),
            ("状態", summary["state"]["ja"])]  # fmt: skip
    for epoch, r in zip(summary["epochs"], facts.epoch_facts(summary, "ja"), strict=True):
        moved = "基準" if epoch["alignment"] is None else facts.alignment_text(epoch["alignment"], "ja")
        rows.append((f"測量 {r[0]}", f"測量日 {r[1]}  点数 {r[2]}  座標系 {r[3]}  高さ {r[4]}  位置合わせ {moved}"))
    rows += [(f"入力 {name}", text.replace("\n", "  ")) for name, text in facts.input_facts(summary, "ja")]
    plain = {k: v for k, v in summary["parameters"].items() if k != "epochs"}
    rows += [(f"パラメータ {name}", text) for name, text in facts.parameter_facts({"parameters": plain})]
    rows += [(f"ソフトウェア {name}", text) for name, text in facts.software_facts(summary)]
    rows += [("注意", note) for note in facts.notes_of(summary, "ja")]
    rows += [("未確認の定数", text) for text in facts.unconfirmed(summary, "ja")]
    columns = [Column("項目", 26), Column("内容", 110)]
    return TableSheet("条件", "計算条件・入力・ソフトウェア", columns, [list(row) for row in rows])
