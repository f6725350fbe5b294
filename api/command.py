"""The ``tengun`` command: the analysis commands of the pipelines, and the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import api.command_access
import api.command_operations  # noqa: F401 (both add their commands)
from pipelines.cli import app, reported
from pipelines.cli_words import Crs

if TYPE_CHECKING:
    from api.settings import Settings

Survey = Annotated[Path | None, typer.Argument(help="LAS/LAZ file; none: the synthetic valley 点群ファイル")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (TENGUN_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (TENGUN_PORT)")] = None,
) -> None:
    """Run the HTTP service until Ctrl-C サービスの起動."""
    with reported():
        from api.settings import Settings

        chosen = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
        settings = Settings.model_validate({**Settings().model_dump(), **chosen})
        if settings.log_format == "text":  # nothing but JSON where a collector reads
            typer.echo(f"tengun: 起動中 starting; {_address(settings)}")
        from api.serve import serve as run_service  # takes seconds, so that the line above comes before it

        run_service(settings)


def _address(settings: Settings) -> str:
    """Where a browser on this machine finds the service."""
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - it is compared
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{settings.port}/"


@app.command()
def demo(
    before: Survey = None,
    after: Survey = None,
    zones: Annotated[Path | None, typer.Option(help="Polygons 集計区域")] = None,
    crs: Crs = None,
) -> None:
    """A volume job over HTTP, from upload to files HTTP 経由の土量計算の実演."""
    with reported():
        from api.demo import demo as run_demo

        run_demo(before, after, zones, crs)


def main() -> None:
    """Entry point of the installed ``tengun`` command."""
    app()
