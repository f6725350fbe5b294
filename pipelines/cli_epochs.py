"""``tengun epochs``: volumes over any number of dated surveys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli_volume import Align, HeightGrid, Project, SameHeights, Zones
from pipelines.cli_words import AsJson, Cell, Crs, Folder, MaxGap
from pointcloud.errors import ParameterError

Surveys = Annotated[
    list[str],
    typer.Argument(metavar="DATE=PATH...", help="2019-12-01=FILE; several files of a date are one survey 測量日=点群"),
]
Labels = Annotated[list[str] | None, typer.Option("--name", metavar="DATE=NAME", help="Name of a survey 測量の名称")]
Datums = Annotated[
    list[str] | None, typer.Option("--datum", metavar="DATE=JGD2011", help="Heights of a survey 高さの基準")
]
Pairs = Annotated[
    list[str] | None, typer.Option("--pair", metavar="DATE,DATE", help="Compare these two as well 追加で比較する組")
]


def epochs(
    surveys: Surveys,
    output: Folder,
    zones: Zones = None,
    height_grid: HeightGrid = None,
    name: Labels = None,
    datum: Datums = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Compare every pair すべての組を比較")] = False,
    pair: Pairs = None,
    fill_zone: Annotated[str | None, typer.Option(help="Ledger of the fill in this zone 盛土の区域")] = None,
    fill_epochs: Annotated[
        str | None, typer.Option(metavar="DATE,DATE,DATE", help="Before the fill, with it, after it moved 盛土の時期")
    ] = None,
    cell: Cell = 0.5,
    max_gap: MaxGap = 5.0,
    align: Align = "auto",
    same_heights: SameHeights = False,
    project: Project = "",
    crs: Crs = None,
    as_json: AsJson = False,
) -> None:
    """Volumes over many dated surveys, and what became of a fill 多時期の土量と盛土の収支."""
    from pipelines.cli import execute, reported, show

    with reported():
        files = _by_date(surveys)
        entries = _entries(files, _pairs(name or (), "--name"), _pairs(datum or (), "--datum"))
        names = {day: entry.get("label", day) for day, entry in entries.items()}
        parameters: dict[str, Any] = {
            "crs": crs, "cell": cell, "max_gap": max_gap, "epochs": list(entries.values()), "align": align,
            "pairs": "all" if all_pairs else "chain", "same_heights": same_heights, "fill_zone": fill_zone,
            "further_pairs": [_named(text, names, 2, "--pair") for text in pair or ()], "project": project,
            "fill_epochs": _named(fill_epochs, names, 3, "--fill-epochs") if fill_epochs else None,
        }  # fmt: skip
        inputs = {"surveys": [path for paths in files.values() for path in paths]}
        inputs |= {k: [v] for k, v in (("zones", zones), ("height_grid", height_grid)) if v}
        show(execute("volume-epochs", inputs, parameters, output, as_json), as_json, output)


def _by_date(surveys: Sequence[str]) -> dict[str, list[Path]]:
    """Files by date, in the order in which the dates are given."""
    found: dict[str, list[Path]] = {}
    for day, path in (_split(text, "DATE=PATH") for text in surveys):
        found.setdefault(day, []).append(Path(path))
    return found


def _entries(
    files: Mapping[str, Sequence[Path]], labels: Mapping[str, str], datums: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The parameter ``epochs`` by date."""
    unknown = [day for day in (*labels, *datums) if day not in files]
    if unknown:
        raise _no_survey(unknown[0], files)
    entries: dict[str, dict[str, Any]] = {}
    for day, paths in files.items():
        entries[day] = {"surveyed": day, "files": len(paths)}
        entries[day] |= {"label": labels[day]} if day in labels else {}
        entries[day] |= {"datum": datums[day]} if day in datums else {}
    return entries


def _named(text: str, names: Mapping[str, str], number: int, option: str) -> list[str]:
    """Names of the surveys of some dates."""
    days = text.split(",")
    if len(days) != number:
        raise ParameterError(
            f"{option} {text}: {len(days)} dates; expected {number}, separated by commas",
            f"{option} {text}: 日付が {len(days)} 件です。カンマ区切りで {number} 件指定してください。",
            value=text,
        )
    for day in days:
        if day not in names:
            raise _no_survey(day, names)
    return [names[day] for day in days]


def _pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    return dict(_split(text, f"{option} DATE=...") for text in texts)


def _split(text: str, form: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    if not (mark and key and value):
        raise ParameterError(
            f"'{text}' is not of the form {form}, for example 2019-12-01=survey.laz",
            f"「{text}」は {form} の形ではありません (例: 2019-12-01=survey.laz)。",
            value=text,
        )
    return key, value


def _no_survey(day: str, files: Iterable[str]) -> ParameterError:
    known = ", ".join(files)
    return ParameterError(
        f"no survey of {day} is given; there are: {known}",
        f"{day} の測量はありません。指定された日付: {known}",
        value=day,
    )


def show_epochs(summary: Mapping[str, Any]) -> None:
    """Print the series of the whole and of each zone, and the ledger of a fill."""
    from rich.console import Console
    from rich.table import Table

    from pointcloud.drawing.volume_words import number, printed_volumes, with_half_width

    console = Console(highlight=False)
    for one in summary["series"]:
        zone = "全体 whole" if one["zone"] is None else one["zone"]
        table = Table(title=f"{zone}  m3, ± 95 %", title_justify="left")
        for head in ("時期 until", "", "切土 cut", "盛土 fill", "差引 net"):
            table.add_column(head, justify="right" if head.endswith(("cut", "fill", "net")) else "left")
        for row in one["rows"]:
            for part, text in (("since_previous", "前回から step"), ("since_first", "最初から since first")):
                printed, volume = printed_volumes(row[part]), row[part]
                cells = (with_half_width(printed[k], volume[f"{k}_ci95_m3"]).replace("\n", " ") for k in printed)
                table.add_row(row["epoch"] if part == "since_previous" else "", text, *cells)
        console.print(table)
    fill = summary["fill"]
    if fill is not None:
        names = {"placed": "搬入 placed", "moved": "流出 moved", "residual": "残存 left", "natural": "地山 natural"}
        figures = (f"{text} {number(fill[f'{k}_m3'], 0)}" for k, text in names.items())
        console.print(f"盛土 fill {fill['zone']} (m3): " + ", ".join(figures))
    gap = summary["closure"]["largest_gap_m"]
    console.print(f"期間の和と全期間の差 steps against the whole: {gap:.1g} m")
