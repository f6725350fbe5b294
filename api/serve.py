"""Start the service: ``tengun serve``, or ``python -m api.serve`` with ``TENGUN_`` settings."""

from __future__ import annotations

import logging
from typing import Final

import uvicorn

from api.app import create_app, hold_data_folder
from api.settings import Settings

_FINISH_REQUESTS_S: Final = 30


def serve(settings: Settings) -> None:
    """Serve until a signal ends it; running jobs go back into the queue.

    Raises
    ------
    ConflictError
        When another service works in the data folder.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with hold_data_folder(settings):  # the application holds it itself; here a refusal is one line, not a traceback
        pass
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_FINISH_REQUESTS_S,
    )


if __name__ == "__main__":
    serve(Settings())
