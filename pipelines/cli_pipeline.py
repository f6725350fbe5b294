"""``tengun pipeline``: run, list, show and check PDAL documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pointcloud.errors import ParameterError

if TYPE_CHECKING:
    from pipelines.document import Document

app = typer.Typer(help="PDAL documents: run, list, show, validate PDAL パイプライン", no_args_is_help=True)

Doc = Annotated[
    str, typer.Argument(metavar="DOC", help="A shipped document's name, or a file DOC.json 文書名またはファイル")
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="TAG.OPTION=VALUE", help="Set an option オプション指定")
]
Inputs = Annotated[
    list[str] | None, typer.Option("--input", metavar="TAG=FILE", help="File of a reader, may repeat 読み込むファイル")
]
Engine = Annotated[Literal["auto", "native", "pdal"], typer.Option(help="Who runs it 実行エンジン")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else JSON のみ出力")]


@app.command()
def run(
    document: Doc,
    inputs: Inputs = None,
    options: Sets = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of relative file names 作業フォルダ")] = Path(),
    executor: Engine = "auto",
    as_json: AsJson = False,
) -> None:
    """Run a document; relative file names are taken from the output folder パイプラインの実行."""
    from pipelines.cli import print_json, reported

    with reported():
        from dataclasses import asdict

        from pipelines import executors

        prepared = _prepared(document, inputs or [], options or [])
        output.mkdir(parents=True, exist_ok=True)
        ran = executors.run(prepared, output, executor)
        if as_json:
            print_json({"schema": "tengun/pipeline/1", "document": prepared.name, **asdict(ran)})
            return
        typer.echo(f"{prepared.name}: {ran.executor} {ran.version}, {ran.seconds:.1f} s")
        for stage in prepared.stages:
            if stage.kind == "writers" and "filename" in stage.options:
                name = str(stage.options["filename"])
                n = ran.points.get(name)
                typer.echo(f"  {output / name}" + (f"  {n:,} points" if n is not None else ""))


@app.command("list")
def show_list(as_json: AsJson = False) -> None:
    """The documents that tengun ships 収録パイプラインの一覧."""
    from pipelines.cli import print_json, reported

    with reported():
        from pipelines.document import shipped, shipped_names
        from pipelines.executors import describe

        documents = [describe(shipped(name)) for name in shipped_names()]
        if as_json:
            print_json({"pipelines": documents})
            return
        for entry in documents:
            typer.echo(f"{entry['id']:<12} {entry['title']['en']}\n{'':<12} {entry['title']['ja']}")


@app.command()
def show(document: Doc, as_json: AsJson = False) -> None:
    """The stages of a document and the options that --set takes 工程と設定項目の表示."""
    from pipelines.cli import print_json, reported

    with reported():
        from pipelines.executors import describe

        entry = describe(_loaded(document))
        if as_json:
            print_json(entry)
            return
        for stage in entry["stages"]:
            typer.echo(f"{stage['tag'] or '-':<14} {stage['type']}")
        typer.echo("")
        for option in entry["options"]:
            allowed = f"  ({', '.join(option['choices'])})" if "choices" in option else ""
            typer.echo(f"{option['name']:<28} {option['value']}{allowed}")


@app.command()
def validate(
    document: Doc,
    inputs: Inputs = None,
    options: Sets = None,
    executor: Engine = "auto",
    as_json: AsJson = False,
) -> None:
    """Check a document and say who would run it; nothing is read 実行せずに検査."""
    from pipelines.cli import print_json, reported

    with reported():
        from pipelines.executors import choose

        prepared = _prepared(document, inputs or [], options or [])
        chosen = choose(prepared, executor)
        if as_json:
            print_json({"document": prepared.name, "valid": True, "executor": chosen})
        else:
            typer.echo(f"{prepared.name}: valid; runs with {chosen}")


def set_values(options: list[str] | None) -> dict[str, Any]:
    """``tag.option`` -> value of what ``--set`` was given.

    Raises
    ------
    ParameterError
        When one is not of the form TAG.OPTION=VALUE.
    """
    return dict(_pair(text, "--set", "TAG.OPTION=VALUE") for text in options or [])


def _loaded(name: str) -> Document:
    from pipelines.document import load, shipped

    return load(Path(name)) if name.endswith(".json") else shipped(name)


def _prepared(name: str, inputs: list[str], options: list[str]) -> Document:
    document = _loaded(name)
    document = document.with_options(set_values(options))
    files: dict[str, list[Path]] = {}
    for text in inputs:
        tag, file = _pair(text, "--input", "TAG=FILE")
        files.setdefault(tag, []).append(Path(file).absolute())
    for tag, paths in files.items():
        document = document.with_files(tag, paths)
    return document


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ParameterError(
            f"{option} {text}: expected {form}", f"{option} {text}: {form} の形で指定してください。", value=text
        )
    return name, value
