"""土量計算書 of a volume as XLSX: every figure of the result, with live formulas that round half up in printed order.

What is measured stands unrounded in the sheet 数値; the other sheets take it from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pointcloud.drawing.section_book import end_area_sheets
from pointcloud.drawing.soil_table import soil_table
from pointcloud.drawing.workbook import (
    FIRST_ROW,
    Cell,
    Column,
    Formula,
    TableSheet,
    add_sheet,
    letter,
    open_book,
    tab_name,
)
from pointcloud.sections.rounding import half_up

Row = Mapping[str, Any]

SUMMARY_DIGITS: Final = 0
"""Decimals of m3 in the summary; from memory of the 数量算出要領, to be confirmed."""

DATA: Final = "数値"
_DATA_FIELDS: Final = (
    "cut_m3", "fill_m3", "net_m3", "cut_ci95_m3", "fill_ci95_m3", "net_ci95_m3", "area_m2", "void_area_m2",
    "level_of_detection_m",
)  # fmt: skip
_VOLUME: Final = "m3"


def write_volume_book(path: Path, summary: Mapping[str, Any], facts: Sequence[tuple[str, str]]) -> None:
    """Write the book.

    Parameters
    ----------
    path
        Where to write.
    summary
        Content of volume.json.
    facts
        Name and text of what a checker needs: inputs with hashes, parameters, software, what is not confirmed.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    rows = headline_rows(summary)
    taken: set[str] = {DATA.casefold()}
    sheets = [
        _summary_sheet(rows, taken), _data_sheet(rows), _account_sheet(rows, taken), _method_sheet(summary, taken),
        *_material_sheets(summary["material"], taken), *end_area_sheets(summary["methods"], taken),
        _fact_sheet(facts, taken),
    ]  # fmt: skip
    with open_book(path, "土量計算書") as book:
        for sheet in sheets:
            add_sheet(book, sheet)


def headline_rows(summary: Mapping[str, Any]) -> list[Row]:
    """The whole under the name 全体, then the zones."""
    return [{**summary["total"], "name": "全体"}, *summary["zones"]]


def _summary_sheet(rows: Sequence[Row], taken: set[str]) -> TableSheet:
    body = [list(_summary_row(row, FIRST_ROW + i)) for i, row in enumerate(rows)]
    columns = [Column("区域", 24), *(Column(t, 12, 0) for t in ("切土 m3", "± 95 % m3", "盛土 m3", "± 95 % m3",
               "差引 m3", "± 95 % m3", "面積 m2", "欠測 m2")), Column("検出限界 m", 10, 2)]  # fmt: skip
    notes = (
        "差引 = 盛土 - 切土 (1 m3 止め、四捨五入)。± は 95 % 信頼区間の半幅。地山の幾何体積。",
        "全体: 変化が確実な範囲の土量から測定誤差による水増し分を除いた値。",
        "区域: 区域内の全格子。差引は単純合計、切土・盛土は水増し分を除いた値。",
        "単純合計と誤差の内訳は「内訳」、他の計算方法との比較は「方法比較」を参照。",
    )
    return TableSheet(tab_name("総括表", taken), "土 量 計 算 書 (総括表)", columns, body, notes)


def _summary_row(row: Row, n: int) -> Iterator[Cell]:
    """``n`` is the row's number in this sheet and in the data sheet."""
    yield str(row["name"])
    printed: dict[str, Decimal] = {}
    for name, column in (("cut", 1), ("fill", 2)):
        printed[name] = half_up(row[f"{name}_m3"], SUMMARY_DIGITS)
        yield Formula(f"ROUND({DATA}!{letter(column)}{n},{SUMMARY_DIGITS})", printed[name])
        yield _half_width(row, name, n)
    yield Formula(f"D{n}-B{n}", printed["fill"] - printed["cut"])
    yield _half_width(row, "net", n)
    for name, column in (("area_m2", 10), ("void_area_m2", 11)):
        yield Formula(f"ROUND({DATA}!{letter(column)}{n},0)", half_up(row[name], 0))
    level = row["level_of_detection_m"]
    yield None if level is None else Formula(f"ROUND({DATA}!M{n},2)", half_up(level, 2))


def _half_width(row: Row, name: str, n: int) -> Cell:
    interval = row[f"{name}_ci95_m3"]
    if interval is None:
        return "-"
    low = {"cut": 4, "fill": 6, "net": 8}[name]
    value = half_up((interval[1] - interval[0]) / 2.0, SUMMARY_DIGITS)
    return Formula(f"ROUND(({DATA}!{letter(low + 1)}{n}-{DATA}!{letter(low)}{n})/2,{SUMMARY_DIGITS})", value)


def _data_sheet(rows: Sequence[Row]) -> TableSheet:
    limits = [f"{kind} {end}" for kind in ("切土", "盛土", "差引") for end in ("下限", "上限")]
    heads = ("切土 m3", "盛土 m3", "差引 m3", *limits, "面積 m2", "欠測 m2", "検出限界 m")
    body: list[list[Cell]] = []
    for row in rows:
        cells: list[Cell] = [str(row["name"])]
        for name in _DATA_FIELDS:
            value = row[name]
            cells += list(value or (None, None)) if "ci95" in name else [value]
        body.append(cells)
    columns = [Column("区域", 24), *(Column(h, 13, 3) for h in heads)]
    return TableSheet(
        DATA, "丸めていない値 (volume.json と同じ)", columns, body, ("他のシートの計算式はこの表を参照します。",)
    )


def _account_sheet(rows: Sequence[Row], taken: set[str]) -> TableSheet:
    """Plain, thresholded and headline volumes, and the standard errors by source."""
    body: list[list[Cell]] = []
    for row in rows:
        account = row.get("account")
        if account is None:
            continue
        for kind, ja in (("cut", "切土"), ("fill", "盛土"), ("net", "差引")):
            n, sigma = FIRST_ROW + len(body), account["sigma_m3"][kind]
            parts = [sigma[p] for p in ("independent", "correlated", "systematic")]
            total = sum(p * p for p in parts) ** 0.5
            body.append([
                str(row["name"]), ja, account["raw"][f"{kind}_m3"], account["thresholded"][f"{kind}_m3"],
                row[f"{kind}_m3"], None if kind == "net" else account["noise_removed_m3"], *parts,
                Formula(f"SQRT(SUMSQ(G{n}:I{n}))", total),
            ])  # fmt: skip
    errors = (f"標準誤差 {part} m3" for part in ("独立", "相関", "系統", "合計"))
    heads = ("単純合計 m3", "検出限界を超える格子 m3", "採用値 m3", "誤差による水増し m3", *errors)
    columns = [Column("区域", 24), Column("種別", 8), *(Column(head, 13, 1) for head in heads)]
    notes = (
        "合計 = √(独立² + 相関² + 系統²)。",
        "独立: 格子ごとの雑音。相関: 近傍で共通の誤差。系統: 位置合わせと植生変化による誤差。",
    )
    return TableSheet(tab_name("内訳", taken), "土量と標準誤差の内訳", columns, body, notes)


def _method_sheet(summary: Mapping[str, Any], taken: set[str]) -> TableSheet:
    body: list[list[Cell]] = []
    for zone, methods in summary["methods"].items():
        first = FIRST_ROW + len(body)
        base: Decimal | None = None
        for method in methods.values():
            n = FIRST_ROW + len(body)
            cut, fill = (half_up(method[f"{k}_m3"], 1) for k in ("cut", "fill"))
            net = fill - cut
            base = net if base is None else base
            body.append([
                zone, method["title"]["ja"], cut, fill, Formula(f"D{n}-C{n}", net),
                Formula(f"E{n}-E${first}", net - base), half_up(method["area_m2"], 1),
                half_up(method["void_area_m2"], 1), method["why"]["ja"],
            ])  # fmt: skip
    heads = ("切土 m3", "盛土 m3", "差引 m3", "1点法との差 m3", "面積 m2", "欠測 m2")
    figures = (Column(head, 12, 1) for head in heads)
    columns = [Column("区域", 20), Column("方法", 24), *figures, Column("違いの理由", 70)]
    notes = ("各方法の単純合計 (雑音の除去なし)。0.1 m3 止め、四捨五入。",)
    return TableSheet(tab_name("方法比較", taken), "計算方法の比較", columns, body, notes)


def _material_sheets(material: Mapping[str, Any], taken: set[str]) -> Iterator[TableSheet]:
    if material["patches"]:
        yield _patch_sheet(material, taken)
    if material["stream"] is not None and material["stream"]["reaches"]:
        yield _stream_sheet(material["stream"]["reaches"], taken)
    if material["soil"] is not None:
        yield _soil_sheet(material["soil"], taken)


def _patch_sheet(material: Mapping[str, Any], taken: set[str]) -> TableSheet:
    """Patches, sums of sources and deposits, and the balance; the dam below."""
    body: list[list[Cell]] = []
    sums = {"source": Decimal(0), "deposit": Decimal(0)}
    for patch in material["patches"]:
        volume = half_up(patch["volume_m3"], 1)
        sums[patch["kind"]] += volume
        body.append([
            patch["name"], {"source": "侵食", "deposit": "堆積"}[patch["kind"]], half_up(patch["area_m2"], 1), volume,
            half_up(1.959964 * patch["sigma_m3"], 1), half_up(patch["mean_depth_m"], 2),
            half_up(patch["largest_depth_m"], 2), half_up(patch["easting_m"], 1), half_up(patch["northing_m"], 1),
        ])  # fmt: skip
    last = FIRST_ROW + len(body) - 1
    for text, kind in (("侵食", "source"), ("堆積", "deposit")):
        total = Formula(f'SUMIF(B{FIRST_ROW}:B{last},"{text}",D{FIRST_ROW}:D{last})', sums[kind])
        body.append([f"{text}計", None, None, total, *[None] * 5])
    lost = Formula(f"D{last + 1}-D{last + 2}", sums["source"] - sums["deposit"])
    body.append(["流出 (侵食-堆積)", None, None, lost, *[None] * 5])
    columns = [Column("名称", 18), Column("種別", 8), Column("面積 m2", 11, 1), Column("土量 m3", 11, 1),
               Column("± 95 % m3", 11, 1), Column("平均深 m", 9, 2), Column("最大深 m", 9, 2), Column("東距 m", 12, 1),
               Column("北距 m", 12, 1)]  # fmt: skip
    notes = ("まとまった有意な変化の範囲。外形は GeoPackage と DXF にあります。", *_dam_notes(material["dam"]))
    return TableSheet(tab_name("変化箇所", taken), "変化箇所と土砂収支", columns, body, notes, n_totals=3)


def _dam_notes(dam: Mapping[str, Any] | None) -> Iterator[str]:
    if dam is not None:
        where = f"区域「{dam['zone']}」の盛土" if dam["zone"] else "堆積計"
        yield (
            f"堰堤: 容量 {half_up(dam['capacity_m3'], 0):,} m3、{where} {half_up(dam['deposit_m3'], 0):,} m3 "
            f"(容量の {half_up(100.0 * dam['share'], 0)} %)、残容量 {half_up(dam['left_m3'], 0):,} m3、"
            f"超過 {half_up(dam['over_m3'], 0):,} m3"
        )


def _stream_sheet(reaches: Sequence[Row], taken: set[str]) -> TableSheet:
    body: list[list[Cell]] = []
    carried = cuts = fills = Decimal(0)
    for reach in reaches:
        n = FIRST_ROW + len(body)
        cut, fill = (half_up(reach[f"{k}_m3"], 1) for k in ("cut", "fill"))
        cuts, fills, carried = cuts + cut, fills + fill, carried + cut - fill
        before = "" if n == FIRST_ROW else f"F{n - 1}+"
        body.append([
            half_up(reach["from_m"], 1), half_up(reach["to_m"], 1), cut, fill, Formula(f"D{n}-C{n}", fill - cut),
            Formula(f"{before}C{n}-D{n}", carried),
        ])  # fmt: skip
    last = FIRST_ROW + len(body) - 1
    body.append(["計", None, Formula(f"SUM(C{FIRST_ROW}:C{last})", cuts), Formula(f"SUM(D{FIRST_ROW}:D{last})", fills),
                 Formula(f"SUM(E{FIRST_ROW}:E{last})", fills - cuts), None])  # fmt: skip
    columns = [
        Column(t, 16, 1) for t in ("追加距離 から m", "まで m", "切土 m3", "盛土 m3", "差引 m3", "下流へ流れた量 m3")
    ]
    notes = ("流路に沿った区間ごとの土量 (変化が確実な範囲)。下流へ流れた量 = 切土 - 盛土の累計。",)
    return TableSheet(tab_name("縦断収支", taken), "流路に沿った土砂収支", columns, body, notes, n_totals=1)


def _soil_sheet(soil: Row, taken: set[str]) -> TableSheet:
    ratios, capacity = soil["class"], soil["truck_m3"]
    loose, compacted = ratios["loose"], ratios["compacted"]
    body: list[list[Cell]] = []
    for n, row in enumerate(soil_table(soil), FIRST_ROW):
        trucks = None if row.trucks is None else Formula(f"ROUNDUP(E{n}/{capacity!r},0)", row.trucks)
        body.append([
            row.zone or "全体", {"cut": "切土", "fill": "盛土"}[row.kind], row.bank, loose,
            Formula(f"ROUND(C{n}*D{n},0)", row.loose), compacted, Formula(f"ROUND(C{n}*F{n},0)", row.compacted), trucks,
        ])  # fmt: skip
    columns = [Column("区域", 24), Column("種別", 8), Column("地山 m3", 12, 0), Column("L", 8, 2),
               Column("ほぐし m3", 12, 0), Column("C", 8, 2), Column("締固め m3", 12, 0),
               Column(f"運搬台数 ({capacity:g} m3/台)" if capacity else "運搬台数", 14, 0)]  # fmt: skip
    notes = (
        f"土質: {ratios['name_ja']}。ほぐし = 地山 × L、締固め = 地山 × C (1 m3 止め、四捨五入)。",
        f"L・C の出典: {ratios['source']}。状態: {ratios['status']}",
        "現場で測定した値がある場合はそちらを優先します。損失は含みません。",
    )
    return TableSheet(tab_name("土量変化率", taken), "土量変化率による換算", columns, body, notes)


def _fact_sheet(facts: Sequence[tuple[str, str]], taken: set[str]) -> TableSheet:
    columns = [Column("項目", 26), Column("内容", 110)]
    return TableSheet(tab_name("条件", taken), "計算条件・入力・ソフトウェア", columns, [list(f) for f in facts])
