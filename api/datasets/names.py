"""Names of uploaded files.

A file keeps its owner's name, because a 図郭 code in it tells where the survey lies. A name that could
be a path, or that no reader could tell from another, is refused rather than bent into something else.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePath
from typing import Final, Literal

from pointcloud.errors import FileError

Kind = Literal["pointcloud", "polygons", "lines", "points", "drawing", "heights", "raster", "archive"]
"""``drawing``: a format with lines or surfaces; ``heights``: a height correction; the job judges what they hold.
``archive``: a zip of other files, to be unpacked."""

KINDS: Final[dict[str, Kind]] = {
    ".las": "pointcloud",
    ".laz": "pointcloud",
    ".geojson": "polygons",
    ".json": "polygons",
    ".gpkg": "polygons",
    ".dxf": "drawing",
    ".xml": "drawing",
    ".sim": "drawing",
    ".csv": "drawing",
    ".par": "heights",
    ".tif": "raster",
    ".zip": "archive",
}
"""Suffix in lower case -> what the file holds; GeoJSON and GeoPackage may turn out to hold lines or trees."""

ACCEPTED: Final[dict[str, tuple[Kind, ...]]] = {
    "pointcloud": ("pointcloud",),
    "polygons": ("polygons",),
    "lines": ("lines", "drawing"),
    "surface": ("drawing",),
    "heights": ("heights",),
    "points": ("points",),
    "table": ("drawing",),
    "raster": ("raster",),
}
"""Kind of a process's input -> kinds of datasets that it takes."""

_MAX_BYTES: Final = 200
_FORBIDDEN: Final = set('/\\:*?"<>|')
_UNSEEN_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def checked_name(name: str) -> str:
    """The name under which the file is kept: the same, in Unicode's composed form (macOS sends the other).

    Raises
    ------
    FileError
        When the name is empty, too long, begins with a dot, could be a path, or holds unseen characters.
    """
    composed = unicodedata.normalize("NFC", name)
    bad = sorted({c for c in composed if c in _FORBIDDEN or unicodedata.category(c) in _UNSEEN_CATEGORIES})
    if bad:
        shown = " ".join(f"U+{ord(c):04X}" for c in bad[:5])
        raise _refused(name, f"it holds characters that are not allowed ({shown})", f"使えない文字 ({shown})")
    if not composed.strip() or composed.startswith(".") or composed != composed.strip():
        raise _refused(name, "it is empty, or begins or ends with a dot or space", "空、または先頭・末尾が不正")
    if len(composed.encode()) > _MAX_BYTES:
        raise _refused(name, f"it is longer than {_MAX_BYTES} bytes", f"{_MAX_BYTES} バイト超過")
    return composed


def kind_of(name: str) -> Kind:
    """What a file of that name holds.

    Raises
    ------
    FileError
        When the suffix is none that tengun reads.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in KINDS:
        allowed = ", ".join(KINDS)
        raise FileError(
            f"upload of '{_shown(name)}': the suffix '{_shown(suffix)}' is not known; allowed are {allowed}",
            f"'{_shown(name)}' は対応していない拡張子です。利用できるもの: {allowed}",
            file=_shown(name),
            allowed=list(KINDS),
        )
    return KINDS[suffix]


def _refused(name: str, en: str, ja: str) -> FileError:
    return FileError(
        f"upload: the file name '{_shown(name)}' cannot be used: {en}; send a plain name such as 08ND77.laz",
        f"ファイル名 '{_shown(name)}' は使えません ({ja})。08ND77.laz のような名前にしてください。",
        file=_shown(name),
    )


def _shown(name: str) -> str:
    """The name as it can be printed, cut where it is long."""
    return "".join(c if c.isprintable() else "?" for c in name[:80])
