"""``tengun cache``: what an administrator does at the server beside users and projects."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

import typer

from pipelines.cli import app, reported


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


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024**2:,.1f} MiB"
