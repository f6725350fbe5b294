"""Files of the web app as they go over the wire. Nothing but what the package holds is ever served."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_STATIC: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the app, plain and compressed."""

    content: bytes
    compressed: bytes
    media_type: str
    is_hashed: bool
    """Whether its name changes with its content, so that a browser may keep it for ever."""


@cache
def assets() -> dict[str, Asset]:
    """Every file of the app by name, read once."""
    return {path.name: _asset(path) for path in sorted(_STATIC.iterdir())}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    compressed = gzip.compress(content, compresslevel=9, mtime=0)
    return Asset(content, compressed, _MEDIA_TYPES[path.suffix], path.suffix in (".js", ".css", ".wasm"))
