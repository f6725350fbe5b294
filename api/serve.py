"""Start the service: ``tengun serve``, or ``python -m api.serve`` with ``TENGUN_`` settings."""

from __future__ import annotations

import logging
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.app import create_app, hold_data_folder
from api.settings import Settings

_FINISH_REQUESTS_S: Final = 30


class _Server(uvicorn.Server):
    """A server that tells the application when it is asked to end, so that endless answers end first.

    Parameters
    ----------
    config
        Of the server.
    app
        The application that it serves.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the wish to end."""
        self._app.state.is_stopping = True
        super().handle_exit(sig, frame)


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
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_FINISH_REQUESTS_S,
    )
    _Server(config, app).run()


if __name__ == "__main__":
    serve(Settings())
