"""The web app at ``/app/``: its page and its files, with a policy that forbids the browser every other server.

Only where the administrator allows a background map does the policy name its server, for pictures.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.backgrounds import OTHER_SERVERS
from api.web.assets import assets
from pointcloud.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_PAGE: Final = "index.html"
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:{others}",  # the map draws its pictures into blobs
        "connect-src 'self'{others}",
        "worker-src 'self' blob:",
        "script-src 'self' 'wasm-unsafe-eval'",  # the 3-D view unpacks LAZ with WebAssembly of our own
        "style-src 'self' 'unsafe-inline'",  # the map places its markers by style attributes
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}


@router.get("/app")
def open_app() -> RedirectResponse:
    """The app's folder; relative, so that a path in front of the service does no harm."""
    return RedirectResponse("app/", status_code=307)


@router.get("/app/{name:path}")
def show_asset(name: str, request: Request) -> Response:
    """A file of the app; the page itself where none is named."""
    asset = assets().get(name or _PAGE)
    if asset is None:
        raise NotFoundError(
            f"the app has no file '{name}'; open /app/",
            f"アプリに '{name}' はありません。/app/ を開いてください。",
            value=name,
        )
    others = "".join(f" {server}" for server in OTHER_SERVERS[request.app.state.settings.background])
    headers = {
        **_HEADERS,
        "Content-Security-Policy": _POLICY.format(others=others),
        "Cache-Control": "public, max-age=31536000, immutable" if asset.is_hashed else "no-cache",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)
