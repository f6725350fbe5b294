"""The ``tengun`` command: the analysis commands of the pipelines, and the service."""

from __future__ import annotations

from pipelines.cli import app


def main() -> None:
    """Entry point of the installed ``tengun`` command."""
    app()
