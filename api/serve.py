"""Start the service: ``tengun serve``, or ``python -m api.serve`` with ``TENGUN_`` settings."""

from __future__ import annotations

from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.app import create_app, hold_data_folder
from api.logs import set_up_logging
from api.settings import Settings
from pointcloud.errors import ParameterError

_FINISH_REQUESTS_S: Final = 30
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


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
    ParameterError
        When others than this machine could reach it without users, secret or encryption.
    """
    set_up_logging(settings.log_format)
    _refuse_exposure(settings)
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
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
    )
    _Server(config, app).run()


def _refuse_exposure(settings: Settings) -> None:
    """Refuse to listen to the network unless it is known who asks and nobody reads along."""
    if settings.host in _LOOPBACK:
        return
    missing = [
        name
        for name, is_there in (
            ("TENGUN_ACCESS=users", settings.access == "users"),
            ("TENGUN_SECRET", settings.secret is not None),
            (
                "TENGUN_TLS_CERT and TENGUN_TLS_KEY, or TENGUN_TRUSTED_PROXIES",
                (settings.tls_cert and settings.tls_key) or settings.trusted_proxies,
            ),
        )
        if not is_there
    ]
    if missing:
        raise ParameterError(
            f"serve: {settings.host} can be reached by other machines, so set {'; '.join(missing)} as well; "
            "or listen on 127.0.0.1",
            f"{settings.host} は他の端末から到達できます。{'、'.join(missing)} も設定するか、"
            "127.0.0.1 で起動してください。",
            field="host",
            value=settings.host,
        )


if __name__ == "__main__":
    serve(Settings())
