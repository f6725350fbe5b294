"""``tengun cache``, ``backup``, ``restore``: what an administrator does at the server beside users and projects."""

from __future__ import annotations

import getpass
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import app, reported

if TYPE_CHECKING:
    from api.backup import Manifest


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it すべて削除")] = False,
) -> None:
    """Results of stages that later jobs use again: what is kept, and where 中間結果のキャッシュ."""
    with reported():
        from api.settings import Settings

        kept = Settings().stage_cache
        if clear:
            typer.echo(f"{_size(kept.clear())} removed 削除: {kept.folder}")
            return
        stages: dict[str, list[int]] = defaultdict(list)
        for entry in kept.entries():
            stages[entry.stage].append(entry.size)
        for stage, sizes in sorted(stages.items()):
            typer.echo(f"{stage}\t{len(sizes)}\t{_size(sum(sizes))}")
        total = sum(map(sum, stages.values()))
        typer.echo(f"{_size(total)} of at most 上限 {_size(kept.max_bytes)}: {kept.folder}")


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, or an earlier backup バックアップ先")],
) -> None:
    """Copy records, datasets and results while the service runs; exit 1 where files were damaged バックアップ."""
    with reported():
        from api.backup import back_up
        from api.settings import Settings

        made = _counted(lambda report: back_up(Settings(), folder, report), "backup", folder)
    if made.damaged:
        typer.echo(f"damaged 破損: {', '.join(made.damaged)}", err=True)
        raise typer.Exit(1)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup バックアップ")],
) -> None:
    """Bring a backup back into an empty data folder, with no service running 復元."""
    with reported():
        from api.backup import restore as bring_back
        from api.settings import Settings

        _counted(lambda report: bring_back(Settings(), folder, report), "restore", folder)


def _counted(work: Callable[[Callable[[int], None]], Manifest], action: str, folder: Path) -> Manifest:
    """Do it, tell how much it was, and write it into the audit log."""
    from rich.console import Console

    from api.access.audit import append, at_the_command
    from api.access.secrets import service_secret
    from api.database import Database
    from api.records import now
    from api.settings import Settings

    console, done = Console(stderr=True), 0

    def report(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        status.update(f"{action} {_size(done)}")

    with console.status(action) as status:
        made = work(report)
    settings = Settings()
    database = Database(settings.url)
    try:
        with database.writing() as session:
            deed = at_the_command(getpass.getuser(), action, folder.name)
            append(session, service_secret(settings), [(deed, now(), 1)])
    finally:
        database.close()
    typer.echo(f"{made.n_files} files ファイル, {_size(made.n_bytes)}")
    return made


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024**2:,.1f} MiB"
