"""Start the service: ``tengun serve``, or ``python -m api.serve`` with ``TENGUN_`` settings."""

from __future__ import annotations

import logging

import uvicorn

from api.app import create_app
from api.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until a signal ends it; running jobs go back into the queue."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False, workers=1
    )


if __name__ == "__main__":
    serve(Settings())
