"""``tengun carbon``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from pipelines.cli_words import reader_language
from pointcloud.errors import ParameterError

BESIDE = {"canopy": "chm.tif", "ground_density": "ground-density.tif"}
"""Rasters that are taken from the folder of ``tengun trees`` where they are not given."""


def carbon(
    trees: Annotated[
        list[Path],
        typer.Argument(help="A survey's LAS/LAZ files, or trees.gpkg or the folder of tengun trees 点群か樹木"),
    ],
    stands: Annotated[Path, typer.Option(help="Stands: GeoPackage, Shapefile, GeoJSON, CSV with WKT 林小班")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Output folder 出力フォルダ")],
    survey_year: Annotated[int, typer.Option(help="Fiscal year of the survey 測量年度")],
    start_year: Annotated[int, typer.Option(help="First fiscal year credited 認証対象期間の開始年度")],
    methodology: Annotated[str, typer.Option(help="Name and version, FO-001 Ver. 6.2 方法論と版")],
    yield_table: Annotated[Path | None, typer.Option(help="CSV; without it an example, not for a claim 収穫表")] = None,
    curves: Annotated[Path | None, typer.Option(help="Site-index curves, CSV 地位指数曲線")] = None,
    constants: Annotated[Path | None, typer.Option(help="Constants, CSV 係数表")] = None,
    register: Annotated[Path | None, typer.Option(help="Forest register, CSV joined by id 森林簿")] = None,
    plots: Annotated[Path | None, typer.Option(help="Calibration plots, CSV 調査区の毎木データ")] = None,
    canopy: Annotated[Path | None, typer.Option(help="Canopy height, GeoTIFF 樹冠高")] = None,
    ground_density: Annotated[Path | None, typer.Option(help="Ground returns a m2, GeoTIFF 地表点密度")] = None,
    earlier: Annotated[Path | None, typer.Option(help="An earlier survey, or its trees 前回の点群か樹木")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS for surveys that state none 座標系")] = None,
    earlier_year: Annotated[int | None, typer.Option(help="Its fiscal year 前回測量の年度")] = None,
    age_year: Annotated[int | None, typer.Option(help="Year of the register's ages 林齢の基準年度")] = None,
    period: Annotated[int, typer.Option(help="8 or 16 years 認証対象期間")] = 8,
    buffer: Annotated[float, typer.Option(help="Percent バッファー")] = 3.0,
    carbon_fraction: Annotated[Literal["species", "0.5"], typer.Option(help="炭素含有率")] = "species",
    thinning: Annotated[Literal["in-table", "as-felling"], typer.Option(help="間伐の扱い")] = "in-table",
    rotation: Annotated[
        list[str] | None, typer.Option(help="Standard felling age, スギ=40; may come again 標準伐期齢")
    ] = None,
    treatment_since: Annotated[int, typer.Option(help="0: not asked for 施業履歴の起点年度")] = 1990,
    upper_layer: Annotated[Literal["dominant", "top-100", "all"], typer.Option(help="上層木の定義")] = "dominant",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON 結果を JSON で出力")] = False,
) -> None:
    """CO2 absorption of planted stands 人工林の CO2 吸収量の算定."""
    from pipelines.cli import execute, reported, show

    with reported():
        inputs: dict[str, list[Path]] = {**_survey(trees), "stands": [stands]}
        if earlier is not None:
            inputs |= {f"earlier_{name}": paths for name, paths in _survey([earlier]).items() if name not in BESIDE}
        given = {"yield_table": yield_table, "curves": curves, "constants": constants, "register": register,
                 "plots": plots, "canopy": canopy, "ground_density": ground_density}  # fmt: skip
        inputs |= {name: [path] for name, path in given.items() if path is not None}
        parameters = {
            "methodology": methodology, "survey_year": survey_year, "start_year": start_year, "age_year": age_year,
            "period": period, "buffer_percent": buffer, "carbon_fraction": carbon_fraction, "thinning": thinning,
            "rotation_ages": _ages(rotation or ()), "treatment_since": treatment_since or None,
            "upper_layer": upper_layer, "earlier_year": earlier_year, "crs": crs,
        }  # fmt: skip
        show(execute("forest-carbon", inputs, parameters, output, as_json), as_json, output)


def _survey(paths: list[Path]) -> dict[str, list[Path]]:
    """The paths as what they are: trees, with the rasters beside them in a folder of ``tengun trees``, or a survey."""
    path = paths[0]
    if len(paths) == 1 and path.suffix.lower() == ".gpkg":
        return {"trees": [path]}
    if len(paths) == 1 and (path / "trees.gpkg").is_file():
        beside = {name: [path / file] for name, file in BESIDE.items() if (path / file).is_file()}
        return {"trees": [path / "trees.gpkg"], **beside}
    return {"survey": paths}


def _ages(texts: list[str] | tuple[str, ...]) -> dict[str, int]:
    ages: dict[str, int] = {}
    for text in texts:
        species, _, age = text.partition("=")
        if not species or not age.isdigit():
            raise ParameterError(
                f"carbon: --rotation '{text}'; expected SPECIES=YEARS, such as スギ=40",
                f"--rotation '{text}' が不正です。スギ=40 のように指定してください。",
                value=text,
            )
        ages[species] = int(age)
    return ages


_HEADS: Final = {
    "ja": ("林小班", "判定", "地位", "面積 ha", "上層樹高 m", "吸収 t", "排出 t", "純 t"),
    "en": ("stand", "status", "site", "area ha", "upper m", "absorbed t", "emitted t", "net t"),
}


def show_carbon(summary: Mapping[str, Any]) -> None:
    """Print what a claim comes to, and its stands."""
    from rich.table import Table

    from pipelines.tables import CONSOLE
    from pointcloud.drawing.forest_words import STATUS
    from pointcloud.drawing.volume_words import Words
    from pointcloud.forest.carbon_result import Standing

    words, total = Words(reader_language()), summary["total"]
    table = Table(title=f"CO2 吸収量 absorption, t-CO2 ({summary['methodology']})", title_justify="left")
    for place, name in enumerate(_HEADS[reader_language()]):
        table.add_column(name, justify="left" if place < 3 else "right")
    for stand in summary["stands"]:
        site = stand["site_class"]
        numbers = (stand["height_upper"], stand["absorption_t"], stand["emission_t"], stand["net_t"])
        table.add_row(
            stand["id"], words(*STATUS[Standing(stand["status"])]), "-" if site is None else site["name"],
            f"{stand['credited_area_ha']:.2f}",
            *("-" if v is None else f"{v:,.1f}" for v in numbers),
        )  # fmt: skip
    CONSOLE.print(table)
    low, high = total["credit_ci95_t"]
    CONSOLE.print(f"認証見込 credit: {total['credit_t']:,.1f} t-CO2 (95 %: {low:,.1f} - {high:,.1f}), "
                  f"保守的な値 conservative {total['conservative_t']:,.1f}")  # fmt: skip
    if summary["growth"] is not None:
        _show_growth(summary["growth"])


def _show_growth(growth: Mapping[str, Any]) -> None:
    """Print how many trees were found again, and how the stands grew."""
    from pipelines.tables import CONSOLE

    CONSOLE.print(
        f"{growth['from']} - {growth['to']}: 照合 matched {growth['n_matched']:,}, 消失 gone (felled or fallen) "
        f"{growth['n_gone']:,}, 新規 new {growth['n_new']:,}"
    )
    for stand in growth["stands"]:
        figures = [("上層 upper layer", stand["upper"]), ("照合木 matched", stand["matched"]),
                   ("収穫表 yield table", stand["expected"])]  # fmt: skip
        known = ", ".join(f"{name} {value:.2f}" for name, value in figures if value is not None)
        CONSOLE.print(f"  {stand['id']}: {known} m/年 year, 消失 gone {stand['n_gone']:,}")
