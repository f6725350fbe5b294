"""Results as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipelines.cli_words import reader_language
from pipelines.process import Outputs

CONSOLE = Console(highlight=False)


def result_table(outputs: Outputs, folder: Path) -> None:
    """Print where a run's files are, what it found, and last what its reader must know."""
    print_files((str(folder / f.path), getattr(f.title, reader_language())) for f in outputs.files)
    summary = outputs.summary
    if str(summary["schema"]).startswith("tengun/volume/"):
        CONSOLE.print(volume_table(summary))
        CONSOLE.print(alignment_line(summary["alignment"]))
    elif str(summary["schema"]).startswith("tengun/epochs/"):
        from pipelines.cli_epochs import show_epochs

        show_epochs(summary)
    elif str(summary["schema"]).startswith("tengun/carbon/"):
        from pipelines.cli_carbon import show_carbon

        show_carbon(summary)
    elif str(summary["schema"]).startswith("tengun/trees/"):
        from pipelines.cli_forest import show_trees

        show_trees(summary)
    elif str(summary["schema"]).startswith("tengun/sections/"):
        from pipelines.cli_sections import show_sections

        show_sections(summary)
    else:
        CONSOLE.print(points_table(summary))
    print_notes(summary)


def volume_table(summary: Mapping[str, Any]) -> Table:
    """Cut, fill, net and area of the whole and of each zone; m3 to the whole number, halves up."""
    from pointcloud.drawing.volume_words import number

    table = Table(
        title=f"土量 Volume, ± 95 %  ({summary['crs']}, 格子 cell {summary['cell_m']:g} m)",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("区域 zone")
    for name in ("切土 cut m3", "盛土 fill m3", "差引 net m3", "面積 area m2", "欠測 void m2"):
        table.add_column(name, justify="right", no_wrap=" m3" in name)
    for row in [{"name": "全体 total", **summary["total"]}, *summary["zones"]]:
        table.add_row(
            str(row["name"]),
            _with_interval(row, "cut"),
            _with_interval(row, "fill"),
            _with_interval(row, "net"),
            number(row["area_m2"], 0),
            number(row["void_area_m2"], 0),
        )
    return table


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    """A volume, and half the width of its 95 % interval where there is one."""
    from pointcloud.drawing.volume_words import printed_volumes, with_half_width

    return with_half_width(printed_volumes(row)[name], row[f"{name}_ci95_m3"]).replace("\n", " ")


def alignment_line(alignment: Mapping[str, Any]) -> str:
    """How the surveys were brought together."""
    if alignment["dx_m"] is None:
        return "位置合わせ alignment: 未実施 not estimated"
    shift = ", ".join(f"{axis} {alignment[f'd{axis}_m']:+.3f} m" for axis in "xyz")
    applied = "適用 applied" if alignment["applied"] else "適用せず not applied"
    return f"位置合わせ alignment: {shift} ({applied})"


def points_table(summary: Mapping[str, Any]) -> Table:
    """Points by class."""
    table = Table(title="点数 Points", title_justify="left")
    table.add_column("分類 class")
    table.add_column("点 points", justify="right")
    for name, number in summary["points"].items():
        table.add_row(name, f"{number:,}")
    return table


def print_files(files: Iterable[tuple[str, str]]) -> None:
    """Print where each file is, whole and unbroken, and its title."""
    rows = list(files)
    width = max((len(place) for place, _ in rows), default=0)
    CONSOLE.print("成果 Files")
    for place, title in rows:
        CONSOLE.print(f"  {place:<{width}}  {title}", soft_wrap=True)


def print_notes(summary: Mapping[str, Any]) -> None:
    """Print each note of a run and of its parts once, in the reader's language."""
    for text in dict.fromkeys(note[reader_language()] for note in _notes(summary)):
        CONSOLE.print(f"  ! {text}", soft_wrap=not CONSOLE.is_terminal)


def _notes(value: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(value, Mapping):
        yield from value.get("notes") or ()
        for part in value.values():
            yield from _notes(part)
    elif isinstance(value, list):
        for part in value:
            if isinstance(part, Mapping):
                yield from _notes(part)


def info_table(record: Mapping[str, Any]) -> None:
    """Print what is known of one file."""
    table = Table(title=str(record["file"]), title_justify="left", show_header=False)
    for name, value in record.items():
        if name not in ("file", "problems", "z_range_m"):  # z_range with its unit says it
            table.add_row(name, _text(value))
    CONSOLE.print(table)
    print_notes({"notes": record["problems"]})


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value) or "-"
    return "-" if value is None else str(value)
