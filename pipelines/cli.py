"""The ``tengun`` command: each analysis command runs a process of the catalogue.

Heavy modules are imported where they are used, so that ``tengun --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.bench.command import app as bench
from pipelines.cli_carbon import carbon
from pipelines.cli_epochs import epochs
from pipelines.cli_forest import trees
from pipelines.cli_pipeline import Sets, set_values
from pipelines.cli_pipeline import app as pipeline
from pipelines.cli_sections import measure, sections
from pipelines.cli_volume import explain, volume
from pipelines.cli_words import AsJson, Cell, Crs, Files, Folder, MaxGap, reader_language
from pointcloud.errors import CancelledError, ParameterError, ResourceError, TengunError

if TYPE_CHECKING:
    from pipelines.process import Outputs
    from pipelines.progress import ProgressEvent

app = typer.Typer(
    name="tengun",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"tengun {version('tengun')}")
        raise typer.Exit


@app.callback()
def tengun(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end 版を表示"),
    ] = False,
) -> None:
    """点群処理 Point clouds into bare-earth models, volumes and drawings."""


@app.command()
def info(files: Files, crs: Crs = None, as_json: AsJson = False) -> None:
    """What a file holds, and what is wrong with it 点群ファイルの情報と問題点."""
    with reported():
        from pipelines.inspection import describe

        records = [describe(path, crs) for path in files]
        if as_json:
            print_json({"schema": "tengun/info/1", "files": records})
            return
        from pipelines.tables import info_table

        for record in records:
            info_table(record)


@app.command()
def ground(
    files: Files,
    output: Annotated[Path, typer.Option("-o", "--output", help="OUT.laz, or a folder for several files")],
    crs: Crs = None,
    options: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Classify the ground; every point is kept 地盤点の分類 (点は削除しません)."""
    with reported():
        from pipelines.processes.ground import classify_to

        values = set_values(options)
        if output.suffix.lower() in (".las", ".laz") and len(files) == 1:
            with progress_bars(as_json) as observer:
                outputs = classify_to(files[0], crs, output, observer, values)
            show(outputs, as_json, output.parent)
        else:
            outputs = execute(
                "ground-classification", {"survey": files}, {"crs": crs, "options": values}, output, as_json
            )
            show(outputs, as_json, output)


@app.command()
def terrain(
    files: Files,
    output: Folder,
    cell: Cell = 0.5,
    max_gap: MaxGap = 5.0,
    crs: Crs = None,
    options: Sets = None,
    as_json: AsJson = False,
) -> None:
    """DTM, DSM, CHM and hillshade of a survey 地形モデルの作成."""
    with reported():
        parameters = {"crs": crs, "cell": cell, "max_gap": max_gap, "options": set_values(options)}
        show(execute("terrain-model", {"survey": files}, parameters, output, as_json), as_json, output)


app.command()(volume)
app.command()(epochs)
app.command()(explain)
app.command()(sections)
app.command()(measure)
app.command()(trees)
app.command()(carbon)
app.add_typer(pipeline, name="pipeline")
app.add_typer(bench, name="bench")


def execute(
    process_id: str, inputs: Mapping[str, Sequence[Path]], parameters: Mapping[str, Any], folder: Path, quiet: bool
) -> Outputs:
    """Run a process with progress bars on standard error."""
    from pipelines.run import run

    with progress_bars(quiet) as observer:
        return run(process_id, inputs, parameters, folder, observer)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Any]:
    """An observer that draws the run's progress on standard error, or nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=quiet or not console.is_terminal) as bars:
        task = bars.add_task("", total=100.0)

        def observer(event: ProgressEvent) -> None:
            title = f"{event.stage.title.ja} {event.stage.title.en}"
            bars.update(task, completed=event.percent, description=title)

        yield observer


def show(outputs: Outputs, as_json: bool, folder: Path) -> None:
    """Print a run's summary: JSON for programs, a table for people."""
    if as_json:
        print_json(outputs.summary)
        return
    from pipelines.tables import result_table

    result_table(outputs, folder)


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


@contextmanager
def reported() -> Iterator[None]:
    """Turn an error into one clear line on standard error and a non-zero exit.

    ``TENGUN_DEBUG=1`` shows where an unexpected error came from.
    """
    try:
        yield
    except BrokenPipeError:  # who reads, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CancelledError as error:
        fail(error, 130)
    except KeyboardInterrupt:
        fail(CancelledError("stopped at the user's wish", "利用者の指示により中止しました。"), 130)
    except TengunError as error:
        fail(error, 2 if isinstance(error, ParameterError) else 1)
    except MemoryError:
        fail(
            ResourceError(
                "memory ran out; take a smaller area or a larger cell",
                "メモリが不足しました。範囲を狭めるか格子間隔を大きくしてください。",
            ),
            1,
        )
    except Exception as error:
        if os.environ.get("TENGUN_DEBUG"):
            raise
        name = type(error).__name__
        fail(
            TengunError(
                f"unexpected {name}: {error}; TENGUN_DEBUG=1 shows where; please report it",
                f"予期しないエラー {name}: {error}。TENGUN_DEBUG=1 で詳細を表示します。",
            ),
            70,
        )


def fail(error: TengunError, status: int) -> None:
    """Print the message in the user's language and leave."""
    message = error.ja if reader_language() == "ja" else error.en
    sys.stderr.write("tengun: " + " ".join(message.split()) + "\n")
    raise typer.Exit(status)
